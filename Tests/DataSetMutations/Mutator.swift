import DICOMTesting

/// Spoils bytes.
struct Mutator {
    private var generator: SeededGenerator
    private let samples: [Sample]
    private let sample: Sample
    private var bytes: [UInt8]

    /// The bytes of a sample with one to a few mutations, always the same for the same seed.
    static func mutated(_ sample: Sample, of samples: [Sample], seed: UInt64) -> [UInt8] {
        var mutator = Mutator(
            generator: SeededGenerator(seed: seed), samples: samples, sample: sample, bytes: sample.bytes)
        repeat { mutator.mutate() } while mutator.random(2) == 0
        return mutator.bytes
    }

    private mutating func random(_ count: Int) -> Int { Int.random(in: 0..<max(1, count), using: &generator) }
    private mutating func position() -> Int { random(bytes.count) }
    private mutating func byte() -> UInt8 { UInt8.random(in: 0...255, using: &generator) }

    private mutating func range(_ longest: Int) -> Range<Int> {
        let start = position()
        return start..<min(bytes.count, start + 1 + random(longest))
    }

    private mutating func mutate() {
        switch random(18) {
        case 0: for _ in 0...random(8) { change { mutator, byte in byte ^ 1 << mutator.random(8) } }
        case 1: for _ in 0...random(8) { change { mutator, _ in mutator.byte() } }
        case 2:
            for _ in 0...random(4) { change { mutator, _ in mutator.pick([0, 0x5C, 0x1B, 0x3D, 0x5E, 0x80, 0xFF]) } }
        case 3: bytes.removeLast(random(bytes.count))
        case 4: bytes.insert(contentsOf: (0...random(16)).map { _ in byte() }, at: position())
        case 5: bytes.removeSubrange(range(64))
        case 6, 7, 8: overwriteLength()
        case 9: bytes.insert(contentsOf: Self.lengths[random(Self.lengths.count)].littleEndian(4), at: position())
        case 10: duplicateBlock()
        case 11: swapBlocks()
        case 12: overwriteVR()
        case 13: overwriteTag()
        case 14: splice()
        case 15, 16: overwriteValue()
        default: nest()
        }
    }

    private mutating func pick<Element>(_ choices: [Element]) -> Element { choices[random(choices.count)] }

    private mutating func change(_ change: (inout Mutator, UInt8) -> UInt8) {
        guard !bytes.isEmpty else { return }
        let position = position()
        bytes[position] = change(&self, bytes[position])
    }

    private mutating func overwrite(_ replacement: [UInt8], at position: Int) {
        for (offset, byte) in replacement.enumerated() where position + offset < bytes.count {
            bytes[position + offset] = byte
        }
    }

    private mutating func site() -> Sample.Site? { sample.sites.isEmpty ? nil : pick(sample.sites) }

    // MARK: - Headers

    private static let lengths: [UInt32] = [
        0, 1, 2, 3, 7, 8, 0xFF, 0xFFFE, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF,
    ]

    private mutating func overwriteLength() {
        guard let site = site() else { return }
        let right = UInt32(truncatingIfNeeded: site.value.count)
        let length = pick(Self.lengths + [right &+ 1, right &- 1, right &+ 2, right &+ 8, right / 2, right &* 2])
        let field = length.littleEndian(site.lengthSize)
        overwrite(site.isBigEndian ? field.reversed() : field, at: site.length)
    }

    private static let vrs = [
        "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF", "OL", "OV", "OW",
        "PN",
        "SH", "SL", "SQ", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV", "  ", "XX", "\0\0",
    ]

    private mutating func overwriteVR() {
        guard let site = site(), let vr = site.vr else { return }
        overwrite(Array(pick(Self.vrs).utf8), at: vr)
    }

    private static let tags: [(UInt16, UInt16)] = [
        (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD), (0xFFFE, 0), (0, 0), (0x0002, 0x0010), (0x0008, 0x0005),
        (0x0028, 0x0008), (0x0028, 0x0103), (0x0028, 0x3002), (0x0028, 0x3006), (0x0029, 0x0010), (0x0029, 0x1010),
        (0x7FE0, 0x0001), (0x7FE0, 0x0008), (0x7FE0, 0x0010), (0x0004, 0x1220), (0x5400, 0x0100), (0xFFFF, 0xFFFF),
    ]

