import DICOMDictionary
import Testing

@testable import DICOMCore

/// Bytes written as hexadecimal digits.
private func bytes(_ digits: String) -> [UInt8] {
    let digits = Array(digits.utf8.filter { $0 != 0x20 })
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
        UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
    }
}

private let japanese = ["", "ISO 2022 IR 87"]
private let japaneseWithKatakana = ["ISO 2022 IR 13", "ISO 2022 IR 87"]
private let korean = ["", "ISO 2022 IR 149"]
private let chinese = ["", "ISO 2022 IR 58"]

struct CharacterSetTests {
    struct Golden: Sendable, CustomTestStringConvertible {
        let name: String, terms: [String], vr: VR, bytes: [UInt8], text: String
        /// Whether the text encodes to exactly these bytes, but for padding.
        let isCanonical: Bool

        init(
            _ name: String, _ terms: [String], _ vr: VR, _ digits: String, _ text: String, isCanonical: Bool = true
        ) {
            self.name = name
            self.terms = terms
            self.vr = vr
            bytes = DICOMCoreTests.bytes(digits)
            self.text = text
            self.isCanonical = isCanonical
        }

        var testDescription: String { name }
    }

    /// The values beyond ASCII of every file of pydicom 3.0.2's charset_files, and how pydicom reads them. Those of the
    /// Korean file return to ASCII where the standard's examples do not, and those of chrSQEncoding to the wrong set.
    static let files = [
        Golden("chrArab", ["ISO_IR 127"], .pn, "e2c8c7e6ea5ee4e6d2c7d120", "قباني^لنزار"),
        Golden("chrFren", ["ISO_IR 100"], .pn, "4275635e4ae972f46d65", "Buc^Jérôme"),
        Golden(
            "chrFrenMulti", ["ISO_IR 100"], .pn, "4275635e4ae972f46d655c4275635e4ae972f46d6520",
            "Buc^Jérôme\\Buc^Jérôme"),
        Golden("chrGerm", ["ISO_IR 100"], .pn, "c46e6561735e52fc646967657220", "Äneas^Rüdiger"),
        Golden("chrGreek", ["ISO_IR 126"], .pn, "c4e9efedf5f3e9eff220", "Διονυσιος"),
        Golden(
            "chrH31", japanese, .pn,
            "59616d6164615e5461726f753d1b24423b3345441b28425e1b244242404f3a1b28423d1b24422464245e24401b28425e1b2442243f246d"
                + "24261b2842", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        Golden(
            "chrH32", japaneseWithKatakana, .pn,
            "d4cfc0de5ec0dbb33d1b24423b3345441b284a5e1b244242404f3a1b284a3d1b24422464245e24401b284a5e1b2442243f246d24261b28"
                + "4a", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
        Golden("chrHbrw", ["ISO_IR 138"], .pn, "f9f8e5ef5ee3e1e5f8e4", "שרון^דבורה"),
        Golden(
            "chrI2", korean, .pn,
            "486f6e675e47696c646f6e673d1b242943fbf35e1b242943d1ced4d73d1b242943c8ab5e1b242943b1e6b5bf",
            "Hong^Gildong=洪^吉洞=홍^길동"),
        Golden(
            "chrJapMulti", japanese, .pn,
            "1b24422464245e24401b28425e1b2442243f246d24261b28425c1b24422464245e24401b28425e1b2442243f246d24261b284220",
            "やまだ^たろう\\やまだ^たろう"),
        Golden("chrJapMulti history", japanese, .lt, "1b2442243f246d24261b2842", "たろう"),
        Golden(
            "chrJapMultiExplicitIR6", ["ISO 2022 IR 6", "ISO 2022 IR 87"], .pn,
            "1b24422464245e24401b28425e1b2442243f246d24261b284220", "やまだ^たろう"),
        Golden(
            "chrKoreanMulti", korean, .pn, "1b242943b1e8c8f1c1df1b28425c1b242943b1e8c8f1c1df1b284220",
            "김희중\\김희중", isCanonical: false),
        Golden("chrRuss", ["ISO_IR 144"], .pn, "bbeeda6365dcd17970d3", "Люкceмбypг"),
        Golden(
            "chrSQEncoding", japaneseWithKatakana, .pn,
            "d4cfc0de5ec0dbb33d1b24423b3345441b28425e1b244242404f3a1b28423d1b24422464245e24401b28425e1b2442243f246d24261b28"
                + "42", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", isCanonical: false),
        Golden(
            "chrX1", ["ISO_IR 192"], .pn, "57616e675e5869616f446f6e673de78e8b5ee5b08fe69db13d20",
            "Wang^XiaoDong=王^小東="),
        Golden("chrX2", ["GB18030"], .pn, "57616e675e5869616f446f6e673dcdf55ed0a1b6ab3d", "Wang^XiaoDong=王^小东="),
    ]

    /// The examples of PS3.5 Annexes I to K that are in none of those files; H.3 is chrH31 and chrH32, I.2 chrI2, J.1
    /// chrX1, J.3 chrX2.
    static let standard = [
        Golden(
            "I.3", korean, .lt,
            "1b242943 546865206669727374206c696e6520696e636c7564657320 c7d1b1db 2e0d0a"
                + "1b242943 546865207365636f6e64206c696e6520696e636c7564657320 c7d1b1db 2c20746f6f2e0d0a"
                + "546865207468697264206c696e65",
            "The first line includes 한글.\r\nThe second line includes 한글, too.\r\nThe third line", isCanonical: false),
        Golden(
            "J.2", ["ISO_IR 192"], .lt,
            "546865206669727374206c696e6520696e636c75646573 e4b8ade69687 2e0d0a 546865207468697264206c696e652e0d0a",
            "The first line includes中文.\r\nThe third line.\r\n"),
        Golden("J.3 in GBK", ["GBK"], .pn, "57616e675e5869616f446f6e673dcdf55ed0a1b6ab3d", "Wang^XiaoDong=王^小东="),
        Golden(
            "J.4", ["GB18030"], .lt,
            "546865206669727374206c696e6520696e636c75646573 d6d0cec4 2e0d0a 546865207468697264206c696e652e0d0a",
            "The first line includes中文.\r\nThe third line.\r\n"),
        Golden(
            "K.2", chinese, .pn,
            "5a68616e675e5869616f446f6e673d1b242941d5c55e1b242941d0a1b6ab3d20", "Zhang^XiaoDong=张^小东="),
        Golden(
            "K.3", chinese, .lt,
            "312e1b242941b5dad2bbd0d0cec4d7d6a1a30d0a322e1b242941b5dab6fed0d0cec4d7d6a1a30d0a"
                + "332e1b242941b5dac8fdd0d0cec4d7d6a1a30d0a", "1.第一行文字。\r\n2.第二行文字。\r\n3.第三行文字。\r\n"),
    ]

    @Test(arguments: files + standard)
    func goldenBytesAreDecodedAndEncoded(_ golden: Golden) throws {
        let set = SpecificCharacterSet(terms: golden.terms)
        #expect(set.problem == nil)
        var padded = golden.text
        if golden.bytes.last == 0x20 { padded += " " }
        #expect(set.decode(golden.bytes[...], as: golden.vr) == padded)
        #expect(set.firstUndecodable(in: golden.bytes[...], as: golden.vr) == nil)
        let encoded = try set.encode(golden.text, as: golden.vr)
        #expect(set.decode(encoded[...], as: golden.vr) == golden.text)
        if golden.isCanonical { #expect(encoded + (golden.bytes.last == 0x20 ? [0x20] : []) == golden.bytes) }
    }

    // MARK: - Data sets

    private func named(_ bytes: [UInt8], _ terms: [String]?) -> DataSet {
        var dataSet = DataSet()
        if let terms { dataSet[.specificCharacterSet] = terms }
        let tag = Attribute<String>.patientName.tag
        dataSet[element: tag] = DataElement(tag, .pn, .bytes(bytes[...]))
        return dataSet
    }

    /// chrSQEncoding has the set in the item, chrSQEncoding1 around it.
    @Test func itemsHaveTheirOwnCharacterSetOrInheritIt() throws {
        let golden = try #require(Self.files.first { $0.name == "chrSQEncoding" })
        var own = DataSet()
        own[.specificCharacterSet] = ["ISO_IR 192"]
        own[.requestedProcedureCodeSequence] = [named(golden.bytes, golden.terms)]
        var inherited = DataSet()
        inherited[.specificCharacterSet] = golden.terms
        inherited[.requestedProcedureCodeSequence] = [named(golden.bytes, nil)]
        for dataSet in [own, inherited] {
            #expect(dataSet[.requestedProcedureCodeSequence]?.first?[.patientName] == golden.text)
        }
    }

    @Test func valuesAreSplitAfterTheyWereDecoded() {
        // 5CH is the second byte of the GBK character D05CH; in JIS X 0208 it is the cell of 345CH.
        #expect(values("d05c5c41", ["GBK"]) == ["衆", "A"])
        #expect(values("1b2442345c1b28425c1b2442345c1b2842", japanese) == ["舘", "舘"])
        // The second value begins with a combining mark, which is one Character with the backslash before it.
        #expect(values("a15cd1a1", ["ISO_IR 166"]) == ["ก", "\u{0E31}ก"])
    }

    private func values(_ digits: String, _ terms: [String]) -> [String] {
        var element = DataElement(DICOMTag(0x0008, 0x1080), .lo, .bytes(bytes(digits)[...]))
        element.characterSet = SpecificCharacterSet(terms: terms)
        return element.strings
    }

    @Test func undecodableTextIsReportedWithoutTheText() throws {
        func problem(_ digits: String, _ terms: [String]) -> DICOMError? {
            named(bytes(digits), terms)[element: Attribute<String>.patientName.tag]?.textProblem
        }
        #expect(problem("41fc", ["ISO_IR 100"]) == nil)
        #expect(problem("4142", []) == nil)
        for (digits, terms, offset) in [
            ("41fc", [""], 1), ("4142fc", ["ISO_IR 192"], 2), ("4196", ["ISO_IR 100"], 1), ("41a5", ["ISO_IR 127"], 1),
            ("4142d0", ["GB18030"], 2), ("411b2442", ["ISO_IR 100"], 1), ("411b2a42", japanese, 1),
            ("e0", ["ISO_IR 13"], 0), ("1b244229211b2842", japanese, 3),
        ] {
            let error = try #require(problem(digits, terms))
            #expect(error.code == .undecodableText && error.message.hasPrefix("Byte \(offset) "))
            #expect(error.tagPath == [Attribute<String>.patientName.tag])
        }
        let code = DataElement(DICOMTag(0x0008, 0x0060), .cs, .bytes([0x43, 0xD4]))
        #expect(code.textProblem?.message.hasPrefix("Byte 1 ") == true && code.strings == ["CÔ"])
        #expect(DataElement(DICOMTag(0x0008, 0x0060), .ob, .bytes([0x43, 0xD4])).textProblem == nil)
    }

    // MARK: - Terms

    @Test(arguments: [
        ("ISO IR 100", "ISO_IR 100"), ("ISO-IR 144", "ISO_IR 144"), ("ISO_IR_144", "ISO_IR 144"),
        (" ISO_IR 144 ", "ISO_IR 144"), ("iso_ir 144", "ISO_IR 144"), ("ISO 2022-IR 144", "ISO 2022 IR 144"),
        ("ISO_2022_IR_144", "ISO 2022 IR 144"), ("ISO2022 IR 144", "ISO 2022 IR 144"), ("UTF-8", "ISO_IR 192"),
        ("ISO 2022 IR 192", "ISO_IR 192"), ("ISO 2022 GBK", "GBK"), ("GB-18030", "GB18030"),
    ])
    func misspeltTermsAreUnderstood(term: String, meant: String) {
        let sample = bytes("b0e0d0b8")[...]
        let set = SpecificCharacterSet(terms: [term])
        #expect(set.isUnderstood && set.problem != nil && set.terms == [term])
        #expect(set.decode(sample, as: .lo) == SpecificCharacterSet(terms: [meant]).decode(sample, as: .lo))
    }

    @Test(arguments: [
        ["ISO_IR 999"], ["LATIN"], ["ISO_IR"], ["ISO_IR 14"], ["ISO_IR 100", "ISO_IR 7777777777777777777777777"],
        [String(repeating: "ISO_IR 100", count: 9)],
    ])
    func unknownTermsAreLatin1(terms: [String]) {
        let set = SpecificCharacterSet(terms: terms)
        #expect(!set.isUnderstood && set.problem?.code == .invalidValue && set.terms == terms)
        #expect(set.decode([0x41, 0xFC], as: .lo) == "Aü")
        #expect(throws: DICOMError.self) { try set.encode("ü") }
        #expect(throws: Never.self) { try set.encode("u") }
    }

    @Test func setsThatStandAloneAreNotMixed() {
        let first = SpecificCharacterSet(terms: ["ISO_IR 192", "ISO 2022 IR 87"])
        #expect(first.decode(bytes("c3bc")[...], as: .lo) == "ü" && first.problem != nil)
        let second = SpecificCharacterSet(terms: ["ISO_IR 100", "GB18030"])
        #expect(second.decode(bytes("c3bc")[...], as: .lo) == "Ã¼" && second.problem != nil)
    }

    @Test func setsAreEqualWhenTheirTermsAre() {
        #expect(SpecificCharacterSet(terms: ["ISO_IR 6"]) == .ascii && SpecificCharacterSet(terms: [""]).terms == [])
        #expect(SpecificCharacterSet(terms: ["ISO_IR 100"]) == .latin1)
        #expect(SpecificCharacterSet(terms: ["ISO_IR 192"]) == .utf8)
        #expect(Set([SpecificCharacterSet(terms: japanese), SpecificCharacterSet(terms: japanese), .ascii]).count == 2)
        #expect(MemoryLayout<SpecificCharacterSet>.size <= 8)
    }

    // MARK: - Code extensions

    @Test func delimitersReturnToTheInitialSet() throws {
        let set = SpecificCharacterSet(terms: ["ISO 2022 IR 100", "ISO 2022 IR 144"])
        // Cyrillic ends at the caret of a name and the backslash between values, but not in other texts.
        let text = bytes("1b2d4cd05ee45ce4")[...]
        #expect(set.decode(text, as: .pn) == "а^ä\\ä")
        #expect(set.decode(text, as: .lo) == "а^ф\\ä")
        #expect(set.decode(text, as: .ut) == "а^ф\\ф")
        #expect(set.decode(bytes("1b2d4cd00ae4")[...], as: .ut) == "а\nä")
        #expect(try set.encode("а^ä", as: .pn) == bytes("1b2d4cd01b2d415ee4"))
        #expect(try set.encode("аä", as: .pn) == bytes("1b2d4cd01b2d41e4"))
        #expect(try set.encode("а^а", as: .lo) == bytes("1b2d4cd05ed01b2d41"))
    }

    @Test func severalSetsAreUsedInTheOrderOfTheirTerms() throws {
        let set = SpecificCharacterSet(terms: ["", "ISO 2022 IR 87", "ISO 2022 IR 159", "ISO 2022 IR 149"])
        // JIS X 0212 has the first character and JIS X 0208 the second; Hangul stay in G1 beside both.
        let encoded = try set.encode("丂山 한a", as: .lo)
        #expect(encoded == bytes("1b242844 3021 1b2442 3b33 1b2842 20 1b242943 c7d1 61"))
        #expect(set.decode(encoded[...], as: .lo) == "丂山 한a")
    }

    /// pydicom and DCMTK take an escape sequence to switch both code elements.
    @Test func eachChangeOfTheSetIsAnnounced() throws {
        let set = SpecificCharacterSet(terms: japaneseWithKatakana)
        let encoded = try set.encode("ｱ山ｱ山", as: .lo)
        #expect(encoded == bytes("b1 1b2442 3b33 1b284a 1b2949 b1 1b2442 3b33 1b284a"))
        #expect(set.decode(encoded[...], as: .lo) == "ｱ山ｱ山")
        #expect(set.decode(bytes("1b2442 3b33 1b2949 b1 3d41")[...], as: .pn) == "山ｱ=A")
    }

    @Test func brokenCodeExtensionsAreReadAsFarAsPossible() {
        let set = SpecificCharacterSet(terms: japanese)
        // Without the return to ASCII before the backslash and at the end.
        #expect(set.decode(bytes("1b24423b335c1b24423b33")[...], as: .pn) == "山\\山")
        #expect(set.decode(bytes("1b24423b1b2842")[...], as: .pn) == "\u{FFFD}")
        #expect(set.decode(bytes("1b24423b")[...], as: .pn) == "\u{FFFD}")
        #expect(set.decode(bytes("411b")[...], as: .pn) == "A\u{FFFD}")
        // Not announced, but known.
        #expect(SpecificCharacterSet.ascii.decode(bytes("1b24423b331b2842")[...], as: .lo) == "山")
        #expect(SpecificCharacterSet(terms: ["ISO 2022 IR 149"]).decode(bytes("c7d1")[...], as: .lo) == "한")
        #expect(SpecificCharacterSet(terms: ["GBK"]).decode(bytes("d05c41")[...], as: .lo) == "衆A")
        #expect(SpecificCharacterSet(terms: ["GBK"]).decode(bytes("ff5c41")[...], as: .lo) == "\u{FFFD}\\A")
    }

    @Test func theYenSignsPlaceIsTheDelimiter() throws {
        let set = SpecificCharacterSet(terms: ["ISO_IR 13"])
        #expect(set.decode(bytes("b15cb27e")[...], as: .lo) == "ｱ\\ｲ~")
        #expect(try set.encode("ｱ\\ｲ~") == bytes("b15cb27e"))
        #expect(throws: DICOMError.self) { try set.encode("¥") }
    }

    // MARK: - What cannot be written

    @Test(arguments: [
        ([], "ü"), (["ISO_IR 100"], "€"), (["ISO_IR 100"], "\u{96}"), (["GBK"], "😀"), (korean, "ü"),
        (japanese, "\u{1B}"),
        ([], "\u{1B}$B"), (["ISO_IR 13"], "山"), (["ISO 2022 IR 87"], "ｱ"),
    ])
    func textThatTheSetLacksIsRefusedWithoutShowingIt(terms: [String], text: String) {
        let set = SpecificCharacterSet(terms: terms)
        let error = #expect(throws: DICOMError.self) { try set.encode("Meier\(text)", as: .pn) }
        let message = "\(String(describing: error))"
        #expect(error?.code == .unencodableText && !message.contains(text) && !message.contains("Meier"))
        #expect(text.contains("\u{1B}") || message.contains("ISO_IR 192"))
    }
}
