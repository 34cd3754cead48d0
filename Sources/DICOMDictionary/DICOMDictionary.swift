public import DICOMCore

/// Look-ups in the data dictionary of PS3.6 at run time, by tag, keyword and UID.
///
/// The tables are one text in the program, indexed once on first use.
public enum DICOMDictionary {
    /// What PS3.6 says of a data element.
    public struct Entry: Sendable {
        public let keyword: String
        public let name: String
        /// As PS3.6 has it: two letters, or a choice such as `US or SS`.
        public let vr: String
        /// The value multiplicity, such as `1`, `1-n`, `2-2n`.
        public let vm: String
        public let isRetired: Bool
    }

    /// The entry of a standard element; for repeating groups too (PS3.5 7.6). `nil` for private and unknown elements.
    public static func entry(for tag: DICOMTag) -> Entry? {
        elements.row(of: tag).map { elements.entry(at: $0) }
    }

    /// The tag with this keyword; the first of the group for elements of repeating groups.
    public static func tag(forKeyword keyword: String) -> DICOMTag? { elements.byKeyword[keyword] }

    /// The VR of a standard element by its tag alone, as implicit VR encoding needs it; a choice is settled as PS3.5 A.1
    /// does for it. `nil` for private and unknown elements.
    package static func vr(of tag: DICOMTag) -> VR? {
        if tag.isGroupLength { return .ul }
        if tag.isPrivateCreator { return .lo }
        return elements.row(of: tag).flatMap { elements.vrs[$0] }
    }

    /// The name of a UID that PS3.6 lists, such as `CT Image Storage`.
    public static func name(of uid: UID) -> String? { uids[uid.string]?.name }
    /// The keyword of a UID that PS3.6 lists, such as `CTImageStorage`.
    public static func keyword(of uid: UID) -> String? { uids[uid.string]?.keyword }

    private static let elements = ElementTable(DictionaryText.elements)

    private static let uids: [String: (keyword: String, name: String)] = {
        var table: [String: (keyword: String, name: String)] = [:]
        for line in "\(DictionaryText.uids)".split(separator: "\n") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
            if cells.count == 4 { table[String(cells[0])] = (String(cells[2]), String(cells[3])) }
        }
        return table
    }()
}

extension UID {
    /// Whether this is a SOP class of the Storage Service Class (PS3.4 B.5), retired ones included.
    public var isStorageSOPClass: Bool { Self.storageSOPClassSet.contains(self) }

    private static let storageSOPClassSet = Set(storageSOPClasses)
}

/// The element table, indexed: tags in ascending order, and the rows of repeating groups apart.
private struct ElementTable: Sendable {
    private(set) var vrs: [VR?] = []
    private(set) var byKeyword: [String: DICOMTag] = [:]
    private var tags: [UInt32] = []
    private var lines: [Range<Int>] = []
    private var repeating: [(mask: UInt32, tag: UInt32, row: Int)] = []
    private let text: [UInt8]

    init(_ source: StaticString) {
        text = Array("\(source)".utf8)
        byKeyword.reserveCapacity(5300)
        var start = 0
        while start < text.count {
            let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
            add(start..<end)
            start = end + 1
        }
    }

    private mutating func add(_ line: Range<Int>) {
        let cells = cells(line)
        guard cells.count == 6 else { return }
        // Repeating groups have an x for each digit that varies (50xx,0005).
        var tag: UInt32 = 0
        var mask: UInt32 = 0
        for letter in cells[0].utf8 {
            let digit = Character(Unicode.Scalar(letter)).hexDigitValue
            tag = tag << 4 | UInt32(digit ?? 0)
            mask = mask << 4 | (digit == nil ? 0 : 0xF)
        }
        let row = lines.count
        if mask == .max { tags.append(tag) } else { repeating.append((mask, tag, row)) }
        lines.append(line)
        vrs.append(Self.settled(cells[1]))
        if !cells[3].isEmpty { byKeyword[cells[3]] = DICOMTag(rawValue: tag) }
    }

    private func cells(_ line: Range<Int>) -> [String] {
        text[line].split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    private static func settled(_ vr: String) -> VR? {
        switch vr {
        case "US or SS", "US or SS or OW": .us
        case "OB or OW", "US or OW": .ow
        default: VR(code: vr)
        }
    }

    func row(of tag: DICOMTag) -> Int? {
        var low = 0
        var high = tags.count
        while low < high {
            let middle = (low + high) / 2
            if tags[middle] < tag.rawValue { low = middle + 1 } else { high = middle }
        }
        if low < tags.count, tags[low] == tag.rawValue { return low }
        guard !tag.isPrivate else { return nil }
        return repeating.first { tag.rawValue & $0.mask == $0.tag }?.row
    }

    func entry(at row: Int) -> DICOMDictionary.Entry {
        let cells = cells(lines[row])
        return .init(keyword: cells[3], name: cells[4], vr: cells[1], vm: cells[2], isRetired: cells[5] == "R")
    }
}

extension DataSet {
    /// The element with this keyword of PS3.6, such as `dataSet["PatientID"]`; `nil` when absent or no such keyword.
    public subscript(_ keyword: String) -> DataElement? {
        DICOMDictionary.tag(forKeyword: keyword).flatMap { self[element: $0] }
    }
}
