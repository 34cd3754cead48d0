// The first value of an element without the others: what most attributes are read by.

extension DataElement {
    /// The first value as text, without making the others; `nil` where that takes more than cutting ASCII bytes.
    func firstASCII(as expected: VR) -> String? {
        guard case .bytes(let bytes) = value else { return nil }
        let vr = effectiveVR(expected)
        let isMultiple: Bool
        switch vr.kind {
        case .text(_, let multiple): isMultiple = multiple
        case .uid, .decimal: isMultiple = true
        case .integer, .real, .tag, .stream, .sequence: return nil
        }
        var end = bytes.startIndex
        while end < bytes.endIndex {
            let byte = bytes[end]
            if byte == UInt8(ascii: "\\"), isMultiple { break }
            // Other character sets, and escape sequences into them.
            if byte >= 0x80 || byte == 0x1B { return nil }
            end += 1
        }
        var start = bytes.startIndex
        while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0 { end -= 1 }
        if isMultiple, vr != .uc { while start < end, bytes[start] == 0x20 { start += 1 } }
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }

    /// The first number of a binary value; `nil` for other values.
    func firstInteger(as expected: VR) -> Int? {
        guard case .integer(let size, let signed) = effectiveVR(expected).kind, case .bytes(let bytes) = value,
            bytes.count >= size
        else { return nil }
        let bits = loadLittleEndian(bytes, at: bytes.startIndex, count: size)
        guard signed else { return Int(exactly: bits) }
        let shift = 64 - 8 * size
        return Int(truncatingIfNeeded: Int64(bitPattern: bits << shift) >> shift)
    }
}
