extension RegionMask {
    /// How many voxels are inside.
    public var voxelCount: Int { counts.reduce(0, +) }

    /// The volume of the region, mL: that of its voxels.
    public var millilitres: Double {
        let space = volume.space
        let voxel = abs(dot(space.sliceStep, cross(space.columnStep, space.rowStep)))
        return Double(voxelCount) * voxel / 1000
    }

    /// The area of the region in each slice, mm²: that of its voxels.
    public var areas: [Double] {
        let voxel = length(cross(volume.space.columnStep, volume.space.rowStep))
        return counts.map { Double($0) * voxel }
    }

    /// The mean of the centres of the voxels inside, mm, LPS; nil for an empty mask.
    public var centroid: SIMD3<Double>? {
        let space = volume.space
        var sum = SIMD3<Double>.zero
        var total = 0
        volume.withUnsafeBuffer { voxels in
            for row in 0..<space.slices * space.rows {
                var (count, columns) = (0, 0)
                for column in 0..<space.columns where voxels[row * space.columns + column] != 0 {
                    count += 1
                    columns += column
                }
                let place = SIMD3(0, Double(row % space.rows), Double(row / space.rows)) * Double(count)
                sum += place + SIMD3(Double(columns), 0, 0)
                total += count
            }
        }
        return total == 0 ? nil : space.point(at: sum / Double(total))
    }

    /// The voxels inside, slice by slice.
    private var counts: [Int] {
        volume.withUnsafeBuffer { voxels in
            (0..<volume.slices).map { slice in
                voxels[volume.range(ofSlice: slice)].reduce(0) { $0 + ($1 == 0 ? 0 : 1) }
            }
        }
    }
}
