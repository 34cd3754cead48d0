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
    public var dataSet: DataSet
    public let transferSyntax: TransferSyntax
    /// Where the pixel data stand in the file; known after ``readHeader(_:)``.
    public let pixelData: PixelDataLocation?
    /// Where the data set begins in the file, bytes from the begin.
    public let dataSetOffset: Int

    /// Pixel data that were left in the file.
    public struct PixelDataLocation: Sendable, Hashable {
        public let path: String
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

    private static let preambleLength = 128
    private static let prefix: [UInt8] = Array("DICM".utf8)
    /// What files begin with.
    private static let start = [UInt8](repeating: 0, count: preambleLength) + prefix
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
        dataSetOffset = 0
    }

    private init(_ bytes: [UInt8], path: String, stopBeforePixelData: Bool) throws(DICOMError) {
        let start = Self.preambleLength + Self.prefix.count
        guard Self.hasPrefix(bytes) else {
            throw DICOMError(
                .notPart10, "'\(path)' is no DICOM file: the prefix DICM at byte 128 is missing (PS3.10 7.1).",
                offset: 128)
        }
        var parser = try DataSetParser(bytes, in: start..<bytes.count, transferSyntax: .explicitVRLittleEndian)
        try parser.parse(group: 0x0002)
        meta = DataSet(
            parsed: ParsedElements(bytes: bytes, entries: parser.entries), range: 0..<parser.entries.count)
        guard let uid = meta[.transferSyntaxUID] else {
            throw DICOMError(
                bytes.count - parser.position < 8 ? .truncatedDataSet : .malformedDataSet,
                "'\(path)' does not say its transfer syntax.", at: [Attribute.transferSyntaxUID.tag],
                offset: parser.position)
        }
        transferSyntax = TransferSyntax(uid: uid)
        dataSetOffset = parser.position
        var body = try DataSetParser(
            bytes, in: parser.position..<bytes.count, transferSyntax: transferSyntax,
            stopBeforePixelData: stopBeforePixelData)
        try body.parse()
        dataSet = DataSet(parsed: ParsedElements(bytes: bytes, entries: body.entries), range: 0..<body.entries.count)
        pixelData = body.pixelData.map {
            PixelDataLocation(path: path, vr: $0.vr, offset: $0.offset, length: $0.length)
        }
    }

    // MARK: - Reading

    /// Reads a whole file.
    ///
    /// - Throws: ``DICOMError`` when the file cannot be read or is not a DICOM file.
    public static func read(_ path: String) throws(DICOMError) -> DICOMFile {
        let file = try PosixFile(path, O_RDONLY)
        return try DICOMFile(try file.read(at: 0, count: try file.size()), path: path, stopBeforePixelData: false)
    }

    /// Reads what stands before the pixel data, and no more of the file than that takes (in steps of 8 KiB, 64 KiB, …).
    ///
    /// - Throws: ``DICOMError`` when the file cannot be read or is not a DICOM file.
    public static func readHeader(_ path: String) throws(DICOMError) -> DICOMFile {
        let file = try PosixFile(path, O_RDONLY)
        let size = try file.size()
        var count = min(firstRead, size)
        while true {
            let bytes = try file.read(at: 0, count: count)
            do throws(DICOMError) {
                let header = try DICOMFile(bytes, path: path, stopBeforePixelData: true)
                if header.pixelData != nil || count == size { return header }
            } catch  where error.code == .truncatedDataSet && count < size {
                // The header goes on: read more of it.
            }
            count = count > size / 8 ? size : count * 8
        }
    }

    /// Whether the file begins with a preamble and the prefix DICM; `false` too when it cannot be read.
    public static func isPart10(_ path: String) -> Bool {
        guard let bytes = try? PosixFile(path, O_RDONLY).read(at: 0, count: preambleLength + prefix.count) else {
            return false
        }
        return hasPrefix(bytes)
    }

    private static func hasPrefix(_ bytes: [UInt8]) -> Bool {
        bytes.count >= preambleLength + prefix.count
            && bytes[preambleLength..<preambleLength + prefix.count].elementsEqual(prefix)
    }

    // MARK: - Writing

    /// Writes the file under a temporary name in the same folder and renames it, so that no reader ever sees a part of it.
    ///
    /// - Parameter syncing: Whether to return only when content and name are on the disk.
    /// - Throws: ``DICOMError`` when a value cannot be encoded or the file cannot be written.
    public func write(to path: String, syncing: Bool = false) throws(DICOMError) {
        var chunks = [try Self.metaGroup(meta)[...]]
        chunks += try dataSet.encodedChunks(as: transferSyntax)
        let temporary = path + ".\(getpid())-\(UInt32.random(in: 0 ... .max)).tmp"
        do throws(DICOMError) {
            try Self.write(chunks, to: temporary, syncing: syncing)
            try FileSystem.rename(temporary, to: path)
        } catch {
            unsafe unlink(temporary)
            throw error
        }
        if syncing { try FileSystem.synchronizeFolder(FileSystem.folder(of: path)) }
    }

    private static func write(_ chunks: [ArraySlice<UInt8>], to path: String, syncing: Bool) throws(DICOMError) {
        let file = try PosixFile(path, O_WRONLY | O_CREAT | O_EXCL)
        for chunk in chunks { try file.write(chunk) }
        if syncing { try file.synchronize() }
    }

    /// Preamble, prefix and file meta group, to be written before a data set that was received in this transfer syntax.
    package static func metaGroup(
        sopClassUID: UID, sopInstanceUID: UID, transferSyntax: TransferSyntax
    ) throws(DICOMError) -> [UInt8] {
        var group = GroupWriter(0x0002, isExplicit: true, after: start)
        try group.write(0x0001, [0, 1])
        try group.write(0x0002, .ui, sopClassUID.string)
        try group.write(0x0003, .ui, sopInstanceUID.string)
        try group.write(0x0010, .ui, transferSyntax.uid.string)
        try group.write(0x0012, .ui, Implementation.classUID.string)
        try group.write(0x0013, .sh, Implementation.versionName)
        return try group.finish()
    }

    private static func metaGroup(_ meta: DataSet) throws(DICOMError) -> [UInt8] {
        var meta = meta
        meta.remove(Attribute.fileMetaInformationGroupLength.tag)
        let body = try meta.encoded(as: .explicitVRLittleEndian)
        var length = DataSet()
        length[.fileMetaInformationGroupLength] = body.count
        return start + (try length.encoded(as: .explicitVRLittleEndian)) + body
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
    public static let version = "0.1.0"
}
