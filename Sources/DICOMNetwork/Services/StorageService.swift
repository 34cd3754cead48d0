public import DICOMCoding
public import DICOMCore
public import DICOMUpperLayer

/// What receives the instances of an ``AssociationServer``.
///
/// All three functions run on the association's event loop: short file writes may be done in place, anything that blocks
/// or computes for long is moved elsewhere. The calls of one association come one after the other, those of different
/// associations at the same time.
public protocol StorageService: Sendable {
    /// An association was accepted.
    func associationOpened(_ association: AssociationInfo) async

    /// Receives one instance (PS3.4 B.2.2). The response is sent when this has returned.
    ///
    /// What is left unread of the data set is drained. A thrown error is answered with C000H; when the association ends
    /// within the data set, ``IncomingDataSet/next()`` throws, and the instance must not be kept.
    func store(_ request: StoreRequest, dataSet: inout IncomingDataSet) async throws -> StoreResponse

    /// An association that was opened has ended.
    func associationClosed(_ association: AssociationInfo, _ end: AssociationEnd) async
}

extension StorageService {
    public func associationOpened(_ association: AssociationInfo) async {}
    public func associationClosed(_ association: AssociationInfo, _ end: AssociationEnd) async {}
}

/// A C-STORE-RQ (PS3.7 9.3.1.1).
public struct StoreRequest: Sendable {
    public let association: AssociationInfo
    /// Affected SOP Class UID (0000,0002); equal to the presentation context's abstract syntax.
    public let sopClassUID: UID
    /// Affected SOP Instance UID (0000,1000).
    public let sopInstanceUID: UID
    /// How the data set is encoded.
    public let transferSyntax: TransferSyntax
    public let messageID: UInt16
    /// Who had it sent by C-MOVE, when that is how it comes.
    public let moveOriginator: MoveOriginator?
}

/// What a ``StorageService`` says of an instance (PS3.4 B.2.3).
public struct StoreResponse: Sendable {
    public var status: DIMSEStatus
    /// Error Comment (0000,0902); sent with printable ASCII only, cut to 64 characters. No patient data.
    public var errorComment: String?

    public init(_ status: DIMSEStatus, errorComment: String? = nil) {
        self.status = status
        self.errorComment = errorComment
    }
}
