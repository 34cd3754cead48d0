public import DICOMCore

/// Where the voxels of a volume are in the patient: an affine map from the voxel index (column i, row j, slice k) to
/// the reference coordinate system, in millimetres, LPS (x to the patient's left, y to the back, z to the head).
///
/// The map is that of PS3.3 C.7.6.2.1.1: one column further is `columnDirection` × `columnSpacing`, one row further is
/// `rowDirection` × `rowSpacing`, one slice further is ``sliceStep``. The point of an index is the *centre* of its voxel.
/// Directions and spacings are kept apart, as the data set states them, so that they can be written again unchanged.
public struct Space: Hashable, Sendable {
    /// The centre of the voxel (0, 0, 0), mm.
    public let origin: SIMD3<Double>
    /// The direction in which the column index grows: the first three values of Image Orientation (Patient).
    public let columnDirection: SIMD3<Double>
    /// The direction in which the row index grows: the last three values of Image Orientation (Patient).
    public let rowDirection: SIMD3<Double>
    /// The distance between the centres of two neighbouring rows, mm: the first value of Pixel Spacing.
    public let rowSpacing: Double
    /// The distance between the centres of two neighbouring columns, mm: the second value of Pixel Spacing.
    public let columnSpacing: Double
    /// The vector from a voxel to its neighbour in the next slice, mm.
    public let sliceStep: SIMD3<Double>
    /// The number of voxels along the column index (the DICOM attribute Columns).
    public let columns: Int
    /// The number of voxels along the row index (the DICOM attribute Rows).
    public let rows: Int
    /// The number of slices.
    public let slices: Int
    /// The frame of reference in which the coordinates have a meaning, where the instances state one.
    public let frameOfReferenceUID: UID?
    /// True when there is one slice only and the step was taken from its spacing or thickness.
    public let isSliceStepAssumed: Bool

    /// Makes a space from what PS3.3 C.7.6.2.1.1 names.
    ///
    /// - Throws: ``DICOMError`` with the code `invalidSpace` when a number is not finite, a spacing or a count is not
    ///   positive, there are more voxels than an `Int` can count, or the three steps do not span the space.
    public init(
        origin: SIMD3<Double>, columnDirection: SIMD3<Double>, rowDirection: SIMD3<Double>, rowSpacing: Double,
        columnSpacing: Double, sliceStep: SIMD3<Double>, columns: Int, rows: Int, slices: Int,
        frameOfReferenceUID: UID? = nil, isSliceStepAssumed: Bool = false
    ) throws(DICOMError) {
        self.origin = origin
        self.columnDirection = columnDirection
        self.rowDirection = rowDirection
        self.rowSpacing = rowSpacing
        self.columnSpacing = columnSpacing
        self.sliceStep = sliceStep
        self.columns = columns
        self.rows = rows
        self.slices = slices
        self.frameOfReferenceUID = frameOfReferenceUID
        self.isSliceStepAssumed = isSliceStepAssumed
        try validate()
    }

    private func validate() throws(DICOMError) {
        guard columns > 0, rows > 0, slices > 0 else {
            throw DICOMError(.invalidSpace, "a space needs at least one column, one row and one slice")
        }
        let (area, tooWide) = columns.multipliedReportingOverflow(by: rows)
        guard !tooWide, !area.multipliedReportingOverflow(by: slices).overflow else {
            throw DICOMError(.invalidSpace, "\(columns) × \(rows) × \(slices) voxels are more than can be counted")
        }
        guard origin.isFinite, sliceStep.isFinite, rowSpacing.isFinite, columnSpacing.isFinite, rowSpacing > 0,
            columnSpacing > 0
        else {
            throw DICOMError(.invalidSpace, "positions must be finite and the pixel spacing positive")
        }
        guard determinant.isFinite, abs(determinant) > 1e-12 else {
            throw DICOMError(
                .invalidSpace, "column, row and slice steps lie in one plane, so no voxel has a place of its own")
        }
    }

    /// The vector to the next column, mm.
    public var columnStep: SIMD3<Double> { columnDirection * columnSpacing }
    /// The vector to the next row, mm.
    public var rowStep: SIMD3<Double> { rowDirection * rowSpacing }
    /// The unit vector that stands on the slices: column direction × row direction.
    public var normal: SIMD3<Double> {
        let product = cross(columnDirection, rowDirection)
        return product / length(product)
    }
    /// The length of the slice step, mm. It is the distance of the slices' planes only where the space is not sheared.
    public var sliceSpacing: Double { length(sliceStep) }
    /// True when the slice step is not along the normal, as with a tilted gantry (by more than 1e-4 of its length).
    public var isSheared: Bool {
        length(sliceStep - normal * dot(sliceStep, normal)) > GeometryTolerance.direction * sliceSpacing
    }
    /// How many voxels there are.
    public var voxelCount: Int { columns * rows * slices }

    private var determinant: Double { dot(columnStep, cross(rowStep, sliceStep)) }

    /// Image Orientation (Patient), the six direction cosines (PS3.3 C.7.6.2.1.1).
    public var imageOrientation: [Double] {
        [columnDirection.x, columnDirection.y, columnDirection.z, rowDirection.x, rowDirection.y, rowDirection.z]
    }

    /// Pixel Spacing, mm: between rows, then between columns (PS3.3 10.7.1.3).
    public var pixelSpacing: [Double] { [rowSpacing, columnSpacing] }

    /// The centre of a voxel, mm.
    public func point(column: Int, row: Int, slice: Int) -> SIMD3<Double> {
        point(at: SIMD3(Double(column), Double(row), Double(slice)))
    }

    /// The place of an index (column, row, slice) that need not be whole, mm.
    public func point(at index: SIMD3<Double>) -> SIMD3<Double> {
        origin + columnStep * index.x + rowStep * index.y + sliceStep * index.z
    }

    /// The index (column, row, slice) of a place: the inverse of ``point(at:)``. It may lie between voxels or outside.
    public func index(of point: SIMD3<Double>) -> SIMD3<Double> {
        let offset = point - origin
        let (a, b, c) = (columnStep, rowStep, sliceStep)
        return SIMD3(dot(offset, cross(b, c)), dot(offset, cross(c, a)), dot(offset, cross(a, b))) / determinant
    }

    /// Image Position (Patient) of a slice, mm: the centre of its first voxel.
    public func imagePosition(slice: Int) -> SIMD3<Double> {
        origin + sliceStep * Double(slice)
    }

    /// Whether both have the same voxels in the same places (to 1e-4 of a voxel at every corner) of one frame of reference.
    ///
    /// Two spaces without a Frame of Reference UID are never the same: nothing says that their coordinates agree.
    public func coincides(with other: Space) -> Bool {
        guard let frame = frameOfReferenceUID, frame == other.frameOfReferenceUID else { return false }
        return hasVoxels(of: other)
    }

    /// The same, whatever the frame of reference is.
    func hasVoxels(of other: Space) -> Bool {
        guard columns == other.columns, rows == other.rows, slices == other.slices else { return false }
        let last = SIMD3(Double(columns - 1), Double(rows - 1), Double(slices - 1))
        return (0..<8).allSatisfy { corner in
            let index = SIMD3(
                corner & 1 == 0 ? 0 : last.x, corner & 2 == 0 ? 0 : last.y, corner & 4 == 0 ? 0 : last.z)
            let difference = other.index(of: point(at: index)) - index
            return length(difference) < 1e-4
        }
    }
}
