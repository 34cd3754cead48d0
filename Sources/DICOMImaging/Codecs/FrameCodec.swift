public import DICOMCore

/// A codec for the frames of encapsulated pixel data (PS3.5 8.2, A.4).
///
/// Codecs are stateless and are used by several threads at once. They are told to the library once, at the start of a
/// program, by ``FrameCodecs/register(_:)``.
public protocol FrameCodec: Sendable {
    /// The transfer syntaxes whose frames it decodes.
    var decodableTransferSyntaxes: [UID] { get }
    /// The transfer syntaxes whose frames it makes.
    var encodableTransferSyntaxes: [UID] { get }

    /// Decodes one frame to native samples.
    ///
    /// - Parameters:
    ///   - codestream: The frame's fragments, one after the other. Bytes after its end are ignored.
    ///   - transferSyntax: One of ``decodableTransferSyntaxes``.
    ///   - format: What the data set says of the frame; the codestream has to have its rows, columns and samples.
    ///   - destination: `format.frameLength` bytes, to be filled with rows × columns × samples: cells of
    ///     `format.bitsAllocated`, little endian, sample by sample of a pixel (Planar Configuration 0).
    /// - Returns: The format of what was written: `format` with the planar configuration and the photometric
    ///   interpretation that decoding led to (RGB where the codestream's own transform was undone).
    /// - Throws: ``DICOMError`` with the code `invalidCodestream` for bytes that are damaged or contradict `format`, or
    ///   `unsupportedPixelData` for what this codec cannot decode; another codec is tried then.
    func decode(
        _ codestream: UnsafeRawBufferPointer, transferSyntax: UID, format: PixelFormat,
        into destination: UnsafeMutableRawBufferPointer
    ) throws(DICOMError) -> PixelFormat

    /// Encodes one frame.
    ///
    /// - Parameters:
    ///   - samples: `format.frameLength` bytes of native samples, little endian, Planar Configuration 0.
    ///   - format: Describes `samples`.
    ///   - transferSyntax: One of ``encodableTransferSyntaxes``.
    /// - Returns: The codestream, and the photometric interpretation that has to stand in the data set with it.
    /// - Throws: ``DICOMError`` with the code `unsupportedPixelData` for samples that the transfer syntax cannot hold.
    func encode(
        _ samples: UnsafeRawBufferPointer, format: PixelFormat, transferSyntax: UID
    ) throws(DICOMError) -> (codestream: [UInt8], photometricInterpretation: PhotometricInterpretation)
}

extension FrameCodec {
    /// Decodes only.
    public var encodableTransferSyntaxes: [UID] { [] }

    /// Decodes only.
    public func encode(
        _ samples: UnsafeRawBufferPointer, format: PixelFormat, transferSyntax: UID
    ) throws(DICOMError) -> (codestream: [UInt8], photometricInterpretation: PhotometricInterpretation) {
        throw DICOMError(.unsupportedPixelData, "this codec does not encode frames in \(transferSyntax)")
    }
}
