/// Reads the fixed fields of dates, times and ages from the front of a text; padding around it is skipped.
struct FieldScanner {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = withoutPadding(text[...]).utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    /// The number of exactly `count` digits; where they are not there, nothing is read.
    mutating func digits(_ count: Int) -> Int? {
        let field = rest.prefix(count)
        guard field.count == count, field.allSatisfy(isDigit) else { return nil }
        rest.removeFirst(count)
        return field.reduce(0) { $0 * 10 + Int($1 & 0x0F) }
    }

    /// A field of two digits in `range`.
    mutating func pair(_ range: ClosedRange<Int>) -> Int? {
        digits(2).flatMap { range.contains($0) ? $0 : nil }
    }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard let first = rest.first, UInt32(first) == character.value else { return false }
        rest.removeFirst()
        return true
    }

    /// Whether a digit comes next.
    var seesDigit: Bool { rest.first.map(isDigit) ?? false }

    /// The next ASCII letter, in upper case.
    mutating func letter() -> Character? {
        guard let byte = rest.first, (0x41...0x5A).contains(byte & 0xDF) else { return nil }
        rest.removeFirst()
        return Character(Unicode.Scalar(byte & 0xDF))
    }
}

func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

/// Without the spaces and NULs around it.
func withoutPadding(_ text: Substring) -> Substring {
    var utf8 = text.utf8
    while let last = utf8.last, last == 0x20 || last == 0 { utf8.removeLast() }
    while let first = utf8.first, first == 0x20 { utf8.removeFirst() }
    return Substring(utf8)
}

func withoutTrailingSpaces(_ text: String) -> Substring {
    var utf8 = text[...].utf8
    while utf8.last == 0x20 { utf8.removeLast() }
    return Substring(utf8)
}

/// `number` in `count` digits; `nil` when it is negative or has more.
func fixedDigits(_ number: Int, _ count: Int) -> String? {
    let digits = String(number)
    guard number >= 0, digits.utf8.count <= count else { return nil }
    return String(repeating: "0", count: count - digits.utf8.count) + digits
}

/// Quotient and remainder of a division that rounds down, so that the remainder is never negative.
func floorDivide(_ number: Int, by divisor: Int) -> (quotient: Int, remainder: Int) {
    let (quotient, remainder) = number.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
}
