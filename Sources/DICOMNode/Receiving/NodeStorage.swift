import CDICOMSystem
import DICOMCoding
import DICOMCore
import DICOMNetwork
import DICOMUpperLayer
import Glibc
import Logging
import NIOPosix
import Synchronization

/// The node's storage service: decides about each instance, and answers Success when it is safe.
final class NodeStorage: StorageService {
    private let pipeline: PipelineDefinition
    private let configuration: NodeConfiguration
    private let directory: StateDirectory
    private let registry: PatientRegistry
    private let made: MadeSeries
    private let logger: Logger
    /// Runs what waits for the disk, so that an event loop never does.
    private let threadPool: NIOThreadPool
    /// Brings names in folders to the disk, each folder once for all who ask.
    private let folders: NaturalBatches<String>
    private let counter = Atomic<UInt64>(0)
    private let known = Mutex<[UInt64: Set<PatientKey>]>([:])

    init(
        pipeline: PipelineDefinition, configuration: NodeConfiguration, directory: StateDirectory,
        registry: PatientRegistry, made: MadeSeries, threadPool: NIOThreadPool, logger: Logger
    ) {
        self.pipeline = pipeline
        self.configuration = configuration
        self.directory = directory
        self.registry = registry
        self.made = made
        self.threadPool = threadPool
        folders = NaturalBatches(threadPool: threadPool) { batch in
            let result = Result { try Self.synchronize(Set(batch), below: directory.path) }
            return batch.map { _ in result }
        }
        self.logger = logger
    }

    func store(_ request: StoreRequest, dataSet: inout IncomingDataSet) async throws -> StoreResponse {
        do {
            return try await receive(request, &dataSet)
        } catch let refusal as Refusal {
            logger.log(level: refusal.level, "An instance was not stored: \(refusal.reason)", metadata: meta(request))
            return StoreResponse(refusal.status, errorComment: refusal.comment)
        } catch let error as DICOMError where error.code == .storageFull || error.code == .inputOutput {
            logger.error("An instance could not be stored: \(error)", metadata: meta(request))
            return StoreResponse(.outOfResources, errorComment: "The node's storage is full or failing")
        } catch let error as DICOMError
            where error.code == .malformedDataSet || error.code == .truncatedDataSet
        {
            logger.warning("An instance cannot be read: \(error)", metadata: meta(request))
            return StoreResponse(.cannotUnderstand, errorComment: "The data set cannot be parsed")
        }
    }

    func associationClosed(_ association: AssociationInfo, _ end: AssociationEnd) async {
        _ = known.withLock { $0.removeValue(forKey: association.id) }
        await registry.associationClosed(association.id, end)
    }

    // MARK: - One instance

    private func receive(_ request: StoreRequest, _ dataSet: inout IncomingDataSet) async throws -> StoreResponse {
        let number = counter.add(1, ordering: .relaxed).newValue
        var incoming = IncomingInstance(request, path: "\(directory.temporary)/\(number).part")
        var admitted: (key: PatientKey, inputs: [Int], header: DataSet)?
        while admitted == nil, let fragment = try await dataSet.next() {
            try incoming.append([fragment])
            if let header = try incoming.header(isComplete: false) {
                admitted = try await admit(header, request)
                try incoming.beginFile()
            }
        }
        while let fragments = try await dataSet.nextFragments() { try incoming.append(fragments) }
        if admitted == nil, let header = try incoming.header(isComplete: true) {
            admitted = try await admit(header, request)
            try incoming.beginFile()
        }
        guard let admitted else { throw Refusal(.cannotUnderstand, "it is empty", comment: "The data set is empty") }
        try await synchronize(incoming)
        let instance = StoredInstance(header: admitted.header, path: incoming.path, inputs: admitted.inputs)
        let commit = try await commit(instance, admitted.key, request)
        switch commit {
        case .stored, .quarantined: incoming.keep()
        case .known, .compare: break
        }
        // Also what was known: its name may be on its way to the disk for another association.
        try await synchronizeFolder(of: admitted.key)
        return StoreResponse(.success)
    }

