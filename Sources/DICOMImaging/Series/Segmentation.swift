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
    /// The frames: their index, their place in the stack, and the segment that each is of; nil for a map of labels.
    private let frames: [(index: Int, place: Int, segment: Int?)]
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
        let (space, places) = try Self.stack(series)
        self.space = space
        frames = zip(series.slices, places).map { slice, place in
            (slice.index, place, kind == .labelMap ? nil : slice.attributes[.referencedSegmentNumber]?.first)
        }
    }

    /// The regular stack of the frames' planes; several frames may share a plane, and planes may be missing where no segment is.
    ///
    /// - Returns: The stack, and the place in it of each frame.
    private static func stack(_ series: Series) throws(DICOMError) -> (Space, [Int]) {
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
        let between = geometry.spacingBetweenSlices.map { abs($0) }
        // With planes left out where no segment is, the least gap may be several steps.
        let steps = gaps.isEmpty ? [between, geometry.sliceThickness, 1] : [between, gaps.min()]
        let fits = steps.lazy.compactMap { $0 }.compactMap { fit(places, to: $0) }
        guard let (indices, step) = fits.first else {
            throw DICOMError(
                .unacceptableGeometry, "the frames of the segmentation are not at multiples of one distance of slices")
        }
        let count = (indices.last ?? 0) + 1
        let space = try Space(
            origin: first.position, columnDirection: first.columnDirection, rowDirection: first.rowDirection,
            rowSpacing: first.rowSpacing, columnSpacing: first.columnSpacing, sliceStep: first.normal * step,
            columns: first.columns, rows: first.rows, slices: count, frameOfReferenceUID: geometry.frameOfReferenceUID,
            isSliceStepAssumed: gaps.isEmpty)
        return (space, indices)
    }

    /// The number of each place, counted in steps from the first, and the exact step; nil when one is not at its number.
    private static func fit(_ places: [Double], to step: Double) -> (indices: [Int], step: Double)? {
        guard let last = places.last, step > 0.01, last / step < 100_000 else { return nil }
        var indices = [0]
        for (place, before) in zip(places.dropFirst(), places) {
            // From neighbour to neighbour, so that rounded positions do not add up.
            indices.append(indices[indices.count - 1] + Int(((place - before) / step).rounded()))
        }
        let count = indices[indices.count - 1]
        let exact = count > 0 ? last / Double(count) : step
        let isRegular = zip(places, indices).allSatisfy { place, index in
            abs(place - Double(index) * exact) <= GeometryTolerance.position(step: exact)
        }
        return isRegular ? (indices, exact) : nil
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

    /// The voxels of a segment on another space, such as that of the images it was drawn on.
    ///
    /// Where the voxels of the frames are voxels of that space they are copied, and planes without a frame are empty; else it is
    /// the nearest voxel of the segmentation's own space that counts.
    ///
    /// - Throws: ``DICOMError`` as ``mask(of:)``; `mismatchedVolumes` for another frame of reference.
    public func mask(of number: Int, on space: Space) throws(DICOMError) -> Mask {
        let mask = try mask(of: number)
        guard mask.space != space else { return mask }
        let places = Set(frames.filter { $0.segment == nil || $0.segment == number }.map(\.place))
        guard space.frameOfReferenceUID == self.space.frameOfReferenceUID,
            let corners = commonCorners(places.sorted(), with: space)
        else { return try mask.resampled(to: space, interpolation: .nearest) }
        try space.requireMemory(for: UInt8.self)
        var result = Mask(space: space, repeating: 0)
        for (place, corner) in corners where (0..<space.slices).contains(corner.slice) {
            for row in 0..<mask.rows where (0..<space.rows).contains(row + corner.row) {
                for column in 0..<mask.columns where (0..<space.columns).contains(column + corner.column) {
                    result[corner.slice, row + corner.row, column + corner.column] = mask[place, row, column]
                }
            }
        }
        return result
    }

    /// Which voxel of another space the first voxel of each plane is; nil unless all voxels of the planes are voxels of it.
    private func commonCorners(
        _ places: [Int], with other: Space
    ) -> [(place: Int, corner: (slice: Int, row: Int, column: Int))]? {
        let extent = SIMD3(Double(space.columns - 1), Double(space.rows - 1), 0)
        var corners: [(Int, (slice: Int, row: Int, column: Int))] = []
        for place in places {
            let first = other.index(of: space.point(column: 0, row: 0, slice: place))
            let last = other.index(of: space.point(column: space.columns - 1, row: space.rows - 1, slice: place))
            let whole = SIMD3(first.x.rounded(), first.y.rounded(), first.z.rounded())
            guard length(first - whole) < 0.02, length(last - whole - extent) < 0.02, length(whole) < 1e6 else {
                return nil
            }
            corners.append((place, (slice: Int(whole.z), row: Int(whole.y), column: Int(whole.x))))
        }
        return corners
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
        for frame in frames where kind == .labelMap || frame.segment == number {
            let stored = try pixels.storedValues(frame.index, of: UInt16.self)
            guard stored.count == area else { continue }
            volume.withUnsafeMutableBuffer { voxels in
                for index in 0..<area { voxels[frame.place * area + index] = value(stored[index]) }
            }
        }
        return volume
    }
}
