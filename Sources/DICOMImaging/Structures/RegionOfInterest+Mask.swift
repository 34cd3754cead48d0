public import DICOMCore
import DICOMDictionary
import Glibc

/// How contours become a mask where the standard leaves it open, or a structure set departs from it.
public struct ContourPolicy: Hashable, Sendable {
    /// What two overlapping CLOSED_PLANAR contours of one slice mean. CLOSEDPLANAR_XOR contours are always even-odd.
    public enum Overlap: String, Sendable, CaseIterable {
        /// What an odd number of contours encloses: an inner contour is a hole.
        case evenOdd
        /// What any contour encloses.
        case union
    }

    public var overlap: Overlap
    /// Whether a mask is made although contours cannot be in it: damaged ones, ones not parallel to the slices, ones that are
    /// impossibly far away. They are in the mask's findings; without this they are an error.
    public var leavesOutUnusable: Bool
    /// Whether the region must have the Frame of Reference UID of the space. Turn it off only where you know that the
    /// coordinates agree.
    public var requiresFrameOfReference: Bool

    /// The default: inner contours are holes, nothing that encloses an area is left out, the frame of reference is checked.
    public static let strict = ContourPolicy()

    /// A policy.
    public init(overlap: Overlap = .evenOdd, leavesOutUnusable: Bool = false, requiresFrameOfReference: Bool = true) {
        self.overlap = overlap
        self.leavesOutUnusable = leavesOutUnusable
        self.requiresFrameOfReference = requiresFrameOfReference
    }
}

/// The voxels of a region.
public struct RegionMask: Sendable {
    /// 1 inside, 0 outside; slices × rows × columns.
    public var volume: Volume<UInt8>
    /// What a person should know about it: contours that are not in it, and what the policy decided.
    public let findings: [StructureFinding]
}

extension RegionOfInterest {
    /// The region as voxels: 1 where the centre of the voxel is inside, 0 elsewhere.
    ///
    /// Points are brought into the index space of the grid, so that slices may lie in any direction and may be sheared. A
    /// contour belongs to the slice that is nearest to its plane, at most half a slice step away (exactly half: the higher one).
    /// Where contours of several planes have the same nearest slice, it takes those of the nearest plane only. A contour is
    /// parallel to the slices when its points are within a fifth of a slice step of each other along the slice index.
    ///
    /// Inside is even-odd, exactly, after rounding the points to 2⁻²⁰ of a voxel: keyholes and self-intersections are right.
    /// A centre exactly on a side is inside when the inside is towards higher columns (on a side along the columns: towards
    /// higher rows), so that regions that share a side share no voxel and lose none. Points and open contours enclose
    /// nothing.
    ///
    /// - Complexity: that of the crossings of sides and rows, and of the contours' bounding boxes.
    /// - Throws: ``DICOMError``: `mismatchedVolumes` when the frame of reference is another one, `invalidStructureSet` when
    ///   contours cannot be in the mask and the policy does not leave them out, `missingPixelData` when there is no memory.
    public func mask(on space: Space, policy: ContourPolicy = .strict) throws(DICOMError) -> RegionMask {
        guard
            !policy.requiresFrameOfReference
                || (frameOfReferenceUID != nil && frameOfReferenceUID == space.frameOfReferenceUID)
        else {
            throw DICOMError(
                .mismatchedVolumes,
                "the region with ROI Number \(number) is not in the frame of reference of the space, or one of them states "
                    + "none, so its coordinates say nothing there; choose the series that it was drawn on",
                at: [Attribute<UID>.referencedFrameOfReferenceUID.tag])
        }
        var placing = ContourPlacing(region: self, space: space)
        placing.place()
        if !policy.leavesOutUnusable, let reason = placing.unusable.first {
            throw DICOMError(
                .invalidStructureSet,
                reason.description + " A policy with leavesOutUnusable makes the mask without such contours.",
                at: [Attribute<[DataSet]>.contourSequence.tag])
        }
        guard let storage = VoxelStorage<UInt8>(count: space.voxelCount) else {
            throw DICOMError(.missingPixelData, "there is no memory for a mask of \(space.voxelCount) voxels")
        }
        storage.buffer.initialize(repeating: 0)
        placing.fill(storage.buffer, policy.overlap)
        let volume = Volume<UInt8>(space: space, unit: nil, padding: nil, storage: storage)
        return RegionMask(volume: volume, findings: placing.findings)
    }
}

