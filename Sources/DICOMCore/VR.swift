/// A value representation (PS3.5 6.2), the two letters that say how a value is encoded.
@frozen public struct VR: Hashable, Sendable, CustomStringConvertible {
    /// The two ASCII letters, the first in the upper byte.
    public let rawValue: UInt16

    @inlinable package init(rawValue: UInt16) { self.rawValue = rawValue }

    @usableFromInline init(_ code: StaticString) {
        rawValue = unsafe UInt16(code.utf8Start[0]) << 8 | UInt16(code.utf8Start[1])
    }

    /// The value representation with this code; `nil` where the standard has none.
    public init?(code: String) {
        let letters = Array(code.utf8)
        guard letters.count == 2, let vr = VR(letters[0], letters[1]) else { return nil }
        self = vr
    }

    /// The value representation with these two letters; `nil` where the standard has none.
    package init?(_ first: UInt8, _ second: UInt8) {
        rawValue = UInt16(first) << 8 | UInt16(second)
        guard VR.known.contains(self) else { return nil }
    }

    /// The two letters.
    public var code: String {
        String(
            decoding: [UInt8(truncatingIfNeeded: rawValue >> 8), UInt8(truncatingIfNeeded: rawValue)], as: UTF8.self)
    }
    public var description: String { code }

    public static let ae = VR("AE"), `as` = VR("AS"), at = VR("AT"), cs = VR("CS"), da = VR("DA"), ds = VR("DS")
    public static let dt = VR("DT"), fl = VR("FL"), fd = VR("FD"), `is` = VR("IS"), lo = VR("LO"), lt = VR("LT")
    public static let ob = VR("OB"), od = VR("OD"), of = VR("OF"), ol = VR("OL"), ov = VR("OV"), ow = VR("OW")
    public static let pn = VR("PN"), sh = VR("SH"), sl = VR("SL"), sq = VR("SQ"), ss = VR("SS"), st = VR("ST")
    public static let sv = VR("SV"), tm = VR("TM"), uc = VR("UC"), ui = VR("UI"), ul = VR("UL"), un = VR("UN")
    public static let ur = VR("UR"), us = VR("US"), ut = VR("UT"), uv = VR("UV")

    private static let known: Set<VR> = [
        ae, `as`, at, cs, da, ds, dt, fl, fd, `is`, lo, lt, ob, od, of, ol, ov, ow, pn, sh, sl, sq, ss, st, sv, tm, uc,
        ui, ul, un, ur, us, ut, uv,
    ]
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

    /// The byte that makes the length of a value even (PS3.5 6.2).
    package var padding: UInt8 {
        switch kind {
        case .text, .decimal: 0x20
        case .uid, .integer, .real, .tag, .stream, .sequence: 0
        }
    }
}
