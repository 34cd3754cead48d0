/// The tag of a data element: group and element number (PS3.5 7.1).
///
/// ```swift
/// let tag = DICOMTag(0x0010, 0x0020)
/// print(tag)  // (0010,0020)
/// ```
@frozen public struct DICOMTag: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The group number in the upper, the element number in the lower 16 bits.
    public let rawValue: UInt32

    /// A tag of eight hexadecimal digits, such as `0x00100020`.
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A tag of group and element number.
    @inlinable public init(_ group: UInt16, _ element: UInt16) {
        rawValue = UInt32(group) << 16 | UInt32(element)
    }

    /// The group number.
    @inlinable public var group: UInt16 { UInt16(truncatingIfNeeded: rawValue >> 16) }
    /// The element number.
    @inlinable public var element: UInt16 { UInt16(truncatingIfNeeded: rawValue) }

    /// Whether the group number is odd (PS3.5 7.8).
    @inlinable public var isPrivate: Bool { group & 1 == 1 }
    /// Whether this is the tag of a Group Length (gggg,0000) (PS3.5 7.2).
    @inlinable public var isGroupLength: Bool { element == 0 }
    /// Whether this is a Private Creator (gggg,0010-00FF) (PS3.5 7.8.1).
    @inlinable public var isPrivateCreator: Bool { isPrivate && (0x10...0xFF).contains(element) }

    @inlinable public static func < (lhs: DICOMTag, rhs: DICOMTag) -> Bool { lhs.rawValue < rhs.rawValue }

    /// `(gggg,eeee)` in hexadecimal digits.
    public var description: String { "(\(hexadecimal(group)),\(hexadecimal(element)))" }

    /// Item (FFFE,E000), Item Delimitation (FFFE,E00D) and Sequence Delimitation (FFFE,E0DD) (PS3.5 7.5).
    package static let item = DICOMTag(rawValue: 0xFFFE_E000)
    package static let itemDelimitation = DICOMTag(rawValue: 0xFFFE_E00D)
    package static let sequenceDelimitation = DICOMTag(rawValue: 0xFFFE_E0DD)
    package static let pixelData = DICOMTag(rawValue: 0x7FE0_0010)
    package static let specificCharacterSet = DICOMTag(rawValue: 0x0008_0005)

    /// Elements that PS3.6 lists as US or SS.
    package var isUSOrSS: Bool {
        switch rawValue {
        case 0x0018_9810, 0x0022_1452, 0x0028_0071, 0x0028_0104...0x0028_0111, 0x0028_0120, 0x0028_0121,
            0x0028_1100...0x0028_1103, 0x0028_1111...0x0028_1113, 0x0028_1200, 0x0028_3002, 0x0040_9211, 0x0040_9216,
            0x0060_3004, 0x0060_3006:
            true
        default: false
        }
    }
}

/// Four upper-case hexadecimal digits.
package func hexadecimal(_ number: UInt16) -> String {
    let digits = String(number, radix: 16, uppercase: true)
    return String(repeating: "0", count: 4 - digits.count) + digits
}
