import DICOMCore
import DICOMDictionary

/// Encodes data sets (PS3.5 chapter 7). Long values are not copied: the result is a list of chunks to be written one
/// after the other.
///
/// Writing is strict: text that the program has set is checked against the rules of its VR and the character set. What
/// was read and not changed is written as it was.
struct DataSetSerializer {
    /// Values from this length on become a chunk of their own.
    private static let longValue = 32 * 1024

    private let transferSyntax: TransferSyntax
    private let isQuery: Bool
    private let isExplicit: Bool
    private let isBigEndian: Bool
    private var buffer: [UInt8] = []
    private var chunks: [ArraySlice<UInt8>] = []
    private var path: [DICOMTag] = []

    /// - Parameter isQuery: Whether ranges and wildcards may stand in place of values (PS3.4 C.2.2.2).
    init(transferSyntax: TransferSyntax, isQuery: Bool) {
        self.transferSyntax = transferSyntax
        self.isQuery = isQuery
        isExplicit = transferSyntax.isExplicitVR
        isBigEndian = !transferSyntax.isLittleEndian
        buffer.reserveCapacity(4096)
    }

    /// The chunks of everything that was written.
    mutating func finish() throws(DICOMError) -> [ArraySlice<UInt8>] {
        flush()
        guard transferSyntax.isDeflated else { return chunks }
        return [try Deflate.compress(chunks)[...]]
    }

    mutating func write(_ dataSet: DataSet) throws(DICOMError) {
        let characterSet = dataSet.characterSet
        for element in dataSet where !isDropped(element.tag) { try write(element, characterSet) }
    }

    /// Group lengths are retired and would be wrong after a change (PS3.5 7.2).
    private func isDropped(_ tag: DICOMTag) -> Bool { tag.isGroupLength && tag.group > 0x0006 }

    private mutating func write(_ element: DataElement, _ characterSet: SpecificCharacterSet) throws(DICOMError) {
        switch element.value {
        case .bytes(let bytes): try write(bytes, element)
        case .text(let text): try write(encoded(text, element, characterSet)[...], element)
        case .sequence(let items): try write(items, element, characterSet)
        case .fragments(let fragments): try write(fragments, element)
        }
    }

    private func encoded(
        _ text: String, _ element: DataElement, _ characterSet: SpecificCharacterSet
    ) throws(DICOMError) -> [UInt8] {
        do {
            if !isQuery { try element.vr.validate(text) }
            return try characterSet.encode(text, as: element.vr)
        } catch {
            throw DICOMError(error.code, error.message, at: path + [element.tag])
        }
    }

    private mutating func write(_ bytes: ArraySlice<UInt8>, _ element: DataElement) throws(DICOMError) {
        let unit = swappedUnit(element)
        let bytes = unit > 1 ? byteSwapped(bytes, unit: unit)[...] : bytes
        let isOdd = bytes.count & 1 == 1
        try writeHeader(element, length: bytes.count + (isOdd ? 1 : 0))
        if bytes.count >= Self.longValue, path.isEmpty {
            flush()
            chunks.append(bytes)
        } else {
            buffer.append(contentsOf: bytes)
        }
        if isOdd { buffer.append(element.vr.padding) }
    }

    /// The size of the units whose bytes have to be put in reverse order; 1 where none have.
    private func swappedUnit(_ element: DataElement) -> Int {
        isBigEndian || transferSyntax.hasBigEndianPixelData && element.tag == .pixelData ? element.vr.unitSize : 1
    }

    private mutating func write(
        _ items: [DataSet], _ element: DataElement, _ characterSet: SpecificCharacterSet
    ) throws(DICOMError) {
        writeTag(element.tag)
        if isExplicit { writeVR(.sq) }
        // In implicit VR only an undefined length shows that an element no dictionary knows is a sequence.
        let isDelimited = !isExplicit && DICOMDictionary.vr(of: element.tag) != .sq
        if isDelimited { writeInteger(UInt32.max) }
        let start = isDelimited ? 0 : beginLength()
        path.append(element.tag)
        for item in items {
            writeTag(.item)
            let itemStart = beginLength()
            try write(item.inheriting(characterSet))
            try endLength(itemStart)
        }
        path.removeLast()
        guard isDelimited else { return try endLength(start) }
        writeTag(.sequenceDelimitation)
        writeInteger(UInt32(0))
    }

