import DICOMCore
import Foundation
import GRDB

/// The durable record of patients, jobs and deliveries, from which a node recovers (SQLite, write-ahead log,
/// synchronous FULL: what was recorded survives a power failure).
final class Ledger: Sendable {
    private let database: DatabasePool

    /// Opens or creates the ledger.
    ///
    /// - Throws: `DICOMError` when the file cannot be opened or is damaged.
    init(path: String) throws {
        do {
            var configuration = Configuration()
            // `retry` and `status` write and read beside a running node.
            configuration.busyMode = .timeout(5)
            database = try DatabasePool(path: path, configuration: configuration)
            // GRDB relaxes this to NORMAL when it turns the write-ahead log on, so it is set afterwards.
            try database.barrierWriteWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            try Self.migrator.migrate(database)
        } catch {
            throw DICOMError(
                .inputOutput, "Cannot open the ledger '\(path)'; restore it or choose another state directory.",
                underlying: error)
        }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE patients (
                        folder TEXT PRIMARY KEY, identifier TEXT NOT NULL, created DATETIME NOT NULL,
                        respondingAETitle TEXT, respondingHost TEXT, waitingFor TEXT);
                    CREATE TABLE jobs (
                        id INTEGER PRIMARY KEY AUTOINCREMENT, patientFolder TEXT NOT NULL, identifier TEXT NOT NULL,
                        state TEXT NOT NULL, created DATETIME NOT NULL, attempts INTEGER NOT NULL, failure TEXT,
                        respondingAETitle TEXT, respondingHost TEXT, inputs BLOB NOT NULL,
                        lateInstances INTEGER NOT NULL);
                    CREATE INDEX jobsByState ON jobs(state);
                    CREATE TABLE jobSeries (
                        seriesUID TEXT NOT NULL, jobID INTEGER NOT NULL REFERENCES jobs(id),
                        PRIMARY KEY (seriesUID, jobID)) WITHOUT ROWID;
                    CREATE TABLE deliveries (
                        id INTEGER PRIMARY KEY AUTOINCREMENT, jobID INTEGER NOT NULL REFERENCES jobs(id),
                        "order" BLOB NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
                        nextAttempt DATETIME NOT NULL, failure TEXT);
                    CREATE INDEX deliveriesByState ON deliveries(state, nextAttempt);
                    CREATE INDEX deliveriesByJob ON deliveries(jobID);
                    CREATE TABLE madeSeries (seriesUID TEXT PRIMARY KEY) WITHOUT ROWID;
                    """)
        }
        return migrator
    }
}

// MARK: - Patients

extension Ledger {
    func addPatient(_ patient: PatientRecord) throws {
        try database.write { try patient.insert($0, onConflict: .ignore) }
    }

    func patients() async throws -> [PatientRecord] {
        try await database.read { try PatientRecord.order(sql: "created").fetchAll($0) }
    }

    func updatePatient(folder: String, respondingAETitle: String, respondingHost: String) throws {
        try database.write {
            try $0.execute(
                sql: "UPDATE patients SET respondingAETitle = ?, respondingHost = ? WHERE folder = ?",
                arguments: [respondingAETitle, respondingHost, folder])
        }
    }

    func updatePatient(folder: String, waitingFor reason: String) throws {
        try database.write {
            try $0.execute(sql: "UPDATE patients SET waitingFor = ? WHERE folder = ?", arguments: [reason, folder])
        }
    }

    func removePatient(folder: String) throws {
        _ = try database.write { try PatientRecord.deleteOne($0, key: folder) }
    }
}

// MARK: - Jobs

extension Ledger {
    /// Records that a patient's instances are a job's inputs from now on, and gives the job its number.
    func addJob(_ job: JobRecord, series: Set<String>) throws -> JobRecord {
        try database.write { database in
            var job = job
            try job.insert(database)
            for uid in series {
                try database.execute(
                    sql: "INSERT OR IGNORE INTO jobSeries (seriesUID, jobID) VALUES (?, ?)", arguments: [uid, job.id])
            }
            try PatientRecord.deleteOne(database, key: job.patientFolder)
            return job
        }
    }

    func job(_ id: Int64) async throws -> JobRecord? {
        try await database.read { try JobRecord.fetchOne($0, key: id) }
    }

    func jobs(in states: [JobState]) async throws -> [JobRecord] {
        try await database.read { database in
            try JobRecord.filter(states.contains(Column("state"))).order(Column("id")).fetchAll(database)
        }
    }

    func state(ofJob id: Int64) throws -> JobState? {
        try database.read { try JobState.fetchOne($0, sql: "SELECT state FROM jobs WHERE id = ?", arguments: [id]) }
    }

    /// Gives the next job a number above this one.
    func raiseJobNumbers(above number: Int64) throws {
        try database.write { database in
            let last = try Int64.fetchOne(database, sql: "SELECT seq FROM sqlite_sequence WHERE name = 'jobs'")
            guard (last ?? 0) < number else { return }
            try database.execute(sql: "DELETE FROM sqlite_sequence WHERE name = 'jobs'")
            try database.execute(sql: "INSERT INTO sqlite_sequence (name, seq) VALUES ('jobs', ?)", arguments: [number])
        }
    }

    /// Notes that a job's inputs are in its folder.
    func markReady(_ id: Int64) throws {
        try database.write {
            try $0.execute(sql: "UPDATE jobs SET state = 'ready' WHERE id = ? AND state = 'received'", arguments: [id])
        }
    }

    /// Jobs that are still exporting although each of their deliveries has arrived.
    func deliveredJobs() async throws -> [Int64] {
        try await database.read { database in
            try Int64.fetchAll(
                database,
                sql: """
                    SELECT id FROM jobs WHERE state = 'exporting' AND NOT EXISTS
                        (SELECT 1 FROM deliveries WHERE jobID = jobs.id AND state <> 'delivered')
                    """)
        }
    }

    /// The last jobs, newest first.
    func recentJobs(_ count: Int) async throws -> [JobRecord] {
        try await database.read { try JobRecord.order(Column("id").desc).limit(count).fetchAll($0) }
    }

    /// Records that a job is processed; returns whether it was ready.
    func beginProcessing(_ id: Int64) async throws -> Bool {
        try await database.write { database in
            try database.execute(
                sql: """
                    UPDATE jobs SET state = 'processing', attempts = attempts + 1, failure = NULL
                    WHERE id = ? AND state = 'ready'
                    """, arguments: [id])
            return database.changesCount > 0
        }
    }

    func setState(_ state: JobState, of id: Int64, failure: String? = nil) async throws {
        try await execute("UPDATE jobs SET state = ?, failure = ? WHERE id = ?", [state, failure, id])
    }

    /// Records the outputs of a job and that they are to be delivered, in one step.
    func beginExporting(_ id: Int64, deliveries: [DeliveryOrder], madeSeries: Set<String>) async throws {
        let orders = try deliveries.map { try JSONEncoder().encode($0) }
        try await database.write { database in
            try database.execute(sql: "DELETE FROM deliveries WHERE jobID = ?", arguments: [id])
            for order in orders {
                var record = DeliveryRecord(jobID: id, order: order, nextAttempt: Date())
                try record.insert(database)
            }
            for uid in madeSeries {
                try database.execute(sql: "INSERT OR IGNORE INTO madeSeries (seriesUID) VALUES (?)", arguments: [uid])
            }
            try database.execute(sql: "UPDATE jobs SET state = 'exporting' WHERE id = ?", arguments: [id])
        }
    }

    /// Notes that an instance of a series came after the series' job had started; returns the job.
    func noteLateInstance(series: String) throws -> Int64? {
        try database.write { database in
            let id = try Int64.fetchOne(
                database, sql: "SELECT MAX(jobID) FROM jobSeries WHERE seriesUID = ?", arguments: [series])
            guard let id else { return nil }
            try database.execute(sql: "UPDATE jobs SET lateInstances = lateInstances + 1 WHERE id = ?", arguments: [id])
            return id
        }
    }

    func jobSeries() async throws -> Set<String> {
        try await database.read { Set(try String.fetchAll($0, sql: "SELECT DISTINCT seriesUID FROM jobSeries")) }
    }

    func madeSeries() async throws -> Set<String> {
        try await database.read { Set(try String.fetchAll($0, sql: "SELECT seriesUID FROM madeSeries")) }
    }

    private func execute(_ sql: String, _ arguments: StatementArguments) async throws {
        try await database.write { try $0.execute(sql: sql, arguments: arguments) }
    }
}

// MARK: - Deliveries

extension Ledger {
    func deliveries(of job: Int64) async throws -> [DeliveryRecord] {
        try await database.read { try DeliveryRecord.filter(Column("jobID") == job).order(Column("id")).fetchAll($0) }
    }

    /// The deliveries that may be attempted at this time.
    func dueDeliveries(_ now: Date) async throws -> [DeliveryRecord] {
        try await database.read { database in
            try DeliveryRecord.filter(Column("state") == DeliveryState.pending).filter(Column("nextAttempt") <= now)
                .order(Column("id")).fetchAll(database)
        }
    }

    func update(_ delivery: DeliveryRecord) async throws {
        try await database.write { try delivery.update($0) }
    }

    /// Brings a failed job back to ready, or its refused deliveries back to pending; returns whether there was one.
    func retry(job id: Int64) async throws -> Bool {
        try await database.write { database in
            try database.execute(
                sql: "UPDATE jobs SET state = 'ready' WHERE id = ? AND state = 'failed'", arguments: [id])
            var changes = database.changesCount
            try database.execute(
                sql:
                    "UPDATE deliveries SET state = 'pending', nextAttempt = ? WHERE jobID = ? AND state <> 'delivered'",
                arguments: [Date(), id])
            changes += database.changesCount
            return changes > 0
        }
    }
}
