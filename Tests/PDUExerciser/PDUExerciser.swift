import DICOMCore
import DICOMTesting
public import DICOMUpperLayer
import NIOCore

/// Does everything that an association does with bytes that claim to be PDUs, without a channel. The mutation test and the
/// fuzzer share it.
///
/// What is read has to obey some laws; a breach of one is thrown as a ``Contradiction``. That bytes are refused is none.
public enum PDUExerciser {
    /// The longest P-DATA-TF that is taken.
    public static let maximumPDULength: UInt32 = 16384

    /// A law that what was read does not obey.
    public struct Contradiction: Error, CustomStringConvertible {
        public let description: String

        init(_ description: String) { self.description = description }
    }

    /// What is found in a stream, however it is cut into pieces.
    public struct Outcome: Equatable, Sendable {
        public enum Step: Equatable, Sendable {
            case pdu(PDU)
            case command(contextID: UInt8, DIMSECommand)
            /// A whole data set.
            case data(Digest)
        }

        public var steps: [Step] = []
        /// What is there of a data set that is not whole.
        public var openData = Digest()
        /// Why the stream was refused.
        public var failure: String?
        /// Whether it ends between two PDUs, and between two messages; without a meaning when the stream was refused.
        public var endsBetweenPDUs = false
        public var endsBetweenMessages = false
    }

    /// The length of bytes and a sum that changes with each of them (FNV-1a).
    public struct Digest: Equatable, Sendable {
        public var count = 0
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325

        mutating func add(_ piece: ByteBuffer) {
            count += piece.readableBytes
            for byte in piece.readableBytesView { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
    }

    /// Uses bytes as what a peer sends.
    ///
    /// - Parameter seed: Chooses the pieces in which they arrive.
    /// - Throws: ``Contradiction``.
    @discardableResult
    public static func use(_ bytes: [UInt8], seed: UInt64) throws -> Outcome {
        let whole = try outcome([bytes[...]], checksLaws: true)
        let inPieces = try outcome(pieces(bytes, seed: seed), checksLaws: false)
        guard inPieces == whole else {
            throw Contradiction("what is found depends on how the bytes are cut: \(whole), or in pieces \(inPieces)")
        }
        return whole
    }

    /// Single bytes in one of eight cases, else pieces of up to a length that is chosen once.
    private static func pieces(_ bytes: [UInt8], seed: UInt64) -> [ArraySlice<UInt8>] {
        var generator = SeededGenerator(seed: seed)
        let longest = [1, 7, 64, 300][Int.random(in: 0...7, using: &generator) / 2 % 4]
        var pieces: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...longest, using: &generator))
            rest = rest.dropFirst(piece.count)
            pieces.append(piece)
        }
        return pieces
    }

    private static func outcome(_ pieces: [ArraySlice<UInt8>], checksLaws: Bool) throws -> Outcome {
        var decoder = PDUDecoder(maximumPDULength: maximumPDULength)
        var assembler = DIMSEAssembler()
        var outcome = Outcome()
        do {
            for piece in pieces {
                var received = ByteBuffer(bytes: piece)
                while let event = try decoder.next(from: &received) {
                    if case .pdu(let box) = event {
                        outcome.steps.append(.pdu(box.pdu))
                        if checksLaws { try check(box.pdu) }
                    }
                    try take(try assembler.receive(event), &outcome, checksLaws: checksLaws)
                }
                guard received.readableBytes == 0 else {
                    throw Contradiction("the decoder wants more bytes but leaves \(received.readableBytes)")
                }
            }
        } catch let error as DICOMError {
            outcome.failure = "\(error.code): \(error)"
            if error.code == .invalidPDU || error.code == .unrecognizedPDU { try checkStops(decoder) }
            return outcome
        }
        outcome.endsBetweenPDUs = decoder.isBetweenPDUs
        outcome.endsBetweenMessages = assembler.isBetweenMessages
        return outcome
    }

    private static func take(
        _ event: DIMSEAssembler.Event?, _ outcome: inout Outcome, checksLaws: Bool
    ) throws {
        switch event {
        case .command(let contextID, let command)?:
            outcome.steps.append(.command(contextID: contextID, command))
            if checksLaws { try check(command) }
        case .data(let piece)?: outcome.openData.add(piece)
        case .lastData(let piece)?:
            outcome.openData.add(piece)
            outcome.steps.append(.data(outcome.openData))
            outcome.openData = Digest()
        case nil: break
        }
    }

    /// A decoder that has thrown throws again, whatever comes.
    private static func checkStops(_ decoder: PDUDecoder) throws {
        var decoder = decoder
        var release = ByteBuffer(bytes: [5, 0, 0, 0, 0, 4, 0, 0, 0, 0])
        do { _ = try decoder.next(from: &release) } catch { return }
        throw Contradiction("the decoder goes on after an error")
    }
}
