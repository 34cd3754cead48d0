import DICOMCoding
import DICOMCore
import Foundation
import Glibc
import Logging

/// The child process of a job: `<executable> __job FOLDER`.
///
/// It ends when its standard input ends, because then the node is gone; it locks its folder, so that a second child never
/// works beside it; and it sets its own limits.
enum JobChild {
    static func main(_ pipeline: PipelineDefinition, folder path: String) async throws {
        let folder = JobFolder(path: path)
        // Started by hand, the child must not end the group of who started it.
        if getpgrp() != getpid() { setpgid(0, 0) }
        // The node takes the end of the output for the end of the job: `process` may close what it likes.
        _ = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
        endWithStandardInput()
        try lock(folder)
        let order = try JobFolder.read(JobOrder.self, from: folder.order)
        limit(order.limits)
        var logger = Logger(label: "job") { _ in StreamLogHandler.standardError(label: "job") }
        logger[metadataKey: "job"] = "\(order.jobID)"
        let result = try await JobExecution(pipeline: pipeline, order: order, folder: folder, logger: logger).run()
        try JobFolder.write(result, to: folder.result)
    }

    private static func endWithStandardInput() {
        let watcher = Thread {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                // The node is gone: what the job has started ends with it.
                if count == 0 || (count < 0 && errno != EINTR) { kill(0, SIGKILL) }
            }
        }
        watcher.start()
    }

    /// The lock is released by the system when the process ends.
    private static func lock(_ folder: JobFolder) throws {
        let descriptor = open(folder.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw DICOMError.system("open", folder.lock) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw DICOMError(.inputOutput, "Another process works in '\(folder.path)'; end it first.")
        }
    }

    private static func limit(_ limits: NodeConfiguration.JobLimits) {
        // A memory dump would hold patient data.
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        if let memory = limits.memory {
            var space = rlimit(rlim_cur: rlim_t(memory), rlim_max: rlim_t(memory))
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &space)
        }
        alarm(UInt32(clamping: limits.seconds))
    }
}
