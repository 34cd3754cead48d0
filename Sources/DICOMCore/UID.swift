/// A unique identifier (PS3.5 chapter 9).
///
/// Reading is lenient: ``init(_:)`` keeps what a file says, without its padding. ``init(validating:)`` is for what a
/// program makes or a user types.
@frozen public struct UID: Hashable, Comparable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The digits and dots, without padding.
    public let string: String

    @inlinable public init(stringLiteral string: String) { self.string = string }

    /// The identifier without trailing NUL and surrounding spaces; not validated.
    public init(_ string: some StringProtocol) {
        var bytes = Substring(string).utf8
        while let last = bytes.last, last == 0 || last == 0x20 { bytes.removeLast() }
        while let first = bytes.first, first == 0x20 { bytes.removeFirst() }
        self.string = String(Substring(bytes))
    }

    /// The identifier, when it keeps the rules of PS3.5 9.1.
    ///
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/invalidValue``.
    public init(validating string: String) throws(DICOMError) {
        self.string = string
        guard isValid else {
            throw DICOMError(
                .invalidValue,
                "'\(string.prefix(70))' is not a UID: use at most 64 digits and dots, no component empty or with a leading zero (PS3.5 9.1)."
            )
        }
    }

    /// Whether the identifier keeps the rules of PS3.5 9.1: at most 64 characters, components of digits without leading zero.
    public var isValid: Bool {
        let bytes = string.utf8
        guard (1...64).contains(bytes.count) else { return false }
        return bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { component in
            !component.isEmpty && component.allSatisfy { (0x30...0x39).contains($0) }
                && (component.count == 1 || component.first != 0x30)
        }
    }

    /// Whether the identifier is not one that DICOM has assigned (1.2.840.10008).
    public var isPrivate: Bool { !string.hasPrefix("1.2.840.10008.") }

    public var description: String { string }

    public static func < (lhs: UID, rhs: UID) -> Bool { lhs.string < rhs.string }
}
