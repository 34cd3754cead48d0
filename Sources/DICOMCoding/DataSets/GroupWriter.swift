package import DICOMCore

/// Encodes one group of short elements with its group length, in little endian.
///
/// It is for the groups that are made anew for each instance received, where a data set would take more time than all
/// the rest of the receiver's own code. The caller writes the elements in ascending order.
package struct GroupWriter {
    private var bytes: [UInt8]
    private let group: UInt16
    private let isExplicit: Bool
    /// Where the elements begin whose length the group length states.
    private let start: Int

    /// - Parameter prefix: What stands before the group.
    package init(_ group: UInt16, isExplicit: Bool, after prefix: [UInt8] = []) {
        bytes = []
        bytes.reserveCapacity(prefix.count + 512)
        bytes += prefix
        self.group = group
        self.isExplicit = isExplicit
        // (gggg,0000) UL, 4 bytes; the value is known at the end.
        start = prefix.count + 12
        append(group)
        append(0)
        if isExplicit { bytes += [UInt8(ascii: "U"), UInt8(ascii: "L"), 4, 0] } else { bytes += [4, 0, 0, 0] }
        bytes += [0, 0, 0, 0]
    }

    /// Writes an element of ASCII text.
    ///
    /// - Throws: ``DICOMError`` with `unencodableValue` when the text has other characters or is too long.
    package mutating func write(_ element: UInt16, _ vr: VR, _ text: String) throws(DICOMError) {
        let value = text.utf8
        guard value.allSatisfy({ $0 < 0x80 }) else { throw unencodable(element, "not ASCII") }
        try writeHeader(element, vr, length: value.count)
        bytes += value
        if value.count & 1 == 1 { bytes.append(vr.padding) }
    }

    /// Writes an element of VR OB with an even number of bytes.
    package mutating func write(_ element: UInt16, _ value: [UInt8]) throws(DICOMError) {
        try writeHeader(element, .ob, length: value.count)
        bytes += value
    }

    /// Writes an element of VR US.
    package mutating func write(_ element: UInt16, _ number: UInt16) throws(DICOMError) {
        try writeHeader(element, .us, length: 2)
        append(number)
    }

    /// The prefix and the group.
    package consuming func finish() throws(DICOMError) -> [UInt8] {
        guard let length = UInt32(exactly: bytes.count - start) else { throw unencodable(0, "too long") }
        for position in 0..<4 { bytes[start - 4 + position] = UInt8(truncatingIfNeeded: length >> (8 * position)) }
        return bytes
    }

    private mutating func writeHeader(_ element: UInt16, _ vr: VR, length: Int) throws(DICOMError) {
        append(group)
        append(element)
        if isExplicit {
            bytes.append(UInt8(truncatingIfNeeded: vr.rawValue >> 8))
            bytes.append(UInt8(truncatingIfNeeded: vr.rawValue))
            if vr.has32BitLength { append(0) }
        }
        let padded = length + length & 1
        guard let short = UInt16(exactly: padded) else { throw unencodable(element, "too long") }
        append(short)
        if !isExplicit || vr.has32BitLength { append(0) }
    }

    private mutating func append(_ number: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: number))
        bytes.append(UInt8(truncatingIfNeeded: number >> 8))
    }

    private func unencodable(_ element: UInt16, _ reason: String) -> DICOMError {
        DICOMError(
            .unencodableValue, "The value is \(reason), which its element does not take.",
            at: [DICOMTag(group, element)])
    }
}
