public import DICOMCore
import DICOMDictionary

/// A Segmentation image (PS3.3 A.51): regions as masks, as fractions, or as a map of labels.
///
/// ```swift
/// let segmentation = try Segmentation(Series.Instance(path: "seg.dcm"))
/// for segment in segmentation.segments {
///     let mask = try segmentation.mask(of: segment.number, on: ct.space)
/// }
/// ```
public struct Segmentation: Sendable {
    /// One of the regions (Segment Sequence, PS3.3 C.8.20.4).
    public struct Segment: Hashable, Sendable {
        /// Segment Number.
        public let number: Int
        /// Segment Label.
        public let label: String?
        /// The meaning of Segmented Property Type, such as "Liver".
        public let propertyType: String?
        /// The meaning of Segmented Property Category, such as "Anatomical Structure".
        public let propertyCategory: String?
    }

    /// Segmentation Type.
    public enum Kind: String, Sendable {
        case binary = "BINARY"
        case fractional = "FRACTIONAL"
        case labelMap = "LABELMAP"
    }

    public let kind: Kind
    public let segments: [Segment]
    /// The smallest regular stack that has all frames.
    public let space: Space
    private let instance: Series.Instance
    private let slices: [(slice: Series.Slice, place: Int)]
    private let maximumFraction: Double

    /// - Throws: ``DICOMError``: `invalidPixelDescription` for what is no segmentation, `unacceptableGeometry` when the frames are
    ///   not in the planes of one regular stack.
    public init(_ instance: Series.Instance) throws(DICOMError) {
        let header = instance.header
        guard let kind = header[.segmentationType].flatMap(Kind.init(rawValue:)) else {
            throw DICOMError(
                .invalidPixelDescription,
                "the image is no segmentation: Segmentation Type is not BINARY, FRACTIONAL or LABELMAP",
                at: [Attribute<String>.segmentationType.tag])
        }
        self.kind = kind
        self.instance = instance
        maximumFraction = Double(header[.maximumFractionalValue] ?? 255)
        segments = (header[.segmentSequence] ?? []).map { item in
            Segment(
                number: item[.segmentNumber] ?? 0, label: item[.segmentLabel],
                propertyType: item[.segmentedPropertyTypeCodeSequence]?.first?[.codeMeaning],
                propertyCategory: item[.segmentedPropertyCategoryCodeSequence]?.first?[.codeMeaning])
        }
        let series = try Series([instance])
        (space, slices) = try Self.stack(series)
    }

    /// The regular stack of the frames' planes; several frames may share a plane, and planes may be missing where no segment is.
    private static func stack(
        _ series: Series
    ) throws(DICOMError) -> (Space, [(slice: Series.Slice, place: Int)]) {
        let planes = series.slices.compactMap(\.geometry.plane)
        let tolerated: Set<GeometryFinding.Kind> = [.duplicatePosition, .missingSlice, .nonUniformSpacing]
        let refused = series.geometry.findings.filter { !tolerated.contains($0.kind) }
        guard refused.isEmpty, planes.count == series.slices.count, let first = planes.first else {
            throw DICOMError(
                .unacceptableGeometry,
                "the frames of the segmentation are in no stack. " + refused.map(\.description).joined(separator: " "))
        }
        let places = planes.map { dot($0.position - first.position, first.normal) }
        let gaps = zip(places.dropFirst(), places).map { $0 - $1 }.filter { $0 > 0.01 }
        let geometry = series.slices[0].geometry
        let stated = [geometry.spacingBetweenSlices.map { abs($0) }, geometry.sliceThickness].compactMap { $0 }.first {
            $0 > 0
        }
        let step = gaps.min() ?? stated ?? 1
        let extent = (places.last ?? 0) / step
        let indices = places.map { ($0 / step).rounded() }
        guard extent < 100_000,
            zip(places, indices).allSatisfy({
                abs($0 - $1 * step) <= GeometryTolerance.position(step: step) * max(1, $1)
            })
        else {
            throw DICOMError(
                .unacceptableGeometry, "the frames of the segmentation are not at multiples of one distance of slices")
        }
        let count = Int(indices.last ?? 0) + 1
        let exact = count > 1 ? (places.last ?? 0) / Double(count - 1) : step
        let space = try Space(
            origin: first.position, columnDirection: first.columnDirection, rowDirection: first.rowDirection,
            rowSpacing: first.rowSpacing, columnSpacing: first.columnSpacing, sliceStep: first.normal * exact,
            columns: first.columns, rows: first.rows, slices: count, frameOfReferenceUID: geometry.frameOfReferenceUID,
            isSliceStepAssumed: gaps.isEmpty)
        return (space, zip(series.slices, indices).map { ($0, Int($1)) })
    }

    /// The voxels of a segment in the segmentation's own space: 1 inside, 0 outside; of a fractional one, those of at least half.
    ///
    /// - Returns: slices × rows × columns.
    /// - Throws: ``DICOMError``: `invalidPixelDescription` when there is no such segment, or what decoding the frames throws.
    public func mask(of number: Int) throws(DICOMError) -> Mask {
        let threshold = maximumFraction / 2
        return try volume(of: number) { value in
            switch kind {
            case .binary: value != 0 ? 1 : 0
            case .fractional: Double(value) >= threshold ? 1 : 0
            case .labelMap: Int(value) == number ? 1 : 0
            }
        }
    }

    /// The voxels of a segment on another space, such as that of the images it was drawn on: those of the nearest voxel.
    ///
    /// - Throws: ``DICOMError`` as ``mask(of:)``; `mismatchedVolumes` for another frame of reference.
    public func mask(of number: Int, on space: Space) throws(DICOMError) -> Mask {
        let mask = try mask(of: number)
        return mask.space == space ? mask : try mask.resampled(to: space, interpolation: .nearest)
    }

    /// How much of each voxel belongs to a segment, 0 to 1.
    ///
    /// - Throws: ``DICOMError`` as ``mask(of:)``.
    public func fraction(of number: Int) throws(DICOMError) -> Volume<Float> {
        let maximum = Float(maximumFraction)
        return try volume(of: number) { value in
            switch kind {
            case .binary: value != 0 ? 1 : 0
            case .fractional: Float(value) / maximum
            case .labelMap: Int(value) == number ? 1 : 0
            }
        }
    }

    private func volume<Scalar: VoxelScalar>(
        of number: Int, _ value: (UInt16) -> Scalar
    ) throws(DICOMError) -> Volume<Scalar> {
        guard segments.contains(where: { $0.number == number }) else {
            throw DICOMError(
                .invalidPixelDescription, "there is no segment \(number); there are \(segments.map(\.number))",
                at: [Attribute<[DataSet]>.segmentSequence.tag])
        }
        guard space.voxelCount <= PhysicalMemory.size / MemoryLayout<Scalar>.stride else {
            throw DICOMError(.missingPixelData, "there is no memory for \(space.voxelCount) voxels")
        }
        let pixels = try instance.pixelData()
        let area = space.rows * space.columns
        var volume = Volume<Scalar>(space: space, repeating: 0)
        for (slice, place) in slices {
            guard kind == .labelMap || slice.attributes[.referencedSegmentNumber]?.first == number else { continue }
            let stored = try pixels.storedValues(slice.index, of: UInt16.self)
            guard stored.count == area else { continue }
            volume.withUnsafeMutableBuffer { voxels in
                for index in 0..<area { voxels[place * area + index] = value(stored[index]) }
            }
        }
        return volume
    }
}
