import DICOMCore
import DICOMNetwork
import NIOPosix
import Synchronization
import Testing

/// Work that is gathered while the last batch is under way.
@Suite(.timeLimit(.minutes(1))) struct NaturalBatchesTests {
    private struct Odd: Error {}

    private final class Gate: Sendable {
        let state = Mutex((isHeld: true, calls: 0, sizes: [Int]()))
    }

    /// The first call goes alone; what comes until it is done goes together, and each gets its own result.
    @Test func gathersWhatComesMeanwhile() async throws {
        let pool = NIOThreadPool(numberOfThreads: 4)
        pool.start()
        let gate = Gate()
        let batches = NaturalBatches<Int>(threadPool: pool) { items in
            gate.state.withLock { $0.sizes.append(items.count) }
            while gate.state.withLock({ $0.isHeld }) {}
            return items.map { $0 % 2 == 0 ? .success(()) : .failure(Odd()) }
        }
        try await withThrowingTaskGroup(of: (Int, Bool).self) { group in
            for item in 0..<9 {
                group.addTask {
                    gate.state.withLock { $0.calls += 1 }
                    do { try await batches.perform(item) } catch is Odd { return (item, false) }
                    return (item, true)
                }
            }
            try await eventually("all have begun") { gate.state.withLock { $0.calls == 9 && !$0.sizes.isEmpty } }
            gate.state.withLock { $0.isHeld = false }
            for try await (item, succeeded) in group { #expect(succeeded == (item % 2 == 0)) }
        }
        let found = gate.state.withLock { $0.sizes }
        #expect(found.first == 1 && found.reduce(0, +) == 9, "\(found)")
        try await pool.shutdownGracefully()
        await #expect(throws: CancellationError.self) { try await batches.perform(0) }
    }
}
