import Dispatch
import Glibc

/// Work that has a loop for each voxel type.
///
/// A generic function is slow unless the compiler knows its types. An operation keeps raw pointers, and ``perform(_:for:)``
/// calls it with a concrete type for each case, so that everything below is specialised.
protocol ScalarTask {
    func run<Scalar: ComputedScalar>(_ type: Scalar.Type)
}

func perform<Task: ScalarTask>(_ task: Task, for type: ScalarType) {
    switch type {
    case .uint8: task.run(UInt8.self)
    case .int8: task.run(Int8.self)
    case .uint16: task.run(UInt16.self)
    case .int16: task.run(Int16.self)
    case .uint32: task.run(UInt32.self)
    case .int32: task.run(Int32.self)
    case .float: task.run(Float.self)
    case .double: task.run(Double.self)
    }
}

/// Runs `body` for the parts of `0..<count`, one for each processor where there is enough to do.
///
/// - Parameter work: How many voxels there are altogether.
func concurrently(_ count: Int, work: Int, _ body: @Sendable (Range<Int>) -> Void) {
    let processors = min(max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))), 16)
    guard count > 1, work > 1 << 16, processors > 1 else { return body(0..<count) }
    // More parts than processors: one that is held up keeps the others waiting for less.
    let parts = min(count, processors * 4)
    DispatchQueue.concurrentPerform(iterations: parts) { part in
        body(count * part / parts..<count * (part + 1) / parts)
    }
}

/// A voxel type with the floating-point type that its values are computed in: exact for every value of it.
protocol ComputedScalar: VoxelScalar {
    associatedtype Real: BinaryFloatingPoint & BitwiseCopyable & Sendable
    var real: Real { get }
    /// The nearest value, half to even, within the type's range.
    init(rounding real: Real)
}

extension Float: ComputedScalar {
    @inline(__always) var real: Float { self }
    @inline(__always) init(rounding real: Float) { self = real }
}
extension Double: ComputedScalar {
    @inline(__always) var real: Double { self }
    @inline(__always) init(rounding real: Double) { self = real }
}

/// Adding 1.5 × 2^23 rounds to a whole number that then stands in the lower bits: no call, no branch, so it is vectorised.
@inline(__always)
private func rounded(_ value: Float, _ low: Float, _ high: Float) -> Int32 {
    let raised = value > low ? value : low
    let bounded = raised < high ? raised : high
    return Int32(truncatingIfNeeded: (bounded + 12_582_912).bitPattern) &- 0x4B40_0000
}

/// The same by 1.5 × 2^52.
@inline(__always)
private func rounded(_ value: Double, _ low: Double, _ high: Double) -> Int64 {
    let raised = value > low ? value : low
    let bounded = raised < high ? raised : high
    return Int64(truncatingIfNeeded: (bounded + 6_755_399_441_055_744).bitPattern) &- 0x4338_0000_0000_0000
}

extension UInt8: ComputedScalar {
    @inline(__always) var real: Float { Float(self) }
    @inline(__always) init(rounding real: Float) { self.init(truncatingIfNeeded: rounded(real, 0, 255)) }
}
extension Int8: ComputedScalar {
    @inline(__always) var real: Float { Float(self) }
    @inline(__always) init(rounding real: Float) { self.init(truncatingIfNeeded: rounded(real, -128, 127)) }
}
extension UInt16: ComputedScalar {
    @inline(__always) var real: Float { Float(self) }
    @inline(__always) init(rounding real: Float) { self.init(truncatingIfNeeded: rounded(real, 0, 65_535)) }
}
extension Int16: ComputedScalar {
    @inline(__always) var real: Float { Float(self) }
    @inline(__always) init(rounding real: Float) { self.init(truncatingIfNeeded: rounded(real, -32_768, 32_767)) }
}
extension UInt32: ComputedScalar {
    @inline(__always) var real: Double { Double(self) }
    @inline(__always) init(rounding real: Double) { self.init(truncatingIfNeeded: rounded(real, 0, 4_294_967_295)) }
}
extension Int32: ComputedScalar {
    @inline(__always) var real: Double { Double(self) }
    @inline(__always) init(rounding real: Double) {
        self.init(truncatingIfNeeded: rounded(real, -2_147_483_648, 2_147_483_647))
    }
}
