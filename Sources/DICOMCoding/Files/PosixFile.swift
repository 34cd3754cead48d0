package import DICOMCore
package import Glibc

/// An open file: what the standard library lacks, with errors that name the path and the system's reason.
package struct PosixFile: ~Copyable {
    package let descriptor: CInt
    package let path: String

    package init(_ path: String, _ flags: CInt, mode: mode_t = 0o600) throws(DICOMError) {
        var descriptor: CInt
        repeat { descriptor = unsafe open(path, flags | O_CLOEXEC, mode) } while descriptor < 0 && errno == EINTR
        guard descriptor >= 0 else { throw DICOMError.system("open", path) }
        self.descriptor = descriptor
        self.path = path
    }

    /// Takes over an open file; `path` is what errors name.
    package init(taking descriptor: CInt, _ path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    /// The size in bytes.
    package func size() throws(DICOMError) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw DICOMError.system("examine", path) }
        return Int(status.st_size)
    }

    /// At most `count` bytes from `offset` on; fewer only at the end of the file.
    package func read(at offset: Int, count: Int) throws(DICOMError) -> [UInt8] {
        var failed = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(DICOMError) {
                initialized = try unsafe read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch { failed = true }
        }
        if failed { throw DICOMError.system("read", path) }
        return bytes
    }

    /// Fills `buffer` from `offset` on; returns how many bytes there were.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DICOMError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = unsafe pread(
                descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done, off_t(offset + done))
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw DICOMError.system("read", path)
            }
            done += count
        }
        return done
    }

    package func write(_ chunk: ArraySlice<UInt8>) throws(DICOMError) {
        let failure: DICOMError? = unsafe chunk.withUnsafeBytes { buffer in
            do throws(DICOMError) { try unsafe write(buffer) } catch { return error }
            return nil
        }
        if let failure { throw failure }
    }

    package func write(_ buffer: UnsafeRawBufferPointer) throws(DICOMError) {
        var done = 0
        while done < buffer.count {
            let count = unsafe Glibc.write(
                descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done)
            if count < 0 {
                if errno == EINTR { continue }
                throw DICOMError.system("write", path)
            }
            done += count
        }
    }

    /// Writes the pieces, one after the other, in one call of the system where it takes them whole.
    package func write(_ pieces: [UnsafeRawBufferPointer]) throws(DICOMError) {
        // The system does not write to what it is told to write from.
        let vectors = unsafe pieces.map { piece in
            unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: piece.baseAddress), iov_len: piece.count)
        }
        var written = unsafe max(0, writev(descriptor, vectors, CInt(clamping: vectors.count)))
        // What it did not take, also because of an error, is tried again, piece by piece: then the error has its name.
        for index in unsafe pieces.indices {
            let piece = unsafe pieces[index]
            let taken = min(written, piece.count)
            written -= taken
            try unsafe write(UnsafeRawBufferPointer(rebasing: piece.dropFirst(taken)))
        }
    }

    /// Returns when the content is on the disk.
    package func synchronize() throws(DICOMError) { try Self.synchronize(descriptor, path) }

    /// The same for a descriptor that its owner keeps open meanwhile.
    package static func synchronize(_ descriptor: CInt, _ path: String) throws(DICOMError) {
        guard fsync(descriptor) == 0 else { throw DICOMError.system("synchronize", path) }
    }
}

/// File system operations that the layers above need.
package enum FileSystem {
    /// Returns when the names in a folder are on the disk.
    package static func synchronizeFolder(_ path: String) throws(DICOMError) {
        try PosixFile(path, O_RDONLY | O_DIRECTORY).synchronize()
    }

    package static func rename(_ source: String, to target: String) throws(DICOMError) {
        guard unsafe Glibc.rename(source, target) == 0 else { throw DICOMError.system("rename a file to", target) }
    }

    /// Writes a file under a temporary name in the same folder and renames it, so that no reader ever sees a part of it.
    ///
    /// - Parameter syncing: Whether to return only when content and name are on the disk.
    package static func write(
        _ chunks: [ArraySlice<UInt8>], to path: String, syncing: Bool = false
    ) throws(DICOMError) {
        let temporary = path + ".\(getpid())-\(UInt32.random(in: 0 ... .max)).tmp"
        do throws(DICOMError) {
            try write(chunks, asNew: temporary, syncing: syncing)
            try rename(temporary, to: path)
        } catch {
            unsafe unlink(temporary)
            throw error
        }
        if syncing { try synchronizeFolder(folder(of: path)) }
    }

    private static func write(
        _ chunks: [ArraySlice<UInt8>], asNew path: String, syncing: Bool
    ) throws(DICOMError) {
        let file = try PosixFile(path, O_WRONLY | O_CREAT | O_EXCL)
        for chunk in chunks { try file.write(chunk) }
        if syncing { try file.synchronize() }
    }

    /// The folder part of a path; `.` where it has none.
    package static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    package static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    package static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Creates a folder and those above it, private to the user (0700).
    package static func createFolder(_ path: String) throws(DICOMError) {
        if isDirectory(path) { return }
        let parent = folder(of: path)
        if parent != path, parent != ".", !exists(parent) { try createFolder(parent) }
        guard unsafe mkdir(path, 0o700) == 0 || (errno == EEXIST && isDirectory(path)) else {
            throw DICOMError.system("create the folder", path)
        }
    }

    /// The names in a folder, in ascending order.
    package static func names(in folder: String) throws(DICOMError) -> [String] {
        guard let directory = unsafe opendir(folder) else { throw DICOMError.system("list", folder) }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The files below the given files and folders, in ascending order within each folder. Links to folders are not
    /// followed, so that no loop is walked.
    package static func files(below paths: [String]) throws(DICOMError) -> [String] {
        var found: [String] = []
        for path in paths {
            guard isDirectory(path) else {
                found.append(path)
                continue
            }
            let base = path.hasSuffix("/") ? String(path.dropLast()) : path
            var inside: [String] = []
            for name in try names(in: base) {
                let full = base + "/" + name
                var status = stat()
                let isLink = unsafe lstat(full, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
                if !(isLink && isDirectory(full)) { inside.append(full) }
            }
            found += try files(below: inside)
        }
        return found
    }
}

extension DICOMError {
    /// The error of the system call that failed last, for a path.
    package static func system(
        _ action: String, _ path: String, file: StaticString = #fileID, line: UInt = #line
    ) -> DICOMError {
        let number = errno
        let reason = unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
        let code: Code = number == ENOSPC || number == EDQUOT ? .storageFull : .inputOutput
        return DICOMError(code, "Cannot \(action) '\(path)': \(reason).", file: file, line: line)
    }
}
