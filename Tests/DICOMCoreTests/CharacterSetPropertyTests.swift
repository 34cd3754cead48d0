import DICOMTesting
import Testing

@testable import DICOMCore

struct CharacterSetPropertyTests {
    /// A term of every set of PS3.3 C.12.1.1.2.
    static let terms =
        ["", "ISO_IR 192", "GB18030", "GBK"]
        + [100, 101, 109, 110, 144, 127, 126, 138, 148, 166, 13, 203, 87, 159, 149, 58].map { "ISO 2022 IR \($0)" }

    /// How many characters the sets have beyond ASCII, counted with Python 3.11's codecs (latin_1, iso8859_2 to
    /// iso8859_15, tis_620, gb2312, euc_jp; euc_kr, which lacks two of the Korean ones).
    @Test(arguments: [
        (CodedCharacterSet.latin1, 96), (.latin2, 96), (.latin3, 89), (.latin4, 96), (.greek, 93), (.arabic, 51),
        (.hebrew, 60), (.cyrillic, 96), (.latin5, 96), (.latin9, 96), (.thai, 87), (.katakana, 63), (.jisX0208, 6879),
        (.jisX0212, 6067), (.korean, 8227), (.chinese, 7445),
    ])
    func everyCharacterOfACodedSetIsWrittenAsItWasRead(set: CodedCharacterSet, count: Int) throws {
        let characters = Self.characters(of: set)
        #expect(characters.count == count)
        for (code, scalar) in characters {
            #expect(set.bytes(of: scalar).map { [$0.0] + ($0.1.map { [$0] } ?? []) } == code)
        }
        // All in one value, with delimiters between some.
        var text = ""
        for (index, character) in characters.enumerated() {
            text.unicodeScalars.append(character.scalar)
            if index % 7 == 0 { text += "^" }
        }
        for terms in [[set.term], ["", set.term]] {
            let characterSet = SpecificCharacterSet(terms: terms)
            for vr in [VR.pn, .ut] {
                let encoded = try characterSet.encode(text, as: vr)
                #expect(characterSet.decode(encoded[...], as: vr) == text)
                #expect(characterSet.firstUndecodable(in: encoded[...], as: vr) == nil)
            }
        }
    }

    private static func characters(of set: CodedCharacterSet) -> [(code: [UInt8], scalar: Unicode.Scalar)] {
        guard set.isTwoByte else {
            return (UInt8(0xA0)...0xFF).compactMap { byte in set.scalar(byte).map { ([byte], $0) } }
        }
        let range: ClosedRange<UInt8> = set.isG0 ? 0x21...0x7E : 0xA1...0xFE
        return range.flatMap { row in
            range.compactMap { cell in set.scalar(row, cell).map { ([row, cell], $0) } }
        }
    }

    /// All of Unicode in GB18030, but for characters of private use whose codes the C library gives to others (as
    /// GB18030-2005 does); Python's codec of GBK has 21,791 characters.
    @Test func everyCharacterOfGB18030AndGBKIsWrittenAsItWasRead() {
        var texts = (gb18030: String.UnicodeScalarView(), gbk: String.UnicodeScalarView())
        for value in Array(UInt32(0x80)...0xFFFF) + Array(stride(from: UInt32(0x10000), through: 0x10FFFF, by: 77)) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let character = String(Character(scalar))
            if GBCoding.gbk.encode(character) != nil { texts.gbk.append(scalar) }
            if GBCoding.gb18030.encode(character) != nil {
                texts.gb18030.append(scalar)
            } else {
                #expect(0xE000...0xF8FF ~= value)
            }
        }
        for (coding, text) in [(GBCoding.gb18030, String(texts.gb18030)), (.gbk, String(texts.gbk))] {
            let decoded = coding.decode((coding.encode(text) ?? [])[...])
            #expect(decoded.text == text && decoded.problem == nil)
        }
        #expect(texts.gbk.count == 21791)
    }

    /// Golden values of the ends of the ranges, from Python's gb18030 codec.
    @Test(
        arguments: [
            ([0x81, 0x30, 0x81, 0x30], 0x80), ([0x81, 0x35, 0xF4, 0x36], 0x1E3E), ([0x84, 0x31, 0xA4, 0x39], 0xFFFF),
            ([0x90, 0x30, 0x81, 0x30], 0x10000), ([0xE3, 0x32, 0x9A, 0x35], 0x10FFFF),
            ([0x95, 0x32, 0x82, 0x36], 0x20000),
            ([0x94, 0x39, 0xDA, 0x33], 0x1F4A9), ([0xA2, 0xE3], 0x20AC),
        ] as [([UInt8], UInt32)])
    func fourByteCodesOfGB18030(code: [UInt8], value: UInt32) throws {
        let text = String(Character(try #require(Unicode.Scalar(value))))
        #expect(GBCoding.gb18030.decode(code[...]).text == text)
        #expect(GBCoding.gb18030.encode(text) == code)
    }

    /// Whatever a file holds is decoded, and what can be encoded again is read again as the same.
    @Test(arguments: [VR.pn, .lo, .ut])
    func mutatedBytesNeverTrap(vr: VR) {
        let sets = (Self.terms.map { [$0] } + [["", "ISO 2022 IR 87", "ISO 2022 IR 149", "ISO 2022 IR 58"]])
            .map { SpecificCharacterSet(terms: $0) }
        let pieces: [[UInt8]] =
            CodedCharacterSet.allCases.map { [0x1B] + Array($0.designation.utf8) } + [
                [0x1B], [0x5C], [0x5E], [0x3D], [0x0D, 0x0A], [0x81, 0x30, 0x81, 0x30], [0xE3, 0x32, 0x9A, 0x36],
                [0xE4, 0xB8, 0xAD], [0x3B, 0x33], [0xC7, 0xD1], [0xFF, 0xFF], [0x41], [0x20], [0x1B, 0x24],
            ]
        var generator = SeededGenerator(seed: 1_000 + UInt64(vr.rawValue))
        for _ in 0..<7_000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                bytes += pieces.randomElement(using: &generator) ?? []
                if Bool.random(using: &generator) { bytes.append(UInt8.random(in: 0...255, using: &generator)) }
            }
            let mutated = Int.random(in: 0..<bytes.count, using: &generator)
            bytes[mutated] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            // A slice that does not begin at 0.
            let value = ([0x41] + bytes)[1...]
            for set in sets {
                let text = set.decode(value, as: vr)
                let problem = set.firstUndecodable(in: value, as: vr)
                if let problem { #expect(0..<value.count ~= problem) }
                if let encoded = try? set.encode(text, as: vr) {
                    if set.decode(encoded[...], as: vr) != text { Issue.record("\(set.terms): \(bytes)") }
                } else if problem == nil {
                    Issue.record("decoded without a problem, but not encoded in \(set.terms): \(bytes)")
                }
            }
        }
    }
}
