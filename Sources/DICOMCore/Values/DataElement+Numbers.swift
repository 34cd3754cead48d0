// Numbers in elements: binary ones, and those written as characters.

extension VR {
    /// ``kind``, with the streams that are made of numbers as those numbers: PS3.5 6.2 says so of OW, OL, OV, OF and OD.
    package var numericKind: Kind {
        switch self {
        case .ow: .integer(bytes: 2, signed: false)
        case .ol: .integer(bytes: 4, signed: false)
        case .ov: .integer(bytes: 8, signed: false)
        case .of: .real(bytes: 4)
        case .od: .real(bytes: 8)
        default: kind
        }
    }
}

extension DataElement {
    package func ints(as expected: VR) -> [Int] {
        let vr = effectiveVR(expected)
        guard case .integer(let size, let signed) = vr.numericKind, let units = units(of: size) else {
            return numberTexts(vr).compactMap { Int($0) ?? Double($0).flatMap { Int(exactly: $0) } }
        }
        guard signed else { return units.compactMap { Int(exactly: $0) } }
        let shift = 64 - 8 * size
        return units.map { Int(truncatingIfNeeded: Int64(bitPattern: $0 << shift) >> shift) }
    }

    package func unsignedInts(as expected: VR) -> [UInt64] {
        let vr = effectiveVR(expected)
        switch vr.numericKind {
        case .integer(let size, signed: false):
            return units(of: size) ?? numberTexts(vr).compactMap { UInt64($0) }
        case .integer: return ints(as: vr).compactMap { UInt64(exactly: $0) }
        default: return numberTexts(vr).compactMap { UInt64($0) ?? Double($0).flatMap { UInt64(exactly: $0) } }
        }
    }

    package func doubles(as expected: VR) -> [Double] {
        let vr = effectiveVR(expected)
        switch vr.numericKind {
        case .real(let size):
            guard let units = units(of: size) else { break }
            return units.map {
                size == 4 ? Double(Float(bitPattern: UInt32(truncatingIfNeeded: $0))) : Double(bitPattern: $0)
            }
        case .integer(_, signed: false): return unsignedInts(as: vr).map { Double($0) }
        case .integer: return ints(as: vr).map { Double($0) }
        case .text, .uid, .decimal, .tag, .stream, .sequence: break
        }
        return numberTexts(vr).compactMap { Double($0) }
    }

    /// The values as 32-bit floating-point numbers: those of FL and OF exactly, others rounded.
    package func floats(as expected: VR) -> [Float] {
        guard case .real(bytes: 4) = effectiveVR(expected).numericKind, let units = units(of: 4) else {
            return doubles(as: expected).map { Float($0) }
        }
        return units.map { Float(bitPattern: UInt32(truncatingIfNeeded: $0)) }
    }

    /// The digits of binary numbers.
    func numberStrings(_ vr: VR) -> [String] {
        switch vr.kind {
        case .integer(_, signed: false): unsignedInts(as: vr).map(String.init)
        case .integer: ints(as: vr).map(String.init)
        default: doubles(as: vr).map { "\($0)" }
        }
    }

    /// The values to be read as numbers where they are characters: of text VRs, and what a program set as text in a
    /// binary one.
    private func numberTexts(_ vr: VR) -> [String] {
        if vr.isText { return strings(as: vr) }
        guard case .text(let text) = value else { return [] }
        return text.split(separator: "\\").map(String.init)
    }

    /// Little-endian units of `size` bytes; an incomplete one at the end is left out. `nil` when the value is no bytes.
    func units(of size: Int) -> [UInt64]? {
        guard case .bytes(let bytes) = value, size > 0 else { return nil }
        var result: [UInt64] = []
        result.reserveCapacity(bytes.count / size)
        var index = bytes.startIndex
        while bytes.endIndex - index >= size {
            result.append(loadLittleEndian(bytes, at: index, count: size))
            index += size
        }
        return result
    }
}

// MARK: - As attribute values

extension Int: AttributeScalar {
    public init?(_ element: DataElement, vr: VR) {
        if let first = element.firstInteger(as: vr) ?? element.firstASCII(as: vr).flatMap({ Int($0) }) {
            self = first
        } else if let first = Self.values(of: element, vr: vr).first {
            self = first
        } else {
            return nil
        }
    }

    public static func values(of element: DataElement, vr: VR) -> [Int] { element.ints(as: vr) }

    /// Numbers that the VR has no room for are kept as text, so that nothing is cut off; writing refuses them.
    public static func elementValue(_ values: [Int], vr: VR) -> DataElement.Value {
        switch vr.numericKind {
        case .real: return Double.elementValue(values.map { Double($0) }, vr: vr)
        case .integer(let size, let signed) where values.allSatisfy { fits($0, size, signed) }:
            return .bytes(littleEndianBytes(values.map { UInt64(bitPattern: Int64($0)) }, size: size))
        default: return .text(values.map(String.init).joined(separator: "\\"))
        }
    }

    private static func fits(_ number: Int, _ size: Int, _ signed: Bool) -> Bool {
        if size >= 8 { return signed || number >= 0 }
        let bits = 8 * size
        let least = signed ? -1 << (bits - 1) : 0
        let most = signed ? 1 << (bits - 1) - 1 : 1 << bits - 1
        return (least...most).contains(number)
    }
}

extension UInt64: AttributeScalar {
    public static func values(of element: DataElement, vr: VR) -> [UInt64] { element.unsignedInts(as: vr) }

    public static func elementValue(_ values: [UInt64], vr: VR) -> DataElement.Value {
        if case .integer(8, signed: false) = vr.numericKind { return .bytes(littleEndianBytes(values, size: 8)) }
        let ints = values.compactMap { Int(exactly: $0) }
        return ints.count == values.count
            ? Int.elementValue(ints, vr: vr) : .text(values.map(String.init).joined(separator: "\\"))
    }
}

extension Double: AttributeScalar {
    public init?(_ element: DataElement, vr: VR) {
        if let first = element.firstASCII(as: vr).flatMap({ Double($0) }) ?? Self.values(of: element, vr: vr).first {
            self = first
        } else {
            return nil
        }
    }

    public static func values(of element: DataElement, vr: VR) -> [Double] { element.doubles(as: vr) }

    public static func elementValue(_ values: [Double], vr: VR) -> DataElement.Value {
        switch vr.numericKind {
        case .real(4) where values.contains(where: { $0.isFinite && !Float($0).isFinite }):
            // Writing refuses what FL cannot hold.
            return .text(values.map { "\($0)" }.joined(separator: "\\"))
        case .real(let size):
            let bits = values.map { size == 4 ? UInt64(Float($0).bitPattern) : $0.bitPattern }
            return .bytes(littleEndianBytes(bits, size: size))
        case .integer:
            let ints = values.compactMap { Int(exactly: $0) }
            if ints.count == values.count { return Int.elementValue(ints, vr: vr) }
            fallthrough
        default: return .text(values.map(decimalString).joined(separator: "\\"))
        }
    }
}

extension Float: AttributeScalar {
    public static func values(of element: DataElement, vr: VR) -> [Float] { element.floats(as: vr) }

    public static func elementValue(_ values: [Float], vr: VR) -> DataElement.Value {
        Double.elementValue(values.map { Double($0) }, vr: vr)
    }
}

func littleEndianBytes(_ values: [UInt64], size: Int) -> ArraySlice<UInt8> {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * size)
    for value in values {
        for position in 0..<size { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * position))) }
    }
    return bytes[...]
}
