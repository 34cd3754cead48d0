/// Where an element is in a data set: its tag, and the items around it from the outermost inwards.
///
/// The description is in tags, `(0040,0275)[0].(0040,0009)`; items count from 0. DICOMDictionary reads and writes paths
/// with keywords, `RequestAttributesSequence[0].ScheduledProcedureStepID`.
public struct ElementPath: Hashable, Sendable, CustomStringConvertible {
    /// An item of a sequence.
    public struct Item: Hashable, Sendable {
        /// The tag of the sequence.
        public var sequence: DICOMTag
        /// The place in the sequence, from 0 on.
        public var index: Int

        /// The item of a sequence with this index, the first of which is 0.
        public init(_ sequence: DICOMTag, _ index: Int) {
            self.sequence = sequence
            self.index = index
        }
    }

    /// The items that the element is nested in, from the outermost inwards; none at the top level.
    public var items: [Item]
    /// The tag of the element itself.
    public var tag: DICOMTag

    /// The path of an element in these items, from the outermost inwards.
    public init(_ tag: DICOMTag, in items: [Item] = []) {
        self.tag = tag
        self.items = items
    }

    /// The tags from the outermost sequence inwards, as errors have them.
    public var tags: [DICOMTag] { items.map(\.sequence) + [tag] }

    public var description: String { text { $0.description } }

    /// The path with the tags as `name` has them.
    package func text(_ name: (DICOMTag) -> String) -> String {
        (items.map { "\(name($0.sequence))[\($0.index)]" } + [name(tag)]).joined(separator: ".")
    }
}

// MARK: - Access

extension DataSet {
    /// Items nested deeper than this are not written; what is read is bounded by the parser.
    package static let maximumPathLength = 256

    /// The element at a path; `nil` when the element or an item on the way is absent.
    public subscript(path: ElementPath) -> DataElement? {
        var dataSet = self
        for item in path.items {
            guard item.index >= 0, let items = dataSet[element: item.sequence]?.items, item.index < items.count else {
                return nil
            }
            dataSet = items[item.index]
        }
        return dataSet[element: path.tag]
    }

    /// Puts an element inside the items of `path`, which ends in the element's tag.
    ///
    /// Sequences that are absent are made, and so is the item that follows the last one of a sequence.
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/invalidValue`` when an item would leave a gap, an element on the
    ///   way is not a sequence, or the path ends in another tag. The data set is unchanged then.
    public mutating func set(_ element: DataElement, at path: ElementPath) throws(DICOMError) {
        guard element.tag == path.tag else {
            throw DICOMError(
                .invalidValue, "The path ends in \(path.tag), but the element is \(element.tag); use the same tag.",
                at: path.tags)
        }
        guard path.items.count <= Self.maximumPathLength else {
            throw DICOMError(.invalidValue, "The path is deeper than \(Self.maximumPathLength) items; shorten it.")
        }
        try set(element, in: path.items[...], path)
    }

    private mutating func set(
        _ element: DataElement, in rest: ArraySlice<ElementPath.Item>, _ path: ElementPath
    ) throws(DICOMError) {
        guard let item = rest.first else {
            self[element: element.tag] = element
            return
        }
        var items: [DataSet] = []
        var vr = VR.sq
        if let existing = self[element: item.sequence] {
            guard existing.isSequence else {
                throw DICOMError(
                    .invalidValue, "\(item.sequence) has no items: it is \(existing.vr), not a sequence.", at: path.tags
                )
            }
            items = existing.items
            if !items.isEmpty { vr = existing.vr }
        }
        guard (0...items.count).contains(item.index) else {
            throw DICOMError(
                .invalidValue,
                "\(item.sequence) has \(items.count) items: use an index from 0 to \(items.count) instead of \(item.index).",
                at: path.tags)
        }
        if item.index == items.count { items.append(DataSet().inheriting(characterSet)) }
        try items[item.index].set(element, in: rest.dropFirst(), path)
        self[element: item.sequence] = DataElement(item.sequence, vr, .sequence(items))
    }

    /// Removes the element at a path; the items around it stay, even when they are empty then.
    ///
    /// - Returns: The element that was removed; `nil` when there was none.
    @discardableResult
    public mutating func remove(at path: ElementPath) -> DataElement? {
        guard path.items.count <= Self.maximumPathLength, let found = self[path] else { return nil }
        remove(path.tag, in: path.items[...])
        return found
    }

    /// Removes an element that is there, inside items that are there.
    private mutating func remove(_ tag: DICOMTag, in rest: ArraySlice<ElementPath.Item>) {
        guard let item = rest.first else {
            self[element: tag] = nil
            return
        }
        guard let sequence = self[element: item.sequence] else { return }
        var items = sequence.items
        guard items.indices.contains(item.index) else { return }
        items[item.index].remove(tag, in: rest.dropFirst())
        self[element: item.sequence] = DataElement(item.sequence, sequence.vr, .sequence(items))
    }
}

extension DataElement {
    /// Whether the value is items, or empty and to be items.
    fileprivate var isSequence: Bool {
        if case .sequence = value { return true }
        return isEmpty && (vr == .sq || vr == .un)
    }
}
