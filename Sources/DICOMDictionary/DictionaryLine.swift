import DICOMCore

/// The begin of a line of a dictionary's text, `ggggeeee|VR|…`. Both dictionaries are indexed line by line when they are
/// first used, which has to take a few milliseconds at most: so bytes here, no strings.
struct DictionaryLine {
    /// The digits of the tag, 0 where it has an x, which stands for any digit (PS3.5 7.6: 50xx,0005).
    private(set) var tag: UInt32 = 0
    /// All bits of the digits that are given.
    private(set) var mask: UInt32 = 0
    let vr: VR?

    /// `nil` where the line is none of an element.
    init?(_ text: ArraySlice<UInt8>) {
        guard text.count > 11, text[text.startIndex + 8] == UInt8(ascii: "|") else { return nil }
        for letter in text.prefix(8) {
            let isGiven = letter != UInt8(ascii: "x")
            let digit = letter & 0xF &+ (letter >= UInt8(ascii: "A") ? 9 : 0)
            tag = tag << 4 | (isGiven ? UInt32(digit) : 0)
            mask = mask << 4 | (isGiven ? 0xF : 0)
        }
        let rest = text.dropFirst(9)
        let end = rest.firstIndex(of: UInt8(ascii: "|")) ?? rest.endIndex
        let cell = rest[..<end]
        vr = cell.count == 2 ? VR(cell[end - 2], cell[end - 1]) : Self.settled(String(decoding: cell, as: UTF8.self))
    }

    /// The VR that a choice stands for, as PS3.5 A.1 settles it for implicit VR.
    private static func settled(_ vr: String) -> VR? {
        switch vr {
        case "US or SS", "US or SS or OW": .us
        case "OB or OW", "OB_OW", "US or OW": .ow
        default: nil
        }
    }
}

/// The lines of a text, as ranges without the line breaks.
func lines(of text: [UInt8]) -> [Range<Int>] {
    var lines: [Range<Int>] = []
    var start = 0
    for (index, byte) in text.enumerated() where byte == UInt8(ascii: "\n") {
        lines.append(start..<index)
        start = index + 1
    }
    return lines + [start..<text.count]
}

/// The cells of a line.
func cells(of line: ArraySlice<UInt8>) -> [String] {
    line.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false).map {
        String(decoding: $0, as: UTF8.self)
    }
}

extension [UInt8] {
    init(_ text: StaticString) {
        self = unsafe Array(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