    private mutating func write(_ fragments: [ArraySlice<UInt8>], _ element: DataElement) throws(DICOMError) {
        if element.tag == .pixelData, path.isEmpty, !transferSyntax.isEncapsulated {
            throw DICOMError(
                .unencodableValue,
                "The pixel data are compressed, and \(transferSyntax) has them uncompressed: decompress them, or keep the transfer syntax.",
                at: [element.tag])
        }
        writeTag(element.tag)
        // Encapsulated pixel data are OB (PS3.5 A.4); another element keeps its VR.
        if isExplicit { writeVR(element.vr == .ow || element.vr == .un ? element.vr : .ob) }
        writeInteger(UInt32.max)
        for fragment in fragments {
            let isOdd = fragment.count & 1 == 1
            guard let length = UInt32(exactly: fragment.count + (isOdd ? 1 : 0)), length != .max else {
                throw tooLong(element)
            }
            writeTag(.item)
            writeInteger(length)
            if path.isEmpty {
                flush()
                chunks.append(fragment)
            } else {
                buffer.append(contentsOf: fragment)
            }
            if isOdd { buffer.append(0) }
        }
        writeTag(.sequenceDelimitation)
        writeInteger(UInt32(0))
    }

    // MARK: - Headers and lengths

    private mutating func writeHeader(_ element: DataElement, length: Int) throws(DICOMError) {
        writeTag(element.tag)
        guard isExplicit else { return try writeLongLength(length, element) }
        if element.vr.has32BitLength {
            writeVR(element.vr)
            try writeLongLength(length, element)
        } else if let short = UInt16(exactly: length) {
            writeVR(element.vr)
            writeInteger(short)
        } else if isBigEndian, element.vr.unitSize > 1 {
            throw DICOMError(
                .unencodableValue,
                "The value is too long for the length field of \(element.vr), and as UN nobody would know its byte order: choose a little-endian transfer syntax.",
                at: path + [element.tag])
        } else {
            // The length field of the VR is too short for the value (PS3.5 6.2.2 note, CP-1066).
            writeVR(.un)
            try writeLongLength(length, element)
        }
    }

    private mutating func writeLongLength(_ length: Int, _ element: DataElement) throws(DICOMError) {
        guard let long = UInt32(exactly: length), long != .max else { throw tooLong(element) }
        writeInteger(long)
    }

    private mutating func writeVR(_ vr: VR) {
        buffer.append(UInt8(truncatingIfNeeded: vr.rawValue >> 8))
        buffer.append(UInt8(truncatingIfNeeded: vr.rawValue))
        if vr.has32BitLength {
            buffer.append(0)
            buffer.append(0)
        }
    }

    /// Leaves room for a length that is known later. Nothing is flushed inside a sequence, so the place stays where it is.
    private mutating func beginLength() -> Int {
        writeInteger(UInt32(0))
        return buffer.count
    }

    private mutating func endLength(_ start: Int) throws(DICOMError) {
        guard let length = UInt32(exactly: buffer.count - start), length != .max else {
            throw DICOMError(.unencodableValue, "A sequence is longer than 4 GiB; split it.", at: path)
        }
        for position in 0..<4 {
            let shift = 8 * (isBigEndian ? 3 - position : position)
            buffer[start - 4 + position] = UInt8(truncatingIfNeeded: length >> shift)
        }
    }

    private mutating func writeTag(_ tag: DICOMTag) {
        writeInteger(tag.group)
        writeInteger(tag.element)
    }

    @inline(__always) private mutating func writeInteger(_ value: UInt16) {
        let value = isBigEndian ? value.byteSwapped : value
        buffer.append(UInt8(truncatingIfNeeded: value))
        buffer.append(UInt8(truncatingIfNeeded: value >> 8))
    }

    @inline(__always) private mutating func writeInteger(_ value: UInt32) {
        let value = isBigEndian ? value.byteSwapped : value
        for position in 0..<4 { buffer.append(UInt8(truncatingIfNeeded: value >> (8 * position))) }
    }

    private mutating func flush() {
        guard !buffer.isEmpty else { return }
        chunks.append(buffer[...])
        buffer = []
    }

    private func tooLong(_ element: DataElement) -> DICOMError {
        DICOMError(
            .unencodableValue, "The value has 4 GiB or more, which no length field can say; split it.",
            at: path + [element.tag])
    }
}
