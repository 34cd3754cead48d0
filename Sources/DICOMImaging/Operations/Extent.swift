public import DICOMCore

/// A block of voxel indices.
public struct VoxelBox: Hashable, Sendable {
    public var slices: Range<Int>
    public var rows: Range<Int>
    public var columns: Range<Int>

    public init(slices: Range<Int>, rows: Range<Int>, columns: Range<Int>) {
        self.slices = slices
        self.rows = rows
        self.columns = columns
    }

    /// How many voxels there are.
    public var voxelCount: Int { slices.count * rows.count * columns.count }
}

extension Volume {
    /// A part of the volume; each voxel stays where it is in the patient.
    ///
    /// - Throws: ``DICOMError`` with the code `invalidSpace` when the box is empty or reaches beyond the volume.
    public func cropped(to box: VoxelBox) throws(DICOMError) -> Volume<Scalar> {
        guard (0..<slices).contains(box.slices), (0..<rows).contains(box.rows), (0..<columns).contains(box.columns)
        else {
            throw DICOMError(
                .invalidSpace, "the box reaches beyond the volume's \(slices) × \(rows) × \(columns) voxels")
        }
        let target = try space.moved(
            by: SIMD3(box.columns.lowerBound, box.rows.lowerBound, box.slices.lowerBound), columns: box.columns.count,
            rows: box.rows.count, slices: box.slices.count)
        let result = VoxelStorage<Scalar>.allocated(count: target.voxelCount)
        copy(into: result.buffer, of: target, from: box, at: SIMD3(0, 0, 0))
        let mask = padding.map { mask in
            mask.rearranged(to: target) { slice, row, column in
                mask[
                    slice + box.slices.lowerBound,
                    (row + box.rows.lowerBound) * columns + column + box.columns.lowerBound]
            }
        }
        return Volume(space: target, unit: unit, padding: mask?.count == 0 ? nil : mask, storage: result)
    }

    /// A larger volume with this one inside; each voxel stays where it is in the patient.
    ///
    /// - Parameters:
    ///   - before: How many voxels are added before the first column, row and slice.
    ///   - after: How many after the last ones.
    ///   - value: What the new voxels are.
    /// - Throws: ``DICOMError`` with the code `invalidSpace` for a negative number, or more voxels than can be counted.
    public func padded(
        before: SIMD3<Int>, after: SIMD3<Int>, with value: Scalar
    ) throws(DICOMError) -> Volume<Scalar> {
        guard before.min() >= 0, after.min() >= 0, before.max() < 1 << 31, after.max() < 1 << 31 else {
            throw DICOMError(.invalidSpace, "a volume cannot be padded by a negative number of voxels; crop it")
        }
        let target = try space.moved(
            by: SIMD3(-before.x, -before.y, -before.z), columns: columns + before.x + after.x,
            rows: rows + before.y + after.y, slices: slices + before.z + after.z)
        return placed(in: target, at: before, outside: value)
    }

    /// The volume within a space that has the same voxels and others; what does not fit into it is cut off.
    ///
    /// - Parameter outside: What voxels are that this volume does not have.
    /// - Throws: ``DICOMError`` with the code `mismatchedVolumes` when the space's voxels are not at the same places: resample
    ///   then.
    public func embedded(in target: Space, outside: Scalar) throws(DICOMError) -> Volume<Scalar> {
        let index = target.index(of: space.origin)
        let offset = SIMD3(index.x.rounded(), index.y.rounded(), index.z.rounded())
        let last = SIMD3(Double(columns - 1), Double(rows - 1), Double(slices - 1))
        guard target.frameOfReferenceUID == space.frameOfReferenceUID, length(index - offset) < 1e-3,
            length(target.index(of: space.point(at: last)) - (offset + last)) < 1e-3, abs(offset).max() < 1e9
        else {
            throw DICOMError(
                .mismatchedVolumes, "the space's voxels are not those of the volume; resample the volume to it instead")
        }
        return placed(in: target, at: SIMD3(Int(offset.x), Int(offset.y), Int(offset.z)), outside: outside)
    }

    private func placed(in target: Space, at offset: SIMD3<Int>, outside: Scalar) -> Volume<Scalar> {
        let result = VoxelStorage<Scalar>.allocated(count: target.voxelCount)
        result.buffer.initialize(repeating: outside)
        func part(_ count: Int, _ start: Int, _ size: Int) -> Range<Int> {
            let lower = min(max(0, -start), count)
            return lower..<max(lower, min(count, size - start))
        }
        let box = VoxelBox(
            slices: part(slices, offset.z, target.slices), rows: part(rows, offset.y, target.rows),
            columns: part(columns, offset.x, target.columns))
        let start = SIMD3(
            offset.x + box.columns.lowerBound, offset.y + box.rows.lowerBound, offset.z + box.slices.lowerBound)
        copy(into: result.buffer, of: target, from: box, at: start)
        let mask = padding.map { mask in
            mask.rearranged(to: target) { slice, row, column in
                let (z, y, x) = (slice - offset.z, row - offset.y, column - offset.x)
                return (0..<slices).contains(z) && (0..<rows).contains(y) && (0..<columns).contains(x)
                    && mask[z, y * columns + x]
            }
        }
        return Volume(space: target, unit: unit, padding: mask?.count == 0 ? nil : mask, storage: result)
    }

    private func copy(
        into target: UnsafeMutableBufferPointer<Scalar>, of targetSpace: Space, from box: VoxelBox, at start: SIMD3<Int>
    ) {
        guard box.voxelCount > 0 else { return }
        withUnsafeBuffer { source in
            nonisolated(unsafe) let (source, target) = (source, target)
            concurrently(box.slices.count, work: box.voxelCount) { slices in
                for slice in slices {
                    for row in 0..<box.rows.count {
                        let from =
                            ((slice + box.slices.lowerBound) * rows + row + box.rows.lowerBound) * columns
                            + box.columns.lowerBound
                        let to = ((slice + start.z) * targetSpace.rows + row + start.y) * targetSpace.columns + start.x
                        guard let base = target.baseAddress, let origin = source.baseAddress else { return }
                        (base + to).update(from: origin + from, count: box.columns.count)
                    }
                }
            }
        }
    }
}

extension Space {
    /// The same grid from another index on.
    fileprivate func moved(by offset: SIMD3<Int>, columns: Int, rows: Int, slices: Int) throws(DICOMError) -> Space {
        try Space(
            origin: point(at: SIMD3(Double(offset.x), Double(offset.y), Double(offset.z))),
            columnDirection: columnDirection, rowDirection: rowDirection, rowSpacing: rowSpacing,
            columnSpacing: columnSpacing, sliceStep: sliceStep, columns: columns, rows: rows, slices: slices,
            frameOfReferenceUID: frameOfReferenceUID, isSliceStepAssumed: isSliceStepAssumed)
    }
}

extension Range<Int> {
    /// Whether another range, which is not empty, lies within.
    fileprivate func contains(_ other: Range<Int>) -> Bool {
        !other.isEmpty && lowerBound <= other.lowerBound && other.upperBound <= upperBound
    }
}

private func abs(_ vector: SIMD3<Double>) -> SIMD3<Double> {
    SIMD3(Swift.abs(vector.x), Swift.abs(vector.y), Swift.abs(vector.z))
}
