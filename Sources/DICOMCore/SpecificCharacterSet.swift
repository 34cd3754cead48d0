/// How the text of a data set is encoded: the value of Specific Character Set (0008,0005), PS3.3 C.12.1.1.2.
///
/// The default repertoire, ISO_IR 100 (Latin 1) and ISO_IR 192 (UTF-8) are decoded. Text in any other character set is
/// kept as bytes and written again as it was; asked for as a `String` it shows U+FFFD for what is not ASCII.
public enum SpecificCharacterSet: Hashable, Sendable {
    /// The default repertoire, ISO 646 (ASCII).
    case ascii
    /// ISO_IR 100, ISO 8859-1.
    case latin1
    /// ISO_IR 192, UTF-8.
    case utf8
    /// Another set, by its defined terms.
    case other([String])

    /// The set that these values of (0008,0005) stand for.
    public init(terms: [String]) {
        switch terms {
        case [], [""], ["ISO_IR 6"], ["ISO 2022 IR 6"]: self = .ascii
        case ["ISO_IR 100"]: self = .latin1
        case ["ISO_IR 192"]: self = .utf8
        default: self = .other(terms)
        }
    }

    /// The values to be written to (0008,0005); empty for the default repertoire.
    public var terms: [String] {
        switch self {
        case .ascii: []
        case .latin1: ["ISO_IR 100"]
        case .utf8: ["ISO_IR 192"]
        case .other(let terms): terms
        }
    }

    /// The text of `bytes`. Bytes beyond ASCII in the default repertoire are taken for Latin 1, as most readers do.
    package func decode(_ bytes: ArraySlice<UInt8>) -> String {
        guard bytes.contains(where: { $0 >= 0x80 || $0 == 0x1B }) else { return String(decoding: bytes, as: UTF8.self) }
        switch self {
        case .utf8: return String(decoding: bytes, as: UTF8.self)
        case .ascii, .latin1:
            var text = String.UnicodeScalarView()
            text.append(contentsOf: bytes.lazy.map { Unicode.Scalar($0) })
            return String(text)
        case .other:
            var text = String.UnicodeScalarView()
            text.append(contentsOf: bytes.lazy.map { $0 < 0x80 && $0 != 0x1B ? Unicode.Scalar($0) : "\u{FFFD}" })
            return String(text)
        }
    }

    /// The bytes of `text`, without padding.
    package func encode(_ text: String) throws(DICOMError) -> [UInt8] {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return Array(text.utf8) }
        switch self {
        case .utf8: return Array(text.utf8)
        case .latin1:
            var bytes: [UInt8] = []
            for scalar in text.unicodeScalars {
                guard let byte = UInt8(exactly: scalar.value) else { throw unencodable }
                bytes.append(byte)
            }
            return bytes
        case .ascii, .other: throw unencodable
        }
    }

    private var unencodable: DICOMError {
        let name = terms.isEmpty ? "the default repertoire" : terms.joined(separator: "\\")
        return DICOMError(
            .unencodableText,
            "The text has a character that \(name) lacks; set SpecificCharacterSet (0008,0005) to ISO_IR 192.")
    }
}
