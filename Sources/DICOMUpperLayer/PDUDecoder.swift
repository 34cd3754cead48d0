public import DICOMCore
public import NIOCore

/// What ``PDUDecoder`` found. P-DATA comes in pieces, as it arrives: slices of what was received.
///
/// It fits into 24 bytes, beyond which NIO would allocate memory for each event; that is why the buffer comes first.
public enum PDUEvent: Sendable {
    /// A whole control PDU, in a box to keep the enum small.
    case pdu(Box)
    /// A piece of a command; more of it comes.
    case command(ByteBuffer, contextID: UInt8)
    /// The piece that ends a command; it may be empty.
    case lastCommand(ByteBuffer, contextID: UInt8)
    /// A piece of a data set; more of it comes.
    case data(ByteBuffer, contextID: UInt8)
    /// The piece that ends a data set; it may be empty.
    case lastData(ByteBuffer, contextID: UInt8)

    public final class Box: Sendable {
        public let pdu: PDU
        init(_ pdu: PDU) { self.pdu = pdu }
    }
}

/// Decodes what a peer sends, as it arrives (PS3.8 9.3).
///
/// Of P-DATA-TF only the headers of the PDU and of its presentation data values are looked at; the payload is handed on
/// in slices of the receive buffer, neither copied nor gathered. Control PDUs are gathered, after their length was
/// compared with a limit.
///
/// ```swift
/// var decoder = PDUDecoder(maximumPDULength: 131072)
/// while let event = try decoder.next(from: &received) { … }   // then `received` is used up
/// ```
public struct PDUDecoder: Sendable {
    /// The longest control PDU that is taken, in bytes after its length field.
    public static let maximumControlPDULength: UInt32 = 1 << 20

    /// The longest P-DATA-TF that is taken, in bytes after its length field; 0 means any length. It is what this side
    /// stated in ``UserInformation/maximumPDULength``.
    public var maximumPDULength: UInt32

    private var state = State.header
    /// What arrived of a PDU header, a value header or a control PDU that is not complete yet.
    private var partial = ByteBuffer()

    private enum State {
        /// The 6 bytes that each PDU begins with.
        case header
        case control(PDUType, length: Int)
        /// The 6 bytes that each presentation data value begins with.
        case valueHeader(leftInPDU: Int)
        case value(Value)
        case failed
    }

    private struct Value {
        var contextID: UInt8
        var isCommand: Bool
        var isLast: Bool
        var left: Int
        var leftInPDU: Int
    }

    public init(maximumPDULength: UInt32) { self.maximumPDULength = maximumPDULength }

    /// Whether the bytes so far end between two PDUs.
    public var isBetweenPDUs: Bool {
        if case .header = state { partial.readableBytes == 0 } else { false }
    }

    /// Takes bytes from the front of `buffer` up to the next event.
    ///
    /// - Returns: `nil` when the buffer is used up.
    /// - Throws: ``DICOMError`` with `unrecognizedPDU` or `invalidPDU`. What follows cannot be understood any more: a
    ///   decoder that has thrown throws again.
    public mutating func next(from buffer: inout ByteBuffer) throws(DICOMError) -> PDUEvent? {
        do throws(DICOMError) {
            while true {
                switch state {
                case .header:
                    guard let header = take(6, from: &buffer) else { return nil }
                    try readHeader(header)
                case .control(let type, let length):
                    guard let body = take(length, from: &buffer) else { return nil }
                    state = .header
                    return .pdu(.init(try PDU(type, body: body)))
                case .valueHeader(let left):
                    guard let header = take(6, from: &buffer) else { return nil }
                    if let event = try readValueHeader(header, leftInPDU: left) { return event }
                case .value(let value):
                    guard buffer.readableBytes > 0 else { return nil }
                    return readValue(value, from: &buffer)
                case .failed:
                    throw DICOMError(.invalidPDU, "The bytes after an invalid PDU cannot be decoded.")
                }
            }
        } catch {
            state = .failed
            partial = ByteBuffer()
            throw error
        }
    }

