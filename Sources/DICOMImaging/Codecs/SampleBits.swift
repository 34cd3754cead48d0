extension PixelFormat {
    /// The cells of a frame with nothing in them but the samples, at the bottom, without the sign's extension.
    package func samplesWithoutForeignBits(_ samples: UnsafeRawBufferPointer) -> [UInt8] {
        let shift = highBit + 1 - bitsStored
        var bytes = [UInt8](samples[..<frameLength])
        guard bitsStored < bitsAllocated else { return bytes }
        if bitsAllocated == 8 {
            let mask = UInt8(truncatingIfNeeded: (1 << bitsStored) - 1)
            for index in bytes.indices { bytes[index] = bytes[index] >> UInt8(shift) & mask }
        } else if bitsAllocated == 16 {
            let mask = UInt16(truncatingIfNeeded: (1 << bitsStored) - 1)
            for index in 0..<bytes.count / 2 {
                let cell = (UInt16(bytes[2 * index]) | UInt16(bytes[2 * index + 1]) << 8) >> UInt16(shift) & mask
                bytes[2 * index] = UInt8(truncatingIfNeeded: cell)
                bytes[2 * index + 1] = UInt8(truncatingIfNeeded: cell >> 8)
            }
        }
        return bytes
    }
}
