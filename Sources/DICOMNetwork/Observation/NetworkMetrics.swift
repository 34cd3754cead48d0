import DICOMUpperLayer
import Metrics
import Synchronization

/// What is counted of one association, with swift-metrics: nothing unless the program has chosen a metrics system.
///
/// Every label has the dimensions `role` (`scp`, `scu`) and `peer` (the AE title of the other side).
struct AssociationMetrics: Sendable {
    private let dimensions: [(String, String)]
    private let bytes: Counter
    private let instances: Counter
    private let storeDuration: Timer
    private let openedAt = ContinuousClock.now

    init(role: String, peer: String) {
        dimensions = [("role", role), ("peer", Self.admitted.label(peer))]
        bytes = Counter(label: "dicom_instance_bytes", dimensions: dimensions)
        instances = Counter(label: "dicom_instances", dimensions: dimensions)
        storeDuration = Timer(label: "dicom_store_duration", dimensions: dimensions)
    }

    func opened() { Counter(label: "dicom_associations", dimensions: dimensions).increment() }

    func closed(_ end: AssociationEnd) {
        Counter(label: "dicom_association_ends", dimensions: dimensions + [("end", end.rawValue)]).increment()
        Timer(label: "dicom_association_duration", dimensions: dimensions).record(duration: openedAt.duration(to: .now))
    }

    func transferred(_ byteCount: Int, _ status: DIMSEStatus, since start: ContinuousClock.Instant) {
        bytes.increment(by: byteCount)
        storeDuration.record(duration: start.duration(to: .now))
        if status == .success {
            instances.increment()
        } else {
            Counter(label: "dicom_instances_not_stored", dimensions: dimensions + [("status", "\(status.rawValue)")])
                .increment()
        }
    }

    /// A peer that was not let in, and why.
    static func rejected(peer: String, reason: String) {
        Counter(label: "dicom_rejections", dimensions: [("peer", rejected.label(peer)), ("reason", reason)]).increment()
    }

    // Those who were let in have their labels whatever others call themselves.
    private static let admitted = PeerLabels(limit: 1000)
    private static let rejected = PeerLabels(limit: 1000)

    /// How many associations there are now.
    static func current(_ count: Int) { Meter(label: "dicom_current_associations").set(count) }
}

/// The AE titles that are labels: metrics systems keep each label for ever, and a peer may call itself anything.
package final class PeerLabels: Sendable {
    private let limit: Int
    private let known = Mutex<Set<String>>([])

    package init(limit: Int) { self.limit = limit }

    /// The title itself, or `other` where there are too many.
    package func label(_ title: String) -> String {
        known.withLock { known in
            if known.count < limit { known.insert(title) }
            return known.contains(title) ? title : "other"
        }
    }
}
