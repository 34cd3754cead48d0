/// A value representation (PS3.5 6.2), the two letters that say how a value is encoded.
@frozen public struct VR: Hashable, Sendable, CustomStringConvertible {
    /// The two ASCII letters, the first in the upper byte.
    public let rawValue: UInt16

    @inlinable package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The value representation with this code; `nil` where the standard has none.
    public init?(code: String) {
        let letters = Array(code.utf8)
        guard letters.count == 2, let vr = VR(letters[0], letters[1]) else { return nil }
        self = vr
    }

    /// The value representation with these two letters; `nil` where the standard has none.
    @inlinable package init?(_ first: UInt8, _ second: UInt8) {
        rawValue = UInt16(first) << 8 | UInt16(second)
        guard isKnown else { return nil }
    }

    /// The two letters.
    public var code: String {
        String(
            decoding: [UInt8(truncatingIfNeeded: rawValue >> 8), UInt8(truncatingIfNeeded: rawValue)], as: UTF8.self)
    }
    public var description: String { code }

    /// Application Entity
    @inlinable public static var ae: VR { VR(rawValue: 0x4145) }
    /// Age String
    @inlinable public static var `as`: VR { VR(rawValue: 0x4153) }
    /// Attribute Tag
    @inlinable public static var at: VR { VR(rawValue: 0x4154) }
    /// Code String
    @inlinable public static var cs: VR { VR(rawValue: 0x4353) }
    /// Date
    @inlinable public static var da: VR { VR(rawValue: 0x4441) }
    /// Decimal String
    @inlinable public static var ds: VR { VR(rawValue: 0x4453) }
    /// Date Time
    @inlinable public static var dt: VR { VR(rawValue: 0x4454) }
    /// Floating Point Double
    @inlinable public static var fd: VR { VR(rawValue: 0x4644) }
    /// Floating Point Single
    @inlinable public static var fl: VR { VR(rawValue: 0x464C) }
    /// Integer String
    @inlinable public static var `is`: VR { VR(rawValue: 0x4953) }
    /// Long String
    @inlinable public static var lo: VR { VR(rawValue: 0x4C4F) }
    /// Long Text
    @inlinable public static var lt: VR { VR(rawValue: 0x4C54) }
    /// Other Byte
    @inlinable public static var ob: VR { VR(rawValue: 0x4F42) }
    /// Other Double
    @inlinable public static var od: VR { VR(rawValue: 0x4F44) }
    /// Other Float
    @inlinable public static var of: VR { VR(rawValue: 0x4F46) }
    /// Other Long
    @inlinable public static var ol: VR { VR(rawValue: 0x4F4C) }
    /// Other 64-bit Very Long
    @inlinable public static var ov: VR { VR(rawValue: 0x4F56) }
    /// Other Word
    @inlinable public static var ow: VR { VR(rawValue: 0x4F57) }
    /// Person Name
    @inlinable public static var pn: VR { VR(rawValue: 0x504E) }
    /// Short String
    @inlinable public static var sh: VR { VR(rawValue: 0x5348) }
    /// Signed Long
    @inlinable public static var sl: VR { VR(rawValue: 0x534C) }
    /// Sequence of Items
    @inlinable public static var sq: VR { VR(rawValue: 0x5351) }
    /// Signed Short
    @inlinable public static var ss: VR { VR(rawValue: 0x5353) }
    /// Short Text
    @inlinable public static var st: VR { VR(rawValue: 0x5354) }
    /// Signed 64-bit Very Long
    @inlinable public static var sv: VR { VR(rawValue: 0x5356) }
    /// Time
    @inlinable public static var tm: VR { VR(rawValue: 0x544D) }
    /// Unlimited Characters
    @inlinable public static var uc: VR { VR(rawValue: 0x5543) }
    /// Unique Identifier
    @inlinable public static var ui: VR { VR(rawValue: 0x5549) }
    /// Unsigned Long
    @inlinable public static var ul: VR { VR(rawValue: 0x554C) }
    /// Unknown
    @inlinable public static var un: VR { VR(rawValue: 0x554E) }
    /// Universal Resource Identifier or Locator
    @inlinable public static var ur: VR { VR(rawValue: 0x5552) }
    /// Unsigned Short
    @inlinable public static var us: VR { VR(rawValue: 0x5553) }
    /// Unlimited Text
    @inlinable public static var ut: VR { VR(rawValue: 0x5554) }
    /// Unsigned 64-bit Very Long
    @inlinable public static var uv: VR { VR(rawValue: 0x5556) }

