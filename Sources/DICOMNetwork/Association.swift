public import DICOMCoding
public import DICOMCore
import DICOMDictionary
public import DICOMUpperLayer
import Glibc
import NIOCore

/// An established association of a service class user; see ``withAssociation(to:proposing:options:logger:_:)``.
///
/// Its operations come one after the other: it belongs to the task that got it.
public final class Association {
    /// The presentation contexts that the peer accepted, in the order of their identifiers.
    public let acceptedContexts: [AcceptedContext]
    /// Whom the association is with.
    public let peer: Endpoint

    let channel: AssociationChannel
    private let negotiated: NegotiatedAssociation
    private let fragmenter: DIMSEFragmenter
    private var lastMessageID: UInt16 = 0

    /// How many bytes go to the socket in one write.
    private static let chunkSize = 512 * 1024
    /// The longest PDV that is sent where the peer sets no limit or a very high one.
    private static let longestFragment = 256 * 1024

    init(_ channel: AssociationChannel, _ association: OpenAssociation, peer: Endpoint) {
        self.channel = channel
        negotiated = association.negotiated
        self.peer = peer
        fragmenter = association.fragmenter
        acceptedContexts = negotiated.contexts.values.sorted { $0.id < $1.id }
    }

    /// How the peer calls its software (PS3.7 D.3.3.2.3), where it says so.
    public var peerImplementationVersionName: String? { negotiated.peerImplementationVersionName }

    // MARK: - Services

    /// Asks the peer whether it is there (C-ECHO, PS3.7 9.1.5).
    ///
    /// - Throws: ``DICOMError``: no context for Verification was accepted, the association ended, or no answer in time.
    public func echo() async throws -> DIMSEStatus {
        guard let context = acceptedContexts.first(where: { $0.abstractSyntax == .verification }) else {
            throw notAccepted(.verification, nil)
        }
        let messageID = nextMessageID()
        try await send(.cEchoRequest(messageID: messageID), contextID: context.id)
        let response = try await response(to: messageID, .cEchoResponse)
        return try status(of: response)
    }

    /// Sends a Part 10 file's data set as it stands there (C-STORE, PS3.7 9.1.1).
    public func store(file path: String) async throws -> StoreResult {
        try await store(OutgoingInstance(path: path))
    }

