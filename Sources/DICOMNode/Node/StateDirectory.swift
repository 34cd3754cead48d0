import Crypto
import DICOMCoding
import DICOMCore
import Foundation
import Glibc

/// The folder that holds everything a node keeps; locked while the node runs, private to the user.
///
/// ```
/// ledger.sqlite                     patients, jobs, deliveries
/// lock  secret                      one node at a time; the key of the hashes in names and logs
/// incoming/tmp  incoming/<patient>/ instances, complete under their SOP Instance UID
/// jobs/<id>/inputs|outputs|work|log.txt|job.json
/// quarantine/<patient>/             what contradicts an instance that is there, and what has expired
/// ```
final class StateDirectory: Sendable {
    let path: String
    /// Held as long as the node runs; the system releases it however the process ends.
    private let lock: CInt
    private let secret: SymmetricKey

    var ledgerPath: String { path + "/ledger.sqlite" }
    var temporary: String { path + "/incoming/tmp" }
    func incoming(_ patient: String) -> String { "\(path)/incoming/\(patient)" }
    func quarantine(_ patient: String) -> String { "\(path)/quarantine/\(patient)" }
    func job(_ id: Int64) -> String { "\(path)/jobs/\(id)" }

    /// Creates what is missing and takes the lock.
    ///
    /// - Throws: `DICOMError` when the folder cannot be used or another node uses it.
    init(path relative: String) throws {
        // A child process has another working directory.
        let path = URL(fileURLWithPath: relative).standardizedFileURL.path
        self.path = path
        if let names = try? FileSystem.names(in: path), !names.isEmpty, !names.contains("lock") {
            throw DICOMError(
                .inputOutput,
                "'\(path)' holds other things than a node's state. Choose a new or empty --state-directory.")
        }
        for folder in [path, path + "/incoming", path + "/incoming/tmp", path + "/jobs", path + "/quarantine"] {
            try FileSystem.createFolder(folder)
            guard chmod(folder, 0o700) == 0 else { throw DICOMError.system("make private", folder) }
        }
        // The files that SQLite makes are private too.
        umask(0o077)
        lock = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw DICOMError.system("open", path + "/lock") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw DICOMError(
                .inputOutput,
                "Another node uses the state directory '\(path)'. Stop it, or choose another --state-directory.")
        }
        secret = try Self.secret(at: path + "/secret")
    }

    deinit { close(lock) }

    /// The secret of this installation: hashes of identifiers cannot be reversed by trying all of them.
    private static func secret(at path: String) throws -> SymmetricKey {
        if FileSystem.exists(path) {
            let file = try PosixFile(path, O_RDONLY)
            let bytes = try file.read(at: 0, count: 32)
            if bytes.count == 32 { return SymmetricKey(data: bytes) }
        }
        let key = SymmetricKey(size: .bits256)
        let file = try PosixFile(path + ".tmp", O_WRONLY | O_CREAT | O_TRUNC)
        try file.write(key.withUnsafeBytes { ArraySlice($0) })
        try file.synchronize()
        try FileSystem.rename(path + ".tmp", to: path)
        try FileSystem.synchronizeFolder(FileSystem.folder(of: path))
        return key
    }

    /// A name for an identifier that says nothing about it: HMAC-SHA-256, 128 bits of it, in hexadecimal.
    func pseudonym(of identifier: String) -> String {
        HMAC<SHA256>.authenticationCode(for: Data(identifier.utf8), using: secret).prefix(16)
            .map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// The default place for a node's state.
    static func defaultPath(aeTitle: String) -> String {
        let environment = ProcessInfo.processInfo.environment
        let base = environment["XDG_STATE_HOME"] ?? (environment["HOME"] ?? ".") + "/.local/state"
        let name = aeTitle.map { $0.isLetter || $0.isNumber ? String($0).lowercased() : "-" }.joined()
        return "\(base)/dicomnode/\(name)"
    }

    /// Removes a folder with all that is in it.
    static func remove(_ folder: String) throws {
        guard FileSystem.exists(folder) else { return }
        try FileManager.default.removeItem(atPath: folder)
    }
}
