public import DICOMCoding
public import DICOMCore
import DICOMDictionary
import Dispatch
import Synchronization

/// The frames of an image, decoded one at a time, whatever transfer syntax they are in.
///
/// Making it reads no pixels. Several threads may decode frames at once. A frame may have up to 2 GiB; memory is taken for
/// it once the pixel data are known to be long enough for it, or for its codestream.
///
/// ```swift
/// let pixels = try PixelData(path: "cine.dcm")
/// let frame = try pixels.frame(0)          // rows × columns × samples, little endian
/// ```
///
/// What it gives are *stored* values: no rescale, no window, no conversion of colour, except what undoing a codestream's own
/// colour transform does. ``PixelFormat`` says what the bytes are.
public struct PixelData: Sendable {
    /// How the frames are described by the data set. Float and double pixel data are told apart by the element that they are in.
    public let format: PixelFormat
    /// The transfer syntax that the frames are in.
    public let transferSyntax: TransferSyntax
    /// The data set, without the pixels where it was read from a file.
    public let header: DataSet
    let reader: FrameReader

    /// Number of Frames; 1 where it is absent.
    public var frameCount: Int { reader.frameCount }

    /// The pixels of a Part 10 file. Only its header is read now.
    ///
    /// - Throws: ``DICOMError``: `missingPixelData`, `invalidPixelDescription`, or that of reading the file.
    public init(path: String) throws(DICOMError) {
        let header = try DICOMFile.readHeader(path)
        // There is no going to a place in a deflated stream.
        try self.init(header.transferSyntax.isDeflated ? try DICOMFile.read(path) : header)
    }

    /// The pixels of a file that was read whole or by its header.
    ///
    /// - Throws: ``DICOMError`` with the code `missingPixelData` or `invalidPixelDescription`.
    public init(_ file: DICOMFile) throws(DICOMError) {
        try Self.requirePixels(file.pixelData != nil, file.dataSet)
        try self.init(
            try Self.described { () throws(DICOMError) in try FrameReader(file) }, header: file.dataSet,
            transferSyntax: file.transferSyntax)
    }

    /// The pixels of a data set in memory.
    ///
    /// - Parameter transferSyntax: The one that compressed frames are in.
    /// - Throws: ``DICOMError`` with the code `missingPixelData` or `invalidPixelDescription`.
    public init(
        _ dataSet: DataSet, transferSyntax: TransferSyntax = .explicitVRLittleEndian
    ) throws(DICOMError) {
        try Self.requirePixels(false, dataSet)
        try self.init(
            try Self.described { () throws(DICOMError) in try FrameReader(dataSet, transferSyntax: transferSyntax) },
            header: dataSet, transferSyntax: transferSyntax)
    }

    private init(_ reader: FrameReader, header: DataSet, transferSyntax: TransferSyntax) throws(DICOMError) {
        let format = try PixelFormat(dataSet: header, pixelVR: reader.vr)
        if format.frameLength / 8 > Self.longestFrame / 8 {
            throw DICOMError(
                .unsupportedPixelData, "a frame has \(format.frameLength) bytes, more than the 2 GiB that are decoded",
                at: [Attribute<Int>.rows.tag])
        }
        self.format = format
        self.header = header
        self.transferSyntax = transferSyntax
        self.reader = reader
    }

    /// No image has frames as long; a header that says so is spoilt.
    private static var longestFrame: Int { 1 << 31 }

    private static func requirePixels(_ isInFile: Bool, _ dataSet: DataSet) throws(DICOMError) {
        let tags = [DICOMTag.pixelData, Attribute.floatPixelData.tag, Attribute.doubleFloatPixelData.tag]
        guard isInFile || tags.contains(where: { dataSet[element: $0] != nil }) else {
            throw DICOMError(.missingPixelData, "the instance has no pixel data")
        }
    }

    /// What FrameReader finds wrong about a header is wrong about the description of the pixels.
    private static func described(_ read: () throws(DICOMError) -> FrameReader) throws(DICOMError) -> FrameReader {
        do throws(DICOMError) { return try read() } catch {
            throw DICOMError(
                error.code == .invalidValue ? .invalidPixelDescription : error.code, error.message, at: error.tagPath)
        }
    }

