import DICOMCore
import DICOMDictionary
import DICOMTesting
import Testing

/// Days since 1970-01-01, by Python's `date.toordinal`.
private let goldenDays: [(String, Int)] = [
    ("00010101", -719162), ("00040229", -718008), ("15821015", -141427), ("16000229", -135081),
    ("19000228", -25509), ("19000301", -25508), ("19691231", -1), ("19700101", 0), ("20000229", 11016),
    ("20001231", 11322), ("21000301", 47541), ("99991231", 2_932_896), ("27330911", 278933), ("68060830", 1_766_554),
    ("62500920", 1_563_500), ("14980922", -172130), ("42490604", 832542), ("69360309", 1_813_862),
    ("54441106", 1_269_162), ("71860714", 1_905_299), ("66710414", 1_717_108), ("07530705", -444315),
    ("69550622", 1_820_906), ("01520320", -663932), ("96180304", 2_793_437), ("53890626", 1_248_941),
    ("29790428", 368647), ("63260101", 1_590_996), ("26911220", 263693), ("22021202", 85071), ("82360614", 2_288_774),
    ("54010430", 1_253_266), ("62130503", 1_549_846), ("96060808", 2_789_211), ("63121003", 1_586_158),
    ("54710405", 1_278_808), ("45610717", 946541), ("73391025", 1_961_284), ("98880824", 2_892_226),
    ("17300816", -87431),
]

/// µs since 1970-01-01T00:00:00 UTC, by Python's `datetime` with `timezone`.
private let goldenInstants: [(String, Int)] = [
    ("19700101000000.000000+0000", 0),
    ("19700101000000.000000+0100", -3_600_000_000),
    ("19691231235959.999999+0000", -1),
    ("20200229233000.000000-0530", 1_583_038_800_000_000),
    ("20200301001500.500000+1400", 1_582_971_300_500_000),
    ("20200101000000.000001+1400", 1_577_786_400_000_001),
    ("20191231235959.999999-1200", 1_577_879_999_999_999),
    ("00010102000000.000000+1400", -62_135_560_800_000_000),
    ("99991230235959.999999-1200", 253_402_257_599_999_999),
    ("19000301120000.250000-0430", -2_203_831_799_750_000),
    ("26650525200955.970808+0430", 21_944_619_595_970_808),
    ("44791223230042.814989-1000", 79_207_318_842_814_989),
    ("18320731180219.817969-1115", -4_336_483_360_182_031),
    ("94590830083038.753741+0015", 236_350_858_538_753_741),
    ("82021119132546.839813+0615", 196_690_749_046_839_813),
    ("51071214045623.102188-1100", 99_024_134_183_102_188),
    ("15630705151316.704686+0145", -12_827_673_103_295_314),
    ("89470707205419.441606+0400", 220_189_078_459_441_606),
    ("95730604123622.560047+0630", 239_940_857_182_560_047),
    ("46820716181457.353123+0945", 85_599_448_197_353_123),
]

struct DateTests {
    @Test(arguments: goldenDays) func daysSinceEpochAreThoseOfPython(text: String, days: Int) throws {
        let date = try #require(DICOMDate(text))
        #expect(date.daysSinceEpoch == days)
        #expect(DICOMDate(daysSinceEpoch: days)?.description == text)
    }

    /// A checksum over every day from 1890 to 2110, computed alike with Python's `date`.
    @Test func everyDayOfTwoCenturiesIsThatOfPython() {
        var checksum = 0
        for days in -29_219...51_498 {
            guard let date = DICOMDate(daysSinceEpoch: days), date.daysSinceEpoch == days else {
                Issue.record("day \(days) does not come back")
                return
            }
            let digits = date.year * 10_000 + date.month * 100 + date.day
            checksum = (checksum * 31 + digits * 7 + days + 100_000) % 1_000_000_007
        }
        #expect(checksum == 21_696_412)
    }