    /// Whether PS3.5 6.2 has this VR.
    @inlinable package var isKnown: Bool {
        switch self {
        case .ae, .as, .at, .cs, .da, .ds, .dt, .fd, .fl, .is, .lo, .lt, .ob, .od, .of, .ol, .ov, .ow, .pn, .sh, .sl,
            .sq, .ss, .st,
            .sv, .tm, .uc, .ui, .ul, .un, .ur, .us, .ut, .uv:
            true
        default: false
        }
    }
}

extension VR {
    /// What the bytes of a value are.
    package enum Kind: Sendable {
        /// Characters; `repertoire`: whether Specific Character Set (0008,0005) applies (PS3.5 6.1.2.3);
        /// `multiple`: whether a backslash separates values.
        case text(repertoire: Bool, multiple: Bool)
        /// UIDs, separated by backslashes and padded with NUL.
        case uid
        /// Numbers written as characters: IS, DS.
        case decimal
        /// Little-endian numbers, so many bytes each.
        case integer(bytes: Int, signed: Bool)
        case real(bytes: Int)
        case tag
        /// A stream of units of so many bytes.
        case stream(unit: Int)
        case sequence
    }

    package var kind: Kind {
        switch self {
        case .ae, .as, .cs, .da, .dt, .tm: .text(repertoire: false, multiple: true)
        case .lo, .pn, .sh, .uc: .text(repertoire: true, multiple: true)
        case .lt, .st, .ut: .text(repertoire: true, multiple: false)
        case .ur: .text(repertoire: false, multiple: false)
        case .ui: .uid
        case .ds, .is: .decimal
        case .us: .integer(bytes: 2, signed: false)
        case .ss: .integer(bytes: 2, signed: true)
        case .ul: .integer(bytes: 4, signed: false)
        case .sl: .integer(bytes: 4, signed: true)
        case .uv: .integer(bytes: 8, signed: false)
        case .sv: .integer(bytes: 8, signed: true)
        case .fl: .real(bytes: 4)
        case .fd: .real(bytes: 8)
        case .at: .tag
        case .ow: .stream(unit: 2)
        case .of, .ol: .stream(unit: 4)
        case .od, .ov: .stream(unit: 8)
        case .sq: .sequence
        default: .stream(unit: 1)
        }
    }

    /// The bytes of the units whose order depends on the byte order of the transfer syntax (PS3.5 7.3).
    package var unitSize: Int {
        switch kind {
        case .integer(let bytes, _), .real(let bytes): bytes
        case .stream(let unit): unit
        case .tag: 2
        case .text, .uid, .decimal, .sequence: 1
        }
    }

    /// Whether the value is characters (numbers written as characters and UIDs included).
    public var isText: Bool {
        switch kind {
        case .text, .uid, .decimal: true
        case .integer, .real, .tag, .stream, .sequence: false
        }
    }

    /// Whether an explicit VR element has a 32-bit length after two reserved bytes (PS3.5 7.1.2).
    @inlinable package var has32BitLength: Bool {
        switch self {
        case .ob, .od, .of, .ol, .ov, .ow, .sq, .sv, .uc, .un, .ur, .ut, .uv: true
        default: false
        }
    }

    /// Whether an even number of bytes is a whole number of values.
    package func allows(length: Int) -> Bool {
        switch self {
        case .ul, .sl, .fl, .at: length & 3 == 0
        case .fd, .uv, .sv: length & 7 == 0
        default: true
        }
    }

    /// The byte that makes the length of a value even (PS3.5 6.2).
    package var padding: UInt8 {
        switch kind {
        case .text, .decimal: 0x20
        case .uid, .integer, .real, .tag, .stream, .sequence: 0
        }
    }
}
