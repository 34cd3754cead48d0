public import DICOMCore

extension ElementPath {
    /// The path that a text stands for.
    ///
    /// Each part is a keyword of PS3.6 or a tag, `(0040,0275)` or `00400275`; parts that are sequences say which item,
    /// from 0 on. Private elements are tags.
    ///
    /// ```swift
    /// try ElementPath("RequestAttributesSequence[0].ScheduledProcedureStepID")
    /// ```
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/invalidValue`` that names the part that is wrong.
    public init(_ text: String) throws(DICOMError) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard let last = parts.last, parts.count <= DataSet.maximumPathLength else {
            throw DICOMError(.invalidValue, "The path has more than \(DataSet.maximumPathLength) parts; shorten it.")
        }
        var items: [Item] = []
        for part in parts.dropLast() {
            let (tag, index) = try Self.parse(part)
            guard let index else {
                throw Self.wrong(part, "says no item; write which one, such as '\(part.prefix(64))[0]'")
            }
            items.append(Item(tag, index))
        }
        let (tag, index) = try Self.parse(last)
        guard index == nil else {
            throw Self.wrong(last, "ends in an item; name an element in it, or leave the item out for the sequence")
        }
        self.init(tag, in: items)
    }

    /// The path with keywords where PS3.6 has them, and tags elsewhere.
    public var keywords: String {
        text { tag in
            guard let entry = DICOMDictionary.entry(for: tag), DICOMDictionary.tag(forKeyword: entry.keyword) == tag
            else {
                return tag.description
            }
            return entry.keyword
        }
    }

    private static func parse(_ part: Substring) throws(DICOMError) -> (tag: DICOMTag, index: Int?) {
        guard let bracket = part.firstIndex(of: "[") else { return (try tag(part, of: part), nil) }
        let digits = part[part.index(after: bracket)...].dropLast()
        guard part.last == "]", !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let index = Int(digits)
        else { throw wrong(part, "has no item number in its brackets; write one from 0 on, such as [0]") }
        return (try tag(part[..<bracket], of: part), index)
    }

    private static func tag(_ name: Substring, of part: Substring) throws(DICOMError) -> DICOMTag {
        if let tag = DICOMDictionary.tag(forKeyword: String(name)) { return tag }
        if let tag = DICOMTag(digits: name) { return tag }
        throw wrong(part, "is neither a keyword of PS3.6 (case counts) nor a tag such as (0010,0020) or 00100020")
    }

    private static func wrong(_ part: Substring, _ reason: String) -> DICOMError {
        DICOMError(.invalidValue, "'\(part.prefix(64))' \(reason).")
    }
}

extension DICOMTag {
    /// The tag written as `(gggg,eeee)`, `gggg,eeee` or `ggggeeee` in hexadecimal digits.
    fileprivate init?(digits text: Substring) {
        var digits = Array(text.utf8)
        if digits.count == 11, digits[0] == UInt8(ascii: "("), digits[5] == UInt8(ascii: ","),
            digits[10] == UInt8(ascii: ")")
        {
            digits = Array(digits[1...9])
        }
        if digits.count == 9, digits[4] == UInt8(ascii: ",") { digits.remove(at: 4) }
        guard digits.count == 8 else { return nil }
        var number: UInt32 = 0
        for digit in digits {
            guard let value = Character(Unicode.Scalar(digit)).hexDigitValue else { return nil }
            number = number << 4 | UInt32(value)
        }
        self.init(rawValue: number)
    }
}

extension DataSet {
    /// The element with this keyword of PS3.6 or at this path, such as `dataSet["PatientID"]` or
    /// `dataSet["RequestAttributesSequence[0].ScheduledProcedureStepID"]`; `nil` when absent or no such keyword.
    public subscript(_ path: String) -> DataElement? {
        if let tag = DICOMDictionary.tag(forKeyword: path) { return self[element: tag] }
        return (try? ElementPath(path)).flatMap { self[$0] }
    }

    /// Sets the value at a path, with the VR that the element has or PS3.6 gives it.
    ///
    /// Sequences that are absent are made, and so is the item that follows the last one of a sequence.
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/invalidValue`` when an item would leave a gap, an element on the
    ///   way is not a sequence, or no VR is known: use ``DataSet/set(_:at:)`` with an element then.
    public mutating func set(_ value: some AttributeValue, at path: ElementPath) throws(DICOMError) {
        let existing = self[path]?.vr
        guard let vr = existing == .un ? DICOMDictionary.vr(of: path.tag) : existing ?? DICOMDictionary.vr(of: path.tag)
        else {
            throw DICOMError(
                .invalidValue, "PS3.6 has no value representation for the element; set a whole element with one.",
                at: path.tags)
        }
        let stored = value.elementValue(vr: vr)
        guard stored.suits(vr) else {
            throw DICOMError(
                .invalidValue,
                "A value of type \(type(of: value)) cannot be stored as \(vr); use a type that \(vr) has.",
                at: path.tags)
        }
        try set(DataElement(path.tag, vr, stored), at: path)
    }
}

extension DataElement.Value {
    /// Whether a value of this form can be the value of an element with this VR: text only where text is.
    fileprivate func suits(_ vr: VR) -> Bool {
        switch self {
        case .bytes: vr != .sq
        case .text: vr.isText
        case .sequence: vr == .sq
        case .fragments: vr == .ob || vr == .ow
        }
    }
}
