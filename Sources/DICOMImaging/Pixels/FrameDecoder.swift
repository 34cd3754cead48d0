import DICOMCore
import Glibc

/// Decodes one native frame into voxels: stored values, then the modality's (PS3.3 C.11.1).
///
/// Every combination of stored and voxel type has a loop of its own, of the shape that the compiler vectorises:
/// unaligned loads from a raw pointer, two shifts that drop foreign bits and extend the sign, one conversion.
struct FrameDecoder {
    let format: PixelFormat
    let transform: ModalityTransform

    /// Decodes `source` into `destination`, which has a place for each sample.
    ///
    /// - Parameter source: At least `format.frameLength` bytes, little endian.
    /// - Throws: ``DICOMError`` with the code `valueOutOfRange` when an integer voxel type cannot hold a value exactly.
    func decode<Scalar: VoxelScalar>(
        _ source: UnsafeRawBufferPointer, into destination: UnsafeMutableBufferPointer<Scalar>
    ) throws(DICOMError) {
        precondition(source.count >= format.frameLength && destination.count == format.sampleCount)
        guard let target = UnsafeMutableRawPointer(destination.baseAddress) else { return }
        if format.bitsAllocated == 1 {
            return try withUnpackedBits(source) { (bytes, format) throws(DICOMError) in
                try FrameDecoder(format: format, transform: transform).decode(bytes, into: destination)
            }
        }
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
        if format.bitsAllocated == 1 {
            return withUnpackedBits(source) { bytes, format in
                FrameDecoder(format: format, transform: transform).markPadding(padding, in: bytes, words: words)
            }
        }
        switch format.cell {
        case .uint8: Samples<UInt8>(source, format).mark(padding.range, in: words)
        case .int8: Samples<Int8>(source, format).mark(padding.range, in: words)
        case .uint16: Samples<UInt16>(source, format).mark(padding.range, in: words)
        case .int16: Samples<Int16>(source, format).mark(padding.range, in: words)
        case .uint32: Samples<UInt32>(source, format).mark(padding.range, in: words)
        case .int32: Samples<Int32>(source, format).mark(padding.range, in: words)
        case .float: RealSamples<Float>(source, format).mark(padding.range, in: words)
        case .double: RealSamples<Double>(source, format).mark(padding.range, in: words)
        }
    }

    /// Samples of one bit, the lowest of a byte first, as a byte each.
    private func withUnpackedBits<Failure: Error>(
        _ source: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer, PixelFormat) throws(Failure) -> Void
    ) throws(Failure) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: format.sampleCount, alignment: 64)
        defer { bytes.deallocate() }
        for index in 0..<format.sampleCount { bytes[index] = source[index >> 3] >> UInt8(index & 7) & 1 }
        try body(UnsafeRawBufferPointer(bytes), format.unpacked)
    }

    private func real<Target: BinaryFloatingPoint>(
        _ source: UnsafeRawBufferPointer, _ target: UnsafeMutablePointer<Target>
    ) {
        switch format.cell {
        case .uint8: real(Samples<UInt8>(source, format), target)
        case .int8: real(Samples<Int8>(source, format), target)
        case .uint16: real(Samples<UInt16>(source, format), target)
        case .int16: real(Samples<Int16>(source, format), target)
        case .uint32: real(Samples<UInt32>(source, format), target)
        case .int32: real(Samples<Int32>(source, format), target)
        case .float: real(RealSamples<Float>(source, format), target)
        case .double: real(RealSamples<Double>(source, format), target)
        }
    }

    private func whole<Target: FixedWidthInteger>(
        _ source: UnsafeRawBufferPointer, _ target: UnsafeMutablePointer<Target>
    ) throws(DICOMError) {
        switch format.cell {
        case .uint8: try whole(Samples<UInt8>(source, format), target)
        case .int8: try whole(Samples<Int8>(source, format), target)
        case .uint16: try whole(Samples<UInt16>(source, format), target)
        case .int16: try whole(Samples<Int16>(source, format), target)
        case .uint32: try whole(Samples<UInt32>(source, format), target)
        case .int32: try whole(Samples<Int32>(source, format), target)
        case .float: try whole(RealSamples<Float>(source, format), target)
        case .double: try whole(RealSamples<Double>(source, format), target)
        }
    }

    private func real<Stored, Target: BinaryFloatingPoint>(
        _ samples: Samples<Stored>, _ target: UnsafeMutablePointer<Target>
    ) {
        switch transform {
        case .linear(let rescale):
            // A sample of 32 bits does not fit into a Float: what is asked for is computed in Double then.
            if Stored.bitWidth > 24 {
                for index in 0..<samples.count {
                    target[index] = Target(Double(samples[index]) * rescale.slope + rescale.intercept)
                }
                return
            }
            let (slope, intercept) = (Target(rescale.slope), Target(rescale.intercept))
            for index in 0..<samples.count {
                target[index] = Target(samples[index]) * slope + intercept
            }
        case .table(let table):
            for index in 0..<samples.count { target[index] = Target(table[Int(samples[index])]) }
        }
    }

    private func real<Stored: BinaryFloatingPoint, Target: BinaryFloatingPoint>(
        _ samples: RealSamples<Stored>, _ target: UnsafeMutablePointer<Target>
    ) {
        let rescale = transform.rescale
        for index in 0..<samples.count {
            target[index] = Target(Double(samples[index]) * rescale.slope + rescale.intercept)
        }
    }

    private func whole<Stored, Target: FixedWidthInteger>(
        _ samples: Samples<Stored>, _ target: UnsafeMutablePointer<Target>
    ) throws(DICOMError) {
        switch transform {
        case .table(let table):
            try checkRange(table.range, target: Target.self)
            for index in 0..<samples.count { target[index] = Target(truncatingIfNeeded: table[Int(samples[index])]) }
        case .linear(let rescale):
            guard let slope = Int32(exactly: rescale.slope), let intercept = Int32(exactly: rescale.intercept) else {
                throw DICOMError(
                    .valueOutOfRange,
                    "the rescale slope \(rescale.slope) and intercept \(rescale.intercept) do not give 32-bit whole "
                        + "numbers; read the series as Float or Double")
            }
            try checkRange(samples, slope: Int(slope), intercept: Int(intercept), target: Target.self)
            // The result fits into the target, so arithmetic modulo 2^32 gives it.
            for index in 0..<samples.count {
                let value = Int32(truncatingIfNeeded: samples[index]) &* slope &+ intercept
                target[index] = Target(truncatingIfNeeded: value)
            }
        }
    }

    private func whole<Stored: BinaryFloatingPoint, Target: FixedWidthInteger>(
        _ samples: RealSamples<Stored>, _ target: UnsafeMutablePointer<Target>
    ) throws(DICOMError) {
        let rescale = transform.rescale
        for index in 0..<samples.count {
            let value = Double(samples[index]) * rescale.slope + rescale.intercept
            guard let exact = Target(exactly: value) else {
                throw DICOMError(
                    .valueOutOfRange,
                    "the pixel data are floating-point numbers that \(Target.self) cannot hold; read them as Float or Double"
                )
            }
            target[index] = exact
        }
    }

    private func checkRange<Stored, Target: FixedWidthInteger>(
        _ samples: Samples<Stored>, slope: Int, intercept: Int, target: Target.Type
    ) throws(DICOMError) {
        func mapped(_ range: ClosedRange<Int>) -> ClosedRange<Int> {
            let ends = (range.lowerBound * slope + intercept, range.upperBound * slope + intercept)
            return min(ends.0, ends.1)...max(ends.0, ends.1)
        }
        // What the format allows usually fits already; only if not, the samples themselves are looked at.
        guard !Self.fits(mapped(format.storedRange), Target.self), let range = samples.range else { return }
        try checkRange(mapped(range), target: target)
    }

    private func checkRange<Target: FixedWidthInteger>(
        _ range: ClosedRange<Int>, target: Target.Type
    ) throws(DICOMError) {
        guard !Self.fits(range, target) else { return }
        throw DICOMError(
            .valueOutOfRange,
            "the values go from \(range.lowerBound) to \(range.upperBound), which \(Target.self) cannot hold; read the "
                + "series as a wider type")
    }

    private static func fits<Target: FixedWidthInteger>(_ range: ClosedRange<Int>, _ target: Target.Type) -> Bool {
        Target(exactly: range.lowerBound) != nil && Target(exactly: range.upperBound) != nil
    }
}

