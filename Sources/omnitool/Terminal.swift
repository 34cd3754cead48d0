import ArgumentParser
import DICOMCore
import DICOMNetwork
import DICOMUpperLayer
import Glibc
import Logging

/// A failure of the work, for the user; the exit status is 1.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// One line on standard error.
func report(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Writes to standard error.
func makeLogger(_ level: Logger.Level = .error) -> Logger {
    var logger = Logger(label: "omnitool") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = level
    return logger
}

/// A bar that is drawn again and again on a terminal, and nothing elsewhere.
struct ProgressBar {
    private let total: Int
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var drawn = -1

    init(total: Int) { self.total = total }

    mutating func show(_ done: Int) {
        let width = 40 * done / max(1, total)
        guard isTerminal, width != drawn || done == total else { return }
        drawn = width
        let bar = String(repeating: "#", count: width) + String(repeating: ".", count: 40 - width)
        let line = Array("\r[\(bar)] \(done)/\(total)\(done == total ? "\n" : "")".utf8)
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

/// Standard output, written in large pieces.
struct StandardOutput {
    private var buffer: [UInt8] = []

    mutating func write(_ text: String) { write(text.utf8) }

    mutating func write(_ bytes: some Collection<UInt8>) {
        buffer += bytes
        if buffer.count >= 64 * 1024 { flush() }
    }

    mutating func flush() {
        var done = 0
        while done < buffer.count {
            let count = buffer[done...].withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // A reader that has seen enough, as head has, ends the output quietly.
            guard count > 0 else { break }
            done += count
        }
        buffer = []
    }
}
