/// One data element: tag, value representation and value (PS3.5 7.1).
public struct DataElement: Sendable {
    /// A value, as it was read or as the program set it.
    public enum Value: Sendable {
        /// The encoded value, numbers in little-endian byte order, padding included.
        case bytes(ArraySlice<UInt8>)
        /// Text set by the program; encoded in the data set's character set when it is written.
        case text(String)
        /// The items of a sequence (PS3.5 7.5).
        case sequence([DataSet])
        /// Encapsulated pixel data: the basic offset table, then the fragments (PS3.5 A.4).
        case fragments([ArraySlice<UInt8>])
    }

    /// The tag.
    public let tag: DICOMTag
    /// The value representation.
    public let vr: VR
    /// The value as it stands; ``strings``, ``ints``, ``doubles`` and ``items`` decode it.
    public let value: Value
    /// The character set of the data set that the element was taken from.
    package var characterSet: SpecificCharacterSet = .ascii

    /// An element; whether value and VR suit each other is looked at when it is written.
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
    /// The values as integers, from binary numbers (OW, OL and OV included) and from IS and DS with integral values.
    ///
    /// What `Int` cannot say, UV and OV values above `Int.max`, is left out; read those as `[UInt64]`.
    public var ints: [Int] { ints(as: vr) }
    /// The values as floating-point numbers, from binary numbers (OF, OD, OW, OL and OV included), DS and IS.
    public var doubles: [Double] { doubles(as: vr) }

    /// What is wrong with the encoding of the text: bytes that are not in the character set of the data set. `nil` when
    /// there are none, and for values that are no text.
    ///
    /// Such bytes are read as U+FFFD or, in the default repertoire, as Latin 1; they are written again as they were.
    public var textProblem: DICOMError? {
        guard vr.isText, case .bytes(let bytes) = value,
            let offset = characterSet.firstUndecodable(in: bytes, as: vr)
        else { return nil }
        guard case .text(repertoire: true, _) = vr.kind else {
            return DICOMError(
                .undecodableText, "Byte \(offset) of the value is not ASCII, which a value of \(vr) has to be.",
                at: [tag])
        }
        let terms = characterSet.terms.isEmpty ? "the default repertoire" : "the declared character set"
        return DICOMError(
            .undecodableText,
            "Byte \(offset) of the value is not in \(terms); set SpecificCharacterSet (0008,0005) to what the text was "
                + "encoded in, or set the text anew.\(characterSet.missingTable)",
            at: [tag])
    }

    /// The VR to decode by: UN says nothing, so what the caller knows is used.
    func effectiveVR(_ expected: VR) -> VR { vr == .un ? expected : vr }

    package func strings(as expected: VR) -> [String] {
        let vr = effectiveVR(expected)
        switch vr.kind {
        case .text(_, let multiple):
            guard let raw = rawText(vr) else { return [] }
            return multiple ? values(of: raw, leading: vr != .uc) : [trimmed(Substring(raw), leading: false)]
        case .uid, .decimal: return rawText(vr).map { values(of: $0, leading: true) } ?? []
        case .integer, .real: return numberStrings(vr)
        case .tag: return tags(as: vr).map(\.description)
        case .stream, .sequence: return []
        }
    }

    package func tags(as expected: VR) -> [DICOMTag] {
        guard case .tag = effectiveVR(expected).kind else { return [] }
        return (units(of: 4) ?? []).map {
            DICOMTag(UInt16(truncatingIfNeeded: $0), UInt16(truncatingIfNeeded: $0 >> 16))
        }
    }

    /// The text with its padding, decoded; `nil` when the value is empty or no text.
    private func rawText(_ vr: VR) -> String? {
        switch value {
        case .text(let text): return text.isEmpty ? nil : text
        case .bytes(let bytes):
            return bytes.isEmpty ? nil : characterSet.decode(bytes, as: vr)
        case .sequence, .fragments: return nil
        }
    }

    /// By code units: a backslash before a combining mark is no `Character` of its own. A value may be nothing but
    /// backslashes, so there is no second array.
    private func values(of text: String, leading: Bool) -> [String] {
        let backslash = UInt8(ascii: "\\")
        let utf8 = text.utf8
        var values: [String] = []
        values.reserveCapacity(1 + utf8.count { $0 == backslash })
        var start = utf8.startIndex
        while let end = utf8[start...].firstIndex(of: backslash) {
            values.append(trimmed(text[start..<end], leading: leading))
            start = utf8.index(after: end)
        }
        values.append(trimmed(text[start...], leading: leading))
        return values
    }

    /// Without trailing, and where they mean nothing leading, spaces and NULs (PS3.5 6.2).
    private func trimmed(_ text: Substring, leading: Bool) -> String {
        var utf8 = text.utf8
        while let last = utf8.last, last == 0x20 || last == 0 { utf8.removeLast() }
        if leading { while let first = utf8.first, first == 0x20 { utf8.removeFirst() } }
        return String(Substring(utf8))
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
        case (.text(let left), .text(let right)) where left == right: return true
        case (.sequence(let left), .sequence(let right)): return left == right
        case (.fragments(let left), .fragments(let right)): return left == right
        case (.bytes, .bytes), (.text, .bytes), (.bytes, .text), (.text, .text):
            return lhs.vr.isText && lhs.strings == rhs.strings
        case (.bytes, _), (.text, _), (.sequence, _), (.fragments, _): return false
        }
    }
}
