public import DICOMCore
import DICOMDictionary
import Glibc

/// A DICOM file: preamble, file meta group and data set (PS3.10 chapter 7).
///
/// ```swift
/// let file = try DICOMFile.read("slice.dcm")
/// print(file.transferSyntax, file.dataSet[.sopInstanceUID] ?? "no UID")
/// ```
public struct DICOMFile: Sendable {
    /// The file meta group (0002,xxxx).
    public var meta: DataSet
    /// Everything after the file meta group.
    public var dataSet: DataSet
    /// How the data set was encoded, and will be when it is written.
    public let transferSyntax: TransferSyntax
    /// Where the pixel data stand in the file; known after ``readHeader(_:)``.
    public let pixelData: PixelDataLocation?
    /// Whether the pixel data were left out when this was read; then it cannot be written.
    public let isHeaderOnly: Bool
    /// Where the data set begins in the file, bytes from the begin.
    public let dataSetOffset: Int

    /// Pixel data that were left in the file.
    public struct PixelDataLocation: Sendable, Hashable {
        /// The file.
        public let path: String
        /// OB, OW, OF or OD.
        public let vr: VR
        /// Bytes from the begin of the file to the value.
        public let offset: Int
        /// Bytes of the value; `nil` for encapsulated pixel data (undefined length).
        public let length: Int?

        package init(path: String, vr: VR, offset: Int, length: Int?) {
            self.path = path
            self.vr = vr
            self.offset = offset
            self.length = length
        }
    }

    /// What departs from the standard in what was read, each with its place (``ParsingOptions``); the first hundred.
    public let warnings: [DICOMError]

    /// How much of a file is read first when only its header is wanted; most headers fit.
    private static let firstRead = 8 * 1024

    /// A file around a data set, with a new meta group.
    public init(dataSet: DataSet, transferSyntax: TransferSyntax = .explicitVRLittleEndian) {
        self.dataSet = dataSet
        self.transferSyntax = transferSyntax
        meta = Self.meta(
            sopClassUID: dataSet[.sopClassUID], sopInstanceUID: dataSet[.sopInstanceUID], transferSyntax: transferSyntax
        )
        pixelData = nil
        isHeaderOnly = false
        dataSetOffset = 0
        warnings = []
    }

    /// What a parser has found.
    init(_ preface: FilePreface, _ body: DataSetParser, path: String?) {
        meta = preface.meta
        transferSyntax = preface.transferSyntax
        dataSetOffset = preface.dataSetOffset
        dataSet = DataSet(
            parsed: ParsedElements(bytes: body.bytes, entries: body.entries), range: 0..<body.entries.count)
        warnings = preface.warnings + body.warnings
        isHeaderOnly = body.pixelData != nil
        if let path, let found = body.pixelData {
            pixelData = PixelDataLocation(path: path, vr: found.vr, offset: found.offset, length: found.length)
        } else {
            pixelData = nil
        }
    }

    // MARK: - Reading

    /// Parses the bytes of a file. They are kept and shared, values are decoded on access.
    ///
    /// - Throws: ``DICOMError`` with the tag path and byte offset of what is wrong; in a deflated data set the offset is that
    ///   in the inflated bytes.
    public init(parsing bytes: [UInt8], options: ParsingOptions = .file) throws(DICOMError) {
        try self.init(bytes, path: nil, options: options, isPartial: false)
    }

    private init(_ bytes: [UInt8], path: String?, options: ParsingOptions, isPartial: Bool) throws(DICOMError) {
        let preface = try FilePreface(bytes, options: options, isComplete: !isPartial)
        var body: DataSetParser
        if preface.transferSyntax.isDeflated {
            guard !isPartial else {
                throw DICOMError(.truncatedDataSet, "A deflated data set is read as a whole.")
            }
            // Of a file it is kept whole: nothing in it can be found by its offset later.
            var options = options
            if path != nil { options.stopBeforePixelData = false }
            body = try Self.inflatedParser(bytes, preface, options)
        } else {
            body = DataSetParser(
                bytes, in: preface.dataSetOffset..<bytes.count, transferSyntax: preface.transferSyntax,
                options: options, isPartial: isPartial)
        }
        try body.parse()
        self.init(preface, body, path: path)
    }

