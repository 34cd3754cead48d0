import DICOMCoding
import DICOMCore

/// Encodings put together by hand (PS3.5 chapter 7), for tests.
enum Encoded {
    private static func number(_ value: Int, _ count: Int, _ big: Bool) -> [UInt8] {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        return big ? bytes.reversed() : bytes
    }

    static func tag(_ tag: UInt32, big: Bool = false) -> [UInt8] {
        number(Int(tag >> 16), 2, big) + number(Int(tag & 0xFFFF), 2, big)
    }

    /// An element with explicit VR; `length` where it is not that of the value.
    static func explicit(
        _ element: UInt32, _ vr: String, _ value: [UInt8], length: Int? = nil, big: Bool = false
    ) -> [UInt8] {
        let isLong = ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"].contains(vr)
        let field = length ?? value.count
        return tag(element, big: big) + Array(vr.utf8)
            + (isLong ? [0, 0] + number(field, 4, big) : number(field, 2, big))
            + value
    }

    static func explicit(_ element: UInt32, _ vr: String, _ text: String, big: Bool = false) -> [UInt8] {
        explicit(element, vr, Array(text.utf8), big: big)
    }

    static func implicit(_ element: UInt32, _ value: [UInt8], length: Int? = nil) -> [UInt8] {
        tag(element) + number(length ?? value.count, 4, false) + value
    }

    static func item(_ content: [UInt8], length: Int? = nil) -> [UInt8] {
        implicit(0xFFFE_E000, content, length: length)
    }

    static let undefined = 0xFFFF_FFFF
    static let itemEnd = implicit(0xFFFE_E00D, [])
    static let sequenceEnd = implicit(0xFFFE_E0DD, [])

    /// A Part 10 file around an encoded data set.
    static func file(_ dataSet: [UInt8], _ transferSyntax: String) -> [UInt8] {
        let padded = Array(transferSyntax.utf8) + (transferSyntax.utf8.count % 2 == 1 ? [0] : [])
        return [UInt8](repeating: 0, count: 128) + Array("DICM".utf8) + explicit(0x0002_0010, "UI", padded) + dataSet
    }
}

/// Parses, and returns what was tolerated.
func parsed(
    _ bytes: [UInt8], _ transferSyntax: TransferSyntax = .explicitVRLittleEndian, _ options: ParsingOptions = .init()
) throws -> (DataSet, [DICOMError]) {
    var warnings: [DICOMError] = []
    let dataSet = try DataSet(parsing: bytes, transferSyntax: transferSyntax, options: options) { warnings.append($0) }
    return (dataSet, warnings)
}