    /// Whether an instance is wanted, and where it belongs.
    ///
    /// - Throws: ``Refusal`` with the status that says why not.
    private func admit(
        _ header: DataSet, _ request: StoreRequest
    ) async throws -> (key: PatientKey, inputs: [Int], header: DataSet) {
        guard header[.sopClassUID] == request.sopClassUID, header[.sopInstanceUID] == request.sopInstanceUID else {
            throw unmatched(
                "its SOP class or instance UID is missing or differs from the command's",
                "UIDs differ from the command's")
        }
        guard let key = PatientKey(header, identifiedBy: configuration.patientIdentifier) else {
            throw unmatched(
                "it lacks \(configuration.patientIdentifier.tag), which tells patients apart",
                "The patient identifier is missing")
        }
        guard configuration.acceptsOwnResults || !made.contains(header) else {
            throw unmatched("this node made it", "The node made this instance itself")
        }
        guard try byUser({ try pipeline.filter(header) }) else {
            throw Refusal(
                .elementsDiscarded, "the pipeline's filter refuses it", comment: "Refused by the filter", level: .info)
        }
        let inputs = try byUser { try pipeline.inputs(accepting: header) }
        guard !inputs.isEmpty else { throw unmatched("no input accepts it", "No input accepts the instance") }
        let association = request.association.id
        if known.withLock({ $0[association, default: []].insert(key).inserted }) {
            await registry.begin(association, patient: key)
        }
        return (key, inputs, header)
    }

    /// Code of the pipeline: whatever it throws is its failure, not the storage's.
    private func byUser<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch {
            throw Refusal(
                .cannotUnderstand, "the pipeline's code threw \(type(of: error))",
                comment: "The pipeline failed on the instance",
                level: .error)
        }
    }

    private func unmatched(_ reason: String, _ comment: String) -> Refusal {
        let status: DIMSEStatus =
            switch configuration.unmatched {
            case .warn: .dataSetDoesNotMatchSOPClassWarning
            case .lenient: .success
            case .strict: .dataSetDoesNotMatchSOPClass
            }
        return Refusal(status, reason, comment: comment)
    }

    /// Commits, comparing with what is there under the same UID where something is.
    private func commit(
        _ instance: StoredInstance, _ key: PatientKey, _ request: StoreRequest
    ) async throws -> PatientRegistry.Commit {
        var comparison: (path: String, result: InstanceComparison)?
        while true {
            let commit = try await registry.commit(
                instance, patient: key, from: request.association, comparison: comparison)
            guard case .compare(let path) = commit else { return commit }
            let result = try await threadPool.runIfActive { try InstanceComparison(instance.path, path) }
            comparison = (path, result)
        }
    }

    private func synchronize(_ incoming: borrowing IncomingInstance) async throws {
        guard configuration.durability == .power, let descriptor = incoming.descriptor else { return }
        let path = incoming.path
        try await threadPool.runIfActive { try PosixFile.synchronize(descriptor, path) }
    }

    /// Names in one folder by its own sync, in several by one call for their file system.
    private static func synchronize(_ folders: Set<String>, below root: String) throws(DICOMError) {
        if folders.count == 1, let only = folders.first { return try FileSystem.synchronizeFolder(only) }
        let root = try PosixFile(root, O_RDONLY | O_DIRECTORY)
        guard cdicom_syncfs(root.descriptor) == 0 else { throw DICOMError.system("synchronize", root.path) }
    }

    private func synchronizeFolder(of key: PatientKey) async throws {
        guard configuration.durability == .power else { return }
        let folder = directory.incoming(directory.pseudonym(of: key.identifier))
        do {
            try await folders.perform(folder)
        } catch {
            // The folder has become a job's in the meantime: the move has synchronized it when the registry is done with it.
            guard !FileSystem.exists(folder) else { throw error }
            await registry.settle()
        }
    }

    private func meta(_ request: StoreRequest) -> Logger.Metadata {
        [
            "association": "\(request.association.id)", "peer": "\(request.association.peer)",
            "instance": "\(directory.pseudonym(of: request.sopInstanceUID.string).prefix(12))",
        ]
    }
}

/// Why an instance is not stored, and what its sender is told.
private struct Refusal: Error {
    let status: DIMSEStatus
    let reason: String
    let comment: String
    let level: Logger.Level

    init(_ status: DIMSEStatus, _ reason: String, comment: String, level: Logger.Level = .warning) {
        self.status = status
        self.reason = reason
        self.comment = comment
        self.level = level
    }
}

/// The series that this node made: archives route results back, and a node must not work on its own.
final class MadeSeries: Sendable {
    private let series: Mutex<Set<String>>
    private let seed: DerivationSeed

    init(_ series: Set<String>, seed: DerivationSeed) {
        self.series = Mutex(series)
        self.seed = seed
    }

    func insert(_ uids: Set<String>) { series.withLock { $0.formUnion(uids) } }

    func contains(_ header: DataSet) -> Bool {
        if seed.made(header) { return true }
        guard let uid = header[.seriesInstanceUID] else { return false }
        return series.withLock { $0.contains(uid.string) }
    }
}
