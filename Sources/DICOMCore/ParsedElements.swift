/// What a parser found: an index over one immutable buffer. Values are decoded when they are asked for.
///
/// The entries of a sequence or of encapsulated pixel data follow its own entry, so one flat array holds data sets of
/// any depth and every data set is a range of it.
package final class ParsedElements: Sendable {
    package struct Entry: Sendable {
        package enum Kind: UInt8, Sendable { case value, sequence, fragments, item }

        package var tag: DICOMTag
        package var vr: VR
        package var kind: Kind
        /// Whether the units of the value stand highest byte first.
        package var isBigEndian: Bool
        /// How many of the following entries belong to this one.
        package var children: UInt32
        /// Where the value begins in the buffer, and how many bytes it has there.
        package var offset: Int
        package var length: Int

        package init(
            tag: DICOMTag, vr: VR, kind: Kind, isBigEndian: Bool = false, children: UInt32 = 0, offset: Int, length: Int
        ) {
            self.tag = tag
            self.vr = vr
            self.kind = kind
            self.isBigEndian = isBigEndian
            self.children = children
            self.offset = offset
            self.length = length
        }
    }

    package let bytes: [UInt8]
    package let entries: [Entry]

    /// The character set that (0008,0005) states outside of all sequences; looked up once for all values.
    let characterSet: SpecificCharacterSet?

    package init(bytes: [UInt8], entries: [Entry]) {
        self.bytes = bytes
        self.entries = entries
        characterSet = Self.characterSet(bytes, entries)
    }

    private static func characterSet(_ bytes: [UInt8], _ entries: [Entry]) -> SpecificCharacterSet? {
        var index = 0
        while index < entries.count, entries[index].tag < .specificCharacterSet {
            index += 1 + Int(entries[index].children)
        }
        guard index < entries.count, entries[index].tag == .specificCharacterSet, entries[index].kind == .value else {
            return nil
        }
        let entry = entries[index]
        let value = DataElement.Value.bytes(bytes[entry.offset..<entry.offset + entry.length])
        return SpecificCharacterSet(terms: DataElement(entry.tag, .cs, value).strings)
    }

    /// The entry that follows `index` on the same level.
    func next(after index: Int) -> Int { index + 1 + Int(entries[index].children) }

    /// The entry of `tag` among those of one data set, which are in ascending order.
    func index(of tag: DICOMTag, in range: Range<Int>) -> Int? {
        var index = range.lowerBound
        while index < range.upperBound {
            let found = entries[index].tag
            if found == tag { return index }
            if found > tag { return nil }
            index = next(after: index)
        }
        return nil
    }

    func element(at index: Int, characterSet: SpecificCharacterSet) -> DataElement {
        let entry = entries[index]
        let value: DataElement.Value
        switch entry.kind {
        case .value, .item: value = .bytes(slice(entry))
        case .fragments: value = .fragments(children(of: index).map { slice(entries[$0]) })
        case .sequence:
            value = .sequence(
                children(of: index).map { item in
                    DataSet(parsed: self, range: item + 1..<next(after: item), inherited: characterSet)
                })
        }
        var element = DataElement(entry.tag, entry.vr, value)
        element.characterSet = characterSet
        return element
    }

    /// The value of an entry in little-endian byte order; a copy where it stands otherwise.
    private func slice(_ entry: Entry) -> ArraySlice<UInt8> {
        let slice = bytes[entry.offset..<entry.offset + entry.length]
        return entry.isBigEndian ? byteSwapped(slice, unit: entry.vr.unitSize)[...] : slice
    }

    private func children(of index: Int) -> [Int] {
        var found: [Int] = []
        var child = index + 1
        let end = next(after: index)
        while child < end {
            found.append(child)
            child = next(after: child)
        }
        return found
    }
}

/// The bytes with those of each unit in reverse order; an incomplete unit at the end stays as it is.
package func byteSwapped(_ bytes: ArraySlice<UInt8>, unit: Int) -> [UInt8] {
    var swapped = Array(bytes)
    guard unit > 1 else { return swapped }
    var start = 0
    while start + unit <= swapped.count {
        for offset in 0..<(unit / 2) { swapped.swapAt(start + offset, start + unit - 1 - offset) }
        start += unit
    }
    return swapped
}
