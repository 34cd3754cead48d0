import DICOMCore
import DICOMImaging

/// Image and tile size of a JPEG 2000 codestream (ISO/IEC 15444-1 A.5.1), read before OpenJPEG takes memory for it.
struct JPEG2000Header {
    let codestream: UnsafeRawBufferPointer
    let rows, columns, components, tiles: Int
    let precision: Int
    let isSigned: Bool

    /// - Parameter bytes: A codestream, or a JP2 file around one, which some encoders write.
    init(_ bytes: UnsafeRawBufferPointer) throws(DICOMError) {
        codestream = try Self.codestream(in: bytes)
        let stream = codestream
        func number(_ offset: Int, _ count: Int) -> Int { Self.number(stream, offset, count) }
        guard stream.count >= 49, stream[0] == 0xFF, stream[1] == 0x4F, stream[2] == 0xFF, stream[3] == 0x51 else {
            throw DICOMError(.invalidCodestream, "the frame does not begin with the markers of a JPEG 2000 codestream")
        }
        let (right, bottom) = (number(8, 4), number(12, 4))
        let (left, top) = (number(16, 4), number(20, 4))
        let (tileWidth, tileHeight) = (number(24, 4), number(28, 4))
        let (tileLeft, tileTop) = (number(32, 4), number(36, 4))
        components = number(40, 2)
        guard right > left, bottom > top, tileWidth > 0, tileHeight > 0, tileLeft <= left, tileTop <= top,
            components > 0,
            stream.count >= 42 + 3 * components
        else { throw DICOMError(.invalidCodestream, "the sizes in the JPEG 2000 codestream are impossible") }
        columns = right - left
        rows = bottom - top
        let across = (right - tileLeft + tileWidth - 1) / tileWidth
        let down = (bottom - tileTop + tileHeight - 1) / tileHeight
        tiles = across.multipliedReportingOverflow(by: down).overflow ? .max : across * down
        precision = Int(stream[42] & 0x7F) + 1
        isSigned = stream[42] & 0x80 != 0
        for component in 0..<components {
            let start = 42 + 3 * component
            guard stream[start + 1] == 1, stream[start + 2] == 1 else {
                throw DICOMError(.unsupportedPixelData, "JPEG 2000 with subsampled components is not decoded")
            }
            guard stream[start] == stream[42] else {
                throw DICOMError(
                    .unsupportedPixelData, "JPEG 2000 with components of different precision is not decoded")
            }
        }
    }

    func check(_ format: PixelFormat) throws(DICOMError) {
        try FrameCodecs.check(rows: rows, columns: columns, samples: components, precision: precision, against: format)
        // OpenJPEG takes some kilobytes for each tile before it has seen it.
        guard tiles <= 256 + format.frameLength / 1024 else {
            throw DICOMError(
                .invalidCodestream, "the JPEG 2000 codestream has \(tiles) tiles, more than its size allows")
        }
        try checkCodingStyles()
    }

    /// The codestream, or that in the box `jp2c` of a JP2 file.
    private static func codestream(in bytes: UnsafeRawBufferPointer) throws(DICOMError) -> UnsafeRawBufferPointer {
        guard bytes.count >= 12, number(bytes, 4, 4) == 0x6A50_2020 else { return bytes }
        var position = 0
        while position + 8 <= bytes.count {
            var (length, header) = (number(bytes, position, 4), 8)
            if length == 1, position + 16 <= bytes.count { (length, header) = (number(bytes, position + 8, 8), 16) }
            if length == 0 { length = bytes.count - position }
            guard length >= header else { break }
            if number(bytes, position + 4, 4) == 0x6A70_3263 {
                let end = min(bytes.count, length > bytes.count - position ? bytes.count : position + length)
                return UnsafeRawBufferPointer(rebasing: bytes[position + header..<max(end, position + header)])
            }
            guard length <= bytes.count - position else { break }
            position += length
        }
        throw DICOMError(.invalidCodestream, "the JP2 file in the frame has no codestream")
    }

    static func number(_ bytes: UnsafeRawBufferPointer, _ offset: Int, _ count: Int) -> Int {
        var value = 0
        for index in 0..<count where offset + index < bytes.count { value = value << 8 | Int(bytes[offset + index]) }
        return count == 8 ? value & Int.max : value
    }
}
