import DICOMCore

/// Sequences, items and fragments (PS3.5 7.5, A.4).
extension DataSetParser {
    mutating func parseSequence(_ header: Header, until limit: Int, isDelimited: Bool) throws(DICOMError) {
        guard path.count < options.maximumDepth else {
            throw malformed("sequences are nested deeper than \(options.maximumDepth)", offset: position)
        }
        let sequence = entries.count
        entries.append(.init(tag: header.tag, vr: .sq, kind: .sequence, offset: position, length: 0))
        path.append(header.tag)
        var isClosed = false
        while !isClosed, position < limit {
            switch try parseItemHeader(until: limit, isDelimited: isDelimited) {
            case .item(let length): try parseItem(length, until: limit)
            case .skipped: break
            case .end: isClosed = true
            case .noItem:
                try keepAsBytes(sequence, until: limit)
                isClosed = true
            }
        }
        if isDelimited, !isClosed { try reportEnd("the sequence has no delimitation", until: limit) }
        path.removeLast()
        close(sequence)
    }

    private enum ItemHeader {
        case item(UInt32)
        case skipped, end, noItem
    }

    /// The header of the next item, or what stands in its place.
    private mutating func parseItemHeader(until limit: Int, isDelimited: Bool) throws(DICOMError) -> ItemHeader {
        guard limit - position >= 8 else {
            try skipRest(until: limit)
            return .end
        }
        let tag = loadTag(position)
        switch tag {
        case .item:
            position += 8
            return .item(loadUInt32(position - 4))
        case .sequenceDelimitation where isDelimited:
            position += 8
            return .end
        case .sequenceDelimitation, .itemDelimitation:
            try tolerate("\(tag) stands where an item should", at: position)
            position += 8
            return .skipped
        default:
            guard isDelimited else { return .noItem }
            // Whoever wrote it forgot the delimitation: the next element of the data set around begins here.
            try tolerate("\(tag) stands where an item should", at: position)
            return .end
        }
    }

    /// What says that it is a sequence and holds something else keeps its bytes, as an element of VR UN.
    private mutating func keepAsBytes(_ sequence: Int, until limit: Int) throws(DICOMError) {
        try tolerate("\(loadTag(position)) stands where an item should; the sequence is kept as bytes", at: position)
        entries.removeSubrange((sequence + 1)...)
        entries[sequence].vr = .un
        entries[sequence].kind = .value
        position = limit
    }

    private mutating func parseItem(_ length: UInt32, until limit: Int) throws(DICOMError) {
        let item = entries.count
        let outer = (isExplicit, isBigEndian, context)
        context = Context(samplesAreSigned: context.samplesAreSigned)
        entries.append(.init(tag: .item, vr: .un, kind: .item, offset: position, length: 0))
        if length == Self.undefinedLength {
            try detectVREncoding(until: limit)
            try parseElements(until: limit, in: .undefinedItem)
        } else {
            let itemLimit = position + (try fitted(Int(length), until: limit, of: .item))
            try detectVREncoding(until: itemLimit)
            try parseElements(until: itemLimit, in: .definedItem)
        }
        (isExplicit, isBigEndian, context) = outer
        close(item)
    }

    mutating func parseFragments(_ header: Header, until limit: Int) throws(DICOMError) {
        let element = entries.count
        // Encapsulated pixel data are OB (PS3.5 A.4), where implicit VR makes one think of OW too.
        let vr = isExplicit ? header.vr : .ob
        entries.append(.init(tag: header.tag, vr: vr, kind: .fragments, offset: position, length: 0))
        var isClosed = false
        while !isClosed, position < limit {
            guard limit - position >= 8 else {
                try skipRest(until: limit)
                break
            }
            let tag = loadTag(position)
            let length = loadUInt32(position + 4)
            switch tag {
            case .item:
                position += 8
                try parseFragment(length, vr, until: limit)
            case .sequenceDelimitation:
                position += 8
                isClosed = true
            default:
                try tolerate("\(tag) stands where a fragment should", at: position)
                isClosed = true
            }
        }
        if !isClosed { try reportEnd("the fragments have no delimitation", until: limit) }
        close(element)
    }

