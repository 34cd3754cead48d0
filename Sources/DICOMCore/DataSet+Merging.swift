extension DataSet {
    /// The elements of both data sets; see ``merge(_:uniquingWith:)``.
    public func merging(
        _ other: DataSet, uniquingWith combine: (_ current: DataElement, _ new: DataElement) throws -> DataElement
    ) rethrows -> DataSet {
        var result = self
        try result.merge(other, uniquingWith: combine)
        return result
    }

    /// The elements of both data sets, the other's where both have one; see ``merge(_:uniquingWith:)``.
    public func merging(_ other: DataSet) -> DataSet { merging(other) { $1 } }

    /// Adds the elements of another data set, which replace those of the same tags; see ``merge(_:uniquingWith:)``.
    public mutating func merge(_ other: DataSet) { merge(other) { $1 } }

    /// Adds the elements of another data set. A sequence is one element: its items are not merged.
    ///
    /// The data set keeps its Specific Character Set (0008,0005), or takes the other's when it has none. Text that was
    /// in another character set is encoded again when the data set is written; items state the one that they are in.
    /// Private elements keep their tags: merge data sets whose private blocks agree, or leave them out.
    /// - Parameter combine: What counts of an element that both have, under the same tag.
    public mutating func merge(
        _ other: DataSet, uniquingWith combine: (_ current: DataElement, _ new: DataElement) throws -> DataElement
    ) rethrows {
        if !contains(.specificCharacterSet) {
            self[element: .specificCharacterSet] = other[element: .specificCharacterSet]
        }
        let target = characterSet
        var elements = makeIterator()
        var current = elements.next()
        for element in other where element.tag != .specificCharacterSet {
            while let passed = current, passed.tag < element.tag { current = elements.next() }
            let own = current?.tag == element.tag ? current : nil
            let combined = try own.map { try combine($0, element) } ?? element
            self[element: element.tag] = combined.moved(to: target)
        }
    }
}

extension DataSet {
    /// Changes Specific Character Set (0008,0005), and converts the text that was read in another one.
    ///
    /// ```swift
    /// dataSet.setCharacterSet(.utf8)
    /// dataSet[.patientComments] = "山田"
    /// ```
    /// Setting the attribute alone only says how the bytes are to be understood. Items keep the set that their text is in
    /// and state it, and bytes that cannot be decoded stay as they are.
    public mutating func setCharacterSet(_ target: SpecificCharacterSet) {
        let moved = filter { $0.tag != .specificCharacterSet }.map { ($0, $0.moved(to: target)) }
        if target.terms.isEmpty {
            remove(.specificCharacterSet)
        } else {
            let terms = target.terms.joined(separator: "\\")
            self[element: .specificCharacterSet] = DataElement(.specificCharacterSet, .cs, .text(terms))
        }
        for (old, new) in moved where old.characterSet != target {
            if case .bytes(let bytes) = new.value, bytes == old.bytes { continue }
            if case .fragments = new.value { continue }
            self[element: new.tag] = new
        }
    }
}

extension DataElement {
    /// The element for a data set in another character set. Only text that differs in it is touched; what cannot be
    /// decoded stays as it is, byte for byte.
    package func moved(to target: SpecificCharacterSet) -> DataElement {
        guard characterSet != target else { return self }
        switch value {
        case .bytes(let bytes):
            guard case .text(repertoire: true, _) = vr.kind, bytes.contains(where: { $0 >= 0x80 || $0 == 0x1B }),
                isDecodable
            else { return self }
            // As bytes where that is possible: what was read may be longer than its VR allows, and need not be mended here.
            let text = strings.joined(separator: "\\")
            guard let encoded = try? target.encode(text, as: vr) else { return DataElement(tag, vr, .text(text)) }
            return DataElement(tag, vr, .bytes(encoded[...]))
        case .sequence(let items):
            // Bytes stay as they are: each item says what its text was in (PS3.3 C.12.1.1.2).
            return DataElement(tag, vr, .sequence(items.map { $0.stating(characterSet) }))
        case .text, .fragments: return self
        }
    }
}

extension DataSet {
    /// The data set with a Specific Character Set of its own, when it has none and text that needs one.
    fileprivate func stating(_ characterSet: SpecificCharacterSet) -> DataSet {
        guard !contains(.specificCharacterSet), hasEncodedText else { return self }
        var copy = self
        let terms = characterSet.terms.isEmpty ? ["ISO_IR 6"] : characterSet.terms
        copy[element: .specificCharacterSet] = DataElement(
            .specificCharacterSet, .cs, .text(terms.joined(separator: "\\")))
        return copy
    }

    /// Whether any text, at any depth, has bytes beyond ASCII.
    private var hasEncodedText: Bool {
        allElements.contains { _, element in
            guard case .text(repertoire: true, _) = element.vr.kind, let bytes = element.bytes else { return false }
            return bytes.contains { $0 >= 0x80 || $0 == 0x1B }
        }
    }
}
