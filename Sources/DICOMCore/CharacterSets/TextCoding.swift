/// What a text is used for, which says where the code extension state is reset (PS3.5 6.1.2.5.3).
enum TextUse {
    case personName
    /// Values separated by backslashes.
    case values
    /// One value, in which a backslash is a character like others.
    case paragraph

    /// `nil` for the VRs that Specific Character Set does not apply to.
    init?(_ vr: VR) {
        guard case .text(repertoire: true, let multiple) = vr.kind else { return nil }
        self = vr == .pn ? .personName : multiple ? .values : .paragraph
    }

    /// Whether the initial character sets are active before this ASCII character, and after it.
    func isDelimiter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0..<0x20: byte != 0x1B
        case UInt8(ascii: "\\"): self != .paragraph
        case UInt8(ascii: "^"), UInt8(ascii: "="): self == .personName
        default: false
        }
    }
}

/// How the text of a Specific Character Set is decoded and encoded.
enum TextCoding: Sendable {
    case utf8
    case gb(GBCoding)
    /// With or without code extensions; what is active at the begin of a value, and the declared sets that can be
    /// switched to.
    case coded(initial: CodeElements, declared: [CodedCharacterSet])

    static let `default` = coded(initial: CodeElements(), declared: [])
    static let latin1 = coded(initial: CodeElements(g1: .latin1), declared: [.latin1])

    /// Sets without code extensions have to be alone: if the first value is one the others are ignored, otherwise it is.
    init(terms: [String]) {
        let first = terms.first.map { CharacterSetTerm($0) ?? .coded(.ascii) } ?? .coded(.ascii)
        switch first {
        case .utf8: self = .utf8
        case .gb18030: self = .gb(.gb18030)
        case .gbk: self = .gb(.gbk)
        case .coded(let first):
            var declared: [CodedCharacterSet] = first == .ascii ? [] : [first]
            // There are not that many sets; a broken file may have many more values.
            for term in terms.dropFirst().prefix(32) {
                guard case .coded(let set) = CharacterSetTerm(term), set != .ascii, !declared.contains(set) else {
                    continue
                }
                declared.append(set)
            }
            self = .coded(initial: CodeElements(initial: first), declared: declared)
        }
    }

    /// The text, and where the first bytes that are not in the set are, counted from the begin.
    func decode(_ bytes: ArraySlice<UInt8>, _ use: TextUse) -> (text: String, problem: Int?) {
        switch self {
        case .utf8: (String(decoding: bytes, as: UTF8.self), Self.firstInvalidUTF8(bytes))
        case .gb(let coding): coding.decode(bytes)
        case .coded(let initial, let declared):
            CodedTextDecoder.decode(bytes, initial: initial, declared: declared, use)
        }
    }

    /// The bytes; `nil` when the set lacks a character.
    func encode(_ text: String, _ use: TextUse) -> [UInt8]? {
        switch self {
        case .utf8: Array(text.utf8)
        case .gb(let coding): coding.encode(text)
        case .coded(let initial, let declared):
            CodedTextEncoder.encode(text, initial: initial, declared: declared, use)
        }
    }

    /// A set whose table the C library lacks.
    var missingTable: String? {
        switch self {
        case .utf8: nil
        case .gb(let coding): coding.isMissing ? "GB18030 or GBK" : nil
        case .coded(_, let declared): declared.first { $0.table?.isMissing == true }?.term
        }
    }

    private static func firstInvalidUTF8(_ bytes: ArraySlice<UInt8>) -> Int? {
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var offset = 0
        while true {
            switch parser.parseScalar(from: &iterator) {
            case .valid(let units): offset += units.count
            case .error: return offset
            case .emptyInput: return nil
            }
        }
    }
}

/// The sets in G0 and G1 (ISO 2022): the graphic characters of the bytes below and from 80H.
struct CodeElements: Equatable, Sendable {
    var g0: CodedCharacterSet = .ascii
    var g1: CodedCharacterSet?

    init(g1: CodedCharacterSet? = nil) { self.g1 = g1 }

    /// What value 1 of (0008,0005) makes active. Two-byte sets should not stand there; in G0 they cannot be active at the
    /// begin, or no delimiter could be told, but readers take those of G1 to be.
    init(initial set: CodedCharacterSet) {
        if set == .katakana { g0 = .romaji }
        if !set.isG0 { g1 = set }
    }

    /// Puts a set where it is used.
    mutating func designate(_ set: CodedCharacterSet) {
        if set.isG0 { g0 = set } else { g1 = set }
    }
}
