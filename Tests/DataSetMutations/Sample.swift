import DICOMCoding
import DICOMCore

/// A file to be spoilt.
struct Sample {
    let name: String
    /// What is spoilt: the file, or of a deflated one the data set that was deflated.
    let bytes: [UInt8]
    /// The headers in ``bytes``, where damage does most.
    let sites: [Site]
    /// What stands before the deflated data set in the file; `nil` when ``bytes`` are all of the file.
    private let head: [UInt8]?
    let transferSyntax: TransferSyntax
    let dataSetOffset: Int

    /// Where the header of an element or item has its parts.
    struct Site {
        let tag: Int
        let vr: Int?
        let length: Int
        let lengthSize: Int
        let value: Range<Int>
        let isBigEndian: Bool
    }

    /// The file as it is, and for a deflated one a second sample whose data set is spoilt before it is deflated.
    static func samples(_ name: String, _ bytes: [UInt8]) -> [Sample] {
        let bytes = bytes.count > longestFile ? shortened(bytes) : bytes
        guard let file = try? DICOMFile(parsing: bytes) else {
            return [Sample(name: name, bytes: bytes, head: nil, .explicitVRLittleEndian, dataSetOffset: 0)]
        }
        let whole = Sample(
            name: name, bytes: bytes, head: nil, file.transferSyntax, dataSetOffset: file.dataSetOffset)
        guard file.transferSyntax.isDeflated,
            let body = try? file.dataSet.encoded(as: .explicitVRLittleEndian)
        else { return [whole] }
        let head = Array(bytes[..<file.dataSetOffset])
        return [whole, Sample(name: name, bytes: body, head: head, .explicitVRLittleEndian, dataSetOffset: 0)]
    }

    /// A long file is as good with less of its pixels, and takes less time.
    private static let longestFile = 1 << 16
    private static let longestValue = 1 << 13

    private static func shortened(_ bytes: [UInt8]) -> [UInt8] {
        guard var file = try? DICOMFile(parsing: bytes) else { return bytes }
        for (path, element) in file.dataSet.allElements {
            let value: DataElement.Value
            switch element.value {
            case .bytes(let bytes) where bytes.count > longestValue: value = .bytes(bytes.prefix(longestValue))
            case .fragments(let fragments): value = .fragments(fragments.prefix(4).map { $0.prefix(longestValue / 4) })
            default: continue
            }
            try? file.dataSet.set(DataElement(element.tag, element.vr, value), at: path)
        }
        return (try? file.encodedChunks()).map { Array($0.joined()) } ?? bytes
    }

    private init(
        name: String, bytes: [UInt8], head: [UInt8]?, _ transferSyntax: TransferSyntax, dataSetOffset: Int
    ) {
        self.name = name
        self.bytes = bytes
        self.head = head
        self.transferSyntax = transferSyntax
        self.dataSetOffset = dataSetOffset
        sites = Self.sites(bytes, transferSyntax, dataSetOffset)
    }

    /// The file whose spoilt part this is.
    func file(_ spoilt: [UInt8]) -> [UInt8] { head.map { $0 + Self.stored(spoilt) } ?? spoilt }

    /// A deflated stream of blocks that are not compressed (RFC 1951 3.2.4).
    private static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var stream: [UInt8] = []
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(0xFFFF)
            rest = rest.dropFirst(block.count)
            let length = UInt16(truncatingIfNeeded: block.count)
            stream.append(rest.isEmpty ? 1 : 0)
            for number in [length, ~length] {
                stream.append(UInt8(truncatingIfNeeded: number))
                stream.append(UInt8(truncatingIfNeeded: number >> 8))
            }
            stream += block
        } while !rest.isEmpty
        return stream
    }

    private static func sites(_ bytes: [UInt8], _ transferSyntax: TransferSyntax, _ dataSetOffset: Int) -> [Site] {
        var sites: [Site] = []
        let start = bytes.dropFirst(128).starts(with: Array("DICM".utf8)) ? 132 : 0
        var meta = DataSetParser(bytes, in: start..<bytes.count, transferSyntax: .explicitVRLittleEndian)
        if dataSetOffset > 0, (try? meta.parse(group: 0x0002)) != nil {
            sites += meta.entries.compactMap { Site($0, bytes) }
        }
        guard !transferSyntax.isDeflated else { return sites }
        var body = DataSetParser(
            bytes, in: dataSetOffset..<bytes.count, transferSyntax: transferSyntax, options: .file)
        _ = try? body.parse()
        return sites + body.entries.compactMap { Site($0, bytes) }
    }
}

extension Sample.Site {
    init?(_ entry: ParsedElements.Entry, _ bytes: [UInt8]) {
        value = entry.offset..<min(entry.offset + entry.length, bytes.count)
        for header in [8, 12] where entry.offset >= header {
            let start = entry.offset - header
            for isBigEndian in [false, true] where Self.tag(bytes, start, isBigEndian) == entry.tag {
                let hasVR = VR(bytes[start + 4], bytes[start + 5]) == entry.vr
                guard header == 8 || hasVR else { continue }
                tag = start
                vr = hasVR ? start + 4 : nil
                lengthSize = header == 8 && hasVR ? 2 : 4
                length = entry.offset - lengthSize
                self.isBigEndian = isBigEndian
                return
            }
        }
        return nil
    }

    private static func tag(_ bytes: [UInt8], _ start: Int, _ isBigEndian: Bool) -> DICOMTag {
        func number(_ offset: Int) -> UInt16 {
            let number = UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
            return isBigEndian ? number.byteSwapped : number
        }
        return DICOMTag(number(start), number(start + 2))
    }
}
