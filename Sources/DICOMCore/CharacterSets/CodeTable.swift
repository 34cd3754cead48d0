import Glibc

/// The characters of a coded character set in the order of their codes, both ways.
///
/// Made once with the C library's `iconv`, whose handles are not thread safe and slow to open; afterwards no call is made.
struct CodeTable: Sendable {
    /// By position; 0 where there is no character.
    private let scalars: [UInt32]
    /// Scalar and position (the lower 32 bits), in ascending order.
    private let inverse: [UInt64]

    /// - Parameters:
    ///   - name: The encoding as the C library calls it.
    ///   - count: How many positions the table has.
    ///   - bytes: The encoded character of a position.
    init(_ name: String, count: Int, bytes: (Int) -> [UInt8]) {
        guard let converter = Converter(from: name) else {
            scalars = []
            inverse = []
            return
        }
        // What would be read as a delimiter is none: those are single bytes.
        let scalars = (0..<count).map { position in
            let scalar = converter.scalar(bytes(position))
            return scalar < 0x80 ? 0 : scalar
        }
        self.scalars = scalars
        inverse = scalars.indices.filter { scalars[$0] != 0 }.map { UInt64(scalars[$0]) << 32 | UInt64($0) }.sorted()
    }

    /// Bytes A0H to FFH.
    init(singleByte name: String) {
        self.init(name, count: 96) { [UInt8(truncatingIfNeeded: 0xA0 + $0)] }
    }

    /// Rows and cells of A1H to FEH.
    init(twoByte name: String, prefix: [UInt8] = []) {
        self.init(name, count: 94 * 94) {
            prefix + [UInt8(truncatingIfNeeded: 0xA1 + $0 / 94), UInt8(truncatingIfNeeded: 0xA1 + $0 % 94)]
        }
    }

    /// Whether the C library does not know the encoding: its modules may not be installed.
    var isMissing: Bool { scalars.isEmpty }

    func scalar(at position: Int) -> Unicode.Scalar? {
        guard scalars.indices.contains(position), scalars[position] != 0 else { return nil }
        return Unicode.Scalar(scalars[position])
    }

    /// The first position of a character.
    func index(of scalar: Unicode.Scalar) -> Int? {
        let wanted = UInt64(scalar.value) << 32
        var low = 0
        var high = inverse.count
        while low < high {
            let middle = (low + high) / 2
            if inverse[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        guard low < inverse.count, inverse[low] >> 32 == UInt64(scalar.value) else { return nil }
        return Int(truncatingIfNeeded: inverse[low] & 0xFFFF_FFFF)
    }
}

/// An `iconv` handle to UTF-32, which nobody else has.
@safe private struct Converter: ~Copyable {
    private let handle: iconv_t

    init?(from name: String) {
        // iconv_open fails with (iconv_t) -1.
        guard let handle = unsafe iconv_open("UTF-32LE", name), Int(bitPattern: handle) != -1 else { return nil }
        unsafe self.handle = handle
    }

    deinit { unsafe iconv_close(handle) }

    /// The one character that `bytes` encode; 0 when they do not.
    func scalar(_ bytes: [UInt8]) -> UInt32 {
        var input = bytes.map { CChar(bitPattern: $0) }
        var scalar: UInt32 = 0
        var left = input.count
        var room = MemoryLayout<UInt32>.size
        let result = unsafe input.withUnsafeMutableBufferPointer { input in
            unsafe withUnsafeMutableBytes(of: &scalar) { output in
                var from = input.baseAddress
                var to = unsafe output.bindMemory(to: CChar.self).baseAddress
                return unsafe iconv(handle, &from, &left, &to, &room)
            }
        }
        if result == -1 || left != 0 || room != 0 {
            // Back to the initial state for the next character.
            _ = unsafe iconv(handle, nil, nil, nil, nil)
            return 0
        }
        return UInt32(littleEndian: scalar)
    }
}
