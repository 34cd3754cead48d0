import DICOMCoding
public import DICOMCore
import DICOMDictionary

/// An RT Structure Set (PS3.3 A.19): regions of interest, each drawn as contours in millimetres of the patient.
///
/// Reading is lenient: what is damaged or contradicts itself is left out or kept as it stands, and told in ``findings``.
/// ``RegionOfInterest/mask(on:policy:)`` makes voxels of a region.
///
/// ```swift
/// let structures = try RTStructureSet(path: "rtstruct.dcm")
/// let space = try series.geometry.space(acceptedBy: .reject)
/// for region in structures.regions {
///     let mask = try region.mask(on: space)
///     print(region.number, mask.millilitres, mask.findings)
/// }
/// ```
public struct RTStructureSet: Sendable {
    public var sopInstanceUID: UID?
    /// Structure Set Label (3006,0002).
    public var label: String?
    /// The Frame of Reference UIDs that it refers to (3006,0010), in the order of the file.
    public var frameOfReferenceUIDs: [UID]
    /// The Series Instance UIDs of the images that it was drawn on (3006,0014), in the order of the file.
    public var seriesInstanceUIDs: [UID]
    /// The regions, in the order of the Structure Set ROI Sequence (3006,0020).
    public var regions: [RegionOfInterest]
    /// What is damaged or contradicts itself; the first hundred.
    public let findings: [StructureFinding]

    /// Reads a structure set from a Part 10 file.
    ///
    /// - Throws: ``DICOMError``: as ``init(dataSet:)``, or that of the file.
    public init(path: String) throws(DICOMError) {
        try self.init(dataSet: try DICOMFile.read(path).dataSet)
    }

    /// Reads a structure set.
    ///
    /// - Throws: ``DICOMError`` with the code `invalidStructureSet` when the data set is of another SOP class.
    public init(dataSet: DataSet) throws(DICOMError) {
        guard dataSet[.sopClassUID] == .rtStructureSetStorage || dataSet.contains(.structureSetROISequence) else {
            throw DICOMError(
                .invalidStructureSet, "the data set is no RT Structure Set; choose an instance of that SOP class",
                at: [Attribute<UID>.sopClassUID.tag])
        }
        var reading = StructureSetReading()
        regions = reading.regions(of: dataSet)
        findings = reading.findings
        sopInstanceUID = dataSet[.sopInstanceUID]
        label = dataSet[.structureSetLabel]
        let frames = dataSet[.referencedFrameOfReferenceSequence] ?? []
        frameOfReferenceUIDs = frames.compactMap { $0[.frameOfReferenceUID] }
        seriesInstanceUIDs = frames.flatMap { $0[.rtReferencedStudySequence] ?? [] }
            .flatMap { $0[.rtReferencedSeriesSequence] ?? [] }.compactMap { $0[.seriesInstanceUID] }
    }

    /// The region with this ROI Number (3006,0022); nil when there is none.
    public func region(number: Int) -> RegionOfInterest? {
        regions.first { $0.number == number }
    }

    /// The first region with this ROI Name (3006,0026), exactly; nil when there is none.
    public func region(named name: String) -> RegionOfInterest? {
        regions.first { $0.name == name }
    }
}

/// One region of an ``RTStructureSet``.
public struct RegionOfInterest: Sendable {
    /// ROI Number (3006,0022), unique in its structure set.
    public var number: Int
    /// ROI Name (3006,0026); empty when it has none.
    public var name: String
    /// ROI Display Color (3006,002A).
    public var color: RGBVoxel?
    /// RT ROI Interpreted Type (3006,00A4), such as `PTV` or `ORGAN`; nil when it is not said.
    public var interpretedType: String?
    /// Referenced Frame of Reference UID (3006,0024): the one that the contours' coordinates belong to.
    public var frameOfReferenceUID: UID?
    /// The contours that could be read.
    public var contours: [Contour]
    /// The contours that could not be read, by their number in the Contour Sequence, counted from 1.
    public private(set) var damagedContours: [Int]

    /// A region of contours.
    public init(
        number: Int, name: String, color: RGBVoxel? = nil, interpretedType: String? = nil, frameOfReferenceUID: UID?,
        contours: [Contour]
    ) {
        self.number = number
        self.name = name
        self.color = color
        self.interpretedType = interpretedType
        self.frameOfReferenceUID = frameOfReferenceUID
        self.contours = contours
        damagedContours = []
    }

