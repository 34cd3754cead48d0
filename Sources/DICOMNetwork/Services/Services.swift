public import DICOMCore
public import DICOMUpperLayer

/// What an ``AssociationServer`` offers; a service that is `nil` is not offered, and its SOP classes are not accepted.
///
/// Verification (C-ECHO) is always offered.
public struct Services: Sendable {
    public var verification: any VerificationService = AlwaysThere()
    public var storage: (any StorageService)?
    public var query: (any QueryService)?
    public var retrieve: (any RetrieveService)?
    public var worklist: (any WorklistService)?
    public var storageCommitment: (any StorageCommitmentService)?
    /// Takes the reports of archives about what this side has asked them to commit.
    public var commitmentReports: (any CommitmentReportService)?
    public var procedureSteps: (any ProcedureStepService)?

    public init(storage: (any StorageService)? = nil) { self.storage = storage }
}

/// Answers C-ECHO (PS3.4 A).
public protocol VerificationService: Sendable {
    func verify(_ association: AssociationInfo) async -> DIMSEStatus
}

private struct AlwaysThere: VerificationService {
    func verify(_ association: AssociationInfo) async -> DIMSEStatus { .success }
}

/// What a service throws to give its request this status; other errors are answered with C000H or 0110H.
///
/// ```swift
/// throw ServiceFailure(.outOfResources, comment: "The index is being rebuilt")
/// ```
public struct ServiceFailure: Error, Sendable {
    public let status: DIMSEStatus
    /// Error Comment (0000,0902): sent with printable ASCII only, cut to 64 characters. No patient data.
    public let comment: String?
    /// Offending Element (0000,0901)
    public let offendingElements: [DICOMTag]

    public init(_ status: DIMSEStatus, comment: String? = nil, offendingElements: [DICOMTag] = []) {
        self.status = status
        self.comment = comment
        self.offendingElements = offendingElements
    }
}

// MARK: - Query and retrieve

/// A C-FIND-RQ, C-MOVE-RQ or C-GET-RQ (PS3.4 C.4).
public struct QueryRequest: Sendable {
    public let association: AssociationInfo
    public let root: Query.Root
    public let level: Query.Level
    /// The identifier, as it was sent.
    public let identifier: DataSet
    public let messageID: UInt16
}

/// Answers C-FIND in the patient root and study root models (PS3.4 C.4.1).
public protocol QueryService: Sendable {
    /// Yields each match; returns when there are no more.
    ///
    /// Its task is cancelled when the peer cancels (C-CANCEL) or the association ends.
    /// - Throws: ``ServiceFailure`` with the status for the peer; anything else is answered with C000H.
    func find(_ request: QueryRequest, matches: QueryMatches) async throws
}

/// Answers C-MOVE and C-GET (PS3.4 C.4.2, C.4.3): says what is to be sent; the server sends it.
public protocol RetrieveService: Sendable {
    /// The files of what was asked for.
    ///
    /// - Throws: ``ServiceFailure`` with the status for the peer; anything else is answered with C000H.
    func instances(for request: QueryRequest) async throws -> [OutgoingInstance]

    /// Where a destination of C-MOVE listens; `nil`: it is not known (A801H).
    func endpoint(of aeTitle: AETitle) async throws -> Endpoint?
}

/// Answers Modality Worklist queries (PS3.4 K).
public protocol WorklistService: Sendable {
    /// Yields each scheduled procedure step that matches; see ``QueryService/find(_:matches:)``.
    func findWorklist(
        _ keys: DataSet, association: AssociationInfo, matches: QueryMatches
    ) async throws
}

/// Where a query's matches go.
public struct QueryMatches: Sendable {
    let send: @Sendable (DataSet, DIMSEStatus) async throws -> Void

    /// Sends a match to the peer.
    ///
    /// - Parameter supportsAllKeys: Whether all optional keys of the query were matched and returned (FF00H, else FF01H).
    /// - Throws: `CancellationError` when the peer has cancelled: end the search.
    public func yield(_ match: DataSet, supportsAllKeys: Bool = true) async throws {
        try Task.checkCancellation()
        try await send(match, supportsAllKeys ? .pending : .pendingWithUnsupportedKeys)
    }
}

// MARK: - Storage commitment

/// Takes over the responsibility for instances (PS3.4 J).
public protocol StorageCommitmentService: Sendable {
    /// Says which of the instances are safe; the server reports it to the peer.
    ///
    /// The request was answered with Success before: take the time that it needs.
    func commit(_ request: CommitmentRequest, association: AssociationInfo) async throws -> CommitmentReport

    /// Where the peer listens for reports; `nil`: the report goes over the association that the request came on.
    func reportEndpoint(of aeTitle: AETitle) async throws -> Endpoint?
}

/// Takes the reports of storage commitment (PS3.4 J.3.3).
public protocol CommitmentReportService: Sendable {
    /// The peer is answered when this has returned.
    func received(_ report: CommitmentReport, association: AssociationInfo) async throws
}

// MARK: - Modality Performed Procedure Step

/// Takes what modalities report of their work (PS3.4 F).
public protocol ProcedureStepService: Sendable {
    /// N-CREATE: a step has begun.
    ///
    /// - Throws: ``ServiceFailure``, for example with 0111H when it is there already; anything else is answered with 0110H.
    func create(_ sopInstanceUID: UID, _ attributes: DataSet, association: AssociationInfo) async throws

    /// N-SET: a step goes on, was completed or discontinued.
    ///
    /// - Throws: ``ServiceFailure``, for example with 0112H when there is no such step, or 0110H when it is over.
    func set(_ sopInstanceUID: UID, _ modifications: DataSet, association: AssociationInfo) async throws
}
