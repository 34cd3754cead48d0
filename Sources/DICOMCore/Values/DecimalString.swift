import Glibc

/// A number written as characters, the value of a DS element (PS3.5 6.2): its exact text and the number.
///
/// Equality is that of the text: `1.0` and `1.00` are the same number, said with another precision.
///
/// ```swift
/// let slope = dataSet[.rescaleSlope, as: DecimalString.self]
/// print(slope?.description ?? "", slope?.double ?? 1)
/// ```
public struct DecimalString: AttributeScalar, Hashable, LosslessStringConvertible {
    public let double: Double
    /// The exact text.
    public let description: String

    /// `nil` when `text` is not a finite number.
    public init?(_ text: String) {
        let digits = withoutPadding(text[...])
        // Double also takes hexadecimal digits, and words for what is not finite.
        guard digits.utf8.allSatisfy({ isDigit($0) || "+-.eE".utf8.contains($0) }), let number = Double(digits),
            number.isFinite
        else { return nil }
        double = number
        description = text
    }

    /// The closest number that 16 characters can say; `nil` when `number` is not finite.
    public init?(_ number: Double) { self.init(decimalString(number)) }

    /// Whether the text is as PS3.5 6.2 asks: at most 16 characters, spaces around the number included.
    public var isValid: Bool {
        guard description.utf8.count <= 16 else { return false }
        var rest = withoutSpaces(description)
        skipSign(&rest)
        let whole = skipDigits(&rest)
        var fraction = 0
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            fraction = skipDigits(&rest)
        }
        guard whole + fraction > 0 else { return false }
        if let exponent = rest.first, exponent | 0x20 == UInt8(ascii: "e") {
            rest.removeFirst()
            skipSign(&rest)
            guard skipDigits(&rest) > 0 else { return false }
        }
        return rest.isEmpty
    }
}

/// A whole number written as characters, the value of an IS element (PS3.5 6.2): its exact text and the number.
///
/// Equality is that of the text: `1` and `001` differ.
public struct IntegerString: AttributeScalar, Hashable, LosslessStringConvertible {
    public let int: Int
    /// The exact text.
    public let description: String

    /// `nil` when `text` is not a whole number; `5.0`, which some devices write, is one.
    public init?(_ text: String) {
        let digits = withoutPadding(text[...])
        guard let number = Int(digits) ?? DecimalString(text).flatMap({ Int(exactly: $0.double) }) else { return nil }
        int = number
        description = text
    }

    public init(_ number: Int) {
        int = number
        description = String(number)
    }

    /// Whether the text is as PS3.5 6.2 asks: at most 12 characters, spaces around the number included, and at most 32
    /// bits.
    public var isValid: Bool {
        guard description.utf8.count <= 12, Int32(exactly: int) != nil else { return false }
        var rest = withoutSpaces(description)
        skipSign(&rest)
        return skipDigits(&rest) > 0 && rest.isEmpty
    }
}

private func withoutSpaces(_ text: String) -> Substring.UTF8View {
    var rest = withoutTrailingSpaces(text).utf8
    while rest.first == 0x20 { rest.removeFirst() }
    return rest
}

private func skipSign(_ rest: inout Substring.UTF8View) {
    if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { rest.removeFirst() }
}

private func skipDigits(_ rest: inout Substring.UTF8View) -> Int {
    let count = rest.prefix(while: isDigit).count
    rest.removeFirst(count)
    return count
}

/// `number` as a DS value: at most 16 characters (PS3.5 6.2), the closest that fits.
///
/// What is not finite has no decimal string and gives an empty one, which strict writing refuses where a value is needed.
package func decimalString(_ number: Double) -> String {
    guard number.isFinite else { return "\(number)" }
    if let integer = Int(exactly: number), abs(number) < 1e15 { return String(integer) }
    let shortest = "\(number)"
    if shortest.utf8.count <= 16 { return shortest }
    // The most significant digits whose text still fits: 17 suffice for every Double, 9 always fit (-1.23456789e-300).
    for precision in stride(from: 16, through: 9, by: -1) {
        let text = formatted(number, precision)
        if text.utf8.count <= 16 { return text }
    }
    return formatted(number, 8)
}

private func formatted(_ number: Double, _ precision: Int) -> String {
    var buffer = [CChar](repeating: 0, count: 40)
    let count = unsafe withVaList([precision, number]) { arguments in
        unsafe vsnprintf(&buffer, 40, "%.*g", arguments)
    }
    return String(decoding: buffer.prefix(Int(max(0, count))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
