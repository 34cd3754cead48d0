import DICOMCore
import DICOMDictionary

/// What stands before the data set of a file: preamble, prefix and file meta group (PS3.10 7.1), or nothing in files that
/// lack them.
struct FilePreface {
    static let preambleLength = 128
    static let prefix: [UInt8] = Array("DICM".utf8)
    /// What files begin with.
    static let start = [UInt8](repeating: 0, count: preambleLength) + prefix
    /// With fewer bytes nothing can be said.
    static let leastLength = preambleLength + prefix.count

    let meta: DataSet
    let transferSyntax: TransferSyntax
    /// Where the data set begins.
    let dataSetOffset: Int
    private(set) var warnings: [DICOMError] = []

    /// Of a bare data set.
    init(transferSyntax: TransferSyntax) {
        meta = DataSet()
        self.transferSyntax = transferSyntax
        dataSetOffset = 0
    }

    /// - Parameter isComplete: Whether `bytes` is the whole file, and not the begin of it.
    /// - Throws: ``DICOMError``; `truncatedDataSet` when more bytes are needed.
    init(_ bytes: [UInt8], options: ParsingOptions, isComplete: Bool) throws(DICOMError) {
        guard isComplete || bytes.count >= Self.leastLength else {
            throw DICOMError(.truncatedDataSet, "The file ends within its preamble. Send or copy it again.", offset: 0)
        }
        let start = try Self.startOfMeta(bytes)
        var parser = DataSetParser(
            bytes, in: start..<bytes.count, transferSyntax: .explicitVRLittleEndian, options: options,
            isPartial: !isComplete)
        if start != Self.leastLength {
            try parser.tolerate("the preamble, or the prefix DICM at byte 128, is missing (PS3.10 7.1)", at: start)
        }
        try parser.parseMeta()
        if !isComplete, bytes.count - parser.position < 8 {
            throw DICOMError(
                .truncatedDataSet, "The file ends with its meta group. Send or copy it again.",
                offset: parser.position)
        }
        meta = DataSet(
            parsed: ParsedElements(bytes: bytes, entries: parser.entries), range: 0..<parser.entries.count)
        dataSetOffset = parser.position
        if let uid = meta[.transferSyntaxUID] {
            transferSyntax = TransferSyntax(uid: uid)
        } else {
            if bytes.count == parser.position { try parser.reportTruncation("there is no data set") }
            transferSyntax = Self.guess(bytes, at: parser.position) ?? .explicitVRLittleEndian
            try parser.tolerate("no transfer syntax is stated; the data set looks like \(transferSyntax)", at: start)
        }
        warnings = parser.warnings
    }

    /// Whether the bytes begin with a preamble and the prefix.
    static func hasPrefix(_ bytes: [UInt8]) -> Bool {
        bytes.count >= leastLength && bytes[preambleLength..<leastLength].elementsEqual(prefix)
    }

    private static func startOfMeta(_ bytes: [UInt8]) throws(DICOMError) -> Int {
        if hasPrefix(bytes) { return leastLength }
        if bytes.starts(with: prefix) { return prefix.count }
        guard guess(bytes, at: 0) != nil else {
            throw DICOMError(
                .notPart10,
                "This is no DICOM file: the prefix DICM at byte 128 is missing (PS3.10 7.1), and it does not begin with a data set either.",
                offset: 0)
        }
        return 0
    }

    /// The transfer syntax that the element at `start` looks like; `nil` when it looks like none.
    private static func guess(_ bytes: [UInt8], at start: Int) -> TransferSyntax? {
        guard bytes.count - start >= 8 else { return nil }
        func number(_ offset: Int) -> UInt16 { UInt16(bytes[start + offset]) | UInt16(bytes[start + offset + 1]) << 8 }
        let little = DICOMTag(number(0), number(2))
        let big = DICOMTag(number(0).byteSwapped, number(2).byteSwapped)
        if VR(bytes[start + 4], bytes[start + 5]) != nil {
            // Data sets begin with low groups: 0008 read in the wrong order is 0800.
            let isLittle = little.group <= big.group
            guard DICOMDictionary.vr(of: isLittle ? little : big) != nil else { return nil }
            return isLittle ? .explicitVRLittleEndian : .explicitVRBigEndian
        }
        let length = UInt32(number(4)) | UInt32(number(6)) << 16
        // A command set begins with its group length; zeros are no element.
        let isPlausible =
            little.rawValue == 0
            ? length == 4
            : length == DataSetParser.undefinedLength || length <= 1 << 16
        return isPlausible && little.group <= 0x0020 && DICOMDictionary.vr(of: little) != nil
            ? .implicitVRLittleEndian : nil
    }
}

extension DataSetParser {
    /// Parses the file meta group, which may be missing.
    fileprivate mutating func parseMeta() throws(DICOMError) {
        guard end - position >= 2, loadUInt16(position) == 0x0002 else { return }
        try parse(group: 0x0002)
        guard let first = entries.first, first.tag == DICOMTag(0x0002, 0x0000), first.length == 4 else { return }
        let stated = first.offset + 4 + Int(loadUInt32(first.offset))
        if stated != position {
            try tolerate("the meta group ends at byte \(position), and not at \(stated) as it says", at: first.offset)
        }
    }
}