    private mutating func overwriteTag() {
        guard let site = site() else { return }
        let (group, element) = pick(Self.tags)
        for (offset, number) in [(0, group), (2, element)] {
            let field = UInt32(number).littleEndian(2)
            overwrite(site.isBigEndian ? field.reversed() : field, at: site.tag + offset)
        }
    }

    // MARK: - Values

    private static let values: [[UInt8]] =
        [
            "1e308", "-1e309", "nan", "-inf", "1e-320", "9223372036854775808", "-9223372036854775809", "2147483648",
            "0",
            "20261332", "00000000", "99991231", "235960.999999", "20260229250000.1+1500", "-", "19000101-", "--",
            "999Y",
            "^^^^^^", "===", "A=B=C=D", "\\\\\\", "\\ISO 2022 IR 87", "ISO_IR 192", "ISO_IR 100", "GB18030",
            "ISO 2022 IR 149",
            "\u{1B}$B;3ED", "\u{1B}$)C", "\u{1B}(J", "\u{1B}", "\u{0}", " ", "1.2.840.10008.1.2.1.99",
            "1.2.840.10008.1.2.2",
            "1.2.840.10008.1.2", "..", "../..", "%", "\u{FFFD}\u{10FFFF}",
        ].map { Array($0.utf8) } + [
            [0x80, 0xFF, 0xC0], [0xFF, 0xD8, 0xFF, 0xE0], [0, 0, 0x80, 0x7F], [1, 0], [0xFF, 0x7F],
        ]

    /// Fills a value with a text or number at the edge of what there is.
    private mutating func overwriteValue() {
        guard let site = site() else { return }
        let value = pick(Self.values)
        let isRepeated = random(4) == 0
        for (offset, position) in site.value.prefix(isRepeated ? 4096 : value.count).enumerated() {
            overwrite([value[offset % value.count]], at: position)
        }
        // What is left of the old value would spoil the new one.
        for position in site.value.dropFirst(value.count).prefix(isRepeated ? 0 : 64) {
            overwrite([0x20], at: position)
        }
    }

    // MARK: - Blocks

    private mutating func block() -> Range<Int> {
        guard random(2) == 0, let site = site(), site.value.upperBound <= bytes.count else { return range(256) }
        return site.tag..<site.value.upperBound
    }

    private mutating func duplicateBlock() {
        let block = block()
        let copies = random(8) == 0 ? 1 + random(64) : 1
        guard block.count * copies <= 1 << 16 else { return }
        let copy = Array(bytes[block])
        for _ in 0..<copies { bytes.insert(contentsOf: copy, at: block.upperBound) }
    }

    private mutating func swapBlocks() {
        let first = block()
        let second = block()
        guard first.upperBound <= second.lowerBound else { return }
        let (early, late) = (Array(bytes[first]), Array(bytes[second]))
        bytes.replaceSubrange(second, with: early)
        bytes.replaceSubrange(first, with: late)
    }

    /// Elements of another file, in the middle or to the end.
    private mutating func splice() {
        let other = pick(samples)
        guard let here = site(), !other.sites.isEmpty, here.tag <= bytes.count else { return }
        let there = pick(other.sites)
        if random(2) == 0 {
            bytes = Array(bytes[..<here.tag]) + other.bytes[there.tag...].prefix(1 << 16)
        } else {
            bytes.insert(contentsOf: other.bytes[there.tag..<there.value.upperBound].prefix(1 << 14), at: here.tag)
        }
    }

    /// Sequences in sequences, which nothing ends.
    private mutating func nest() {
        guard let site = site(), site.tag <= bytes.count else { return }
        let isDefined = random(2) == 0
        let length = isDefined ? UInt32(max(0, bytes.count - site.tag)).littleEndian(4) : [0xFF, 0xFF, 0xFF, 0xFF]
        let tag: [UInt8] = random(2) == 0 ? [0x40, 0, 0x75, 0x02] : [0x29, 0, 0x10, 0x10]
        let vr = site.vr == nil ? [] : Array((random(3) > 0 ? "SQ" : "UN").utf8) + [0, 0]
        let level = tag + vr + length + [0xFE, 0xFF, 0, 0xE0] + length
        let depth = pick([1, 2, 7, 8, 62, 63, 64, 65, 1000])
        bytes.insert(contentsOf: Array(repeatElement(level, count: depth).joined()), at: site.tag)
    }
}

extension UInt32 {
    /// Its lower bytes, the lowest first.
    fileprivate func littleEndian(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: self >> (8 * UInt32($0))) }
    }
}
