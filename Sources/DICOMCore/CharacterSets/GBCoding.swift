/// GB18030 and GBK: no code extensions, characters of one, two and (GB18030) four bytes, whose second may be below 80H.
enum GBCoding: Sendable {
    case gb18030, gbk

    /// Lead bytes 81H to FEH by trail bytes 40H to FEH.
    private static let trailCount = 0xFE - 0x40 + 1
    private static let twoByteCount = (0xFE - 0x81 + 1) * trailCount
    /// The four-byte codes from 81308130H to 8431A439H, one after the other: the rest of the basic multilingual plane.
    private static let fourByteCount = 39420
    /// The number of the code 90308130H: U+10000, from which on the code is the number of the character.
    private static let supplementaryStart = 189_000

    private static let gbkTable = CodeTable("GBK", count: twoByteCount, bytes: twoBytes)
    private static let gb18030Table = CodeTable("GB18030", count: twoByteCount + fourByteCount) { position in
        position < twoByteCount ? twoBytes(position) : fourBytes(position - twoByteCount)
    }

    private var table: CodeTable {
        switch self {
        case .gb18030: Self.gb18030Table
        case .gbk: Self.gbkTable
        }
    }

    var isMissing: Bool { table.isMissing }

    func decode(_ bytes: ArraySlice<UInt8>) -> (text: String, problem: Int?) {
        let table = table
        var text = String.UnicodeScalarView()
        var problem: Int?
        var rest = bytes
        while let byte = rest.first {
            if byte < 0x80 {
                text.append(Unicode.Scalar(byte))
                rest = rest.dropFirst()
            } else if let (scalar, length) = Self.character(rest, table, self) {
                text.append(scalar)
                rest = rest.dropFirst(length)
            } else {
                problem = problem ?? rest.startIndex - bytes.startIndex
                text.append("\u{FFFD}")
                // A byte below 80H may be a delimiter that has nothing to do with the broken character.
                rest = rest.dropFirst(rest.dropFirst().first.map { $0 >= 0x80 } == true ? 2 : 1)
            }
        }
        return (String(text), problem)
    }

    func encode(_ text: String) -> [UInt8]? {
        let table = table
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            if let byte = UInt8(exactly: scalar.value), byte < 0x80 {
                bytes.append(byte)
            } else if self == .gb18030, scalar.value >= 0x10000 {
                bytes += Self.fourBytes(Self.supplementaryStart + Int(scalar.value) - 0x10000)
            } else if let position = table.index(of: scalar) {
                bytes +=
                    position < Self.twoByteCount
                    ? Self.twoBytes(position) : Self.fourBytes(position - Self.twoByteCount)
            } else {
                return nil
            }
        }
        return bytes
    }

    /// The character at the begin of `bytes`, and its length.
    private static func character(
        _ bytes: ArraySlice<UInt8>, _ table: CodeTable, _ coding: GBCoding
    ) -> (Unicode.Scalar, Int)? {
        let code = Array(bytes.prefix(4))
        guard code.count >= 2, 0x81...0xFE ~= code[0] else { return nil }
        if 0x40...0xFE ~= code[1] {
            let position = Int(code[0] - 0x81) * trailCount + Int(code[1] - 0x40)
            return table.scalar(at: position).map { ($0, 2) }
        }
        guard coding == .gb18030, code.count == 4, 0x30...0x39 ~= code[1], 0x81...0xFE ~= code[2],
            0x30...0x39 ~= code[3]
        else { return nil }
        let number =
            ((Int(code[0] - 0x81) * 10 + Int(code[1] - 0x30)) * 126 + Int(code[2] - 0x81)) * 10 + Int(code[3] - 0x30)
        if number < fourByteCount { return table.scalar(at: twoByteCount + number).map { ($0, 4) } }
        guard number >= supplementaryStart else { return nil }
        return Unicode.Scalar(UInt32(number - supplementaryStart + 0x10000)).map { ($0, 4) }
    }

    private static func twoBytes(_ position: Int) -> [UInt8] {
        [
            UInt8(truncatingIfNeeded: 0x81 + position / trailCount),
            UInt8(truncatingIfNeeded: 0x40 + position % trailCount),
        ]
    }

    private static func fourBytes(_ number: Int) -> [UInt8] {
        [
            UInt8(truncatingIfNeeded: 0x81 + number / 12600), UInt8(truncatingIfNeeded: 0x30 + number / 1260 % 10),
            UInt8(truncatingIfNeeded: 0x81 + number / 10 % 126), UInt8(truncatingIfNeeded: 0x30 + number % 10),
        ]
    }
}
