/// An age, the value of an AS element: three digits and `D`, `W`, `M` or `Y` (PS3.5 6.2).
///
/// Fewer digits and lower-case letters are read too, and ``description`` keeps the text as it was. Equality is that of
/// number and unit; 12 months and 1 year are not the same age.
public struct DICOMAge: AttributeScalar, Hashable, LosslessStringConvertible {
    public enum Unit: Character, Sendable, Hashable {
        case days = "D"
        case weeks = "W"
        case months = "M"
        case years = "Y"
    }

    /// 0 to 999.
    public let number: Int
    public let unit: Unit
    /// The exact text.
    public let description: String

    /// The age that `text` says; `nil` when it says none.
    public init?(_ text: String) {
        var scanner = FieldScanner(text)
        guard let number = scanner.digits(3) ?? scanner.digits(2) ?? scanner.digits(1),
            let unit = scanner.letter().flatMap(Unit.init), scanner.isAtEnd
        else { return nil }
        self.number = number
        self.unit = unit
        description = text
    }

    /// `nil` when the number is not 0 to 999.
    public init?(_ number: Int, _ unit: Unit) {
        guard let digits = fixedDigits(number, 3) else { return nil }
        self.init(digits + String(unit.rawValue))
    }

    /// Whether the text is as PS3.5 6.2 asks.
    public var isValid: Bool { description == (fixedDigits(number, 3) ?? "") + String(unit.rawValue) }

    public static func == (lhs: DICOMAge, rhs: DICOMAge) -> Bool { lhs.number == rhs.number && lhs.unit == rhs.unit }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(number)
        hasher.combine(unit)
    }
}
