public import DICOMCore

/// Look-ups in the data dictionary of PS3.6 at run time, by tag, keyword and UID.
///
/// The tables are one text in the program, indexed once on first use.
public enum DICOMDictionary {
    /// What PS3.6 says of a data element.
    public struct Entry: Sendable {
        /// Such as `PatientID`; empty for private elements.
        public let keyword: String
        /// Such as `Patient ID`.
        public let name: String
        /// As PS3.6 has it: two letters, or a choice such as `US or SS`.
        public let vr: String
        /// The value multiplicity, such as `1`, `1-n`, `2-2n`.
        public let vm: String
        /// Whether the standard has retired it.
        public let isRetired: Bool
    }

    /// The entry of a standard element; for repeating groups too (PS3.5 7.6). `nil` for private and unknown elements.
    public static func entry(for tag: DICOMTag) -> Entry? {
        elements.row(of: tag).map { elements.entry(at: $0) }
    }

    /// The tag with this keyword; the first of the group for elements of repeating groups.
    public static func tag(forKeyword keyword: String) -> DICOMTag? { keywords[keyword] }

    /// The VR of a standard element by its tag alone, as implicit VR encoding needs it; a choice is settled as PS3.5 A.1
    /// does for it. `nil` for private and unknown elements.
    package static func vr(of tag: DICOMTag) -> VR? {
        if tag.isGroupLength { return .ul }
        if tag.isPrivateCreator { return .lo }
        return elements.vr(of: tag)
    }

    /// The name of a UID that PS3.6 lists, such as `CT Image Storage`.
    public static func name(of uid: UID) -> String? { uids[uid.string]?.name }
    /// The keyword of a UID that PS3.6 lists, such as `CTImageStorage`.
    public static func keyword(of uid: UID) -> String? { uids[uid.string]?.keyword }
    /// The UID that PS3.6 lists with this keyword, such as `ExplicitVRBigEndian`.
    public static func uid(forKeyword keyword: String) -> UID? { uidsByKeyword[keyword] }
    /// The UID that PS3.6 lists with this name, such as `Explicit VR Big Endian`.
    public static func uid(forName name: String) -> UID? { uidsByName[name] }

    private static let elements = ElementTable(DictionaryText.elements)
    private static let keywords = elements.keywords

    /// Whether PS3.6 lists this UID as a transfer syntax.
    package static func isTransferSyntax(_ uid: UID) -> Bool { uids[uid.string]?.kind == "Transfer Syntax" }

    private typealias NamedUID = (kind: String, keyword: String, name: String)

    private static let uids: [String: NamedUID] = {
        var table: [String: NamedUID] = [:]
        for line in "\(DictionaryText.uids)".split(separator: "\n") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
            if cells.count == 4 { table[String(cells[0])] = (String(cells[1]), String(cells[2]), String(cells[3])) }
        }
        return table
    }()
    private static let uidsByKeyword = byText(\.keyword)
    private static let uidsByName = byText(\.name)

    private static func byText(_ text: (NamedUID) -> String) -> [String: UID] {
        let found = uids.map { (text($0.value), UID($0.key)) }.filter { !$0.0.isEmpty }
        return Dictionary(found, uniquingKeysWith: min)
    }
}

extension UID {
    /// Whether this is a SOP class of the Storage Service Class (PS3.4 B.5), retired ones included.
    public var isStorageSOPClass: Bool { Self.storageSOPClassSet.contains(self) }

    private static let storageSOPClassSet = Set(storageSOPClasses)
}

/// The element table, indexed: a hash table of the tags, and the rows of repeating groups apart.
private struct ElementTable: Sendable {
    /// Open addressing: tag, settled VR and row + 1, in 32, 16 and 16 bits; 0 is a free slot. At most a third is in use,
    /// so that most look-ups read one slot.
    private var slots = [UInt64](repeating: 0, count: 1 << slotBits)
    private static let slotBits: UInt32 = 14
    private var rows: [(tag: UInt32, line: Range<Int>)] = []
    private var repeating: [(mask: UInt32, tag: UInt32, vr: VR?, row: Int)] = []
    private let text: [UInt8]

    init(_ source: StaticString) {
        text = Array(source)
        for range in lines(of: text) {
            guard let line = DictionaryLine(text[range]) else { continue }
            if line.mask == .max {
                let vr = UInt64(line.vr?.rawValue ?? 0)
                slots[slot(of: line.tag)] = UInt64(line.tag) << 32 | vr << 16 | UInt64(rows.count + 1)
            } else {
                repeating.append((line.mask, line.tag, line.vr, rows.count))
            }
            rows.append((line.tag, range))
        }
        precondition(rows.count < slots.count / 2, "the hash table is too small for the dictionary: raise slotBits")
    }

    /// The tag of each keyword; the first of the group for repeating groups.
    var keywords: [String: DICOMTag] {
        var keywords: [String: DICOMTag] = [:]
        keywords.reserveCapacity(rows.count)
        for row in rows {
            let cells = text[row.line].split(
                separator: UInt8(ascii: "|"), maxSplits: 4, omittingEmptySubsequences: false)
            guard cells.count == 5, !cells[3].isEmpty else { continue }
            keywords[String(decoding: cells[3], as: UTF8.self)] = DICOMTag(rawValue: row.tag)
        }
        return keywords
    }

    /// The slot that holds `tag`, or the free one where it would be.
    private func slot(of tag: UInt32) -> Int {
        var index = Int((tag &* 0x9E37_79B1) >> (32 - Self.slotBits))
        while slots[index] != 0, UInt32(truncatingIfNeeded: slots[index] >> 32) != tag {
            index = (index + 1) & (slots.count - 1)
        }
        return index
    }

    func vr(of tag: DICOMTag) -> VR? {
        let slot = slots[slot(of: tag.rawValue)]
        guard slot != 0 else { return repeatingRow(of: tag)?.vr }
        let vr = UInt16(truncatingIfNeeded: slot >> 16)
        return vr == 0 ? nil : VR(rawValue: vr)
    }

    func row(of tag: DICOMTag) -> Int? {
        let slot = slots[slot(of: tag.rawValue)]
        return slot != 0 ? Int(slot & 0xFFFF) - 1 : repeatingRow(of: tag)?.row
    }

    private func repeatingRow(of tag: DICOMTag) -> (vr: VR?, row: Int)? {
        guard !tag.isPrivate, let found = repeating.first(where: { tag.rawValue & $0.mask == $0.tag }) else {
            return nil
        }
        return (found.vr, found.row)
    }

    func entry(at row: Int) -> DICOMDictionary.Entry {
        let cells = cells(of: text[rows[row].line])
        return .init(keyword: cells[3], name: cells[4], vr: cells[1], vm: cells[2], isRetired: cells[5] == "R")
    }
}
