import DICOMCore
import DICOMDictionary
public import DICOMImaging
import Dispatch

extension Blueprint {
    /// Builds a series: one instance for each slice of the volume.
    ///
    /// The geometry is that of the volume's space. How values are stored depends on the rules: where they write Rescale Slope
    /// (``ct``, and ``mr`` for a parent that has one), whole numbers that fit into 16 bits are stored exactly and others to within half of the least possible
    /// slope; where they do not, values are rounded to the nearest whole number. Padded voxels hold padding again.
    /// UIDs follow from the input, ``DerivationSeed/current`` and the label: a repeated run makes the same.
    ///
    /// - Parameters:
    ///   - volume: The voxels. Kept until the result is released; nothing is copied.
    ///   - parent: The series that the volume was computed from.
    ///   - label: Tells several series apart that one run makes from one parent; they are counted otherwise.
    ///   - outOfRange: What happens to values that 16 bits without rescale cannot hold.
    /// - Throws: ``DICOMError``: `missingParentAttribute`, `valueOutOfRange`, `invalidBlueprint`, `unsupportedPixelData` for
    ///   a parent of another kind than the blueprint makes, and what the rules throw.
    public func makeSeries<Scalar: VoxelScalar>(
        from volume: Volume<Scalar>, derivedFrom parent: Series, label: String = "",
        outOfRange: OutOfRangePolicy = .reject
    ) throws -> DerivedSeries {
        let seed = DerivationSeed.current ?? .unbound
        let identity = seed.identity(label: label, parents: parent.instances.compactMap(\.geometry.sopInstanceUID))
        var context = SeriesContext(
            parent: parent, space: volume.space, unit: volume.unit, seed: seed,
            seriesInstanceUID: identity.uid("series"),
            frameOfReferenceUID: volume.space.frameOfReferenceUID ?? parent.header[.frameOfReferenceUID]
                ?? identity.uid("frame of reference"))
        let resolved = try ResolvedBlueprint(self, context)
        let statistics = Self.statistics(of: volume)
        let form = try Self.form(
            statistics, volume.padding, volume.space, parent, outOfRange: outOfRange,
            hasRescale: resolved.names(Attribute<Double>.rescaleSlope.tag))
        context.form = form
        let prepared = try resolved.prepared(context)
        let headers = try (0..<volume.slices).map { index in
            let header = try prepared.dataSet(
                InstanceContext(
                    series: context, index: index, parent: context.nearestParent(slice: index),
                    sopInstanceUID: identity.uid("instance \(index)"),
                    storedRange: statistics[index].range.map { form.stored($0.lowerBound)...form.stored($0.upperBound) }
                ))
            try Self.check(header, against: form)
            return header
        }
        return try DerivedSeries(headers: headers) { form.encode(volume, slice: $0) }
    }

    /// The statistics of each slice, found by all processors.
    private static func statistics<Scalar: VoxelScalar>(of volume: Volume<Scalar>) -> [VoxelStatistics] {
        var result = [VoxelStatistics](repeating: VoxelStatistics(), count: volume.slices)
        result.withUnsafeMutableBufferPointer { buffer in
            // Each iteration writes to an element of its own.
            nonisolated(unsafe) let buffer = buffer
            DispatchQueue.concurrentPerform(iterations: volume.slices) { slice in
                buffer[slice] = VoxelStatistics(of: volume, slice: slice)
            }
        }
        return result
    }

    private static func form(
        _ statistics: [VoxelStatistics], _ padding: PaddingMask?, _ space: Space, _ parent: Series,
        outOfRange: OutOfRangePolicy, hasRescale: Bool
    ) throws(DICOMError) -> StoredForm {
        let whole = statistics.reduce(VoxelStatistics()) { $0.merged(with: $1) }
        guard space.rows <= 65_535, space.columns <= 65_535 else {
            throw DICOMError(.valueOutOfRange, "an image has at most 65535 rows and columns; make the volume smaller")
        }
        // A parent that is no native image, such as a compressed one, has no form to keep: its values decide alone.
        let format =
            (try? PixelFormat(dataSet: parent.header))
            ?? PixelFormat(rows: space.rows, columns: space.columns, bitsAllocated: 16, bitsStored: 16, isSigned: true)
        guard hasRescale else {
            return try .whole(
                whole, padding: padding?.value, outOfRange: outOfRange, isInverted: format.isInverted, rows: space.rows,
                columns: space.columns)
        }
        return try .rescaled(
            whole, padding: padding?.value, parent: (format, (try? Rescale(dataSet: parent.header)) ?? .identity),
            rows: space.rows, columns: space.columns)
    }

