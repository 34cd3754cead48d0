import DICOMCoding
import DICOMCore
import DICOMDictionary

/// Deflated Image Frame Compression (PS3.5 A.4.12, annex 10.20): each frame's native bytes as a deflate stream.
struct DeflatedFrameCodec: FrameCodec {
    var decodableTransferSyntaxes: [UID] { [.deflatedImageFrameCompression] }
    var encodableTransferSyntaxes: [UID] { [.deflatedImageFrameCompression] }

    func decode(
        _ codestream: UnsafeRawBufferPointer, transferSyntax: UID, format: PixelFormat,
        into destination: UnsafeMutableRawBufferPointer
    ) throws(DICOMError) -> PixelFormat {
        let bytes: [UInt8]
        do throws(DICOMError) {
            bytes = try Inflater(limit: format.frameLength + 1).inflated([UInt8](codestream)[...], at: 0)
        } catch {
            throw DICOMError(
                .invalidCodestream,
                error.code == .inflationLimit
                    ? "the deflated frame inflates to more than its \(format.frameLength) bytes"
                    : "the deflated frame is damaged")
        }
        guard bytes.count >= format.frameLength else {
            throw DICOMError(
                .invalidCodestream,
                "the deflated frame inflates to \(bytes.count) bytes instead of \(format.frameLength)")
        }
        bytes.withUnsafeBytes {
            destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<format.frameLength]))
        }
        return format
    }

    func encode(
        _ samples: UnsafeRawBufferPointer, format: PixelFormat, transferSyntax: UID
    ) throws(DICOMError) -> (codestream: [UInt8], photometricInterpretation: PhotometricInterpretation) {
        (try Deflate.compress([[UInt8](samples)[...]]), format.photometricInterpretation)
    }
}

/// Encapsulated Uncompressed Explicit VR Little Endian (PS3.5 A.4.11): each frame's native bytes in a fragment.
struct EncapsulatedUncompressedCodec: FrameCodec {
    var decodableTransferSyntaxes: [UID] { [.encapsulatedUncompressedExplicitVRLittleEndian] }
    var encodableTransferSyntaxes: [UID] { [.encapsulatedUncompressedExplicitVRLittleEndian] }

    func decode(
        _ codestream: UnsafeRawBufferPointer, transferSyntax: UID, format: PixelFormat,
        into destination: UnsafeMutableRawBufferPointer
    ) throws(DICOMError) -> PixelFormat {
        guard codestream.count >= format.frameLength else {
            throw DICOMError(
                .invalidCodestream, "the frame has \(codestream.count) bytes instead of \(format.frameLength)")
        }
        destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: codestream[..<format.frameLength]))
        return format
    }

    func encode(
        _ samples: UnsafeRawBufferPointer, format: PixelFormat, transferSyntax: UID
    ) throws(DICOMError) -> (codestream: [UInt8], photometricInterpretation: PhotometricInterpretation) {
        ([UInt8](samples), format.photometricInterpretation)
    }
}
