/// A date, the value of a DA element: `YYYYMMDD` (PS3.5 6.2).
///
/// The form `YYYY.MM.DD` of the ACR-NEMA standard is read too, and ``description`` keeps the text as it was. Equality
/// and order are those of the day.
///
/// ```swift
/// let birth = dataSet[.patientBirthDate, as: DICOMDate.self]
/// dataSet[.studyDate, as: DICOMDate.self] = DICOMDate(year: 2026, month: 2, day: 28)
/// ```
public struct DICOMDate: DICOMRangeBound {
    /// 0 to 9999, in the Gregorian calendar.
    public let year: Int
    /// 1 to 12.
    public let month: Int
    /// 1 to 31.
    public let day: Int
    /// The exact text.
    public let description: String

    /// The date that `text` says; `nil` when it says none.
    public init?(_ text: String) {
        var scanner = FieldScanner(text)
        guard let year = scanner.digits(4) else { return nil }
        let hasDots = scanner.skip(".")
        guard let month = scanner.pair(1...12), scanner.skip(".") == hasDots,
            let day = scanner.pair(1...Self.days(inMonth: month, of: year)), scanner.isAtEnd
        else { return nil }
        self.year = year
        self.month = month
        self.day = day
        description = text
    }

    /// `nil` when there is no such day.
    public init?(year: Int, month: Int, day: Int) {
        guard let year = fixedDigits(year, 4), let month = fixedDigits(month, 2), let day = fixedDigits(day, 2) else {
            return nil
        }
        self.init(year + month + day)
    }

    /// Whether the text is as PS3.5 6.2 asks: eight digits.
    public var isValid: Bool { description.utf8.count == 8 }

    public var span: ClosedRange<Int> { daysSinceEpoch...daysSinceEpoch }
}

// MARK: - Days

extension DICOMDate {
    /// Days since 1970-01-01, negative before it.
    public var daysSinceEpoch: Int { Self.days(year: year, month: month, day: day) }

    /// The date that many days after 1970-01-01; `nil` outside the years 0 to 9999.
    public init?(daysSinceEpoch: Int) {
        guard
            (Self.days(year: 0, month: 1, day: 1)...Self.days(year: 9999, month: 12, day: 31)).contains(daysSinceEpoch)
        else { return nil }
        // Years are counted from March, so that the leap day is the last of its year, in eras of 400 years.
        let (era, dayOfEra) = floorDivide(daysSinceEpoch + Self.epoch, by: Self.daysPerEra)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        self.init(
            year: era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month: month,
            day: dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }

    /// Days from 0000-03-01 to 1970-01-01, and those of 400 years.
    private static let epoch = 719_468
    private static let daysPerEra = 146_097

    /// The days since 1970-01-01 of a day of the Gregorian calendar, which is taken to apply before 1582 too.
    static func days(year: Int, month: Int, day: Int) -> Int {
        let (era, yearOfEra) = floorDivide(month <= 2 ? year - 1 : year, by: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * daysPerEra + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - epoch
    }

    static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
