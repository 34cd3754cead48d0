/// Number tokens (RFC 8259 section 6).
enum JSONNumber {
    /// Where the number ends that the bytes begin with; `nil` when they begin with none.
    static func end(in bytes: ArraySlice<UInt8>) -> Int? {
        var index = bytes.startIndex
        func isAt(_ letter: Unicode.Scalar) -> Bool { index < bytes.endIndex && bytes[index] == UInt8(ascii: letter) }
        func skipDigits() -> Bool {
            let start = index
            while index < bytes.endIndex, isDigit(bytes[index]) { index += 1 }
            return index > start
        }
        if isAt("-") { index += 1 }
        if isAt("0") { index += 1 } else if !skipDigits() { return nil }
        if isAt(".") {
            index += 1
            if !skipDigits() { return nil }
        }
        if isAt("e") || isAt("E") {
            index += 1
            if isAt("+") || isAt("-") { index += 1 }
            if !skipDigits() { return nil }
        }
        return index
    }

    /// Whether the bytes are a number and nothing else.
    static func isNumber(_ bytes: ArraySlice<UInt8>) -> Bool { end(in: bytes) == bytes.endIndex }

    /// Whether the bytes are digits, after a minus or not.
    static func isInteger(_ bytes: ArraySlice<UInt8>) -> Bool {
        let digits = bytes.first == UInt8(ascii: "-") ? bytes.dropFirst() : bytes
        return !digits.isEmpty && digits.allSatisfy(isDigit)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
}

/// The inside of strings (RFC 8259 section 7).
enum JSONString {
    /// The number of bytes of the escape that the bytes begin with, both halves of a surrogate pair counted; `nil` when it
    /// is none.
    static func escapeLength(in bytes: ArraySlice<UInt8>) -> Int? {
        let index = bytes.startIndex
        guard bytes.count >= 2 else { return nil }
        guard bytes[index + 1] == UInt8(ascii: "u") else { return replacement(bytes[index + 1]) == nil ? nil : 2 }
        guard let unit = codeUnit(bytes) else { return nil }
        if UTF16.isLeadSurrogate(unit) {
            guard let second = codeUnit(bytes.dropFirst(6)), UTF16.isTrailSurrogate(second) else { return nil }
            return 12
        }
        return UTF16.isTrailSurrogate(unit) ? nil : 6
    }

    /// The number of bytes of the character that the bytes begin with; `nil` when it is not valid UTF-8 (RFC 3629).
    static func utf8Length(in bytes: ArraySlice<UInt8>) -> Int? {
        let index = bytes.startIndex
        let first = bytes[index]
        // The second byte's range keeps out overlong forms, surrogates and what is beyond U+10FFFF.
        let (length, second): (Int, ClosedRange<UInt8>) =
            switch first {
            case 0x00...0x7F: (1, 0x80...0xBF)
            case 0xC2...0xDF: (2, 0x80...0xBF)
            case 0xE0: (3, 0xA0...0xBF)
            case 0xED: (3, 0x80...0x9F)
            case 0xE1...0xEF: (3, 0x80...0xBF)
            case 0xF0: (4, 0x90...0xBF)
            case 0xF1...0xF3: (4, 0x80...0xBF)
            case 0xF4: (4, 0x80...0x8F)
            default: (0, 0x80...0xBF)
            }
        guard length > 0, bytes.count >= length else { return nil }
        guard length == 1 || second.contains(bytes[index + 1]) else { return nil }
        for position in 2..<max(2, length) where bytes[index + position] & 0xC0 != 0x80 { return nil }
        return length
    }

    /// The UTF-8 bytes that a string, whose escapes were checked, stands for.
    static func unescaped(_ bytes: ArraySlice<UInt8>, firstEscape: Int) -> [UInt8] {
        var result = [UInt8](bytes[..<firstEscape])
        result.reserveCapacity(bytes.count)
        var index = firstEscape
        while index < bytes.endIndex {
            guard bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.endIndex else {
                result.append(bytes[index])
                index += 1
                continue
            }
            if let byte = replacement(bytes[index + 1]) {
                result.append(byte)
                index += 2
                continue
            }
            let length = escapeLength(in: bytes[index...]) ?? 2
            let units = stride(from: 0, to: length, by: 6).compactMap { codeUnit(bytes[(index + $0)...]) }
            result.append(contentsOf: String(decoding: units, as: UTF16.self).utf8)
            index += length
        }
        return result
    }

    /// The byte that an escape with this letter stands for.
    private static func replacement(_ letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    /// The four hexadecimal digits after `\u`.
    private static func codeUnit(_ bytes: ArraySlice<UInt8>) -> UInt16? {
        let index = bytes.startIndex
        guard bytes.count >= 6, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u") else {
            return nil
        }
        return hexadecimalNumber(bytes[(index + 2)..<(index + 6)]).map { UInt16(truncatingIfNeeded: $0) }
    }
}

/// The number that at most eight hexadecimal digits stand for.
func hexadecimalNumber(_ digits: ArraySlice<UInt8>) -> UInt32? {
    var number: UInt32 = 0
    for digit in digits {
        let value: UInt8
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): value = digit - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
        default: return nil
        }
        number = number << 4 | UInt32(value)
    }
    return number
}
