import DICOMCoding
import DICOMCore
import Foundation
import Logging

extension PatientRegistry {
    /// The prefix of folders in quarantine whose patient has expired; the seconds since 1970 follow.
    private static let expiredPrefix = "expired-"
    private static let day: Double = 24 * 3600

    /// Moves patients that stayed incomplete into quarantine, and removes them there after a second term: their images
    /// were answered with Success, so nothing goes without being announced first.
    func expire(now: Date = Date()) throws {
        let term = configuration.studyExpiration / .seconds(1)
        for patient in patients.values
        where patient.unmovedJob == nil && !touched.values.contains(where: { $0.contains(patient.folder) }) {
            let age = now.timeIntervalSince(patient.lastChange)
            if age > term {
                do { try quarantineExpired(patient, now) } catch {
                    logger.error("An expired patient could not be moved: \(error)", metadata: meta(patient))
                }
            } else if age > term - Self.day, !patient.isExpiryAnnounced {
                patients[patient.folder]?.isExpiryAnnounced = true
                logger.warning(
                    "A patient with \(patient.instances.count) instances is incomplete and goes into quarantine within a day: \(patient.reported ?? "")",
                    metadata: meta(patient))
            }
        }
        try removeExpired(now, term)
    }

    private func quarantineExpired(_ patient: CollectedPatient, _ now: Date) throws {
        let folder = directory.quarantine(patient.folder)
        try FileSystem.createFolder(folder)
        let target = "\(folder)/\(Self.expiredPrefix)\(Int(now.timeIntervalSince1970))"
        try FileSystem.rename(directory.incoming(patient.folder), to: target)
        // Only now: a patient that the ledger does not know would be left alone after a crash.
        try ledger.removePatient(folder: patient.folder)
        patients[patient.folder] = nil
        logger.error(
            "A patient stayed incomplete; its \(patient.instances.count) instances are in '\(target)' for another term.",
            metadata: meta(patient))
    }

    private func removeExpired(_ now: Date, _ term: Double) throws {
        for patient in try FileSystem.names(in: directory.path + "/quarantine") {
            let folder = directory.quarantine(patient)
            for name in try FileSystem.names(in: folder) {
                guard let expired = Self.expiration(name), now.timeIntervalSince1970 - Double(expired) > term else {
                    continue
                }
                try StateDirectory.remove(folder + "/" + name)
                logger.warning("The expired instances in '\(folder)/\(name)' were removed.")
            }
            if try FileSystem.names(in: folder).isEmpty { try StateDirectory.remove(folder) }
        }
    }

    /// When a patient expired, by the name of its folder in quarantine; `nil` for what contradicts another instance.
    static func expiration(_ name: String) -> Int? {
        name.hasPrefix(expiredPrefix) ? Int(name.dropFirst(expiredPrefix.count)) : nil
    }
}
