import CJPEG
public import DICOMCore
import DICOMDictionary
public import DICOMImaging

/// JPEG baseline (1.2.840.10008.1.2.4.50) and extended of 8 bits (….51), decoded by libjpeg-turbo.
///
/// Samples come as they are coded: luminance and chrominance stay what they are, chrominance at the resolution of the
/// luminance, and the returned photometric interpretation is YBR_FULL or, where the codestream says so, RGB. A codestream that
/// ends before its last sample is an error, not a grey area.
public struct JPEGCodec: FrameCodec {
    public init() {}

    public var decodableTransferSyntaxes: [UID] { [.jpegBaseline8Bit, .jpegExtended12Bit] }

    public func decode(
        _ codestream: UnsafeRawBufferPointer, transferSyntax: UID, format: PixelFormat,
        into destination: UnsafeMutableRawBufferPointer
    ) throws(DICOMError) -> PixelFormat {
        let header = try JPEGHeader(codestream)
        guard header.process == 0xC0 || header.process == 0xC1, header.precision == 8 else {
            throw DICOMError(
                .unsupportedPixelData,
                "DICOMCodecJPEG decodes sequential JPEG of 8 bits, not process \(header.process - 0xC0) of "
                    + "\(header.precision) bits; DICOMCodecJPEGLossless may")
        }
        try header.check(format)
        return try JPEGDecoding.run(dicomnode_jpeg_decode, codestream, format, into: destination)
    }
}