/// The steps by which contours become a mask.
private struct ContourPlacing {
    let region: RegionOfInterest
    let space: Space
    let map: PatientToIndex
    private(set) var findings: [StructureFinding] = []
    private var placed: [Placed] = []

    private struct Placed {
        let contour: Int
        let slice: Int
        /// Slice index of the contour's plane.
        let plane: Double
    }

    private enum Tolerance {
        static let parallel = 0.2
        static let plane = 0.1
    }

    init(region: RegionOfInterest, space: Space) {
        self.region = region
        self.space = space
        map = PatientToIndex(space)
        if !region.damagedContours.isEmpty {
            find(.damagedContour, region.damagedContours, "cannot be read")
        }
    }

    /// The findings that keep a mask from being whole.
    var unusable: [StructureFinding] {
        findings.filter { [.damagedContour, .notParallel, .farAway].contains($0.kind) }
    }

    /// Gives each contour a slice.
    mutating func place() {
        var (empty, tilted, far, outside): ([Int], [Int], [Int], [Int]) = ([], [], [], [])
        var candidates: [Placed] = []
        for (index, contour) in region.contours.enumerated() {
            guard contour.geometry.isClosed, contour.points.count > 2 else {
                empty.append(contour.number)
                continue
            }
            guard let range = map.sliceRange(of: contour.points) else {
                far.append(contour.number)
                continue
            }
            guard range.upperBound - range.lowerBound <= Tolerance.parallel else {
                tilted.append(contour.number)
                continue
            }
            // Without the noise of the way from millimetres, so that half a step is half a step.
            let plane = ((range.lowerBound + range.upperBound) / 2 * 1_048_576).rounded() / 1_048_576
            let slice = Int((plane + 0.5).rounded(.down))
            guard slice >= 0, slice < space.slices else {
                outside.append(contour.number)
                continue
            }
            candidates.append(Placed(contour: index, slice: slice, plane: plane))
        }
        find(
            .withoutArea, empty,
            "are points, open, or of fewer than three points; they enclose nothing and are not in the mask")
        find(.farAway, far, "have points farther away than a million voxels and are not in the mask")
        find(.notParallel, tilted, "do not lie in a plane parallel to the slices and are not in the mask")
        find(.outsideSpace, outside, "lie beyond the first or last slice and are not in the mask")
        choosePlanes(candidates)
    }

    /// Of the planes that have the same nearest slice, the nearest alone makes its mask: contours of several planes on one
    /// slice would be taken for each other's holes.
    private mutating func choosePlanes(_ candidates: [Placed]) {
        let sorted = candidates.sorted { a, b in
            let (first, second) = (abs(a.plane - Double(a.slice)), abs(b.plane - Double(b.slice)))
            return (a.slice, first, a.plane, a.contour) < (b.slice, second, b.plane, b.contour)
        }
        var (between, others): ([Int], [Int]) = ([], [])
        var nearest: Placed?
        for candidate in sorted {
            if nearest?.slice != candidate.slice { nearest = candidate }
            let number = region.contours[candidate.contour].number
            guard let nearest, abs(candidate.plane - nearest.plane) <= Tolerance.plane else {
                others.append(number)
                continue
            }
            if abs(candidate.plane - Double(candidate.slice)) > Tolerance.plane { between.append(number) }
            placed.append(candidate)
        }
        // In the order of the file within a slice.
        placed.sort { ($0.slice, $0.contour) < ($1.slice, $1.contour) }
        find(.betweenSlices, between, "lie between slices and were given to the nearest one")
        find(
            .otherPlane, others,
            "lie between slices, next to one that has contours of a nearer plane, and are not in the mask")
        findMissingSlices()
    }

