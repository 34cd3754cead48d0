public import DICOMCoding
import DICOMCore
import DICOMUpperLayer

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
    /// The calling AE titles that are accepted, empty for all; others are rejected (1/1/3).
    public var acceptedCallingAETitles: Set<String> = []
    /// How many associations are served at once; more are rejected for now (2/3/2).
    public var maximumAssociations = 64
    /// The longest P-DATA-TF PDU that peers are asked to send, bytes.
    public var maximumPDULength = 131_072
    /// The longest data set that is received, bytes; a longer one is answered with A700H.
    public var maximumInstanceLength = 4 << 30
    /// How long a peer may take to send its A-ASSOCIATE-RQ and to close the connection at the end (PS3.8 9.1.5).
    public var artimTimeout: Duration = .seconds(30)
    /// How long an association may be silent in either direction before it is aborted.
    public var idleTimeout: Duration = .seconds(300)
    /// How long a graceful shutdown waits for associations before it aborts them.
    public var shutdownTimeout: Duration = .seconds(30)
    /// The transfer syntaxes that are accepted for storage, the most wanted first.
    public var storageTransferSyntaxes: [TransferSyntax] = [.explicitVRLittleEndian, .implicitVRLittleEndian]
    /// Whether every proposed transfer syntax is accepted for storage, the proposer's first choice.
    public var acceptsAllTransferSyntaxesForStorage = false

    public init(host: String = "127.0.0.1", port: Int = 0, aeTitle: String) {
        self.host = host
        self.port = port
        self.aeTitle = aeTitle
    }
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

    package init(id: UInt64, callingAETitle: String, calledAETitle: String, peerHost: String, peerPort: Int) {
        self.id = id
        self.callingAETitle = callingAETitle
        self.calledAETitle = calledAETitle
        self.peerHost = peerHost
        self.peerPort = peerPort
    }

    /// The peer as `AE@host:port`, fit for a log: what a title should not contain is replaced.
    public var peer: String {
        let title = String(
            decoding: callingAETitle.utf8.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
        return "\(title)@\(Endpoint.address(host: peerHost, port: peerPort))"
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
