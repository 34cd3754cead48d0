/// A block of voxels, slice × row × column, contiguous, the column index running fastest, with its place in the patient.
///
/// A volume is a value: copies share their memory until one of them is changed. Its shape is that of its ``space``. Indices
/// out of range end the program, as with an array; a pipeline's processor runs in a process of its own for such cases.
public struct Volume<Scalar: Voxel>: Sendable {
    /// Where the voxels are.
    public let space: Space
    /// What the numbers mean, where the instances say so.
    public var unit: VoxelUnit?
    /// Which voxels are no measurement; nil when the instances declare no padding or none was found.
    ///
    /// Statistics of the library leave them out, `map` keeps the mask, and blueprints write padding there again.
    public var padding: PaddingMask? {
        didSet { checkPadding() }
    }
    @usableFromInline var storage: VoxelStorage<Scalar>

    @usableFromInline
    init(space: Space, unit: VoxelUnit?, padding: PaddingMask?, storage: VoxelStorage<Scalar>) {
        self.space = space
        self.unit = unit
        self.padding = padding
        self.storage = storage
        checkPadding()
    }

    private func checkPadding() {
        guard let padding else { return }
        precondition(
            padding.slices == space.slices && padding.voxelsPerSlice == space.rows * space.columns,
            "the padding mask is for a volume of another shape")
    }

    /// A volume with the same value everywhere.
    @inlinable
    public init(space: Space, unit: VoxelUnit? = nil, padding: PaddingMask? = nil, repeating value: Scalar) {
        self.init(
            space: space, unit: unit, padding: padding, storage: VoxelStorage.allocated(count: space.voxelCount))
        storage.buffer.initialize(repeating: value)
    }

    /// A volume whose voxels are written by `body` into memory that is not initialised: it has to set every one.
    @inlinable
    public init<Failure: Error>(
        space: Space, unit: VoxelUnit? = nil, padding: PaddingMask? = nil,
        initializingWith body: (UnsafeMutableBufferPointer<Scalar>) throws(Failure) -> Void
    ) throws(Failure) {
        self.init(
            space: space, unit: unit, padding: padding, storage: VoxelStorage.allocated(count: space.voxelCount))
        try body(storage.buffer)
    }

    /// A volume whose voxels are computed from their indices.
    @inlinable
    public init<Failure: Error>(
        space: Space, unit: VoxelUnit? = nil,
        voxel: (_ slice: Int, _ row: Int, _ column: Int) throws(Failure) -> Scalar
    ) throws(Failure) {
        self.init(space: space, unit: unit, padding: nil, storage: VoxelStorage.allocated(count: space.voxelCount))
        var index = 0
        for slice in 0..<space.slices {
            for row in 0..<space.rows {
                for column in 0..<space.columns {
                    storage.buffer[index] = try voxel(slice, row, column)
                    index += 1
                }
            }
        }
    }

    /// How many voxels there are.
    @inlinable public var count: Int { storage.buffer.count }
    /// The number of slices.
    @inlinable public var slices: Int { space.slices }
    /// The number of rows of a slice.
    @inlinable public var rows: Int { space.rows }
    /// The number of columns of a slice.
    @inlinable public var columns: Int { space.columns }

    /// Where the voxels of a slice are in the buffer.
    @inlinable
    public func range(ofSlice slice: Int) -> Range<Int> {
        precondition(slice >= 0 && slice < space.slices, "no such slice")
        let size = space.rows * space.columns
        return slice * size..<(slice + 1) * size
    }

    @inlinable
    func offset(_ slice: Int, _ row: Int, _ column: Int) -> Int {
        precondition(
            slice >= 0 && slice < space.slices && row >= 0 && row < space.rows && column >= 0 && column < space.columns,
            "voxel index out of range")
        return (slice * space.rows + row) * space.columns + column
    }

    /// One voxel. For loops over many of them, ``withSpan(_:)`` and ``withMutableSpan(_:)`` are faster.
    @inlinable
    public subscript(slice: Int, row: Int, column: Int) -> Scalar {
        get { storage.buffer[offset(slice, row, column)] }
        set {
            makeUnique()
            storage.buffer[offset(slice, row, column)] = newValue
        }
    }

    @inlinable
    mutating func makeUnique() {
        if !isKnownUniquelyReferenced(&storage) {
            storage = storage.copy()
        }
    }
}
