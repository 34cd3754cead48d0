import DICOMCore
import Glibc

/// How the real values of a derived series are stored as integers: value = stored × slope + intercept.
package struct StoredForm: Hashable, Sendable {
    package let format: PixelFormat
    package let rescale: Rescale
    /// The stored value of padding; nil where there is none.
    package let padding: Int?

    package init(format: PixelFormat, rescale: Rescale = .identity, padding: Int? = nil) {
        self.format = format
        self.rescale = rescale
        self.padding = padding
    }

    /// The stored value next to a real one, never outside of what the format can hold.
    package func stored(_ value: Double) -> Int {
        let range = format.storedRange
        let exact = ((value - rescale.intercept) / rescale.slope).rounded(.toNearestOrEven)
        return Int(min(max(exact, Double(range.lowerBound)), Double(range.upperBound)))
    }

    /// The little-endian pixel bytes of one slice: each value stored as the nearest integer, padding where it was.
    ///
    /// 8-bit images of an odd number of samples get a zero byte at the end, since values have an even length (PS3.5 8.1.1).
    package func encode<Scalar: VoxelScalar>(_ volume: Volume<Scalar>, slice: Int) -> [UInt8] {
        let range = volume.range(ofSlice: slice)
        let length = format.bitsAllocated / 8 * range.count
        return volume.withUnsafeBuffer { voxels in
            [UInt8](unsafeUninitializedCapacity: length + length % 2) { bytes, count in
                let voxels = UnsafeBufferPointer(rebasing: voxels[range])
                if let base = UnsafeMutableRawPointer(bytes.baseAddress) {
                    convert(voxels, to: base)
                    writePadding(to: base, volume.padding, slice: slice, count: range.count)
                }
                if length % 2 == 1 { bytes[length] = 0 }
                count = length + length % 2
            }
        }
    }

    private func convert<Scalar: VoxelScalar>(_ voxels: UnsafeBufferPointer<Scalar>, to base: UnsafeMutableRawPointer) {
        // From here on only concrete types are passed down: the optimiser specialises for those, and for nothing else.
        switch Scalar.scalarType {
        case .uint8: convert(rebound(voxels, to: UInt8.self), base) { Double($0) }
        case .int8: convert(rebound(voxels, to: Int8.self), base) { Double($0) }
        case .uint16: convert(rebound(voxels, to: UInt16.self), base) { Double($0) }
        case .int16: convert(rebound(voxels, to: Int16.self), base) { Double($0) }
        case .uint32: convert(rebound(voxels, to: UInt32.self), base) { Double($0) }
        case .int32: convert(rebound(voxels, to: Int32.self), base) { Double($0) }
        case .float: convert(rebound(voxels, to: Float.self), base) { Double($0) }
        case .double: convert(rebound(voxels, to: Double.self), base) { $0 }
        }
    }

    @inline(__always)
    private func convert<Scalar>(
        _ voxels: UnsafeBufferPointer<Scalar>, _ base: UnsafeMutableRawPointer, _ real: (Scalar) -> Double
    ) {
        if format.bitsAllocated == 8 {
            convert(voxels, to: base.bindMemory(to: UInt8.self, capacity: voxels.count), real)
        } else {
            convert(voxels, to: base.bindMemory(to: UInt16.self, capacity: voxels.count), real)
        }
    }

    private func writePadding(to base: UnsafeMutableRawPointer, _ mask: PaddingMask?, slice: Int, count: Int) {
        guard let mask, let padding else { return }
        for (word, bits) in mask.words(ofSlice: slice).enumerated() where bits != 0 {
            for index in word * 64..<min(word * 64 + 64, count) where bits >> UInt64(index & 63) & 1 == 1 {
                if format.bitsAllocated == 8 {
                    base.storeBytes(of: UInt8(truncatingIfNeeded: padding), toByteOffset: index, as: UInt8.self)
                } else {
                    let cell = UInt16(truncatingIfNeeded: padding).littleEndian
                    base.storeBytes(of: cell, toByteOffset: index * 2, as: UInt16.self)
                }
            }
        }
    }

    /// Adding 1.5 × 2^52 rounds a double to a whole number that then stands in its lower bits: the loop has neither
    /// branch nor call, so that it is vectorised. Not-a-number, which only padding may be, becomes the lower bound.
    @inline(__always)
    private func convert<Scalar, Cell: FixedWidthInteger & UnsignedInteger>(
        _ voxels: UnsafeBufferPointer<Scalar>, to cells: UnsafeMutablePointer<Cell>, _ real: (Scalar) -> Double
    ) {
        let range = format.storedRange
        let (low, high) = (Double(range.lowerBound), Double(range.upperBound))
        let (intercept, scale) = (rescale.intercept, 1 / rescale.slope)
        for index in 0..<voxels.count {
            let value = (real(voxels[index]) - intercept) * scale
            let raised = value > low ? value : low
            let bounded = raised < high ? raised : high
            let bits = (bounded + 6_755_399_441_055_744).bitPattern
            cells[index] = Cell(truncatingIfNeeded: bits).littleEndian
        }
    }
}
