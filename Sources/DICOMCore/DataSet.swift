/// A DICOM data set: data elements in ascending order of their tags (PS3.5 chapter 7).
///
/// A value type with copy on write. A data set that was read is an index over one shared buffer, whose values are
/// decoded when they are asked for; changes are kept beside it.
///
/// ```swift
/// var dataSet = try DICOMFile.read("slice.dcm").dataSet
/// let rows = dataSet[.rows]                       // Int?
/// let spacing = dataSet[.pixelSpacing]            // [Double]?, mm
/// dataSet[.seriesDescription] = "CT plus one"
/// for element in dataSet { print(element.tag, element.vr) }
/// ```
public struct DataSet: Sendable {
    /// What was read, and the entries of this data set in it.
    private let parsed: ParsedElements?
    private let range: Range<Int>
    /// What was changed since, in ascending order of tags; an element of `nil` was removed.
    private var changes: [Change] = []
    /// The character set of the data set that this one is nested in.
    private var inherited: SpecificCharacterSet

    private struct Change: Sendable {
        var tag: DICOMTag
        var element: DataElement?
    }

    /// A data set without elements.
    public init() {
        parsed = nil
        range = 0..<0
        inherited = .ascii
    }

    package init(parsed: ParsedElements, range: Range<Int>, inherited: SpecificCharacterSet = .ascii) {
        self.parsed = parsed
        self.range = range
        self.inherited = inherited
    }

    /// The character set of its text: its own (0008,0005), or that of the data set around it (PS3.3 C.12.1.1.2).
    public var characterSet: SpecificCharacterSet {
        // The outermost data set's is known; its range alone begins with the first entry.
        if let parsed, range.lowerBound == 0, changes.first.map({ $0.tag > .specificCharacterSet }) ?? true {
            return parsed.characterSet ?? inherited
        }
        guard let own = rawElement(.specificCharacterSet, characterSet: .ascii) else { return inherited }
        return SpecificCharacterSet(terms: own.strings(as: .cs))
    }

    /// Where this data set's item stands in the buffer that it was parsed from: the position of its Item tag (PS3.5 7.5).
    /// `nil` for what is no item of a parsed sequence.
    package var itemOffset: Int? {
        // The entry before those of the elements is the item's own; its value follows 8 bytes of tag and length.
        guard let parsed, range.lowerBound > 0, range.lowerBound <= parsed.entries.count else { return nil }
        let item = parsed.entries[range.lowerBound - 1]
        return item.kind == .item && item.tag == .item ? item.offset - 8 : nil
    }

    /// The same data set inside another one, whose character set applies where this one states none.
    package func inheriting(_ characterSet: SpecificCharacterSet) -> DataSet {
        var copy = self
        copy.inherited = characterSet
        return copy
    }
}

// MARK: - Elements

extension DataSet {
    /// The element with this tag. Setting `nil` removes it; setting an element with another tag than `tag` is an error
    /// of the program.
    public subscript(element tag: DICOMTag) -> DataElement? {
        get { rawElement(tag, characterSet: tag.usesCharacterSet ? characterSet : .ascii) }
        set {
            precondition(newValue == nil || newValue?.tag == tag, "an element is stored under its own tag")
            let position = changePosition(tag)
            let change = Change(tag: tag, element: newValue)
            if position < changes.count, changes[position].tag == tag {
                changes[position] = change
            } else {
                changes.insert(change, at: position)
            }
        }
    }

    /// The value of an attribute; `nil` when the element is absent or, for a single value, empty. Setting `nil` removes it.
    public subscript<Value>(_ attribute: Attribute<Value>) -> Value? {
        get {
            guard let element = self[element: attribute.tag] else { return nil }
            return Value(element, vr: attribute.vr)
        }
        set {
            self[element: attribute.tag] = newValue.map { element(attribute.tag, storedVR(attribute), $0) }
        }
    }

    /// Whether there is an element with this tag, with or without a value.
    public func contains(_ tag: DICOMTag) -> Bool {
        let position = changePosition(tag)
        if position < changes.count, changes[position].tag == tag { return changes[position].element != nil }
        return parsed?.index(of: tag, in: range) != nil
    }

    /// Whether the element was set or removed since the data set was read.
    package func isChanged(_ tag: DICOMTag) -> Bool {
        let position = changePosition(tag)
        return position < changes.count && changes[position].tag == tag
    }

    /// Whether there is an element for this attribute, with or without a value.
    public func contains<Value>(_ attribute: Attribute<Value>) -> Bool { contains(attribute.tag) }

    /// Removes the element with this tag, if there is one.
    public mutating func remove(_ tag: DICOMTag) { self[element: tag] = nil }

    /// Removes the elements that fulfil a condition, on this level.
    public mutating func removeAll(where shouldRemove: (DataElement) throws -> Bool) rethrows {
        for element in self where try shouldRemove(element) { remove(element.tag) }
    }

    /// An element that has no value (type 2 attributes are written so when nothing is known).
    public mutating func setEmpty<Value>(_ attribute: Attribute<Value>) {
        let value: DataElement.Value = attribute.vr == .sq ? .sequence([]) : .bytes([])
        self[element: attribute.tag] = DataElement(attribute.tag, attribute.vr, value)
    }

    /// An element for a value; where PS3.6 lists US or SS, the one that has the number.
    private func element(_ tag: DICOMTag, _ vr: VR, _ value: some AttributeValue) -> DataElement {
        let made = DataElement(tag, vr, value.elementValue(vr: vr))
        guard case .text = made.value, tag.isUSOrSS, vr == .us || vr == .ss else { return made }
        let other = vr == .us ? VR.ss : .us
        let second = DataElement(tag, other, value.elementValue(vr: other))
        return second.bytes == nil ? made : second
    }

