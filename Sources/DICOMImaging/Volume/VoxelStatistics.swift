import Glibc

/// What must be known of voxels before they are stored as integers: their range, whether they are whole and finite.
package struct VoxelStatistics: Sendable, Equatable {
    /// The smallest and the largest finite value that is not padding.
    package var range: ClosedRange<Double>?
    /// Whether every value that is not padding is a whole number.
    package var isIntegral = true
    /// Whether a value that is not padding is infinite or not a number.
    package var hasNonFinite = false

    /// The statistics of no voxels at all.
    package init() {}

    /// The statistics of one slice; padding is left out.
    package init<Scalar: VoxelScalar>(of volume: Volume<Scalar>, slice: Int) {
        let words = volume.padding.map { $0.words(ofSlice: slice) }.map(Array.init)
        let range = volume.range(ofSlice: slice)
        self = volume.withUnsafeBuffer { buffer in
            let voxels = UnsafeBufferPointer(rebasing: buffer[range])
            guard let words, words.contains(where: { $0 != 0 }) else { return Self.block(voxels) }
            return Self.masked(voxels, padding: words)
        }
    }

    /// The statistics of both together.
    package func merged(with other: VoxelStatistics) -> VoxelStatistics {
        var result = self
        result.isIntegral = isIntegral && other.isIntegral
        result.hasNonFinite = hasNonFinite || other.hasNonFinite
        switch (range, other.range) {
        case (let first?, let second?):
            result.range =
                Swift.min(first.lowerBound, second.lowerBound)...Swift.max(first.upperBound, second.upperBound)
        case (nil, let only), (let only, nil):
            result.range = only
        }
        return result
    }

    private static func masked<Scalar: VoxelScalar>(
        _ voxels: UnsafeBufferPointer<Scalar>, padding: [UInt64]
    ) -> VoxelStatistics {
        var result = VoxelStatistics()
        var start = 0
        // Runs of words without padding are taken at once, and voxel by voxel only where there is some.
        while start < voxels.count {
            var end = start
            while end < voxels.count, padding[end / 64] == 0 {
                end = Swift.min(end + 64, voxels.count)
            }
            if end > start {
                result = result.merged(with: block(UnsafeBufferPointer(rebasing: voxels[start..<end])))
            } else {
                end = Swift.min(start + 64, voxels.count)
                for index in start..<end where padding[index / 64] >> UInt64(index % 64) & 1 == 0 {
                    result.add(voxels[index].doubleValue)
                }
            }
            start = end
        }
        return result
    }

    private mutating func add(_ value: Double) {
        guard value.isFinite else {
            hasNonFinite = true
            isIntegral = false
            return
        }
        isIntegral = isIntegral && value == value.rounded(.toNearestOrEven)
        range = range.map { Swift.min($0.lowerBound, value)...Swift.max($0.upperBound, value) } ?? value...value
    }

    private static func block<Scalar: VoxelScalar>(_ voxels: UnsafeBufferPointer<Scalar>) -> VoxelStatistics {
        switch Scalar.scalarType {
        case .uint8: whole(rebound(voxels, to: UInt8.self))
        case .int8: whole(rebound(voxels, to: Int8.self))
        case .uint16: whole(rebound(voxels, to: UInt16.self))
        case .int16: whole(rebound(voxels, to: Int16.self))
        case .uint32: whole(rebound(voxels, to: UInt32.self))
        case .int32: whole(rebound(voxels, to: Int32.self))
        case .float: floats(rebound(voxels, to: Float.self))
        case .double: eachOne(rebound(voxels, to: Double.self))
        }
    }

    private static func whole<Scalar: VoxelScalar & FixedWidthInteger>(
        _ voxels: UnsafeBufferPointer<Scalar>
    ) -> VoxelStatistics {
        var (low, high) = (Scalar.max, Scalar.min)
        for value in voxels {
            low = value < low ? value : low
            high = value > high ? value : high
        }
        var result = VoxelStatistics()
        result.range = voxels.isEmpty ? nil : low.doubleValue...high.doubleValue
        return result
    }

    /// Eight at a time: the compiler does not vectorise minima of floating-point numbers by itself, nor generic SIMD code.
    ///
    /// Adding and subtracting 1.5 × 2^23 rounds to a whole number as long as the value is small against it.
    private static func floats(_ voxels: UnsafeBufferPointer<Float>) -> VoxelStatistics {
        typealias Block = SIMD8<Float>
        let roundingConstant: Float = 12_582_912
        var low = Block(repeating: .infinity)
        var high = Block(repeating: -.infinity)
        var notWhole = low .== high
        var notNumber = notWhole
        let constant = Block(repeating: roundingConstant)
        let blocks = voxels.count / 8
        if let base = UnsafeRawPointer(voxels.baseAddress) {
            for index in 0..<blocks {
                let value = (base + index * MemoryLayout<Block>.stride).loadUnaligned(as: Block.self)
                low.replace(with: value, where: value .< low)
                high.replace(with: value, where: value .> high)
                notNumber .|= value .!= value
                notWhole .|= ((value + constant) - constant) .!= value
            }
        }
        var result = VoxelStatistics()
        if blocks > 0 {
            let (least, most) = (low.min().doubleValue, high.max().doubleValue)
            let isSmall = Swift.max(-least, most) < Double(roundingConstant / 4)
            if any(notNumber) || !least.isFinite || !most.isFinite || (any(notWhole) && !isSmall) {
                return eachOne(voxels)
            }
            result.range = least...most
            result.isIntegral = !any(notWhole)
        }
        for index in blocks * 8..<voxels.count {
            result.add(voxels[index].doubleValue)
        }
        return result
    }

    private static func eachOne<Scalar: VoxelScalar>(_ voxels: UnsafeBufferPointer<Scalar>) -> VoxelStatistics {
        var result = VoxelStatistics()
        for value in voxels {
            result.add(value.doubleValue)
        }
        return result
    }
}

/// The same voxels under the type that they have, where a generic function has found out which that is.
func rebound<Scalar, Known>(_ voxels: UnsafeBufferPointer<Scalar>, to type: Known.Type) -> UnsafeBufferPointer<Known> {
    precondition(Scalar.self == Known.self, "a voxel type names another type as its own")
    return UnsafeBufferPointer(
        start: UnsafeRawPointer(voxels.baseAddress)?.assumingMemoryBound(to: Known.self), count: voxels.count)
}
