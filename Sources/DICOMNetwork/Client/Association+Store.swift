public import DICOMCoding
public import DICOMCore
import DICOMDictionary
public import DICOMUpperLayer
import Glibc
import NIOCore

/// Brings a file into a transfer syntax that its peer has accepted; called with the file's path and that transfer syntax.
///
/// Where codecs are wanted, DICOMImaging has one: `{ try DICOMFile.read($0).transcoded(to: $1) }`.
public typealias InstanceTranscoder = @Sendable (String, TransferSyntax) throws -> DICOMFile

/// Brings uncompressed transfer syntaxes into one another.
public let uncompressedTranscoder: InstanceTranscoder = { path, transferSyntax in
    try DICOMFile.read(path).converted(to: transferSyntax)
}

/// C-STORE (PS3.7 9.1.1).
extension Association {
    /// How many bytes go to the socket in one write.
    private static let chunkSize = 512 * 1024
    /// The longest PDV that is sent where the peer sets no limit or a very high one.
    private static let longestFragment = 256 * 1024
    /// What a file may be brought into where the peer did not accept its own, the most wanted first.
    private static let convertible: [TransferSyntax] = [
        .explicitVRLittleEndian, .implicitVRLittleEndian, .deflatedExplicitVRLittleEndian, .explicitVRBigEndian,
    ]

    /// Sends a Part 10 file's data set; see ``store(_:moveOriginator:)``.
    public func store(file path: String) async throws -> StoreResult {
        try await store(OutgoingInstance(path: path))
    }

    /// Sends a Part 10 file's data set: as it stands there, without reading it into memory as a whole, where the peer has
    /// accepted its transfer syntax, else transcoded to one that it has.
    ///
    /// - Parameter moveOriginator: In a sub-operation of a C-MOVE: who asked for it, and that request's Message ID.
    /// - Returns: What the peer says; a failure status is no error here.
    /// - Throws: ``DICOMError``: ``DICOMError/Code/noAcceptedContext``, and errors of opening or transcoding the file, leave
    ///   the association usable; all others end it.
    public func store(
        _ instance: OutgoingInstance, moveOriginator: MoveOriginator? = nil
    ) async throws -> StoreResult {
        let accepted = contexts(for: instance.sopClassUID)
        guard let context = accepted.first(where: { $0.transferSyntax == instance.transferSyntax }) else {
            return try await storeTranscoded(instance, accepted, moveOriginator)
        }
        let file = try PosixFile(instance.path, O_RDONLY)
        return try await store(
            instance.sopClassUID, instance.sopInstanceUID, context, length: instance.dataSetLength, moveOriginator
        ) { (buffer, offset, count) throws(DICOMError) in
            try buffer.write(count, of: file, at: instance.dataSetOffset + offset)
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
        guard let context = contexts(for: sopClassUID).first(where: { $0.transferSyntax == transferSyntax }) else {
            throw notAccepted(sopClassUID, " in \(transferSyntax)")
        }
        return try await store(dataSet, sopClassUID, sopInstanceUID, context, nil)
    }

    private func store(
        _ dataSet: DataSet, _ sopClassUID: UID, _ sopInstanceUID: UID, _ context: AcceptedContext,
        _ moveOriginator: MoveOriginator?
    ) async throws -> StoreResult {
        let bytes = try dataSet.encoded(as: context.transferSyntax)
        return try await store(
            sopClassUID, sopInstanceUID, context, length: bytes.count, moveOriginator
        ) { (buffer, offset, count) in
            buffer.writeBytes(bytes[offset..<offset + count])
        }
    }

    private func storeTranscoded(
        _ instance: OutgoingInstance, _ accepted: [AcceptedContext], _ moveOriginator: MoveOriginator?
    ) async throws -> StoreResult {
        let candidates =
            Self.convertible.compactMap { syntax in accepted.first { $0.transferSyntax == syntax } }
            + accepted.filter { !Self.convertible.contains($0.transferSyntax) }
        guard !candidates.isEmpty else {
            throw notAccepted(instance.sopClassUID, ", the kind of '\(instance.path)' (in \(instance.transferSyntax))")
        }
        var failure: DICOMError?
        for context in candidates {
            do {
                let file = try await transcoded(instance.path, to: context.transferSyntax)
                return try await store(
                    file.dataSet, instance.sopClassUID, instance.sopInstanceUID, context, moveOriginator)
            } catch let error as DICOMError where error.code == .unsupportedTransferSyntax {
                failure = failure ?? error
            }
        }
        throw DICOMError(
            .noAcceptedContext,
            "'\(instance.path)' is in \(instance.transferSyntax), which the peer did not accept, and cannot be brought into \(candidates[0].transferSyntax), which it did.",
            peer: peer.description, underlying: failure)
    }

    /// Reads and transcodes away from the event loop.
    private func transcoded(_ path: String, to transferSyntax: TransferSyntax) async throws -> DICOMFile {
        let transcode = settings.transcode
        return try await Task.detached { try transcode(path, transferSyntax) }.value
    }

    /// Sends a C-STORE-RQ in as few writes as the chunk size allows: small instances go with their command in one.
    private func store(
        _ sopClassUID: UID, _ sopInstanceUID: UID, _ context: AcceptedContext, length: Int,
        _ moveOriginator: MoveOriginator?, read: (inout ByteBuffer, _ offset: Int, _ count: Int) throws -> Void
    ) async throws -> StoreResult {
        let start = ContinuousClock.now
        let messageID = try await begin()
        var command = DIMSECommand.cStoreRequest(
            messageID: messageID, sopClassUID: sopClassUID, sopInstanceUID: sopInstanceUID)
        if let moveOriginator {
            command.dataSet[.moveOriginatorApplicationEntityTitle] = moveOriginator.aeTitle
            command.dataSet[.moveOriginatorMessageID] = Int(moveOriginator.messageID)
        }
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
                    try await channel.write(buffer)
                    buffer = channel.buffer(capacity: min(Self.chunkSize + fragmentLength, length - offset + 4096))
                }
            } while offset < length
            if buffer.readableBytes > 0 { try await channel.write(buffer) }
        } catch {
            throw await channel.reason(for: error, peer)
        }
        let response = try await response(to: messageID, .cStoreResponse, context)
        settings.metrics?.transferred(length, response.status, since: start)
        return StoreResult(
            status: response.status, errorComment: response.command.dataSet[.errorComment], byteCount: length)
    }
}

extension ByteBuffer {
    /// Appends so many bytes of a file, read right into the buffer.
    fileprivate mutating func write(_ count: Int, of file: borrowing PosixFile, at offset: Int) throws(DICOMError) {
        var failure: DICOMError?
        let read = writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            do throws(DICOMError) {
                return try file.read(into: .init(rebasing: space[..<count]), at: offset)
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        guard read == count else {
            throw DICOMError(.truncatedDataSet, "The file became shorter while it was sent.")
        }
    }
}

/// Who asked for the C-MOVE that a C-STORE belongs to (PS3.7 9.1.1.1.6 and 9.1.1.1.7).
public struct MoveOriginator: Sendable, Hashable {
    /// Move Originator Application Entity Title (0000,1030).
    public let aeTitle: String
    /// Move Originator Message ID (0000,1031).
    public let messageID: UInt16

    public init(aeTitle: String, messageID: UInt16) {
        self.aeTitle = aeTitle
        self.messageID = messageID
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
