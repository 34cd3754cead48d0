import DICOMCoding
public import DICOMCore
import Glibc

/// A NIfTI-1 or NIfTI-2 image in one file, `.nii` or `.nii.gz`.
///
/// ```swift
/// let volume = try NIfTIImage(path: "t1.nii.gz").volume(of: Float.self)
/// try NIfTIImage(volume).write(to: "copy.nii.gz")
/// ```
///
/// NIfTI's coordinates are RAS (x to the patient's right, y to the front), ours LPS: the affine is converted, and the voxels
/// stay in their order, so NIfTI's first index is our column.
public struct NIfTIImage: Sendable {
    public var header: NIfTIHeader
    /// The stored voxels, little endian, the first index running fastest.
    public let bytes: [UInt8]

    // MARK: - From volumes

    /// An image of one volume; its space stands in sform and, unless it is sheared, in qform.
    ///
    /// - Parameter version: 2 where an extent is more than 32,767, else as one likes.
    public init<Scalar: VoxelScalar>(_ volume: Volume<Scalar>, version: Int = 1) {
        header = NIfTIHeader(space: volume.space, version: version)
        header.dataType = .init(Scalar.scalarType)
        bytes = volume.withUnsafeBuffer { [UInt8](UnsafeRawBufferPointer($0)) }
    }

    /// An image of one colour volume, data type RGB24.
    public init(_ volume: Volume<RGBVoxel>, version: Int = 1) {
        header = NIfTIHeader(space: volume.space, version: version)
        header.dataType = .rgb
        bytes = volume.withUnsafeBuffer { [UInt8](UnsafeRawBufferPointer($0)) }
    }

    /// A four-dimensional image.
    ///
    /// - Parameter timeStep: Between the volumes, s; 0 where the fourth dimension is not time.
    public init<Scalar: VoxelScalar>(_ sequence: VolumeSequence<Scalar>, timeStep: Double = 0, version: Int = 1) {
        header = NIfTIHeader(space: sequence.space, version: version)
        header.dataType = .init(Scalar.scalarType)
        header.dimensions.append(sequence.count)
        header.spacings.append(timeStep)
        bytes = sequence.volumes.reduce(into: []) { bytes, volume in
            volume.withUnsafeBuffer { bytes.append(contentsOf: UnsafeRawBufferPointer($0)) }
        }
    }

    // MARK: - To volumes

    /// Where the voxels are: by sform, else by qform, else along the axes at the grid's spacing.
    ///
    /// - Throws: ``DICOMError`` with the code `invalidSpace`.
    public func space() throws(DICOMError) -> Space { try header.space() }

    /// How many volumes there are: 1 up to three dimensions, else the product of the others.
    public var volumeCount: Int { header.dimensions.dropFirst(3).reduce(1, *) }

    /// One volume, its values scaled by slope and intercept.
    ///
    /// - Parameter index: Which, from 0.
    /// - Returns: slices × rows × columns.
    /// - Throws: ``DICOMError``: `invalidSpace`, `valueOutOfRange` when a whole-number type cannot hold a value exactly,
    ///   `unsupportedPixelData` for colours.
    public func volume<Scalar: VoxelScalar>(
        of type: Scalar.Type = Scalar.self, at index: Int = 0
    ) throws(DICOMError) -> Volume<Scalar> {
        let space = try space()
        guard let cell = header.dataType.cell else {
            throw DICOMError(.unsupportedPixelData, "the NIfTI image has colours; ask for colorVolume()")
        }
        precondition((0..<volumeCount).contains(index), "no such volume")
        try space.requireMemory(for: Scalar.self)
        let start = index * space.voxelCount * header.dataType.size
        var failure: DICOMError?
        let isScaled = header.slope != 0 && header.slope.isFinite && header.intercept.isFinite
        let volume = Volume<Scalar>(space: space) { target in
            bytes.withUnsafeBytes { source in
                guard let base = source.baseAddress else { return }
                for voxel in target.indices {
                    var value = cell(base, start + voxel * header.dataType.size)
                    if isScaled { value = value * header.slope + header.intercept }
                    guard let scalar = Scalar(converting: value) else {
                        failure = DICOMError(
                            .valueOutOfRange,
                            "a value of the NIfTI image is none that \(Scalar.self) can hold; read it as Float")
                        target[voxel] = 0
                        continue
                    }
                    target[voxel] = scalar
                }
            }
        }
        if let failure { throw failure }
        return volume
    }

