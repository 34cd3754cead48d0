/// A date with a time of day and an offset from UTC, the value of a DT element: `YYYYMMDDHHMMSS.FFFFFF&ZZXX`, where
/// everything after the year may be left out (PS3.5 6.2).
///
/// ``description`` keeps the text as it was. Equality and order are those of the moment, then the less precise comes
/// first; a value without an offset is taken for UTC, see ``assuming(_:)``.
///
/// ```swift
/// let begin = dataSet[.acquisitionDateTime, as: DICOMDateTime.self]
/// let study = dataSet.dateTime(.studyDate, .studyTime)
/// let seconds = study.map { $0.sinceEpoch / .seconds(1) }
/// ```
public struct DICOMDateTime: DICOMRangeBound {
    /// 0 to 9999, in the Gregorian calendar.
    public let year: Int
    /// 1 to 12.
    public let month: Int?
    /// 1 to 31.
    public let day: Int?
    public let time: DICOMTime?
    public let offset: UTCOffset?
    /// The exact text.
    public let description: String

    /// The moment that `text` says; `nil` when it says none.
    public init?(_ text: String) {
        var scanner = FieldScanner(text)
        guard let year = scanner.digits(4) else { return nil }
        var month: Int?
        var day: Int?
        var time: DICOMTime?
        if scanner.seesDigit {
            month = scanner.pair(1...12)
            guard let month else { return nil }
            if scanner.seesDigit {
                day = scanner.pair(1...DICOMDate.days(inMonth: month, of: year))
                guard day != nil else { return nil }
            }
        }
        if day != nil, scanner.seesDigit {
            time = DICOMTime(&scanner, text)
            guard time != nil else { return nil }
        }
        var offset: UTCOffset?
        if !scanner.isAtEnd {
            offset = UTCOffset(&scanner)
            guard offset != nil, scanner.isAtEnd else { return nil }
        }
        self.year = year
        self.month = month
        self.day = day
        // Its text is that of the time alone, not of the whole value.
        self.time = time.flatMap { DICOMTime($0.standardText) }
        self.offset = offset
        description = text
    }

    /// A moment that is known to the last part that is not `nil`; `nil` when a part is out of its range or one before
    /// it is missing.
    public init?(
        year: Int, month: Int? = nil, day: Int? = nil, time: DICOMTime? = nil, offset: UTCOffset? = nil
    ) {
        guard month != nil || day == nil, day != nil || time == nil, var text = fixedDigits(year, 4) else { return nil }
        for case let part? in [month, day] {
            guard let digits = fixedDigits(part, 2) else { return nil }
            text += digits
        }
        self.init(text + (time?.standardText ?? "") + (offset?.standardText ?? ""))
    }

    /// A DA and a TM value together, as one moment.
    public init(_ date: DICOMDate, _ time: DICOMTime?, offset: UTCOffset? = nil) {
        year = date.year
        month = date.month
        day = date.day
        self.time = time.flatMap { DICOMTime($0.standardText) }
        self.offset = offset
        description = Self.text(date.year, date.month, date.day, time, offset)
    }

    /// The moment so long after 1970-01-01T00:00:00 UTC, in the given zone; `nil` outside the years 0 to 9999.
    ///
    /// - Parameter fractionDigits: How many digits of the second's fraction are kept, 0 to 6; the rest is cut off.
    public init?(sinceEpoch: Duration, offset: UTCOffset = .utc, fractionDigits: Int = 6) {
        let (seconds, attoseconds) = sinceEpoch.components
        // The years 0 to 9999 and a day more, so that nothing below overflows.
        guard (-62_167_305_600...253_402_387_200).contains(seconds), (0...6).contains(fractionDigits) else {
            return nil
        }
        let (borrowed, fraction) = floorDivide(Int(attoseconds), by: 1_000_000_000_000_000_000)
        let local = Int(seconds) + borrowed + offset.minutes * 60
        let (days, second) = floorDivide(local, by: 86_400)
        let microsecond = fractionDigits == 0 ? nil : fraction / 1_000_000_000_000
        guard let date = DICOMDate(daysSinceEpoch: days),
            let time = DICOMTime(
                hour: second / 3600, minute: second / 60 % 60, second: second % 60, microsecond: microsecond,
                fractionDigits: max(1, fractionDigits))
        else { return nil }
        self.init(date, time, offset: offset)
    }
}

extension DICOMDateTime {
    /// The date, where month and day are known.
    public var date: DICOMDate? {
        guard let month, let day else { return nil }
        return DICOMDate(year: year, month: month, day: day)
    }

    /// The same in this zone, where the value has no offset of its own: Timezone Offset From UTC (0008,0201), or the
    /// zone that one's own machine is in.
    public func assuming(_ offset: UTCOffset?) -> DICOMDateTime {
        guard let offset, self.offset == nil else { return self }
        return DICOMDateTime(year: year, month: month, day: day, time: time, offset: offset) ?? self
    }

    /// The time from 1970-01-01T00:00:00 UTC to the first moment that the value stands for, exact to the µs.
    ///
    /// A value without an offset is taken for UTC; a leap second is the first of the next minute, as in POSIX.
    public var sinceEpoch: Duration { .microseconds(span.lowerBound) }

    /// The first and the last µs since 1970-01-01T00:00:00 UTC.
    public var span: ClosedRange<Int> {
        let microsecondsPerDay = 86_400_000_000
        let firstDay = DICOMDate.days(year: year, month: month ?? 1, day: day ?? 1)
        let zone = (offset?.minutes ?? 0) * 60_000_000
        if let time {
            let start = firstDay * microsecondsPerDay - zone
            return start + time.span.lowerBound...start + time.span.upperBound
        }
        let lastMonth = month ?? 12
        let lastDay = day ?? DICOMDate.days(inMonth: lastMonth, of: year)
        let end = DICOMDate.days(year: year, month: lastMonth, day: lastDay) + 1
        return firstDay * microsecondsPerDay - zone...end * microsecondsPerDay - zone - 1
    }

    /// Whether the text is as PS3.5 6.2 asks; spaces may follow.
    public var isValid: Bool {
        withoutTrailingSpaces(description) == Self.text(year, month, day, time, offset)
    }

    private static func text(_ year: Int, _ month: Int?, _ day: Int?, _ time: DICOMTime?, _ offset: UTCOffset?)
        -> String
    {
        let date = [(year, 4), (month ?? 0, month == nil ? 0 : 2), (day ?? 0, day == nil ? 0 : 2)]
        return date.map { $1 == 0 ? "" : fixedDigits($0, $1) ?? "" }.joined() + (time?.standardText ?? "")
            + (offset?.standardText ?? "")
    }
}

extension DataSet {
    /// A date and the time that belongs to it as one moment, in the zone of Timezone Offset From UTC (0008,0201) where
    /// this data set states it (PS3.3 C.12.1.1.8). `nil` without a date.
    public func dateTime(_ date: Attribute<String>, _ time: Attribute<String>) -> DICOMDateTime? {
        self[date, as: DICOMDate.self].map {
            DICOMDateTime(
                $0, self[time, as: DICOMTime.self], offset: self[.timezoneOffset, as: UTCOffset.self])
        }
    }
}

extension Attribute<String> {
    fileprivate static var timezoneOffset: Self { .init(0x0008_0201, .sh) }
}
