import DICOMCore
import DICOMDictionary

/// Where the frames of native pixel data stand (PS3.5 8.1.1): one after the other, without padding between them.
struct NativeFrames: Sendable {
    /// Bits of one frame; frames of 1-bit pixels need not begin or end at a byte.
    private let bits: Int
    /// How many bytes are reversed together to come from big to little endian; 1 for none.
    private let swapped: Int
    /// Whether the words of samples of several words were swapped each on its own.
    private let hasSwappedWords: Bool
    /// Whether two pixels share their chrominance samples.
    let isSubsampled: Bool
    /// What was wrong, and read nevertheless.
    let warnings: [DICOMError]

    /// - Parameter length: Bytes of the whole value.
    init(
        header: DataSet, vr: VR, isLittleEndian: Bool, hasSwappedWords: Bool = false, frameCount: Int, length: Int
    ) throws(DICOMError) {
        let allocated = try Self.bitsAllocated(header, vr)
        let samples = max(1, header[.samplesPerPixel] ?? 1)
        guard let rows = header[.rows], rows > 0, let columns = header[.columns], columns > 0,
            let full = Self.product([rows, columns, samples, allocated])
        else {
            throw DICOMError(
                .invalidValue,
                "Frames have no size: Rows, Columns and Samples per Pixel must be set to positive numbers.",
                at: [Attribute.rows.tag])
        }
        self.hasSwappedWords = hasSwappedWords && allocated > 16 && allocated % 16 == 0
        swapped = isLittleEndian && !self.hasSwappedWords ? 1 : Self.swapUnit(allocated, vr)
        guard samples == 3, header[.photometricInterpretation]?.hasSuffix("_422") == true else {
            bits = full
            isSubsampled = false
            warnings = []
            return
        }
        // Two pixels share their chrominance samples: 2 samples a pixel instead of 3 (PS3.3 C.7.6.3.1.2).
        let isFull = Self.product([full, frameCount]).map { $0 / 8 <= length } ?? false
        bits = isFull ? full : full / 3 * 2
        isSubsampled = !isFull
        warnings =
            isFull
            ? [
                DICOMError(
                    .invalidValue,
                    "The pixel data have three samples for each pixel, so Photometric Interpretation should not end in 422.",
                    at: [Attribute.photometricInterpretation.tag])
            ] : []
    }

    /// Whether a source of so many bytes has the frame.
    func has(_ index: Int, length: Int) -> Bool {
        let (end, overflow) = (index + 1).multipliedReportingOverflow(by: bits)
        return !overflow && end / 8 + (end % 8 > 0 ? 1 : 0) <= length
    }

    /// Lends the bytes of a frame without copying them, where they stand as they are wanted; else a copy.
    func lend(
        _ index: Int, from source: any PixelSource, buffer: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) throws(DICOMError) -> Void
    ) throws(DICOMError) {
        let (first, overflow) = index.multipliedReportingOverflow(by: bits / 8)
        guard !overflow, first <= Int.max - bits, swapped == 1, bits % 8 == 0 else {
            let bytes = try frame(index, from: source)
            return try unsafe NativePixels.lend(bytes[...], body)
        }
        unsafe try source.lend(first..<first + bits / 8, buffer: buffer, body)
    }

    /// The bytes of a frame, from its first bit on, in little endian.
    func frame(_ index: Int, from source: any PixelSource) throws(DICOMError) -> [UInt8] {
        let (first, overflow) = index.multipliedReportingOverflow(by: bits)
        let (end, endOverflow) = first.addingReportingOverflow(bits)
        guard !overflow, !endOverflow, end <= Int.max - 64 else {
            throw DICOMError(.invalidValue, "Frame \(index) is out of any file's reach.", at: [.pixelData])
        }
        let lower = first / 8
        let upper = (end + 7) / 8
        guard swapped > 1 else { return shifted(try source.read(lower..<upper), by: first % 8) }
        // Whole units are swapped, although a frame of 8-bit pixels may begin or end within one.
        let alignedLower = lower - lower % swapped
        let alignedUpper = upper + (swapped - upper % swapped) % swapped
        var bytes = try source.read(alignedLower..<max(upper, min(alignedUpper, source.length)))
        if hasSwappedWords { Self.swap(&bytes, 2) }
        Self.swap(&bytes, swapped)
        return shifted(Array(bytes[(lower - alignedLower)..<(upper - alignedLower)]), by: first % 8)
    }

    /// Moves the frame's first bit to bit 0, and clears what follows its last one (PS3.5 8.1.1: the lowest bit comes first).
    private func shifted(_ bytes: [UInt8], by shift: Int) -> [UInt8] {
        var bytes = bytes
        if shift > 0 {
            for index in bytes.indices {
                let next = index + 1 < bytes.count ? bytes[index + 1] << (8 - shift) : 0
                bytes[index] = bytes[index] >> shift | next
            }
            bytes.removeLast(bytes.count - (bits + 7) / 8)
        }
        if bits % 8 > 0, let last = bytes.indices.last { bytes[last] &= 0xFF >> (8 - bits % 8) }
        return bytes
    }

    private static func bitsAllocated(_ header: DataSet, _ vr: VR) throws(DICOMError) -> Int {
        switch vr {
        case .of: return 32
        case .od: return 64
        default:
            guard let bits = header[.bitsAllocated], (1...64).contains(bits) else {
                throw DICOMError(
                    .invalidValue, "Set Bits Allocated to a number from 1 to 64: without it frames have no size.",
                    at: [Attribute.bitsAllocated.tag])
            }
            return bits
        }
    }

    /// Samples of more than a byte are swapped as a whole, as pydicom does, where DCMTK swaps the words of OW even in
    /// samples of 32 bits; smaller ones are packed into words where the VR is OW (PS3.5 8.1.1, A.3).
    private static func swapUnit(_ bits: Int, _ vr: VR) -> Int {
        if bits > 8, bits % 8 == 0 { return bits / 8 }
        return vr == .ow ? 2 : 1
    }

    private static func swap(_ bytes: inout [UInt8], _ unit: Int) {
        var start = 0
        while bytes.count - start >= unit {
            for offset in 0..<unit / 2 { bytes.swapAt(start + offset, start + unit - 1 - offset) }
            start += unit
        }
    }

    private static func product(_ factors: [Int]) -> Int? {
        var product = 1
        for factor in factors {
            let (next, overflow) = product.multipliedReportingOverflow(by: factor)
            if overflow { return nil }
            product = next
        }
        return product
    }
}
