/// One data element: tag, value representation and value (PS3.5 7.1).
public struct DataElement: Sendable {
    /// A value, as it was read or as the program set it.
    public enum Value: Sendable {
        /// The encoded value, numbers in little-endian byte order, padding included.
        case bytes(ArraySlice<UInt8>)
        /// Text set by the program; encoded in the data set's character set when it is written.
        case text(String)
        case sequence([DataSet])
        /// Encapsulated pixel data: the basic offset table, then the fragments (PS3.5 A.4).
        case fragments([ArraySlice<UInt8>])
    }

    public let tag: DICOMTag
    public let vr: VR
    public let value: Value
    /// The character set of the data set that the element was taken from.
    package var characterSet: SpecificCharacterSet = .ascii

    public init(_ tag: DICOMTag, _ vr: VR, _ value: Value) {
        self.tag = tag
        self.vr = vr
        self.value = value
    }
}

extension DataElement {
    /// The encoded bytes; `nil` for sequences, fragments and text not yet encoded.
    public var bytes: ArraySlice<UInt8>? {
        guard case .bytes(let bytes) = value else { return nil }
        return bytes
    }

    /// The items; empty for what is not a sequence.
    public var items: [DataSet] {
        guard case .sequence(let items) = value else { return [] }
        return items
    }

    /// Whether the value has no bytes, items or fragments.
    public var isEmpty: Bool {
        switch value {
        case .bytes(let bytes): bytes.isEmpty
        case .text(let text): text.isEmpty
        case .sequence(let items): items.isEmpty
        case .fragments(let fragments): fragments.isEmpty
        }
    }

    /// The values as text: text itself, numbers as their digits, UIDs; empty for binary values and sequences.
    public var strings: [String] { strings(as: vr) }
    /// The values as integers, from binary numbers and from IS and DS with integral values.
    public var ints: [Int] { ints(as: vr) }
    /// The values as floating-point numbers, from binary numbers, DS and IS.
    public var doubles: [Double] { doubles(as: vr) }

    /// The VR to decode by: UN says nothing, so what the caller knows is used.
    private func effectiveVR(_ expected: VR) -> VR { vr == .un ? expected : vr }

    package func strings(as expected: VR) -> [String] {
        let vr = effectiveVR(expected)
        switch vr.kind {
        case .text(_, let multiple):
            guard let raw = rawText(vr) else { return [] }
            return multiple
                ? split(raw).map { trimmed($0, leading: vr != .uc) } : [trimmed(Substring(raw), leading: false)]
        case .uid, .decimal:
            guard let raw = rawText(vr) else { return [] }
            return split(raw).map { trimmed($0, leading: true) }
        case .integer: return ints(as: vr).map(String.init)
        case .real: return doubles(as: vr).map { "\($0)" }
        case .tag: return tags(as: vr).map(\.description)
        case .stream, .sequence: return []
        }
    }

    package func ints(as expected: VR) -> [Int] {
        let vr = effectiveVR(expected)
        if case .integer(let size, let signed) = vr.kind {
            return units(of: size).compactMap { bits in
                signed ? Int(truncatingIfNeeded: signExtended(bits, size)) : Int(exactly: bits)
            }
        }
        return strings(as: vr).compactMap { text in
            Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
        }
    }

    package func doubles(as expected: VR) -> [Double] {
        let vr = effectiveVR(expected)
        switch vr.kind {
        case .real(let size):
            return units(of: size).map {
                size == 4 ? Double(Float(bitPattern: UInt32(truncatingIfNeeded: $0))) : Double(bitPattern: $0)
            }
        case .integer: return ints(as: vr).map(Double.init)
        case .text, .uid, .decimal, .tag, .stream, .sequence: return strings(as: vr).compactMap { Double($0) }
        }
    }

    package func tags(as expected: VR) -> [DICOMTag] {
        guard case .tag = effectiveVR(expected).kind else { return [] }
        return units(of: 4).map { DICOMTag(UInt16(truncatingIfNeeded: $0), UInt16(truncatingIfNeeded: $0 >> 16)) }
    }

    /// The text with its padding, decoded; `nil` when the value is empty or no text.
    private func rawText(_ vr: VR) -> String? {
        switch value {
        case .text(let text): return text.isEmpty ? nil : text
        case .bytes(let bytes):
            guard !bytes.isEmpty else { return nil }
            if case .text(repertoire: true, _) = vr.kind { return characterSet.decode(bytes) }
            return SpecificCharacterSet.ascii.decode(bytes)
        case .sequence, .fragments: return nil
        }
    }

    private func split(_ text: String) -> [Substring] {
        text.utf8.contains(UInt8(ascii: "\\"))
            ? text.split(separator: "\\", omittingEmptySubsequences: false) : [Substring(text)]
    }

    /// Without trailing, and where they mean nothing leading, spaces and NULs (PS3.5 6.2).
    private func trimmed(_ text: Substring, leading: Bool) -> String {
        var utf8 = text.utf8
        while let last = utf8.last, last == 0x20 || last == 0 { utf8.removeLast() }
        if leading { while let first = utf8.first, first == 0x20 { utf8.removeFirst() } }
        return String(Substring(utf8))
    }

    /// Little-endian units of `size` bytes; an incomplete one at the end is left out.
    private func units(of size: Int) -> [UInt64] {
        guard case .bytes(let bytes) = value, size > 0 else { return [] }
        var result: [UInt64] = []
        result.reserveCapacity(bytes.count / size)
        var index = bytes.startIndex
        while bytes.endIndex - index >= size {
            result.append(loadLittleEndian(bytes, at: index, count: size))
            index += size
        }
        return result
    }

    private func signExtended(_ bits: UInt64, _ size: Int) -> Int64 {
        let shift = 64 - 8 * size
        return Int64(bitPattern: bits << shift) >> shift
    }
}

/// `count` (at most 8) bytes from `index` on as an integer, the lowest first. The caller has checked that they are there.
package func loadLittleEndian(_ bytes: ArraySlice<UInt8>, at index: Int, count: Int) -> UInt64 {
    var bits: UInt64 = 0
    for offset in 0..<count { bits |= UInt64(bytes[index + offset]) << (8 * offset) }
    return bits
}

extension DataElement: Equatable {
    /// Tag, VR and value are the same; text is compared decoded and without padding.
    public static func == (lhs: DataElement, rhs: DataElement) -> Bool {
        guard lhs.tag == rhs.tag, lhs.vr == rhs.vr else { return false }
        switch (lhs.value, rhs.value) {
        case (.bytes(let left), .bytes(let right))
        where left == right && (lhs.characterSet == rhs.characterSet || !lhs.vr.isText):
            return true
        case (.sequence(let left), .sequence(let right)): return left == right
        case (.fragments(let left), .fragments(let right)): return left == right
        case (.bytes, .bytes), (.text, .bytes), (.bytes, .text), (.text, .text):
            return lhs.vr.isText && lhs.strings == rhs.strings
        case (.bytes, _), (.text, _), (.sequence, _), (.fragments, _): return false
        }
    }
}
