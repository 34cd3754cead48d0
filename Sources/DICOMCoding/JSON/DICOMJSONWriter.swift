import DICOMCore

/// Writes data sets in the DICOM JSON model (PS3.18 F.2) into one buffer.
struct DICOMJSONWriter {
    private(set) var bytes: [UInt8] = []
    private let isPretty: Bool
    private let bulkDataThreshold: Int
    private let bulkDataURI: ((String, DataElement) -> String?)?
    /// The sequences around the current element, with the index of the item.
    private var path: [(tag: DICOMTag, item: Int)] = []
    private var indentation = 0

    init(isPretty: Bool, bulkDataThreshold: Int, bulkDataURI: ((String, DataElement) -> String?)?) {
        self.isPretty = isPretty
        self.bulkDataThreshold = bulkDataThreshold
        self.bulkDataURI = bulkDataURI
    }

    mutating func write(_ dataSets: some Sequence<DataSet>) {
        writeList("[", "]", dataSets) { writer, dataSet, _ in writer.write(dataSet) }
    }

    mutating func write(_ dataSet: DataSet) {
        writeList("{", "}", dataSet) { writer, element, _ in writer.write(element) }
    }

    // MARK: - Elements

    private mutating func write(_ element: DataElement) {
        bytes.append(quote)
        write(element.tag)
        write(isPretty ? "\": {\"vr\": \"" : "\":{\"vr\":\"")
        // A sequence is one whatever its VR says: in JSON nothing else has items.
        let vr: VR = if case .sequence = element.value { .sq } else { element.vr }
        bytes.append(UInt8(truncatingIfNeeded: vr.rawValue >> 8))
        bytes.append(UInt8(truncatingIfNeeded: vr.rawValue))
        bytes.append(quote)
        if !element.isEmpty { writeValue(element) }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func writeValue(_ element: DataElement) {
        if let uri = bulkDataURI(element) {
            writeKey("BulkDataURI")
            writeString(uri)
            return
        }
        switch (element.value, element.vr.kind) {
        case (.sequence(let items), _): writeItems(items, element.tag)
        case (.fragments(let fragments), _): writeInlineBinary(Self.run(of: fragments)[...])
        case (.bytes(let bytes), .integer(let size, let signed)):
            writeUnits(bytes, size) { writer, bits in writer.writeInteger(bits, size, signed) }
        case (.bytes(let bytes), .real(let size)):
            writeUnits(bytes, size) { writer, bits in writer.writeReal(bits, size) }
        case (.bytes(let bytes), .tag):
            writeUnits(bytes, 4) { writer, bits in writer.writeTag(bits) }
        case (.bytes(let bytes), .stream), (.bytes(let bytes), .sequence): writeInlineBinary(bytes)
        case (.bytes, .text), (.bytes, .uid), (.bytes, .decimal), (.text, _): writeText(element)
        }
    }

    private mutating func writeItems(_ items: [DataSet], _ tag: DICOMTag) {
        writeKey("Value")
        path.append((tag, 0))
        writeList("[", "]", items) { writer, item, index in
            writer.path[writer.path.count - 1].item = index
            writer.write(item)
        }
        path.removeLast()
    }

    private mutating func writeInlineBinary(_ value: ArraySlice<UInt8>) {
        writeKey("InlineBinary")
        bytes.append(quote)
        Base64.append(value, to: &bytes)
        bytes.append(quote)
    }

    /// The items of encapsulated pixel data (PS3.5 A.4) as they stand in a file, without the sequence delimitation.
    private static func run(of fragments: [ArraySlice<UInt8>]) -> [UInt8] {
        var run: [UInt8] = []
        run.reserveCapacity(fragments.reduce(0) { $0 + $1.count + 8 })
        for fragment in fragments {
            run += [0xFE, 0xFF, 0x00, 0xE0]
            let length = UInt32(clamping: fragment.count)
            for position in 0..<4 { run.append(UInt8(truncatingIfNeeded: length >> (8 * position))) }
            run += fragment
        }
        return run
    }

    // MARK: - Text

    private mutating func writeText(_ element: DataElement) {
        let values = element.strings
        // Nothing but padding is no value, nor is a name without a component group.
        let isName = element.vr == .pn
        guard values.count > 1 || values.first?.utf8.allSatisfy({ isName && $0 == UInt8(ascii: "=") }) == false else {
            return
        }
        writeKey("Value")
        bytes.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { writeComma() }
            switch element.vr {
            case _ where value.isEmpty: write("null")
            case .pn: writeName(value)
            case .ds: writeDecimal(value, isNumber: JSONNumber.isNumber)
            // 1.0 is a number but no IS: a string keeps it.
            case .is: writeDecimal(value) { JSONNumber.isNumber($0) && JSONNumber.isInteger($0) }
            default: writeString(value)
            }
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func writeDecimal(_ text: String, isNumber: (ArraySlice<UInt8>) -> Bool) {
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        guard !isNumber(bytes[start...]) else { return }
        bytes.removeSubrange(start...)
        writeString(text)
    }

    /// A person name: an object of its component groups that are not empty (PS3.5 6.2.1.2).
    private mutating func writeName(_ name: String) {
        let groups = name.utf8.split(separator: UInt8(ascii: "="), maxSplits: 3, omittingEmptySubsequences: false)
        guard groups.prefix(3).contains(where: { !$0.isEmpty }) else { return write("null") }
        var isFirst = true
        for (key, group) in zip(["Alphabetic", "Ideographic", "Phonetic"], groups) where !group.isEmpty {
            if isFirst { bytes.append(UInt8(ascii: "{")) } else { writeComma() }
            isFirst = false
            writeString(key)
            writeColon()
            writeString(Substring(group))
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func writeString(_ text: some StringProtocol) {
        bytes.append(quote)
        if text.utf8.contains(where: { $0 < 0x20 || $0 == quote || $0 == UInt8(ascii: "\\") }) {
            for byte in text.utf8 { writeEscaped(byte) }
        } else {
            bytes.append(contentsOf: text.utf8)
        }
        bytes.append(quote)
    }

    private mutating func writeEscaped(_ byte: UInt8) {
        switch byte {
        case quote, UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
        case 0x0A: write("\\n")
        case 0x0D: write("\\r")
        case 0x09: write("\\t")
        case 0..<0x20:
            write("\\u00")
            bytes.append(hexadecimalDigit(byte >> 4))
            bytes.append(hexadecimalDigit(byte & 15))
        default: bytes.append(byte)
        }
    }

    // MARK: - Numbers

    private mutating func writeUnits(
        _ value: ArraySlice<UInt8>, _ size: Int, _ writeUnit: (inout DICOMJSONWriter, UInt64) -> Void
    ) {
        guard value.count >= size else { return }
        writeKey("Value")
        bytes.append(UInt8(ascii: "["))
        var index = value.startIndex
        while value.endIndex - index >= size {
            if index > value.startIndex { writeComma() }
            writeUnit(&self, loadLittleEndian(value, at: index, count: size))
            index += size
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func writeInteger(_ bits: UInt64, _ size: Int, _ signed: Bool) {
        let shift = 64 - 8 * size
        let number = Int64(bitPattern: bits << shift) >> shift
        guard signed, number < 0 else { return writeDigits(bits) }
        bytes.append(UInt8(ascii: "-"))
        writeDigits(number.magnitude)
    }

    private mutating func writeDigits(_ number: UInt64) {
        var rest = number
        let start = bytes.count
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    /// A float is written as the double that equals it. JSON has no numbers for what is not finite; PS3.18 says nothing of
    /// them, so they are strings as most programs read and write them.
    private mutating func writeReal(_ bits: UInt64, _ size: Int) {
        let number =
            size == 4 ? Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))) : Double(bitPattern: bits)
        if number.isFinite {
            write("\(number)")
        } else if number.isNaN {
            write("\"NaN\"")
        } else {
            write(number < 0 ? "\"-Infinity\"" : "\"Infinity\"")
        }
    }

    private mutating func writeTag(_ bits: UInt64) {
        bytes.append(quote)
        write(DICOMTag(UInt16(truncatingIfNeeded: bits), UInt16(truncatingIfNeeded: bits >> 16)))
        bytes.append(quote)
    }

    private mutating func write(_ tag: DICOMTag) {
        for shift in stride(from: 28, through: 0, by: -4) {
            bytes.append(hexadecimalDigit(UInt8(truncatingIfNeeded: tag.rawValue >> shift) & 15))
        }
    }

    // MARK: - Bulk data

    private func bulkDataURI(_ element: DataElement) -> String? {
        guard let bulkDataURI, element.vr.mayBeBulkData, Self.size(element.value) >= bulkDataThreshold else {
            return nil
        }
        let sequences = path.map { "\(Self.text($0.tag))/\($0.item)/" }
        return bulkDataURI(sequences.joined() + Self.text(element.tag), element)
    }

    private static func text(_ tag: DICOMTag) -> String { hexadecimal(tag.group) + hexadecimal(tag.element) }

    private static func size(_ value: DataElement.Value) -> Int {
        switch value {
        case .bytes(let bytes): bytes.count
        case .text(let text): text.utf8.count
        case .fragments(let fragments): fragments.reduce(0) { $0 + $1.count }
        case .sequence: 0
        }
    }

    // MARK: - Punctuation

    private var quote: UInt8 { UInt8(ascii: "\"") }

    /// Writes data sets or their elements between brackets, each on a line of its own where asked for.
    private mutating func writeList<Entries: Sequence>(
        _ opening: Unicode.Scalar, _ closing: Unicode.Scalar, _ entries: Entries,
        _ write: (inout DICOMJSONWriter, Entries.Element, Int) -> Void
    ) {
        bytes.append(UInt8(ascii: opening))
        indentation += 1
        var count = 0
        for entry in entries {
            if count > 0 { bytes.append(UInt8(ascii: ",")) }
            writeLineEnd()
            write(&self, entry, count)
            count += 1
        }
        indentation -= 1
        if count > 0 { writeLineEnd() }
        bytes.append(UInt8(ascii: closing))
    }

    private mutating func writeLineEnd() {
        guard isPretty else { return }
        bytes.append(0x0A)
        bytes.append(contentsOf: repeatElement(0x20, count: 2 * indentation))
    }

    /// The key after `vr`.
    private mutating func writeKey(_ key: String) {
        writeComma()
        bytes.append(quote)
        write(key)
        bytes.append(quote)
        writeColon()
    }

    private mutating func writeComma() { write(isPretty ? ", " : ",") }
    private mutating func writeColon() { write(isPretty ? ": " : ":") }
    private mutating func write(_ text: String) { bytes.append(contentsOf: text.utf8) }
}

private func hexadecimalDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
}

extension VR {
    /// Whether a value may be given by BulkDataURI (PS3.18 F.2.2).
    fileprivate var mayBeBulkData: Bool {
        switch self {
        case .ds, .fl, .fd, .is, .lt, .ob, .od, .of, .ol, .ov, .ow, .sl, .ss, .st, .sv, .uc, .ul, .un, .us, .ut, .uv:
            true
        default: false
        }
    }
}
