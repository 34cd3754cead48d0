extension DataSet {
    /// An element that two data sets do not have in common.
    public struct Difference: Sendable {
        /// What became of the element.
        public enum Kind: Sendable, Hashable {
            /// It is in this data set only.
            case added
            /// It is in the other data set only.
            case removed
            /// Both have it, with other values.
            case changed
        }

        /// Where it is.
        public let path: ElementPath
        /// The element in the data set that was compared with; `nil` when it was added.
        public let before: DataElement?
        /// The element in this data set; `nil` when it was removed.
        public let after: DataElement?

        /// What became of the element.
        public var kind: Kind {
            if before == nil { return .added }
            return after == nil ? .removed : .changed
        }
    }

    /// What leads from another data set to this one, in the order of the tags, at all depths.
    ///
    /// Text is compared decoded and without padding, in whatever character sets it is. Items are compared by their place.
    /// A sequence with another number of items is one change, to which those inside the items that both have are added.
    /// - Parameters:
    ///   - ignored: Tags that are left out at all depths.
    ///   - comparingValues: Whether an element that both have is compared, its VR and its value; otherwise only whether it
    ///     is there.
    public func differences(
        from other: DataSet, ignoring ignored: Set<DICOMTag> = [], comparingValues: Bool = true
    ) -> [Difference] {
        var comparison = Comparison(ignored: ignored, comparesValues: comparingValues)
        comparison.compare(other, self)
        return comparison.differences
    }

    private struct Comparison {
        let ignored: Set<DICOMTag>
        let comparesValues: Bool
        var differences: [Difference] = []
        var path: [ElementPath.Item] = []

        mutating func compare(_ before: DataSet, _ after: DataSet) {
            var left = before.makeIterator()
            var right = after.makeIterator()
            var old = left.next()
            var new = right.next()
            while let tag = [old?.tag, new?.tag].compactMap({ $0 }).min() {
                let removed = old?.tag == tag ? old : nil
                let added = new?.tag == tag ? new : nil
                if !ignored.contains(tag) { compare(removed, added, tag) }
                if removed != nil { old = left.next() }
                if added != nil { new = right.next() }
            }
        }

        private mutating func compare(_ before: DataElement?, _ after: DataElement?, _ tag: DICOMTag) {
            if let before, let after {
                guard case .sequence(let old) = before.value, case .sequence(let new) = after.value else {
                    if comparesValues, !before.hasSameValue(as: after) { note(before, after, tag) }
                    return
                }
                if old.count != new.count || (comparesValues && before.vr != after.vr) { note(before, after, tag) }
                for (index, pair) in zip(old, new).enumerated() {
                    path.append(ElementPath.Item(tag, index))
                    compare(pair.0, pair.1)
                    path.removeLast()
                }
            } else {
                note(before, after, tag)
            }
        }

        private mutating func note(_ before: DataElement?, _ after: DataElement?, _ tag: DICOMTag) {
            differences.append(Difference(path: ElementPath(tag, in: path), before: before, after: after))
        }
    }
}

extension DataElement {
    /// Equal, and not only because neither could be decoded: then the bytes count.
    fileprivate func hasSameValue(as other: DataElement) -> Bool {
        guard self == other else { return false }
        guard let bytes, let others = other.bytes, bytes != others, !isDecodable else { return true }
        return characterSet == other.characterSet && bytes.trimmed == others.trimmed
    }

    /// Whether decoding gave a character for everything.
    package var isDecodable: Bool { !strings.contains { $0.unicodeScalars.contains("\u{FFFD}") } }
}

extension ArraySlice where Element == UInt8 {
    fileprivate var trimmed: ArraySlice {
        prefix((lastIndex { $0 != 0x20 && $0 != 0 } ?? startIndex - 1) + 1 - startIndex)
    }
}
