import ArgumentParser
import DICOMCoding
import DICOMCore
import DICOMNetwork
import DICOMUpperLayer
import Logging

struct CommitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "commit", abstract: "Ask a peer to take over the responsibility for images (storage commitment).",
        discussion:
            "Waits for the peer's report on the same association and, with --listen, on one that the peer opens to that port. "
            + "The exit status is 1 if the peer does not commit to all.")

    @OptionGroup var peer: PeerArguments
    @Argument(help: "Files or folders that the peer has.") var paths: [String]
    @Option(help: ArgumentHelp("Listen for the report on this port, too.", valueName: "port")) var listen: Int?
    @Option(help: "The address to listen on.") var address = "0.0.0.0"
    @Option(help: ArgumentHelp("How long to wait for the report.", valueName: "seconds")) var wait = 300

    func validate() throws {
        guard (1...65535).contains(listen ?? 1) else {
            throw ValidationError("The port has to be between 1 and 65535.")
        }
        guard (1...604_800).contains(wait) else {
            throw ValidationError("--wait has to be between 1 and 604800 seconds.")
        }
    }

    @concurrent func run() async throws {
        let files = try instances(below: paths)
        guard !files.isEmpty else { throw Failure("There is no DICOM file to be committed to.") }
        let byUID = Dictionary(files.map { ($0.sopInstanceUID, $0.path) }) { first, _ in first }
        let wanted = files.map { SOPReference(sopClassUID: $0.sopClassUID, sopInstanceUID: $0.sopInstanceUID) }
        let reports = listen == nil ? nil : CommitmentReports()
        let server = try await server(reports)
        defer { server?.shutDown() }
        let report = try await requestCommitment(
            of: wanted, from: peer.endpoint, options: peer.options, reports: reports, timeout: .seconds(wait),
            logger: peer.logger)
        let committed = Set(report.committed)
        for failure in report.failed {
            let path = byUID[failure.instance.sopInstanceUID] ?? failure.instance.sopInstanceUID.string
            omnitool.report("'\(path)' is not committed to: \(failure.reason)")
        }
        let silent = wanted.filter { instance in
            !committed.contains(instance) && !report.failed.contains { $0.instance == instance }
        }
        for instance in silent {
            omnitool.report("'\(byUID[instance.sopInstanceUID] ?? "")' is not in the peer's report.")
        }
        let count = wanted.count(where: committed.contains)
        print("\(count) of \(wanted.count) instances committed")
        if count < wanted.count { throw ExitCode(1) }
    }

    private func server(_ reports: CommitmentReports?) async throws -> AssociationServer? {
        guard let listen, let reports else { return nil }
        var services = Services()
        services.commitmentReports = reports
        var configuration = AssociationServerConfiguration(host: address, port: listen, aeTitle: peer.callingAE)
        configuration.tls = try peer.tls.listening()
        let server = AssociationServer(
            configuration: configuration, services: services, logger: makeLogger())
        let running = Task { try await server.run() }
        do {
            _ = try await server.boundPort
        } catch {
            try await running.value
            throw error
        }
        return server
    }
}