    /// The colours of an image of type RGB24 or RGBA32, whose fourth component is dropped.
    ///
    /// - Throws: ``DICOMError``: `invalidSpace`, or `unsupportedPixelData` for what has no colours.
    public func colorVolume(at index: Int = 0) throws(DICOMError) -> Volume<RGBVoxel> {
        guard header.dataType == .rgb || header.dataType == .rgba else {
            throw DICOMError(.unsupportedPixelData, "the NIfTI image has no colours; ask for volume(of:)")
        }
        precondition((0..<volumeCount).contains(index), "no such volume")
        let space = try space()
        let size = header.dataType.size
        let start = index * space.voxelCount * size
        return Volume(space: space) { target in
            for voxel in target.indices {
                let place = start + voxel * size
                target[voxel] = RGBVoxel(red: bytes[place], green: bytes[place + 1], blue: bytes[place + 2])
            }
        }
    }

    /// All volumes, as a sequence by time or whatever the fourth dimension is.
    ///
    /// - Throws: ``DICOMError`` as ``volume(of:at:)``.
    public func volumeSequence<Scalar: VoxelScalar>(
        of type: Scalar.Type = Scalar.self
    ) throws(DICOMError) -> VolumeSequence<Scalar> {
        var volumes: [Volume<Scalar>] = []
        for index in 0..<volumeCount { volumes.append(try volume(of: type, at: index)) }
        return try VolumeSequence(
            keys: [.temporalPosition], values: (1...volumeCount).map { [Double($0)] }, volumes: volumes)
    }

    // MARK: - Files

    /// Reads a file; what is compressed with gzip is recognised by its first bytes, not by its name.
    ///
    /// No more memory is taken than the header asks for and the file has.
    ///
    /// - Throws: ``DICOMError`` with the code `invalidFile` and the byte offset, or that of reading the file.
    public init(path: String) throws(DICOMError) {
        let file = try PosixFile(path, O_RDONLY)
        let size = try file.size()
        guard size <= PhysicalMemory.size else { throw DICOMError(.invalidFile, "the file is larger than the memory") }
        try self.init(encoded: try file.read(at: 0, count: size))
    }

    /// Reads the bytes of a `.nii` or `.nii.gz` file.
    ///
    /// - Throws: ``DICOMError`` with the code `invalidFile`.
    public init(encoded: [UInt8]) throws(DICOMError) {
        guard encoded.starts(with: [0x1F, 0x8B]) else {
            try self.init(plain: encoded)
            return
        }
        let start = try Gzip.inflated(encoded, limit: 544)
        let header = try NIfTIHeader(start)
        let count = (header.voxelCount ?? 0) * header.dataType.size
        guard count <= PhysicalMemory.size else {
            throw DICOMError(.invalidFile, "the NIfTI image has \(count) bytes of voxels, more than the memory")
        }
        try self.init(plain: try Gzip.inflated(encoded, limit: header.voxelOffset + count))
    }

    private init(plain: [UInt8]) throws(DICOMError) {
        header = try NIfTIHeader(plain)
        let count = (header.voxelCount ?? 0) * header.dataType.size
        guard header.voxelOffset <= plain.count, count <= plain.count - header.voxelOffset else {
            throw DICOMError(
                .invalidFile,
                "the NIfTI image needs \(count) bytes of voxels from byte \(header.voxelOffset) on, but the file ends at "
                    + "\(plain.count): it is cut off", offset: plain.count)
        }
        var voxels = Array(plain[header.voxelOffset..<header.voxelOffset + count])
        if NIfTIHeader.layout(plain)?.isBigEndian == true { Self.swap(&voxels, header.dataType) }
        bytes = voxels
        header.voxelOffset = header.version == 1 ? 352 : 544
    }

