public import DICOMCoding
public import DICOMCore
import DICOMDictionary
import Dispatch
import Synchronization

extension DICOMFile {
    /// The same image in another transfer syntax, its frames decoded and encoded anew, several at a time.
    ///
    /// Pixel values stay what they are, so the SOP Instance UID stays too. Photometric Interpretation and Planar
    /// Configuration follow the pixels; an image that was compressed with loss before says so (Lossy Image Compression).
    ///
    /// ```swift
    /// FrameCodecs.register([JPEG2000Codec()])
    /// let smaller = try DICOMFile.read("ct.dcm").transcoded(to: TransferSyntax(uid: .jpeg2000Lossless))
    /// ```
    ///
    /// - Throws: ``DICOMError``: `unsupportedPixelData` where no codec is registered for the one or the other transfer syntax,
    ///   or the new one cannot hold the samples; what decoding throws; `unsupportedTransferSyntax`.
    public func transcoded(to transferSyntax: TransferSyntax) throws(DICOMError) -> DICOMFile {
        let pixelTags = [DICOMTag.pixelData, Attribute.floatPixelData.tag, Attribute.doubleFloatPixelData.tag]
        let hasPixels = pixelData != nil || pixelTags.contains { dataSet[element: $0] != nil }
        let staysNative = !self.transferSyntax.isEncapsulated && !transferSyntax.isEncapsulated
        if transferSyntax == self.transferSyntax || !hasPixels || staysNative {
            return try converted(to: transferSyntax)
        }
        let pixels = try PixelData(self)
        guard transferSyntax.isLittleEndian || pixels.format.bitsAllocated <= 16 else {
            throw DICOMError(
                .unsupportedPixelData,
                "samples of 32 bits are not written in \(transferSyntax), which is retired; take a little-endian one")
        }
        guard pixels.format.sampleType == .unsigned || pixels.format.sampleType == .signed else {
            throw DICOMError(
                .unsupportedPixelData,
                "float pixel data cannot be compressed; leave them in an uncompressed transfer syntax")
        }
        var file = DICOMFile(dataSet: dataSet, transferSyntax: transferSyntax)
        file.meta = meta
        file.meta[.transferSyntaxUID] = transferSyntax.uid
        try file.dataSet.setPixels(of: pixels, in: transferSyntax)
        return file
    }
}

extension DataSet {
    fileprivate mutating func setPixels(
        of pixels: PixelData, in transferSyntax: TransferSyntax
    ) throws(DICOMError) {
        try setLoss(of: pixels)
        remove(Attribute.extendedOffsetTable.tag)
        remove(Attribute.extendedOffsetTableLengths.tag)
        let format: PixelFormat
        if transferSyntax.isEncapsulated {
            if !Self.keepsCells.contains(transferSyntax.uid) { try setSamplesAlone(pixels.format, transferSyntax) }
            let encoded = try Self.encode(pixels, in: transferSyntax.uid)
            setFragments(encoded.codestreams)
            format = encoded.format
        } else {
            let frames = try pixels.frames()
            var bytes = frames.contiguousBits(frameCount: pixels.frameCount)
            if bytes.count % 2 == 1 { bytes.append(0) }
            self[element: .pixelData] = DataElement(
                .pixelData, pixels.format.bitsAllocated > 8 ? .ow : .ob, .bytes(bytes[...]))
            format = frames.format
        }
        self[.photometricInterpretation] = format.photometricInterpretation.rawValue
        if format.samplesPerPixel > 1 { self[.planarConfiguration] = format.isPlanar ? 1 : 0 }
    }

    /// The transfer syntaxes whose frames have all bits of the cells; the codestreams of others have the samples alone.
    private static var keepsCells: Set<UID> {
        [.rleLossless, .deflatedImageFrameCompression, .encapsulatedUncompressedExplicitVRLittleEndian]
    }

    /// Describes cells that have lost the bits around the samples.
    private mutating func setSamplesAlone(
        _ format: PixelFormat, _ transferSyntax: TransferSyntax
    ) throws(DICOMError) {
        for group in stride(from: UInt16(0x6000), through: 0x601E, by: 2)
        where self[element: DICOMTag(group, 0x0010)] != nil && self[element: DICOMTag(group, 0x3000)] == nil {
            throw DICOMError(
                .unsupportedPixelData,
                "an overlay is stored in unused bits of the pixels, which are not kept in \(transferSyntax); RLE Lossless "
                    + "keeps them", at: [DICOMTag(group, 0x0102)])
        }
        self[.highBit] = format.bitsStored - 1
    }

    /// Says that pixels were compressed with loss once, where the data set they come from does not (PS3.3 C.7.6.1.1.5).
    private mutating func setLoss(of pixels: PixelData) throws(DICOMError) {
        let method: String
        switch pixels.transferSyntax.uid {
        case .jpegBaseline8Bit, .jpegExtended12Bit: method = "ISO_10918_1"
        case .jpeglsNearLossless: method = "ISO_14495_1"
        default: return
        }
        guard self[.lossyImageCompression] != "01" else { return }
        var length = 0
        for index in 0..<pixels.frameCount { length += try pixels.reader.frame(index).count }
        let ratio = Double(pixels.format.frameLength * pixels.frameCount) / Double(Swift.max(1, length))
        self[.lossyImageCompression] = "01"
        self[.lossyImageCompressionRatio] = [(ratio * 100).rounded() / 100]
        self[.lossyImageCompressionMethod] = [method]
    }

