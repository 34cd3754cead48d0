import Synchronization

extension Volume where Scalar: VoxelScalar {
    /// The smallest box that holds all voxels above a threshold; nil when there is none. Padding and what is not a number are
    /// never above it.
    public func boundingBox(above threshold: Scalar = 0) -> VoxelBox? {
        let boxes = Mutex<VoxelBox?>(nil)
        withUnsafeBuffer { source in
            nonisolated(unsafe) let source = source
            concurrently(slices, work: count) { part in
                let task = BoxTask(
                    source: UnsafeRawPointer(source.baseAddress), columns: columns, rows: rows, slices: part,
                    threshold: threshold.doubleValue, padding: padding)
                perform(task, for: Scalar.scalarType)
                guard let found = task.box.value else { return }
                boxes.withLock { $0 = $0?.union(found) ?? found }
            }
        }
        return boxes.withLock { $0 }
    }

    /// The centre of the voxels' values, as the index (column, row, slice) and as a place; nil when their sum is not positive.
    ///
    /// Padding and what is not a number are left out.
    public func centerOfGravity() -> (index: SIMD3<Double>, point: SIMD3<Double>)? {
        let sums = Mutex<SIMD4<Double>>(.zero)
        withUnsafeBuffer { source in
            nonisolated(unsafe) let source = source
            concurrently(slices, work: count) { part in
                let task = MomentTask(
                    source: UnsafeRawPointer(source.baseAddress), columns: columns, rows: rows, slices: part,
                    padding: padding)
                perform(task, for: Scalar.scalarType)
                sums.withLock { $0 += task.sums.value }
            }
        }
        let total = sums.withLock { $0 }
        guard total.w > 0, total.w.isFinite else { return nil }
        let index = SIMD3(total.x, total.y, total.z) / total.w
        return (index, space.point(at: index))
    }
}

extension VoxelBox {
    fileprivate func union(_ other: VoxelBox) -> VoxelBox {
        func hull(_ a: Range<Int>, _ b: Range<Int>) -> Range<Int> {
            min(a.lowerBound, b.lowerBound)..<max(a.upperBound, b.upperBound)
        }
        return VoxelBox(
            slices: hull(slices, other.slices), rows: hull(rows, other.rows), columns: hull(columns, other.columns))
    }
}

private struct BoxTask: ScalarTask {
    let source: UnsafeRawPointer?
    let columns, rows: Int
    let slices: Range<Int>
    let threshold: Double
    let padding: PaddingMask?
    let box = Outcome<VoxelBox?>(nil)

    func run<Scalar: ComputedScalar>(_ type: Scalar.Type) {
        guard let source else { return }
        let voxels = source.assumingMemoryBound(to: Scalar.self)
        let threshold = Scalar(rounding: Scalar.Real(threshold))
        var columnsHit = [UInt8](repeating: 0, count: columns)
        var (firstSlice, lastSlice, firstRow, lastRow) = (Int.max, -1, Int.max, -1)
        for slice in slices {
            for row in 0..<rows {
                let line = voxels + (slice * rows + row) * columns
                let isHit =
                    padding == nil
                    ? columnsHit.withUnsafeMutableBufferPointer { hits in mark(line, threshold, hits) }
                    : markUnpadded(line, threshold, slice, row, &columnsHit)
                guard isHit else { continue }
                (firstSlice, lastSlice) = (min(firstSlice, slice), slice)
                (firstRow, lastRow) = (min(firstRow, row), max(lastRow, row))
            }
        }
        guard lastSlice >= 0, let left = columnsHit.firstIndex(of: 1), let right = columnsHit.lastIndex(of: 1) else {
            return
        }
        box.value = VoxelBox(
            slices: firstSlice..<lastSlice + 1, rows: firstRow..<lastRow + 1, columns: left..<right + 1)
    }

    /// No branch within the row: whether a voxel is above the threshold is a number.
    @inline(__always)
    private func mark<Scalar: ComputedScalar>(
        _ line: UnsafePointer<Scalar>, _ threshold: Scalar, _ hits: UnsafeMutableBufferPointer<UInt8>
    ) -> Bool {
        guard let hits = hits.baseAddress else { return false }
        var any: UInt8 = 0
        for column in 0..<columns {
            let hit: UInt8 = line[column] > threshold ? 1 : 0
            hits[column] |= hit
            any |= hit
        }
        return any != 0
    }

    private func markUnpadded<Scalar: ComputedScalar>(
        _ line: UnsafePointer<Scalar>, _ threshold: Scalar, _ slice: Int, _ row: Int, _ hits: inout [UInt8]
    ) -> Bool {
        var any = false
        for column in 0..<columns where line[column] > threshold && padding?[slice, row * columns + column] != true {
            hits[column] = 1
            any = true
        }
        return any
    }
}

private struct MomentTask: ScalarTask {
    let source: UnsafeRawPointer?
    let columns, rows: Int
    let slices: Range<Int>
    let padding: PaddingMask?
    let sums = Outcome(SIMD4<Double>.zero)

    func run<Scalar: ComputedScalar>(_ type: Scalar.Type) {
        guard let source else { return }
        let voxels = source.assumingMemoryBound(to: Scalar.self)
        for slice in slices {
            for row in 0..<rows {
                let line = voxels + (slice * rows + row) * columns
                var (sum, moment) = (0.0, 0.0)
                for column in 0..<columns {
                    let value = line[column].doubleValue
                    guard value == value, padding?[slice, row * columns + column] != true else { continue }
                    sum += value
                    moment += value * Double(column)
                }
                sums.value += SIMD4(moment, sum * Double(row), sum * Double(slice), sum)
            }
        }
    }
}
