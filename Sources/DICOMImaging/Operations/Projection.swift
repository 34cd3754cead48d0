import DICOMCore
import Synchronization

/// What is made of the voxels along a line.
public enum Projection: Hashable, Sendable {
    case maximum
    case minimum
    /// In whole-number types rounded, half to even.
    case mean
}

extension Volume where Scalar: VoxelScalar {
    /// One slice made of all of an axis: the maximum intensity projection, for example.
    ///
    /// Padding is left out; a line of nothing else is padding again. What is not a number counts in the mean only, which it
    /// spoils.
    ///
    /// - Returns: A volume of 1 along the axis and the other extents as they are; its voxel is in the middle of the line and as
    ///   long as it.
    public func projected(_ projection: Projection = .maximum, along axis: VolumeAxis = .slice) -> Volume<Scalar> {
        if let padding { return projected(projection, along: axis, without: padding) }
        let target = space.collapsed(axis)
        let result = VoxelStorage<Scalar>.allocated(count: target.voxelCount)
        withUnsafeBuffer { source in
            perform(
                ProjectionTask(
                    source: UnsafeRawPointer(source.baseAddress),
                    target: UnsafeMutableRawPointer(result.buffer.baseAddress),
                    columns: columns, rows: rows, slices: slices, axis: axis, projection: projection),
                for: Scalar.scalarType)
        }
        return Volume(space: target, unit: unit, padding: nil, storage: result)
    }

    private func projected(
        _ projection: Projection, along axis: VolumeAxis, without padding: PaddingMask
    ) -> Volume<Scalar> {
        let target = space.collapsed(axis)
        var mask = PaddingMask(
            slices: target.slices, voxelsPerSlice: target.rows * target.columns, value: padding.value)
        let length = axis == .column ? columns : axis == .row ? rows : slices
        var result = Volume<Scalar>(space: target) { slice, row, column in
            var (extreme, sum, count) = (Scalar?.none, 0.0, 0)
            for index in 0..<length {
                let (k, j, i) = (
                    axis == .slice ? index : slice, axis == .row ? index : row, axis == .column ? index : column
                )
                if padding[k, j * columns + i] { continue }
                let value = self[k, j, i]
                sum += value.doubleValue
                count += 1
                let isBetter = extreme.map { projection == .minimum ? value < $0 : value > $0 } ?? true
                if isBetter { extreme = value }
            }
            if count == 0 { mask[slice, row * target.columns + column] = true }
            if projection == .mean, count > 0 { return Scalar(nearest: sum / Double(count)) }
            return extreme ?? Scalar(nearest: padding.value)
        }
        result.unit = unit
        result.padding = mask.count > 0 ? mask : nil
        return result
    }
}

extension Space {
    fileprivate func collapsed(_ axis: VolumeAxis) -> Space {
        let middle = SIMD3(
            axis == .column ? Double(columns - 1) / 2 : 0, axis == .row ? Double(rows - 1) / 2 : 0,
            axis == .slice ? Double(slices - 1) / 2 : 0)
        let collapsed = try? Space(
            origin: point(at: middle), columnDirection: columnDirection, rowDirection: rowDirection,
            rowSpacing: axis == .row ? rowSpacing * Double(rows) : rowSpacing,
            columnSpacing: axis == .column ? columnSpacing * Double(columns) : columnSpacing,
            sliceStep: axis == .slice ? sliceStep * Double(slices) : sliceStep, columns: axis == .column ? 1 : columns,
            rows: axis == .row ? 1 : rows, slices: axis == .slice ? 1 : slices, frameOfReferenceUID: frameOfReferenceUID
        )
        return collapsed ?? self
    }
}

private struct ProjectionTask: ScalarTask, @unchecked Sendable {
    let source: UnsafeRawPointer?
    let target: UnsafeMutableRawPointer?
    let columns, rows, slices: Int
    let axis: VolumeAxis
    let projection: Projection

    func run<Scalar: ComputedScalar>(_ type: Scalar.Type) {
        guard let source, let target else { return }
        nonisolated(unsafe) let voxels = source.assumingMemoryBound(to: Scalar.self)
        nonisolated(unsafe) let output = target.assumingMemoryBound(to: Scalar.self)
        switch axis {
        case .slice:
            concurrently(rows, work: columns * rows * slices) { part in
                let length = part.count * columns
                fold(length, slices, output + part.lowerBound * columns) {
                    voxels + $0 * rows * columns + part.lowerBound * columns
                }
            }
        case .row:
            concurrently(slices, work: columns * rows * slices) { part in
                for slice in part {
                    fold(columns, rows, output + slice * columns) { voxels + (slice * rows + $0) * columns }
                }
            }
        case .column:
            concurrently(slices, work: columns * rows * slices) { part in
                for line in part.lowerBound * rows..<part.upperBound * rows {
                    output[line] = reduce(voxels + line * columns)
                }
            }
        }
    }

    /// Folds `count` runs of voxels into one, element by element.
    @inline(__always)
    private func fold<Scalar: ComputedScalar>(
        _ length: Int, _ count: Int, _ output: UnsafeMutablePointer<Scalar>, _ run: (Int) -> UnsafePointer<Scalar>
    ) {
        if projection == .mean {
            var sums = [Double](repeating: 0, count: length)
            for index in 0..<count {
                let voxels = run(index)
                for element in 0..<length { sums[element] += voxels[element].doubleValue }
            }
            for element in 0..<length { output[element] = Self.rounded(sums[element] / Double(count)) }
            return
        }
        output.update(from: run(0), count: length)
        for index in 1..<max(1, count) {
            let voxels = run(index)
            if projection == .maximum {
                for element in 0..<length {
                    let (old, new) = (output[element], voxels[element])
                    output[element] = new > old || old != old ? new : old
                }
            } else {
                for element in 0..<length {
                    let (old, new) = (output[element], voxels[element])
                    output[element] = new < old || old != old ? new : old
                }
            }
        }
    }

    @inline(__always)
    private func reduce<Scalar: ComputedScalar>(_ voxels: UnsafePointer<Scalar>) -> Scalar {
        var result = voxels[0]
        var sum = 0.0
        for index in 0..<columns {
            let value = voxels[index]
            switch projection {
            case .maximum: result = value > result || result != result ? value : result
            case .minimum: result = value < result || result != result ? value : result
            case .mean: sum += value.doubleValue
            }
        }
        return projection == .mean ? Self.rounded(sum / Double(columns)) : result
    }

    private static func rounded<Scalar: ComputedScalar>(_ value: Double) -> Scalar {
        Scalar(rounding: Scalar.Real(value))
    }
}
