import ArgumentParser
import DICOMCore
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

/// `serve`: runs the node until SIGINT or SIGTERM.
struct ServeCommand<P: Pipeline>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "serve", abstract: "Receive, process and deliver until SIGINT or SIGTERM.",
            discussion: "Options may also come from the environment (DICOMNODE_PORT) or a file (--config).")
    }

    @OptionGroup var options: NodeOptions
    @Option(help: "The least important messages that are logged: debug, info, warning, error.") var logLevel: String =
        "info"

    @concurrent func run() async throws {
        let configuration = try await options.apply(to: P.configuration)
        let logger = try makeLogger(logLevel)
        let node = try await Node(P.self, configuration: configuration, logger: logger)
        let announcement = Task {
            let port = try await node.port
            print("listening on \(configuration.address):\(port) as \(configuration.aeTitle)")
            fflush(nil)
        }
        defer { announcement.cancel() }
        // A destination that closes its connection must not end the node.
        signal(SIGPIPE, SIG_IGN)
        try await ServiceGroup(
            configuration: .init(
                services: [.init(service: node, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigint, .sigterm], logger: logger)
        ).run()
    }
}

/// Writes to standard error: standard output is for what a program asked for.
func makeLogger(_ level: String) throws -> Logger {
    guard let level = Logger.Level(rawValue: level) else {
        throw ValidationError("'\(level)' is no log level; use trace, debug, info, notice, warning, error or critical.")
    }
    var logger = Logger(label: "node") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = level
    return logger
}