    /// One frame.
    ///
    /// - Parameter index: From 0.
    /// - Returns: The samples, rows × columns × samples, and what they are.
    /// - Throws: ``DICOMError``: `missingPixelData`, `invalidCodestream`, `unsupportedPixelData`.
    public func frame(_ index: Int) throws(DICOMError) -> DecodedFrame {
        try checkFrame(index)
        var failure: DICOMError?
        var decoded = format
        let bytes = [UInt8](unsafeUninitializedCapacity: format.frameLength) { buffer, count in
            do throws(DICOMError) {
                decoded = try decodeFrame(index, into: UnsafeMutableRawBufferPointer(buffer))
                count = format.frameLength
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return DecodedFrame(bytes: bytes, format: decoded)
    }

    /// Checks that a frame is there, as far as that can be told without reading it.
    func checkFrame(_ index: Int) throws(DICOMError) {
        guard index >= 0, index < frameCount else {
            throw DICOMError(
                .missingPixelData, "there is no frame \(index); the image has \(frameCount), counted from 0")
        }
        guard reader.hasFrame(index) else {
            throw DICOMError(
                .missingPixelData,
                "\(format.rows) × \(format.columns) samples need \(format.frameLength) bytes for each frame, but the pixel "
                    + "data end before frame \(index) does", at: [.pixelData])
        }
    }

    /// Decodes one frame into memory of the caller's.
    ///
    /// - Parameters:
    ///   - index: From 0.
    ///   - destination: `format.frameLength` bytes or more.
    /// - Returns: What was written; it differs from ``format`` in the photometric interpretation and the planar configuration.
    /// - Throws: ``DICOMError``: `missingPixelData`, `invalidCodestream`, `unsupportedPixelData`.
    @discardableResult
    public func decodeFrame(
        _ index: Int, into destination: UnsafeMutableRawBufferPointer
    ) throws(DICOMError) -> PixelFormat {
        precondition(destination.count >= format.frameLength, "the destination is too short for a frame")
        let destination = UnsafeMutableRawBufferPointer(rebasing: destination[..<format.frameLength])
        var decoded = format
        try withFrame(index, buffer: destination) { (source, sourceFormat) throws(DICOMError) in
            decoded = sourceFormat
            // Native bytes of a file are where they belong already.
            if source.baseAddress != UnsafeRawPointer(destination.baseAddress) { destination.copyMemory(from: source) }
        }
        return decoded
    }

    /// Lends the native samples of a frame; those that are in memory are not copied.
    ///
    /// - Parameter buffer: `format.frameLength` bytes, used where the samples have to be read or decoded.
    func withFrame(
        _ index: Int, buffer: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeRawBufferPointer, PixelFormat) throws(DICOMError) -> Void
    ) throws(DICOMError) {
        try checkFrame(index)
        do throws(DICOMError) {
            try reader.withFrame(index, buffer: buffer) { (source) throws(DICOMError) in
                let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<format.frameLength])
                guard reader.isEncapsulated else {
                    guard reader.isNativelySubsampled else { return try body(source, format) }
                    return try body(UnsafeRawBufferPointer(target), upsample(source, into: target))
                }
                let decoded = try decode(source, into: target)
                try body(UnsafeRawBufferPointer(target), decoded)
            }
        } catch {
            let code = error.code == .truncatedDataSet ? DICOMError.Code.missingPixelData : error.code
            let frame = frameCount > 1 ? "frame \(index): " : ""
            throw DICOMError(code, frame + error.message, at: error.tagPath)
        }
    }

    /// Native YBR_FULL_422: two pixels are stored as luminance, luminance, blue and red chrominance (PS3.3 C.7.6.3.1.2);
    /// each gets all three samples.
    private func upsample(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(DICOMError) -> PixelFormat {
        guard format.bitsAllocated == 8, format.photometricInterpretation == .ybrFull422 else {
            throw DICOMError(
                .unsupportedPixelData,
                "\(format.photometricInterpretation) of \(format.bitsAllocated) bits is not decoded, only YBR_FULL_422 of 8",
                at: [Attribute<String>.photometricInterpretation.tag])
        }
        guard format.columns % 2 == 0 else {
            throw DICOMError(
                .invalidPixelDescription,
                "YBR_FULL_422 has pairs of pixels in each row, so Columns has to be even, not \(format.columns)",
                at: [Attribute<Int>.columns.tag])
        }
        // The source may have been read to the start of the target.
        let pairs = [UInt8](source)
        for pixel in 0..<min(target.count / 3, pairs.count / 2) {
            let pair = pixel / 2 * 4
            guard pair + 3 < pairs.count else { break }
            target[3 * pixel] = pairs[pair + pixel % 2]
            target[3 * pixel + 1] = pairs[pair + 2]
            target[3 * pixel + 2] = pairs[pair + 3]
        }
        var format = format
        format.photometricInterpretation = .ybrFull
        format.isPlanar = false
        return format
    }

    private func decode(
        _ codestream: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer
    ) throws(DICOMError) -> PixelFormat {
        guard format.sampleType == .unsigned || format.sampleType == .signed else {
            throw DICOMError(.unsupportedPixelData, "compressed float pixel data are not defined by the standard")
        }
        var failure: DICOMError?
        for codec in try FrameCodecs.decoders(for: transferSyntax.uid) {
            do throws(DICOMError) {
                return try codec.decode(
                    codestream, transferSyntax: transferSyntax.uid, format: format, into: destination)
            } catch {
                if failure == nil || failure?.code == .unsupportedPixelData { failure = error }
            }
        }
        throw failure ?? DICOMError(.unsupportedPixelData, "no codec decodes \(transferSyntax)")
    }

    /// Decodes all frames, several at a time.
    ///
    /// - Returns: frames × rows × columns × samples, and what they are.
    /// - Throws: What ``decodeFrames(into:)`` throws, or `missingPixelData` when there is no memory.
    public func frames() throws(DICOMError) -> DecodedFrame {
        let (total, overflow) = format.frameLength.multipliedReportingOverflow(by: frameCount)
        try checkFrame(frameCount - 1)
        guard !overflow, total <= PhysicalMemory.size else {
            throw DICOMError(
                .missingPixelData, "there is no memory for \(frameCount) frames of \(format.frameLength) bytes")
        }
        var failure: DICOMError?
        var decoded = format
        let bytes = [UInt8](unsafeUninitializedCapacity: total) { buffer, count in
            do throws(DICOMError) {
                decoded = try decodeFrames(into: UnsafeMutableRawBufferPointer(buffer))
                count = total
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return DecodedFrame(bytes: bytes, format: decoded)
    }

    /// Decodes all frames into memory of the caller's, several at a time.
    ///
    /// - Parameter destination: `format.frameLength` × ``frameCount`` bytes or more.
    /// - Returns: What was written.
    /// - Throws: ``DICOMError``: `missingPixelData`, `invalidCodestream` (frames that come out in different formats too),
    ///   `unsupportedPixelData`.
    @discardableResult
    public func decodeFrames(into destination: UnsafeMutableRawBufferPointer) throws(DICOMError) -> PixelFormat {
        let length = format.frameLength
        precondition(destination.count / length >= frameCount, "the destination is too short for the frames")
        try checkFrame(frameCount - 1)
        let first = try decodeFrame(0, into: destination)
        let failure = Mutex<DICOMError?>(nil)
        // Each iteration writes to a frame of its own.
        nonisolated(unsafe) let target = destination
        DispatchQueue.concurrentPerform(iterations: frameCount - 1) { iteration in
            guard failure.withLock({ $0 == nil }) else { return }
            let index = iteration + 1
            do throws(DICOMError) {
                let place = UnsafeMutableRawBufferPointer(rebasing: target[index * length..<(index + 1) * length])
                guard try decodeFrame(index, into: place) == first else {
                    throw DICOMError(
                        .invalidCodestream,
                        "frame \(index): its photometric interpretation or planar configuration is not that of frame 0; "
                            + "decode the frames one by one")
                }
            } catch {
                failure.withLock { $0 = $0 ?? error }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        return first
    }
}

/// The native samples of one frame, or of several one after the other.
public struct DecodedFrame: Sendable {
    /// Little endian; see ``PixelFormat``.
    public var bytes: [UInt8]
    public var format: PixelFormat
}
