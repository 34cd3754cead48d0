public import DICOMCore

/// The name of an application entity (PS3.5 6.2, AE): 1 to 16 characters of the default repertoire, without backslash and
/// control characters; leading and trailing spaces do not count.
public struct AETitle: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The title without surrounding spaces.
    public let string: String

    /// The title that a user or a file gave.
    ///
    /// - Throws: ``DICOMError`` with `invalidValue` when it is empty, too long or has a character that is not allowed.
    public init(validating string: String) throws(DICOMError) {
        guard let title = Self.trimmed(string) else {
            throw DICOMError(
                .invalidValue,
                "'\(string.prefix(40))' is not an AE title: use 1 to 16 ASCII characters other than backslash and control characters (PS3.5 6.2)."
            )
        }
        self.string = title
    }

    /// A title in the source of a program; one that is not valid is an error of the program.
    public init(stringLiteral string: String) {
        guard let title = Self.trimmed(string) else {
            preconditionFailure("'\(string)' is not an AE title (PS3.5 6.2)")
        }
        self.string = title
    }

    public var description: String { string }

    private static func trimmed(_ string: String) -> String? {
        let bytes = trimmingSpaces(string.utf8)
        guard (1...16).contains(bytes.count) else { return nil }
        guard bytes.allSatisfy({ (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The bytes without leading and trailing spaces, and without the trailing NULs that some peers pad with.
func trimmingSpaces<Bytes: BidirectionalCollection<UInt8>>(_ bytes: Bytes) -> Bytes.SubSequence {
    var slice = bytes[...]
    while let last = slice.last, last == 0x20 || last == 0 { slice.removeLast() }
    while let first = slice.first, first == 0x20 { slice.removeFirst() }
    return slice
}
