import DICOMCoding
import DICOMCore
import DICOMNetwork
import Foundation
import Logging

/// Owns the patients whose instances are being collected: all changes of the folders below `incoming`, and the decision
/// that a patient's inputs are complete, are made here, one after the other.
actor PatientRegistry {
    let pipeline: PipelineDefinition
    let configuration: NodeConfiguration
    let directory: StateDirectory
    let ledger: Ledger
    let logger: Logger
    private let jobIsReady: @Sendable (Int64) -> Void
    var patients: [String: CollectedPatient] = [:]
    /// The patients that each live association has added to.
    private(set) var touched: [UInt64: Set<String>] = [:]
    /// The series that jobs have started with.
    var startedSeries: Set<String> = []
    /// The jobs of each patient whose inputs may still be there.
    var startedJobs: [String: [Int64]] = [:]

    init(
        pipeline: PipelineDefinition, configuration: NodeConfiguration, directory: StateDirectory, ledger: Ledger,
        logger: Logger, jobIsReady: @escaping @Sendable (Int64) -> Void
    ) {
        self.pipeline = pipeline
        self.configuration = configuration
        self.directory = directory
        self.ledger = ledger
        self.logger = logger
        self.jobIsReady = jobIsReady
    }
}

// MARK: - Arrival

extension PatientRegistry {
    /// What became of an instance.
    enum Commit: Sendable {
        case stored
        /// The same instance was there already.
        case known
        /// Another one with this UID is there: compare with it and come again.
        case compare(with: String)
        /// It contradicts the one that is there, and was put aside.
        case quarantined
    }

    /// Notes that an association is adding to a patient: no job starts before it is released.
    func begin(_ association: UInt64, patient key: PatientKey) {
        touched[association, default: []].insert(directory.pseudonym(of: key.identifier))
    }

    /// Moves a complete file into the patient's folder.
    ///
    /// - Parameter comparison: How it differs from the file at `comparedPath`, where it was compared with one.
    func commit(
        _ instance: StoredInstance, patient key: PatientKey, from association: AssociationInfo?,
        comparison: (path: String, result: InstanceComparison)?
    ) throws -> Commit {
        let folder = directory.pseudonym(of: key.identifier)
        var instance = instance
        if patients[folder]?.instances[instance.sopInstanceUID] == nil {
            switch job(having: instance, folder, comparison) {
            case .none: break
            case .same(let job): instance.job = job
            case .compare(let path): return .compare(with: path)
            }
        }
        var patient = try patients[folder] ?? newPatient(folder, key)
        guard patient.unmovedJob == nil else {
            throw DICOMError(
                .inputOutput, "The patient's instances could not be moved to their job yet; send again later.")
        }
        defer { patients[folder] = patient }
        patient.lastArrival = .now
        patient.lastChange = Date()
        patient.isExpiryAnnounced = false
        patient.due = .now + configuration.quietPeriod
        if let association { try note(association, &patient) }

        if let existing = patient.instances[instance.sopInstanceUID] {
            guard let comparison, comparison.path == existing.path else { return .compare(with: existing.path) }
            switch comparison.result {
            case .same: return .known
            case .pixelData:
                try quarantine(instance, &patient)
                return .quarantined
            case .header:
                logger.warning(
                    "An instance came again with another header: it replaces the first.",
                    metadata: meta(patient, instance))
            }
        }
        try place(instance, &patient)
        return .stored
    }

    /// Whether a job of the patient has this instance already, as when a sender that heard no answer sends it again.
    private func job(
        having instance: StoredInstance, _ folder: String, _ comparison: (path: String, result: InstanceComparison)?
    ) -> JobMatch {
        let name = StoredInstance.fileName(of: instance.sopInstanceUID, directory)
        // The newest job is what the sender means.
        for job in (startedJobs[folder] ?? []).reversed() {
            let path = directory.job(job) + "/inputs/" + name
            guard FileSystem.exists(path) else { continue }
            guard let comparison, comparison.path == path else { return .compare(with: path) }
            if case .same = comparison.result { return .same(job) }
            return .none
        }
        return .none
    }

    private enum JobMatch {
        case none
        case same(Int64)
        case compare(with: String)
    }

    private func note(_ association: AssociationInfo, _ patient: inout CollectedPatient) throws {
        let peer = CollectedPatient.Peer(aeTitle: association.callingAETitle, host: association.peerHost)
        guard patient.lastPeer != peer else { return }
        do {
            try ledger.updatePatient(folder: patient.folder, respondingAETitle: peer.aeTitle, respondingHost: peer.host)
        } catch { throw DICOMError(.inputOutput, "The ledger could not be written.", underlying: error) }
        patient.lastPeer = peer
    }

