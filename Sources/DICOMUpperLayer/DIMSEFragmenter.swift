public import DICOMCore
public import NIOCore

/// Writes messages as P-DATA-TF PDUs that the peer can take (PS3.8 9.3.5, annex E): one presentation data value each.
public struct DIMSEFragmenter: Sendable {
    /// PDU header and presentation data value header, in bytes.
    public static let headerLength = 12

    /// The most payload that one PDU carries, in bytes.
    public let maximumPayloadLength: Int

    /// - Parameter peerMaximumPDULength: What the peer stated; 0 stands for no limit, and then PDUs of 128 KiB are sent.
    /// - Throws: ``DICOMError`` with `invalidNegotiation` when not even one byte of payload fits.
    public init(peerMaximumPDULength: UInt32) throws(DICOMError) {
        let length = peerMaximumPDULength == 0 ? 128 * 1024 : min(Int(peerMaximumPDULength), 16 << 20)
        // Of the PDU's length, 6 bytes are the value's own header. Fragments are of even length, as PS3.8 annex F has it.
        let payload = (length - 6) & ~1
        guard payload >= 2 else {
            throw DICOMError(
                .invalidNegotiation,
                "The peer takes PDUs of at most \(peerMaximumPDULength) bytes, in which nothing can be sent.")
        }
        maximumPayloadLength = payload
    }

    /// Appends the PDUs of a whole command.
    public func write(_ command: DIMSECommand, contextID: UInt8, into buffer: inout ByteBuffer) throws(DICOMError) {
        writeCommand(try command.encoded()[...], contextID: contextID, into: &buffer)
    }

    /// Appends the PDUs of a whole command that is encoded already.
    public func writeCommand(_ bytes: ArraySlice<UInt8>, contextID: UInt8, into buffer: inout ByteBuffer) {
        write(bytes, contextID: contextID, isCommand: true, into: &buffer)
    }

    /// Appends the PDUs of a part of a data set, or of a whole one; one with no bytes gets an empty last value.
    ///
    /// - Parameter isLast: Whether this is the data set's end.
    public func writeData(
        _ bytes: ArraySlice<UInt8>, contextID: UInt8, isLast: Bool, into buffer: inout ByteBuffer
    ) {
        write(bytes, contextID: contextID, isCommand: false, isLast: isLast, into: &buffer)
    }

    /// Appends the 12 bytes that come before a payload of data set bytes, which the caller writes behind them.
    ///
    /// - Parameter length: Of the payload; from 0 to ``maximumPayloadLength``.
    public func writeDataHeader(contextID: UInt8, length: Int, isLast: Bool, into buffer: inout ByteBuffer) {
        writeHeader(contextID, length, control: isLast ? 2 : 0, into: &buffer)
    }

    private func write(
        _ bytes: ArraySlice<UInt8>, contextID: UInt8, isCommand: Bool, isLast: Bool = true,
        into buffer: inout ByteBuffer
    ) {
        var rest = bytes
        repeat {
            let piece = rest.prefix(maximumPayloadLength)
            rest = rest.dropFirst(piece.count)
            let ends = isLast && rest.isEmpty
            guard !piece.isEmpty || ends else { return }
            writeHeader(contextID, piece.count, control: (isCommand ? 1 : 0) | (ends ? 2 : 0), into: &buffer)
            buffer.writeBytes(piece)
        } while !rest.isEmpty
    }

    private func writeHeader(_ contextID: UInt8, _ length: Int, control: UInt8, into buffer: inout ByteBuffer) {
        precondition((0...maximumPayloadLength).contains(length), "the payload is not longer than the peer's limit")
        buffer.writeMultipleIntegers(
            PDUType.data.rawValue, UInt8(0), UInt32(length + 6), UInt32(length + 2), contextID, control)
    }
}
