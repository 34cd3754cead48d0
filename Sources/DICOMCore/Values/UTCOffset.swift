/// How far a zone's time is from UTC: `&ZZXX`, the end of a DT value and the value of Timezone Offset From UTC
/// (0008,0201) (PS3.5 6.2, PS3.3 C.12.1.1.8).
///
/// Equality is that of the offset; ``description`` keeps the text as it was.
public struct UTCOffset: AttributeScalar, Hashable, LosslessStringConvertible {
    /// Local time minus UTC in minutes, -720 to 840.
    public let minutes: Int
    /// The exact text.
    public let description: String

    /// The offset that `text` says, such as `-0530`; `nil` when it says none.
    public init?(_ text: String) {
        var scanner = FieldScanner(text)
        guard let offset = UTCOffset(&scanner), scanner.isAtEnd else { return nil }
        minutes = offset.minutes
        description = text
    }

    /// `nil` outside -720 (-1200) to 840 (+1400).
    public init?(minutes: Int) {
        guard Self.range.contains(minutes) else { return nil }
        self.minutes = minutes
        description = Self.text(minutes)
    }

    /// The offset that `scanner` stands before. -0000 is read, though it shall not be used.
    init?(_ scanner: inout FieldScanner) {
        let isNegative = scanner.skip("-")
        guard isNegative || scanner.skip("+"), let hours = scanner.digits(2), let rest = scanner.pair(0...59) else {
            return nil
        }
        let minutes = hours * 60 + rest
        guard Self.range.contains(isNegative ? -minutes : minutes) else { return nil }
        self.minutes = isNegative ? -minutes : minutes
        description = minutes == 0 && isNegative ? "-0000" : Self.text(self.minutes)
    }

    /// UTC itself.
    public static let utc = UTCOffset(utc: ())

    private init(utc: Void) {
        minutes = 0
        description = "+0000"
    }

    private static let range = -720...840

    private static func text(_ minutes: Int) -> String {
        let (hours, rest) = abs(minutes).quotientAndRemainder(dividingBy: 60)
        return (minutes < 0 ? "-" : "+") + (fixedDigits(hours, 2) ?? "") + (fixedDigits(rest, 2) ?? "")
    }

    var standardText: String { Self.text(minutes) }

    public static func == (lhs: UTCOffset, rhs: UTCOffset) -> Bool { lhs.minutes == rhs.minutes }
    public func hash(into hasher: inout Hasher) { hasher.combine(minutes) }
}
