import COpenJPEG
public import DICOMCore
import DICOMDictionary
public import DICOMImaging

/// JPEG 2000 (1.2.840.10008.1.2.4.90, ….91) and High-Throughput JPEG 2000 (….201 to ….203) by OpenJPEG; it encodes
/// JPEG 2000 lossless. OpenJPEG 2.5 cannot encode HTJ2K.
///
/// While a frame is decoded OpenJPEG takes about 16 bytes a sample; a header that would make it take more is refused before.
/// A codestream that is cut off is an error. Colour is RGB after decoding where the codestream's own transform was used.
public struct JPEG2000Codec: FrameCodec {
    public init() {}

    public var decodableTransferSyntaxes: [UID] {
        [.jpeg2000Lossless, .jpeg2000, .htj2kLossless, .htj2kLosslessRPCL, .htj2k]
    }
    public var encodableTransferSyntaxes: [UID] { [.jpeg2000Lossless] }

    public func decode(
        _ codestream: UnsafeRawBufferPointer, transferSyntax: UID, format: PixelFormat,
        into destination: UnsafeMutableRawBufferPointer
    ) throws(DICOMError) -> PixelFormat {
        let header = try JPEG2000Header(codestream)
        try header.check(format)
        let messages = Messages()
        guard let codec = opj_create_decompress(OPJ_CODEC_J2K) else {
            throw DICOMError(.invalidCodestream, "OpenJPEG could not be started")
        }
        defer { opj_destroy_codec(codec) }
        messages.listen(to: codec)
        var parameters = opj_dparameters_t()
        opj_set_default_decoder_parameters(&parameters)
        let source = MemoryStream(reading: header.codestream)
        // OpenJPEG has pointers to both.
        defer { withExtendedLifetime((source, messages)) {} }
        var image: UnsafeMutablePointer<opj_image_t>?
        defer { if let image { opj_image_destroy(image) } }
        guard opj_setup_decoder(codec, &parameters) == OPJ_TRUE,
            opj_decoder_set_strict_mode(codec, OPJ_BOOL(OPJ_TRUE)) == OPJ_TRUE,
            GuardedDecoding.run(codec, source.stream, &image), let decoded = image
        else {
            throw DICOMError(
                .invalidCodestream, "the JPEG 2000 codestream cannot be decoded: \(messages.text ?? "it is damaged")")
        }
        try write(decoded.pointee, header, format, into: destination)
        let stated = format.photometricInterpretation
        return format.decoded(as: stated == .ybrRCT || stated == .ybrICT ? .rgb : stated)
    }

    private func write(
        _ image: opj_image_t, _ header: JPEG2000Header, _ format: PixelFormat,
        into destination: UnsafeMutableRawBufferPointer
    ) throws(DICOMError) {
        let area = format.rows * format.columns
        // Signed pixels that were coded without a sign come out as bit patterns, whose sign is that of the top bit.
        let shift = format.isSigned && !header.isSigned ? Int32(32 - header.precision) : 0
        for sample in 0..<format.samplesPerPixel {
            let component = image.comps[sample]
            guard Int(image.numcomps) == format.samplesPerPixel, Int(component.w) * Int(component.h) == area,
                let data = component.data
            else { throw DICOMError(.invalidCodestream, "the JPEG 2000 codestream has components of different sizes") }
            let (step, base) = (format.samplesPerPixel, destination)
            switch format.bitsAllocated {
            case 8:
                for pixel in 0..<area {
                    base[pixel * step + sample] = UInt8(truncatingIfNeeded: (data[pixel] &<< shift) &>> shift)
                }
            case 16:
                let cells = base.bindMemory(to: UInt16.self)
                for pixel in 0..<area {
                    cells[pixel * step + sample] =
                        UInt16(truncatingIfNeeded: (data[pixel] &<< shift) &>> shift).littleEndian
                }
            case 32:
                let cells = base.bindMemory(to: UInt32.self)
                for pixel in 0..<area {
                    cells[pixel * step + sample] =
                        UInt32(truncatingIfNeeded: (data[pixel] &<< shift) &>> shift).littleEndian
                }
            default:
                throw DICOMError(
                    .unsupportedPixelData, "JPEG 2000 with Bits Allocated \(format.bitsAllocated) is not decoded")
            }
        }
    }