    private static func inflatedParser(
        _ bytes: [UInt8], _ preface: FilePreface, _ options: ParsingOptions
    ) throws(DICOMError) -> DataSetParser {
        let inflater = Inflater(limit: options.inflationLimit)
        let inflated = try inflater.inflated(bytes[preface.dataSetOffset...], at: preface.dataSetOffset)
        var parser = DataSetParser(
            inflated, in: 0..<inflated.count, transferSyntax: preface.transferSyntax, options: options)
        if !inflater.isFinished { try parser.reportTruncation("the deflated bytes have no end") }
        return parser
    }

    /// Reads a whole file.
    ///
    /// A file without preamble, meta group or transfer syntax is read as what it looks like; ``warnings`` says so.
    ///
    /// - Throws: ``DICOMError`` when the file cannot be read or is not a DICOM file.
    public static func read(_ path: String, options: ParsingOptions = .file) throws(DICOMError) -> DICOMFile {
        let file = try PosixFile(path, O_RDONLY)
        let bytes = try file.read(at: 0, count: try file.size())
        return try located(path) { () throws(DICOMError) in
            try DICOMFile(bytes, path: path, options: options, isPartial: false)
        }
    }

    /// Reads what stands before the pixel data, and no more of the file than that takes (in steps of 8 KiB, 64 KiB, …).
    ///
    /// A deflated file is read as a whole, pixel data included, because nothing in it can be found by its offset.
    ///
    /// - Throws: ``DICOMError`` when the file cannot be read or is not a DICOM file.
    public static func readHeader(_ path: String, options: ParsingOptions = .file) throws(DICOMError) -> DICOMFile {
        let file = try PosixFile(path, O_RDONLY)
        var size = Int.max
        var count = firstRead
        var options = options
        options.stopBeforePixelData = true
        while true {
            let bytes = try file.read(at: 0, count: count)
            if bytes.count < count { size = bytes.count }
            count = bytes.count
            do throws(DICOMError) {
                let header = try DICOMFile(bytes, path: path, options: options, isPartial: count < size)
                if header.pixelData != nil || count == size { return header }
            } catch  where error.code == .truncatedDataSet && count < size {
                // The header goes on: read more of it.
            } catch {
                throw error.located(in: path)
            }
            size = try file.size()
            count = count > size / 8 ? size : count * 8
        }
    }

    private static func located<Result>(
        _ path: String, _ body: () throws(DICOMError) -> Result
    ) throws(DICOMError) -> Result {
        do { return try body() } catch { throw error.located(in: path) }
    }

    /// Whether the file begins with a preamble and the prefix DICM; `false` too when it cannot be read.
    public static func isPart10(_ path: String) -> Bool {
        guard let bytes = try? PosixFile(path, O_RDONLY).read(at: 0, count: FilePreface.leastLength) else {
            return false
        }
        return FilePreface.hasPrefix(bytes)
    }

    // MARK: - Writing

    /// Writes the file under a temporary name in the same folder and renames it, so that no reader ever sees a part of it.
    ///
    /// - Parameter syncing: Whether to return only when content and name are on the disk.
    /// - Throws: ``DICOMError`` when a value cannot be encoded or the file cannot be written.
    public func write(to path: String, syncing: Bool = false) throws(DICOMError) {
        try FileSystem.write(try encodedChunks(), to: path, syncing: syncing)
    }

    /// The bytes of the file, as pieces to be written one after the other; long values are not copied.
    ///
    /// - Throws: ``DICOMError`` when a value cannot be encoded, or the data set has elements of the file meta group.
    public func encodedChunks() throws(DICOMError) -> [ArraySlice<UInt8>] {
        guard !isHeaderOnly || dataSet.contains(.pixelData) else { throw Self.headerOnly }
        if let misplaced = dataSet.tags(in: DICOMTag(0x0002, 0)...DICOMTag(0x0002, 0xFFFF)).first {
            // They would come right after the meta group, and readers would take them for a part of it.
            throw DICOMError(
                .unencodableValue,
                "The data set has an element of the file meta group; remove it, or set it in DICOMFile.meta.",
                at: [misplaced])
        }
        return [try metaGroup()[...]] + (try dataSet.encodedChunks(as: transferSyntax))
    }

