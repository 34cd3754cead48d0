import DICOMCore
import DICOMImaging

/// Coding styles (ISO/IEC 15444-1 A.6.1 and A.6.2), read before OpenJPEG takes memory for what they divide the image into.
extension JPEG2000Header {
    /// The markers after which a segment with its length follows; OpenJPEG looks at what follows others two bytes at a time.
    private static var segments: Set<UInt8> {
        [
            0x50, 0x51, 0x52, 0x53, 0x55, 0x57, 0x58, 0x59, 0x5C, 0x5D, 0x5E, 0x5F, 0x60, 0x61, 0x63, 0x64, 0x74, 0x75,
            0x77, 0x78, 0x90,
        ]
    }

    /// Checks every coding style of the main header and of those of the tile-parts.
    ///
    /// - Throws: ``DICOMError`` with the code `unsupportedPixelData` where precincts or code-blocks are so small that they
    ///   would take many times the memory of the image, or `invalidCodestream` where there are more packets than bytes.
    func checkCodingStyles() throws(DICOMError) {
        var (position, tilePartEnd, layers) = (2, codestream.count, 1)
        while position + 4 <= codestream.count, codestream[position] == 0xFF {
            switch codestream[position + 1] {
            case 0x52:
                layers = number(position + 6, 2)
                try checkCodingStyle(position + 9, flags: number(position + 4, 1), layers: layers)
            case 0x53:
                let start = position + 4 + (components < 257 ? 1 : 2)
                try checkCodingStyle(start + 1, flags: number(start, 1), layers: layers)
            case 0x90:
                let length = number(position + 6, 4)
                tilePartEnd = length == 0 ? codestream.count : position + length
            case 0x93:
                guard tilePartEnd > position else { return }
                position = tilePartEnd
                continue
            default: break
            }
            let hasLength = Self.segments.contains(codestream[position + 1])
            position += hasLength ? 2 + max(2, number(position + 2, 2)) : 2
        }
    }

    private func number(_ offset: Int, _ count: Int) -> Int { Self.number(codestream, offset, count) }

    /// - Parameters:
    ///   - offset: Of the number of decomposition levels; size of the code-blocks and of the precincts follow.
    ///   - flags: Bit 0 says that precincts have sizes of their own.
    private func checkCodingStyle(_ offset: Int, flags: Int, layers: Int) throws(DICOMError) {
        let levels = min(number(offset, 1), 32)
        let block = (width: min(number(offset + 1, 1), 8) + 2, height: min(number(offset + 2, 1), 8) + 2)
        var (precincts, blocks) = (0, 0)
        for resolution in 0...levels {
            let size = flags & 1 == 1 ? number(offset + 5 + resolution, 1) : 0xFF
            let precinct = (width: size & 0xF, height: size >> 4)
            let (width, height) = (columns >> (levels - resolution), rows >> (levels - resolution))
            precincts += (width >> precinct.width) * (height >> precinct.height)
            // A precinct has parts of the subbands, which have half the resolution but for the lowest one.
            let part = resolution == 0 ? 0 : 1
            let blockWidth = min(block.width + part, max(precinct.width, part))
            let blockHeight = min(block.height + part, max(precinct.height, part))
            blocks += (width >> blockWidth) * (height >> blockHeight) * (part == 0 ? 1 : 3)
        }
        let samples = rows * columns
        guard precincts <= 1024 + samples / 128, blocks <= 1024 + samples / 32 else {
            throw DICOMError(
                .unsupportedPixelData, "JPEG 2000 with precincts or code-blocks of a few samples is not decoded")
        }
        // Each packet has a header, which is a byte at least.
        let packets = (precincts * components).multipliedReportingOverflow(by: layers)
        guard !packets.overflow, packets.partialValue <= 4096 + 2 * codestream.count else {
            throw DICOMError(
                .invalidCodestream,
                "the JPEG 2000 codestream is too short for \(layers) layers of \(precincts) precincts")
        }
    }
}
