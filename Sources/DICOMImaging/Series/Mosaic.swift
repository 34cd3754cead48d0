import DICOMCore
import DICOMDictionary

/// A Siemens mosaic: the slices of a volume as tiles of one image, row by row from the upper left.
///
/// Image Position (Patient) of the image is that of a slice as large as the mosaic, so the first tile's has to be computed.
/// The direction of the slices and their number stand in the CSA header.
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
    private let spacing: Double?

    /// - Returns: Nil when the image is no mosaic, or what makes it one is damaged.
    init?(header: DataSet) {
        guard header[.imageType]?.contains("MOSAIC") == true, let rows = header[.rows], let columns = header[.columns]
        else { return nil }
        let csa = CSAHeader(header[.csaImageHeaderInfo] ?? [])
        let stated = csa.first("NumberOfImagesInMosaic").flatMap { Int($0) } ?? header[.siemensImagesInMosaic]
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
        let normal = sliceNormal ?? cross(columnDirection, rowDirection)
        geometry.position =
            corner + columnDirection * across + rowDirection * down + normal * (spacing * Double(index))
        return geometry
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
