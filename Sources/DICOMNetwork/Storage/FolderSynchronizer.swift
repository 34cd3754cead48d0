import DICOMCoding
package import NIOPosix
import Synchronization

/// Brings the names in folders to the disk for many associations at once: who asks while a folder is on its way to the disk
/// waits for the next time, which does for all that have asked until then.
///
/// A disk takes as long for one name as for a hundred; a timer that gathers them would only make each wait.
package final class FolderSynchronizer: Sendable {
    private let threadPool: NIOThreadPool
    /// Who waits for the next time, of each folder that is on its way now.
    private let waiting = Mutex<[String: [CheckedContinuation<Void, any Error>]]>([:])

    package init(threadPool: NIOThreadPool) { self.threadPool = threadPool }

    /// Returns when all names that were in the folder at the call are on the disk.
    ///
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/inputOutput``.
    package func synchronize(_ folder: String) async throws {
        try await withCheckedThrowingContinuation { continuation in
            let isFirst = waiting.withLock { waiting in
                let isFirst = waiting[folder] == nil
                waiting[folder, default: []] += isFirst ? [] : [continuation]
                return isFirst
            }
            if isFirst { synchronize(folder, for: [continuation]) }
        }
    }

    private func synchronize(_ folder: String, for callers: [CheckedContinuation<Void, any Error>]) {
        threadPool.submit { state in
            var callers = callers
            while !callers.isEmpty {
                let result = Result {
                    guard state == .active else { throw CancellationError() }
                    try FileSystem.synchronizeFolder(folder)
                }
                for caller in callers { caller.resume(with: result) }
                callers = self.next(folder)
            }
        }
    }

    private func next(_ folder: String) -> [CheckedContinuation<Void, any Error>] {
        waiting.withLock { waiting in
            let callers = waiting[folder] ?? []
            waiting[folder] = callers.isEmpty ? nil : []
            return callers
        }
    }
}