extension PixelFormat {
    /// The type that a sample's cell is read as; one bit as a byte, after unpacking.
    var cell: ScalarType {
        switch (sampleType, bitsAllocated) {
        case (.float, _): .float
        case (.double, _): .double
        case (.unsigned, ...8): .uint8
        case (.signed, ...8): .int8
        case (.unsigned, 16): .uint16
        case (.signed, 16): .int16
        case (.unsigned, _): .uint32
        case (.signed, _): .int32
        }
    }

    /// The format of samples of one bit when each has a byte.
    var unpacked: PixelFormat {
        guard bitsAllocated == 1 else { return self }
        return PixelFormat(
            rows: rows, columns: columns, samplesPerPixel: samplesPerPixel, bitsAllocated: 8, bitsStored: 1,
            isSigned: false, photometricInterpretation: photometricInterpretation, isPlanar: isPlanar)
    }
}

/// The samples of an image, in their stored type.
struct Samples<Stored: FixedWidthInteger & BitwiseCopyable> {
    private let base: UnsafeRawPointer
    let count: Int
    private let left: Stored
    private let right: Stored

    init(_ source: UnsafeRawBufferPointer, _ format: PixelFormat) {
        count = source.baseAddress == nil ? 0 : format.sampleCount
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
    func mark(_ padding: ClosedRange<Double>, in words: UnsafeMutableBufferPointer<UInt64>) {
        let bounds = padding.clamped(to: Double(Stored.min)...Double(Stored.max))
        guard padding.overlaps(bounds) else { return }
        let (low, high) = (
            Stored(clamping: Int(bounds.lowerBound.rounded(.up))),
            Stored(clamping: Int(bounds.upperBound.rounded(.down)))
        )
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

/// The samples of Float or Double Float Pixel Data.
struct RealSamples<Stored: BinaryFloatingPoint & BitwiseCopyable> {
    private let base: UnsafeRawPointer
    let count: Int

    init(_ source: UnsafeRawBufferPointer, _ format: PixelFormat) {
        count = source.baseAddress == nil ? 0 : format.sampleCount
        base = source.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
    }

    @inline(__always)
    subscript(index: Int) -> Stored {
        base.loadUnaligned(fromByteOffset: index * MemoryLayout<Stored>.size, as: Stored.self)
    }

    func mark(_ padding: ClosedRange<Double>, in words: UnsafeMutableBufferPointer<UInt64>) {
        for index in 0..<count where padding.contains(Double(self[index])) {
            words[index >> 6] |= 1 << UInt64(index & 63)
        }
    }
}
