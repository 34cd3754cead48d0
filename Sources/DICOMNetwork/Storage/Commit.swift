import CDICOMSystem
import DICOMCoding
import DICOMCore
import Glibc

/// Gives a received file its name so that a power failure takes neither content nor name: durability ``Durability/power``.
///
/// The disk's journal is what takes the time. With the name given before the file is synchronized, the journal goes to the
/// disk once for both. The bytes go there before the name, lest a power failure leave a name without content, though of an
/// instance that nobody was told is stored.
struct Commit: Sendable {
    /// Of the open file; its owner keeps it open meanwhile.
    let descriptor: CInt
    let temporary: String
    let path: String

    /// Commits files of one folder; all of them with one call where they are several.
    static func perform(_ batch: [Commit]) -> [Result<Void, any Error>] {
        do {
            // Open before anything is written: what fails from here on is reported to this descriptor.
            let folder = try PosixFile(
                batch.first.map { FileSystem.folder(of: $0.path) } ?? ".", O_RDONLY | O_DIRECTORY)
            // The disk begins with all of them; what fails here fails again where it is awaited.
            if batch.count > 1 { for commit in batch { _ = cdicom_write_out(commit.descriptor, 0) } }
            let named = batch.map { commit in Result { try commit.rename() } }
            let synchronized = Result { try synchronize(batch, in: folder) }
            return named.map { named in named.flatMap { synchronized } }
        } catch {
            return batch.map { _ in .failure(error) }
        }
    }

    /// Brings the file's bytes to the disk, though not yet its size and place.
    func writeOut() throws(DICOMError) {
        guard cdicom_write_out(descriptor, 1) == 0 else { throw DICOMError.system("write out", temporary) }
    }

    private func rename() throws(DICOMError) {
        if FileSystem.exists(path) {
            // Another file has the name, and may have been acknowledged: it is replaced by nothing that is not wholly on
            // the disk.
            try PosixFile.synchronize(descriptor, temporary)
        } else {
            try writeOut()
        }
        try FileSystem.rename(temporary, to: path)
    }

    /// Files and names. For several, one call for the whole file system costs less than one for each.
    private static func synchronize(_ batch: [Commit], in folder: borrowing PosixFile) throws(DICOMError) {
        if batch.count == 1, let only = batch.first {
            try PosixFile.synchronize(only.descriptor, only.path)
            try folder.synchronize()
        } else {
            guard cdicom_syncfs(folder.descriptor) == 0 else { throw DICOMError.system("synchronize", folder.path) }
        }
    }
}
