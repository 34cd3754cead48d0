import DICOMCore
import DICOMDictionary

/// A Siemens mosaic: the slices of a volume as tiles of one image, row by row from the upper left.
///
/// Image Position (Patient) of the image is that of a slice as large as the mosaic, with the first tile in its middle, so the
/// first tile's has to be computed. The slices run from it to the other end of the protocol's slice array, which may be
/// numbered against the normal (`ucImageNumbTra`), or along the slice normal of the CSA image header.
struct Mosaic: Sendable {
    /// The part of the image that a slice is.
    struct Tile: Hashable, Sendable {
        let row, column, rows, columns: Int
    }

    let count: Int
    /// Tiles across and down.
    private let side: Int
    private let rows, columns: Int
    private let sliceNormal: SIMD3<Double>?
    private let planned: SliceArray?
    private let spacing: Double?

    static func isMosaic(_ header: DataSet) -> Bool { header[.imageType]?.contains("MOSAIC") == true }

    /// - Returns: Nil when the image does not say how many slices it has, or what it says is impossible.
    init?(header: DataSet) {
        guard let rows = header[.rows], let columns = header[.columns] else { return nil }
        let csa = CSAHeader(header[.csaImageHeaderInfo] ?? [])
        let plan = SliceArray(header)
        let stated =
            csa.first("NumberOfImagesInMosaic").flatMap { Int($0) } ?? header[.siemensImagesInMosaic] ?? plan?.count
        guard let count = stated, count > 0, count <= 4096 else { return nil }
        var side = 1
        while side * side < count { side += 1 }
        guard rows > 0, columns > 0, rows % side == 0, columns % side == 0 else { return nil }
        self.count = count
        self.side = side
        self.rows = rows / side
        self.columns = columns / side
        let normal = csa.values("SliceNormalVector").compactMap { Double($0) }
        sliceNormal = normal.count == 3 ? SIMD3(normal[0], normal[1], normal[2]) : nil
        planned = plan?.count == count ? plan : nil
        spacing = header[.spacingBetweenSlices] ?? header[.sliceThickness]
    }

    func tile(_ index: Int) -> Tile {
        Tile(row: index / side * rows, column: index % side * columns, rows: rows, columns: columns)
    }

    func geometry(of index: Int, in image: InstanceGeometry) -> InstanceGeometry {
        var geometry = image
        geometry.rows = rows
        geometry.columns = columns
        guard let corner = image.position, let columnDirection = image.columnDirection,
            let rowDirection = image.rowDirection, let rowSpacing = image.rowSpacing,
            let columnSpacing = image.columnSpacing, let spacing
        else { return geometry }
        let across = Double(columns * side - columns) / 2 * columnSpacing
        let down = Double(rows * side - rows) / 2 * rowSpacing
        let first = corner + columnDirection * across + rowDirection * down
        let middle =
            first + columnDirection * (columnSpacing * Double(columns) / 2)
            + rowDirection * (rowSpacing * Double(rows) / 2)
        let direction =
            planned?.direction(startingAt: middle, spacing: spacing) ?? sliceNormal
            ?? cross(columnDirection, rowDirection)
        geometry.position = first + direction * (spacing * Double(index))
        return geometry
    }
}

/// The slices as the measurement protocol plans them (`sSliceArray` of the text in the CSA series header). It is found by
/// what it looks like, because anonymizers remove the private creator and leave the protocol.
private struct SliceArray {
    let count: Int
    private let first, last: SIMD3<Double>

    init?(_ header: DataSet) {
        let start = Array("### ASCCONV BEGIN".utf8)
        let text = (UInt16(0x10)...0xFF).lazy.compactMap { block -> ArraySlice<UInt8>? in
            guard let bytes = header[element: DICOMTag(0x0029, block << 8 | 0x20)]?.bytes,
                let range = bytes.firstRange(of: start)
            else { return nil }
            return bytes[range.upperBound...]
        }.first
        guard let text else { return nil }
        var values: [Substring: Double] = [:]
        for line in String(decoding: text.prefix(1 << 20), as: UTF8.self).split(separator: "\n")
        where line.hasPrefix("sSliceArray.") {
            let parts = line.split(separator: "=")
            guard parts.count == 2 else { continue }
            values[parts[0].prefix { $0 != " " && $0 != "\t" }] = Double(parts[1].filter { !$0.isWhitespace })
        }
        guard let count = values["sSliceArray.lSize"].flatMap({ Int(exactly: $0) }), (1...4096).contains(count) else {
            return nil
        }
        func position(_ index: Int) -> SIMD3<Double> {
            // A coordinate of 0 is left out.
            let name = "sSliceArray.asSlice[\(index)].sPosition."
            return SIMD3(values["\(name)dSag"] ?? 0, values["\(name)dCor"] ?? 0, values["\(name)dTra"] ?? 0)
        }
        self.count = count
        first = position(0)
        last = position(count - 1)
    }

    /// Where the slices run to from the one in the middle of the first tile; nil when that is at neither end.
    func direction(startingAt middle: SIMD3<Double>, spacing: Double) -> SIMD3<Double>? {
        let extent = last - first
        guard extent.isFinite, length(extent) > 0 else { return nil }
        if length(middle - first) < spacing { return extent / length(extent) }
        return length(middle - last) < spacing ? -extent / length(extent) : nil
    }
}

extension PrivateAttribute where Value == ArraySlice<UInt8> {
    fileprivate static var csaImageHeaderInfo: Self { .init(creator: "SIEMENS CSA HEADER", 0x0029, 0x10, .ob) }
}
extension PrivateAttribute where Value == Int {
    fileprivate static var siemensImagesInMosaic: Self { .init(creator: "SIEMENS MR HEADER", 0x0019, 0x0A, .us) }
}

/// The values of a Siemens CSA header (format SV10), by name.
struct CSAHeader {
    private var tags: [String: [String]] = [:]

    /// Reads as much as is sound; a damaged header has no more values from there on.
    init(_ bytes: ArraySlice<UInt8>) {
        let bytes = Array(bytes)
        func number(_ offset: Int) -> Int {
            guard offset >= 0, offset + 4 <= bytes.count else { return -1 }
            return (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
        }
        func text(_ offset: Int, _ count: Int) -> String {
            String(decoding: bytes[offset..<min(bytes.count, offset + count)].prefix { $0 != 0 }, as: UTF8.self)
        }
        guard bytes.starts(with: Array("SV10".utf8)) else { return }
        let count = number(8)
        guard (1...512).contains(count) else { return }
        var position = 16
        for _ in 0..<count {
            // Name (64), multiplicity, VR (4), syngo type, number of items, 77 or 205.
            guard position + 84 <= bytes.count else { return }
            let name = text(position, 64)
            let items = number(position + 76)
            guard (0...4096).contains(items) else { return }
            position += 84
            var values: [String] = []
            for _ in 0..<items {
                let length = number(position + 4)
                guard length >= 0, length <= bytes.count, position + 16 + length <= bytes.count else { return }
                let value = text(position + 16, length).filter { $0 != " " }
                if length > 0, !value.isEmpty { values.append(value) }
                position += 16 + (length + 3) / 4 * 4
            }
            tags[name] = values
        }
    }

    func values(_ name: String) -> [String] { tags[name] ?? [] }
    func first(_ name: String) -> String? { tags[name]?.first }
}
