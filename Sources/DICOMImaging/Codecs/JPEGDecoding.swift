package import CJPEGDecoding
package import DICOMCore

/// Calls one of the decoders that `jpeg_decoding.h` makes of a JPEG library.
package enum JPEGDecoding {
    /// - Throws: ``DICOMError`` with the code `invalidCodestream` or `unsupportedPixelData`.
    package static func run(
        _ decode: (
            UnsafePointer<UInt8>?, Int, UnsafePointer<dicomnode_jpeg_frame>?, UnsafeMutablePointer<UInt8>?,
            UnsafeMutablePointer<dicomnode_jpeg_result>?
        ) -> CInt,
        _ codestream: UnsafeRawBufferPointer, _ format: PixelFormat, into destination: UnsafeMutableRawBufferPointer
    ) throws(DICOMError) -> PixelFormat {
        guard [8, 16].contains(format.bitsAllocated), destination.count >= format.frameLength else {
            throw DICOMError(
                .unsupportedPixelData, "JPEG frames with Bits Allocated \(format.bitsAllocated) are not decoded")
        }
        var frame = dicomnode_jpeg_frame(
            width: UInt32(format.columns), height: UInt32(format.rows), components: UInt32(format.samplesPerPixel),
            cell: UInt32(format.bitsAllocated / 8))
        var result = dicomnode_jpeg_result()
        let status = decode(
            codestream.bindMemory(to: UInt8.self).baseAddress, codestream.count, &frame,
            destination.bindMemory(to: UInt8.self).baseAddress, &result)
        guard status == 0 else {
            let message = withUnsafeBytes(of: result.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            throw DICOMError(.invalidCodestream, "the JPEG codestream cannot be decoded: \(message)")
        }
        return format.decoded(as: photometric(of: Int(result.colour), format))
    }

    private static func photometric(of colour: Int, _ format: PixelFormat) -> PhotometricInterpretation {
        let stated = format.photometricInterpretation
        guard format.samplesPerPixel == 3 else { return stated }
        switch colour {
        case Int(DICOMNODE_JPEG_RGB): return .rgb
        // An image that says RGB may be right against a JFIF marker that an encoder wrote without thinking.
        case Int(DICOMNODE_JPEG_YCC) where stated != .rgb: return .ybrFull
        default: return stated == .ybrFull422 ? .ybrFull : stated
        }
    }
}
