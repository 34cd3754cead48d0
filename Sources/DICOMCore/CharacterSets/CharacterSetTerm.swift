/// What a value of Specific Character Set (0008,0005) names (PS3.3 Tables C.12-2 to C.12-5).
enum CharacterSetTerm: Equatable {
    /// A set that code extension can be used with.
    case coded(CodedCharacterSet)
    case utf8, gb18030, gbk

    /// The set of a term; letter case, spaces and punctuation do not matter, because writers get them wrong
    /// ("ISO-IR 100", "ISO_IR_100", "ISO 2022-IR 87"). `nil` for what is unknown.
    init?(_ term: String) {
        // No term is longer; a broken file may have a much longer value.
        guard term.utf8.count <= 32 else { return nil }
        let letters = term.utf8.compactMap { byte -> UInt8? in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): byte
            case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 0x20
            default: nil
            }
        }
        let name = String(decoding: letters, as: UTF8.self)
        switch name {
        case "": self = .coded(.ascii)
        case "GB18030": self = .gb18030
        case "GBK", "ISO2022GBK": self = .gbk
        case "UTF8": self = .utf8
        default:
            for prefix in ["ISO2022IR", "ISOIR", "ISO2022"] where name.hasPrefix(prefix) {
                guard let number = UInt8(name.dropFirst(prefix.count)) else { return nil }
                self.init(registration: number)
                return
            }
            return nil
        }
    }

    private init?(registration number: UInt8) {
        if number == 192 {
            self = .utf8
        } else if let set = CodedCharacterSet(rawValue: number), set != .romaji {
            self = .coded(set)
        } else {
            return nil
        }
    }

    /// Whether no other set can be used beside it (PS3.3 C.12.1.1.2).
    var standsAlone: Bool {
        switch self {
        case .coded: false
        case .utf8, .gb18030, .gbk: true
        }
    }

    /// The term as the standard has it, with code extensions where there are two.
    var definedTerm: String {
        switch self {
        case .coded(let set): set.term
        case .utf8: "ISO_IR 192"
        case .gb18030: "GB18030"
        case .gbk: "GBK"
        }
    }

    /// Whether `term` is spelt as in the standard.
    func isSpelt(_ term: String) -> Bool {
        if term.isEmpty || term == definedTerm { return true }
        guard case .coded(let set) = self, !set.isTwoByte else { return false }
        return term == "ISO_IR \(set.rawValue)"
    }
}
