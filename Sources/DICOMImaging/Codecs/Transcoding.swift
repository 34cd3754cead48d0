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
        if transferSyntax == self.transferSyntax || staysNative || !hasPixels {
            return try converted(to: transferSyntax)
        }
        let pixels = try PixelData(self)
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
        remove(Attribute.extendedOffsetTable.tag)
        remove(Attribute.extendedOffsetTableLengths.tag)
        let photometric: PhotometricInterpretation
        if transferSyntax.isEncapsulated {
            let encoded = try Self.encode(pixels, in: transferSyntax.uid)
            setFragments(encoded.codestreams)
            photometric = encoded.photometric
        } else {
            var frames = try pixels.frames()
            if frames.bytes.count % 2 == 1 { frames.bytes.append(0) }
            self[element: .pixelData] = DataElement(
                .pixelData, pixels.format.bitsAllocated > 8 ? .ow : .ob, .bytes(frames.bytes[...]))
            photometric = frames.format.photometricInterpretation
            if pixels.format.samplesPerPixel > 1 { self[.planarConfiguration] = frames.format.isPlanar ? 1 : 0 }
        }
        self[.photometricInterpretation] = photometric.rawValue
        if transferSyntax.isEncapsulated, pixels.format.samplesPerPixel > 1 { self[.planarConfiguration] = 0 }
        if Self.lossy.contains(pixels.transferSyntax.uid), self[.lossyImageCompression] == nil {
            self[.lossyImageCompression] = "01"
        }
    }

    private static var lossy: Set<UID> {
        [.jpegBaseline8Bit, .jpegExtended12Bit, .jpeglsNearLossless]
    }

    private static func encode(
        _ pixels: PixelData, in transferSyntax: UID
    ) throws(DICOMError) -> (codestreams: [[UInt8]], photometric: PhotometricInterpretation) {
        let encoder = try FrameCodecs.encoder(for: transferSyntax)
        let state = Mutex<(codestreams: [[UInt8]], photometric: PhotometricInterpretation, failure: DICOMError?)>(
            (Array(repeating: [], count: pixels.frameCount), pixels.format.photometricInterpretation, nil))
        DispatchQueue.concurrentPerform(iterations: pixels.frameCount) { index in
            guard state.withLock({ $0.failure == nil }) else { return }
            do throws(DICOMError) {
                let frame = try pixels.frame(index).interleaved()
                var failure: DICOMError?
                frame.bytes.withUnsafeBytes { samples in
                    do throws(DICOMError) {
                        let encoded = try encoder.encode(
                            samples, format: frame.format, transferSyntax: transferSyntax)
                        state.withLock {
                            $0.codestreams[index] = encoded.codestream
                            $0.photometric = encoded.photometricInterpretation
                        }
                    } catch { failure = error }
                }
                if let failure { throw failure }
            } catch {
                state.withLock { $0.failure = $0.failure ?? error }
            }
        }
        let result = state.withLock { $0 }
        if let failure = result.failure { throw failure }
        return (result.codestreams, result.photometric)
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
}