    private static func encode(
        _ pixels: PixelData, in transferSyntax: UID
    ) throws(DICOMError) -> (codestreams: [[UInt8]], format: PixelFormat) {
        let encoder = try FrameCodecs.encoder(for: transferSyntax)
        let state = Mutex<(codestreams: [[UInt8]], format: PixelFormat?, failure: DICOMError?)>(
            (Array(repeating: [], count: pixels.frameCount), nil, nil))
        DispatchQueue.concurrentPerform(iterations: pixels.frameCount) { index in
            guard state.withLock({ $0.failure == nil }) else { return }
            do throws(DICOMError) {
                let encoded = try encode(pixels.frame(index).interleaved(), by: encoder, in: transferSyntax)
                let isAlike = state.withLock { state in
                    state.codestreams[index] = encoded.codestream
                    if state.format == nil { state.format = encoded.format }
                    return state.format == encoded.format
                }
                guard isAlike else {
                    throw DICOMError(
                        .unsupportedPixelData,
                        "frame \(index) has another photometric interpretation than others, which one data set cannot say"
                    )
                }
            } catch {
                state.withLock { $0.failure = $0.failure ?? error }
            }
        }
        let result = state.withLock { $0 }
        if let failure = result.failure { throw failure }
        return (result.codestreams, result.format ?? pixels.format)
    }

    private static func encode(
        _ frame: DecodedFrame, by encoder: any FrameCodec, in transferSyntax: UID
    ) throws(DICOMError) -> (codestream: [UInt8], format: PixelFormat) {
        var format = frame.format
        var codestream: [UInt8] = []
        var failure: DICOMError?
        frame.bytes.withUnsafeBytes { samples in
            do throws(DICOMError) {
                (codestream, format.photometricInterpretation) = try encoder.encode(
                    samples, format: format, transferSyntax: transferSyntax)
            } catch { failure = error }
        }
        if let failure { throw failure }
        return (codestream, format)
    }

    /// A fragment for each frame, after the offset table: the basic one, or the extended one where 32 bits do not reach.
    private mutating func setFragments(_ codestreams: [[UInt8]]) {
        var offsets: [UInt64] = []
        var position: UInt64 = 0
        var fragments: [ArraySlice<UInt8>] = []
        for codestream in codestreams {
            let padded = codestream.count % 2 == 1 ? codestream + [0] : codestream
            offsets.append(position)
            position += UInt64(8 + padded.count)
            fragments.append(padded[...])
        }
        func bytes(_ numbers: [UInt64], _ size: Int) -> ArraySlice<UInt8> {
            numbers.flatMap { number in (0..<size).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) } }[...]
        }
        let isLong = position > UInt64(UInt32.max)
        if isLong {
            self[element: Attribute.extendedOffsetTable.tag] = DataElement(
                Attribute.extendedOffsetTable.tag, .ov, .bytes(bytes(offsets, 8)))
            self[element: Attribute.extendedOffsetTableLengths.tag] = DataElement(
                Attribute.extendedOffsetTableLengths.tag, .ov, .bytes(bytes(codestreams.map { UInt64($0.count) }, 8)))
        }
        self[element: .pixelData] = DataElement(
            .pixelData, .ob, .fragments([isLong ? [] : bytes(offsets, 4)] + fragments))
    }
}

extension DecodedFrame {
    /// The same with the samples of each pixel together (Planar Configuration 0).
    func interleaved() -> DecodedFrame {
        guard format.isPlanar, format.bitsAllocated >= 8 else { return self }
        let size = format.bitsAllocated / 8
        let (area, samples) = (format.rows * format.columns, format.samplesPerPixel)
        var result = self
        result.format.isPlanar = false
        for sample in 0..<samples {
            for pixel in 0..<area {
                for byte in 0..<size {
                    result.bytes[(pixel * samples + sample) * size + byte] =
                        bytes[(sample * area + pixel) * size + byte]
                }
            }
        }
        return result
    }

    /// The frames without the bits that fill up the last byte of each: native samples of one bit run on from frame to frame
    /// (PS3.5 8.2).
    fileprivate func contiguousBits(frameCount: Int) -> [UInt8] {
        guard format.bitsAllocated == 1, format.sampleCount % 8 != 0, frameCount > 1 else { return bytes }
        var result = [UInt8](repeating: 0, count: (format.sampleCount * frameCount + 7) / 8)
        for frame in 0..<frameCount {
            for bit in 0..<format.sampleCount {
                let value = bytes[frame * format.frameLength + bit >> 3] >> UInt8(bit & 7) & 1
                let place = frame * format.sampleCount + bit
                result[place >> 3] |= value << UInt8(place & 7)
            }
        }
        return result
    }
}