    @Test func randomDaysComeBack() {
        var generator = SeededGenerator(seed: 11)
        var last = (days: Int.min, date: DICOMDate?.none)
        for _ in 0..<2000 {
            let days = Int.random(in: -719_528...2_932_896, using: &generator)
            let date = DICOMDate(daysSinceEpoch: days)
            #expect(date?.daysSinceEpoch == days && date?.isValid == true)
            if let date, let previous = last.date { #expect((date < previous) == (days < last.days)) }
            last = (days, date)
        }
        #expect(DICOMDate(daysSinceEpoch: -719_528)?.description == "00000101")
        for outside in [-719_529, 2_932_897, .min, .max] { #expect(DICOMDate(daysSinceEpoch: outside) == nil) }
    }

    @Test func theOldFormIsReadAndKept() throws {
        let old = try #require(DICOMDate("1993.08.22"))
        #expect(old == DICOMDate("19930822") && !old.isValid && old.description == "1993.08.22")
        for text in ["1993.0822", "199308.22", "1993.8.22", "1993-08-22", "19930230", "", "00000000", "1993082", "x"] {
            #expect(DICOMDate(text) == nil, "\(text)")
        }
        #expect(DICOMDate(year: 2024, month: 2, day: 29)?.description == "20240229")
        #expect(DICOMDate(year: 2023, month: 2, day: 29) == nil)
        #expect(DICOMDate(year: -1, month: 1, day: 1) == nil && DICOMDate(year: 10_000, month: 1, day: 1) == nil)
    }
}

struct TimeTests {
    @Test(
        arguments: [
            ("10", 10, nil, nil, nil, 0), ("1015", 10, 15, nil, nil, 0), ("101530", 10, 15, 30, nil, 0),
            ("101530.1", 10, 15, 30, 100_000, 1), ("101530.120", 10, 15, 30, 120_000, 3),
            ("101530.000001", 10, 15, 30, 1, 6), ("235960", 23, 59, 60, nil, 0), ("10:15:30", 10, 15, 30, nil, 0),
            ("10:15", 10, 15, nil, nil, 0), ("101530.1234567", 10, 15, 30, 123_456, 6), ("101530.", 10, 15, 30, nil, 0),
            ("1015 ", 10, 15, nil, nil, 0),
        ] as [(String, Int, Int?, Int?, Int?, Int)])
    func partsAreReadWithTheirPrecision(
        text: String, hour: Int, minute: Int?, second: Int?, microsecond: Int?, digits: Int
    ) throws {
        let time = try #require(DICOMTime(text))
        #expect(time.hour == hour && time.minute == minute && time.second == second)
        #expect(time.microsecond == microsecond && time.fractionDigits == digits && time.description == text)
    }

    @Test(arguments: ["", "1", "101", "24", "2360", "235961", "10.5", "10:", "10:1530", "x", "10 15", "-10", "+1"])
    func whatIsNoTimeIsNone(text: String) { #expect(DICOMTime(text) == nil) }

    @Test func timesAreMadeOfParts() {
        #expect(DICOMTime(hour: 7)?.description == "07")
        #expect(
            DICOMTime(hour: 7, minute: 5, second: 9, microsecond: 120_000, fractionDigits: 2)?.description
                == "070509.12")
        #expect(DICOMTime(hour: 7, minute: 5, second: 9, microsecond: 1)?.description == "070509.000001")
        #expect(DICOMTime(hour: 7, second: 9) == nil && DICOMTime(hour: 24) == nil && DICOMTime(hour: -1) == nil)
        #expect(DICOMTime(hour: 7, minute: 5, second: 9, microsecond: 1_000_000) == nil)
        #expect(DICOMTime(hour: 7, minute: 5, second: 9, microsecond: 1, fractionDigits: 7) == nil)
    }

    @Test func theLessPreciseComesFirst() {
        let ordered = [
            "0959", "10", "1000", "100000", "100000.0", "100000.000000", "100000.000001", "1030", "235959.999999",
        ]
        .compactMap { DICOMTime($0) }
        #expect(ordered.count == 9 && ordered.shuffled().sorted() == ordered)
        #expect(DICOMTime("10:15:30") == DICOMTime("101530") && DICOMTime("1015") != DICOMTime("101500"))
    }
}

struct DateTimeTests {
    @Test(arguments: goldenInstants) func instantsAreThoseOfPython(text: String, microseconds: Int) throws {
        let moment = try #require(DICOMDateTime(text))
        #expect(moment.sinceEpoch == .microseconds(microseconds) && moment.isValid)
        let back = DICOMDateTime(sinceEpoch: moment.sinceEpoch, offset: try #require(moment.offset))
        #expect(back?.description == text)
    }

    @Test(
        arguments: [
            ("2020", nil, nil, nil, nil), ("202002", 2, nil, nil, nil), ("20200229", 2, 29, nil, nil),
            ("2020022910", 2, 29, "10", nil), ("202002291015", 2, 29, "1015", nil),
            ("20200229101530.25", 2, 29, "101530.25", nil), ("2020+0100", nil, nil, nil, 60),
            ("202002-0930", 2, nil, nil, -570), ("20200229101560.5-0000", 2, 29, "101560.5", 0),
            ("2020-0500 ", nil, nil, nil, -300),
        ] as [(String, Int?, Int?, String?, Int?)])
    func partsMayBeLeftOutFromTheEnd(text: String, month: Int?, day: Int?, time: String?, offset: Int?) throws {
        let moment = try #require(DICOMDateTime(text))
        #expect(moment.year == 2020 && moment.month == month && moment.day == day)
        #expect(moment.time?.description == time && moment.offset?.minutes == offset && moment.description == text)
        let made = DICOMDateTime(year: 2020, month: month, day: day, time: moment.time, offset: moment.offset)
        #expect(made == moment && made?.isValid == true)
    }

    @Test(arguments: [
        "", "202", "20201", "202013", "20210229", "2020022924", "2020-1201", "2020+1401", "2020+0160", "2020+01",
        "20200229T10", "2020-2021", "+0100", "2020+0100+0100",
    ]) func whatIsNoMomentIsNone(text: String) { #expect(DICOMDateTime(text) == nil) }

    @Test func offsetsReachFromMinusTwelveToPlusFourteenHours() {
        #expect(UTCOffset("-1200")?.minutes == -720 && UTCOffset("+1400")?.minutes == 840)
        #expect(UTCOffset("-0000") == .utc && UTCOffset("-0000")?.description == "-0000")
        #expect(UTCOffset(minutes: -570)?.description == "-0930" && UTCOffset(minutes: 0)?.description == "+0000")
        #expect(UTCOffset(minutes: 841) == nil && UTCOffset(minutes: .min) == nil)
        for text in ["", "0100", "+1401", "-1201", "+01", "+0160", "Z", "+01:00"] { #expect(UTCOffset(text) == nil) }
    }

    /// The second before and after midnight, in zones on either side of the date line and of UTC.
    @Test func momentsInOtherZonesCrossMidnightAndYears() throws {
        let kiritimati = try #require(UTCOffset("+1400"))
        let moment = try #require(DICOMDateTime("20191231235959+0000"))
        #expect(
            DICOMDateTime(sinceEpoch: moment.sinceEpoch, offset: kiritimati, fractionDigits: 0)?.description
                == "20200101135959+1400")
        #expect(DICOMDateTime("20200101000000+0100") == DICOMDateTime("20191231230000+0000"))
        #expect(try #require(DICOMDateTime("20200101003000+0100")) < #require(DICOMDateTime("20191231234500+0000")))
        #expect(
            try #require(DICOMDateTime("20191231235960+0000")).sinceEpoch
                == #require(DICOMDateTime("20200101000000+0000")).sinceEpoch)
        #expect(DICOMDateTime(sinceEpoch: .seconds(Int64.max)) == nil)
        #expect(DICOMDateTime(sinceEpoch: .seconds(Int64.min)) == nil)
        #expect(DICOMDateTime(sinceEpoch: .zero, fractionDigits: 7) == nil)
        let before = DICOMDateTime(sinceEpoch: .nanoseconds(-1))
        #expect(before?.description == "19691231235959.999999+0000")
        // The first moment of year 0 in a zone behind UTC is before it there.
        #expect(DICOMDateTime(sinceEpoch: .seconds(-62_167_219_200), offset: try #require(UTCOffset("-0100"))) == nil)
    }

    @Test func dateAndTimeOfADataSetAreOneMomentInItsZone() throws {
        var dataSet = DataSet()
        #expect(dataSet.dateTime(.studyDate, .studyTime) == nil)
        dataSet[.studyDate] = "20200101"
        #expect(dataSet.dateTime(.studyDate, .studyTime)?.description == "20200101")
        dataSet[.studyTime] = "00:30:00.5"
        #expect(dataSet.dateTime(.studyDate, .studyTime)?.description == "20200101003000.5")
        dataSet[.timezoneOffsetFromUTC] = "+0100"
        let moment = try #require(dataSet.dateTime(.studyDate, .studyTime))
        #expect(moment.description == "20200101003000.5+0100" && moment.isValid)
        #expect(moment.sinceEpoch == .milliseconds(1_577_835_000_500))
        #expect(moment.date?.description == "20200101" && moment.time?.description == "003000.5")
        #expect(moment.assuming(.utc).offset?.minutes == 60)
        #expect(DICOMDateTime("2020")?.assuming(.utc).description == "2020+0000")
    }
}

struct RangeTests {
    @Test(arguments: [
        ("20200101-20200131", "20200101", true), ("20200101-20200131", "20200131", true),
        ("20200101-20200131", "20200201", false), ("20200101-", "20200101", true), ("20200101-", "99991231", true),
        ("20200101-", "20191231", false), ("-20200101", "20200101", true), ("-20200101", "20200102", false),
        ("20200101", "20200101", true), ("20200101", "2020.01.01", true), ("20200101", "20200102", false),
        ("20200101 - 20200131 ", "20200115", true), ("1990.01.01-1991.01.01", "19900615", true),
        ("20200131-20200101", "20200115", false),
    ]) func datesMatch(range: String, date: String, expected: Bool) throws {
        let range = try #require(DICOMRange<DICOMDate>(range))
        #expect(range.contains(try #require(DICOMDate(date))) == expected)
    }

    @Test(arguments: [
        ("10-12", "095959", false), ("10-12", "100000", true), ("10-12", "125959.999999", true),
        ("10-12", "13", false), ("-1030", "103059.9", true), ("-1030", "103100", false), ("2359-", "235960", true),
        ("1200-1230", "12", true), ("1200-1230", "13", false), ("10:00-10:30", "1015", true),
        ("000000-000000", "00", true), ("101530", "101530.5", true),
    ]) func timesMatch(range: String, time: String, expected: Bool) throws {
        let range = try #require(DICOMRange<DICOMTime>(range))
        #expect(range.contains(try #require(DICOMTime(time))) == expected)
    }

    @Test(
        arguments: [
            ("2020-0500", "2020-0500", "2020-0500"), ("2020-2021", "2020", "2021"), ("2020-", "2020", nil),
            ("-2020", nil, "2020"), ("2020-0500-", "2020-0500", nil), ("-2020-0500", nil, "2020-0500"),
            ("2020-0500-2021-0500", "2020-0500", "2021-0500"), ("2020-2021-0500", "2020", "2021-0500"),
            ("2020-0500-2021", "2020-0500", "2021"), ("2020+0100-2021-0500", "2020+0100", "2021-0500"),
            ("20200101120000.5-0330-20200102-0330", "20200101120000.5-0330", "20200102-0330"),
            ("2020-1130 - 2021-1130", "2020-1130", "2021-1130"),
        ] as [(String, String?, String?)])
    func theSignOfAnOffsetIsNoRangeHyphen(text: String, lower: String?, upper: String?) throws {
        let range = try #require(DICOMRange<DICOMDateTime>(text))
        #expect(range.lower?.description == lower && range.upper?.description == upper)
        #expect(range.description == text)
    }

    @Test(arguments: ["", "-", "--", "a-b", "2020--2021", "20200101-x", "x-20200101", "20200101-20200102-20200103"])
    func whatIsNoRangeIsNone(text: String) { #expect(DICOMRange<DICOMDate>(text) == nil) }

    @Test func hyphensWithoutEndAreRefused() {
        #expect(DICOMRange<DICOMDateTime>(String(repeating: "-", count: 100_000)) == nil)
    }

    @Test func momentsAreComparedInTheirZones() throws {
        let range = try #require(DICOMRange<DICOMDateTime>("20200101+0100-20200101+0100"))
        #expect(range.contains(try #require(DICOMDateTime("20191231230000+0000"))))
        #expect(!range.contains(try #require(DICOMDateTime("20191231225959+0000"))))
        #expect(!range.contains(try #require(DICOMDateTime("20200101230000+0000"))))
        let local = try #require(DICOMRange<DICOMDateTime>("20200101-")).assuming(UTCOffset("+0100"))
        #expect(local.contains(try #require(DICOMDateTime("20191231233000+0000"))))
    }

    @Test func rangesAreMadeOfValuesAndSetAsAttributes() throws {
        let first = try #require(DICOMDate("20200101"))
        let last = try #require(DICOMDate("20201231"))
        var identifier = DataSet()
        identifier[.studyDate, as: DICOMRange<DICOMDate>.self] = DICOMRange(first...last)
        #expect(identifier[.studyDate] == "20200101-20201231")
        #expect(identifier[.studyDate, as: DICOMRange<DICOMDate>.self]?.upper == last)
        #expect(identifier[.studyDate, as: DICOMDate.self] == nil)
        #expect(DICOMRange(first...).description == "20200101-" && DICOMRange(...last).description == "-20201231")
        #expect(DICOMRange(first).description == "20200101")
    }
}