    mutating func add(_ contours: [Contour], damaged: [Int]) {
        self.contours += contours
        damagedContours += damaged
    }
}

/// One contour of a region (PS3.3 C.8.8.6): points in millimetres, LPS.
public struct Contour: Sendable, Hashable {
    /// Contour Geometric Type (3006,0042).
    public enum Geometry: String, Sendable, CaseIterable {
        case point = "POINT"
        case openPlanar = "OPEN_PLANAR"
        case openNonplanar = "OPEN_NONPLANAR"
        case closedPlanar = "CLOSED_PLANAR"
        /// Closed; the region is what an odd number of the contours of a plane encloses (PS3.3 C.8.8.6.3).
        case closedPlanarXOR = "CLOSEDPLANAR_XOR"

        /// Whether the last point is joined to the first.
        public var isClosed: Bool { self == .closedPlanar || self == .closedPlanarXOR }
    }

    /// The contour's place in the Contour Sequence, counted from 1; findings name it by this number.
    public var number: Int
    public var geometry: Geometry
    /// The points, mm, LPS. The first is not repeated at the end of a closed contour.
    public var points: [SIMD3<Double>]
    /// Referenced SOP Instance UID (0008,1155) of the image that it was drawn on.
    public var referencedSOPInstanceUID: UID?

    /// A contour.
    public init(
        number: Int, geometry: Geometry = .closedPlanar, points: [SIMD3<Double>], referencedSOPInstanceUID: UID? = nil
    ) {
        self.number = number
        self.geometry = geometry
        self.points = points
        self.referencedSOPInstanceUID = referencedSOPInstanceUID
    }

    /// The area that a closed contour encloses, mm²: that of its projection on its own plane, parts that are run around in
    /// the opposite sense subtracted (a keyhole's hole). 0 for an open one.
    public var area: Double { geometry.isClosed ? length(areaVector) : 0 }

    /// The length of the line, mm, the closing side of a closed contour included.
    public var perimeter: Double {
        guard let first = points.first, let last = points.last else { return 0 }
        let open = zip(points, points.dropFirst()).reduce(0) { $0 + length($1.1 - $1.0) }
        return geometry.isClosed ? open + length(first - last) : open
    }

    private var areaVector: SIMD3<Double> {
        guard let first = points.first else { return .zero }
        var sum = SIMD3<Double>.zero
        // From the first point, so that nothing cancels where the contour is far from the origin.
        for (a, b) in zip(points.dropFirst(), points.dropFirst(2)) { sum += cross(a - first, b - first) }
        return sum / 2
    }
}

/// Something about a structure set, or about a mask made of it, that a person should know.
///
/// It names regions and contours by number and holds no data of the patient; ROI names are left out too.
public struct StructureFinding: Hashable, Sendable, CustomStringConvertible {
    /// What is found.
    public enum Kind: String, Sendable, CaseIterable {
        /// Contours whose data cannot be read.
        case damagedContour
        /// Two regions with one number, or contours of a region that does not exist.
        case inconsistentRegions
        /// Points, open contours and closed ones of fewer than three points: they enclose nothing and are not in the mask.
        case withoutArea
        /// Contours that do not lie in a plane parallel to the slices; they are not in the mask.
        case notParallel
        /// Contours with points farther away than a million voxels; they are not in the mask.
        case farAway
        /// Contours beyond the first or last slice; they are not in the mask.
        case outsideSpace
        /// Contours more than a tenth of the slice step away from the slice that they were given to.
        case betweenSlices
        /// Contours whose nearest slice took those of a nearer plane; they are not in the mask.
        case otherPlane
        /// CLOSED_PLANAR contours of one slice overlap, and the policy decided whether what both enclose is inside.
        case overlappingContours
        /// Slices without a contour between slices that have one.
        case missingSlices
    }

    public let kind: Kind
    /// The ROI Number.
    public let region: Int?
    /// The contours concerned, by their number in the Contour Sequence, counted from 1.
    public let contours: [Int]
    /// The sentence.
    public let description: String

    init(_ kind: Kind, region: Int?, contours: [Int] = [], _ description: String) {
        self.kind = kind
        self.region = region
        self.contours = contours
        self.description = description
    }
}
