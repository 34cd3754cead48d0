import ArgumentParser
import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMUpperLayer
import Synchronization

struct StoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Send files to a peer (C-STORE).",
        discussion:
            "Files are sent as they stand where the peer takes their transfer syntax, and are transcoded where not. Files that "
            + "are no DICOM files, and DICOMDIRs, are named and skipped. The exit status is 1 if any instance was not stored."
    )

    @OptionGroup var peer: PeerArguments
    @Argument(help: "Files or folders.") var paths: [String]
    @Option(help: ArgumentHelp("How many associations send at once.", valueName: "n")) var associations = 1
    @Option(
        help: ArgumentHelp(
            "Send everything in this transfer syntax: a UID or a name such as JPEGLSLossless.", valueName: "name"))
    var transferSyntax: String?
    @Option(
        help: ArgumentHelp(
            "How often what could not be sent is tried again, after 1, 2, 4 … seconds: where the connection failed, or the "
                + "peer has no room for now.",
            valueName: "n"))
    var retries = 0

    func validate() throws {
        guard (1...64).contains(associations) else { throw ValidationError("--associations has to be 1 to 64.") }
        guard (0...20).contains(retries) else { throw ValidationError("--retries has to be 0 to 20.") }
        _ = try transferSyntax.map(omnitool.transferSyntax(named:))
    }

    @concurrent func run() async throws {
        let instances = try instances(below: paths)
        guard !instances.isEmpty else { throw Failure("There is no DICOM file to send.") }
        let start = ContinuousClock.now
        let tally = Tally(total: instances.count)
        try await send(instances, tally)
        tally.summarize(seconds: start.duration(to: .now) / .seconds(1))
        if !tally.isComplete { throw ExitCode(1) }
    }

    private func send(_ instances: [OutgoingInstance], _ tally: Tally) async throws {
        var rest = try await attempt(instances, tally)
        for retry in 0..<retries where !rest.isEmpty {
            report("\(rest.count) instances are tried again in \(1 << retry) s.")
            try await Task.sleep(for: .seconds(1 << retry))
            rest = try await attempt(rest.map(\.instance), tally)
        }
        for (instance, reason) in rest { tally.fail(instance, reason) }
    }

    /// Sends over all associations at once.
    ///
    /// - Returns: What may be tried again, and why it failed.
    private func attempt(_ instances: [OutgoingInstance], _ tally: Tally) async throws -> [Unsent] {
        let syntax = try transferSyntax.map(omnitool.transferSyntax(named:))
        var unsent: [Unsent] = []
        for plan in StorePlan.plans(for: instances, in: syntax) {
            let shares = (0..<associations).map { share in
                stride(from: share, to: plan.instances.count, by: associations).map { plan.instances[$0] }
            }
            unsent += await withTaskGroup(of: [Unsent].self) { tasks in
                for share in shares where !share.isEmpty {
                    tasks.addTask { await send(share, proposing: plan.proposals, tally) }
                }
                return await tasks.reduce(into: []) { $0 += $1 }
            }
        }
        return unsent
    }

    private func send(
        _ instances: [OutgoingInstance], proposing proposals: [PresentationContextProposal], _ tally: Tally
    ) async -> [Unsent] {
        var rest = instances[...]
        var unsent: [Unsent] = []
        var options = peer.options
        options.runsOnEventLoop = true
        do {
            try await withAssociation(
                to: peer.endpoint, proposing: proposals, options: options, logger: peer.logger
            ) { association in
                while let instance = rest.first {
                    do {
                        let result = try await association.store(instance)
                        if result.status.isOutOfResources {
                            unsent.append((instance, "status \(result.status)"))
                        } else {
                            tally.add(instance, result.status)
                        }
                    } catch let error as DICOMError where error.leavesAssociationUsable {
                        tally.fail(instance, "\(error)")
                    }
                    rest.removeFirst()
                }
            }
        } catch {
            if !rest.isEmpty { report("\(error)") }
            unsent += rest.map { ($0, "the association ended before") }
        }
        return unsent
    }
}

private typealias Unsent = (instance: OutgoingInstance, reason: String)

extension DIMSEStatus {
    /// A7xxH: the peer has no room, for now.
    fileprivate var isOutOfResources: Bool { rawValue >> 8 == 0xA7 }
}

/// The DICOM files in files and folders; what is none, and DICOMDIRs, are named and skipped.
func instances(below paths: [String]) throws -> [OutgoingInstance] {
    var instances: [OutgoingInstance] = []
    for path in try FileSystem.files(below: paths) {
        guard DICOMFile.isPart10(path) else {
            guard FileSystem.exists(path) else { throw Failure("'\(path)' does not exist.") }
            report("'\(path)' is skipped: it is no DICOM file.")
            continue
        }
        do {
            let instance = try OutgoingInstance(path: path)
            if instance.sopClassUID == .mediaStorageDirectoryStorage {
                report("'\(path)' is skipped: it is a DICOMDIR.")
            } else {
                instances.append(instance)
            }
        } catch {
            report("'\(path)' is skipped: \(error)")
        }
    }
    return instances
}

/// What became of the instances; of all associations together.
private final class Tally: Sendable {
    private struct Counts {
        var stored = 0
        var bytes = 0
        var progress: ProgressBar
        var done = 0
    }

    private let total: Int
    private let counts: Mutex<Counts>

    init(total: Int) {
        self.total = total
        counts = Mutex(Counts(progress: ProgressBar(total: total)))
    }

    var isComplete: Bool { counts.withLock { $0.stored == total } }

    func add(_ instance: OutgoingInstance, _ status: DIMSEStatus) {
        // Coerced elements (B000H) are stored; a node means by B006H and B007H that it did not.
        guard status == .success || status == .coercionOfDataElements else { return fail(instance, "status \(status)") }
        counts.withLock { counts in
            counts.stored += 1
            counts.bytes += instance.dataSetLength
            counts.done += 1
            counts.progress.show(counts.done)
        }
        if status != .success { report("'\(instance.path)' was stored with \(status).") }
    }

    func fail(_ instance: OutgoingInstance, _ reason: String) {
        report("'\(instance.path)' was not stored: \(reason)")
        counts.withLock { counts in
            counts.done += 1
            counts.progress.show(counts.done)
        }
    }

    func summarize(seconds: Double) {
        let (stored, bytes) = counts.withLock { ($0.stored, $0.bytes) }
        let mebibytes = Double(bytes) / 1_048_576
        let rate = seconds > 0 ? mebibytes / seconds : 0
        func rounded(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
        print(
            "\(stored) of \(total) instances stored, \(rounded(mebibytes)) MiB in \(rounded(seconds)) s (\(rounded(rate)) MiB/s)"
        )
    }
}
