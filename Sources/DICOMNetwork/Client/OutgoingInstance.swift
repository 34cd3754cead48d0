public import DICOMCoding
public import DICOMCore
import DICOMDictionary
import Glibc

/// A Part 10 file that is to be sent: what its meta group says, and where its data set stands.
public struct OutgoingInstance: Sendable, Hashable {
    public let path: String
    /// Media Storage SOP Class UID (0002,0002).
    public let sopClassUID: UID
    /// Media Storage SOP Instance UID (0002,0003).
    public let sopInstanceUID: UID
    /// How the data set is encoded; it is sent so where the peer takes it.
    public let transferSyntax: TransferSyntax
    /// Where the data set begins, bytes from the begin of the file.
    public let dataSetOffset: Int
    /// Bytes of the data set.
    public let dataSetLength: Int

    /// Where the file meta group begins: after preamble and prefix (PS3.10 7.1).
    private static let metaOffset = 132
    /// The first element of the meta group: its length (0002,0000), UL.
    private static let groupLengthSize = 12
    /// Meta groups are a few hundred bytes; a longer one is left to the full reader.
    private static let longestMetaGroup = 8192 - metaOffset - groupLengthSize

    /// Reads the meta group of a file, and of the data set only what the meta group lacks.
    ///
    /// - Throws: ``DICOMError`` when the file cannot be read, is not a Part 10 file, or does not say what it holds.
    public init(path: String) throws(DICOMError) {
        let file = try PosixFile(path, O_RDONLY)
        let size = try file.size()
        let head = try file.read(at: 0, count: min(size, 8192))
        self.path = path
        if let (meta, offset) = Self.meta(in: head),
            let sopClassUID = meta[.mediaStorageSOPClassUID], let sopInstanceUID = meta[.mediaStorageSOPInstanceUID],
            let transferSyntaxUID = meta[.transferSyntaxUID]
        {
            self.sopClassUID = sopClassUID
            self.sopInstanceUID = sopInstanceUID
            transferSyntax = TransferSyntax(uid: transferSyntaxUID)
            dataSetOffset = offset
        } else {
            let header = try DICOMFile.readHeader(path)
            guard let sopClassUID = header.meta[.mediaStorageSOPClassUID] ?? header.dataSet[.sopClassUID],
                let sopInstanceUID = header.meta[.mediaStorageSOPInstanceUID] ?? header.dataSet[.sopInstanceUID]
            else {
                throw DICOMError(.malformedDataSet, "'\(path)' does not say its SOP Class and SOP Instance UID.")
            }
            self.sopClassUID = sopClassUID
            self.sopInstanceUID = sopInstanceUID
            transferSyntax = header.transferSyntax
            dataSetOffset = header.dataSetOffset
        }
        dataSetLength = size - dataSetOffset
        guard dataSetLength > 0 else {
            throw DICOMError(.truncatedDataSet, "'\(path)' ends with its meta group: it has no data set.", offset: size)
        }
    }

    /// The meta group by its group length, and where it ends; `nil` when it has none or that is not to be trusted.
    private static func meta(in head: [UInt8]) -> (DataSet, Int)? {
        let begin = metaOffset + groupLengthSize
        guard head.count >= begin, Array(head[128..<132]) == Array("DICM".utf8),
            Array(head[metaOffset..<metaOffset + 8]) == [2, 0, 0, 0, 0x55, 0x4C, 4, 0]
        else { return nil }
        let length = (0..<4).reduce(0) { $0 | Int(head[metaOffset + 8 + $1]) << (8 * $1) }
        guard length <= longestMetaGroup, begin + length + 2 <= head.count,
            // The group ends where its length says when no element of it follows.
            head[begin + length] != 2 || head[begin + length + 1] != 0,
            let meta = try? DataSet(parsing: Array(head[metaOffset..<begin + length])),
            meta.allSatisfy({ $0.tag.group == 2 })
        else { return nil }
        return (meta, begin + length)
    }
}
