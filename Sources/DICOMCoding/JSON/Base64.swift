/// Base64 with padding and without line ends (RFC 4648 section 4).
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let pad = UInt8(ascii: "=")
    /// What a byte that is no digit stands for in ``values``.
    private static let none: UInt8 = 0xFF

    private static let values: [UInt8] = {
        var values = [UInt8](repeating: none, count: 256)
        for (value, letter) in alphabet.enumerated() { values[Int(letter)] = UInt8(value) }
        return values
    }()

    /// Appends the text of `bytes` to `text`.
    package static func append(_ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        var target = text.count
        text.append(contentsOf: repeatElement(pad, count: (bytes.count + 2) / 3 * 4))
        // Spans and a local table: an access to the array or the global for each byte would cost several times as much.
        let source = bytes.span
        var output = text.mutableSpan
        let alphabet = alphabet
        let digits = alphabet.span
        var index = 0
        while index + 2 < source.count {
            let bits = UInt32(source[index]) << 16 | UInt32(source[index + 1]) << 8 | UInt32(source[index + 2])
            output[target] = digits[Int(bits >> 18)]
            output[target + 1] = digits[Int(bits >> 12 & 63)]
            output[target + 2] = digits[Int(bits >> 6 & 63)]
            output[target + 3] = digits[Int(bits & 63)]
            index += 3
            target += 4
        }
        guard index < source.count else { return }
        let second = index + 1 < source.count ? source[index + 1] : nil
        let bits = UInt32(source[index]) << 16 | UInt32(second ?? 0) << 8
        output[target] = digits[Int(bits >> 18)]
        output[target + 1] = digits[Int(bits >> 12 & 63)]
        if second != nil { output[target + 2] = digits[Int(bits >> 6 & 63)] }
    }

    /// The bytes that `text` stands for; `nil` when it has other characters, or not the padding that it should.
    package static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 4) else { return nil }
        let digits = text.suffix(2).reduce(text.count) { $1 == pad ? $0 - 1 : $0 }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits / 4 * 3 + 2)
        let source = text.span
        let table = values
        let values = table.span
        var bits: UInt32 = 0
        for index in 0..<digits {
            let value = values[Int(source[index])]
            guard value != none else { return nil }
            bits = bits << 6 | UInt32(value)
            guard index & 3 == 3 else { continue }
            bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
            bytes.append(UInt8(truncatingIfNeeded: bits))
        }
        switch digits & 3 {
        case 2: bytes.append(UInt8(truncatingIfNeeded: bits >> 4))
        case 3:
            bytes.append(UInt8(truncatingIfNeeded: bits >> 10))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 2))
        default: break
        }
        return bytes
    }
}
