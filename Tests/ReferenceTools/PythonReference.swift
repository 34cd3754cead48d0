import Foundation
import Glibc

/// An independent reference: a Python program with pydicom, NumPy, SciPy, SimpleITK and others, in dev/setup's `.venv`.
public enum PythonReference {
    /// The interpreter that dev/test names, or the one that dev/setup made.
    public static let interpreter =
        ProcessInfo.processInfo.environment["DICOMNODE_PYTHON"] ?? repository + "/.venv/bin/python"

    /// The folder of the checkout.
    public static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// Runs a Python program to its end and returns what it printed.
    ///
    /// - Parameters:
    ///   - program: The text of the program.
    ///   - arguments: Its `sys.argv[1:]`.
    /// - Throws: ``Failure`` with what the program wrote to standard error when it does not end with 0.
    @discardableResult
    public static func run(_ program: String, _ arguments: [String] = []) throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "python-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let script = folder.path + "/program.py"
        try program.write(toFile: script, atomically: false, encoding: .utf8)
        let quoted = ([interpreter, script] + arguments).map { "'" + $0.replacing("'", with: "'\\''") + "'" }
        // By the shell: Foundation's Process is not safe to run from many test threads at once.
        let status = system(
            "\(quoted.joined(separator: " ")) >'\(folder.path)/out' 2>'\(folder.path)/err' </dev/null")
        let output = String(decoding: try Data(contentsOf: folder.appending(path: "out")), as: UTF8.self)
        guard status == 0 else {
            let errors = String(decoding: try Data(contentsOf: folder.appending(path: "err")), as: UTF8.self)
            throw Failure(description: "Python ended with \(status):\n\(errors)")
        }
        return output
    }
}
