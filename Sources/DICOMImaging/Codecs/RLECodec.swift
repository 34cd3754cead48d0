import DICOMCore
import DICOMDictionary

/// RLE Lossless (PS3.5 annex G): for each byte of a sample, the most significant first, a segment of PackBits.
struct RLECodec: FrameCodec {
    var decodableTransferSyntaxes: [UID] { [.rleLossless] }
    var encodableTransferSyntaxes: [UID] { [.rleLossless] }

    func decode(
        _ codestream: UnsafeRawBufferPointer, transferSyntax: UID, format: PixelFormat,
        into destination: UnsafeMutableRawBufferPointer
    ) throws(DICOMError) -> PixelFormat {
        let bytes = try Self.bytesPerSample(format)
        let count = format.samplesPerPixel * bytes
        let offsets = try Self.segments(codestream, count)
        for (index, range) in offsets.enumerated() {
            let (sample, byte) = (index / bytes, bytes - 1 - index % bytes)
            let place = UnsafeMutableRawBufferPointer(rebasing: destination[(sample * bytes + byte)...])
            let source = UnsafeRawBufferPointer(rebasing: codestream[range])
            let written = Self.unpack(source, into: place, step: count, count: format.rows * format.columns)
            guard written == format.rows * format.columns else {
                throw DICOMError(
                    .invalidCodestream,
                    "segment \(index) of the RLE frame gives \(written) bytes instead of "
                        + "\(format.rows * format.columns)")
            }
        }
        return format.decoded(
            as: format.photometricInterpretation == .ybrFull422 ? .ybrFull : format.photometricInterpretation)
    }

    private static func bytesPerSample(_ format: PixelFormat) throws(DICOMError) -> Int {
        guard format.bitsAllocated >= 8, format.samplesPerPixel * format.bitsAllocated / 8 <= 15 else {
            throw DICOMError(
                .unsupportedPixelData, "RLE holds samples of whole bytes, not of \(format.bitsAllocated) bits")
        }
        return format.bitsAllocated / 8
    }

    /// Where the segments are: the header's offsets, each to the next one.
    private static func segments(
        _ codestream: UnsafeRawBufferPointer, _ count: Int
    ) throws(DICOMError) -> [Range<Int>] {
        func number(_ index: Int) -> Int {
            (0..<4).reduce(0) { $0 | Int(codestream[4 * index + $1]) << (8 * $1) }
        }
        guard codestream.count >= 64, number(0) == count else {
            let found = codestream.count >= 64 ? "\(number(0))" : "no"
            throw DICOMError(
                .invalidCodestream, "the RLE frame has \(found) segments, but its pixels ask for \(count)")
        }
        let offsets = (1...count).map(number) + [codestream.count]
        var ranges: [Range<Int>] = []
        for index in 0..<count {
            guard offsets[index] >= 64, offsets[index] <= offsets[index + 1], offsets[index + 1] <= codestream.count
            else {
                throw DICOMError(
                    .invalidCodestream, "the offset of segment \(index) of the RLE frame lies outside of the frame")
            }
            ranges.append(offsets[index]..<offsets[index + 1])
        }
        return ranges
    }

    /// Undoes PackBits; every byte goes `step` further. Returns how many were written, at most `count`.
    private static func unpack(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, step: Int, count: Int
    ) -> Int {
        var (position, written) = (0, 0)
        while position < source.count, written < count {
            let control = Int(Int8(bitPattern: source[position]))
            position += 1
            if control >= 0 {
                let length = min(control + 1, source.count - position, count - written)
                for index in 0..<length { target[(written + index) * step] = source[position + index] }
                written += length
                position += control + 1
            } else if control > -128 {
                guard position < source.count else { break }
                let length = min(1 - control, count - written)
                let value = source[position]
                for index in 0..<length { target[(written + index) * step] = value }
                written += length
                position += 1
            }
        }
        return written
    }

    func encode(
        _ samples: UnsafeRawBufferPointer, format: PixelFormat, transferSyntax: UID
    ) throws(DICOMError) -> (codestream: [UInt8], photometricInterpretation: PhotometricInterpretation) {
        let bytes = try Self.bytesPerSample(format)
        let count = format.samplesPerPixel * bytes
        var codestream = [UInt8](repeating: 0, count: 64)
        func set(_ index: Int, _ number: Int) {
            for byte in 0..<4 { codestream[4 * index + byte] = UInt8(truncatingIfNeeded: number >> (8 * byte)) }
        }
        set(0, count)
        var row = [UInt8](repeating: 0, count: format.columns)
        for index in 0..<count {
            set(index + 1, codestream.count)
            let first = index / bytes * bytes + bytes - 1 - index % bytes
            // Rows are packed one by one (PS3.5 G.3.1).
            for line in 0..<format.rows {
                for column in 0..<format.columns {
                    row[column] = samples[(line * format.columns + column) * count + first]
                }
                Self.pack(row, into: &codestream)
            }
            if codestream.count % 2 == 1 { codestream.append(0) }
        }
        guard codestream.count <= UInt32.max else {
            throw DICOMError(.unsupportedPixelData, "the frame is too long for RLE")
        }
        return (codestream, format.photometricInterpretation)
    }

    private static func pack(_ row: [UInt8], into output: inout [UInt8]) {
        var start = 0
        while start < row.count {
            let value = row[start]
            var run = 1
            while run < 128, start + run < row.count, row[start + run] == value { run += 1 }
            if run >= 2 {
                output.append(UInt8(bitPattern: Int8(1 - run)))
                output.append(value)
                start += run
                continue
            }
            var end = start + 1
            // Two equal bytes within a literal are not worth a run of their own; three are.
            while end < row.count, end - start < 128,
                !(end + 2 < row.count && row[end] == row[end + 1] && row[end] == row[end + 2])
            { end += 1 }
            output.append(UInt8(end - start - 1))
            output.append(contentsOf: row[start..<end])
            start = end
        }
    }
}
