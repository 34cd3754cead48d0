import CJPEGLossless
public import DICOMCore
import DICOMDictionary
public import DICOMImaging

/// JPEG lossless of 2 to 16 bits (1.2.840.10008.1.2.4.57, ….70) and extended of 12 bits (….51), decoded by the JPEG
/// libraries that GDCM ships, because libjpeg-turbo 2.1 has neither.
public struct JPEGLosslessCodec: FrameCodec {
    public init() {}

    public var decodableTransferSyntaxes: [UID] { [.jpegLossless, .jpegLosslessSV1, .jpegExtended12Bit] }

    public func decode(
        _ codestream: UnsafeRawBufferPointer, transferSyntax: UID, format: PixelFormat,
        into destination: UnsafeMutableRawBufferPointer
    ) throws(DICOMError) -> PixelFormat {
        let header = try JPEGHeader(codestream)
        let isLossless = header.process == 0xC3
        guard isLossless || header.process == 0xC0 || header.process == 0xC1 else {
            throw DICOMError(
                .unsupportedPixelData,
                "DICOMCodecJPEGLossless decodes lossless and sequential JPEG, not process \(Int(header.process) - 0xC0)"
            )
        }
        try header.check(format)
        switch header.precision {
        case ...8: return try JPEGDecoding.run(dicomnode_jpeg_decode_8, codestream, format, into: destination)
        case ...12: return try JPEGDecoding.run(dicomnode_jpeg_decode_12, codestream, format, into: destination)
        default: return try JPEGDecoding.run(dicomnode_jpeg_decode_16, codestream, format, into: destination)
        }
    }
}