    /// The next `count` bytes when they are there; else keeps what is there.
    private mutating func take(_ count: Int, from buffer: inout ByteBuffer) -> ByteBuffer? {
        if partial.readableBytes == 0, let slice = buffer.readSlice(length: count) { return slice }
        let missing = min(count - partial.readableBytes, buffer.readableBytes)
        if var piece = buffer.readSlice(length: missing) { partial.writeBuffer(&piece) }
        guard partial.readableBytes == count else { return nil }
        defer { partial = ByteBuffer() }
        return partial
    }

    private mutating func readHeader(_ header: ByteBuffer) throws(DICOMError) {
        var header = header
        let (code, _, length) = header.readMultipleIntegers(as: (UInt8, UInt8, UInt32).self) ?? (0, 0, 0)
        guard let type = PDUType(rawValue: code) else {
            // 20 to 23 are the types of TLS's records (RFC 8446 5.1).
            let hint =
                (20...23).contains(code) ? " The peer speaks TLS: set TLS up here, too, or use its other port." : ""
            throw DICOMError(
                .unrecognizedPDU, "The peer sent something that is not DICOM: no PDU begins with byte \(code).\(hint)")
        }
        guard type == .data else {
            guard length <= Self.maximumControlPDULength else {
                throw invalidPDU(
                    "A control PDU of type \(code) and \(length) bytes is longer than \(Self.maximumControlPDULength).")
            }
            state = .control(type, length: Int(length))
            return
        }
        guard maximumPDULength == 0 || length <= maximumPDULength else {
            throw invalidPDU("A P-DATA-TF of \(length) bytes is longer than \(maximumPDULength), which was negotiated.")
        }
        guard length >= 6 else { throw invalidPDU("A P-DATA-TF of \(length) bytes holds no presentation data value.") }
        state = .valueHeader(leftInPDU: Int(length))
    }

    /// Item length, context, message control header (PS3.8 9.3.5.1, E.2).
    private mutating func readValueHeader(_ header: ByteBuffer, leftInPDU: Int) throws(DICOMError) -> PDUEvent? {
        var header = header
        guard
            let (length, contextID, control) = header.readMultipleIntegers(as: (UInt32, UInt8, UInt8).self),
            length >= 2, Int(length) <= leftInPDU - 4
        else { throw invalidPDU("A presentation data value does not fit into its P-DATA-TF.") }
        let rest = leftInPDU - 4 - Int(length)
        guard rest == 0 || rest >= 6 else {
            throw invalidPDU("\(rest) bytes are left over after the last presentation data value of a P-DATA-TF.")
        }
        let value = Value(
            contextID: contextID, isCommand: control & 1 == 1, isLast: control & 2 == 2, left: Int(length) - 2,
            leftInPDU: rest)
        guard value.left > 0 else {
            state = rest == 0 ? .header : .valueHeader(leftInPDU: rest)
            return value.isLast ? event(value, ByteBuffer(), ends: true) : nil
        }
        state = .value(value)
        return nil
    }

    private mutating func readValue(_ value: Value, from buffer: inout ByteBuffer) -> PDUEvent? {
        var value = value
        guard let piece = buffer.readSlice(length: min(value.left, buffer.readableBytes)) else { return nil }
        value.left -= piece.readableBytes
        if value.left > 0 {
            state = .value(value)
        } else {
            state = value.leftInPDU == 0 ? .header : .valueHeader(leftInPDU: value.leftInPDU)
        }
        return event(value, piece, ends: value.left == 0)
    }

    private func event(_ value: Value, _ bytes: ByteBuffer, ends: Bool) -> PDUEvent {
        switch (value.isCommand, value.isLast && ends) {
        case (true, false): .command(bytes, contextID: value.contextID)
        case (true, true): .lastCommand(bytes, contextID: value.contextID)
        case (false, false): .data(bytes, contextID: value.contextID)
        case (false, true): .lastData(bytes, contextID: value.contextID)
        }
    }
}
