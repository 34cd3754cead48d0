import DICOMCodecPNG
import DICOMCore

/// An 8-bit picture with square pixels: grey, or red, green and blue.
struct Picture {
    let width: Int
    let height: Int
    /// 1 or 3.
    let samples: Int
    var bytes: [UInt8]

    init(width: Int, height: Int, samples: Int, bytes: [UInt8]) {
        self.width = width
        self.height = height
        self.samples = samples
        self.bytes = bytes
    }

    /// A raster drawn with square pixels, each as large as the smaller side of the raster's, interpolated linearly.
    ///
    /// - Parameters:
    ///   - longest: The most pixels that a side may have; more are scaled down.
    ///   - shade: The grey or the three colours, 0 to 255, of an element.
    init<Element>(_ raster: Raster<Element>, atMost longest: Int, samples: Int, shade: (Element, inout [Float]) -> Void)
    {
        let side = min(raster.pixelWidth, raster.pixelHeight)
        let extent = (Double(raster.width) * raster.pixelWidth, Double(raster.height) * raster.pixelHeight)
        let pixel = max(side, max(extent.0, extent.1) / Double(longest))
        width = min(longest, max(1, Int((extent.0 / pixel).rounded())))
        height = min(longest, max(1, Int((extent.1 / pixel).rounded())))
        self.samples = samples
        let shades = Self.shades(raster, samples, shade)
        let columns = Self.weights(from: raster.width, to: width)
        let rows = Self.weights(from: raster.height, to: height)
        bytes = []
        bytes.reserveCapacity(width * height * samples)
        for row in rows {
            for column in columns {
                for sample in 0..<samples {
                    func at(_ y: Int, _ x: Int) -> Float { shades[(y * raster.width + x) * samples + sample] }
                    let upper =
                        at(row.first, column.first) * (1 - column.weight) + at(row.first, column.second) * column.weight
                    let lower =
                        at(row.second, column.first) * (1 - column.weight) + at(row.second, column.second)
                        * column.weight
                    bytes.append(UInt8(max(0, min(255, (upper * (1 - row.weight) + lower * row.weight).rounded()))))
                }
            }
        }
    }

    private static func shades<Element>(
        _ raster: Raster<Element>, _ samples: Int, _ shade: (Element, inout [Float]) -> Void
    ) -> [Float] {
        var shades: [Float] = []
        shades.reserveCapacity(raster.pixels.count * samples)
        for element in raster.pixels { shade(element, &shades) }
        return shades
    }

    private static func weights(from count: Int, to size: Int) -> [(first: Int, second: Int, weight: Float)] {
        (0..<size).map { index in
            let place = (Double(index) + 0.5) * Double(count) / Double(size) - 0.5
            let bounded = max(0, min(Double(count - 1), place))
            let first = Int(bounded)
            return (first, min(first + 1, count - 1), Float(bounded - Double(first)))
        }
    }

    /// Pictures in rows and columns, each in the middle of its cell, on black.
    init(grid pictures: [Picture], columns: Int) {
        let cellWidth = (pictures.map(\.width).max() ?? 1) + 4
        let cellHeight = (pictures.map(\.height).max() ?? 1) + 4
        samples = pictures.map(\.samples).max() ?? 1
        width = cellWidth * max(1, min(columns, pictures.count))
        height = cellHeight * max(1, (pictures.count + columns - 1) / columns)
        bytes = [UInt8](repeating: 0, count: width * height * samples)
        for (index, picture) in pictures.enumerated() {
            let left = index % columns * cellWidth + (cellWidth - picture.width) / 2
            let top = index / columns * cellHeight + (cellHeight - picture.height) / 2
            for row in 0..<picture.height {
                let source = row * picture.width * picture.samples
                let target = ((top + row) * width + left) * samples
                for offset in 0..<picture.width * picture.samples {
                    bytes[target + offset] = picture.bytes[source + offset]
                }
            }
        }
    }
}

extension Picture {
    /// The picture as a PNG file.
    func png() throws(DICOMError) -> [UInt8] {
        samples == 3
            ? try PNG.encode(rgb: bytes, rows: height, columns: width)
            : try PNG.encode(gray: bytes, rows: height, columns: width)
    }
}
