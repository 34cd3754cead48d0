import DICOMCoding
import Foundation
import Glibc
import Subprocess
import SystemPackage

/// Starts a child process for a job and waits for its end.
enum JobProcess {
    /// How much of a job's output is kept in its log.
    private static let maximumLogLength = 16 * 1024 * 1024

    /// How a child ended.
    enum Ending: Sendable {
        case succeeded
        /// Why it failed, as a sentence without patient data.
        case failed(String)
    }

    static func run(_ folder: JobFolder) async throws -> Ending {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)]
        let log = try PosixFile(folder.log, O_WRONLY | O_CREAT | O_TRUNC)
        let configuration = Subprocess.Configuration(
            executable: .path("/proc/self/exe"), arguments: ["__job", folder.path],
            environment: .inherit.updating(["SWIFT_BACKTRACE": "enable=yes,registers=none,timeout=5s,color=no"]),
            workingDirectory: FilePath(folder.work), platformOptions: options)
        let descriptor = log.descriptor
        // This executable, whatever stands at its path by now: node and child are always of one build.
        // The writer of the child's standard input stays open as long as this closure runs.
        let result = try await Subprocess.run(
            configuration, input: .inputWriter, output: .sequence, error: .combinedWithOutput
        ) { execution in
            let group = execution.processIdentifier.value
            // Programs that the job has started end with it.
            defer { _ = kill(-group, SIGKILL) }
            var length = 0
            for try await buffer in execution.standardOutput {
                let part = Array(buffer: buffer).prefix(maximumLogLength - length)
                length += part.count
                part.withUnsafeBytes { bytes in _ = write(descriptor, bytes.baseAddress, bytes.count) }
            }
            try await execution.standardInputWriter.finish()
        }
        _ = consume log
        return ending(result.terminationStatus)
    }

    private static func ending(_ status: TerminationStatus) -> Ending {
        switch status {
        case .exited(0): .succeeded
        case .exited(let code): .failed("The process ended with status \(code).")
        case .signaled(SIGALRM): .failed("The job took longer than its limit.")
        case .signaled(let signal):
            .failed(
                "The process was ended by signal \(signal) (\(strsignal(signal).map { String(cString: $0) } ?? "unknown"))."
            )
        }
    }
}

extension [UInt8] {
    fileprivate init(buffer: SubprocessOutputSequence.Buffer) {
        self = buffer.withUnsafeBytes { Array($0) }
    }
}
