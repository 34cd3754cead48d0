public import DICOMCore

extension Volume {
    /// Lends all voxels, slice by slice, row by row. The pointer is valid within `body` only.
    @inlinable
    public func withUnsafeBuffer<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<Scalar>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withExtendedLifetime(storage) { () throws(Failure) -> Result in
            try body(UnsafeBufferPointer(storage.buffer))
        }
    }

    /// Lends all voxels for writing, after a copy if another volume shares them. Valid within `body` only.
    @inlinable
    public mutating func withUnsafeMutableBuffer<Result, Failure: Error>(
        _ body: (UnsafeMutableBufferPointer<Scalar>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        makeUnique()
        return try withExtendedLifetime(storage) { () throws(Failure) -> Result in
            try body(storage.buffer)
        }
    }

    /// Lends all voxels as a span, whose bounds are checked.
    @inlinable
    public func withSpan<Result, Failure: Error>(
        _ body: (Span<Scalar>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUnsafeBuffer { buffer throws(Failure) -> Result in
            try body(Span(_unsafeElements: buffer))
        }
    }

    /// Lends all voxels as a span for writing, whose bounds are checked.
    @inlinable
    public mutating func withMutableSpan<Result, Failure: Error>(
        _ body: (inout MutableSpan<Scalar>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUnsafeMutableBuffer { buffer throws(Failure) -> Result in
            var span = MutableSpan(_unsafeElements: buffer)
            return try body(&span)
        }
    }

    /// A volume of the same shape and place, each voxel computed from the one here. Unit and padding mask are kept.
    ///
    /// Padded voxels are computed like the others; what they hold has no meaning, and outputs write padding there again.
    @inlinable
    public func map<Other: Voxel, Failure: Error>(
        _ transform: (Scalar) throws(Failure) -> Other
    ) throws(Failure) -> Volume<Other> {
        let result = VoxelStorage<Other>.allocated(count: count)
        let (source, destination) = (storage.buffer, result.buffer)
        try withExtendedLifetime(storage) { () throws(Failure) in
            for index in 0..<source.count {
                destination[index] = try transform(source[index])
            }
        }
        return Volume<Other>(space: space, unit: unit, padding: padding, storage: result)
    }

    /// Changes each voxel in place: no new memory unless another volume shares these voxels.
    @inlinable
    public mutating func transform<Failure: Error>(_ body: (Scalar) throws(Failure) -> Scalar) throws(Failure) {
        try withUnsafeMutableBuffer { buffer throws(Failure) in
            for index in 0..<buffer.count {
                buffer[index] = try body(buffer[index])
            }
        }
    }

    /// A volume computed voxel by voxel from two.
    ///
    /// A voxel is padding in the result when it is padding in either; the value to write there is that of this volume, or
    /// else the other's.
    /// - Throws: ``DICOMError`` with the code `mismatchedVolumes` unless both have the same shape, the same place and the
    ///   same Frame of Reference UID: elsewhere equal indices are not equal places. Resample one of them first.
    @inlinable
    public func combined<Other: Voxel, Result: Voxel>(
        with other: Volume<Other>, _ body: (Scalar, Other) -> Result
    ) throws(DICOMError) -> Volume<Result> {
        guard space.coincides(with: other.space) else {
            throw DICOMError(
                .mismatchedVolumes,
                "volumes can be combined only where they have the same voxels in the same frame of reference; "
                    + "resample one of them to the other's space first")
        }
        let result = VoxelStorage<Result>.allocated(count: count)
        let (first, second, destination) = (storage.buffer, other.storage.buffer, result.buffer)
        withExtendedLifetime((storage, other.storage)) {
            for index in 0..<first.count {
                destination[index] = body(first[index], second[index])
            }
        }
        let mask = PaddingMask.union(padding, other.padding)
        return Volume<Result>(space: space, unit: unit, padding: mask, storage: result)
    }

}

extension Volume where Scalar: VoxelScalar {
    /// The smallest and the largest voxel that is neither padding nor infinite nor not-a-number; nil when there is none.
    public var valueRange: ClosedRange<Double>? {
        (0..<slices).map { VoxelStatistics(of: self, slice: $0) }.reduce(VoxelStatistics()) { $0.merged(with: $1) }
            .range
    }
}

extension PaddingMask {
    @usableFromInline
    static func union(_ first: PaddingMask?, _ second: PaddingMask?) -> PaddingMask? {
        guard var union = first ?? second else { return nil }
        guard let other = second, first != nil else { return union }
        for index in union.words.indices {
            union.words[index] |= other.words[index]
        }
        return union
    }
}
