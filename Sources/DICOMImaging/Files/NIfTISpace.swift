import DICOMCore

extension NIfTIHeader {
    /// The header of a volume in this space.
    init(space: Space, version: Int) {
        self.init()
        self.version = version == 2 ? 2 : 1
        dimensions = [space.columns, space.rows, space.slices]
        spacings = [space.columnSpacing, space.rowSpacing, space.sliceSpacing]
        let columns = [space.columnStep, space.rowStep, space.sliceStep, space.origin].map(Self.mirrored)
        sform = (0..<3).flatMap { row in columns.map { $0[row] } }
        sformCode = 1
        guard !space.isSheared else { return }
        let handedness = dot(cross(columns[0], columns[1]), columns[2])
        qfac = handedness < 0 ? -1 : 1
        let axes = (
            columns[0] / length(columns[0]), columns[1] / length(columns[1]), columns[2] / length(columns[2]) * qfac
        )
        quaternion = Self.quaternion(axes)
        quaternionOffset = [columns[3].x, columns[3].y, columns[3].z]
        qformCode = 1
    }

    /// From LPS to RAS, or back.
    private static func mirrored(_ vector: SIMD3<Double>) -> SIMD3<Double> { SIMD3(-vector.x, -vector.y, vector.z) }

    /// b, c and d of the rotation whose columns these are, a not negative (nifti1_io's method).
    private static func quaternion(_ r: (SIMD3<Double>, SIMD3<Double>, SIMD3<Double>)) -> [Double] {
        let (r11, r21, r31) = (r.0.x, r.0.y, r.0.z)
        let (r12, r22, r32) = (r.1.x, r.1.y, r.1.z)
        let (r13, r23, r33) = (r.2.x, r.2.y, r.2.z)
        let trace = r11 + r22 + r33 + 1
        if trace > 0.5 {
            let a = trace.squareRoot() / 2
            return [(r32 - r23) / (4 * a), (r13 - r31) / (4 * a), (r21 - r12) / (4 * a)]
        }
        // a is small: take the largest of the others.
        let (x, y, z) = (1 + r11 - r22 - r33, 1 + r22 - r11 - r33, 1 + r33 - r11 - r22)
        var (b, c, d, a): (Double, Double, Double, Double)
        if x > 1 {
            b = x.squareRoot() / 2
            (c, d, a) = ((r12 + r21) / (4 * b), (r13 + r31) / (4 * b), (r32 - r23) / (4 * b))
        } else if y > 1 {
            c = y.squareRoot() / 2
            (b, d, a) = ((r12 + r21) / (4 * c), (r23 + r32) / (4 * c), (r13 - r31) / (4 * c))
        } else {
            d = max(0, z).squareRoot() / 2
            (b, c, a) = ((r13 + r31) / (4 * d), (r23 + r32) / (4 * d), (r21 - r12) / (4 * d))
        }
        return a < 0 ? [-b, -c, -d] : [b, c, d]
    }

    /// The space that the header describes, LPS.
    func space() throws(DICOMError) -> Space {
        let extents = dimensions + [1, 1]
        let steps = columns().map(Self.mirrored)
        let (column, row) = (steps[0], steps[1])
        return try Space(
            origin: steps[3], columnDirection: column / length(column), rowDirection: row / length(row),
            rowSpacing: length(row), columnSpacing: length(column), sliceStep: steps[2], columns: extents[0],
            rows: extents[1], slices: extents[2])
    }

    /// The columns of the affine map to RAS: sform, else qform, else the grid's spacing (methods 3, 2 and 1).
    private func columns() -> [SIMD3<Double>] {
        if sformCode > 0 {
            return (0..<4).map { SIMD3(sform[$0], sform[4 + $0], sform[8 + $0]) }
        }
        let sizes = (spacings + [1, 1, 1]).prefix(3).map { $0 == 0 || !$0.isFinite ? 1 : abs($0) }
        guard qformCode > 0 else {
            return [SIMD3(sizes[0], 0, 0), SIMD3(0, sizes[1], 0), SIMD3(0, 0, sizes[2]), .zero]
        }
        let (b, c, d) = (quaternion[0], quaternion[1], quaternion[2])
        let a = max(0, 1 - b * b - c * c - d * d).squareRoot()
        return [
            SIMD3(a * a + b * b - c * c - d * d, 2 * (b * c + a * d), 2 * (b * d - a * c)) * sizes[0],
            SIMD3(2 * (b * c - a * d), a * a + c * c - b * b - d * d, 2 * (c * d + a * b)) * sizes[1],
            SIMD3(2 * (b * d + a * c), 2 * (c * d - a * b), a * a + d * d - b * b - c * c) * (sizes[2] * qfac),
            SIMD3(quaternionOffset[0], quaternionOffset[1], quaternionOffset[2]),
        ]
    }
}
