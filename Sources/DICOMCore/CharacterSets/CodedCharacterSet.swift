/// A character set that escape sequences can switch to (PS3.3 Tables C.12-3 and C.12-4), by its ISO registration number.
///
/// Sets of 94 characters are used in G0 (bytes 21H to 7EH) or G1 (A1H to FEH), those of 96 in G1 (A0H to FFH).
enum CodedCharacterSet: UInt8, CaseIterable {
    case ascii = 6
    /// The Roman characters of JIS X 0201. Its yen sign and overline are read as the backslash and tilde that stand at the
    /// same places: the standard's delimiter is the byte 5CH, whatever it looks like (PS3.5 6.1.2.3).
    case romaji = 14
    /// The katakana of JIS X 0201.
    case katakana = 13
    case latin1 = 100
    case latin2 = 101
    case latin3 = 109
    case latin4 = 110
    case greek = 126
    case arabic = 127
    case hebrew = 138
    case cyrillic = 144
    case latin5 = 148
    case thai = 166
    case latin9 = 203
    case jisX0208 = 87
    case jisX0212 = 159
    case korean = 149
    case chinese = 58

    var term: String { "ISO 2022 IR \(rawValue)" }

    /// What follows ESC in the escape sequence that designates the set.
    var designation: String {
        switch self {
        case .ascii: "(B"
        case .romaji: "(J"
        case .katakana: ")I"
        case .latin1: "-A"
        case .latin2: "-B"
        case .latin3: "-C"
        case .latin4: "-D"
        case .greek: "-F"
        case .arabic: "-G"
        case .hebrew: "-H"
        case .cyrillic: "-L"
        case .latin5: "-M"
        case .thai: "-T"
        case .latin9: "-b"
        case .jisX0208: "$B"
        case .jisX0212: "$(D"
        case .korean: "$)C"
        case .chinese: "$)A"
        }
    }

    /// The set that the escape sequence at the begin of `bytes` designates.
    init?(escapeSequence bytes: ArraySlice<UInt8>) {
        let designation = bytes.dropFirst()
        guard let set = Self.allCases.first(where: { designation.starts(with: $0.designation.utf8) }) else {
            return nil
        }
        self = set
    }

    /// Whether it is used in G0, for bytes below 80H.
    var isG0: Bool {
        switch self {
        case .ascii, .romaji, .jisX0208, .jisX0212: true
        default: false
        }
    }

    /// Whether it has 94 × 94 characters of two bytes.
    var isTwoByte: Bool {
        switch self {
        case .jisX0208, .jisX0212, .korean, .chinese: true
        default: false
        }
    }
}

// MARK: - Characters

extension CodedCharacterSet {
    /// The character of two bytes of a two-byte set, whose high bits do not matter.
    func scalar(_ first: UInt8, _ second: UInt8) -> Unicode.Scalar? {
        let row = first & 0x7F
        let cell = second & 0x7F
        guard isTwoByte, 0x21...0x7E ~= row, 0x21...0x7E ~= cell else { return nil }
        return table?.scalar(at: Int(row - 0x21) * 94 + Int(cell - 0x21))
    }

    /// The character of a byte from A0H on in a set used in G1.
    func scalar(_ byte: UInt8) -> Unicode.Scalar? {
        guard byte >= 0xA0, !isTwoByte else { return nil }
        switch self {
        case .latin1: return Unicode.Scalar(byte)
        case .katakana: return 0xA1...0xDF ~= byte ? Unicode.Scalar(0xFF61 + UInt32(byte - 0xA1)) : nil
        default: return table?.scalar(at: Int(byte - 0xA0))
        }
    }

    /// The bytes of a character that is not ASCII, in G0 or G1 as the set is used.
    func bytes(of scalar: Unicode.Scalar) -> (UInt8, UInt8?)? {
        switch self {
        case .latin1: return 0xA0...0xFF ~= scalar.value ? (UInt8(truncatingIfNeeded: scalar.value), nil) : nil
        case .katakana:
            guard 0xFF61...0xFF9F ~= scalar.value else { return nil }
            return (UInt8(truncatingIfNeeded: scalar.value - 0xFF61 + 0xA1), nil)
        default:
            guard let index = table?.index(of: scalar) else { return nil }
            guard isTwoByte else { return (UInt8(truncatingIfNeeded: 0xA0 + index), nil) }
            let base = isG0 ? 0x21 : 0xA1
            return (UInt8(truncatingIfNeeded: base + index / 94), UInt8(truncatingIfNeeded: base + index % 94))
        }
    }

    /// The C library's table; `nil` where none is needed.
    var table: CodeTable? {
        switch self {
        case .ascii, .romaji, .katakana, .latin1: nil
        case .latin2: Self.latin2Table
        case .latin3: Self.latin3Table
        case .latin4: Self.latin4Table
        case .greek: Self.greekTable
        case .arabic: Self.arabicTable
        case .hebrew: Self.hebrewTable
        case .cyrillic: Self.cyrillicTable
        case .latin5: Self.latin5Table
        case .thai: Self.thaiTable
        case .latin9: Self.latin9Table
        case .jisX0208: Self.jisX0208Table
        case .jisX0212: Self.jisX0212Table
        case .korean: Self.koreanTable
        case .chinese: Self.chineseTable
        }
    }

    // Each is made when it is used first.
    private static let latin2Table = CodeTable(singleByte: "ISO-8859-2")
    private static let latin3Table = CodeTable(singleByte: "ISO-8859-3")
    private static let latin4Table = CodeTable(singleByte: "ISO-8859-4")
    private static let greekTable = CodeTable(singleByte: "ISO-8859-7")
    private static let arabicTable = CodeTable(singleByte: "ISO-8859-6")
    private static let hebrewTable = CodeTable(singleByte: "ISO-8859-8")
    private static let cyrillicTable = CodeTable(singleByte: "ISO-8859-5")
    private static let latin5Table = CodeTable(singleByte: "ISO-8859-9")
    private static let thaiTable = CodeTable(singleByte: "TIS-620")
    private static let latin9Table = CodeTable(singleByte: "ISO-8859-15")
    private static let jisX0208Table = CodeTable(twoByte: "EUC-JP")
    private static let jisX0212Table = CodeTable(twoByte: "EUC-JP", prefix: [0x8F])
    private static let koreanTable = CodeTable(twoByte: "EUC-KR")
    private static let chineseTable = CodeTable(twoByte: "GB2312")
}
