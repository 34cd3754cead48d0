public import DICOMCore
import DICOMDictionary
import Synchronization

/// The frames of an image, one at a time, each as it is encoded (PS3.5 8.2, A.4).
///
/// Of a file only the header is read, and then what a frame needs: frame 1,000 of native pixel data, or of encapsulated
/// ones with an offset table, without what lies before it. Several threads may read frames at once.
///
/// ```swift
/// let frames = try FrameReader(path: "cine.dcm")
/// for index in 0..<frames.frameCount { try decode(frames.frame(index)) }
/// ```
public final class FrameReader: Sendable {
    /// Number of Frames (0028,0008); 1 where it is absent.
    public let frameCount: Int
    /// Whether a frame is compressed, or at least in fragments, instead of plain samples.
    public var isEncapsulated: Bool { native == nil }

    /// The VR of the pixel data: OF and OD hold floating-point samples.
    package let vr: VR

    private let source: any PixelSource
    private let native: NativeFrames?
    private let index: Mutex<FragmentIndex?>

    /// The frames of a file, which stays open as long as the reader lives.
    ///
    /// - Throws: ``DICOMError`` when the file cannot be read, or has no pixel data, or no size of its frames.
    public convenience init(path: String) throws(DICOMError) {
        let header = try DICOMFile.readHeader(path)
        // There is no going to a place in a deflated stream.
        try self.init(header.transferSyntax.isDeflated ? try DICOMFile.read(path) : header)
    }

    /// The frames of a file that was read whole or by its header, ``DICOMFile/readHeader(_:)``.
    ///
    /// - Throws: ``DICOMError`` when there are no pixel data, or no size of their frames.
    public convenience init(_ file: DICOMFile) throws(DICOMError) {
        if let location = file.pixelData {
            try self.init(
                FilePixels(location), isEncapsulated: location.length == nil, vr: location.vr, header: file.dataSet,
                transferSyntax: file.transferSyntax)
        } else {
            // Big-endian OW was brought to little endian by words (PS3.5 7.3), which is not the order of longer samples.
            let wasRead = !file.dataSet.isChanged(.pixelData)
            try self.init(
                file.dataSet, transferSyntax: file.transferSyntax,
                hasSwappedWords: wasRead && !file.transferSyntax.isLittleEndian)
        }
    }

    /// The frames of a data set in memory.
    ///
    /// - Parameter transferSyntax: The one that compressed frames are in.
    /// - Throws: ``DICOMError`` when there are no pixel data, or no size of their frames.
    public convenience init(
        _ dataSet: DataSet, transferSyntax: TransferSyntax = .explicitVRLittleEndian
    ) throws(DICOMError) {
        try self.init(dataSet, transferSyntax: transferSyntax, hasSwappedWords: false)
    }

    private convenience init(
        _ dataSet: DataSet, transferSyntax: TransferSyntax, hasSwappedWords: Bool
    ) throws(DICOMError) {
        let tags = [DICOMTag.pixelData, Attribute.floatPixelData.tag, Attribute.doubleFloatPixelData.tag]
        guard let element = tags.lazy.compactMap({ dataSet[element: $0] }).first else { throw Self.noPixelData }
        switch element.value {
        case .fragments(let fragments):
            try self.init(
                FragmentPixels(fragments), isEncapsulated: true, vr: element.vr, header: dataSet,
                transferSyntax: transferSyntax)
        case .bytes(let bytes):
            // Values in memory are in little endian, whatever the transfer syntax was.
            try self.init(
                NativePixels(value: bytes), isEncapsulated: false, vr: element.vr, header: dataSet,
                transferSyntax: .explicitVRLittleEndian, hasSwappedWords: hasSwappedWords && element.vr == .ow)
        case .text, .sequence: throw Self.noPixelData
        }
    }

    private init(
        _ source: any PixelSource, isEncapsulated: Bool, vr: VR, header: DataSet, transferSyntax: TransferSyntax,
        hasSwappedWords: Bool = false
    ) throws(DICOMError) {
        frameCount = max(1, header[.numberOfFrames] ?? 1)
        if isEncapsulated {
            native = nil
            index = Mutex(
                try FragmentIndex(source, header: header, transferSyntax: transferSyntax, frameCount: frameCount))
        } else {
            native = try NativeFrames(
                header: header, vr: vr,
                isLittleEndian: transferSyntax.isLittleEndian && !transferSyntax.hasBigEndianPixelData,
                hasSwappedWords: hasSwappedWords, frameCount: frameCount, length: source.length)
            index = Mutex(nil)
        }
        self.source = source
        self.vr = vr
    }

    /// What was found wrong so far, and read nevertheless.
    public var warnings: [DICOMError] { native?.warnings ?? index.withLock { $0?.warnings ?? [] } }

    /// The encoded bytes of a frame: native samples in little endian from bit 0 on, or the frame's fragments one after the
    /// other, with the padding of the last one.
    ///
    /// - Parameter index: The frame, the first of which is 0.
    /// - Throws: ``DICOMError`` when there is no such frame, or the pixel data are incomplete or cannot be told apart.
    public func frame(_ index: Int) throws(DICOMError) -> [UInt8] {
        let fragments = try fragments(of: index)
        if fragments.count == 1 { return fragments[0] }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(fragments.reduce(0) { $0 + $1.count })
        for fragment in fragments { bytes += fragment }
        return bytes
    }

    /// The fragments of a frame; of native pixel data, the frame as the only one.
    ///
    /// - Parameter index: The frame, the first of which is 0.
    /// - Throws: ``DICOMError`` when there is no such frame, or the pixel data are incomplete or cannot be told apart.
    public func fragments(of index: Int) throws(DICOMError) -> [[UInt8]] {
        try checkFrame(index)
        if let native { return [try native.frame(index, from: source)] }
        var result: [[UInt8]] = []
        for range in try places(of: index) { result.append(try source.read(range)) }
        return result
    }

    private func checkFrame(_ index: Int) throws(DICOMError) {
        guard index >= 0, index < frameCount else {
            throw DICOMError(
                .invalidValue, "There is no frame \(index); the image has \(frameCount), counted from 0.",
                at: [Attribute.numberOfFrames.tag])
        }
    }

    /// Where the fragments of a frame stand.
    private func places(of frame: Int) throws(DICOMError) -> [Range<Int>] {
        try index.withLock { (fragments) throws(DICOMError) in
            try fragments?.fragments(of: frame, in: source) ?? []
        }
    }

    /// Whether two pixels of native frames share their chrominance samples (YBR_FULL_422).
    package var isNativelySubsampled: Bool { native?.isSubsampled ?? false }

    /// Whether the pixel data are long enough for a frame; of compressed ones, for the item headers of so many.
    package func hasFrame(_ index: Int) -> Bool {
        native?.has(index, length: source.length) ?? (index < source.length / 8)
    }

    /// Lends the encoded bytes of a frame, as ``frame(_:)`` has them, without a copy where there is a way.
    ///
    /// - Parameter buffer: Where native bytes of a file are read to, when they fit.
    package func withFrame(
        _ index: Int, buffer: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) throws(DICOMError) -> Void
    ) throws(DICOMError) {
        try checkFrame(index)
        if let native { return unsafe try native.lend(index, from: source, buffer: buffer, body) }
        let places = try places(of: index)
        guard places.count == 1 else { return try unsafe NativePixels.lend(try frame(index)[...], body) }
        let none = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
        unsafe try source.lend(places[0], buffer: none, body)
    }

    private static var noPixelData: DICOMError {
        DICOMError(.invalidValue, "The data set has no pixel data, so there are no frames.", at: [.pixelData])
    }
}
