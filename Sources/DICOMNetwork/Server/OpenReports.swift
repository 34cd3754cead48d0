import DICOMUpperLayer
import Synchronization

/// Reports of storage commitment that go over the associations of their requests: one at a time, because the peer need not
/// have agreed to more operations at once (PS3.7 D.3.3.3).
final class OpenReports: Sendable {
    struct Report {
        let report: CommitmentReport
        let context: AcceptedContext
    }

    private let state = Mutex((isOpen: false, held: [Report]()))
    private static let limit = 8

    /// Whether the peer must answer reports before it may ask for more.
    var isFull: Bool { state.withLock { $0.held.count >= Self.limit } }

    /// Whether the peer has not answered all.
    var areLeft: Bool { state.withLock(\.isOpen) }

    /// What is to be sent now: the report, unless another one is on its way.
    func add(_ report: Report) -> Report? {
        state.withLock { state in
            if state.isOpen {
                state.held.append(report)
                return nil
            }
            state.isOpen = true
            return report
        }
    }

    /// What is to be sent next, after an answer.
    func answered() -> Report? {
        state.withLock { state in
            if !state.held.isEmpty { return state.held.removeFirst() }
            state.isOpen = false
            return nil
        }
    }
}
