import DICOMCore
import Glibc

/// Decodes one native image into the voxels of a slice.
///
/// Every combination of stored and voxel type has a loop of its own, of the shape that the compiler vectorises:
/// unaligned loads from a raw pointer, two shifts that drop foreign bits and extend the sign, one conversion.
struct FrameDecoder {
    let format: PixelFormat
    let rescale: Rescale

    /// Decodes `source` into `destination`.
    ///
    /// - Parameter source: At least `format.frameLength` bytes, little endian.
    /// - Throws: ``DICOMError`` with the code `valueOutOfRange` when an integer voxel type cannot hold a value exactly.
    func decode<Scalar: VoxelScalar>(
        _ source: UnsafeRawBufferPointer, into destination: UnsafeMutableBufferPointer<Scalar>
    ) throws(DICOMError) {
        precondition(source.count >= format.frameLength && destination.count == format.rows * format.columns)
        guard let target = UnsafeMutableRawPointer(destination.baseAddress) else { return }
        // From here on only concrete types are passed down: the optimiser specialises for those, and for nothing else.
        switch Scalar.scalarType {
        case .uint8: try whole(source, target.assumingMemoryBound(to: UInt8.self))
        case .int8: try whole(source, target.assumingMemoryBound(to: Int8.self))
        case .uint16: try whole(source, target.assumingMemoryBound(to: UInt16.self))
        case .int16: try whole(source, target.assumingMemoryBound(to: Int16.self))
        case .uint32: try whole(source, target.assumingMemoryBound(to: UInt32.self))
        case .int32: try whole(source, target.assumingMemoryBound(to: Int32.self))
        case .float: real(source, target.assumingMemoryBound(to: Float.self))
        case .double: real(source, target.assumingMemoryBound(to: Double.self))
        }
    }

    /// Sets the bits of the samples that are padding.
    func markPadding(
        _ padding: PixelPadding, in source: UnsafeRawBufferPointer, words: UnsafeMutableBufferPointer<UInt64>
    ) {
        switch (format.bitsAllocated, format.isSigned) {
        case (8, false): Samples<UInt8>(source, format).mark(padding.stored, in: words)
        case (8, true): Samples<Int8>(source, format).mark(padding.stored, in: words)
        case (_, false): Samples<UInt16>(source, format).mark(padding.stored, in: words)
        case (_, true): Samples<Int16>(source, format).mark(padding.stored, in: words)
        }
    }

    private func real<Target: BinaryFloatingPoint>(
        _ source: UnsafeRawBufferPointer, _ target: UnsafeMutablePointer<Target>
    ) {
        switch (format.bitsAllocated, format.isSigned) {
        case (8, false): real(Samples<UInt8>(source, format), target)
        case (8, true): real(Samples<Int8>(source, format), target)
        case (_, false): real(Samples<UInt16>(source, format), target)
        case (_, true): real(Samples<Int16>(source, format), target)
        }
    }

    private func whole<Target: FixedWidthInteger>(
        _ source: UnsafeRawBufferPointer, _ target: UnsafeMutablePointer<Target>
    ) throws(DICOMError) {
        switch (format.bitsAllocated, format.isSigned) {
        case (8, false): try whole(Samples<UInt8>(source, format), target)
        case (8, true): try whole(Samples<Int8>(source, format), target)
        case (_, false): try whole(Samples<UInt16>(source, format), target)
        case (_, true): try whole(Samples<Int16>(source, format), target)
        }
    }

    private func real<Stored, Target: BinaryFloatingPoint>(
        _ samples: Samples<Stored>, _ target: UnsafeMutablePointer<Target>
    ) {
        let (slope, intercept) = (Target(rescale.slope), Target(rescale.intercept))
        for index in 0..<samples.count {
            target[index] = Target(samples[index]) * slope + intercept
        }
    }

