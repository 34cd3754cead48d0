import Foundation
import GRDB

/// A patient whose instances are being collected.
struct PatientRecord: Codable, FetchableRecord, PersistableRecord, Sendable {
    static let databaseTableName = "patients"

    /// The name of the folder below `incoming`: a keyed hash, safe whatever the identifier contains.
    var folder: String
    /// What the instances share: the identifier and its issuer.
    var identifier: String
    var created: Date
    /// The last peer that sent to the patient: AE title and host.
    var respondingAETitle: String?
    var respondingHost: String?
    /// What its inputs lack, for `status`.
    var waitingFor: String?
}

/// How far a job has come. Each state is recorded before it is acted upon.
enum JobState: String, Codable, DatabaseValueConvertible, Sendable {
    /// The inputs are complete; they belong to the job from here on, but their folder may not have moved yet.
    case received
    /// The inputs are in the job's folder.
    case ready
    /// A child process works on it.
    case processing
    /// The outputs are complete and on their way.
    case exporting
    /// Everything was delivered; inputs and outputs are removed.
    case done
    /// `process` failed; the inputs are kept.
    case failed
}

/// One job: the complete inputs of one patient.
struct JobRecord: Codable, FetchableRecord, MutablePersistableRecord, Sendable {
    static let databaseTableName = "jobs"

    var id: Int64?
    /// The patient's folder name, which the inputs came from.
    var patientFolder: String
    var identifier: String
    var state: JobState
    var created: Date
    /// How often it was processed.
    var attempts: Int = 0
    /// Why it failed, without patient data.
    var failure: String?
    /// The last peer that sent to the patient: AE title and host.
    var respondingAETitle: String?
    var respondingHost: String?
    /// The names of the files of each input, as JSON.
    var inputs: Data
    /// How many instances of its series came after it had started.
    var lateInstances: Int = 0

    mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}

/// How far a delivery has come.
enum DeliveryState: String, Codable, DatabaseValueConvertible, Sendable {
    case pending
    case delivered
    /// The destination refused an instance for good; the outputs are kept.
    case refused
}

/// One output on its way to one destination.
struct DeliveryRecord: Codable, FetchableRecord, MutablePersistableRecord, Sendable {
    static let databaseTableName = "deliveries"

    var id: Int64?
    var jobID: Int64
    /// What is delivered, and where to, as JSON of ``DeliveryOrder``.
    var order: Data
    var state: DeliveryState = .pending
    var attempts: Int = 0
    var nextAttempt: Date
    /// Why the last attempt failed.
    var failure: String?

    mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}

/// What is delivered where: the part of a delivery that does not change.
struct DeliveryOrder: Codable, Sendable, Hashable {
    enum Target: Codable, Sendable, Hashable {
        case endpoint(host: String, port: Int, aeTitle: String)
        case folder(String)
    }

    var target: Target
    /// The Part 10 files, relative to the job's `outputs` folder, and their paths below a target folder.
    var files: [File]

    struct File: Codable, Sendable, Hashable {
        var path: String
        var name: String?
    }
}