    /// The same file in another transfer syntax. Pixel data are neither compressed nor decompressed.
    ///
    /// - Throws: ``DICOMError`` with `unsupportedTransferSyntax` where that would be needed.
    public func converted(to transferSyntax: TransferSyntax) throws(DICOMError) -> DICOMFile {
        guard !isHeaderOnly || dataSet.contains(.pixelData) else { throw Self.headerOnly }
        let hasFragments = dataSet.contains(.pixelData) && dataSet[element: .pixelData]?.bytes == nil
        let hasNativePixels = dataSet.contains(.pixelData) && !hasFragments
        guard
            transferSyntax == self.transferSyntax
                || !(hasFragments || transferSyntax.isEncapsulated && hasNativePixels)
        else {
            throw DICOMError(
                .unsupportedTransferSyntax,
                "The pixel data cannot be brought from \(self.transferSyntax) to \(transferSyntax) here: only uncompressed transfer syntaxes are converted into one another."
            )
        }
        var file = DICOMFile(dataSet: dataSet, transferSyntax: transferSyntax)
        file.meta = meta
        file.meta[.transferSyntaxUID] = transferSyntax.uid
        return file
    }

    private static let headerOnly = DICOMError(
        .invalidValue,
        "Only the header was read: writing it would lose the pixel data. Read the whole file with DICOMFile.read, or make a file of the data set where they shall be left out.",
        at: [.pixelData])

    /// Preamble, prefix and file meta group, to be written before a data set that was received in this transfer syntax.
    package static func metaGroup(
        sopClassUID: UID, sopInstanceUID: UID, transferSyntax: TransferSyntax
    ) throws(DICOMError) -> [UInt8] {
        var group = GroupWriter(0x0002, isExplicit: true, after: FilePreface.start)
        try group.write(0x0001, [0, 1])
        try group.write(0x0002, .ui, sopClassUID.string)
        try group.write(0x0003, .ui, sopInstanceUID.string)
        try group.write(0x0010, .ui, transferSyntax.uid.string)
        try group.write(0x0012, .ui, Implementation.classUID.string)
        try group.write(0x0013, .sh, Implementation.versionName)
        return try group.finish()
    }

    /// The meta group as it stands, with the transfer syntax that is written; what a file lacks that had none is added.
    private func metaGroup() throws(DICOMError) -> [UInt8] {
        var meta = meta
        let complete = Self.meta(
            sopClassUID: dataSet[.sopClassUID], sopInstanceUID: dataSet[.sopInstanceUID], transferSyntax: transferSyntax
        )
        // Class and version name stand for one implementation: ours does not go beside another's class.
        let hasImplementation = meta.contains(.implementationClassUID)
        for element in complete where !meta.contains(element.tag) {
            if hasImplementation, element.tag == Attribute.implementationVersionName.tag { continue }
            meta[element: element.tag] = element
        }
        // Of an instance that the program has given another identity.
        if dataSet.isChanged(Attribute.sopClassUID.tag) { meta[.mediaStorageSOPClassUID] = dataSet[.sopClassUID] }
        if dataSet.isChanged(Attribute.sopInstanceUID.tag) {
            meta[.mediaStorageSOPInstanceUID] = dataSet[.sopInstanceUID]
        }
        if meta[.transferSyntaxUID] != transferSyntax.uid { meta[.transferSyntaxUID] = transferSyntax.uid }
        meta.remove(Attribute.fileMetaInformationGroupLength.tag)
        let body = try meta.encoded(as: .explicitVRLittleEndian)
        var length = DataSet()
        length[.fileMetaInformationGroupLength] = body.count
        return FilePreface.start + (try length.encoded(as: .explicitVRLittleEndian)) + body
    }

    private static func meta(sopClassUID: UID?, sopInstanceUID: UID?, transferSyntax: TransferSyntax) -> DataSet {
        var meta = DataSet()
        meta[.fileMetaInformationVersion] = [0, 1]
        meta[.mediaStorageSOPClassUID] = sopClassUID
        meta[.mediaStorageSOPInstanceUID] = sopInstanceUID
        meta[.transferSyntaxUID] = transferSyntax.uid
        meta[.implementationClassUID] = Implementation.classUID
        meta[.implementationVersionName] = Implementation.versionName
        return meta
    }
}

/// How this software names itself to peers and in files (PS3.7 D.3.3.2).
public enum Implementation {
    /// Implementation Class UID: a UUID-derived UID of this project (PS3.5 B.2).
    public static let classUID: UID = "2.25.315543428348508072428205099650768044567"
    /// Implementation Version Name, at most 16 characters.
    public static let versionName = "DICOMNODE_0_1"
    /// The version of this software.
    public static let version = "0.1.0"
}
