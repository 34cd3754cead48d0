import ArgumentParser
import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMUpperLayer

struct StoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Send files to a peer (C-STORE).",
        discussion: "Files that are no DICOM files, and DICOMDIRs, are named and skipped. The exit status is 1 if any "
            + "instance was not stored.")

    @OptionGroup var peer: PeerArguments
    @Argument(help: "Files or folders.") var paths: [String]

    @concurrent func run() async throws {
        let instances = try collect()
        guard !instances.isEmpty else { throw Failure("There is no DICOM file to send.") }
        let clock = ContinuousClock()
        let start = clock.now
        let tally = try await send(instances)
        tally.summarize(total: instances.count, seconds: (clock.now - start) / .seconds(1))
        if tally.stored != instances.count { throw ExitCode(1) }
    }

    private func collect() throws -> [OutgoingInstance] {
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

    private func send(_ instances: [OutgoingInstance]) async throws -> Tally {
        var tally = Tally()
        var progress = ProgressBar(total: instances.count)
        for plan in StorePlan.plans(for: instances) {
            var rest = plan.instances[...]
            do {
                try await withAssociation(
                    to: peer.endpoint, proposing: plan.proposals, options: peer.options, logger: makeLogger()
                ) { association in
                    while let instance = rest.first {
                        do {
                            tally.add(instance, try await association.store(instance).status)
                        } catch let error as DICOMError where error.code == .noAcceptedContext {
                            tally.fail(instance, "\(error)")
                        }
                        rest.removeFirst()
                        progress.show(tally.done)
                    }
                }
            } catch {
                report("\(error)")
                for instance in rest { tally.fail(instance, "the association ended before") }
            }
        }
        return tally
    }
}

/// What became of the instances.
private struct Tally {
    private(set) var stored = 0
    private(set) var done = 0
    private var bytes = 0

    mutating func add(_ instance: OutgoingInstance, _ status: DIMSEStatus) {
        // Coerced elements (B000H) are stored; a node means by B006H and B007H that it did not.
        guard status == .success || status == .coercionOfDataElements else { return fail(instance, "status \(status)") }
        done += 1
        stored += 1
        bytes += instance.dataSetLength
        if status != .success { report("'\(instance.path)' was stored with \(status).") }
    }

    mutating func fail(_ instance: OutgoingInstance, _ reason: String) {
        done += 1
        report("'\(instance.path)' was not stored: \(reason)")
    }

    func summarize(total: Int, seconds: Double) {
        let mebibytes = Double(bytes) / 1_048_576
        let rate = seconds > 0 ? mebibytes / seconds : 0
        func rounded(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
        print(
            "\(stored) of \(total) instances stored, \(rounded(mebibytes)) MiB in \(rounded(seconds)) s (\(rounded(rate)) MiB/s)"
        )
    }
}
