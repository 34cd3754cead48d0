public import DICOMCore

/// How a value between voxels is found.
public enum Interpolation: String, Hashable, Sendable, CaseIterable {
    /// That of the nearest voxel; for labels and masks.
    case nearest
    /// Trilinear.
    case linear
    /// Cubic B-splines that go through the voxels; beyond the edge the volume is mirrored at its outermost voxels.
    case cubic
}

extension Volume where Scalar: VoxelScalar {
    /// The volume on the voxels of another space.
    ///
    /// A voxel's value is that of the place of its centre. Places up to half a voxel beyond the outermost centres still belong
    /// to the volume, and have the value of its edge; farther ones are `outside`. Coordinates are computed in Double; values in
    /// Float for types of up to 16 bits and Float, else in Double; whole numbers are rounded, half to even. A voxel is padding
    /// where one that contributes to it is.
    ///
    /// - Parameters:
    ///   - space: Where the new voxels are, such as another volume's ``space``.
    ///   - outside: What voxels get that lie outside of this volume.
    /// - Throws: ``DICOMError`` with the code `mismatchedVolumes` for another Frame of Reference UID: coordinates of the two
    ///   have nothing to do with each other.
    public func resampled(
        to space: Space, interpolation: Interpolation = .linear, outside: Scalar = 0
    ) throws(DICOMError) -> Volume<Scalar> {
        guard space.frameOfReferenceUID == self.space.frameOfReferenceUID else {
            throw DICOMError(
                .mismatchedVolumes,
                "a volume can be resampled to a space of its own frame of reference only; register the two first")
        }
        let map = IndexMap(from: space, to: self.space)
        let result = VoxelStorage<Scalar>.allocated(count: space.voxelCount)
        withUnsafeBuffer { source in
            perform(
                ResamplingTask(
                    source: UnsafeRawPointer(source.baseAddress),
                    target: UnsafeMutableRawPointer(result.buffer.baseAddress),
                    from: self.space, to: space, map: map, interpolation: interpolation, outside: outside.doubleValue),
                for: Scalar.scalarType)
        }
        let mask = padding.flatMap { resampled($0, to: space, map, interpolation) }
        return Volume(space: space, unit: unit, padding: mask, storage: result)
    }

    /// The volume with other distances between its voxels, over the same extent: the first voxel keeps its centre's place
    /// relative to the volume's edge.
    ///
    /// - Parameter spacing: Between columns, between rows, between slices, mm.
    /// - Throws: ``DICOMError`` with the code `invalidSpace` for a spacing that is not positive.
    public func resampled(
        spacing: SIMD3<Double>, interpolation: Interpolation = .linear
    ) throws(DICOMError) -> Volume<Scalar> {
        try resampled(to: space.withSpacing(spacing), interpolation: interpolation)
    }

    private func resampled(
        _ mask: PaddingMask, to space: Space, _ map: IndexMap, _ interpolation: Interpolation
    ) -> PaddingMask? {
        var result = PaddingMask(slices: space.slices, voxelsPerSlice: space.rows * space.columns, value: mask.value)
        let sizes = SIMD3(self.space.columns, self.space.rows, self.space.slices)
        var voxel = 0
        for slice in 0..<space.slices {
            for row in 0..<space.rows {
                for column in 0..<space.columns {
                    let place = map(SIMD3(Double(column), Double(row), Double(slice)))
                    defer { voxel += 1 }
                    guard map.contains(place) else { continue }
                    let reach = interpolation == .nearest ? 0 : interpolation == .linear ? 1 : 2
                    let hit = mask.hasPadding(around: place, reach: reach, sizes: sizes)
                    if hit { result[slice, row * space.columns + column] = true }
                }
            }
        }
        return result.count > 0 ? result : nil
    }
}

extension Space {
    /// The same extent with other distances between the voxels; the outer edges stay where they are, as far as whole voxels
    /// allow.
    func withSpacing(_ spacing: SIMD3<Double>) throws(DICOMError) -> Space {
        guard spacing.isFinite, spacing.x > 0, spacing.y > 0, spacing.z > 0 else {
            throw DICOMError(.invalidSpace, "a spacing has to be positive")
        }
        let old = SIMD3(columnSpacing, rowSpacing, sliceSpacing)
        let counts = SIMD3(Double(columns), Double(rows), Double(slices))
        let extents = counts * old / spacing
        guard extents.max() < 1e6 else { throw DICOMError(.invalidSpace, "the spacing gives too many voxels") }
        let new = SIMD3(
            max(1, Int(extents.x.rounded())), max(1, Int(extents.y.rounded())), max(1, Int(extents.z.rounded())))
        let first = (spacing / old - 1) / 2
        return try Space(
            origin: point(at: first), columnDirection: columnDirection, rowDirection: rowDirection,
            rowSpacing: spacing.y,
            columnSpacing: spacing.x, sliceStep: sliceStep * (spacing.z / old.z), columns: new.x, rows: new.y,
            slices: new.z, frameOfReferenceUID: frameOfReferenceUID)
    }
}

extension PaddingMask {
    /// Whether one of the voxels that contribute to a place is padding.
    fileprivate func hasPadding(around place: SIMD3<Double>, reach: Int, sizes: SIMD3<Int>) -> Bool {
        func range(_ value: Double, _ size: Int) -> ClosedRange<Int> {
            if reach == 0 {
                let nearest = max(0, min(size - 1, Int((value + 0.5).rounded(.down))))
                return nearest...nearest
            }
            let bounded = max(0, min(Double(size - 1), value))
            let base = Int(bounded)
            let isExact = bounded == Double(base)
            if reach == 1 { return base...(isExact ? base : min(base + 1, size - 1)) }
            return max(0, base - 1)...min(size - 1, base + 2)
        }
        for slice in range(place.z, sizes.z) {
            for row in range(place.y, sizes.y) {
                for column in range(place.x, sizes.x) where self[slice, row * sizes.x + column] { return true }
            }
        }
        return false
    }
}

/// From voxel indices (column, row, slice) of one space to those of another.
struct IndexMap: Sendable {
    let origin, column, row, slice: SIMD3<Double>
    /// The other space's last indices.
    let last: SIMD3<Double>

    init(from space: Space, to other: Space) {
        let start = other.index(of: space.origin)
        func step(_ vector: SIMD3<Double>) -> SIMD3<Double> {
            // What is but rounding of the directions would make an oblique grid of an aligned one.
            let step = other.index(of: other.origin + vector)
            return SIMD3(Self.clean(step.x), Self.clean(step.y), Self.clean(step.z))
        }
        origin = start
        column = step(space.columnStep)
        row = step(space.rowStep)
        slice = step(space.sliceStep)
        last = SIMD3(Double(other.columns - 1), Double(other.rows - 1), Double(other.slices - 1))
    }

    private static func clean(_ value: Double) -> Double { abs(value) < 1e-9 ? 0 : value }

    func callAsFunction(_ index: SIMD3<Double>) -> SIMD3<Double> {
        origin + column * index.x + row * index.y + slice * index.z
    }

    /// Whether the axes of both run alike, at other distances.
    var isAligned: Bool {
        column.y == 0 && column.z == 0 && row.x == 0 && row.z == 0 && slice.x == 0 && slice.y == 0
    }

    /// Whether a place is within half a voxel of the outermost centres; what exceeds that by rounding is.
    func contains(_ place: SIMD3<Double>) -> Bool {
        let edge = 0.5 + 1e-9
        return place.x >= -edge && place.y >= -edge && place.z >= -edge && place.x <= last.x + edge
            && place.y <= last.y + edge && place.z <= last.z + edge
    }
}
