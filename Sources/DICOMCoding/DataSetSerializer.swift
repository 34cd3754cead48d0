import DICOMCore
import DICOMDictionary

/// Encodes data sets (PS3.5 chapter 7). Long values are not copied: the result is a list of chunks to be written one
/// after the other.
struct DataSetSerializer {
    /// Values from this length on become a chunk of their own.
    private static let longValue = 32 * 1024

    private let isExplicit: Bool
    private var buffer: [UInt8] = []
    private(set) var chunks: [ArraySlice<UInt8>] = []
    private var path: [DICOMTag] = []

    init(transferSyntax: TransferSyntax) throws(DICOMError) {
        guard transferSyntax.isSupported else {
            throw DICOMError(
                .unsupportedTransferSyntax,
                "\(transferSyntax) cannot be written; choose Explicit or Implicit VR Little Endian.")
        }
        isExplicit = transferSyntax.isExplicitVR
    }

    /// The chunks of everything that was written.
    mutating func finish() -> [ArraySlice<UInt8>] {
        flush()
        return chunks
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

    private func encoded(_ text: String, _ element: DataElement, _ characterSet: SpecificCharacterSet)
        throws(DICOMError)
        -> [UInt8]
    {
        let applies = if case .text(repertoire: true, _) = element.vr.kind { true } else { false }
        do {
            return try (applies ? characterSet : .ascii).encode(text)
        } catch {
            throw DICOMError(error.code, error.message, at: path + [element.tag])
        }
    }

    private mutating func write(_ bytes: ArraySlice<UInt8>, _ element: DataElement) throws(DICOMError) {
        let length = bytes.count + bytes.count & 1
        try writeHeader(element, length: length)
        if bytes.count >= Self.longValue, path.isEmpty {
            flush()
            chunks.append(bytes)
        } else {
            buffer.append(contentsOf: bytes)
        }
        if bytes.count & 1 == 1 { buffer.append(element.vr.padding) }
    }

    private mutating func write(_ items: [DataSet], _ element: DataElement, _ characterSet: SpecificCharacterSet)
        throws(DICOMError)
    {
        let start = try beginLength(element)
        path.append(element.tag)
        for item in items {
            writeTag(.item)
            let itemStart = beginLength()
            try write(item.inheriting(characterSet))
            try endLength(itemStart)
        }
        path.removeLast()
        try endLength(start)
    }

    private mutating func write(_ fragments: [ArraySlice<UInt8>], _ element: DataElement) throws(DICOMError) {
        writeTag(element.tag)
        if isExplicit { buffer += [UInt8(ascii: "O"), UInt8(ascii: "B"), 0, 0] }
        buffer += [0xFF, 0xFF, 0xFF, 0xFF]
        for fragment in fragments {
            guard let length = UInt32(exactly: fragment.count + fragment.count & 1) else { throw tooLong(element) }
            writeTag(.item)
            writeInteger(length)
            flush()
            chunks.append(fragment)
            if fragment.count & 1 == 1 { buffer.append(0) }
        }
        writeTag(.sequenceDelimitation)
        writeInteger(UInt32(0))
    }

    // MARK: - Headers and lengths

    private mutating func writeHeader(_ element: DataElement, length: Int) throws(DICOMError) {
        writeTag(element.tag)
        if isExplicit { writeVR(element.vr) }
        if isExplicit, !element.vr.has32BitLength {
            guard let short = UInt16(exactly: length) else { throw tooLong(element) }
            writeInteger(short)
        } else {
            guard let long = UInt32(exactly: length), long != .max else { throw tooLong(element) }
            writeInteger(long)
        }
    }

    private mutating func writeVR(_ vr: VR) {
        buffer.append(UInt8(truncatingIfNeeded: vr.rawValue >> 8))
        buffer.append(UInt8(truncatingIfNeeded: vr.rawValue))
        if vr.has32BitLength { buffer += [0, 0] }
    }

    private mutating func beginLength(_ element: DataElement) throws(DICOMError) -> Int {
        writeTag(element.tag)
        if isExplicit { writeVR(.sq) }
        return beginLength()
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
        for position in 0..<4 { buffer[start - 4 + position] = UInt8(truncatingIfNeeded: length >> (8 * position)) }
    }

    private mutating func writeTag(_ tag: DICOMTag) {
        writeInteger(tag.group)
        writeInteger(tag.element)
    }

    private mutating func writeInteger(_ value: some FixedWidthInteger) {
        for position in 0..<(value.bitWidth / 8) { buffer.append(UInt8(truncatingIfNeeded: value >> (8 * position))) }
    }

    private mutating func flush() {
        guard !buffer.isEmpty else { return }
        chunks.append(buffer[...])
        buffer = []
    }

    private func tooLong(_ element: DataElement) -> DICOMError {
        DICOMError(
            .unencodableValue,
            "The value has more bytes than the length field of \(element.vr) can say; shorten it or use implicit VR.",
            at: path + [element.tag])
    }
}
