import DICOMCoding
public import DICOMCore
import DICOMDictionary

extension Series {
    /// The voxels of the series after rescaling, in one contiguous block.
    ///
    /// Slice by slice, each image is read or decoded into one reused buffer and written straight into the volume's memory, by
    /// several threads where there is enough to do. Each instance and frame is rescaled by its own slope and intercept, or
    /// its own table. Integer voxel types get exact values or an error, never rounded ones. The call blocks: keep it off
    /// event loops.
    ///
    /// - Parameters:
    ///   - policy: Which geometric irregularities are accepted, and how they are mended.
    ///   - values: Those of the modality, such as HU, or the stored ones as they are.
    /// - Returns: slices × rows × columns.
    /// - Throws: ``DICOMError``: `unacceptableGeometry`, `invalidPixelDescription`, `unsupportedPixelData`,
    ///   `missingPixelData`, `invalidCodestream`, `valueOutOfRange`, `mismatchedVolumes` for instances of different units, or
    ///   that of a file.
    public func volume<Scalar: VoxelScalar>(
        of type: Scalar.Type = Scalar.self, policy: GeometryPolicy = .reject, values: PixelValues = .modality
    ) throws(DICOMError) -> Volume<Scalar> {
        let part = try partForVolume(policy)
        if policy.resamples,
            part.geometry.space == nil || part.geometry.findings.contains(where: { $0.kind == .sheared })
        {
            return try part.resampledVolume(of: type, values: values)
        }
        let space = try part.geometry.space(acceptedBy: policy)
        return try part.decodedVolume(space, values)
    }

    /// The colours of the series: RGB, YBR and palette images, 8 bits for each component.
    ///
    /// - Returns: slices × rows × columns.
    /// - Throws: ``DICOMError`` as ``volume(of:policy:values:)``.
    public func colorVolume(policy: GeometryPolicy = .reject) throws(DICOMError) -> Volume<RGBVoxel> {
        let part = try partForVolume(policy)
        let space = try part.geometry.space(acceptedBy: policy)
        let sources = try part.describeSlices { (source) throws(DICOMError) in
            guard source.format.samplesPerPixel == 3 || source.format.photometricInterpretation == .paletteColor else {
                throw DICOMError(
                    .unsupportedPixelData,
                    "\(source.format.photometricInterpretation) has no colours; ask for volume(of:)")
            }
        }
        let storage = try Self.storage(for: space, of: RGBVoxel.self)
        try SliceDecoding(sources: sources, area: space.rows * space.columns).decode(into: storage.buffer) {
            (source, bytes, format, target, _) throws(DICOMError) in
            try ColorDecoder(dataSet: source.slice.instance.header, format: format).decode(bytes, format, into: target)
        }
        return Volume(space: space, unit: nil, padding: nil, storage: storage)
    }

    /// The unit that all slices share.
    ///
    /// - Throws: ``DICOMError`` with the code `mismatchedVolumes` when they have different ones.
    func commonUnit() throws(DICOMError) -> VoxelUnit? {
        let units = Set(slices.map { VoxelUnit(dataSet: $0.attributes) })
        guard units.count <= 1 else {
            let names = units.map { $0?.rawValue ?? "no unit" }.sorted()
            throw DICOMError(
                .mismatchedVolumes, "the instances have different units (\(enumerated(names))) and make no volume")
        }
        return units.first ?? nil
    }

    /// Decodes all slices into a volume of this space.
    func decodedVolume<Scalar: VoxelScalar>(
        _ space: Space, _ values: PixelValues
    ) throws(DICOMError) -> Volume<Scalar> {
        let sources = try describeSlices { (source) throws(DICOMError) in
            guard source.format.samplesPerPixel == 1, source.format.photometricInterpretation != .paletteColor else {
                throw DICOMError(
                    .unsupportedPixelData,
                    "a colour image (\(source.format.photometricInterpretation), \(source.format.samplesPerPixel) samples "
                        + "a pixel) has no \(Scalar.self) voxels; ask for colorVolume()")
            }
            guard values == .stored || !source.isMappedByTable else {
                throw DICOMError(
                    .unsupportedPixelData, "its real-world values are given by a table; ask for stored values",
                    at: [Attribute<[Double]>.realWorldValueLUTData.tag])
            }
        }
        let unit = values == .modality ? try commonUnit() : nil
        let storage = try Self.storage(for: space, of: Scalar.self)
        var mask = Self.emptyMask(sources, space, values)
        try mask.withWords { (words) throws(DICOMError) in
            try SliceDecoding(sources: sources, area: space.rows * space.columns, words: words).decode(
                into: storage.buffer
            ) { (source, bytes, format, target, words) throws(DICOMError) in
                let transform = values == .modality ? source.transform : .identity
                let decoder = FrameDecoder(format: format, transform: transform)
                try decoder.decode(bytes, into: target)
                if let words, let padding = source.padding { decoder.markPadding(padding, in: bytes, words: words) }
            }
        }
        if mask?.count == 0 { mask = nil }
        return Volume(space: space, unit: unit, padding: mask, storage: storage)
    }

    private static func storage<Element: Voxel>(
        for space: Space, of type: Element.Type
    ) throws(DICOMError) -> VoxelStorage<Element> {
        guard let storage = VoxelStorage<Element>(count: space.voxelCount) else {
            throw DICOMError(
                .missingPixelData, "there is no memory for \(space.voxelCount) voxels of type \(Element.self)")
        }
        return storage
    }

    private static func emptyMask(_ sources: [SliceSource], _ space: Space, _ values: PixelValues) -> PaddingMask? {
        guard let first = sources.first(where: { $0.padding != nil }), let padding = first.padding else { return nil }
        let transform = values == .modality ? first.transform : .identity
        return PaddingMask(
            slices: sources.count, voxelsPerSlice: space.rows * space.columns,
            value: transform(padding.range.lowerBound))
    }

    /// Checks, before any memory is taken, that every slice can be decoded and has the bytes it needs.
    private func describeSlices(
        _ check: (SliceSource) throws(DICOMError) -> Void
    ) throws(DICOMError) -> [SliceSource] {
        var sources: [SliceSource] = []
        sources.reserveCapacity(slices.count)
        for slice in slices {
            do throws(DICOMError) {
                let source = try SliceSource(slice)
                try check(source)
                sources.append(source)
            } catch {
                throw DICOMError(error.code, "\(capitalised(slice.geometry.name)): \(error.message)", at: error.tagPath)
            }
        }
        return sources
    }
}

/// Which numbers a volume is made of.
public enum PixelValues: Hashable, Sendable {
    /// What the modality measured: stored values after Rescale Slope and Intercept or the Modality LUT.
    case modality
    /// What is stored.
    case stored
}

extension PaddingMask? {
    /// Lends the bits for writing; nil where there is no mask.
    fileprivate mutating func withWords(
        _ body: (UnsafeMutableBufferPointer<UInt64>?) throws(DICOMError) -> Void
    ) throws(DICOMError) {
        guard self != nil else { return try body(nil) }
        var failure: DICOMError?
        self?.words.withUnsafeMutableBufferPointer { words in
            do throws(DICOMError) { try body(words) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
