import DICOMCore
import DICOMDictionary

/// Makes the tree of directory records from their byte offsets (PS3.3 F.3.2.2), or where these are useless from the order
/// of the records.
///
/// Each record is taken once, so that offsets in circles end, and the tree has a bounded depth.
struct RecordTree {
    /// The standard's hierarchy has 4 levels (PS3.3 Table F.4-1); private records may be below.
    private static let maximumDepth = 16

    private let items: [DataSet]
    /// The items by their positions in the file.
    private let indices: [Int: Int]
    private var isTaken: [Bool]
    private var problems: [Problem: (count: Int, firstOffset: Int)] = [:]
    private(set) var warnings: [DICOMError] = []

    private enum Problem: String, CaseIterable {
        case dangling = "offsets point at no directory record"
        case shared = "offsets point at a record that another one points at too, or in a circle"
        case deep = "records are nested too deep"
        case inactive = "records are marked as inactive (Record In-use Flag), and left out"
        case unreachable = "records in use are not reached by any offset"
    }

    init(_ items: [DataSet]) {
        self.items = items
        indices = Dictionary(
            items.enumerated().compactMap { index, item in item.itemOffset.map { ($0, index) } },
            uniquingKeysWith: { first, _ in first })
        isTaken = [Bool](repeating: false, count: items.count)
    }

    /// The records of the root directory entity, the first of which stands at `offset`.
    mutating func records(from offset: Int) -> [DICOMDirectory.Record] {
        var records = entity(at: offset, depth: 1)
        if isUseless { records = recordsFromHeads() ?? recordsByOrder() }
        for index in items.indices where isLeft(index) { note(.unreachable, items[index].itemOffset ?? 0) }
        for problem in Problem.allCases {
            guard let (count, firstOffset) = problems[problem] else { continue }
            warn("\(count) \(problem.rawValue).", offset: firstOffset)
        }
        return records
    }

    private func isLeft(_ index: Int) -> Bool { !isTaken[index] && items[index][.recordInUseFlag] != 0 }

    /// Whether most of the records were not reached.
    private var isUseless: Bool { items.indices.count(where: isLeft) * 2 > items.count }

    /// The tree when the root are those records that no other one points at; `nil` when that does not help either.
    private mutating func recordsFromHeads() -> [DICOMDirectory.Record]? {
        var targets: Set<Int> = []
        for item in items {
            targets.insert(item[.offsetOfTheNextDirectoryRecord] ?? 0)
            targets.insert(item[.offsetOfReferencedLowerLevelDirectoryEntity] ?? 0)
        }
        let heads = items.filter { $0[.recordInUseFlag] != 0 }.compactMap(\.itemOffset).filter { !targets.contains($0) }
        // Where most records are heads, their offsets are as wrong as the first one.
        guard heads.count * 2 <= items.count else { return nil }
        isTaken = [Bool](repeating: false, count: items.count)
        problems = [:]
        let records = heads.flatMap { entity(at: $0, depth: 1) }
        if isUseless { return nil }
        warn(
            "The offset of the first record leads to few of them; those that no other one points at are the root instead."
        )
        return records
    }

    /// The record at `offset` and those that it and its followers name as the next.
    private mutating func entity(at offset: Int, depth: Int) -> [DICOMDirectory.Record] {
        var records: [DICOMDirectory.Record] = []
        var offset = offset
        while offset != 0 {
            guard let index = indices[offset] else {
                note(.dangling, offset)
                break
            }
            guard !isTaken[index] else {
                note(.shared, offset)
                break
            }
            isTaken[index] = true
            let item = items[index]
            var record = DICOMDirectory.Record(item)
            let lower = item[.offsetOfReferencedLowerLevelDirectoryEntity] ?? 0
            if lower != 0, depth == Self.maximumDepth {
                note(.deep, lower)
            } else {
                record.children = entity(at: lower, depth: depth + 1)
            }
            // What is below an inactive record is not in use either.
            if item[.recordInUseFlag] == 0 { note(.inactive, offset) } else { records.append(record) }
            offset = item[.offsetOfTheNextDirectoryRecord] ?? 0
        }
        return records
    }

    /// The tree when each record belongs to the last one before it of a higher level.
    private mutating func recordsByOrder() -> [DICOMDirectory.Record] {
        isTaken = [Bool](repeating: true, count: items.count)
        problems = [:]
        warn("The offsets lead to few of the directory records; the tree follows the order of the records instead.")
        var root: [DICOMDirectory.Record] = []
        /// The records that later ones may belong to, with ascending levels.
        var open: [(level: Int, record: DICOMDirectory.Record)] = []
        func close(downTo level: Int) {
            while let last = open.last, last.level >= level {
                open.removeLast()
                if open.isEmpty {
                    root.append(last.record)
                } else {
                    open[open.count - 1].record.children.append(last.record)
                }
            }
        }
        for item in items where item[.recordInUseFlag] != 0 {
            let level = RecordKind.level(of: item[.directoryRecordType] ?? "")
            close(downTo: level)
            open.append((level, DICOMDirectory.Record(item)))
        }
        close(downTo: 0)
        return root
    }

    private mutating func note(_ problem: Problem, _ offset: Int) {
        problems[problem, default: (0, offset)].count += 1
    }

    private mutating func warn(_ text: String, offset: Int? = nil) {
        warnings.append(
            DICOMError(.malformedDataSet, text, at: [Attribute.directoryRecordSequence.tag], offset: offset))
    }
}
