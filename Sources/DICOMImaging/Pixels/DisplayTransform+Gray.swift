extension DisplayTransform {
    /// Grey levels of 8 bits, one for each value.
    public func gray8<Scalar: VoxelScalar>(_ values: UnsafeBufferPointer<Scalar>) -> [UInt8] {
        levels(values)
    }

    /// Grey levels of 16 bits, one for each value.
    public func gray16<Scalar: VoxelScalar>(_ values: UnsafeBufferPointer<Scalar>) -> [UInt16] {
        levels(values)
    }

    /// An image has fewer integers than pixels: they are looked up in a table of all that their type has.
    private func levels<Scalar: VoxelScalar, Level: FixedWidthInteger & UnsignedInteger>(
        _ values: UnsafeBufferPointer<Scalar>
    ) -> [Level] {
        // From here on only concrete types are passed down: the optimiser specialises for those, and for nothing else.
        switch Scalar.scalarType {
        case .uint8: lookedUp(rebound(values, to: UInt8.self))
        case .int8: lookedUp(rebound(values, to: Int8.self))
        case .uint16: lookedUp(rebound(values, to: UInt16.self))
        case .int16: lookedUp(rebound(values, to: Int16.self))
        case .uint32: rebound(values, to: UInt32.self).map { level(Double($0)) }
        case .int32: rebound(values, to: Int32.self).map { level(Double($0)) }
        case .float: rebound(values, to: Float.self).map { level(Double($0)) }
        case .double: rebound(values, to: Double.self).map { level($0) }
        }
    }

    private func lookedUp<Scalar: FixedWidthInteger, Level: FixedWidthInteger & UnsignedInteger>(
        _ values: UnsafeBufferPointer<Scalar>
    ) -> [Level] {
        guard values.count >= 1 << Scalar.bitWidth else { return values.map { level(Double($0)) } }
        let (low, count) = (Int(Scalar.min), 1 << Scalar.bitWidth)
        let table: [Level] = (0..<count).map { level(Double(low + $0)) }
        return table.withUnsafeBufferPointer { table in values.map { table[Int($0) - low] } }
    }

    private func level<Level: FixedWidthInteger & UnsignedInteger>(_ value: Double) -> Level {
        Level((brightness(of: value) * Double(Level.max)).rounded())
    }
}
