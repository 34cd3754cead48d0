import Foundation
import Testing

/// A peer, or one of our servers, with the port that it listens on.
struct Server: Sendable {
    let process: ChildProcess
    let port: String

    /// A script of `Tests/Peers` that says `READY port=…`.
    static func peer(_ script: String, _ arguments: [String] = []) async throws -> Server {
        let process = try ChildProcess(Place.python, [Place.peer(script)] + arguments)
        return Server(process: process, port: try await process.line(matching: "READY port=([0-9]+)", within: 60))
    }

    /// One of our programs that says `listening on …`.
    static func program(_ name: String, _ arguments: [String], environment: [String: String] = [:]) async throws
        -> Server
    {
        let process = try ChildProcess(Place.program(name), arguments, environment: environment)
        return Server(process: process, port: try await process.line(matching: "listening on [^ ]*:([0-9]+) as"))
    }

    static func receive(into folder: String, aeTitle: String = "RECEIVER") async throws -> Server {
        try await program("omnitool", ["receive", "0", aeTitle, "--output", folder, "--address", "127.0.0.1"])
    }

    /// A PlusOne node whose results go to `destination`.
    static func node(
        state: String, destination: String, options: [String] = [], program: String = "PlusOne",
        aeTitle: String = "PLUSONE", port: String = "0", environment: [String: String] = [:]
    ) async throws -> Server {
        try await Self.program(
            program,
            [
                "serve", "--port", port, "--ae-title", aeTitle, "--address", "127.0.0.1", "--state-directory", state,
                "--destination", destination, "--retry-interval", "0.5",
            ] + options, environment: environment)
    }

    func stop() async throws { try await process.stop() }
}

/// Runs a program to its end and returns its status and output.
func run(_ executable: String, _ arguments: [String], within seconds: Double = 180) async throws -> (
    status: Int32, text: String
) {
    let process = try ChildProcess(executable, arguments)
    let status = try await process.status(within: seconds)
    // The reader has seen the end of the output before it notes the end of the process.
    return (status, process.text)
}

func omnitool(_ arguments: String...) async throws -> (status: Int32, text: String) { try await omnitool(arguments) }

func omnitool(_ arguments: [String]) async throws -> (status: Int32, text: String) {
    try await run(Place.program("omnitool"), arguments)
}

/// Runs a script of `Tests/Peers` to its end.
func script(_ name: String, _ arguments: [String], within seconds: Double = 180) async throws -> (
    status: Int32, text: String
) {
    try await run(Place.python, [Place.peer(name)] + arguments, within: seconds)
}

/// Makes a phantom series and returns its folder.
func phantom(in folder: String, _ name: String, _ options: [String] = []) async throws -> String {
    let path = folder + "/" + name
    let made = try await run(Place.program("omnitool"), ["phantom", path] + options)
    try #require(made.status == 0, "\(made.text)")
    return path
}

/// A folder with links to the real CT series, DICOMDIR included.
var philipsCT: String { Place.realData + "/philips-ct" }
