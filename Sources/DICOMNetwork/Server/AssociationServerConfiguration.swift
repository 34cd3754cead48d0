public import DICOMCoding
import DICOMCore
public import DICOMUpperLayer

/// What an ``AssociationServer`` listens on, whom it accepts, and its limits.
public struct AssociationServerConfiguration: Sendable {
    /// The address to listen on: `127.0.0.1`, `0.0.0.0`, `::` or a host name.
    public var host: String
    /// The port to listen on; 0 lets the system choose one, see ``AssociationServer/boundPort``.
    public var port: Int
    /// The called AE title that is accepted; others are rejected (PS3.8 9.3.4: 1/1/7).
    public var aeTitle: String
    /// Whether associations to any called AE title are accepted.
    public var acceptsAnyCalledAETitle = false
    /// Who may have an association.
    public var access = AccessRules()
    /// How users are told apart; without it a user identity is taken and not looked at.
    public var userIdentity: (any UserIdentityPolicy)?
    /// TLS; `nil`: none.
    public var tls: ServerTLS?
    /// How many associations are served at once; more are rejected for now (2/3/2).
    public var maximumAssociations = 64
    /// How many associations one address may have at once; `nil`: as many as there are. More are rejected for now (2/3/2).
    public var maximumAssociationsPerPeer: Int?
    /// How many operations a peer may have under way at a time, where it proposes more than one (PS3.7 D.3.3.3). They are
    /// done one after the other: more than one saves the peer the wait for each response.
    public var maximumOperations = 8
    /// The longest P-DATA-TF PDU that peers are asked to send, bytes; at least 4096, and less counts as that.
    public var maximumPDULength = 131_072
    /// The longest data set that is received, bytes; a longer one is answered with A700H.
    public var maximumInstanceLength = 4 << 30
    /// The longest data set of any other request, such as a query, bytes.
    public var maximumRequestLength = 64 << 20
    /// How many bytes of data sets may wait for the service of one association before its socket is not read any more;
    /// one read, at most 512 KiB, may come on top.
    public var maximumBufferedBytes = 512 * 1024
    /// How long a peer may take to send its A-ASSOCIATE-RQ and to close the connection at the end (PS3.8 9.1.5).
    public var artimTimeout: Duration = .seconds(30)
    /// How long an association may be silent in either direction before it is aborted. Less than 64 KiB of a message in
    /// this time counts as silence, so that a peer that drips bytes does not hold its place.
    public var idleTimeout: Duration = .seconds(300)
    /// How long a graceful shutdown waits for associations before it aborts them.
    public var shutdownTimeout: Duration = .seconds(30)
    /// The transfer syntaxes that are accepted for storage, the most wanted first.
    public var storageTransferSyntaxes: [TransferSyntax] = [.explicitVRLittleEndian, .implicitVRLittleEndian]
    /// Whether every proposed transfer syntax is accepted for storage, the proposer's first choice.
    public var acceptsAllTransferSyntaxesForStorage = false
    /// How this server calls peers: for the sub-operations of C-MOVE and for reports of storage commitment. The calling AE
    /// title is this server's.
    public var client = AssociationClientOptions(callingAETitle: "")
    /// Whether every PDU is logged, at the level `trace`; without patient data.
    public var tracesPDUs = false

    public init(host: String = "127.0.0.1", port: Int = 0, aeTitle: String) {
        self.host = host
        self.port = port
        self.aeTitle = aeTitle
        client.callingAETitle = aeTitle
    }
}

/// Decides about the users that peers name (PS3.7 D.3.3.7).
public protocol UserIdentityPolicy: Sendable {
    /// - Parameter identity: `nil`: the peer names no user.
    func decide(_ identity: UserIdentity?, _ association: AssociationInfo) async -> UserIdentityDecision
}

/// What a ``UserIdentityPolicy`` says.
public enum UserIdentityDecision: Sendable {
    /// - Parameter response: For Kerberos, SAML and JSON web tokens the server's response; empty for user names.
    case accept(response: [UInt8] = [])
    /// The association is rejected for good, without a reason (1/1/1).
    case reject
}

/// How an ``AssociationServer`` names an association.
public struct AssociationInfo: Sendable, Hashable, CustomStringConvertible {
    /// Counts the server's associations, from 1.
    public let id: UInt64
    public let callingAETitle: String
    public let calledAETitle: String
    /// The peer's address, without a name look-up.
    public let peerHost: String
    /// The port the peer called from; not one it listens on.
    public let peerPort: Int
    /// SHA-256 of the certificate that the peer has shown in TLS, lower-case hexadecimal.
    public let certificateFingerprint: String?

    package init(
        id: UInt64, callingAETitle: String, calledAETitle: String, peerHost: String, peerPort: Int,
        certificateFingerprint: String? = nil
    ) {
        self.certificateFingerprint = certificateFingerprint
        self.id = id
        self.callingAETitle = callingAETitle
        self.calledAETitle = calledAETitle
        self.peerHost = peerHost
        self.peerPort = peerPort
    }

    /// The peer as `AE@host:port`, fit for a log: what a title should not contain is replaced.
    public var peer: String {
        "\(peerTitle)@\(Endpoint.address(host: peerHost, port: peerPort))"
    }
    /// The peer's title, as in ``peer``.
    var peerTitle: String {
        String(decoding: callingAETitle.utf8.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
    public var description: String { "association \(id) of \(peer)" }
}

/// How an association ended.
public enum AssociationEnd: String, Sendable, Hashable {
    /// By A-RELEASE: the peer had sent what it wanted to.
    case released
    /// By an A-ABORT of either side.
    case aborted
    /// The connection ended without either.
    case lost
}
