import Glibc

/// Fills polygons on the grid of a slice: a voxel is inside when its centre is, by the even-odd rule.
///
/// Arithmetic is exact. Corners are first rounded to 2⁻²⁰ of a voxel, which takes away the noise of the way from
/// millimetres to indices; from there on everything is whole numbers. A centre exactly on a side counts as inside when the
/// inside is towards higher columns (or, on a side along the columns, towards higher rows), and as outside otherwise. Two
/// polygons that share a side therefore share no voxel and lose none.
///
/// Each side toggles, in every row whose centre line it crosses, the first centre that is not left of it; a running XOR
/// along the row gives the inside. The time is that of the sides' crossings and of the voxels in the polygon's bounding
/// box; the memory is a byte for each voxel of a slice, whatever the polygons are.
struct EvenOddRaster {
    /// A corner in units of 2⁻²⁰ voxels.
    typealias Corner = SIMD2<Int64>
    /// Farther corners would not fit into the arithmetic below: 2²⁰ voxels.
    static var farthest: Double { 1_048_576 }
    private static var bits: Int64 { 20 }
    private static var one: Int64 { 1 << bits }

    /// How a polygon is joined to what is there.
    enum Joining {
        case xor
        case union
    }

    let columns: Int
    let rows: Int
    private var toggles: [UInt8]
    /// What the current polygon touches; empty ranges when it touches nothing.
    private var rowRange = (first: Int.max, last: Int.min)
    private var columnRange = (first: Int.max, last: Int.min)

    init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        toggles = [UInt8](repeating: 0, count: columns * rows)
    }

    /// The corner at an index (column, row), which must not be farther away than ``farthest``.
    static func corner(column: Double, row: Double) -> Corner {
        Corner(Int64((column * Double(one)).rounded()), Int64((row * Double(one)).rounded()))
    }

    /// Joins a closed polygon to the slice, which has `rows` × `columns` voxels.
    ///
    /// - Returns: Whether a voxel of the polygon was inside already.
    mutating func fill(
        _ corners: [Corner], _ joining: Joining, into slice: UnsafeMutableBufferPointer<UInt8>
    ) -> Bool {
        rowRange = (.max, .min)
        columnRange = (.max, .min)
        guard var last = corners.last else { return false }
        for corner in corners {
            cross(last, corner)
            last = corner
        }
        return join(joining, slice)
    }

    /// Toggles the rows that a side crosses. The rule is half-open, so that a corner on a row's line counts once, and the side
    /// is taken in the same sense whichever polygon it belongs to.
    private mutating func cross(_ a: Corner, _ b: Corner) {
        guard a.y != b.y else { return }
        let (low, high) = a.y < b.y ? (a, b) : (b, a)
        let mask = Self.one - 1
        let first = max(0, (low.y + mask) >> Self.bits)
        let end = min(Int64(rows), (high.y + mask) >> Self.bits)
        guard first < end else { return }
        let (dx, dy) = (high.x - low.x, high.y - low.y)
        // The crossing with a row's line is low.x + whole + rest / dy. It advances by `step` + `stepRest` / dy a row.
        let (begin, beginRest) = Self.floorDivided((first << Self.bits) - low.y, dx, by: dy)
        let (step, stepRest) = Self.floorDivided(Self.one, dx, by: dy)
        var (whole, rest) = (low.x + begin, beginRest)
        for row in Int(first)..<Int(end) {
            let column = ((rest > 0 ? whole + 1 : whole) + mask) >> Self.bits
            toggle(row, Int(column))
            whole += step
            rest += stepRest
            if rest >= dy {
                rest -= dy
                whole += 1
            }
        }
    }

    private mutating func toggle(_ row: Int, _ column: Int) {
        rowRange = (min(rowRange.first, row), max(rowRange.last, row))
        let column = max(0, column)
        columnRange = (min(columnRange.first, column), max(columnRange.last, column))
        if column < columns { toggles[row * columns + column] ^= 1 }
    }

    /// `factor` × `distance` / `divisor`, rounded down, and what remains.
    private static func floorDivided(_ factor: Int64, _ distance: Int64, by divisor: Int64) -> (Int64, Int64) {
        let product = Int128(factor) * Int128(distance)
        var (quotient, rest) = product.quotientAndRemainder(dividingBy: Int128(divisor))
        if rest < 0 {
            rest += Int128(divisor)
            quotient -= 1
        }
        // The crossing lies between the side's ends, a row's step within the side's width or, for flat sides of less than a
        // row, within 2²⁰ times of it: both fit.
        return (Int64(truncatingIfNeeded: quotient), Int64(truncatingIfNeeded: rest))
    }

    private mutating func join(_ joining: Joining, _ slice: UnsafeMutableBufferPointer<UInt8>) -> Bool {
        guard rowRange.first <= rowRange.last, columnRange.first < columns else { return false }
        let (first, last) = (columnRange.first, min(columnRange.last, columns - 1))
        var overlap: UInt8 = 0
        toggles.withUnsafeMutableBufferPointer { toggles in
            for row in rowRange.first...rowRange.last {
                var inside: UInt8 = 0
                for place in row * columns + first...row * columns + last {
                    inside ^= toggles[place]
                    toggles[place] = 0
                    overlap |= slice[place] & inside
                    slice[place] = joining == .xor ? slice[place] ^ inside : slice[place] | inside
                }
            }
        }
        return overlap != 0
    }
}