    /// A header whose description of the pixels is not the truth would be worse than none.
    private static func check(_ header: DataSet, against form: StoredForm) throws(DICOMError) {
        let format = form.format
        let numbers: [(Attribute<Int>, Int)] = [
            (.rows, format.rows), (.columns, format.columns), (.bitsAllocated, format.bitsAllocated),
            (.bitsStored, format.bitsStored), (.highBit, format.highBit),
            (.pixelRepresentation, format.isSigned ? 1 : 0), (.samplesPerPixel, 1),
        ]
        for (attribute, value) in numbers where header[attribute] != value {
            throw contradiction(attribute.tag)
        }
        if header.contains(.rescaleSlope) || header.contains(.rescaleIntercept) {
            guard header[.rescaleSlope] == form.rescale.slope else {
                throw contradiction(Attribute<Double>.rescaleSlope.tag)
            }
            guard header[.rescaleIntercept] == form.rescale.intercept else {
                throw contradiction(Attribute<Double>.rescaleIntercept.tag)
            }
        }
    }

    private static func contradiction(_ tag: DICOMTag) -> DICOMError {
        let name = DICOMDictionary.entry(for: tag)?.keyword ?? "an element"
        return DICOMError(
            .invalidBlueprint,
            "the blueprint's \(name) is not what the pixels are stored with; include .imagePixel (and for CT .ct), and "
                + "leave these attributes to it", at: [tag])
    }
}

extension SeriesContext {
    /// The parent's instance whose plane is nearest to the middle of a slice.
    func nearestParent(slice: Int) -> Series.Instance {
        let slices = parent.slices
        var index = slice
        if let parentSpace = parent.geometry.space {
            let middle = SIMD3(Double(space.columns - 1) / 2, Double(space.rows - 1) / 2, Double(slice))
            let position = parentSpace.index(of: space.point(at: middle)).z
            index = position > 0 ? (position < Double(slices.count) ? Int(position + 0.5) : slices.count - 1) : 0
        }
        return slices[min(max(index, 0), slices.count - 1)].instance
    }
}

extension DerivedSeries {
    /// Checks that the headers have what a series cannot do without, and the same in each where it has to be.
    fileprivate init(headers: [DataSet], encode: @escaping @Sendable (Int) -> [UInt8]) throws(DICOMError) {
        func common(_ attribute: Attribute<UID>) throws(DICOMError) -> UID {
            let values = Set(headers.map { $0[attribute] })
            guard values.count == 1, let value = values.first ?? nil, value.isValid else {
                let name = DICOMDictionary.entry(for: attribute.tag)?.keyword ?? "an element"
                throw DICOMError(
                    .invalidBlueprint,
                    "the blueprint makes no valid \(name), the same for all instances; include "
                        + ".imageOfParent, or give it a rule", at: [attribute.tag])
            }
            return value
        }
        studyInstanceUID = try common(.studyInstanceUID)
        seriesInstanceUID = try common(.seriesInstanceUID)
        sopClassUID = try common(.sopClassUID)
        sopInstanceUIDs = headers.compactMap { $0[.sopInstanceUID] }
        guard Set(sopInstanceUIDs).count == headers.count else {
            throw DICOMError(
                .invalidBlueprint,
                "the blueprint gives several instances the same or no SOP Instance UID; include "
                    + ".sopCommon", at: [Attribute<UID>.sopInstanceUID.tag])
        }
        self.headers = headers
        self.encode = encode
    }
}
