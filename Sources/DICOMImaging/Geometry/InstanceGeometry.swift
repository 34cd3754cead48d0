public import DICOMCore
import DICOMDictionary

/// What one instance says about its place, taken from the header alone (PS3.3 C.7.6.2, C.7.6.3, C.7.4.1).
///
/// It is light and never fails to be made: what is absent or unreadable is nil, and ``SeriesGeometry`` names it.
public struct InstanceGeometry: Hashable, Sendable {
    public var sopInstanceUID: UID?
    public var instanceNumber: Int?
    /// Image Position (Patient), mm.
    public var position: SIMD3<Double>?
    /// The first three values of Image Orientation (Patient): where the column index grows to.
    public var columnDirection: SIMD3<Double>?
    /// The last three values of Image Orientation (Patient): where the row index grows to.
    public var rowDirection: SIMD3<Double>?
    /// The first value of Pixel Spacing, mm.
    public var rowSpacing: Double?
    /// The second value of Pixel Spacing, mm.
    public var columnSpacing: Double?
    public var rows: Int?
    public var columns: Int?
    public var frameOfReferenceUID: UID?
    /// Slice Thickness, mm. It says nothing about the distance of slices, except where there is one slice only.
    public var sliceThickness: Double?
    /// Spacing Between Slices, mm; negative values occur. Like the thickness, used for a single slice only.
    public var spacingBetweenSlices: Double?

    /// The frame of a multi-frame image that this is, counted from 0; nil for an image of one frame.
    public var frame: Int?
    /// What an image of several frames or a mosaic does not say, so that its slices have no places.
    public var missingPlaces: String?

    /// A geometry of which nothing is known yet.
    public init() {}

    /// Reads the geometry from a header.
    public init(dataSet: DataSet) {
        sopInstanceUID = dataSet[.sopInstanceUID]
        instanceNumber = dataSet[.instanceNumber]
        position = Self.vector(dataSet[.imagePositionPatient], from: 0, of: 3)
        columnDirection = Self.vector(dataSet[.imageOrientationPatient], from: 0, of: 6)
        rowDirection = Self.vector(dataSet[.imageOrientationPatient], from: 3, of: 6)
        if let spacing = dataSet[.pixelSpacing], spacing.count == 2 {
            (rowSpacing, columnSpacing) = (spacing[0], spacing[1])
        }
        rows = dataSet[.rows]
        columns = dataSet[.columns]
        frameOfReferenceUID = dataSet[.frameOfReferenceUID]
        sliceThickness = dataSet[.sliceThickness]
        spacingBetweenSlices = dataSet[.spacingBetweenSlices]
    }

    private static func vector(_ values: [Double]?, from start: Int, of count: Int) -> SIMD3<Double>? {
        guard let values, values.count == count else { return nil }
        return SIMD3(values[start], values[start + 1], values[start + 2])
    }

    /// How a sentence names the instance: by its number, or by its UID where it has none. Frames are counted from 1, as the
    /// standard does.
    var name: String {
        if let frame { return "frame \(frame + 1) of \(instanceName)" }
        return instanceName
    }

    private var instanceName: String {
        if let instanceNumber { return "instance \(instanceNumber)" }
        if let sopInstanceUID { return "the instance with SOP Instance UID \(sopInstanceUID)" }
        return "an instance without number and SOP Instance UID"
    }

    /// The names of the attributes that a place cannot be computed without.
    var missingAttributes: [String] {
        var names: [String] = []
        if let missingPlaces {
            names.append(missingPlaces)
        } else if position == nil {
            names.append("Image Position (Patient)")
        }
        if columnDirection == nil || rowDirection == nil { names.append("Image Orientation (Patient)") }
        if rowSpacing == nil || columnSpacing == nil { names.append("Pixel Spacing") }
        if rows == nil { names.append("Rows") }
        if columns == nil { names.append("Columns") }
        return names
    }

    /// The image plane, where it is whole; nil otherwise.
    var plane: ImagePlane? {
        guard let position, let columnDirection, let rowDirection, let rowSpacing, let columnSpacing, let rows,
            let columns
        else { return nil }
        return ImagePlane(
            position: position, columnDirection: columnDirection, rowDirection: rowDirection, rowSpacing: rowSpacing,
            columnSpacing: columnSpacing, rows: rows, columns: columns)
    }
}

/// The place of an instance of which everything is known.
struct ImagePlane {
    let position, columnDirection, rowDirection: SIMD3<Double>
    let rowSpacing, columnSpacing: Double
    let rows, columns: Int

    /// The unit vector on the plane: IOP[0…2] × IOP[3…5].
    var normal: SIMD3<Double> {
        let product = cross(columnDirection, rowDirection)
        return product / length(product)
    }

    /// What is impossible about the numbers; nil when they can be used.
    var defect: String? {
        let farthest = GeometryTolerance.farthest
        guard position.isFinite, abs(position.x) <= farthest, abs(position.y) <= farthest, abs(position.z) <= farthest
        else { return "Image Position (Patient) is farther away than a kilometre" }
        let tolerance = GeometryTolerance.orthonormality
        guard columnDirection.isFinite, rowDirection.isFinite,
            abs(length(columnDirection) - 1) <= tolerance, abs(length(rowDirection) - 1) <= tolerance,
            abs(dot(columnDirection, rowDirection)) <= tolerance
        else { return "Image Orientation (Patient) is not two perpendicular unit vectors" }
        guard rowSpacing > 0, columnSpacing > 0, rowSpacing <= farthest, columnSpacing <= farthest else {
            return "Pixel Spacing is not positive"
        }
        guard rows > 0, columns > 0 else { return "Rows or Columns is not positive" }
        return nil
    }

    func hasOrientation(of other: ImagePlane) -> Bool {
        Self.areClose(columnDirection, other.columnDirection) && Self.areClose(rowDirection, other.rowDirection)
    }

    private static func areClose(_ first: SIMD3<Double>, _ second: SIMD3<Double>) -> Bool {
        let difference = first - second
        return abs(difference.x) <= GeometryTolerance.direction && abs(difference.y) <= GeometryTolerance.direction
            && abs(difference.z) <= GeometryTolerance.direction
    }

    func hasPixelSpacing(of other: ImagePlane) -> Bool {
        abs(rowSpacing - other.rowSpacing) <= GeometryTolerance.pixelSpacing * other.rowSpacing
            && abs(columnSpacing - other.columnSpacing) <= GeometryTolerance.pixelSpacing * other.columnSpacing
    }

    func hasMatrix(of other: ImagePlane) -> Bool {
        rows == other.rows && columns == other.columns
    }
}

/// By how much the headers of one series may differ before their geometry counts as irregular.
enum GeometryTolerance {
    /// Of a direction cosine; also of a slice step's deviation from the normal, against its length.
    static let direction = 1e-4
    /// Of the length of a direction and the right angle between the two: headers state three decimals or more.
    static let orthonormality = 1e-3
    /// How far from the origin a position may be, mm. Beyond it, a header is spoilt and squares would lose all precision.
    static let farthest = 1e6
    /// How many stacks are told apart: an image whose frames all lie differently would take the square of their number.
    static let mostStacks = 1000
    /// Of the pixel spacing, against itself.
    static let pixelSpacing = 1e-4

    /// Of a position, mm: 0.01 mm or 1 % of the slice step, whichever is more.
    static func position(step: Double) -> Double {
        max(0.01, 0.01 * step)
    }
}
