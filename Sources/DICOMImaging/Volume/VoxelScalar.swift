/// What a ``Volume`` can be made of: numbers (``VoxelScalar``) and colours (``RGBVoxel``).
public protocol Voxel: BitwiseCopyable, Sendable, Equatable {}

/// A colour, 8 bits for each component; three bytes in memory, as in interleaved pixel data.
public struct RGBVoxel: Voxel, Hashable {
    public var red: UInt8
    public var green: UInt8
    public var blue: UInt8

    @inlinable
    public init(red: UInt8, green: UInt8, blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }
}

/// The numbers that a voxel can be: those which conform here and no others.
public protocol VoxelScalar: Voxel, Comparable, Numeric {
    /// Which of the types this is, for code that has a loop for each of them.
    static var scalarType: ScalarType { get }
    /// The value as a double; exact for every type here.
    var doubleValue: Double { get }
}

/// The types that conform to ``VoxelScalar``.
public enum ScalarType: String, Sendable, CaseIterable {
    case uint8, int8, uint16, int16, uint32, int32, float, double
}

extension UInt8: VoxelScalar {
    public static var scalarType: ScalarType { .uint8 }
    @inlinable public var doubleValue: Double { Double(self) }
}
extension Int8: VoxelScalar {
    public static var scalarType: ScalarType { .int8 }
    @inlinable public var doubleValue: Double { Double(self) }
}
extension UInt16: VoxelScalar {
    public static var scalarType: ScalarType { .uint16 }
    @inlinable public var doubleValue: Double { Double(self) }
}
extension Int16: VoxelScalar {
    public static var scalarType: ScalarType { .int16 }
    @inlinable public var doubleValue: Double { Double(self) }
}
extension UInt32: VoxelScalar {
    public static var scalarType: ScalarType { .uint32 }
    @inlinable public var doubleValue: Double { Double(self) }
}
extension Int32: VoxelScalar {
    public static var scalarType: ScalarType { .int32 }
    @inlinable public var doubleValue: Double { Double(self) }
}
extension Float: VoxelScalar {
    public static var scalarType: ScalarType { .float }
    @inlinable public var doubleValue: Double { Double(self) }
}
extension Double: VoxelScalar {
    public static var scalarType: ScalarType { .double }
    @inlinable public var doubleValue: Double { self }
}
