/// How the text of a data set is encoded: the value of Specific Character Set (0008,0005), PS3.3 C.12.1.1.2.
///
/// All defined terms of the standard are understood, and spellings of them that are wrong but common. Bytes that are not
/// in the set are shown as U+FFFD (``DataElement/textProblem`` tells where), and are written again as they were.
public struct SpecificCharacterSet: Hashable, Sendable {
    /// One word, without reference counting for the sets that nearly all data sets have: it is made at each access.
    private enum Form: Sendable {
        case ascii, latin1, utf8
        case other(Parsed)
    }

    private final class Parsed: Sendable {
        let terms: [String]
        let coding: TextCoding
        let isUnderstood: Bool

        init(_ terms: [String]) {
            // More than there are sets: a hostile value has thousands, and they are looked at for each text.
            let terms = Array(terms.prefix(32))
            self.terms = terms
            isUnderstood = terms.allSatisfy { CharacterSetTerm($0) != nil }
            coding = TextCoding(terms: terms)
        }
    }

    private let form: Form

    /// The default repertoire, ISO 646 (ASCII).
    public static let ascii = SpecificCharacterSet(form: .ascii)
    /// ISO_IR 100, ISO 8859-1.
    public static let latin1 = SpecificCharacterSet(form: .latin1)
    /// ISO_IR 192, UTF-8.
    public static let utf8 = SpecificCharacterSet(form: .utf8)

    private init(form: Form) { self.form = form }

    /// The set that these values of (0008,0005) stand for.
    public init(terms: [String]) {
        if terms.count <= 1 {
            switch terms.first ?? "" {
            case "", "ISO_IR 6", "ISO 2022 IR 6": self = .ascii
            case "ISO_IR 100": self = .latin1
            case "ISO_IR 192": self = .utf8
            default: form = .other(Parsed(terms))
            }
        } else {
            form = .other(Parsed(terms))
        }
    }

    /// The values to be written to (0008,0005), as they were given; empty for the default repertoire alone.
    public var terms: [String] {
        switch form {
        case .ascii: []
        case .latin1: ["ISO_IR 100"]
        case .utf8: ["ISO_IR 192"]
        case .other(let parsed): parsed.terms
        }
    }

    public static func == (lhs: SpecificCharacterSet, rhs: SpecificCharacterSet) -> Bool {
        switch (lhs.form, rhs.form) {
        case (.ascii, .ascii), (.latin1, .latin1), (.utf8, .utf8): true
        case (.other(let left), .other(let right)): left === right || left.terms == right.terms
        case (.ascii, _), (.latin1, _), (.utf8, _), (.other, _): false
        }
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(terms) }

    private var coding: TextCoding {
        switch form {
        case .ascii: .default
        case .latin1: .latin1
        case .utf8: .utf8
        case .other(let parsed): parsed.coding
        }
    }
}

// MARK: - Terms

extension SpecificCharacterSet {
    /// Whether every term is one of the standard's or a spelling of it that is understood. Text of other sets is shown as
    /// far as it is ASCII or Latin 1, and only ASCII can be written.
    package var isUnderstood: Bool {
        guard case .other(let parsed) = form else { return true }
        return parsed.isUnderstood
    }

    /// What is wrong with the terms, and how they were taken; `nil` when they are as PS3.3 C.12.1.1.2 defines them.
    public var problem: DICOMError? {
        for (position, term) in terms.enumerated() {
            let what = "Value \(position + 1) of SpecificCharacterSet (0008,0005)"
            guard let known = CharacterSetTerm(term) else {
                return termError("\(what) is no defined term; write one of PS3.3 C.12.1.1.2, or ISO_IR 192 for UTF-8.")
            }
            if terms.count > 1, known.standsAlone {
                return termError("\(what) is a set without code extensions, which has to be the only value.")
            }
            if !known.isSpelt(term) { return termError("\(what) is misspelt; it was taken for \(known.definedTerm).") }
        }
        return nil
    }

    private func termError(_ message: String) -> DICOMError {
        DICOMError(.invalidValue, message, at: [.specificCharacterSet])
    }
}

// MARK: - Text

extension SpecificCharacterSet {
    /// The text of a whole value of this VR, with its padding; delimiters come out as the characters `\`, `^` and `=`.
    ///
    /// To be split after it was decoded: the bytes of a character may look like delimiters. Bytes beyond ASCII in the
    /// default repertoire, and in VRs that the character set does not apply to, are taken for Latin 1, as most readers do.
    package func decode(_ bytes: ArraySlice<UInt8>, as vr: VR) -> String {
        guard bytes.contains(where: { $0 >= 0x80 || $0 == 0x1B }) else { return String(decoding: bytes, as: UTF8.self) }
        guard let use = TextUse(vr) else { return latin1(bytes) }
        return coding.decode(bytes, use).text
    }

    private func latin1(_ bytes: ArraySlice<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count + bytes.count / 2)
        for byte in bytes {
            if byte < 0x80 {
                text.append(byte)
            } else {
                text.append(0xC0 | byte >> 6)
                text.append(0x80 | byte & 0x3F)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Where in `bytes`, counted from their begin, is the first that this character set does not have.
    package func firstUndecodable(in bytes: ArraySlice<UInt8>, as vr: VR) -> Int? {
        guard let first = bytes.firstIndex(where: { $0 >= 0x80 || $0 == 0x1B }) else { return nil }
        guard let use = TextUse(vr) else { return first - bytes.startIndex }
        return coding.decode(bytes, use).problem
    }

    /// The bytes of the text of a whole value of this VR, without padding.
    ///
    /// - Throws: ``DICOMError/Code/unencodableText`` when no declared set has a character.
    package func encode(_ text: String, as vr: VR = .lo) throws(DICOMError) -> [UInt8] {
        if text.utf8.allSatisfy({ $0 < 0x80 && $0 != 0x1B }) { return Array(text.utf8) }
        guard let use = TextUse(vr) else {
            throw DICOMError(.unencodableText, "\(vr) has only characters of the default repertoire (ASCII).")
        }
        guard isUnderstood else {
            throw unencodable("a SpecificCharacterSet (0008,0005) that is no defined term of PS3.3 C.12.1.1.2")
        }
        guard let bytes = coding.encode(text, use) else {
            if text.unicodeScalars.contains("\u{1B}") {
                throw DICOMError(.unencodableText, "The text has the control character ESC; remove it.")
            }
            throw unencodable(terms.isEmpty ? "the default repertoire" : terms.joined(separator: "\\"))
        }
        return bytes
    }

    private func unencodable(_ name: String) -> DICOMError {
        DICOMError(
            .unencodableText,
            "The text has a character that \(name) lacks; change the data set to ISO_IR 192 with setCharacterSet(.utf8)."
                + missingTable)
    }

    /// What to add to a message where the conversion tables are not there.
    package var missingTable: String {
        guard let name = coding.missingTable else { return "" }
        return " The C library has no table of \(name): its gconv modules (libc-gconv-modules-extra) are not installed."
    }
}
