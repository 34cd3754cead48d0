/// Decodes text with code extensions (PS3.5 6.1.2.4 and 6.1.2.5), or in one single-byte set.
struct CodedTextDecoder {
    private let initial: CodeElements
    private let declared: [CodedCharacterSet]
    private let use: TextUse
    private var active: CodeElements
    private var text = String.UnicodeScalarView()
    private var problem: Int?

    static func decode(
        _ bytes: ArraySlice<UInt8>, initial: CodeElements, declared: [CodedCharacterSet], _ use: TextUse
    ) -> (text: String, problem: Int?) {
        var decoder = CodedTextDecoder(initial: initial, declared: declared, use: use, active: initial)
        var rest = bytes
        while let byte = rest.first {
            let length = decoder.decode(byte, rest, at: rest.startIndex - bytes.startIndex)
            rest = rest.dropFirst(length)
        }
        return (String(decoder.text), decoder.problem)
    }

    /// Decodes what stands at the begin of `rest` and returns how many bytes it has, at least one.
    private mutating func decode(_ byte: UInt8, _ rest: ArraySlice<UInt8>, at offset: Int) -> Int {
        switch byte {
        case 0x1B: return escape(rest, at: offset)
        case 0x21...0x7E where active.g0.isTwoByte: return twoByte(byte, rest, in: active.g0, at: offset)
        case 0..<0x80:
            if use.isDelimiter(byte) { active = initial }
            text.append(Unicode.Scalar(byte))
            return 1
        default:
            guard let g1 = active.g1 else {
                // No set there: the default repertoire, whose bytes beyond ASCII most readers take for Latin 1.
                return undecodable(Unicode.Scalar(byte), at: offset)
            }
            if g1.isTwoByte { return twoByte(byte, rest, in: g1, at: offset) }
            if let scalar = g1.scalar(byte) {
                text.append(scalar)
                return 1
            }
            // C1 control characters, which PS3.5 6.1.3 does not allow, are the same in all sets of 96 characters.
            return undecodable(byte < 0xA0 && g1 != .katakana ? Unicode.Scalar(byte) : "\u{FFFD}", at: offset)
        }
    }

    private mutating func twoByte(
        _ byte: UInt8, _ rest: ArraySlice<UInt8>, in set: CodedCharacterSet, at offset: Int
    ) -> Int {
        guard let second = rest.dropFirst().first, (second & 0x80) == (byte & 0x80), 0x21...0x7E ~= second & 0x7F,
            0x21...0x7E ~= byte & 0x7F
        else {
            // Half a character; or a writer has forgotten to return to the initial set before a delimiter.
            guard use.isDelimiter(byte) else { return undecodable("\u{FFFD}", at: offset) }
            active = initial
            return undecodable(Unicode.Scalar(byte), at: offset)
        }
        guard let scalar = set.scalar(byte, second) else { return undecodable("\u{FFFD}", at: offset, length: 2) }
        text.append(scalar)
        return 2
    }

    /// Escape sequences that (0008,0005) does not announce are followed too, because writers forget to; unknown ones show
    /// as U+FFFD and what follows ESC.
    private mutating func escape(_ rest: ArraySlice<UInt8>, at offset: Int) -> Int {
        guard let set = CodedCharacterSet(escapeSequence: rest) else { return undecodable("\u{FFFD}", at: offset) }
        // Writers that take an escape sequence to switch everything do not leave a two-byte set in G0 first.
        if !set.isG0, active.g0.isTwoByte { active.g0 = initial.g0 }
        active.designate(set)
        if set != .ascii, !declared.contains(set == .romaji ? .katakana : set) { problem = problem ?? offset }
        return 1 + set.designation.utf8.count
    }

    private mutating func undecodable(_ shown: Unicode.Scalar, at offset: Int, length: Int = 1) -> Int {
        problem = problem ?? offset
        text.append(shown)
        return length
    }
}