    private func whole<Stored, Target: FixedWidthInteger>(
        _ samples: Samples<Stored>, _ target: UnsafeMutablePointer<Target>
    ) throws(DICOMError) {
        guard let slope = Int32(exactly: rescale.slope), let intercept = Int32(exactly: rescale.intercept) else {
            throw DICOMError(
                .valueOutOfRange,
                "the rescale slope \(rescale.slope) and intercept \(rescale.intercept) do not give 32-bit whole "
                    + "numbers; read the series as Float or Double")
        }
        try checkRange(samples, slope: Int(slope), intercept: Int(intercept), target: Target.self)
        // The result fits into 32 bits, so arithmetic modulo 2^32 gives it.
        for index in 0..<samples.count {
            let value = Int32(truncatingIfNeeded: samples[index]) &* slope &+ intercept
            target[index] = Target(truncatingIfNeeded: value)
        }
    }

    private func checkRange<Stored, Target: FixedWidthInteger>(
        _ samples: Samples<Stored>, slope: Int, intercept: Int, target: Target.Type
    ) throws(DICOMError) {
        func fits(_ range: ClosedRange<Int>) -> Bool {
            let ends = [range.lowerBound * slope + intercept, range.upperBound * slope + intercept]
            return ends.allSatisfy { Target(exactly: $0) != nil }
        }
        // What the format allows usually fits already; only if not, the samples themselves are looked at.
        guard !fits(format.storedRange), let range = samples.range, !fits(range) else { return }
        throw DICOMError(
            .valueOutOfRange,
            "the values go from \(range.lowerBound * slope + intercept) to \(range.upperBound * slope + intercept), "
                + "which \(Target.self) cannot hold; read the series as a wider type")
    }
}

/// The samples of an image, in their stored type.
struct Samples<Stored: FixedWidthInteger & BitwiseCopyable> {
    private let base: UnsafeRawPointer
    let count: Int
    private let left: Stored
    private let right: Stored

    init(_ source: UnsafeRawBufferPointer, _ format: PixelFormat) {
        count = source.baseAddress == nil ? 0 : format.rows * format.columns
        base = source.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
        left = Stored(truncatingIfNeeded: format.bitsAllocated - 1 - format.highBit)
        right = Stored(truncatingIfNeeded: format.bitsAllocated - format.bitsStored)
    }

    /// One sample, without foreign bits and with its sign: up to the top of the cell, then down to the bottom.
    @inline(__always)
    subscript(index: Int) -> Stored {
        let cell = base.loadUnaligned(fromByteOffset: index * MemoryLayout<Stored>.size, as: Stored.self)
        return (cell &<< left) &>> right
    }

    /// The smallest and the largest sample; nil without samples.
    var range: ClosedRange<Int>? {
        guard count > 0 else { return nil }
        var (low, high) = (Stored.max, Stored.min)
        for index in 0..<count {
            let value = self[index]
            low = value < low ? value : low
            high = value > high ? value : high
        }
        return Int(low)...Int(high)
    }

    /// Sets a bit for each sample within `padding`; looks closer only at those 64 of which one is.
    func mark(_ padding: ClosedRange<Int>, in words: UnsafeMutableBufferPointer<UInt64>) {
        let bounds = padding.clamped(to: Int(Stored.min)...Int(Stored.max))
        guard padding.overlaps(bounds) else { return }
        let (low, high) = (Stored(truncatingIfNeeded: bounds.lowerBound), Stored(truncatingIfNeeded: bounds.upperBound))
        for word in words.indices {
            let block = word * 64..<Swift.min(word * 64 + 64, count)
            var found: Stored = 0
            for index in block {
                let value = self[index]
                found |= value >= low && value <= high ? 1 : 0
            }
            guard found != 0 else { continue }
            var bits: UInt64 = 0
            for index in block {
                let value = self[index]
                bits |= value >= low && value <= high ? 1 << UInt64(index & 63) : 0
            }
            words[word] = bits
        }
    }
}
