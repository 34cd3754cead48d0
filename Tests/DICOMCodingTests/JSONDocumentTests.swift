import DICOMCoding
import DICOMCore
import DICOMTesting
import Testing

/// The grammar of RFC 8259.
struct JSONDocumentTests {
    private func document(_ text: some Sequence<UInt8>) throws(DICOMError) -> JSONDocument {
        try JSONDocument(Array(text), maximumDepth: 100)
    }

    @Test(arguments: [
        "{}", "[]", " [ ] ", "\t{\r\n}", "0", "-0", "10", "-1.5e+10", "0.0E-2", "1e9999", "true", "false", "null",
        "\"\"",
        "[1,2]", "{\"a\":[{}],\"a\":null}", "\"\\u0000\\ud834\\udd1e\\/\\b\\f\\n\\r\\t\\\"\\\\\"",
        "\"\u{7F}é漢😀\u{2028}\"",
        "\u{FEFF}[]",
    ]) func readsWhatIsJSON(text: String) throws { _ = try document(text.utf8) }

    @Test(arguments: [
        "", " ", "{", "[", "}", "]", "[}", "{]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "{}{}", "{,}", "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "{1:1}", "{\"a\":1 \"b\":2}", "{'a':1}", "01", "-", "+1", ".5",
        "1.",
        "1.e1", "1e", "1e+", "0x10", "-01", "NaN", "Infinity", "-Infinity", "tru", "True", "nul", "truefalse", "\"",
        "\"\\",
        "\"\\\"", "\"\\a\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\ud834\"", "\"\\udd1e\"", "\"\\ud834\\u0041\"",
        "\"\\ud834x\"",
        "\"\n\"", "\"\t\"", "\"\u{0}\"", "[\u{A0}]", "// no\n1", "/**/1", "\u{FEFF}\u{FEFF}[]", "[1]\u{0}",
    ]) func refusesWhatIsNot(text: String) throws {
        let error = #expect(throws: DICOMError.self) { try document(text.utf8) }
        #expect(error?.code == .malformedJSON)
        #expect(error?.byteOffset.map { $0 <= text.utf8.count } == true)
    }

    /// Overlong forms, surrogates, code points past U+10FFFF, lone and missing continuation bytes (RFC 3629).
    @Test(
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x9F, 0xBF], [0xE2, 0x82],
            [0xE2, 0x28, 0xA1],
            [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80],
            [0xFF],
        ] as [[UInt8]]) func refusesInvalidUTF8(bytes: [UInt8])
    {
        let error = #expect(throws: DICOMError.self) { try document([0x22] + bytes + [0x22]) }
        #expect(error?.byteOffset == 1)
    }

    @Test func everyScalarOfTheBordersIsRead() throws {
        for scalar in ["\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}"] {
            let json = try document("\"\(scalar)\"".utf8)
            #expect(json.string(JSONDocument.root) == scalar)
        }
    }

    @Test func stringsAndNumbersAreGivenAsTheyAre() throws {
        let json = try document(#"["a\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00é", 1.50, -0, 1E+02, {"k\u0065y": "v"}]"#.utf8)
        let values = Array(json.children(JSONDocument.root))
        #expect(json.string(values[0]) == "a\"\\/\u{8}\u{C}\n\r\té😀é")
        #expect(values[1...3].map(json.string) == ["1.50", "-0", "1E+02"])
        let member = Array(json.children(values[4]))
        #expect(member.map(json.string) == ["key", "v"])
        #expect(json.children(values[1]).map { $0 } == [])
        #expect(values.map(json.kind) == [.string, .number, .number, .number, .object])
    }

    @Test func nestingIsBounded() throws {
        let within = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        _ = try document(within.utf8)
        let error = #expect(throws: DICOMError.self) { try document("[\(within)]".utf8) }
        #expect(error?.byteOffset == 100)
        #expect(throws: DICOMError.self) { try document(repeatElement(UInt8(ascii: "["), count: 1_000_000)) }
        #expect(throws: DICOMError.self) { try document(repeatElement(Array("{\"\":".utf8), count: 300_000).joined()) }
    }

    /// RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ]) func base64IsThatOfTheRFC(text: String, encoded: String) throws {
        var result: [UInt8] = []
        Base64.append(Array(text.utf8)[...], to: &result)
        #expect(result == Array(encoded.utf8))
        #expect(Base64.decode(Array(encoded.utf8)[...]) == Array(text.utf8))
    }

    @Test func base64ComesBack() throws {
        var generator = SeededGenerator(seed: 64)
        for count in 0..<200 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0 ... .max, using: &generator) }
            var text = Array("before".utf8)
            Base64.append(bytes[...], to: &text)
            #expect(Base64.decode(text.dropFirst(6)) == bytes)
        }
    }

    @Test(arguments: [
        "A", "AA", "AAA", "AAAAA", "A===", "====", "=AAA", "AA=A", "AA\n=", "AAA ", "-_-_", "AA==AAAA", "AAAé",
    ])
    func otherTextIsNoBase64(text: String) { #expect(Base64.decode(Array(text.utf8)[...]) == nil) }
}