    public func encode(
        _ samples: UnsafeRawBufferPointer, format: PixelFormat, transferSyntax: UID
    ) throws(DICOMError) -> (codestream: [UInt8], photometricInterpretation: PhotometricInterpretation) {
        guard [8, 16].contains(format.bitsAllocated), format.sampleType == .signed || format.sampleType == .unsigned
        else {
            throw DICOMError(
                .unsupportedPixelData, "JPEG 2000 is made of samples of 8 or 16 bits, not of \(format.bitsAllocated)")
        }
        let isColor = format.photometricInterpretation == .rgb
        guard let image = makeImage(samples, format) else {
            throw DICOMError(.unsupportedPixelData, "OpenJPEG has no memory for the frame")
        }
        defer { opj_image_destroy(image) }
        guard let codec = opj_create_compress(OPJ_CODEC_J2K) else {
            throw DICOMError(.unsupportedPixelData, "OpenJPEG could not be started")
        }
        defer { opj_destroy_codec(codec) }
        let messages = Messages()
        messages.listen(to: codec)
        var parameters = opj_cparameters_t()
        opj_set_default_encoder_parameters(&parameters)
        parameters.tcp_numlayers = 1
        parameters.cp_disto_alloc = 1
        parameters.tcp_mct = isColor ? 1 : 0
        let shortest = min(format.rows, format.columns)
        parameters.numresolution = Int32(min(6, Int.bitWidth - shortest.leadingZeroBitCount))
        let target = MemoryStream(writingAbout: format.frameLength)
        defer { withExtendedLifetime((target, messages)) {} }
        guard opj_setup_encoder(codec, &parameters, image) == OPJ_TRUE,
            opj_start_compress(codec, image, target.stream) == OPJ_TRUE,
            opj_encode(codec, target.stream) == OPJ_TRUE, opj_end_compress(codec, target.stream) == OPJ_TRUE
        else {
            throw DICOMError(
                .unsupportedPixelData, "OpenJPEG cannot encode the frame: \(messages.text ?? "it does not say why")")
        }
        return (target.written, isColor ? .ybrRCT : format.photometricInterpretation)
    }

    private func makeImage(
        _ samples: UnsafeRawBufferPointer, _ format: PixelFormat
    ) -> UnsafeMutablePointer<opj_image_t>? {
        var component = opj_image_cmptparm_t()
        (component.dx, component.dy) = (1, 1)
        (component.w, component.h) = (UInt32(format.columns), UInt32(format.rows))
        component.prec = UInt32(format.bitsStored)
        component.sgnd = format.isSigned ? 1 : 0
        var components = [opj_image_cmptparm_t](repeating: component, count: format.samplesPerPixel)
        guard
            let image = opj_image_create(
                UInt32(format.samplesPerPixel), &components,
                format.samplesPerPixel == 3 ? OPJ_CLRSPC_SRGB : OPJ_CLRSPC_GRAY)
        else { return nil }
        (image.pointee.x1, image.pointee.y1) = (UInt32(format.columns), UInt32(format.rows))
        let (area, step) = (format.rows * format.columns, format.samplesPerPixel)
        let (left, right) = (Int32(31 - format.highBit), Int32(32 - format.bitsStored))
        for sample in 0..<step {
            guard let data = image.pointee.comps[sample].data else { continue }
            for pixel in 0..<area {
                let index = pixel * step + sample
                let cell =
                    format.bitsAllocated == 8
                    ? UInt32(samples[index]) : UInt32(samples[2 * index]) | UInt32(samples[2 * index + 1]) << 8
                data[pixel] =
                    format.isSigned
                    ? Int32(bitPattern: cell &<< UInt32(left)) &>> right
                    : Int32(bitPattern: (cell &<< UInt32(left)) &>> UInt32(right))
            }
        }
        return image
    }
}

/// What OpenJPEG complains about; nothing is printed.
private final class Messages {
    private(set) var text: String?

    func listen(to codec: UnsafeMutablePointer<opj_codec_t?>) {
        let user = Unmanaged.passUnretained(self).toOpaque()
        opj_set_error_handler(
            codec,
            { message, user in
                guard let message, let user else { return }
                let messages = Unmanaged<Messages>.fromOpaque(user).takeUnretainedValue()
                if messages.text == nil {
                    messages.text = String(String(cString: message).prefix(200).filter { $0 != "\n" })
                }
            }, user)
        opj_set_warning_handler(codec, { _, _ in }, user)
        opj_set_info_handler(codec, { _, _ in }, user)
    }
}