    /// An attribute whose VR depends on the data set (US or SS, OB or OW) keeps the VR that it has.
    private func storedVR<Value>(_ attribute: Attribute<Value>) -> VR {
        guard let index = parsed?.index(of: attribute.tag, in: range), let existing = parsed?.entries[index].vr,
            Self.sameValueType(existing, attribute.vr)
        else { return attribute.vr }
        return existing
    }

    private static func sameValueType(_ left: VR, _ right: VR) -> Bool {
        switch (left.kind, right.kind) {
        case (.integer(let a, _), .integer(let b, _)): a == b
        case (.stream, .stream): left != .un
        default: false
        }
    }

    private func rawElement(_ tag: DICOMTag, characterSet: @autoclosure () -> SpecificCharacterSet) -> DataElement? {
        let position = changePosition(tag)
        if position < changes.count, changes[position].tag == tag {
            guard let element = changes[position].element else { return nil }
            return adopted(element, characterSet())
        }
        guard let parsed, let index = parsed.index(of: tag, in: range) else { return nil }
        return parsed.element(at: index, characterSet: characterSet())
    }

    /// A changed element as part of this data set: bytes copied from elsewhere are taken to be in its character set.
    private func adopted(_ element: DataElement, _ characterSet: SpecificCharacterSet) -> DataElement {
        var element = element
        element.characterSet = characterSet
        if case .sequence(let items) = element.value {
            element = DataElement(element.tag, element.vr, .sequence(items.map { $0.inheriting(characterSet) }))
            element.characterSet = characterSet
        }
        return element
    }

    private func changePosition(_ tag: DICOMTag) -> Int {
        var low = 0
        var high = changes.count
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].tag < tag { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension DICOMTag {
    /// Numbers need no character set; looking it up for each of them would double their cost. Those that every image is
    /// asked for are known: pixel data, and Rows, Bits Allocated and their neighbours.
    fileprivate var usesCharacterSet: Bool {
        if self == .specificCharacterSet || self == .pixelData { return false }
        return group != 0x0028 || !(element <= 0x0011 || (0x0100...0x0120).contains(element))
    }
}

// MARK: - Access by tag

extension DataSet {
    /// The first value of the element as text; `nil` when absent, empty or binary.
    public func string(_ tag: DICOMTag) -> String? { strings(tag).first.flatMap { $0.isEmpty ? nil : $0 } }
    /// The values as text; empty when absent or binary.
    public func strings(_ tag: DICOMTag) -> [String] { self[element: tag]?.strings ?? [] }
    /// The first value as an integer.
    public func int(_ tag: DICOMTag) -> Int? { ints(tag).first }
    /// The values as integers.
    public func ints(_ tag: DICOMTag) -> [Int] { self[element: tag]?.ints ?? [] }
    /// The first value as a floating-point number.
    public func double(_ tag: DICOMTag) -> Double? { doubles(tag).first }
    /// The values as floating-point numbers.
    public func doubles(_ tag: DICOMTag) -> [Double] { self[element: tag]?.doubles ?? [] }
}

// MARK: - Sequence of elements

extension DataSet: Sequence {
    /// The elements in ascending order of their tags.
    public struct Iterator: IteratorProtocol {
        private let dataSet: DataSet
        private let characterSet: SpecificCharacterSet
        private var parsedIndex: Int
        private var changeIndex = 0

        fileprivate init(_ dataSet: DataSet) {
            self.dataSet = dataSet
            characterSet = dataSet.characterSet
            parsedIndex = dataSet.range.lowerBound
        }

        public mutating func next() -> DataElement? {
            while true {
                let change = changeIndex < dataSet.changes.count ? dataSet.changes[changeIndex] : nil
                if let parsed = dataSet.parsed, parsedIndex < dataSet.range.upperBound {
                    let tag = parsed.entries[parsedIndex].tag
                    if change.map({ tag < $0.tag }) ?? true {
                        defer { parsedIndex = parsed.next(after: parsedIndex) }
                        return parsed.element(at: parsedIndex, characterSet: characterSet)
                    }
                    if tag == change?.tag { parsedIndex = parsed.next(after: parsedIndex) }
                }
                guard let change else { return nil }
                changeIndex += 1
                if let element = change.element { return dataSet.adopted(element, characterSet) }
            }
        }
    }

    public func makeIterator() -> Iterator { Iterator(self) }

    /// The tags of the elements in a range, in ascending order, without looking at the elements.
    package func tags(in range: ClosedRange<DICOMTag>) -> [DICOMTag] {
        var found: [DICOMTag] = []
        var index = self.range.lowerBound
        while let parsed, index < self.range.upperBound {
            let tag = parsed.entries[index].tag
            if tag > range.upperBound { break }
            if tag >= range.lowerBound { found.append(tag) }
            index = parsed.next(after: index)
        }
        let changed = changes[changePosition(range.lowerBound)...].prefix { $0.tag <= range.upperBound }
        guard !changed.isEmpty else { return found }
        let replaced = Set(changed.map(\.tag))
        found.removeAll { replaced.contains($0) }
        return (found + changed.filter { $0.element != nil }.map(\.tag)).sorted()
    }

    public var underestimatedCount: Int { 0 }

    /// Whether the data set has no elements.
    public var isEmpty: Bool {
        var iterator = makeIterator()
        return iterator.next() == nil
    }
}

extension DataSet: Equatable {
    /// Both have the same elements; text is compared decoded and without padding.
    public static func == (lhs: DataSet, rhs: DataSet) -> Bool { lhs.elementsEqual(rhs) }
}
