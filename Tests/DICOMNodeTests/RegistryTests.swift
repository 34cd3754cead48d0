import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMNetwork
import DICOMTesting
import Foundation
import Logging
import Synchronization
import Testing

@testable import DICOMNode

/// Two images and a condition that needs both.
private struct TwoSlices: Pipeline {
    static let configuration = NodeConfiguration(aeTitle: "TEST", port: 0)
    struct Inputs: PipelineInputs {
        @Input(accepting: .modality("CT"), readyWhen: .minimumInstances(2), as: .series) var ct: Series
    }
    func process(_ inputs: Inputs, context: PipelineContext) async throws -> [PipelineOutput] { [] }
}

/// The rules for what arrives, against real files and a real ledger.
struct RegistryTests {
    @Test func twoInstancesBecomeAJobWhenTheAssociationIsReleased() async throws {
        try await withRegistry { world in
            let phantom = try PhantomSeries(slices: 2)
            for slice in 0..<2 { #expect(try await world.arrives(phantom.dataSet(slice: slice)) == "stored") }
            #expect(world.jobs.isEmpty)
            await world.registry.associationClosed(1, .released)
            #expect(world.jobs == [1])
            #expect(try FileSystem.names(in: world.directory.job(1) + "/inputs").count == 2)
            #expect(try FileSystem.names(in: world.directory.path + "/incoming") == ["tmp"])
        }
    }

    @Test func aLostOrAnotherOpenAssociationStartsNothing() async throws {
        try await withRegistry { world in
            let phantom = try PhantomSeries(slices: 3)
            _ = try await world.arrives(phantom.dataSet(slice: 0), association: 1)
            _ = try await world.arrives(phantom.dataSet(slice: 1), association: 2)
            await world.registry.associationClosed(1, .released)
            #expect(world.jobs.isEmpty)
            await world.registry.associationClosed(2, .lost)
            #expect(world.jobs.isEmpty)
            await world.registry.tick()
            #expect(world.jobs.isEmpty)
            _ = try await world.arrives(phantom.dataSet(slice: 2), association: 3)
            await world.registry.associationClosed(3, .released)
            #expect(world.jobs == [1])
        }
    }

    @Test func theSameInstanceAgainChangesNothing() async throws {
        try await withRegistry { world in
            let image = try PhantomSeries(slices: 2).dataSet(slice: 0)
            #expect(try await world.arrives(image) == "stored")
            #expect(try await world.arrives(image) == "known")
            var changed = image
            changed[.seriesDescription] = "corrected"
            #expect(try await world.arrives(changed) == "stored")
            let path = try #require(world.incoming.first)
            #expect(world.incoming.count == 1)
            #expect(try DICOMFile.read(path).dataSet[.seriesDescription] == "corrected")
        }
    }

    /// A sender that heard no answer sends again what a job has: it is acknowledged, and starts nothing.
    @Test func whatAJobHasComesAgain() async throws {
        try await withRegistry { world in
            let phantom = try PhantomSeries(slices: 3)
            for slice in 0..<2 { _ = try await world.arrives(phantom.dataSet(slice: slice)) }
            await world.registry.associationClosed(1, .released)
            #expect(world.jobs == [1])
            for slice in 0..<2 {
                #expect(try await world.arrives(phantom.dataSet(slice: slice), association: 2) == "stored")
            }
            await world.registry.associationClosed(2, .released)
            #expect(world.jobs == [1])
            #expect(world.incoming.isEmpty)
            #expect(try await world.ledger.job(1)?.lateInstances == 0)

            // With one slice more it is the complete series, of which the first job had a part.
            for slice in 0..<3 { _ = try await world.arrives(phantom.dataSet(slice: slice), association: 3) }
            await world.registry.associationClosed(3, .released)
            #expect(world.jobs == [1, 2])
            #expect(try FileSystem.names(in: world.directory.job(2) + "/inputs").count == 3)
            #expect(try await world.ledger.job(1)?.lateInstances == 1)
        }
    }

    /// A job whose folder could not be moved is not recorded twice, and the move is finished by the next start.
    @Test func aMoveThatFailsIsFinishedLater() async throws {
        try await withRegistry { world in
            let phantom = try PhantomSeries(slices: 2)
            for slice in 0..<2 { _ = try await world.arrives(phantom.dataSet(slice: slice)) }
            let jobs = world.directory.path + "/jobs"
            try FileManager.default.moveItem(atPath: jobs, toPath: jobs + "-away")
            try Data().write(to: URL(fileURLWithPath: jobs))
            await world.registry.associationClosed(1, .released)
            #expect(world.jobs.isEmpty)
            #expect(world.incoming.count == 2)
            await #expect(throws: DICOMError.self) {
                try await world.arrives(phantom.dataSet(slice: 0), association: 2)
            }
            try FileManager.default.removeItem(atPath: jobs)
            try FileManager.default.moveItem(atPath: jobs + "-away", toPath: jobs)
            let again = world.anotherRegistry()
            try await again.recover()
            #expect(try await world.ledger.jobs(in: [.ready]).map(\.id) == [1])
            #expect(try await world.ledger.recentJobs(10).count == 1)
            #expect(try FileSystem.names(in: world.directory.job(1) + "/inputs").count == 2)
        }
    }

