import DICOMCoding
package import DICOMCore
import DICOMUpperLayer
import Glibc
public import Logging
import NIOCore
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
    private let commits: NaturalBatches<Commit>
    /// At durability `process`; at `power` the disk decides how long it takes.
    private let spares: SpareFiles?
    private let logger: Logger?
    private let isWanted: (@Sendable (StoreRequest, _ path: String) -> Bool)?
    private static let processID = getpid()
    private let counter = Atomic<UInt64>(0)
    /// What is still to be written of each association, at durability `none`.
    private let writing = Mutex<[UInt64: Task<Void, any Error>]>([:])

    /// How many bytes of an instance are held in memory at durability ``Durability/none``; a larger one is written while it
    /// arrives. While one is written the next may arrive, so that an association holds at most twice as much.
    public static let longestHeld = 8 << 20

    /// Waits for the disk: many at a time, which the disk makes one of.
    private static let sharedThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 8)
        pool.start()
        return pool
    }()

    /// - Parameter folder: Where the files go, `<SOP Instance UID>.dcm`; `nil` discards what is received.
    /// - Parameter threadPool: Runs what waits for the disk; by default eight threads, shared by all.
    /// - Parameter logger: Told of an instance that was lost at durability ``Durability/none``, after its association had ended.
    public convenience init(
        folder: String?, durability: Durability, threadPool: NIOThreadPool? = nil, logger: Logger? = nil
    ) {
        self.init(folder: folder, durability: durability, threadPool: threadPool, logger: logger, isWanted: nil)
    }

    /// - Parameter isWanted: Looks at each file before it gets its name, which may be that of an older one; what it does not
    ///   want is answered with C000H. With it, durability `none` is that of `process`.
    package init(
        folder: String?, durability: Durability, threadPool: NIOThreadPool? = nil, logger: Logger? = nil,
        isWanted: (@Sendable (StoreRequest, _ path: String) -> Bool)?
    ) {
        self.folder = folder
        self.isWanted = isWanted
        self.logger = logger
        self.durability = durability
        spares = folder.flatMap { durability == .process && isWanted == nil ? SpareFiles(folder: $0) : nil }
        self.threadPool = threadPool ?? Self.sharedThreadPool
        commits = NaturalBatches(threadPool: self.threadPool, work: Commit.perform)
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
            if durability == .none, isWanted == nil {
                try await receiveInMemory(request, &dataSet, folder)
            } else if try await !receive(request, &dataSet, folder) {
                return StoreResponse(
                    .cannotUnderstand, errorComment: "The data set is not the instance of its command")
            }
            return StoreResponse(.success)
        } catch let error as DICOMError where error.code == .storageFull || error.code == .inputOutput {
            return StoreResponse(.outOfResources, errorComment: "The storage is full or failing")
        }
    }

    public func associationOpened(_ association: AssociationInfo) async { spares?.associationOpened() }

    public func associationClosed(_ association: AssociationInfo, _ end: AssociationEnd) async {
        spares?.associationClosed()
        let task = writing.withLock { $0.removeValue(forKey: association.id) }
        do { try await task?.value } catch {
            logger?.error(
                "The last instance of an association was lost: it could not be written.",
                metadata: ["association": "\(association.id)", "reason": "\(DICOMError.publicText(error))"])
        }
    }

    /// Where an instance is kept; `nil` when instances are discarded.
    package func path(of sopInstanceUID: UID) -> String? { folder.map { path(sopInstanceUID, $0) } }

    /// - Returns: Whether the instance was wanted.
    private func receive(
        _ request: StoreRequest, _ dataSet: inout IncomingDataSet, _ folder: String, after held: [ByteBuffer] = []
    ) async throws -> Bool {
        let first = held.isEmpty ? try await dataSet.nextFragments() ?? [] : held
        var file = try ReceivedFile.begin(request, at: temporaryPath(folder), with: first, in: spares?.take())
        while let fragments = try await dataSet.nextFragments() { try file.append(fragments) }
        if let isWanted, !isWanted(request, file.temporaryPath) { return false }
        let path = path(request.sopInstanceUID, folder)
        if durability == .power {
            let commit = Commit(descriptor: file.file.descriptor, temporary: file.temporaryPath, path: path)
            if dataSet.byteCount > Self.longestHeld {
                // What takes long must not keep the others of its batch.
                try await threadPool.runIfActive { try commit.writeOut() }
            }
            try await commits.perform(commit)
            file.committed()
        } else {
            do {
                try file.publish(as: path)
            } catch {
                spares?.giveUp()
                throw error
            }
        }
        spares?.prepare()
        return true
    }

    /// Keeps one instance for each association in memory; the next one waits until it is written.
    private func receiveInMemory(
        _ request: StoreRequest, _ dataSet: inout IncomingDataSet, _ folder: String
    ) async throws {
        var fragments: [ByteBuffer] = []
        while let arrived = try await dataSet.nextFragments() {
            fragments += arrived
            if dataSet.byteCount > Self.longestHeld {
                _ = try await receive(request, &dataSet, folder, after: fragments)
                return
            }
        }
        let id = request.association.id
        // A failed write has lost an instance; the next one says so to the peer.
        if let previous = writing.withLock({ $0.removeValue(forKey: id) }) { try await previous.value }
        let (received, temporary) = (fragments, temporaryPath(folder))
        let path = path(request.sopInstanceUID, folder)
        let task = Task { [threadPool] in
            try await threadPool.runIfActive {
                var file = try ReceivedFile.begin(request, at: temporary, with: received)
                try file.publish(as: path)
            }
        }
        writing.withLock { $0[id] = task }
    }

    private func temporaryPath(_ folder: String) -> String {
        "\(folder)/.\(Self.processID)-\(counter.add(1, ordering: .relaxed).newValue).part"
    }

    private func path(_ sopInstanceUID: UID, _ folder: String) -> String { "\(folder)/\(sopInstanceUID).dcm" }
}
