/// Encodes text with code extensions (PS3.5 6.1.2.4 and 6.1.2.5), or in one single-byte set.
///
/// Each character is written in the set that was designated last, or else in the first declared one that has it. The
/// escape sequence is written at each change of the set, also where the other code element would still be active, and
/// two-byte sets never stay in G0 beside a set in G1: most readers take each escape sequence to switch everything.
struct CodedTextEncoder {
    private let initial: CodeElements
    private let declared: [CodedCharacterSet]
    private let use: TextUse
    private var active: CodeElements
    /// Of the last escape sequence; at the begin and after delimiters the initial set in G1.
    private var current: CodedCharacterSet?
    private var bytes: [UInt8] = []

    static func encode(_ text: String, initial: CodeElements, declared: [CodedCharacterSet], _ use: TextUse) -> [UInt8]?
    {
        // As the standard has it a value begins in a single-byte set, so a two-byte one is announced before its use.
        var initial = initial
        if initial.g1?.isTwoByte == true { initial.g1 = nil }
        var encoder = CodedTextEncoder(
            initial: initial, declared: declared, use: use, active: initial, current: initial.g1)
        for scalar in text.unicodeScalars {
            guard encoder.encode(scalar) else { return nil }
        }
        encoder.returnToInitial()
        return encoder.bytes
    }

    private mutating func encode(_ scalar: Unicode.Scalar) -> Bool {
        if let byte = UInt8(exactly: scalar.value), byte < 0x80 {
            // Raw, it would begin an escape sequence.
            if byte == 0x1B { return false }
            if use.isDelimiter(byte) { returnToInitial() } else if active.g0.isTwoByte { designate(initial.g0) }
            bytes.append(byte)
            return true
        }
        if let current, append(scalar, in: current) { return true }
        return declared.contains { append(scalar, in: $0) }
    }

    /// Whether the set has the character, which is then written.
    private mutating func append(_ scalar: Unicode.Scalar, in set: CodedCharacterSet) -> Bool {
        guard let code = set.bytes(of: scalar) else { return false }
        if set != current {
            if !set.isG0, active.g0.isTwoByte { designate(initial.g0) }
            designate(set)
        }
        bytes.append(code.0)
        if let second = code.1 { bytes.append(second) }
        return true
    }

    private mutating func designate(_ set: CodedCharacterSet) {
        bytes.append(0x1B)
        bytes.append(contentsOf: set.designation.utf8)
        active.designate(set)
        current = set
    }

    /// Makes the initial sets active, as they have to be before a delimiter and at the end. Where G1 was empty nothing is
    /// written, as in the examples of PS3.5 Annexes I and K; the next use in it needs an escape sequence again.
    private mutating func returnToInitial() {
        if active.g0 != initial.g0 { designate(initial.g0) }
        if let g1 = initial.g1, active.g1 != g1 { designate(g1) }
        active = initial
        current = initial.g1
    }
}
