import CPNG
public import DICOMCore
import DICOMImaging
import Glibc

/// PNG images, by libpng: grey of 8 or 16 bits, and RGB.
public enum PNG {
    /// Encodes grey levels of 8 bits, row by row.
    ///
    /// - Parameter gray: rows × columns; 0 is black.
    /// - Throws: ``DICOMError`` with the code `unsupportedPixelData` when there is no memory or no pixel.
    public static func encode(gray: [UInt8], rows: Int, columns: Int) throws(DICOMError) -> [UInt8] {
        try encode(gray, rows: rows, columns: columns, channels: 1, bits: 8)
    }

    /// Encodes grey levels of 16 bits, row by row.
    ///
    /// - Parameter gray: rows × columns; 0 is black.
    /// - Throws: ``DICOMError`` with the code `unsupportedPixelData` when there is no memory or no pixel.
    public static func encode(gray: [UInt16], rows: Int, columns: Int) throws(DICOMError) -> [UInt8] {
        let bytes = gray.flatMap { [UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)] }
        return try encode(bytes, rows: rows, columns: columns, channels: 1, bits: 16)
    }

    /// Encodes colours, row by row.
    ///
    /// - Parameter rgb: rows × columns × 3: red, green, blue.
    /// - Throws: ``DICOMError`` with the code `unsupportedPixelData` when there is no memory or no pixel.
    public static func encode(rgb: [UInt8], rows: Int, columns: Int) throws(DICOMError) -> [UInt8] {
        try encode(rgb, rows: rows, columns: columns, channels: 3, bits: 8)
    }

    private static func encode(
        _ bytes: [UInt8], rows: Int, columns: Int, channels: Int, bits: Int
    ) throws(DICOMError) -> [UInt8] {
        precondition(bytes.count == rows * columns * channels * bits / 8, "the samples are not of the image's size")
        var length = 0
        guard rows > 0, columns > 0,
            let encoded = dicomnode_png_write(
                UInt32(columns), UInt32(rows), CInt(channels), CInt(bits), bytes, &length)
        else { throw DICOMError(.unsupportedPixelData, "no PNG image can be made of \(rows) × \(columns) pixels") }
        defer { free(encoded) }
        return Array(UnsafeBufferPointer(start: encoded, count: length))
    }
}
