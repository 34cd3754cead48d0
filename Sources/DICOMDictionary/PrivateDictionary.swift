public import DICOMCore

extension DICOMDictionary {
    /// The entry of a private element, from GDCM's collection; `nil` where creator or element is not in it.
    ///
    /// The keyword is empty: private elements have none. Case counts in creators, spaces at their end do not.
    ///
    /// ```swift
    /// DICOMDictionary.privateEntry(for: DICOMTag(0x0029, 0x1010), creator: "SIEMENS CSA HEADER")?.name
    /// ```
    /// - Parameter creator: The value of the Private Creator that reserved the block of `tag` (PS3.5 7.8.1).
    public static func privateEntry(for tag: DICOMTag, creator: String) -> Entry? {
        guard let creator = privateCreator(creator.utf8) else { return nil }
        return privateElements.row(of: tag, creator).map { privateElements.entry(at: $0) }
    }

    /// The VR of a private element, as implicit VR encoding needs it; a choice is settled as for standard elements.
    package static func vr(ofPrivate tag: DICOMTag, creator: String) -> VR? {
        privateCreator(creator.utf8).flatMap { vr(ofPrivate: tag, creator: $0) }
    }

    /// The VR of a private element of a creator that was looked up once for its whole block.
    package static func vr(ofPrivate tag: DICOMTag, creator: PrivateCreator) -> VR? {
        privateElements.row(of: tag, creator).flatMap { privateElements.vrs[$0] }
    }

    /// The creator in the private dictionary with this name, as it is encoded: padding at its end does not count.
    package static func privateCreator(_ name: some BidirectionalCollection<UInt8>) -> PrivateCreator? {
        var name = name[...]
        while let last = name.last, last == 0x20 || last == 0 { name.removeLast() }
        return privateElements.creators[String(decoding: name, as: UTF8.self)]
    }

    /// The elements of one creator in the private dictionary.
    package struct PrivateCreator: Sendable {
        fileprivate let rows: Range<Int>
    }

    private static let privateElements = PrivateElementTable(PrivateDictionaryText.elements)
}

/// The private dictionary, indexed: the rows of a creator are a range, in ascending order of their keys.
private struct PrivateElementTable: Sendable {
    private(set) var creators: [String: DICOMDictionary.PrivateCreator] = [:]
    private(set) var vrs: [VR?] = []
    private var keys: [UInt64] = []
    private var ranges: [Range<Int>] = []
    private let text: [UInt8]

    init(_ source: StaticString) {
        text = Array(source)
        var creator = ""
        var rows: [(key: UInt64, vr: VR?, range: Range<Int>)] = []
        for range in lines(of: text) {
            if let line = DictionaryLine(text[range]) {
                let wildcards = UInt64((~line.mask).nonzeroBitCount / 4)
                rows.append((wildcards << 32 | UInt64(line.tag), line.vr, range))
            } else if text[range].first == UInt8(ascii: "=") {
                add(&rows, of: creator)
                creator = String(decoding: text[range].dropFirst(), as: UTF8.self)
            }
        }
        add(&rows, of: creator)
    }

    private mutating func add(_ rows: inout [(key: UInt64, vr: VR?, range: Range<Int>)], of creator: String) {
        guard !rows.isEmpty else { return }
        creators[creator] = .init(rows: keys.count..<keys.count + rows.count)
        for row in rows.sorted(by: { $0.key < $1.key }) {
            keys.append(row.key)
            vrs.append(row.vr)
            ranges.append(row.range)
        }
        rows.removeAll(keepingCapacity: true)
    }

    /// The row of an element: by its whole tag, else in any block (gggg,xxee), else in any such group too (ggxx,xxee).
    func row(of tag: DICOMTag, _ creator: DICOMDictionary.PrivateCreator) -> Int? {
        guard tag.isPrivate else { return nil }
        let tag = UInt64(tag.rawValue)
        return row(of: tag, in: creator.rows) ?? row(of: 2 << 32 | tag & 0xFFFF_00FF, in: creator.rows)
            ?? row(of: 4 << 32 | tag & 0xFF00_00FF, in: creator.rows)
    }

    private func row(of key: UInt64, in range: Range<Int>) -> Int? {
        var low = range.lowerBound
        var high = range.upperBound
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low < range.upperBound && keys[low] == key ? low : nil
    }

    func entry(at row: Int) -> DICOMDictionary.Entry {
        let cells = cells(of: text[ranges[row]])
        return .init(keyword: "", name: cells[3], vr: cells[1], vm: cells[2], isRetired: false)
    }
}
