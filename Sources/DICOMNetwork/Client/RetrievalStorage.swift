public import DICOMCoding
public import DICOMCore
import DICOMDictionary
public import DICOMUpperLayer
public import Logging
import Synchronization

/// An instance that was asked for and has arrived.
public struct RetrievedInstance: Sendable, Hashable {
    /// The Part 10 file.
    public let path: String
    public let sopClassUID: UID
    public let sopInstanceUID: UID
    public let transferSyntax: TransferSyntax
}

/// A storage service that takes what this side's own retrievals bring, and hands what others send to another service: so a
/// node's server is the destination of its own C-MOVE requests.
///
/// ```swift
/// let retrievals = RetrievalStorage(folder: "retrieved", otherwise: storage)
/// let server = AssociationServer(configuration: configuration, storage: retrievals, logger: logger)
/// // While the server runs, and the archive knows NODE as its address:
/// try await retrievals.move(Query(.study).matching(.studyInstanceUID, uid), from: archive, to: "NODE", …) { instances in
///     for try await instance in instances { print(instance.path) }
/// }
/// ```
///
/// Instances belong to a retrieval by the C-MOVE that they name as their originator (PS3.7 9.1.1.1.6); where an archive
/// names none, by the archive's AE title when one retrieval from it is under way.
public final class RetrievalStorage: StorageService {
    private let files: FolderStorage
    private let folder: String
    private let other: (any StorageService)?
    private let active = Mutex<[UInt64: Retrieval]>([:])
    private let counter = Atomic<UInt64>(0)

    /// A retrieval that is under way.
    private struct Retrieval {
        let callingAETitle: String
        let archiveAETitle: String
        /// Message ID of the C-MOVE; known once it was sent.
        var messageID: UInt16?
        let instances: AsyncThrowingStream<RetrievedInstance, any Error>.Continuation
    }

    /// - Parameters:
    ///   - folder: Where the files go, `<SOP Instance UID>.dcm`.
    ///   - otherwise: Takes what does not belong to a retrieval; without it such instances are refused with 0124H.
    public init(folder: String, durability: Durability = .process, otherwise: (any StorageService)? = nil) {
        self.folder = folder
        files = FolderStorage(folder: folder, durability: durability)
        other = otherwise
    }

    // MARK: - Retrieving

    /// Has an archive send instances to this side's server (C-MOVE), and yields them as they arrive.
    ///
    /// - Parameters:
    ///   - destination: The AE title by which the archive knows this side's server.
    ///   - body: Takes the instances. The C-MOVE is aborted when it returns early.
    /// - Throws: ``DICOMError``: with ``DICOMError/Code/operationFailed``, from the sequence, when the archive could not
    ///   send all of them; and those of ``withAssociation(to:proposing:options:logger:_:)``.
    public func move<Result: Sendable>(
        _ query: Query, from archive: Endpoint, to destination: AETitle, options: AssociationClientOptions,
        logger: Logger, _ body: (AsyncThrowingStream<RetrievedInstance, any Error>) async throws -> Result
    ) async throws -> Result {
        let (instances, continuation) = AsyncThrowingStream<RetrievedInstance, any Error>.makeStream()
        let id = counter.add(1, ordering: .relaxed).newValue
        active.withLock {
            $0[id] = Retrieval(
                callingAETitle: options.callingAETitle, archiveAETitle: archive.aeTitle, instances: continuation)
        }
        let request = Task {
            do {
                try await perform(query, archive, destination, options, logger, id)
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
            }
        }
        // Before it returns, the archive has been told: nothing comes after that.
        return try await withTaskCancellationHandler {
            let result: Swift.Result<Result, any Error>
            do { result = .success(try await body(instances)) } catch { result = .failure(error) }
            request.cancel()
            await request.value
            active.withLock { $0[id] = nil }
            return try result.get()
        } onCancel: {
            request.cancel()
        }
    }

    private func perform(
        _ query: Query, _ archive: Endpoint, _ destination: AETitle, _ options: AssociationClientOptions,
        _ logger: Logger, _ id: UInt64
    ) async throws {
        let final: RetrieveProgress? = try await withAssociation(
            to: archive, proposing: [.moving(query.root)], options: options, logger: logger
        ) { association in
            let responses = try await association.move(query, to: destination)
            active.withLock { $0[id]?.messageID = responses.messageID }
            var last: RetrieveProgress?
            for try await progress in responses { last = progress }
            return last
        }
        guard let failed = final?.failed, failed > 0 else { return }
        throw DICOMError(
            .operationFailed, "The archive could not send \(failed) of the instances.", peer: archive.description)
    }

    // MARK: - Storage

    public func associationOpened(_ association: AssociationInfo) async {
        await files.associationOpened(association)
        await other?.associationOpened(association)
    }

    public func store(_ request: StoreRequest, dataSet: inout IncomingDataSet) async throws -> StoreResponse {
        guard let retrieval = retrieval(of: request) else {
            if let other { return try await other.store(request, dataSet: &dataSet) }
            return StoreResponse(.notAuthorized, errorComment: "Only what was asked for is taken here")
        }
        let response = try await files.store(request, dataSet: &dataSet)
        if response.status == .success, let path = files.path(of: request.sopInstanceUID) {
            retrieval.instances.yield(
                RetrievedInstance(
                    path: path, sopClassUID: request.sopClassUID, sopInstanceUID: request.sopInstanceUID,
                    transferSyntax: request.transferSyntax))
        }
        return response
    }

    public func associationClosed(_ association: AssociationInfo, _ end: AssociationEnd) async {
        await files.associationClosed(association, end)
        await other?.associationClosed(association, end)
    }

    private func retrieval(of request: StoreRequest) -> Retrieval? {
        active.withLock { active in
            guard let originator = request.moveOriginator else {
                let candidates = active.values.filter { $0.archiveAETitle == request.association.callingAETitle }
                return candidates.count == 1 ? candidates.first : nil
            }
            return active.values.first { retrieval in
                // Some archives name themselves as who asked for it. The first instances may come before this side has
                // noted what number its request has.
                [retrieval.callingAETitle, retrieval.archiveAETitle].contains(originator.aeTitle)
                    && (retrieval.messageID ?? originator.messageID) == originator.messageID
            }
        }
    }
}
