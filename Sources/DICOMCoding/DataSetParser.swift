package import DICOMCore
import DICOMDictionary

/// Finds the elements of an encoded data set without decoding or copying a value (PS3.5 chapter 7).
///
/// Every length is compared with the bytes that are there before it is used, and nesting is bounded.
package struct DataSetParser {
    /// Sequences nested deeper than this are refused.
    static let maximumDepth = 64
    private static let undefinedLength: UInt32 = 0xFFFF_FFFF

    private let bytes: [UInt8]
    private let end: Int
    private let stopsBeforePixelData: Bool
    private var isExplicit: Bool
    package private(set) var position: Int
    package private(set) var entries: [ParsedElements.Entry] = []
    /// The pixel data element that the parser stopped at: its VR, value offset and length (`nil`: undefined).
    package private(set) var pixelData: (vr: VR, offset: Int, length: Int?)?
    /// The sequences around the current position, for errors.
    private var path: [DICOMTag] = []
    /// The data set's Pixel Representation, which settles US or SS in implicit VR (PS3.5 A.1).
    private var samplesAreSigned = false

    package init(
        _ bytes: [UInt8], in range: Range<Int>, transferSyntax: TransferSyntax, stopBeforePixelData: Bool = false
    ) throws(DICOMError) {
        guard transferSyntax.isSupported else {
            throw DICOMError(
                .unsupportedTransferSyntax,
                "\(transferSyntax) cannot be parsed; convert the data set to Explicit VR Little Endian (dcmconv +te).")
        }
        self.bytes = bytes
        end = range.upperBound
        position = range.lowerBound
        isExplicit = transferSyntax.isExplicitVR
        stopsBeforePixelData = stopBeforePixelData
        entries.reserveCapacity(64)
    }

    /// Parses up to the end, or up to the first pixel data element where asked to stop there.
    package mutating func parse() throws(DICOMError) { try parseElements(until: end, inUndefinedItem: false) }

    /// Parses the elements of one group at the begin, such as the file meta group; stops before the next group.
    package mutating func parse(group: UInt16) throws(DICOMError) {
        let first = entries.count
        while end - position >= 8, loadUInt16(position) == group {
            let header = try parseHeader(until: end)
            try parseValue(header, until: end)
        }
        sortIfNeeded(from: first)
    }

    // MARK: - Elements

    private struct Header {
        var tag: DICOMTag
        var vr: VR
        var length: UInt32
    }

    /// Parses elements up to `limit`, or up to an item delimitation in an item of undefined length.
    private mutating func parseElements(until limit: Int, inUndefinedItem: Bool) throws(DICOMError) {
        let first = entries.count
        while position < limit {
            let start = position
            let header = try parseHeader(until: limit)
            if header.tag == .itemDelimitation, inUndefinedItem {
                sortIfNeeded(from: first)
                return
            }
            guard header.tag.group != 0xFFFE else {
                throw malformed("\(header.tag) stands where a data element should", offset: start)
            }
            if stopsBeforePixelData, path.isEmpty, header.tag.isPixelData {
                let length = header.length == Self.undefinedLength ? nil : Int(header.length)
                pixelData = (header.vr, position, length)
                position = start
                break
            }
            try parseValue(header, until: limit)
        }
        if inUndefinedItem { throw truncated("an item of undefined length has no delimitation", offset: position) }
        sortIfNeeded(from: first)
    }

    private mutating func parseHeader(until limit: Int) throws(DICOMError) -> Header {
        guard limit - position >= 8 else { throw truncated("the header of an element is cut off", offset: position) }
        let tag = DICOMTag(loadUInt16(position), loadUInt16(position + 2))
        guard isExplicit, tag.group != 0xFFFE else {
            let vr = DICOMDictionary.vr(of: tag) ?? .un
            let length = loadUInt32(position + 4)
            position += 8
            return Header(tag: tag, vr: settled(vr, tag), length: length)
        }
        guard let vr = VR(bytes[position + 4], bytes[position + 5]) else {
            throw malformed("\(tag) has no known value representation", offset: position + 4)
        }
        guard vr.has32BitLength else {
            let length = UInt32(loadUInt16(position + 6))
            position += 8
            return Header(tag: tag, vr: vr, length: length)
        }
        guard limit - position >= 12 else { throw truncated("the length of \(tag) is cut off", offset: position) }
        let length = loadUInt32(position + 8)
        position += 12
        return Header(tag: tag, vr: vr, length: length)
    }

    private mutating func parseValue(_ header: Header, until limit: Int) throws(DICOMError) {
        if header.length == Self.undefinedLength { return try parseUndefinedLength(header, until: limit) }
        let length = Int(header.length)
        guard length <= limit - position else {
            throw truncated(
                "\(header.tag) has a length of \(length) bytes, but \(limit - position) are left", offset: position)
        }
        let start = position
        if header.vr == .sq {
            try parseSequence(header, until: start + length, isDelimited: false)
        } else {
            entries.append(.init(tag: header.tag, vr: header.vr, kind: .value, offset: start, length: length))
            if header.tag == DICOMTag(0x0028, 0x0103), length == 2 { samplesAreSigned = loadUInt16(start) == 1 }
        }
        position = start + length
    }

    private mutating func parseUndefinedLength(_ header: Header, until limit: Int) throws(DICOMError) {
        switch header.vr {
        case .sq: try parseSequence(header, until: limit, isDelimited: true)
        case .un:
            // A sequence whose VR was unknown to who wrote it: implicit VR inside (PS3.5 6.2.2 note 2, CP-246).
            let outer = isExplicit
            isExplicit = false
            try parseSequence(header, until: limit, isDelimited: true)
            isExplicit = outer
        case .ob, .ow: try parseFragments(header, until: limit)
        default:
            throw malformed("\(header.tag) has an undefined length, which \(header.vr) must not", offset: position - 4)
        }
    }

    // MARK: - Sequences and fragments

    private mutating func parseSequence(_ header: Header, until limit: Int, isDelimited: Bool) throws(DICOMError) {
        guard path.count < Self.maximumDepth else {
            throw malformed("sequences are nested deeper than \(Self.maximumDepth)", offset: position)
        }
        let sequence = entries.count
        entries.append(.init(tag: header.tag, vr: .sq, kind: .sequence, offset: position, length: 0))
        path.append(header.tag)
        let outerSign = samplesAreSigned
        var isClosed = false
        while !isClosed, position < limit {
            let length = try parseItemHeader(until: limit, isDelimited: isDelimited)
            if let length { try parseItem(length, until: limit) } else { isClosed = true }
        }
        if isDelimited, !isClosed { throw truncated("the sequence has no delimitation", offset: position) }
        samplesAreSigned = outerSign
        path.removeLast()
        close(sequence)
    }

    /// The length field of the next item; `nil` at the sequence delimitation.
    private mutating func parseItemHeader(until limit: Int, isDelimited: Bool) throws(DICOMError) -> UInt32? {
        guard limit - position >= 8 else { throw truncated("the header of an item is cut off", offset: position) }
        let tag = DICOMTag(loadUInt16(position), loadUInt16(position + 2))
        let length = loadUInt32(position + 4)
        guard tag == .item || (tag == .sequenceDelimitation && isDelimited) else {
            throw malformed("\(tag) stands where an item should", offset: position)
        }
        position += 8
        return tag == .item ? length : nil
    }

    private mutating func parseItem(_ length: UInt32, until limit: Int) throws(DICOMError) {
        let item = entries.count
        entries.append(.init(tag: .item, vr: .un, kind: .item, offset: position, length: 0))
        if length == Self.undefinedLength {
            try parseElements(until: limit, inUndefinedItem: true)
        } else {
            guard Int(length) <= limit - position else {
                throw truncated("an item has \(length) bytes, but \(limit - position) are left", offset: position)
            }
            try parseElements(until: position + Int(length), inUndefinedItem: false)
        }
        close(item)
    }

    private mutating func parseFragments(_ header: Header, until limit: Int) throws(DICOMError) {
        let element = entries.count
        entries.append(.init(tag: header.tag, vr: header.vr, kind: .fragments, offset: position, length: 0))
        while let length = try parseItemHeader(until: limit, isDelimited: true) {
            guard length != Self.undefinedLength, Int(length) <= limit - position else {
                throw truncated("a fragment has \(length) bytes, but \(limit - position) are left", offset: position)
            }
            entries.append(.init(tag: .item, vr: header.vr, kind: .item, offset: position, length: Int(length)))
            position += Int(length)
        }
        close(element)
    }

    /// Notes what was found inside an entry, once all of it is parsed.
    private mutating func close(_ entry: Int) {
        entries[entry].children = UInt32(clamping: entries.count - entry - 1)
        entries[entry].length = position - entries[entry].offset
    }

    // MARK: - Helpers

    /// Brings the elements of one data set that ends here into ascending order; of equal tags the last one counts.
    private mutating func sortIfNeeded(from first: Int) {
        var blocks: [(tag: DICOMTag, range: Range<Int>)] = []
        var index = first
        var isSorted = true
        var previous: DICOMTag?
        while index < entries.count {
            let tag = entries[index].tag
            if let previous, previous >= tag { isSorted = false }
            previous = tag
            index += 1 + Int(entries[index].children)
        }
        guard !isSorted else { return }
        index = first
        while index < entries.count {
            let next = index + 1 + Int(entries[index].children)
            blocks.append((entries[index].tag, index..<next))
            index = next
        }
        blocks.sort { ($0.tag, $0.range.lowerBound) < ($1.tag, $1.range.lowerBound) }
        var sorted: [ParsedElements.Entry] = []
        for (position, block) in blocks.enumerated()
        where position + 1 == blocks.count || blocks[position + 1].tag != block.tag {
            sorted.append(contentsOf: entries[block.range])
        }
        entries.replaceSubrange(first..., with: sorted)
    }

    private func settled(_ vr: VR, _ tag: DICOMTag) -> VR {
        guard samplesAreSigned, vr == .us, tag.group == 0x0028, tag.dependsOnPixelRepresentation else { return vr }
        return .ss
    }

    private func loadUInt16(_ offset: Int) -> UInt16 { UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8 }
    private func loadUInt32(_ offset: Int) -> UInt32 {
        UInt32(loadUInt16(offset)) | UInt32(loadUInt16(offset + 2)) << 16
    }

    private func malformed(_ text: String, offset: Int) -> DICOMError {
        DICOMError(
            .malformedDataSet,
            "Not a valid data set: \(text). The file is damaged or in another transfer syntax than it says.",
            at: path, offset: offset)
    }

    private func truncated(_ text: String, offset: Int) -> DICOMError {
        DICOMError(
            .truncatedDataSet, "The data set is incomplete: \(text). Send or copy it again.", at: path, offset: offset)
    }
}

extension DICOMTag {
    /// Float, double float or integer pixel data (PS3.3 C.7.6.3, C.7.6.24, C.7.6.25).
    fileprivate var isPixelData: Bool { group == 0x7FE0 && [0x0008, 0x0009, 0x0010].contains(element) }

    /// Elements of group 0028 that PS3.6 lists as US or SS.
    fileprivate var dependsOnPixelRepresentation: Bool {
        switch element {
        case 0x0104, 0x0105, 0x0106, 0x0107, 0x0108, 0x0109, 0x0110, 0x0111, 0x0120, 0x0121, 0x1101, 0x1102, 0x1103:
            true
        default: false
        }
    }
}
