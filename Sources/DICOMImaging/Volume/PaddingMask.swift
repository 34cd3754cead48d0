/// Which voxels of a volume are padding, that is no measurement (Pixel Padding Value, PS3.3 C.7.5.1.1.2).
///
/// One bit for each voxel; every slice starts with a word of its own, so that slices can be decoded side by side.
public struct PaddingMask: Hashable, Sendable {
    /// The real-world value that stands in the padded voxels, after rescaling.
    public let value: Double
    /// How many voxels a slice has.
    public let voxelsPerSlice: Int
    @usableFromInline let wordsPerSlice: Int
    @usableFromInline var words: [UInt64]

    /// A mask in which no voxel is padding.
    public init(slices: Int, voxelsPerSlice: Int, value: Double) {
        self.value = value
        self.voxelsPerSlice = voxelsPerSlice
        wordsPerSlice = (voxelsPerSlice + 63) / 64
        words = [UInt64](repeating: 0, count: slices * wordsPerSlice)
    }

    /// How many slices the mask is for.
    public var slices: Int { wordsPerSlice == 0 ? 0 : words.count / wordsPerSlice }

    /// Whether a voxel, counted from the start of its slice, is padding.
    @inlinable
    public subscript(slice: Int, voxel: Int) -> Bool {
        get {
            precondition(voxel >= 0 && voxel < voxelsPerSlice, "no such voxel in a slice")
            return words[slice * wordsPerSlice + voxel >> 6] >> UInt64(voxel & 63) & 1 == 1
        }
        set {
            precondition(voxel >= 0 && voxel < voxelsPerSlice, "no such voxel in a slice")
            let bit: UInt64 = 1 << UInt64(voxel & 63)
            if newValue {
                words[slice * wordsPerSlice + voxel >> 6] |= bit
            } else {
                words[slice * wordsPerSlice + voxel >> 6] &= ~bit
            }
        }
    }

    /// How many voxels are padding.
    public var count: Int {
        words.reduce(0) { $0 + $1.nonzeroBitCount }
    }

    /// The bits of one slice, lowest first.
    @inlinable
    func words(ofSlice slice: Int) -> ArraySlice<UInt64> {
        words[slice * wordsPerSlice..<(slice + 1) * wordsPerSlice]
    }
}
