import Foundation
import Synchronization
import Testing

/// A program that a test has started: its output is collected, and it is ended with the test.
final class ChildProcess: Sendable {
    private let process: Process
    private let input: Pipe
    private let state = State()

    /// What the reading thread shares with this object, which it must not keep alive: a test that throws ends its children
    /// by letting go of them.
    private final class State: Sendable {
        let output = Mutex<String>("")
        let ended = Mutex<Bool>(false)
    }

    /// Starts a program; standard output and standard error are collected together.
    init(_ executable: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        process = Process()
        input = Pipe()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        // DCMTK waits 40 ms for each small packet without it.
        process.environment = ProcessInfo.processInfo.environment.merging(["TCP_NODELAY": "1"]) { $1 }
            .merging(environment) { $1 }
        process.standardInput = input
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let reader = Thread { [state, process] in
            while case let data = pipe.fileHandleForReading.availableData, !data.isEmpty {
                state.output.withLock { $0 += String(decoding: data, as: UTF8.self) }
            }
            process.waitUntilExit()
            state.ended.withLock { $0 = true }
        }
        reader.start()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    var text: String { state.output.withLock { $0 } }
    var identifier: Int32 { process.processIdentifier }
    var isRunning: Bool { !state.ended.withLock { $0 } }

    /// Waits for the end, at most so long; returns the exit status, negative for a signal.
    @discardableResult
    func status(within seconds: Double = 120) async throws -> Int32 {
        try await wait("the end of \(process.executableURL?.lastPathComponent ?? "a process")", seconds, self) {
            !self.isRunning
        }
        return process.terminationReason == .uncaughtSignal ? -process.terminationStatus : process.terminationStatus
    }

    /// Waits for a line of the output that matches; returns what the first group captured.
    func line(matching pattern: String, within seconds: Double = 30) async throws -> String {
        let regex = try NSRegularExpression(pattern: pattern)
        var found: String?
        try await wait("'\(pattern)'", seconds, self) {
            let text = self.text
            guard let match = regex.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)),
                let range = Range(match.range(at: match.numberOfRanges > 1 ? 1 : 0), in: text)
            else { return false }
            found = String(text[range])
            return true
        }
        return try #require(found)
    }

    /// How often the output has this text.
    func count(of part: String) -> Int { text.components(separatedBy: part).count - 1 }

    func signal(_ number: Int32) { if isRunning { kill(process.processIdentifier, number) } }

    /// Ends a peer: by the end of its standard input, then by SIGTERM.
    func stop() async throws {
        try? input.fileHandleForWriting.close()
        signal(SIGTERM)
        try await status(within: 60)
    }

    func closeInput() { try? input.fileHandleForWriting.close() }
}

/// Waits until a condition holds; fails with what the process has said when it does not in time.
func wait(
    _ what: String, _ seconds: Double = 30, _ process: ChildProcess? = nil, until condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while try await !condition() {
        guard .now < deadline else { throw TimedOut(what: what, output: process?.text ?? "") }
        try await Task.sleep(for: .milliseconds(10))
    }
}

struct TimedOut: Error, CustomStringConvertible {
    let what: String
    let output: String
    var description: String { "Waited in vain for \(what). The process said:\n\(output.suffix(4000))" }
}

/// Where things are.
enum Place {
    /// The folder of the built executables.
    static let products: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().path
    }()
    static let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    static let python =
        ProcessInfo.processInfo.environment["DICOMNODE_PYTHON"] ?? checkout + "/.venv/bin/python"
    static let realData = checkout + "/../shared/data"
    static var hasRealData: Bool { FileManager.default.fileExists(atPath: realData) }

    static func program(_ name: String) -> String { products + "/" + name }
    static func peer(_ name: String) -> String { checkout + "/Tests/Peers/" + name }
}

/// A temporary folder for one test, removed at its end.
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let folder = NSTemporaryDirectory() + "/dicomnode-interop-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}

/// The files below a folder.
func files(below folder: String) -> [String] {
    let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return names.map { folder + "/" + $0 }.filter {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: $0, isDirectory: &isFolder) && !isFolder.boolValue
    }.sorted()
}
