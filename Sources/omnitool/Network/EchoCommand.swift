import ArgumentParser
import DICOMNetwork
import DICOMUpperLayer

struct EchoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo", abstract: "Ask a peer whether it answers (C-ECHO).")

    @OptionGroup var peer: PeerArguments

    @concurrent func run() async throws {
        let status = try await withAssociation(
            to: peer.endpoint, proposing: [.verification], options: peer.options, logger: peer.logger
        ) { try await $0.echo() }
        guard status == .success else { throw Failure("\(peer.endpoint) answered \(status).") }
        print("\(peer.endpoint) answered: success")
    }
}
