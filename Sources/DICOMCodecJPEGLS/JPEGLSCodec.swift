import CCharLS
public import DICOMCore
import DICOMDictionary
public import DICOMImaging

/// JPEG-LS, lossless (1.2.840.10008.1.2.4.80) and near-lossless (….81), by CharLS; it encodes lossless.
public struct JPEGLSCodec: FrameCodec {
    public init() {}

    public var decodableTransferSyntaxes: [UID] { [.jpeglsLossless, .jpeglsNearLossless] }
    public var encodableTransferSyntaxes: [UID] { [.jpeglsLossless] }

    public func decode(
        _ codestream: UnsafeRawBufferPointer, transferSyntax: UID, format: PixelFormat,
        into destination: UnsafeMutableRawBufferPointer
    ) throws(DICOMError) -> PixelFormat {
        let header = try JPEGHeader(codestream)
        try header.check(format)
        guard [8, 16].contains(format.bitsAllocated) else {
            throw DICOMError(
                .unsupportedPixelData, "JPEG-LS frames with Bits Allocated \(format.bitsAllocated) are not decoded")
        }
        // CharLS writes bytes for up to 8 bits, else words; and planes where they were coded one after the other.
        let size = header.precision > 8 ? 2 : 1
        let length = format.sampleCount * size
        let isDirect = size * 8 == format.bitsAllocated
        let buffer =
            isDirect
            ? UnsafeMutableRawBufferPointer(rebasing: destination[..<length])
            : UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 16)
        defer { if !isDirect { buffer.deallocate() } }
        let isPlanar = try decode(codestream, into: buffer)
        if !isDirect { widen(buffer, into: destination) }
        if isPlanar, format.samplesPerPixel > 1 { interleave(destination, format) }
        let stated = format.photometricInterpretation
        return format.decoded(as: stated == .ybrRCT || stated == .ybrICT ? .rgb : stated)
    }

    /// - Returns: Whether the samples are plane after plane.
    private func decode(
        _ codestream: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer
    ) throws(DICOMError) -> Bool {
        let codestream = try upToItsEnd(codestream)
        guard let decoder = charls_jpegls_decoder_create(), let source = codestream.baseAddress,
            let target = buffer.baseAddress
        else { throw DICOMError(.invalidCodestream, "CharLS could not be started") }
        defer { charls_jpegls_decoder_destroy(decoder) }
        try check(charls_jpegls_decoder_set_source_buffer(decoder, source, codestream.count))
        try check(charls_jpegls_decoder_read_header(decoder))
        var length = 0
        try check(charls_jpegls_decoder_get_destination_size(decoder, 0, &length))
        guard length == buffer.count else {
            throw DICOMError(.invalidCodestream, "the JPEG-LS codestream is not of the size that its header says")
        }
        var mode = CHARLS_INTERLEAVE_MODE_NONE
        try check(charls_jpegls_decoder_get_interleave_mode(decoder, &mode))
        try check(charls_jpegls_decoder_decode_to_buffer(decoder, target, length, 0))
        return mode == CHARLS_INTERLEAVE_MODE_NONE
    }

    /// Without what follows the end of image marker. CharLS 2.4 counts to 2³¹ where memory ends before a marker comes.
    private func upToItsEnd(_ codestream: UnsafeRawBufferPointer) throws(DICOMError) -> UnsafeRawBufferPointer {
        var end = codestream.count
        while end >= 2, codestream[end - 2] != 0xFF || codestream[end - 1] != 0xD9 { end -= 1 }
        guard end >= 2 else {
            throw DICOMError(.invalidCodestream, "the JPEG-LS codestream has no end; it is cut off or damaged")
        }
        return UnsafeRawBufferPointer(rebasing: codestream[..<end])
    }

    private func check(_ status: charls_jpegls_errc) throws(DICOMError) {
        guard status != CHARLS_JPEGLS_ERRC_SUCCESS else { return }
        let message = charls_get_error_message(status).map { String(cString: $0) } ?? "error \(status.rawValue)"
        throw DICOMError(.invalidCodestream, "the JPEG-LS codestream cannot be decoded: \(message)")
    }

    private func widen(_ bytes: UnsafeMutableRawBufferPointer, into destination: UnsafeMutableRawBufferPointer) {
        for index in bytes.indices {
            destination[2 * index] = bytes[index]
            destination[2 * index + 1] = 0
        }
    }

    private func interleave(_ destination: UnsafeMutableRawBufferPointer, _ format: PixelFormat) {
        let size = format.bitsAllocated / 8
        let area = format.rows * format.columns
        let planes = [UInt8](destination[..<format.frameLength])
        for sample in 0..<format.samplesPerPixel {
            for pixel in 0..<area {
                for byte in 0..<size {
                    destination[(pixel * format.samplesPerPixel + sample) * size + byte] =
                        planes[(sample * area + pixel) * size + byte]
                }
            }
        }
    }

    public func encode(
        _ samples: UnsafeRawBufferPointer, format: PixelFormat, transferSyntax: UID
    ) throws(DICOMError) -> (codestream: [UInt8], photometricInterpretation: PhotometricInterpretation) {
        guard [8, 16].contains(format.bitsAllocated), format.bitsStored >= 2, format.sampleType != .float,
            format.sampleType != .double
        else {
            throw DICOMError(
                .unsupportedPixelData,
                "JPEG-LS holds samples of 2 to 16 bits in cells of 8 or 16, not \(format.bitsStored) of "
                    + "\(format.bitsAllocated)")
        }
        // What the cells hold beside the samples would be refused, and signs are bits beyond the sample.
        let cleaned = format.samplesWithoutForeignBits(samples)
        var codestream = [UInt8]()
        var failure: DICOMError?
        cleaned.withUnsafeBytes { bytes in
            do throws(DICOMError) { codestream = try encode(bytes, format) } catch { failure = error }
        }
        if let failure { throw failure }
        return (codestream, format.photometricInterpretation)
    }

    private func encode(_ samples: UnsafeRawBufferPointer, _ format: PixelFormat) throws(DICOMError) -> [UInt8] {
        guard let encoder = charls_jpegls_encoder_create(), let source = samples.baseAddress else {
            throw DICOMError(.unsupportedPixelData, "CharLS could not be started")
        }
        defer { charls_jpegls_encoder_destroy(encoder) }
        // DCMTK does not read samples of up to 8 bits into cells of 16; it writes those with the precision of the cells.
        let precision = format.bitsStored <= 8 ? format.bitsAllocated : format.bitsStored
        var info = charls_frame_info(
            width: UInt32(format.columns), height: UInt32(format.rows), bits_per_sample: Int32(precision),
            component_count: Int32(format.samplesPerPixel))
        try check(charls_jpegls_encoder_set_frame_info(encoder, &info))
        if format.samplesPerPixel > 1 {
            try check(charls_jpegls_encoder_set_interleave_mode(encoder, CHARLS_INTERLEAVE_MODE_SAMPLE))
        }
        var room = 0
        try check(charls_jpegls_encoder_get_estimated_destination_size(encoder, &room))
        var failure: DICOMError?
        // Noise can grow a little.
        let codestream = [UInt8](unsafeUninitializedCapacity: room + room / 2 + 4096) { buffer, count in
            count = 0
            guard let target = buffer.baseAddress else { return }
            do throws(DICOMError) {
                try check(charls_jpegls_encoder_set_destination_buffer(encoder, target, buffer.count))
                try check(charls_jpegls_encoder_encode_from_buffer(encoder, source, samples.count, 0))
                try check(charls_jpegls_encoder_get_bytes_written(encoder, &count))
            } catch {
                failure = error
                count = 0
            }
        }
        if let failure { throw failure }
        return codestream
    }
}
