import DICOMCoding
import DICOMCore
import Foundation
import Glibc
import Logging

extension StateDirectory {
    /// Moves a patient's folder to its job. Can be repeated after any failure or crash: what is done is not done again.
    func moveInputs(of job: JobRecord, syncing: Bool) throws {
        guard let id = job.id else { return }
        let inputs = self.job(id) + "/inputs"
        let source = incoming(job.patientFolder)
        if !FileSystem.exists(inputs) {
            try FileSystem.createFolder(self.job(id))
            try FileSystem.rename(source, to: inputs)
        } else if FileSystem.exists(source) {
            throw DICOMError(
                .inputOutput,
                "'\(inputs)' is there already: the ledger is older than the jobs. Move the folder of job \(id) away.")
        }
        guard syncing else { return }
        for folder in [inputs, path + "/incoming", path + "/jobs", self.job(id)] {
            try FileSystem.synchronizeFolder(folder)
        }
    }
}

extension PatientRegistry {
    /// Reads back what a node that ended left: finishes moves that were recorded, collects the instances that are there,
    /// and removes what was never acknowledged.
    func recover() async throws {
        for name in try FileSystem.names(in: directory.temporary) { unlink(directory.temporary + "/" + name) }
        // A ledger that was restored must not give out the number of a job whose folder is there.
        try ledger.raiseJobNumbers(
            above: try FileSystem.names(in: directory.path + "/jobs").compactMap { Int64($0) }.max() ?? 0)
        for job in try await ledger.jobs(in: [.received]) { finishMove(of: job) }
        for job in try await ledger.jobs(in: [.ready, .processing, .exporting, .failed]) {
            if let id = job.id { startedJobs[job.patientFolder, default: []].append(id) }
        }
        startedSeries = try await ledger.jobSeries()
        let known = Dictionary(uniqueKeysWithValues: try await ledger.patients().map { ($0.folder, $0) })
        for folder in try FileSystem.names(in: directory.path + "/incoming")
        where folder != "tmp" && patients[folder] == nil && FileSystem.isDirectory(directory.incoming(folder)) {
            try recover(known[folder] ?? adopted(folder))
        }
    }

    /// A move that fails now is tried again like one of a running node.
    private func finishMove(of job: JobRecord) {
        do {
            try directory.moveInputs(of: job, syncing: configuration.durability == .power)
            if let id = job.id { try ledger.markReady(id) }
        } catch {
            logger.error("The inputs of job \(job.id ?? 0) could not be moved yet: \(error)")
            var patient = CollectedPatient(folder: job.patientFolder, identifier: job.identifier)
            patient.unmovedJob = job
            patient.due = .now + configuration.retryInterval
            patients[job.patientFolder] = patient
        }
    }

    /// A folder that the ledger does not know: what is in it was acknowledged all the same.
    private func adopted(_ folder: String) throws -> PatientRecord {
        let keys = try FileSystem.names(in: directory.incoming(folder)).lazy.compactMap { [self] name in
            (try? DICOMFile.readHeader(directory.incoming(folder) + "/" + name))
                .flatMap { PatientKey($0.dataSet, identifiedBy: configuration.patientIdentifier) }
        }
        let record = PatientRecord(folder: folder, identifier: keys.first?.identifier ?? folder, created: Date())
        try ledger.addPatient(record)
        return record
    }

    private func recover(_ record: PatientRecord) throws {
        var patient = CollectedPatient(folder: record.folder, identifier: record.identifier)
        patient.held = heldReason(record.folder)
        let folder = directory.incoming(record.folder)
        // A name that a crash kept from the disk is safe before a sender is told so again.
        if configuration.durability == .power { try FileSystem.synchronizeFolder(folder) }
        for name in try FileSystem.names(in: folder) { try recoverInstance(folder + "/" + name, &patient) }
        if let aeTitle = record.respondingAETitle, let host = record.respondingHost {
            patient.lastPeer = CollectedPatient.Peer(aeTitle: aeTitle, host: host)
        }
        patient.due = .now + configuration.quietPeriod
        let attributes = try FileManager.default.attributesOfItem(atPath: folder)
        patient.lastChange = attributes[.modificationDate] as? Date ?? Date()
        patients[record.folder] = patient
        logger.info("A patient with \(patient.instances.count) instances was recovered.", metadata: meta(patient))
    }

    /// A job takes the folder as a whole: what no input would use is put aside, lest it is removed with the job; what cannot
    /// be judged now holds the patient until the next start.
    private func recoverInstance(_ path: String, _ patient: inout CollectedPatient) throws {
        do {
            let header = try DICOMFile.readHeader(path).dataSet
            let inputs = try pipeline.inputs(accepting: header)
            if !inputs.isEmpty { return patient.add(StoredInstance(header: header, path: path, inputs: inputs)) }
        } catch let error as DICOMError where error.isOfTheData {
            // Damaged: put aside below.
        } catch {
            patient.held = "'\(path)' cannot be examined; mend the cause and restart."
            logger.error("A patient is held: \(patient.held ?? "") \(type(of: error))", metadata: meta(patient))
            return
        }
        try putAside(path, &patient)
        logger.error("An instance cannot be read or no input accepts it any more: \(patient.held ?? "")")
    }
}

extension DICOMError {
    /// Whether the bytes are at fault, and not the disk or the system, which may be sound again later.
    var isOfTheData: Bool {
        [.malformedDataSet, .truncatedDataSet, .notPart10, .unsupportedTransferSyntax].contains(code)
    }
}
