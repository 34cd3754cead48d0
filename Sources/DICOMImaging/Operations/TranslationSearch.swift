public import DICOMCore
import Synchronization

/// A rigid shift between two volumes.
public struct Translation: Hashable, Sendable {
    /// In voxels: column, row, slice.
    public let voxels: SIMD3<Int>
    /// In the patient, mm.
    public let millimetres: SIMD3<Double>
    /// The mean squared difference that remains, over the voxels that both have.
    public let meanSquaredDifference: Double
}

extension Volume where Scalar: VoxelScalar {
    /// Finds by how many whole voxels another volume has to be moved so that it looks most like this one.
    ///
    /// Every shift within the window is tried, first at a fraction of the resolution, then around the best at full: the mean
    /// squared difference over the voxels that overlap decides. At least half of the volume has to overlap. It is a
    /// translation search, as the reference framework's registration: no rotation, no scaling, no interpolation. Padding counts
    /// as it is stored.
    ///
    /// - Parameters:
    ///   - moving: Of the same spacing and directions; its place does not matter.
    ///   - window: The largest shift that is tried, in voxels: column, row, slice.
    /// - Returns: The shift; `moving`'s voxel (i, j, k) then lies on this volume's (i, j, k) + shift.
    /// - Throws: ``DICOMError`` with the code `mismatchedVolumes` for other spacings or directions.
    public func translation(
        of moving: Volume<Scalar>, within window: SIMD3<Int>
    ) throws(DICOMError) -> Translation {
        let steps = [
            space.columnStep - moving.space.columnStep, space.rowStep - moving.space.rowStep,
            space.sliceStep - moving.space.sliceStep,
        ]
        guard steps.allSatisfy({ length($0) < 1e-3 }), window.min() >= 0 else {
            throw DICOMError(
                .mismatchedVolumes,
                "a translation is searched between volumes of the same spacing and directions; resample one")
        }
        // Beyond their extents the volumes do not overlap.
        let window = SIMD3(
            min(window.x, max(columns, moving.columns)), min(window.y, max(rows, moving.rows)),
            min(window.z, max(slices, moving.slices)))
        let search = ShiftSearch(
            fixed: SmoothedGrid(self), moving: SmoothedGrid(moving), window: window)
        let (shift, difference) = search.best()
        let vector =
            space.columnStep * Double(shift.x) + space.rowStep * Double(shift.y) + space.sliceStep * Double(shift.z)
        let offset = space.origin - moving.space.origin
        return Translation(voxels: shift, millimetres: vector + offset, meanSquaredDifference: difference)
    }
}

/// Voxels as Float with their extents.
private struct SmoothedGrid: Sendable {
    let columns, rows, slices: Int
    let values: [Float]

    init<Scalar: VoxelScalar>(_ volume: Volume<Scalar>) {
        columns = volume.columns
        rows = volume.rows
        slices = volume.slices
        values = volume.withUnsafeBuffer { $0.map { Float($0.doubleValue) } }
    }

    private init(columns: Int, rows: Int, slices: Int, values: [Float]) {
        self.columns = columns
        self.rows = rows
        self.slices = slices
        self.values = values
    }

    /// Half of the resolution along each axis that has eight voxels or more, by means of neighbours.
    func halved() -> SmoothedGrid {
        let (x, y, z) = (columns >= 8 ? 2 : 1, rows >= 8 ? 2 : 1, slices >= 8 ? 2 : 1)
        let (newColumns, newRows, newSlices) = (columns / x, rows / y, slices / z)
        var result = [Float](repeating: 0, count: newColumns * newRows * newSlices)
        let weight = 1 / Float(x * y * z)
        for slice in 0..<newSlices * z {
            for row in 0..<newRows * y {
                let source = (slice * rows + row) * columns
                let target = (slice / z * newRows + row / y) * newColumns
                for column in 0..<newColumns * x { result[target + column / x] += values[source + column] * weight }
            }
        }
        return SmoothedGrid(columns: newColumns, rows: newRows, slices: newSlices, values: result)
    }

    var isDivisible: Bool { columns * rows * slices > 1 << 12 && max(columns, rows, slices) >= 16 }
}

