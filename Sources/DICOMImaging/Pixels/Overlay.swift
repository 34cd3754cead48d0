public import DICOMCore
import DICOMDictionary

/// A graphic of one bit for each pixel that lies over an image (Overlay Plane Module, PS3.3 C.9.2).
public struct Overlay: Sendable {
    /// The group of its elements: 6000H, 6002H … 601EH.
    public let group: UInt16
    public let rows: Int
    public let columns: Int
    /// The row and the column of the image, counted from 1, that its first pixel lies on; it may lie outside.
    public let origin: (row: Int, column: Int)
    /// The frames it is for: the first one's index, and how many.
    public let frames: Range<Int>
    /// Overlay Label, else Overlay Description: what the graphic shows.
    public let label: String?
    private let bits: ArraySlice<UInt8>
    /// The bit of the pixel cells that it is stored in (retired); nil where it has data of its own.
    private let embeddedBit: Int?

    /// The overlays of a data set.
    ///
    /// - Parameter dataSet: With pixel data where overlays are embedded in unused bits of them.
    /// - Throws: ``DICOMError`` with the code `invalidPixelDescription` when one is damaged.
    public static func overlays(in dataSet: DataSet) throws(DICOMError) -> [Overlay] {
        var overlays: [Overlay] = []
        for group in stride(from: UInt16(0x6000), through: 0x601E, by: 2)
        where dataSet[element: DICOMTag(group, 0x0010)] != nil {
            overlays.append(try Overlay(dataSet, group: group))
        }
        return overlays
    }

    private init(_ dataSet: DataSet, group: UInt16) throws(DICOMError) {
        func numbers(_ element: UInt16, isSigned: Bool = false) -> [Int] {
            guard let bytes = dataSet[element: DICOMTag(group, element)]?.bytes else { return [] }
            let array = Array(bytes)
            return (0..<array.count / 2).map { index in
                let word = UInt16(array[2 * index]) | UInt16(array[2 * index + 1]) << 8
                return isSigned ? Int(Int16(bitPattern: word)) : Int(word)
            }
        }
        self.group = group
        guard let rows = numbers(0x0010).first, let columns = numbers(0x0011).first, rows > 0, columns > 0 else {
            throw DICOMError(
                .invalidPixelDescription, "the overlay has no rows or columns", at: [DICOMTag(group, 0x0010)])
        }
        self.rows = rows
        self.columns = columns
        let origin = numbers(0x0050, isSigned: true)
        self.origin = origin.count == 2 ? (origin[0], origin[1]) : (1, 1)
        let count = dataSet.int(DICOMTag(group, 0x0015)) ?? 1
        let first = max(1, numbers(0x0051).first ?? 1) - 1
        frames = first..<first + max(1, min(count, 1 << 31))
        label = dataSet.string(DICOMTag(group, 0x1500)) ?? dataSet.string(DICOMTag(group, 0x0022))
        if let data = dataSet[element: DICOMTag(group, 0x3000)]?.bytes {
            bits = data
            embeddedBit = nil
            guard data.count >= (rows * columns + 7) / 8 else {
                throw DICOMError(
                    .invalidPixelDescription,
                    "\(rows) × \(columns) bits of the overlay need \((rows * columns + 7) / 8) bytes, it has \(data.count)",
                    at: [DICOMTag(group, 0x3000)])
            }
        } else {
            bits = []
            embeddedBit = numbers(0x0102).first
        }
    }

    /// Which pixels of the graphic are set: rows × columns, 1 or 0.
    ///
    /// - Parameters:
    ///   - frame: The image's frame, counted from 0.
    ///   - pixels: That frame as ``PixelData`` gives it, for overlays in unused bits of the pixels.
    /// - Returns: Nil when the overlay is not for that frame, or its bits are not there.
    public func mask(frame: Int = 0, pixels: DecodedFrame? = nil) -> [UInt8]? {
        guard frames.contains(frame) else { return nil }
        if let embeddedBit { return embedded(embeddedBit, in: pixels) }
        let first = (frame - frames.lowerBound) * rows * columns
        guard (first + rows * columns + 7) / 8 <= bits.count else { return nil }
        return bits.withUnsafeBufferPointer { bits in
            (first..<first + rows * columns).map { bits[$0 >> 3] >> UInt8($0 & 7) & 1 }
        }
    }

    private func embedded(_ bit: Int, in pixels: DecodedFrame?) -> [UInt8]? {
        guard let pixels, pixels.format.rows == rows, pixels.format.columns == columns,
            pixels.format.samplesPerPixel == 1, pixels.bytes.count >= pixels.format.frameLength,
            [8, 16].contains(pixels.format.bitsAllocated), (0..<pixels.format.bitsAllocated).contains(bit)
        else { return nil }
        let size = pixels.format.bitsAllocated / 8
        return (0..<rows * columns).map { pixels.bytes[$0 * size + bit / 8] >> UInt8(bit % 8) & 1 }
    }
}
