package import DICOMCoding
package import DICOMCore
import DICOMUpperLayer
import Glibc
package import NIOCore
public import NIOPosix
import Synchronization

/// How safe an instance is before it is acknowledged with Success.
public enum Durability: String, Sendable, CaseIterable {
    /// In memory: it is written afterwards, and lost when the process ends before.
    case none
    /// Written to the operating system: safe when the process crashes.
    case process
    /// File and folder are on the disk: safe when the power fails.
    case power
}

/// A Part 10 file that is written while its data set arrives, under a temporary name until it is complete.
///
/// The data set's bytes are written as they were received. What is not committed is removed.
package struct ReceivedFile: ~Copyable {
    package let temporaryPath: String
    package let file: PosixFile
    private var isCommitted = false

    private init(_ file: consuming PosixFile, _ temporaryPath: String) {
        self.file = file
        self.temporaryPath = temporaryPath
    }

    /// Begins the file with preamble and meta group (PS3.10 7.1).
    package static func begin(_ request: StoreRequest, at temporaryPath: String) throws(DICOMError) -> ReceivedFile {
        let meta = try DICOMFile.metaGroup(
            sopClassUID: request.sopClassUID, sopInstanceUID: request.sopInstanceUID,
            transferSyntax: request.transferSyntax)
        let received = ReceivedFile(try PosixFile(temporaryPath, O_WRONLY | O_CREAT | O_EXCL), temporaryPath)
        try received.file.write(meta[...])
        return received
    }

    deinit { if !isCommitted { unlink(temporaryPath) } }

    package func append(_ fragment: ByteBuffer) throws(DICOMError) {
        let failure: DICOMError? = fragment.withUnsafeReadableBytes { bytes in
            do throws(DICOMError) { try file.write(bytes) } catch { return error }
            return nil
        }
        if let failure { throw failure }
    }

    /// The file has its own name now, or somebody else takes care of it.
    package mutating func committed() { isCommitted = true }
}

/// A storage service that keeps one file for each SOP Instance UID in a folder, or nothing.
///
/// ```swift
/// let server = AssociationServer(
///     configuration: .init(port: 11112, aeTitle: "ARCHIVE"),
///     storage: FolderStorage(folder: "received", durability: .process), logger: logger)
/// ```
public final class FolderStorage: StorageService {
    private let folder: String?
    private let durability: Durability
    private let threadPool: NIOThreadPool
    private let counter = Atomic<UInt64>(0)
    /// What is still to be written of each association, at durability `none`.
    private let writing = Mutex<[UInt64: Task<Void, any Error>]>([:])

    /// - Parameter folder: Where the files go, `<SOP Instance UID>.dcm`; `nil` discards what is received.
    public init(folder: String?, durability: Durability, threadPool: NIOThreadPool = .singleton) {
        self.folder = folder
        self.durability = durability
        self.threadPool = threadPool
    }

    public func store(_ request: StoreRequest, dataSet: inout IncomingDataSet) async throws -> StoreResponse {
        guard let folder else {
            while try await dataSet.next() != nil {}
            return StoreResponse(.success)
        }
        guard request.sopInstanceUID.isValid else {
            return StoreResponse(.cannotUnderstand, errorComment: "The SOP Instance UID is not valid")
        }
        do {
            if durability == .none {
                try await receiveInMemory(request, &dataSet, folder)
            } else {
                try await receive(request, &dataSet, folder)
            }
            return StoreResponse(.success)
        } catch let error as DICOMError where error.code == .storageFull || error.code == .inputOutput {
            return StoreResponse(.outOfResources, errorComment: "The storage is full or failing")
        }
    }

    public func associationClosed(_ association: AssociationInfo, _ end: AssociationEnd) async {
        let task = writing.withLock { $0.removeValue(forKey: association.id) }
        try? await task?.value
    }

    private func receive(_ request: StoreRequest, _ dataSet: inout IncomingDataSet, _ folder: String) async throws {
        var file = try ReceivedFile.begin(request, at: temporaryPath(folder))
        while let fragment = try await dataSet.next() { try file.append(fragment) }
        if durability == .power {
            let (descriptor, path) = (file.file.descriptor, file.temporaryPath)
            try await threadPool.runIfActive { try PosixFile.synchronize(descriptor, path) }
        }
        try FileSystem.rename(file.temporaryPath, to: path(request, folder))
        file.committed()
        if durability == .power { try await threadPool.runIfActive { try FileSystem.synchronizeFolder(folder) } }
    }

    /// Keeps one instance for each association in memory; the next one waits until it is written.
    private func receiveInMemory(
        _ request: StoreRequest, _ dataSet: inout IncomingDataSet, _ folder: String
    ) async throws {
        var fragments: [ByteBuffer] = []
        while let fragment = try await dataSet.next() { fragments.append(fragment) }
        let id = request.association.id
        try await writing.withLock { $0[id] }?.value
        let (received, temporary, path) = (fragments, temporaryPath(folder), path(request, folder))
        let task = Task { [threadPool] in
            try await threadPool.runIfActive {
                var file = try ReceivedFile.begin(request, at: temporary)
                for fragment in received { try file.append(fragment) }
                try FileSystem.rename(temporary, to: path)
                file.committed()
            }
        }
        writing.withLock { $0[id] = task }
    }

    private func temporaryPath(_ folder: String) -> String {
        "\(folder)/.\(getpid())-\(counter.add(1, ordering: .relaxed).newValue).part"
    }

    private func path(_ request: StoreRequest, _ folder: String) -> String {
        "\(folder)/\(request.sopInstanceUID).dcm"
    }
}
