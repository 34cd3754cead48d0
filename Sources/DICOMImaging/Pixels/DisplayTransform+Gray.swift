extension DisplayTransform {
    /// Grey levels of 8 bits, one for each value.
    public func gray8<Scalar: VoxelScalar>(_ values: UnsafeBufferPointer<Scalar>) -> [UInt8] {
        levels(values, as: UInt8.self)
    }

    /// Grey levels of 16 bits, one for each value.
    public func gray16<Scalar: VoxelScalar>(_ values: UnsafeBufferPointer<Scalar>) -> [UInt16] {
        levels(values, as: UInt16.self)
    }

    // Inlined into both, so that only concrete types are left: the optimiser specialises for those, and for nothing else.
    @inline(__always)
    private func levels<Scalar: VoxelScalar, Level: FixedWidthInteger & UnsignedInteger>(
        _ values: UnsafeBufferPointer<Scalar>, as type: Level.Type
    ) -> [Level] {
        switch Scalar.scalarType {
        case .uint8: lookedUp(rebound(values, to: UInt8.self), as: type)
        case .int8: lookedUp(rebound(values, to: Int8.self), as: type)
        case .uint16: lookedUp(rebound(values, to: UInt16.self), as: type)
        case .int16: lookedUp(rebound(values, to: Int16.self), as: type)
        case .uint32: rebound(values, to: UInt32.self).map { level(Double($0), as: type) }
        case .int32: rebound(values, to: Int32.self).map { level(Double($0), as: type) }
        case .float: rebound(values, to: Float.self).map { level(Double($0), as: type) }
        case .double: rebound(values, to: Double.self).map { level($0, as: type) }
        }
    }

    /// An image has often fewer integers than pixels: they are looked up in a table of all that their type has.
    @inline(__always)
    private func lookedUp<Scalar: FixedWidthInteger, Level: FixedWidthInteger & UnsignedInteger>(
        _ values: UnsafeBufferPointer<Scalar>, as type: Level.Type
    ) -> [Level] {
        guard values.count >= 1 << Scalar.bitWidth else { return values.map { level(Double($0), as: type) } }
        let low = Int(Scalar.min)
        let table = (low...Int(Scalar.max)).map { level(Double($0), as: type) }
        return table.withUnsafeBufferPointer { table in values.map { table[Int($0) - low] } }
    }

    @inline(__always)
    private func level<Level: FixedWidthInteger & UnsignedInteger>(_ value: Double, as type: Level.Type) -> Level {
        Level((brightness(of: value) * Double(Level.max)).rounded())
    }
}