    /// Sends a Part 10 file's data set as it stands there, without reading it into memory as a whole.
    ///
    /// - Returns: What the peer says; a failure status is no error here.
    /// - Throws: ``DICOMError``: ``DICOMError/Code/noAcceptedContext`` and errors of opening the file leave the association
    ///   usable, all others end it.
    public func store(_ instance: OutgoingInstance) async throws -> StoreResult {
        let context = try context(for: instance.sopClassUID, instance.transferSyntax)
        let file = try PosixFile(instance.path, O_RDONLY)
        return try await store(
            instance.sopClassUID, instance.sopInstanceUID, context, length: instance.dataSetLength
        ) { (buffer, offset, count) throws(DICOMError) in
            var failure: DICOMError?
            let read = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
                do throws(DICOMError) {
                    return try file.read(into: .init(rebasing: space[..<count]), at: instance.dataSetOffset + offset)
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            guard read == count else {
                throw DICOMError(.truncatedDataSet, "'\(instance.path)' became shorter while it was sent.")
            }
        }
    }

    /// Encodes a data set and sends it.
    ///
    /// - Throws: ``DICOMError``, also when the data set has no SOP Class or SOP Instance UID or cannot be encoded.
    public func store(
        _ dataSet: DataSet, transferSyntax: TransferSyntax = .explicitVRLittleEndian
    ) async throws -> StoreResult {
        guard let sopClassUID = dataSet[.sopClassUID], let sopInstanceUID = dataSet[.sopInstanceUID] else {
            throw DICOMError(
                .invalidValue, "The data set has no SOP Class UID or no SOP Instance UID: set both to send it.")
        }
        let context = try context(for: sopClassUID, transferSyntax)
        let bytes = try dataSet.encoded(as: transferSyntax)
        return try await store(sopClassUID, sopInstanceUID, context, length: bytes.count) { (buffer, offset, count) in
            buffer.writeBytes(bytes[offset..<offset + count])
        }
    }

    // MARK: - Messages

    private func context(for sopClassUID: UID, _ transferSyntax: TransferSyntax) throws(DICOMError) -> AcceptedContext {
        guard let context = negotiated.context(for: sopClassUID, in: [transferSyntax]) else {
            throw notAccepted(sopClassUID, transferSyntax)
        }
        return context
    }

    private func notAccepted(_ sopClassUID: UID, _ transferSyntax: TransferSyntax?) -> DICOMError {
        let sopClass = DICOMDictionary.name(of: sopClassUID) ?? "private SOP class \(sopClassUID)"
        let syntax = transferSyntax.map { " in \($0)" } ?? ""
        return DICOMError(
            .noAcceptedContext, "The peer accepted no presentation context for \(sopClass)\(syntax).",
            peer: peer.description)
    }

    private func nextMessageID() -> UInt16 {
        lastMessageID = lastMessageID == .max ? 1 : lastMessageID + 1
        return lastMessageID
    }

    private func send(_ command: DIMSECommand, contextID: UInt8) async throws {
        do {
            try await channel.send(command.encoded(), contextID: contextID, fragmenter)
        } catch {
            throw await channel.reason(for: error, peer)
        }
    }

    /// Sends a C-STORE-RQ in as few writes as the chunk size allows: small instances go with their command in one.
    private func store(
        _ sopClassUID: UID, _ sopInstanceUID: UID, _ context: AcceptedContext, length: Int,
        read: (inout ByteBuffer, _ offset: Int, _ count: Int) throws -> Void
    ) async throws -> StoreResult {
        let messageID = nextMessageID()
        let command = DIMSECommand.cStoreRequest(
            messageID: messageID, sopClassUID: sopClassUID, sopInstanceUID: sopInstanceUID)
        let fragmentLength = max(1, min(fragmenter.maximumPayloadLength, Self.longestFragment))
        var buffer = channel.buffer(capacity: min(Self.chunkSize, length) + 1024)
        do {
            try fragmenter.write(command, contextID: context.id, into: &buffer)
            var offset = 0
            repeat {
                let count = min(fragmentLength, length - offset)
                fragmenter.writeDataHeader(
                    contextID: context.id, length: count, isLast: offset + count == length, into: &buffer)
                try read(&buffer, offset, count)
                offset += count
                if buffer.readableBytes >= Self.chunkSize {
                    try await channel.write(.send(buffer))
                    buffer = channel.buffer(capacity: min(Self.chunkSize + fragmentLength, length - offset + 4096))
                }
            } while offset < length
            if buffer.readableBytes > 0 { try await channel.write(.send(buffer)) }
        } catch {
            throw await channel.reason(for: error, peer)
        }
        let response = try await response(to: messageID, .cStoreResponse)
        return StoreResult(
            status: try status(of: response), errorComment: response.dataSet[.errorComment], byteCount: length)
    }

    /// The response to a message. Anything else that comes is a violation and ends the association.
    private func response(to messageID: UInt16, _ field: DIMSECommand.Field) async throws -> DIMSECommand {
        switch try await channel.next() {
        case .command(let command, _):
            guard command.field == field, command.messageIDBeingRespondedTo == messageID, !command.hasDataSet else {
                throw violation("The peer's message is not the response that was awaited.")
            }
            return command
        case .ended(let end, let error): throw channel.error(end, error, peer)
        case .releaseRequested:
            try await channel.write(.acceptRelease)
            throw DICOMError(
                .connectionLost, "The peer released the association instead of answering.", peer: peer.description)
        case .fragments, .opened: throw violation("The peer sent a data set that nobody asked for.")
        }
    }

    private func status(of response: DIMSECommand) throws(DICOMError) -> DIMSEStatus {
        guard let status = response.status else { throw violation("The peer's response has no status.") }
        return status
    }

    private func violation(_ message: String) -> DICOMError {
        let error = DICOMError(.protocolViolation, message, peer: peer.description)
        channel.abort(error)
        return error
    }
}

/// What the peer says of an instance that was sent (PS3.4 B.2.3).
public struct StoreResult: Sendable {
    public let status: DIMSEStatus
    /// Error Comment (0000,0902), where the peer sent one. It may hold what the peer likes.
    public let errorComment: String?
    /// Bytes of the data set.
    public let byteCount: Int
}