    private func newPatient(_ folder: String, _ key: PatientKey) throws -> CollectedPatient {
        do {
            try ledger.addPatient(PatientRecord(folder: folder, identifier: key.identifier, created: Date()))
        } catch { throw DICOMError(.inputOutput, "The ledger could not be written.", underlying: error) }
        try FileSystem.createFolder(directory.incoming(folder))
        if configuration.durability == .power { try FileSystem.synchronizeFolder(directory.path + "/incoming") }
        var patient = CollectedPatient(folder: folder, identifier: key.identifier)
        patient.held = heldReason(folder)
        return patient
    }

    private func place(_ instance: StoredInstance, _ patient: inout CollectedPatient) throws {
        let name = StoredInstance.fileName(of: instance.sopInstanceUID, directory)
        let path = directory.incoming(patient.folder) + "/" + name
        try FileSystem.rename(instance.path, to: path)
        var stored = instance
        stored.path = path
        patient.add(stored)
        if instance.job == nil, startedSeries.contains(instance.seriesInstanceUID.string) { noteLate(stored, patient) }
    }

    /// Keeps an instance whose pixels differ from those that are there under the same UID: one of the two is wrong.
    private func quarantine(_ instance: StoredInstance, _ patient: inout CollectedPatient) throws {
        try putAside(instance.path, &patient)
        logger.error("An instance was put into quarantine: \(patient.held ?? "")", metadata: meta(patient, instance))
    }

    func putAside(_ path: String, _ patient: inout CollectedPatient) throws {
        let folder = directory.quarantine(patient.folder)
        try FileSystem.createFolder(folder)
        let name = path.split(separator: "/").last ?? ""
        try FileSystem.rename(path, to: "\(folder)/\(UUID().uuidString)-\(name)")
        patient.held = heldReason(patient.folder)
        try FileSystem.synchronizeFolder(folder)
        try FileSystem.synchronizeFolder(directory.path + "/quarantine")
    }

    /// A patient with something in quarantine is held until someone has decided which of the instances is right.
    func heldReason(_ folder: String) -> String? {
        let path = directory.quarantine(folder)
        guard let names = try? FileSystem.names(in: path), names.contains(where: { Self.expiration($0) == nil }) else {
            return nil
        }
        return
            "What is in '\(path)' contradicts an instance that is there, or cannot be read. Remove what is wrong and restart."
    }

    private func noteLate(_ instance: StoredInstance, _ patient: CollectedPatient) {
        do {
            guard let job = try ledger.noteLateInstance(series: instance.seriesInstanceUID.string) else { return }
            logger.warning(
                "An instance came after the job of its series had started: that result is built from incomplete input.",
                metadata: meta(patient, instance).merging(["job": "\(job)"]) { $1 })
        } catch { logger.error("The ledger could not be written: \(error)") }
    }

    func meta(_ patient: CollectedPatient, _ instance: StoredInstance? = nil) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["patient": "\(patient.folder.prefix(12))"]
        if let instance {
            metadata["instance"] = "\(directory.pseudonym(of: instance.sopInstanceUID.string).prefix(12))"
        }
        return metadata
    }
}

// MARK: - Completion

extension PatientRegistry {
    /// Looks at the patients that an association has added to, when it was released; after one that was lost, only the
    /// quiet period does.
    func associationClosed(_ association: UInt64, _ end: AssociationEnd) {
        let folders = touched.removeValue(forKey: association) ?? []
        guard end == .released else { return }
        for folder in folders where !touched.values.contains(where: { $0.contains(folder) }) { evaluate(folder) }
    }

    /// Looks at the patients whose quiet or settle time is over.
    func tick() {
        let now = ContinuousClock.now
        for (folder, patient) in patients where patient.due.map({ $0 <= now }) ?? false { evaluate(folder) }
    }

    /// Starts the job of a patient whose inputs are all ready; otherwise says what is missing.
    private func evaluate(_ folder: String) {
        guard var patient = patients[folder], !patient.instances.isEmpty || patient.unmovedJob != nil else { return }
        patient.due = nil
        if patient.unmovedJob == nil, let job = jobHavingAll(of: patient) { return drop(patient, known: job) }
        let verdict = patient.unmovedJob == nil ? verdict(of: patient) : .ready
        switch verdict {
        case .ready:
            do {
                try startJob(&patient)
                patients[folder] = nil
                return
            } catch {
                logger.error("A job could not be started, the patient waits: \(error)", metadata: meta(patient))
                patient.due = .now + configuration.retryInterval
            }
        case .settling(let due): patient.due = due
        case .waiting(let reason):
            report(reason, &patient)
        }
        patients[folder] = patient
    }

