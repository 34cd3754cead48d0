package import DICOMCore

/// The start of frame of a JPEG or JPEG-LS codestream (ISO/IEC 10918-1 B.2.2), read before a library is asked to decode it.
package struct JPEGHeader {
    /// The marker: C0H baseline, C1H extended, C2H progressive, C3H lossless, F7H JPEG-LS.
    package let process: UInt8
    package let precision: Int
    package let rows: Int
    package let columns: Int
    package let components: Int

    /// - Throws: ``DICOMError`` with the code `invalidCodestream` when there is no start of frame.
    package init(_ codestream: UnsafeRawBufferPointer) throws(DICOMError) {
        guard codestream.count > 4, codestream[0] == 0xFF, codestream[1] == 0xD8 else {
            throw DICOMError(.invalidCodestream, "the frame does not begin with a JPEG start of image marker")
        }
        var position = 2
        while position + 9 < codestream.count {
            guard codestream[position] == 0xFF else { break }
            let marker = codestream[position + 1]
            if marker == 0xFF {
                position += 1
                continue
            }
            let length = Int(codestream[position + 2]) << 8 | Int(codestream[position + 3])
            if Self.isStartOfFrame(marker) {
                process = marker
                precision = Int(codestream[position + 4])
                rows = Int(codestream[position + 5]) << 8 | Int(codestream[position + 6])
                columns = Int(codestream[position + 7]) << 8 | Int(codestream[position + 8])
                components = Int(codestream[position + 9])
                return
            }
            position += 2 + max(2, length)
        }
        throw DICOMError(.invalidCodestream, "the JPEG codestream has no start of frame")
    }

    private static func isStartOfFrame(_ marker: UInt8) -> Bool {
        // C4H, C8H and CCH are tables and extensions.
        marker == 0xF7 || (0xC0...0xCF).contains(marker) && marker != 0xC4 && marker != 0xC8 && marker != 0xCC
    }

    /// - Throws: ``DICOMError`` with the code `invalidCodestream` when the frame is not what the data set says.
    package func check(_ format: PixelFormat) throws(DICOMError) {
        try FrameCodecs.check(
            rows: rows, columns: columns, samples: components, precision: precision, against: format)
    }
}

extension FrameCodecs {
    /// What every codec checks before it takes memory: a codestream has to be of the frame that the data set describes.
    ///
    /// - Throws: ``DICOMError`` with the code `invalidCodestream`.
    package static func check(
        rows: Int, columns: Int, samples: Int, precision: Int, against format: PixelFormat
    ) throws(DICOMError) {
        guard rows == format.rows, columns == format.columns, samples == format.samplesPerPixel else {
            throw DICOMError(
                .invalidCodestream,
                "the compressed frame has \(rows) rows, \(columns) columns and \(samples) samples a pixel, but the data "
                    + "set says \(format.rows), \(format.columns) and \(format.samplesPerPixel)")
        }
        guard (1...format.bitsAllocated).contains(precision) else {
            throw DICOMError(
                .invalidCodestream,
                "the compressed frame has samples of \(precision) bits, but Bits Allocated is \(format.bitsAllocated)")
        }
    }
}

extension PixelFormat {
    /// The format of a decoded frame: sample by sample, and what the samples mean.
    package func decoded(as photometric: PhotometricInterpretation) -> PixelFormat {
        var format = self
        format.isPlanar = false
        format.photometricInterpretation = photometric
        return format
    }
}
