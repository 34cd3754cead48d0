/// A time of day, the value of a TM element: `HH`, `HHMM`, `HHMMSS` or `HHMMSS.F` with 1 to 6 digits after the point
/// (PS3.5 6.2).
///
/// What the text leaves out is `nil`: the time is then only known to the hour or minute. The form `HH:MM:SS` of the
/// ACR-NEMA standard is read too, and ``description`` keeps the text as it was. Times are compared by their first
/// moment, then the less precise comes first: `10 < 1000 < 100000 < 1030`.
public struct DICOMTime: DICOMRangeBound {
    /// 0 to 23.
    public let hour: Int
    /// 0 to 59.
    public let minute: Int?
    /// 0 to 60, where 60 is a leap second.
    public let second: Int?
    /// The fraction of the second, in µs.
    public let microsecond: Int?
    /// How many digits of the fraction are known, 0 to 6.
    public let fractionDigits: Int
    /// The exact text.
    public let description: String

    /// The time that `text` says; `nil` when it says none. Digits beyond the µs are not looked at.
    public init?(_ text: String) {
        var scanner = FieldScanner(text)
        self.init(&scanner, text)
        guard scanner.isAtEnd else { return nil }
    }

    /// The time that `scanner` stands before.
    init?(_ scanner: inout FieldScanner, _ text: String) {
        guard let hour = scanner.pair(0...23) else { return nil }
        self.hour = hour
        let hasColons = scanner.skip(":")
        var fields: [Int] = []
        if hasColons || scanner.seesDigit {
            guard let minute = scanner.pair(0...59) else { return nil }
            fields.append(minute)
            if hasColons ? scanner.skip(":") : scanner.seesDigit {
                guard let second = scanner.pair(0...60) else { return nil }
                fields.append(second)
            }
        }
        var fraction = 0
        var count = 0
        if fields.count == 2, scanner.skip(".") {
            while let digit = scanner.digits(1) {
                guard count < 6 else { continue }
                fraction = fraction * 10 + digit
                count += 1
            }
        }
        minute = fields.first
        second = fields.count == 2 ? fields[1] : nil
        microsecond = count == 0 ? nil : fraction * powersOfTen[6 - count]
        fractionDigits = count
        description = text
    }

    /// A time that is known to the last part that is not `nil`.
    ///
    /// `fractionDigits` of `microsecond` are kept. The result is `nil` when a part is out of its range or one before it
    /// is missing.
    public init?(
        hour: Int, minute: Int? = nil, second: Int? = nil, microsecond: Int? = nil, fractionDigits: Int = 6
    ) {
        guard minute != nil || second == nil, second != nil || microsecond == nil, (1...6).contains(fractionDigits),
            var text = fixedDigits(hour, 2)
        else { return nil }
        for case let part? in [minute, second] {
            guard let digits = fixedDigits(part, 2) else { return nil }
            text += digits
        }
        if let microsecond {
            guard let digits = fixedDigits(microsecond, 6) else { return nil }
            text += "." + digits.prefix(fractionDigits)
        }
        self.init(text)
    }
}

private let powersOfTen = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]

extension DICOMTime {
    /// Whether the text is as PS3.5 6.2 asks; spaces may follow.
    public var isValid: Bool { withoutTrailingSpaces(description) == standardText }

    /// The form of PS3.5 6.2, without colons and surplus digits.
    var standardText: String {
        var text = digits(hour, 2)
        if let minute { text += digits(minute, 2) }
        if let second { text += digits(second, 2) }
        if let microsecond { text += "." + digits(microsecond, 6).prefix(fractionDigits) }
        return text
    }

    private func digits(_ number: Int, _ count: Int) -> String { fixedDigits(number, count) ?? "" }

    /// The first and the last µs after midnight.
    public var span: ClosedRange<Int> {
        let seconds = hour * 3600 + (minute ?? 0) * 60 + (second ?? 0)
        let first = seconds * 1_000_000 + (microsecond ?? 0)
        let length =
            if second != nil { powersOfTen[6 - fractionDigits] } else { (minute == nil ? 3600 : 60) * 1_000_000 }
        return first...first + length - 1
    }
}