    @Test func otherPixelsUnderTheSameUIDHoldThePatient() async throws {
        try await withRegistry { world in
            let phantom = try PhantomSeries(slices: 2)
            _ = try await world.arrives(phantom.dataSet(slice: 0))
            var other = phantom.dataSet(slice: 1)
            other[.sopInstanceUID] = phantom.sopInstanceUID(slice: 0)
            #expect(try await world.arrives(other) == "quarantined")
            _ = try await world.arrives(phantom.dataSet(slice: 1))
            await world.registry.associationClosed(1, .released)
            #expect(world.jobs.isEmpty)
            #expect(await world.registry.explanations().first?.reason.contains("contradicts") == true)
            #expect(world.incoming.count == 2)
        }
    }

    @Test func conflictingPatientsAreHeld() async throws {
        try await withRegistry { world in
            let phantom = try PhantomSeries(slices: 2)
            _ = try await world.arrives(phantom.dataSet(slice: 0))
            var other = phantom.dataSet(slice: 1)
            other[.patientBirthDate] = "19000101"
            _ = try await world.arrives(other)
            await world.registry.associationClosed(1, .released)
            #expect(world.jobs.isEmpty)
            #expect(await world.registry.explanations().first?.reason.contains("birth dates") == true)
        }
    }

    @Test func aRestartFindsWhatWasAcknowledged() async throws {
        try await withRegistry { world in
            let phantom = try PhantomSeries(slices: 2)
            _ = try await world.arrives(phantom.dataSet(slice: 0))
            try Data("part".utf8).write(to: URL(fileURLWithPath: world.directory.temporary + "/9.part"))
            let again = world.anotherRegistry()
            try await again.recover()
            #expect(await again.explanations().map(\.instances) == [1])
            #expect(try FileSystem.names(in: world.directory.temporary).isEmpty)
        }
    }

    @Test func anIncompletePatientExpiresInTwoTerms() async throws {
        try await withRegistry { world in
            _ = try await world.arrives(try PhantomSeries(slices: 2).dataSet(slice: 0))
            let day: Double = 24 * 3600
            try await world.registry.expire(now: Date(timeIntervalSinceNow: 13.5 * day))
            #expect(world.incoming.count == 1)
            await world.registry.associationClosed(1, .released)
            try await world.registry.expire(now: Date(timeIntervalSinceNow: 14.5 * day))
            #expect(world.incoming.isEmpty)
            #expect(world.quarantined.count == 1)
            try await world.registry.expire(now: Date(timeIntervalSinceNow: 28 * day))
            #expect(world.quarantined.count == 1)
            try await world.registry.expire(now: Date(timeIntervalSinceNow: 29 * day))
            #expect(world.quarantined.isEmpty)
        }
    }

    /// An identifier that would leave the folder if it were taken for a name.
    @Test func identifiersAreNeverNames() async throws {
        try await withRegistry { world in
            let phantom = try PhantomSeries(slices: 1, patientID: "../../etc/passwd")
            _ = try await world.arrives(phantom.dataSet(slice: 0))
            #expect(world.incoming.count == 1)
            #expect(world.incoming.allSatisfy { !$0.contains("passwd") })
            var status = stat()
            #expect(stat(world.directory.path, &status) == 0 && status.st_mode & 0o777 == 0o700)
        }
    }

    @Test func twoNodesCannotShareAStateDirectory() async throws {
        try await withRegistry { world in
            #expect(throws: DICOMError.self) { try StateDirectory(path: world.directory.path) }
        }
    }
}

/// A registry in a temporary state directory.
private struct World {
    let directory: StateDirectory
    let ledger: Ledger
    let registry: PatientRegistry
    private let started: StartedJobs

    var jobs: [Int64] { started.ids.withLock { $0 } }
    var incoming: [String] { files("incoming") }
    var quarantined: [String] { files("quarantine") }

    init(_ path: String) throws {
        directory = try StateDirectory(path: path)
        ledger = try Ledger(path: directory.ledgerPath)
        started = StartedJobs()
        registry = try Self.registry(directory, ledger, started)
    }

    func anotherRegistry() -> PatientRegistry {
        guard let registry = try? Self.registry(directory, ledger, started) else {
            preconditionFailure("the inputs are declared")
        }
        return registry
    }

    private static func registry(
        _ directory: StateDirectory, _ ledger: Ledger, _ started: StartedJobs
    ) throws -> PatientRegistry {
        PatientRegistry(
            pipeline: try PipelineDefinition(TwoSlices.self), configuration: TwoSlices.configuration,
            directory: directory,
            ledger: ledger, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            jobIsReady: { id in started.ids.withLock { $0.append(id) } })
    }

    /// What the storage service does with a complete instance.
    func arrives(_ image: DataSet, association: UInt64 = 1) async throws -> String {
        let path = directory.temporary + "/\(UUID().uuidString).part"
        try DICOMFile(dataSet: image).write(to: path)
        let key = try #require(PatientKey(image, identifiedBy: .patientID))
        await registry.begin(association, patient: key)
        let instance = StoredInstance(header: image, path: path, inputs: [0])
        var comparison: (path: String, result: InstanceComparison)?
        while true {
            switch try await registry.commit(instance, patient: key, from: nil, comparison: comparison) {
            case .stored: return "stored"
            case .known: return "known"
            case .quarantined: return "quarantined"
            case .compare(let other): comparison = (other, try InstanceComparison(path, other))
            }
        }
    }

    private func files(_ folder: String) -> [String] {
        let root = directory.path + "/" + folder
        return (FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []).filter {
            $0.hasSuffix(".dcm")
        }
        .map { root + "/" + $0 }
    }
}

private final class StartedJobs: Sendable {
    let ids = Mutex<[Int64]>([])
}

private func withRegistry(_ body: (World) async throws -> Void) async throws {
    let path = NSTemporaryDirectory() + "/dicomnode-registry-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(World(path))
}