private struct ShiftSearch: Sendable {
    let fixed, moving: SmoothedGrid
    let window: SIMD3<Int>

    /// From coarse to fine: at each level only the neighbourhood of what the coarser one found.
    func best() -> (SIMD3<Int>, Double) {
        var levels = [(fixed, moving, window, SIMD3(1, 1, 1))]
        while let (fixed, moving, window, _) = levels.last, fixed.isDivisible, moving.isDivisible, window.max() > 4 {
            let factor = SIMD3(fixed.columns >= 8 ? 2 : 1, fixed.rows >= 8 ? 2 : 1, fixed.slices >= 8 ? 2 : 1)
            levels.append((fixed.halved(), moving.halved(), (window &+ factor &- 1) / factor, factor))
        }
        var center = SIMD3(0, 0, 0)
        var reach: SIMD3<Int>?
        var difference = Double.infinity
        while let (fixed, moving, window, _) = levels.popLast() {
            (center, difference) = Self.search(fixed, moving, around: center, reach ?? window, window)
            guard let finer = levels.last else { break }
            let factor = SIMD3(
                finer.0.columns >= 8 ? 2 : 1, finer.0.rows >= 8 ? 2 : 1, finer.0.slices >= 8 ? 2 : 1)
            center = center &* factor
            reach = SIMD3(min(2, finer.2.x), min(2, finer.2.y), min(2, finer.2.z))
        }
        return (center, difference)
    }

    private static func search(
        _ fixed: SmoothedGrid, _ moving: SmoothedGrid, around center: SIMD3<Int>, _ reach: SIMD3<Int>,
        _ window: SIMD3<Int>
    ) -> (SIMD3<Int>, Double) {
        var shifts: [SIMD3<Int>] = []
        for z in -reach.z...reach.z {
            for y in -reach.y...reach.y {
                for x in -reach.x...reach.x {
                    let shift = center &+ SIMD3(x, y, z)
                    let isWithin = abs(shift.x) <= window.x && abs(shift.y) <= window.y && abs(shift.z) <= window.z
                    if isWithin { shifts.append(shift) }
                }
            }
        }
        let found = Mutex<(index: Int, difference: Double)>((0, .infinity))
        let candidates = shifts
        concurrently(candidates.count, work: candidates.count * fixed.values.count) { part in
            for index in part {
                let difference = Self.difference(fixed, moving, candidates[index])
                found.withLock { best in
                    // Of equals the first, whatever the order of the threads.
                    if difference < best.difference || difference == best.difference && index < best.index {
                        best = (index, difference)
                    }
                }
            }
        }
        let best = found.withLock { $0 }
        return (candidates.isEmpty ? center : candidates[best.index], best.difference)
    }

    /// The mean squared difference where both have voxels; infinite where that is less than half of the smaller volume.
    private static func difference(_ fixed: SmoothedGrid, _ moving: SmoothedGrid, _ shift: SIMD3<Int>) -> Double {
        func overlap(_ count: Int, _ other: Int, _ shift: Int) -> Range<Int> {
            let lower = max(0, shift)
            return lower..<max(lower, min(count, other + shift))
        }
        let x = overlap(fixed.columns, moving.columns, shift.x)
        let y = overlap(fixed.rows, moving.rows, shift.y)
        let z = overlap(fixed.slices, moving.slices, shift.z)
        let count = x.count * y.count * z.count
        guard count * 2 >= min(fixed.values.count, moving.values.count), count > 0 else { return .infinity }
        return fixed.values.withUnsafeBufferPointer { a in
            moving.values.withUnsafeBufferPointer { b in
                var total = 0.0
                for slice in z {
                    for row in y {
                        let first = (slice * fixed.rows + row) * fixed.columns
                        let second = ((slice - shift.z) * moving.rows + row - shift.y) * moving.columns - shift.x
                        var sum: Float = 0
                        for column in x {
                            let difference = a[first + column] - b[second + column]
                            sum += difference * difference
                        }
                        total += Double(sum)
                    }
                }
                return total / Double(count)
            }
        }
    }
}
