import DICOMCore
import Foundation

/// A patient whose instances are being collected.
struct CollectedPatient: Sendable {
    let folder: String
    let identifier: String
    var instances: [UID: StoredInstance] = [:]
    var lastArrival: ContinuousClock.Instant = .now
    /// The same by the clock on the wall, which goes on while the node does not run.
    var lastChange = Date()
    var isExpiryAnnounced = false
    /// When to look at the inputs again without an association being released; `nil`: not before something arrives.
    var due: ContinuousClock.Instant?
    var lastPeer: Peer?
    /// The job that the ledger gave the instances to, as long as their folder could not be moved to it.
    var unmovedJob: JobRecord?
    /// Why no job may start, whatever the inputs say: something in quarantine waits for a decision.
    var held: String?
    /// What was last said to be missing, so that it is logged once.
    var reported: String?

    struct Peer: Sendable, Equatable {
        var aeTitle: String
        var host: String
    }

    mutating func add(_ instance: StoredInstance) { instances[instance.sopInstanceUID] = instance }

    /// Why its instances may be of two patients; `nil` when nothing says so.
    var identityConflict: String? {
        let birthDates = Set(instances.values.compactMap(\.birthDate))
        let sexes = Set(instances.values.compactMap(\.sex))
        guard birthDates.count > 1 || sexes.count > 1 else { return nil }
        return "Its instances have different birth dates or sexes: two patients may share the identifier. "
            + "Correct one at its source and send it again."
    }
}