    private static func swap(_ bytes: inout [UInt8], _ type: NIfTIHeader.DataType) {
        guard type != .rgb, type != .rgba, type.size > 1 else { return }
        for start in stride(from: 0, to: bytes.count, by: type.size) { bytes[start..<start + type.size].reverse() }
    }

    /// Writes the file, readable for the user only, under a temporary name first; compressed where the name ends in `.gz`.
    ///
    /// - Throws: ``DICOMError`` with the code `invalidFile` when an extent is too large for NIfTI-1, or that of writing.
    public func write(to path: String) throws(DICOMError) {
        guard header.version == 2 || header.dimensions.allSatisfy({ $0 <= Int(Int16.max) }) else {
            throw DICOMError(.invalidFile, "NIfTI-1 holds extents up to 32,767; write version 2")
        }
        let chunks = [header.encoded()[...], bytes[...]]
        try FileSystem.write(path.hasSuffix(".gz") ? [try Gzip.deflated(chunks)[...]] : chunks, to: path)
    }
}

extension NIfTIHeader.DataType {
    init(_ scalar: ScalarType) {
        self =
            switch scalar {
            case .uint8: .uint8
            case .int8: .int8
            case .uint16: .uint16
            case .int16: .int16
            case .uint32: .uint32
            case .int32: .int32
            case .float: .float
            case .double: .double
            }
    }

    /// What reads the number at an offset; nil for colours.
    fileprivate var cell: ((UnsafeRawPointer, Int) -> Double)? {
        func reader<Stored: BinaryInteger & BitwiseCopyable>(_: Stored.Type) -> (UnsafeRawPointer, Int) -> Double {
            { Double($0.loadUnaligned(fromByteOffset: $1, as: Stored.self)) }
        }
        switch self {
        case .uint8: return reader(UInt8.self)
        case .int8: return reader(Int8.self)
        case .uint16: return reader(UInt16.self)
        case .int16: return reader(Int16.self)
        case .uint32: return reader(UInt32.self)
        case .int32: return reader(Int32.self)
        case .uint64: return reader(UInt64.self)
        case .int64: return reader(Int64.self)
        case .float: return { Double($0.loadUnaligned(fromByteOffset: $1, as: Float.self)) }
        case .double: return { $0.loadUnaligned(fromByteOffset: $1, as: Double.self) }
        case .rgb, .rgba: return nil
        }
    }
}

extension VoxelScalar {
    /// The value in this type: whole-number types exactly or not at all, Float rounded.
    init?(converting value: Double) {
        switch Self.scalarType {
        case .float: self = unsafeBitCast(Float(value), to: Self.self)
        case .double: self = unsafeBitCast(value, to: Self.self)
        case .uint8:
            guard let exact = UInt8(exactly: value) else { return nil }
            self = unsafeBitCast(exact, to: Self.self)
        case .int8:
            guard let exact = Int8(exactly: value) else { return nil }
            self = unsafeBitCast(exact, to: Self.self)
        case .uint16:
            guard let exact = UInt16(exactly: value) else { return nil }
            self = unsafeBitCast(exact, to: Self.self)
        case .int16:
            guard let exact = Int16(exactly: value) else { return nil }
            self = unsafeBitCast(exact, to: Self.self)
        case .uint32:
            guard let exact = UInt32(exactly: value) else { return nil }
            self = unsafeBitCast(exact, to: Self.self)
        case .int32:
            guard let exact = Int32(exactly: value) else { return nil }
            self = unsafeBitCast(exact, to: Self.self)
        }
    }
}
