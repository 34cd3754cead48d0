import DICOMCoding
import DICOMCore
import DICOMDictionary
import Dispatch
import Glibc
import Synchronization

/// One slice that is to be decoded: checked, as far as its header goes.
struct SliceSource: Sendable {
    let slice: Series.Slice
    /// How the whole frame is stored, of which a mosaic's slice is a part.
    let format: PixelFormat
    let transform: ModalityTransform
    let padding: PixelPadding?
    /// Whether a table says what the numbers of a parametric map are (Real World Value LUT Data).
    let isMappedByTable: Bool
    /// The frame of the pixel data.
    let frame: Int
    let tile: Mosaic.Tile?

    init(_ slice: Series.Slice) throws(DICOMError) {
        self.slice = slice
        let attributes = slice.attributes
        guard let vr = slice.instance.pixelVR else {
            throw DICOMError(.missingPixelData, "the instance has no pixel data")
        }
        format = try PixelFormat(dataSet: attributes, pixelVR: vr)
        transform = try ModalityTransform(dataSet: attributes, format: format)
        padding = PixelPadding(dataSet: attributes, format: format)
        isMappedByTable =
            attributes[.sopClassUID] == .parametricMapStorage && attributes[.realWorldValueSlope] == nil
            && attributes.contains(.realWorldValueLUTData)
        (frame, tile) = slice.instance.frames.source(of: slice.index)
        guard tile == nil || format.bitsAllocated >= 8 && format.samplesPerPixel == 1 else {
            throw DICOMError(.unsupportedPixelData, "a mosaic of bits or colours is not decoded")
        }
        if let lack = slice.geometry.missingPlaces {
            throw DICOMError(.unsupportedPixelData, "the image lacks \(lack); read its frames with PixelData")
        }
        if slice.instance.transferSyntax.isEncapsulated {
            _ = try FrameCodecs.decoders(for: slice.instance.transferSyntax.uid)
        } else if let length = slice.instance.nativeLength, format.samplesPerPixel == 1 {
            let (bits, overflow) = (frame + 1).multipliedReportingOverflow(
                by: format.sampleCount * format.bitsAllocated)
            guard !overflow, length >= bits / 8 + (bits % 8 > 0 ? 1 : 0) else {
                throw DICOMError(
                    .missingPixelData,
                    "\(format.rows) × \(format.columns) samples need \(format.frameLength) bytes a frame, but Pixel Data has "
                        + "\(length)")
            }
        }
    }
}

/// The decoding of all slices into one block of memory.
struct SliceDecoding: @unchecked Sendable {
    let sources: [SliceSource]
    /// The pixels of a slice.
    let area: Int
    /// The bits of a padding mask, a whole number of words for each slice.
    var words: UnsafeMutableBufferPointer<UInt64>?

    /// What writes the native samples of a slice into its voxels.
    typealias Writer<Element: Voxel> =
        @Sendable (
            SliceSource, UnsafeRawBufferPointer, PixelFormat, UnsafeMutableBufferPointer<Element>,
            UnsafeMutableBufferPointer<UInt64>?
        ) throws(DICOMError) -> Void

    /// Below this many voxels a second thread costs more than it saves.
    private var isWorthThreads: Bool { sources.count > 1 && sources.count * area > 1 << 20 }

    func decode<Element: Voxel>(
        into voxels: UnsafeMutableBufferPointer<Element>, _ write: @escaping Writer<Element>
    ) throws(DICOMError) {
        let processors = max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
        let workers = isWorthThreads ? min(8, processors, sources.count) : 1
        let failure = Mutex<DICOMError?>(nil)
        // Each worker writes to slices, and to mask words, that no other worker touches.
        nonisolated(unsafe) let (voxels, words) = (voxels, words)
        let run: @Sendable (Int) -> Void = { worker in
            var reader = SliceReader(longestOf: sources)
            defer { reader.free() }
            do throws(DICOMError) {
                // Neighbours may share an image: each worker has a run of them.
                for index in sources.count * worker / workers..<sources.count * (worker + 1) / workers {
                    guard failure.withLock({ $0 == nil }) else { return }
                    let target = UnsafeMutableBufferPointer(rebasing: voxels[index * area..<(index + 1) * area])
                    let wordCount = (area + 63) / 64
                    let own = words.map {
                        UnsafeMutableBufferPointer(rebasing: $0[index * wordCount..<(index + 1) * wordCount])
                    }
                    try reader.read(sources[index]) { (bytes, format) throws(DICOMError) in
                        try write(sources[index], bytes, format, target, own)
                    }
                }
            } catch {
                failure.withLock { $0 = $0 ?? error }
            }
        }
        if workers == 1 { run(0) } else { DispatchQueue.concurrentPerform(iterations: workers, execute: run) }
        if let error = failure.withLock({ $0 }) { throw error }
    }
}

/// Reads slices one after the other, with one buffer, and keeps the pixels open of the image that the last one was in.
private struct SliceReader {
    private let buffer: UnsafeMutableRawBufferPointer
    private var tile: [UInt8] = []
    private var open: (sopInstanceUID: UID, pixels: PixelData)?

    init(longestOf sources: [SliceSource]) {
        let longest = sources.map(\.format.frameLength).max() ?? 0
        buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: longest, alignment: 64)
    }

    func free() { buffer.deallocate() }

    mutating func read(
        _ source: SliceSource, _ body: (UnsafeRawBufferPointer, PixelFormat) throws(DICOMError) -> Void
    ) throws(DICOMError) {
        do throws(DICOMError) {
            let pixels = try pixels(of: source.slice)
            // What a functional group says of the pixels does not hold: they are the image's.
            guard pixels.format.isStoredLike(source.format) else {
                throw DICOMError(
                    .invalidPixelDescription, "the functional groups describe other pixels than the image has")
            }
            guard let part = source.tile else { return try pixels.withFrame(source.frame, buffer: buffer, body) }
            var failure: DICOMError?
            try pixels.withFrame(source.frame, buffer: buffer) { (bytes, format) throws(DICOMError) in
                let tileFormat = copy(part, from: bytes, format)
                tile.withUnsafeBytes { tile in
                    do throws(DICOMError) { try body(tile, tileFormat) } catch { failure = error }
                }
            }
            if let failure { throw failure }
        } catch {
            throw DICOMError(
                error.code, "\(capitalised(source.slice.geometry.name)): \(error.message)", at: error.tagPath)
        }
    }

    private mutating func pixels(of slice: Series.Slice) throws(DICOMError) -> PixelData {
        guard slice.geometry.frame != nil, let uid = slice.geometry.sopInstanceUID else {
            return try slice.instance.pixelData()
        }
        if let open, open.sopInstanceUID == uid { return open.pixels }
        let pixels = try slice.instance.pixelData()
        open = (uid, pixels)
        return pixels
    }

    private mutating func copy(
        _ part: Mosaic.Tile, from bytes: UnsafeRawBufferPointer, _ format: PixelFormat
    ) -> PixelFormat {
        let size = format.bitsAllocated / 8
        tile.removeAll(keepingCapacity: true)
        for row in part.row..<part.row + part.rows {
            let start = (row * format.columns + part.column) * size
            tile.append(contentsOf: bytes[start..<start + part.columns * size])
        }
        return format.resized(rows: part.rows, columns: part.columns)
    }
}
