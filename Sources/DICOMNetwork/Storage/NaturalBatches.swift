package import NIOPosix
import Synchronization

/// Does one piece of work for many associations at once: what is asked for while a batch is under way waits for the next
/// one, which takes all that has come until then.
///
/// A disk takes as long for one name as for a hundred; a timer that gathers them would only make each wait.
package final class NaturalBatches<Item: Sendable>: Sendable {
    private struct Call: Sendable {
        let item: Item
        let continuation: CheckedContinuation<Void, any Error>
    }

    private let threadPool: NIOThreadPool
    private let work: @Sendable ([Item]) -> [Result<Void, any Error>]
    /// What waits for the next batch while one is under way; `nil` while none is.
    private let waiting = Mutex<[Call]?>(nil)

    /// - Parameter work: Runs on a thread of the pool, one batch at a time; has a result for each item, in order.
    package init(
        threadPool: NIOThreadPool, work: @escaping @Sendable ([Item]) -> [Result<Void, any Error>]
    ) {
        self.threadPool = threadPool
        self.work = work
    }

    /// Returns when the item's batch is done.
    ///
    /// - Throws: What the work has as the item's result; `CancellationError` when the thread pool has ended.
    package func perform(_ item: Item) async throws {
        try await withCheckedThrowingContinuation { continuation in
            let call = Call(item: item, continuation: continuation)
            let isFirst = waiting.withLock { waiting in
                guard waiting != nil else {
                    waiting = []
                    return true
                }
                waiting?.append(call)
                return false
            }
            if isFirst { run([call]) }
        }
    }

    private func run(_ first: [Call]) {
        threadPool.submit { [self] state in
            var batch = first
            while !batch.isEmpty {
                let results = state == .active ? work(batch.map(\.item)) : []
                for (index, call) in batch.enumerated() {
                    call.continuation.resume(
                        with: index < results.count ? results[index] : .failure(CancellationError()))
                }
                batch = next()
            }
        }
    }

    private func next() -> [Call] {
        waiting.withLock { waiting in
            let batch = waiting ?? []
            waiting = batch.isEmpty ? nil : []
            return batch
        }
    }
}
