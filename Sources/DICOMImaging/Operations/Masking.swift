public import DICOMCore

/// Which voxels are meant: 1 inside, 0 outside; any other number counts as inside.
public typealias Mask = Volume<UInt8>

extension Volume where Scalar: VoxelScalar {
    /// Which voxels are above a threshold. Padding and what is not a number never are.
    public func mask(above threshold: Scalar) -> Mask { mask { $0 > threshold } }

    /// Which voxels are below a threshold. Padding and what is not a number never are.
    public func mask(below threshold: Scalar) -> Mask { mask { $0 < threshold } }

    /// Which voxels are within a range, its ends included. Padding and what is not a number never are.
    public func mask(in range: ClosedRange<Scalar>) -> Mask {
        mask { $0 >= range.lowerBound && $0 <= range.upperBound }
    }

    /// Which voxels fulfil a condition. Padding never does.
    @inlinable
    public func mask(where condition: (Scalar) -> Bool) -> Mask {
        var mask = map { condition($0) ? UInt8(1) : 0 }
        mask.unit = nil
        mask.removePadding()
        return mask
    }
}

extension Volume {
    /// The volume with another value outside of a mask. Unit and padding are kept.
    ///
    /// - Throws: ``DICOMError`` with the code `mismatchedVolumes` unless the mask has the same voxels.
    public func masked(by mask: Mask, outside: Scalar) throws(DICOMError) -> Volume<Scalar> {
        try requireSameVoxels(mask.space)
        var result = self
        result.withUnsafeMutableBuffer { voxels in
            mask.withUnsafeBuffer { mask in
                for index in voxels.indices { voxels[index] = mask[index] != 0 ? voxels[index] : outside }
            }
        }
        return result
    }

    /// Equal spaces, or places that agree in one frame of reference.
    func requireSameVoxels(_ other: Space) throws(DICOMError) {
        guard space == other || space.coincides(with: other) else {
            throw DICOMError(
                .mismatchedVolumes,
                "the mask does not have the volume's voxels; resample it to the volume's space with nearest neighbours")
        }
    }
}

extension Mask {
    /// How many voxels are inside.
    public var insideCount: Int { withUnsafeBuffer { $0.reduce(0) { $1 != 0 ? $0 + 1 : $0 } } }

    /// Inside of both.
    public func intersection(_ other: Mask) throws(DICOMError) -> Mask { try merged(other) { $0 & $1 } }
    /// Inside of either.
    public func union(_ other: Mask) throws(DICOMError) -> Mask { try merged(other) { $0 | $1 } }
    /// Inside of one of them only.
    public func symmetricDifference(_ other: Mask) throws(DICOMError) -> Mask { try merged(other) { $0 ^ $1 } }
    /// Inside of this and not of the other.
    public func subtracting(_ other: Mask) throws(DICOMError) -> Mask { try merged(other) { $0 & ~$1 } }
    /// Inside where this is outside.
    public var inverted: Mask { map { $0 != 0 ? 0 : 1 } }

    private func merged(_ other: Mask, _ body: (UInt8, UInt8) -> UInt8) throws(DICOMError) -> Mask {
        try requireSameVoxels(other.space)
        var result = self
        result.withUnsafeMutableBuffer { voxels in
            other.withUnsafeBuffer { other in
                for index in voxels.indices {
                    voxels[index] = body(voxels[index] != 0 ? 1 : 0, other[index] != 0 ? 1 : 0) & 1
                }
            }
        }
        return result
    }

    /// Takes padded voxels out of the mask, which then has no padding of its own.
    @usableFromInline
    mutating func removePadding() {
        guard let padding else { return }
        let area = rows * columns
        withUnsafeMutableBuffer { voxels in
            for slice in 0..<padding.slices {
                for (word, bits) in padding.words(ofSlice: slice).enumerated() where bits != 0 {
                    for index in word * 64..<Swift.min(word * 64 + 64, area) where bits >> UInt64(index & 63) & 1 == 1 {
                        voxels[slice * area + index] = 0
                    }
                }
            }
        }
        self.padding = nil
    }
}
