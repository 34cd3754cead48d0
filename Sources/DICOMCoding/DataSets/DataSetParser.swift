package import DICOMCore
import DICOMDictionary

/// Finds the elements of an encoded data set without decoding or copying a value (PS3.5 chapter 7).
///
/// Every length is compared with the bytes that are there before it is used, and nesting is bounded. What departs from
/// the standard and can be understood is kept in ``warnings``; see ``ParsingOptions``.
package struct DataSetParser {
    static let undefinedLength: UInt32 = 0xFFFF_FFFF
    /// More warnings than these are only counted: a damaged file may have one for each of a million elements.
    private static let maximumWarnings = 100

    private(set) var bytes: [UInt8]
    private(set) var end: Int
    let options: ParsingOptions
    /// Whether more bytes may follow: then an end within an element says that they are needed.
    var isPartial: Bool
    var isExplicit: Bool
    var isBigEndian: Bool
    private let hasBigEndianPixelData: Bool
    package internal(set) var position: Int
    package internal(set) var entries: [ParsedElements.Entry] = []
    /// The pixel data element that the parser stopped at: its VR, value offset and length (`nil`: undefined).
    package private(set) var pixelData: (vr: VR, offset: Int, length: Int?)?
    /// The number of entries before the first pixel data element, and where it begins.
    private(set) var header: (entries: Int, end: Int)?
    package private(set) var warnings: [DICOMError] = []
    private(set) var suppressedWarnings = 0
    /// The sequences around the current position, for errors.
    var path: [DICOMTag] = []
    /// What the elements of the current data set that came before say about the ones that follow.
    var context = Context()

    /// Before this position stands no byte from which zeros alone follow.
    var paddingStart = 0

    /// What decides about the VR of later elements of a data set (PS3.5 A.1, 7.8).
    struct Context {
        /// Whether Pixel Representation (0028,0103) is 1, which settles US or SS in implicit VR.
        var samplesAreSigned = false
        /// Whether the first value of LUT Descriptor (0028,3002) is 1, which settles US or OW for LUT Data.
        var lutHasOneEntry = false
        /// The private creators by group and block.
        var creators: [UInt32: DICOMDictionary.PrivateCreator] = [:]
        /// Entries that are US because nothing said yet that samples are signed.
        var unsettled: [Int] = []
    }

    /// What a list of elements stands in.
    enum Place { case dataSet, definedItem, undefinedItem }

    package init(
        _ bytes: [UInt8], in range: Range<Int>, transferSyntax: TransferSyntax, options: ParsingOptions = .init(),
        isPartial: Bool = false
    ) {
        self.bytes = bytes
        end = range.upperBound
        position = range.lowerBound
        isExplicit = transferSyntax.isExplicitVR
        isBigEndian = !transferSyntax.isLittleEndian
        hasBigEndianPixelData = transferSyntax.hasBigEndianPixelData
        self.options = options
        self.isPartial = isPartial
        entries.reserveCapacity(64)
    }

    /// Parses up to the end, or up to the first pixel data element where asked to stop there.
    package mutating func parse() throws(DICOMError) {
        try detectVREncoding(until: end)
        try parseElements(until: end, in: .dataSet)
        noteSuppressedWarnings()
    }

    /// Parses the elements of one group at the begin, such as the file meta group; stops before the next group.
    package mutating func parse(group: UInt16) throws(DICOMError) {
        try detectVREncoding(until: end)
        var order = ElementOrder(first: entries.count)
        while end - position >= 8, loadUInt16(position) == group {
            let header = try parseHeader(until: end)
            order.note(header.tag)
            try parseValue(header, until: end)
        }
        try order.restore(&self)
        noteSuppressedWarnings()
    }

    // MARK: - Elements

    struct Header {
        var tag: DICOMTag
        var vr: VR
        var length: UInt32
    }

    /// Parses elements up to `limit`, or up to the delimitation in an item of undefined length.
    mutating func parseElements(until limit: Int, in place: Place) throws(DICOMError) {
        var order = ElementOrder(first: entries.count)
        var isClosed = false
        while !isClosed, position < limit { isClosed = try parseElement(until: limit, in: place, &order) }
        if place == .undefinedItem, !isClosed {
            try reportEnd("an item of undefined length has no delimitation", until: limit)
        }
        try order.restore(&self)
    }

    /// Parses the next element; returns whether the data set ends here.
    mutating func parseElement(
        until limit: Int, in place: Place, _ order: inout ElementOrder
    ) throws(DICOMError) -> Bool {
        let start = position
        guard limit - start >= 8 else {
            try skipRest(until: limit)
            return false
        }
        if place == .dataSet, bytes[start] == 0, try skipPadding(from: start) { return true }
        let header = try parseHeader(until: limit)
        if header.tag.group == 0xFFFE { return try closes(place, header.tag, at: start) }
        if place == .dataSet, header.tag.isPixelData, try reachesPixelData(header, at: start) { return true }
        order.note(header.tag)
        try parseValue(header, until: limit)
        return false
    }

    /// Notes where the pixel data begin; returns whether to stop there.
    private mutating func reachesPixelData(_ element: Header, at start: Int) throws(DICOMError) -> Bool {
        if header == nil { header = (entries.count, start) }
        guard options.stopBeforePixelData else { return false }
        pixelData = (element.vr, position, element.length == Self.undefinedLength ? nil : Int(element.length))
        position = start
        return true
    }

    private mutating func parseHeader(until limit: Int) throws(DICOMError) -> Header {
        let tag = loadTag(position)
        guard isExplicit, tag.group != 0xFFFE else {
            let length = loadUInt32(position + 4)
            position += 8
            return Header(tag: tag, vr: tag.group == 0xFFFE ? .un : implicitVR(tag), length: length)
        }
        guard let vr = VR(bytes[position + 4], bytes[position + 5]) else {
            return try parseHeaderOfUnknownVR(tag, until: limit)
        }
        guard vr.has32BitLength else {
            let length = UInt32(loadUInt16(position + 6))
            position += 8
            return Header(tag: tag, vr: vr, length: length)
        }
        guard limit - position >= 12 else {
            try reportEnd("the length of \(tag) is cut off", until: limit)
            position = limit
            return Header(tag: tag, vr: vr, length: 0)
        }
        var length = loadUInt32(position + 8)
        let short = loadUInt16(position + 6)
        if short != 0, length != Self.undefinedLength, try isBeyond(Int(length), limit - position - 12, limit),
            Int(short) <= limit - position - 8
        {
            try tolerate("\(tag) has a 16-bit length, which \(vr) must not", at: position + 6)
            length = UInt32(short)
            position += 8
        } else {
            position += 12
        }
        return Header(tag: tag, vr: resolved(vr, tag), length: length)
    }

    private mutating func parseValue(_ header: Header, until limit: Int) throws(DICOMError) {
        if header.length == Self.undefinedLength { return try parseUndefinedLength(header, until: limit) }
        let length = try fitted(Int(header.length), until: limit, of: header.tag)
        if header.vr == .sq { return try parseSequence(header, until: position + length, isDelimited: false) }
        if length == Int(header.length) {
            if length & 1 == 1 {
                try tolerate("\(header.tag) has an odd length of \(length) bytes", at: position)
            } else if !header.vr.allows(length: length) {
                try tolerate(
                    "\(header.tag) has \(length) bytes, which are no whole values of \(header.vr)", at: position)
            }
        }
        entries.append(
            .init(
                tag: header.tag, vr: header.vr, kind: .value,
                isBigEndian: isBigEndian || hasBigEndianPixelData && header.tag == .pixelData,
                offset: position, length: length))
        note(header.tag, length: length)
        position += length
    }

    private mutating func parseUndefinedLength(_ header: Header, until limit: Int) throws(DICOMError) {
        switch header.vr {
        case .sq: try parseSequence(header, until: limit, isDelimited: true)
        case .un where header.tag != .pixelData: try parseUnknownSequence(header, until: limit)
        case .ob, .ow, .un: try parseFragments(header, until: limit)
        default:
            try tolerate("\(header.tag) has an undefined length, which \(header.vr) must not", at: position - 4)
            try parseSequence(header, until: limit, isDelimited: true)
        }
    }

    /// A sequence whose VR was unknown to who wrote it: implicit VR little endian inside (PS3.5 6.2.2 note 2, CP-246).
    private mutating func parseUnknownSequence(_ header: Header, until limit: Int) throws(DICOMError) {
        let outer = (isExplicit, isBigEndian)
        (isExplicit, isBigEndian) = (false, false)
        try parseSequence(header, until: limit, isDelimited: true)
        (isExplicit, isBigEndian) = outer
    }

    // MARK: - Bytes

    /// More bytes, after those that were there.
    mutating func append(_ piece: ArraySlice<UInt8>) {
        bytes.append(contentsOf: piece)
        end = bytes.count
    }

    func loadTag(_ offset: Int) -> DICOMTag { DICOMTag(loadUInt16(offset), loadUInt16(offset + 2)) }

    @inline(__always) func loadUInt16(_ offset: Int) -> UInt16 {
        let first = UInt16(bytes[offset])
        let second = UInt16(bytes[offset + 1])
        return isBigEndian ? first << 8 | second : second << 8 | first
    }

    @inline(__always) func loadUInt32(_ offset: Int) -> UInt32 {
        let first = UInt32(loadUInt16(offset))
        let second = UInt32(loadUInt16(offset + 2))
        return isBigEndian ? first << 16 | second : second << 16 | first
    }

    // MARK: - Departures from the standard

    /// Reports what can be understood nevertheless.
    mutating func tolerate(_ text: String, at offset: Int) throws(DICOMError) {
        if options.isStrict { throw malformed(text, offset: offset) }
        warn(
            DICOMError(
                .toleratedDeparture, "The data set departs from the standard: \(text).", at: path, offset: offset))
    }

    /// Reports that the bytes end too early.
    mutating func reportTruncation(_ text: String) throws(DICOMError) {
        let error = DICOMError(
            .truncatedDataSet, "The data set is incomplete: \(text). Send or copy it again.", at: path,
            offset: position)
        guard options.acceptsTruncation, !options.isStrict, !isPartial else { throw error }
        warn(error)
    }

    private mutating func warn(_ warning: DICOMError) {
        if warnings.count < Self.maximumWarnings { warnings.append(warning) } else { suppressedWarnings += 1 }
    }

    mutating func noteSuppressedWarnings() {
        guard suppressedWarnings > 0 else { return }
        warnings.append(
            DICOMError(.toleratedDeparture, "There are \(suppressedWarnings) more departures from the standard."))
        suppressedWarnings = 0
    }

    /// Takes back the warnings after the first `count`, and those beyond so many that were only counted.
    mutating func discardWarnings(after count: Int, suppressed: Int) {
        warnings.removeLast(max(0, warnings.count - count))
        suppressedWarnings = suppressed
    }

    func malformed(_ text: String, offset: Int) -> DICOMError {
        DICOMError(
            .malformedDataSet,
            "Not a valid data set: \(text). The file is damaged or in another transfer syntax than it says.",
            at: path, offset: offset)
    }

    /// A length that goes past `limit` is shortened to what is there.
    mutating func fitted(_ length: Int, until limit: Int, of tag: DICOMTag) throws(DICOMError) -> Int {
        let available = limit - position
        guard length > available else { return length }
        try reportEnd("\(tag) has a length of \(length) bytes, but \(available) are left", until: limit)
        return available
    }

    /// Reports that a data set, sequence or item ends too early.
    mutating func reportEnd(_ text: String, until limit: Int) throws(DICOMError) {
        if limit == end { try reportTruncation(text) } else { try tolerate(text, at: position) }
    }

    /// Whether a length that may be none is more than what is `left` up to `limit`.
    ///
    /// - Throws: ``DICOMError`` with `truncatedDataSet` while that cannot be told, because more bytes may follow.
    mutating func isBeyond(_ length: Int, _ left: Int, _ limit: Int) throws(DICOMError) -> Bool {
        guard length > left else { return false }
        if isPartial, limit == end { try reportTruncation("what follows tells what an element is") }
        return true
    }
}
