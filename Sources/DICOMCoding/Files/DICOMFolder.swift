public import DICOMCore
import Dispatch
import Glibc
import Synchronization

/// Many files, read at once.
///
/// ```swift
/// let headers = try DICOMFolder.read(["/data/study"]) { try DICOMFile.readHeader($0).dataSet }
/// for (path, header) in headers { print(path, (try? header.get())?[.modality] ?? "unreadable") }
/// ```
public enum DICOMFolder {
    /// Reads each of the files at and below the paths, on as many threads as files may be open.
    ///
    /// - Parameters:
    ///   - paths: Files and folders. Links to folders are not followed.
    ///   - maximumOpenFiles: How many files are read at the same time, at most as many as there are processors.
    ///   - transform: What is made of a file. It gets the path, and has the file closed when it returns.
    /// - Returns: The paths in ascending order within each folder, each with what `transform` made of it or its error; one
    ///   file's error does not stop the others.
    /// - Throws: ``DICOMError`` when a folder cannot be listed.
    public static func read<Content: Sendable>(
        _ paths: [String], maximumOpenFiles: Int = .max, _ transform: @Sendable (String) throws -> Content
    ) throws(DICOMError) -> [(path: String, result: Result<Content, DICOMError>)] {
        let files = try FileSystem.files(below: paths)
        let next = Atomic(0)
        let results = Mutex([Result<Content, DICOMError>?](repeating: nil, count: files.count))
        let workers = min(max(1, maximumOpenFiles), max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))), max(1, files.count))
        DispatchQueue.concurrentPerform(iterations: workers) { _ in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < files.count else { return }
                let result = content(files[index], transform)
                results.withLock { $0[index] = result }
            }
        }
        return zip(files, results.withLock { $0 }).compactMap { path, result in result.map { (path, $0) } }
    }

    private static func content<Content>(
        _ path: String, _ transform: (String) throws -> Content
    ) -> Result<Content, DICOMError> {
        do {
            return .success(try transform(path))
        } catch let error as DICOMError {
            return .failure(error)
        } catch {
            return .failure(DICOMError(.inputOutput, "'\(path)' could not be read.", underlying: error))
        }
    }
}
