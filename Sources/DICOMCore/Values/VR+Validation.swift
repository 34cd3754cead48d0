extension VR {
    /// Checks the text of an element, decoded, against the rules for writing it (PS3.5 6.2). Empty values keep all.
    ///
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/invalidValue``, whose message has the rule but not the value.
    package func validate(_ text: String) throws(DICOMError) {
        guard !text.isEmpty else { return }
        let isMultiple =
            switch kind {
            case .text(_, let multiple): multiple
            case .uid, .decimal: true
            case .integer, .real, .tag, .stream, .sequence: false
            }
        var rest = text[...]
        while true {
            let end = isMultiple ? rest.utf8.firstIndex(of: UInt8(ascii: "\\")) : nil
            let value = rest[..<(end ?? rest.endIndex)]
            guard value.isEmpty || allows(String(value)) else {
                throw DICOMError(.invalidValue, "A value is not as \(self) asks: \(rule) (PS3.5 6.2).")
            }
            guard let end else { return }
            rest = rest[rest.utf8.index(after: end)...]
        }
    }

    private func allows(_ value: String) -> Bool {
        switch self {
        case .ae:
            value.utf8.count <= 16 && value.utf8.allSatisfy { (0x20...0x7E).contains($0) }
                && value.utf8.contains { $0 != 0x20 }
        case .as: DICOMAge(value)?.isValid ?? false
        case .cs:
            value.utf8.count <= 16
                && value.utf8.allSatisfy { (0x41...0x5A).contains($0) || isDigit($0) || $0 == 0x20 || $0 == 0x5F }
        case .da: DICOMDate(value)?.isValid ?? false
        case .ds: DecimalString(value)?.isValid ?? false
        case .dt: DICOMDateTime(value)?.isValid ?? false
        case .is: IntegerString(value)?.isValid ?? false
        case .lo: Self.isText(value, atMost: 64)
        case .lt: Self.isText(value, atMost: 10_240, lines: true)
        case .pn: PersonName(value).isValid
        case .sh: Self.isText(value, atMost: 16)
        case .st: Self.isText(value, atMost: 1024, lines: true)
        case .tm: DICOMTime(value)?.isValid ?? false
        case .uc: Self.isText(value, atMost: .max)
        case .ui: UID(stringLiteral: value).isValid
        case .ur: withoutTrailingSpaces(value).utf8.allSatisfy(isURICharacter)
        case .ut: Self.isText(value, atMost: .max, lines: true)
        default: false
        }
    }

    /// Characters are counted, not bytes, and ESC may begin another character set (PS3.5 6.1.2.3, 6.2).
    private static func isText(_ value: String, atMost limit: Int, lines: Bool = false) -> Bool {
        // A character has at least one byte, so most values need not be counted.
        (value.utf8.count <= limit || value.unicodeScalars.count <= limit)
            && !value.unicodeScalars.contains { $0.isForbiddenControl && !(lines && $0.isLineControl) }
    }

    /// What ``validate(_:)`` asks, and so how to mend a value.
    private var rule: String {
        switch self {
        case .ae: "1 to 16 ASCII characters without controls and backslash, not only spaces"
        case .as: "three digits and D, W, M or Y, such as 045Y"
        case .cs: "at most 16 upper-case letters, digits, spaces and underscores"
        case .da: "YYYYMMDD, a day of the calendar; ranges are for queries only"
        case .ds: "a decimal number of at most 16 characters, such as -1.25 or 3E-7"
        case .dt: "YYYYMMDDHHMMSS.FFFFFF&ZZXX, cut after any part, with an offset of -1200 to +1400"
        case .is: "a whole number from -2147483648 to 2147483647 in at most 12 characters"
        case .lo: "at most 64 characters on one line; shorten it"
        case .lt: "at most 10240 characters, no controls but tab, line and page breaks"
        case .pn: "at most three groups with = between them, each of at most 64 characters and five components with ^"
        case .sh: "at most 16 characters on one line; shorten it"
        case .st: "at most 1024 characters, no controls but tab, line and page breaks"
        case .tm: "HHMMSS.FFFFFF, cut after any part, without colons; ranges are for queries only"
        case .uc: "characters on one line, no controls"
        case .ui: "at most 64 digits and dots, no component empty or with a leading zero"
        case .ur: "the characters of a URI, others as % and two digits, no leading spaces"
        case .ut: "no controls but tab, line and page breaks"
        case .at: "tags, not text; set it as DICOMTag"
        case .sq: "items, not text; set it as [DataSet]"
        default: numericRule
        }
    }

    private var numericRule: String {
        switch numericKind {
        case .integer(let size, let signed):
            "binary whole numbers of \(8 * size) bits, \(signed ? "signed" : "not negative"); set it as numbers that fit"
        case .real(let size): "binary floating-point numbers of \(8 * size) bits; set it as [Double]"
        default: "bytes, not text; set it as bytes"
        }
    }
}

extension Unicode.Scalar {
    /// Whether this is a control character that no value may have; ESC is one for another layer.
    var isForbiddenControl: Bool { (value < 0x20 && value != 0x1B) || (0x7F...0x9F).contains(value) }

    /// TAB, LF, FF and CR, which ST, LT and UT may have (PS3.5 6.1.3).
    fileprivate var isLineControl: Bool { value == 0x09 || value == 0x0A || value == 0x0C || value == 0x0D }
}

/// The characters of RFC 3986, section 2.
private func isURICharacter(_ byte: UInt8) -> Bool {
    (0x41...0x5A).contains(byte & 0xDF) && byte < 0x80 || isDigit(byte) || "-._~:/?#[]@!$&'()*+,;=%".utf8.contains(byte)
}

// MARK: - Elements

extension DataElement {
    /// Checks the value against the rules for writing it: text by its VR, as it is decoded, and the length of binary
    /// values; items with all that is in them.
    ///
    /// Values that were read and not changed are written as they were, whatever this says of them.
    ///
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/invalidValue`` and the path of the first element that does not
    ///   keep them; the message has the rule but not the value.
    public func validate() throws(DICOMError) {
        do throws(DICOMError) {
            switch value {
            case .text(let text): try vr.validate(text)
            case .bytes(let bytes):
                if vr.isText {
                    try vr.validate(strings.joined(separator: "\\"))
                } else {
                    try validateLength(bytes.count)
                }
            case .sequence(let items):
                guard vr == .sq || vr == .un else { throw misplaced("items", "SQ") }
                for item in items { try item.validate() }
            case .fragments:
                guard vr == .ob || vr == .ow else { throw misplaced("fragments", "OB or OW") }
            }
        } catch {
            var error = error
            error.tagPath.insert(tag, at: 0)
            throw error
        }
    }

    private func validateLength(_ length: Int) throws(DICOMError) {
        let unit: Int
        switch vr.kind {
        case .integer(let size, _), .real(let size), .stream(let size): unit = size
        case .tag: unit = 4
        case .sequence:
            guard length == 0 else { throw misplaced("bytes", "UN") }
            return
        case .text, .uid, .decimal: return
        }
        guard length % unit == 0 else {
            throw DICOMError(
                .invalidValue, "The value has \(length) bytes, which \(vr) cannot have: make it a multiple of \(unit).")
        }
    }

    private func misplaced(_ what: String, _ right: String) -> DICOMError {
        DICOMError(.invalidValue, "The value is \(what), which \(vr) cannot have: give the element the VR \(right).")
    }
}

extension DataSet {
    /// Checks every element as ``DataElement/validate()`` does.
    public func validate() throws(DICOMError) {
        for element in self { try element.validate() }
    }
}