    private mutating func parseFragment(_ length: UInt32, _ vr: VR, until limit: Int) throws(DICOMError) {
        guard length != Self.undefinedLength else {
            throw malformed("a fragment has an undefined length", offset: position - 4)
        }
        let available = try fitted(Int(length), until: limit, of: .item)
        entries.append(.init(tag: .item, vr: vr, kind: .item, offset: position, length: available))
        position += available
    }

    /// Notes what was found inside an entry, once all of it is parsed.
    private mutating func close(_ entry: Int) {
        entries[entry].children = UInt32(clamping: entries.count - entry - 1)
        entries[entry].length = position - entries[entry].offset
    }

    // MARK: - Delimitations where none should be

    /// Whether an item, or a delimitation, that stands among the elements of a data set ends it.
    mutating func closes(_ place: Place, _ tag: DICOMTag, at start: Int) throws(DICOMError) -> Bool {
        switch (tag, place) {
        case (.itemDelimitation, .undefinedItem): return true
        case (.itemDelimitation, _), (.sequenceDelimitation, .dataSet):
            try tolerate("\(tag) stands where a data element should", at: start)
            return false
        case (.sequenceDelimitation, _), (.item, .undefinedItem), (.item, .definedItem):
            try tolerate("an item ends without delimitation, or before its length says", at: start)
            position = start
            return true
        default: throw malformed("\(tag) stands where a data element should", offset: start)
        }
    }

    /// Fewer bytes than any header has.
    mutating func skipRest(until limit: Int) throws(DICOMError) {
        if bytes[position..<limit].allSatisfy({ $0 == 0 }), path.isEmpty, !isPartial {
            try tolerate("\(limit - position) zeros follow the data set", at: position)
        } else if limit == end {
            try reportTruncation("the header of an element or item is cut off")
        } else {
            try tolerate("\(limit - position) bytes are left where an element or item should be", at: position)
        }
        position = limit
    }

    /// Whether nothing but zeros follows, from the header at `start` on; they are skipped.
    mutating func skipPadding(from start: Int) throws(DICOMError) -> Bool {
        guard !entries.isEmpty, start >= paddingStart, loadTag(start).rawValue == 0 else { return false }
        // Zeros that something follows are looked at once, not again from every header that they may be.
        if let last = bytes[start..<end].lastIndex(where: { $0 != 0 }) {
            paddingStart = last + 1
            return false
        }
        if isPartial { try reportTruncation("zeros may be the begin of an element") }
        try tolerate("\(end - start) zeros follow the data set", at: start)
        position = end
        return true
    }
}

/// The order of the elements of one data set, which is set right at its end.
struct ElementOrder {
    private let first: Int
    private var previous: DICOMTag?
    private var isSorted = true
    private var outOfOrder: DICOMTag?

    /// - Parameter first: The index of the data set's first entry.
    init(first: Int) { self.first = first }

    mutating func note(_ tag: DICOMTag) {
        if let previous, tag <= previous, isSorted {
            isSorted = false
            outOfOrder = tag
        }
        previous = tag
    }

    /// Brings the elements into ascending order; of equal tags the last one counts.
    func restore(_ parser: inout DataSetParser) throws(DICOMError) {
        guard !isSorted, let outOfOrder else { return }
        try parser.tolerate(
            "\(outOfOrder) and maybe more elements are not in ascending order, or there twice", at: parser.position)
        var blocks: [(tag: DICOMTag, range: Range<Int>)] = []
        var index = first
        while index < parser.entries.count {
            let next = index + 1 + Int(parser.entries[index].children)
            blocks.append((parser.entries[index].tag, index..<next))
            index = next
        }
        blocks.sort { ($0.tag, $0.range.lowerBound) < ($1.tag, $1.range.lowerBound) }
        var sorted: [ParsedElements.Entry] = []
        sorted.reserveCapacity(parser.entries.count - first)
        for (position, block) in blocks.enumerated()
        where position + 1 == blocks.count || blocks[position + 1].tag != block.tag {
            sorted.append(contentsOf: parser.entries[block.range])
        }
        parser.entries.replaceSubrange(first..., with: sorted)
    }
}