    /// The job under way whose inputs these instances are, all of them, to the byte.
    private func jobHavingAll(of patient: CollectedPatient) -> Int64? {
        guard let job = patient.instances.values.first?.job, patient.instances.values.allSatisfy({ $0.job == job }),
            let state = try? ledger.state(ofJob: job), state != .failed, state != .done
        else { return nil }
        return job
    }

    /// Ends a collection that only repeats what a job has: nothing in it is new.
    private func drop(_ patient: CollectedPatient, known job: Int64) {
        do {
            try ledger.removePatient(folder: patient.folder)
            patients[patient.folder] = nil
            try StateDirectory.remove(directory.incoming(patient.folder))
            logger.info(
                "\(patient.instances.count) instances came again; job \(job) has them.", metadata: meta(patient))
        } catch { logger.error("What came again could not be removed: \(error)", metadata: meta(patient)) }
    }

    /// Returns when what the registry does now is done: a move that a caller saw half of is complete then.
    func settle() {}

    /// Says what is missing, once in the log, and in the ledger for `status`.
    private func report(_ reason: String, _ patient: inout CollectedPatient) {
        guard reason != patient.reported else { return }
        patient.reported = reason
        logger.info("A patient waits: \(reason)", metadata: meta(patient))
        do {
            try ledger.updatePatient(folder: patient.folder, waitingFor: reason)
        } catch { logger.error("The ledger could not be written: \(error)") }
    }

    private func verdict(of patient: CollectedPatient) -> Readiness.Verdict {
        if let held = patient.held { return .waiting(held) }
        if let conflict = patient.identityConflict { return .waiting(conflict) }
        var missing: [String] = []
        var due: ContinuousClock.Instant?
        for (index, input) in pipeline.inputs.enumerated() {
            let instances = patient.instances.values.filter { $0.inputs.contains(index) }
            do {
                switch try pipeline.verdict(
                    ofInput: index, InputState(instances: instances, lastArrival: patient.lastArrival))
                {
                case .ready: break
                case .waiting(let reason): missing.append("Input '\(input.name)': \(reason)")
                case .settling(let instant): due = max(due ?? instant, instant)
                }
            } catch {
                missing.append("Input '\(input.name)': its readiness threw \(type(of: error)).")
            }
        }
        if !missing.isEmpty { return .waiting(missing.joined(separator: " ")) }
        return due.map { .settling($0) } ?? .ready
    }

    /// Hands the patient's instances to a job: first the ledger, then the folder, which moves as a whole.
    private func startJob(_ patient: inout CollectedPatient) throws {
        let job = try patient.unmovedJob ?? recordJob(patient)
        patient.unmovedJob = job
        try directory.moveInputs(of: job, syncing: configuration.durability == .power)
        guard let id = job.id else { return }
        try ledger.markReady(id)
        startedJobs[patient.folder, default: []].append(id)
        logger.info(
            "A patient is complete: job \(id) has \(patient.instances.count) instances.",
            metadata: meta(patient).merging(["job": "\(id)"]) { $1 })
        jobIsReady(id)
    }

    private func recordJob(_ patient: CollectedPatient) throws -> JobRecord {
        var files: [String: [String]] = [:]
        for (index, input) in pipeline.inputs.enumerated() {
            files[input.name] = patient.instances.values.filter { $0.inputs.contains(index) }
                .map { String($0.path.split(separator: "/").last ?? "") }.sorted()
        }
        let series = Set(patient.instances.values.map(\.seriesInstanceUID.string))
        let job = try ledger.addJob(
            JobRecord(
                patientFolder: patient.folder, identifier: patient.identifier, state: .received, created: Date(),
                respondingAETitle: patient.lastPeer?.aeTitle, respondingHost: patient.lastPeer?.host,
                inputs: try JSONEncoder().encode(files)),
            series: series)
        startedSeries.formUnion(series)
        return job
    }

    /// What each patient waits for.
    func explanations() -> [(folder: String, instances: Int, reason: String)] {
        patients.values.map { patient in
            let reason = if case .waiting(let reason) = verdict(of: patient) { reason } else { "It is ready." }
            return (patient.folder, patient.instances.count, reason)
        }
    }
}
