import DICOMCore
import DICOMDictionary
import DICOMTesting
import Testing

/// What `pydicom.valuerep.validate_value` of pydicom 3.0.2 says of values for writing.
private struct Verdicts: Sendable {
    let vr: VR
    let accepted: [String]
    let refused: [String]

    init(_ code: String, accepted: [String], refused: [String]) {
        vr = VR(code: code) ?? .un
        self.accepted = accepted
        self.refused = refused
    }
}

private func rep(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

private let verdicts: [Verdicts] = [
    Verdicts(
        "AE",
        accepted: [
            "A", "ARCHIVE", "a b-c.d", "SIXTEEN_CHARS_16", "   ", "MYAE  ", "A*?",
        ],
        refused: [
            "SEVENTEEN_CHARS_7", "TAB\u{9}", "\u{C4}E", "DEL\u{7F}",
        ]),
    Verdicts(
        "AS",
        accepted: [
            "045Y", "000D", "999W", "012M",
        ],
        refused: [
            "45Y", "045y", "0045Y", "045", "045Y ", "Y045", "0 5Y",
        ]),
    Verdicts(
        "CS",
        accepted: [
            "AXIAL", "A_B 1", "SIXTEEN_CHARS_16", "AXIAL ", "ISO_IR 100",
        ],
        refused: [
            "sixteen", "SEVENTEEN_CHARS_7", "A-B", "CT*", "\u{C4}", "A.B",
        ]),
    Verdicts(
        "DA",
        accepted: [
            "19930822", "20000229", "19000229", "20230230", "20230431", "20230100", "20230101-20230201", "-20230101",
            "20230101-", "00010101", "99991231",
        ],
        refused: [
            "20231301", "2023", "1993.08.22", "1993-08-22", "202301", "20230101 ", "2023010A", "20231232",
        ]),
    Verdicts(
        "TM",
        accepted: [
            "10", "1015", "101530", "101530.1", "101530.123456", "235960", "1015-", "101530.12 ", "10-11",
        ],
        refused: [
            "101530.1234567", "235961", "24", "2360", "1", "101", "10:15:30", "10153", "101530.", "10.5", "101530 ",
            "1015 ", " 1015",
        ]),
    Verdicts(
        "DT",
        accepted: [
            "2020", "202002", "20200229", "20210229", "2020022910", "202002291015", "20200229101530",
            "20200229101530.123456", "2020+0100", "2020-0500", "2020+1400", "2020+1401", "2020-1201", "2020-1200",
            "2020+1960", "2020+0160", "2020-0000", "20200229101530.5-0330", "20200229101560", "2020-2021", "20200229-",
            "20200229101530.1 ",
        ],
        refused: [
            "20200229101530.1234567", "202013", "20200229T101530", "2020022924", "202", "2020 ", "20200229101530+01",
            "20200229101530+010",
        ]),
    Verdicts(
        "DS",
        accepted: [
            "1", "-1", "+1", "1.5", ".5", "5.", "1e5", "1E-5", "1.e3", "-.5E+10", " 1 ", "1234567890123456",
            " 12345678901234 ",
        ],
        refused: [
            "1,5", "e5", ".", "+", "- 1", "1 2", "12345678901234567", "nan", "inf", "0x10", "1e", "1.2.3", "   ", "--1",
        ]),
    Verdicts(
        "IS",
        accepted: [
            "0", "-1", "+7", "0042", "2147483647", "-2147483648", "2147483648", "-2147483649", "123456789012", " 12 ",
            "99999999999",
        ],
        refused: [
            "1234567890123", "1.0", "1e3", "abc", "1 2", "-", "0x1F",
        ]),
    Verdicts(
        "LO",
        accepted: [
            "a", rep("\u{E4}", 64), rep("a", 64), "two\u{A}lines", "tab\u{9}", rep("\u{5C71}", 64), "\u{1B}$B",
            "a=b^c", " lead",
        ],
        refused: [
            rep("a", 65)
        ]),
    Verdicts(
        "SH",
        accepted: [
            "aaaaaaaaaaaaaaaa",
            "\u{5C71}\u{5C71}\u{5C71}\u{5C71}\u{5C71}\u{5C71}\u{5C71}\u{5C71}\u{5C71}\u{5C71}\u{5C71}\u{5C71}\u{5C71}\u{5C71}\u{5C71}\u{5C71}",
            "line\u{D}", "ok",
        ],
        refused: [
            "aaaaaaaaaaaaaaaaa"
        ]),
    Verdicts(
        "ST",
        accepted: [
            rep("a", 1024), "two\u{D}\u{A}lines", "tab\u{9}ff\u{C}", "back\\slash", "bell\u{7}",
        ],
        refused: [
            rep("a", 1025)
        ]),
    Verdicts(
        "LT",
        accepted: [
            rep("a", 10240), "two\u{D}\u{A}lines", "back\\slash", "nul\u{0}in",
        ],
        refused: [
            rep("a", 10241)
        ]),
    Verdicts(
        "UT",
        accepted: [
            "any\u{D}\u{A}text \\ here", "bell\u{7}", rep("a", 20000),
        ], refused: []),
    Verdicts(
        "UC",
        accepted: [
            rep("a", 20000), "line\u{A}", "ok",
        ], refused: []),
    Verdicts(
        "PN",
        accepted: [
            "Adams^John Robert Quincy^^Rev.^B.A. M.Div.",
            "Yamada^Tarou=\u{5C71}\u{7530}^\u{592A}\u{90CE}=\u{3084}\u{307E}\u{3060}^\u{305F}\u{308D}\u{3046}",
            rep("a", 64), rep("\u{5C71}", 64) + "=" + rep("a", 64), "a^b^c^d^e", "a^b^c^d^e^f", "==", "^^^^",
            "=\u{5C71}", "a\u{A}b",
        ],
        refused: [
            rep("a", 65), "a=b=c=d", "a" + "=" + rep("b", 65),
        ]),
    Verdicts(
        "UI",
        accepted: [
            "1.2.840.10008.1.2", "0", "0.0", rep("1.", 31) + "12", "1.2.0", "1",
        ],
        refused: [
            "1.02", "1..2", ".1", "1.", "1.2.a", rep("1.", 31) + "123", rep("1.", 32) + "1", "1.2 ", " 1.2",
        ]),
    Verdicts(
        "UR",
        accepted: [
            "http://a.b/c?d=e#f", "urn:uuid:1-2", "trail ", "a%20b", "a_b~c",
        ],
        refused: [
            "with space", " lead", "\u{FC}ml", "back\\slash", "{x}",
        ]),
]

/// Where we differ from pydicom on purpose.
private let refusedHere: [VR: (values: [String], why: String)] = [
    .ae: (["   "], "a value of only spaces shall not be used (PS3.5 6.2)"),
    .da: (
        ["19000229", "20230230", "20230431", "20230100", "20230101-20230201", "-20230101", "20230101-"],
        "no such day; ranges are for queries, which are not checked"
    ),
    .tm: (["1015-", "10-11"], "ranges are for queries"),
    .dt: (
        ["20210229", "2020+1401", "2020-1201", "2020+1960", "2020+0160", "2020-0000", "2020-2021", "20200229-"],
        "no such day; offsets are -1200 to +1400 and never -0000, with minutes below 60; ranges are for queries"
    ),
    .is: (
        ["2147483648", "-2147483649", "123456789012", "99999999999"],
        "beyond 32 bits; pydicom checks this elsewhere, in its class IS"
    ),
    .lo: (["two\nlines", "tab\t"], "no control characters but ESC"),
    .sh: (["line\r"], "no control characters but ESC"),
    .st: (["bell\u{7}"], "only TAB, LF, FF, CR and ESC (PS3.5 6.1.3)"),
    .lt: (["nul\0in"], "only TAB, LF, FF, CR and ESC"),
    .ut: (["bell\u{7}"], "only TAB, LF, FF, CR and ESC"),
    .uc: (["line\n"], "no control characters but ESC"),
    .pn: (["a^b^c^d^e^f", "a\nb"], "at most five components, no control characters but ESC (PS3.5 6.2.1)"),
]

private let acceptedHere: [VR: (values: [String], why: String)] = [
    .tm: (["101530 ", "1015 "], "spaces may follow (PS3.5 6.2), after a fraction or without one"),
    .dt: (["2020 "], "spaces may follow"),
]

struct ValidationTests {
    @Test(arguments: verdicts) private func valuesAreJudgedAsByPydicomButWhereSaid(_ verdicts: Verdicts) {
        let stricter = refusedHere[verdicts.vr]?.values ?? []
        let laxer = acceptedHere[verdicts.vr]?.values ?? []
        for value in verdicts.accepted {
            #expect(isValid(value, verdicts.vr) != stricter.contains(value), "\(verdicts.vr) \(value.debugDescription)")
        }
        for value in verdicts.refused {
            #expect(isValid(value, verdicts.vr) == laxer.contains(value), "\(verdicts.vr) \(value.debugDescription)")
        }
        #expect(Set(stricter).isSubset(of: verdicts.accepted) && Set(laxer).isSubset(of: verdicts.refused))
        #expect(isValid("", verdicts.vr))
    }

    @Test func eachOfSeveralValuesIsChecked() {
        #expect(isValid("ORIGINAL\\PRIMARY\\\\AXIAL", .cs))
        #expect(!isValid("ORIGINAL\\primary", .cs))
        #expect(isValid("1.5\\2\\3e2", .ds) && !isValid("1.5\\x", .ds))
        #expect(isValid("1.2.3\\1.2.4", .ui) && !isValid("1.2.3\\01", .ui))
        #expect(isValid(rep("a", 64) + "\\" + rep("b", 64), .lo))
        #expect(isValid("a^b\\c^d=e", .pn) && !isValid("a\\b=c=d=e", .pn))
    }

    @Test func messagesSayTheRuleButNotTheValue() {
        let texts: [VR: String] = [
            .ae: "geheim\t", .as: "geheim", .cs: "geheim", .da: "geheim", .ds: "geheim", .dt: "geheim", .is: "geheim",
            .lo: "geheim\n", .lt: "geheim\u{7}", .pn: "geheim\n", .sh: "geheim\n", .st: "geheim\u{7}", .tm: "geheim",
            .uc: "geheim\n", .ui: "geheim", .ur: "ge heim", .ut: "geheim\u{7}", .us: "geheim", .at: "geheim",
            .sq: "geheim", .fd: "geheim", .ob: "geheim",
        ]
        for (vr, text) in texts {
            let error = #expect(throws: DICOMError.self) { try vr.validate(text) }
            #expect(error?.code == .invalidValue)
            #expect(error?.message.contains(vr.code) == true)
            #expect(error.map { !"\($0)".contains("heim") } == true)
        }
    }

    @Test func elementsThatWereReadAreCheckedDecodedAndWithoutPadding() {
        let good: [DataElement] = [
            DataElement(Attribute.modality.tag, .cs, .bytes(ArraySlice("CT".utf8))),
            DataElement(Attribute.imageType.tag, .cs, .bytes(ArraySlice("ORIGINAL\\SIXTEEN_CHARS_16 ".utf8))),
            DataElement(Attribute.sopClassUID.tag, .ui, .bytes(ArraySlice("1.2.3\0".utf8))),
            DataElement(Attribute.rows.tag, .us, .bytes([1, 0, 2, 0])),
            DataElement(Attribute.offendingElement.tag, .at, .bytes([1, 0, 2, 0])),
            DataElement(Attribute.pixelData.tag, .ow, .bytes([1, 0])),
            DataElement(Attribute.pixelData.tag, .ob, .fragments([[], [1, 2]])),
            DataElement(Attribute.pixelData.tag, .ob, .bytes([1])),
        ]
        for element in good { #expect(throws: Never.self) { try element.validate() } }
        let bad: [DataElement] = [
            DataElement(Attribute.modality.tag, .cs, .bytes(ArraySlice("ct".utf8))),
            DataElement(Attribute.sopClassUID.tag, .ui, .bytes(ArraySlice("1.02\0\0".utf8))),
            DataElement(Attribute.rows.tag, .us, .bytes([1, 0, 2])),
            DataElement(Attribute.offendingElement.tag, .at, .bytes([1, 0])),
            DataElement(Attribute.pixelData.tag, .ow, .bytes([1])),
            DataElement(Attribute.rescaleSlope.tag, .fd, .bytes([1, 2, 3, 4])),
            DataElement(Attribute.rows.tag, .us, .sequence([])),
            DataElement(Attribute.rows.tag, .us, .fragments([])),
            DataElement(Attribute.rows.tag, .sq, .bytes([1])),
        ]
        for element in bad {
            let error = #expect(throws: DICOMError.self) { try element.validate() }
            #expect(error?.code == .invalidValue && error?.tagPath == [element.tag])
        }
    }

    @Test func errorsNameThePathToTheElement() {
        var item = DataSet()
        item[.codeValue] = "two\nlines"
        var dataSet = DataSet()
        dataSet[.purposeOfReferenceCodeSequence] = [DataSet(), item]
        let error = #expect(throws: DICOMError.self) { try dataSet.validate() }
        #expect(error?.tagPath == [Attribute.purposeOfReferenceCodeSequence.tag, Attribute.codeValue.tag])
    }

    /// Any text, in any VR, gives a verdict and is read as something or nothing, but never traps.
    @Test func randomTextNeverTraps() {
        var generator = SeededGenerator(seed: 20_260_301)
        let codes = [
            "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FL", "FD", "IS", "LO", "LT", "OB", "OD", "OF", "OL", "OV", "OW",
            "PN", "SH", "SL", "SQ", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV",
        ]
        let alphabet = Array("0123456789012345678901234567890+-.:eEDWMY^=\\ \0\n\u{1B}aZ_*山\u{301}\u{10FFFF}é")
        for _ in 0..<1500 {
            let count = Int.random(in: 0...40, using: &generator)
            let text = String((0..<count).map { _ in alphabet.randomElement(using: &generator) ?? "0" })
            for vr in codes.compactMap({ VR(code: $0) }) {
                _ = isValid(text, vr)
                let element = DataElement(Attribute.patientID.tag, vr, .text(text))
                _ = try? element.validate()
                _ = (
                    element.ints, element.doubles, element.strings, [UInt64](element, vr: vr), [Float](element, vr: vr)
                )
                let raw = DataElement(Attribute.patientID.tag, vr, .bytes(ArraySlice(text.utf8)))
                _ = try? raw.validate()
                _ = (raw.ints, raw.doubles, raw.strings, [UInt64](raw, vr: vr), [Float](raw, vr: vr))
            }
            checkExactText(text)
        }
    }

    /// What is read from a text gives that text back, and knows whether it may be written.
    private func checkExactText(_ text: String) {
        #expect(DICOMDate(text).map { $0.description == text && $0.isValid == isValid(text, .da) } ?? true)
        #expect(DICOMTime(text).map { $0.description == text && $0.isValid == isValid(text, .tm) } ?? true)
        #expect(DICOMDateTime(text).map { $0.description == text && $0.isValid == isValid(text, .dt) } ?? true)
        #expect(DICOMAge(text).map { $0.description == text && $0.isValid == isValid(text, .as) } ?? true)
        #expect(DecimalString(text).map { $0.description == text && $0.isValid == isValid(text, .ds) } ?? true)
        #expect(IntegerString(text).map { $0.description == text && $0.isValid == isValid(text, .is) } ?? true)
        #expect(UTCOffset(text).map { $0.description == text } ?? true)
        #expect(DICOMRange<DICOMDate>(text).map { $0.description == text } ?? true)
        #expect(DICOMRange<DICOMTime>(text).map { $0.description == text } ?? true)
        #expect(DICOMRange<DICOMDateTime>(text).map { $0.description == text } ?? true)
        let name = PersonName(text)
        #expect(name.description == text)
        _ = (name.formatted, name.alphabetic, name.ideographic.familyName, name.isEmpty, name.hashValue)
    }

    private func isValid(_ text: String, _ vr: VR) -> Bool { (try? vr.validate(text)) != nil }
}