    private mutating func findMissingSlices() {
        let gaps = zip(placed, placed.dropFirst()).filter { $1.slice - $0.slice > 1 }
        guard !gaps.isEmpty else { return }
        let count = gaps.reduce(0) { $0 + $1.1.slice - $1.0.slice - 1 }
        findings.append(
            StructureFinding(
                .missingSlices, region: region.number,
                "The region with ROI Number \(region.number) has no contour on \(count) slice\(count == 1 ? "" : "s") between "
                    + "others that have one (after slice \(enumerated(gaps.map { "\($0.0.slice)" })), counted from 0); they "
                    + "are empty in the mask."))
    }

    /// Fills the contours into an empty mask.
    mutating func fill(_ mask: UnsafeMutableBufferPointer<UInt8>, _ overlap: ContourPolicy.Overlap) {
        guard !placed.isEmpty else { return }
        var raster = EvenOddRaster(columns: space.columns, rows: space.rows)
        let area = space.columns * space.rows
        var overlapping: [Int] = []
        for place in placed {
            let contour = region.contours[place.contour]
            let isXOR = contour.geometry == .closedPlanarXOR
            let slice = UnsafeMutableBufferPointer(rebasing: mask[place.slice * area..<(place.slice + 1) * area])
            let overlaps = raster.fill(
                map.corners(of: contour.points), isXOR || overlap == .evenOdd ? .xor : .union, into: slice)
            if overlaps, !isXOR { overlapping.append(contour.number) }
        }
        let meaning =
            overlap == .evenOdd ? "what both enclose is a hole (even-odd)" : "what either encloses is inside (union)"
        find(
            .overlappingContours, overlapping,
            "overlap others on their slice; PS3.3 says nothing about it, and by the policy \(meaning)")
    }

    private mutating func find(_ kind: StructureFinding.Kind, _ contours: [Int], _ what: String) {
        guard !contours.isEmpty else { return }
        findings.append(
            StructureFinding(
                kind, region: region.number, contours: contours,
                "In the region with ROI Number \(region.number), the contours with these numbers \(what): "
                    + enumerated(contours.map { "\($0)" }) + "."))
    }
}

/// ``Space/index(of:)`` for many points: the inverse matrix, made once.
private struct PatientToIndex {
    private let origin, column, row, slice: SIMD3<Double>

    init(_ space: Space) {
        let (a, b, c) = (space.columnStep, space.rowStep, space.sliceStep)
        let determinant = dot(a, cross(b, c))
        origin = space.origin
        column = cross(b, c) / determinant
        row = cross(c, a) / determinant
        slice = cross(a, b) / determinant
    }

    /// The least and the greatest slice index of the points; nil when one of them is too far away to be computed with.
    func sliceRange(of points: [SIMD3<Double>]) -> ClosedRange<Double>? {
        var (least, greatest) = (Double.infinity, -Double.infinity)
        let farthest = EvenOddRaster.farthest
        for point in points {
            let offset = point - origin
            let index = SIMD3(dot(offset, column), dot(offset, row), dot(offset, slice))
            guard abs(index.x) <= farthest, abs(index.y) <= farthest, abs(index.z) <= farthest else { return nil }
            least = min(least, index.z)
            greatest = max(greatest, index.z)
        }
        return least <= greatest ? least...greatest : nil
    }

    func corners(of points: [SIMD3<Double>]) -> [EvenOddRaster.Corner] {
        points.map { point in
            let offset = point - origin
            return EvenOddRaster.corner(column: dot(offset, column), row: dot(offset, row))
        }
    }
}
