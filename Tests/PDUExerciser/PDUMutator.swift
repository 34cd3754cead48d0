import DICOMTesting

/// The bytes of one side of a conversation, spoilt; always the same for the same seed.
public func mutatedStream(seed: UInt64, side: PDUConversation.Side? = nil) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    // Mixed twice, because generators whose seeds are near would be parts of one sequence.
    return PDUMutator.stream(seed: generator.next(), side: side)
}

/// Spoils PDUs: each by itself, then their order, then the stream that they make.
struct PDUMutator {
    private var generator: SeededGenerator
    private var pdus: [[UInt8]]

    static func stream(seed: UInt64, side: PDUConversation.Side?) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        let conversations = PDUConversation.all
        let conversation = conversations[Int.random(in: 0..<conversations.count, using: &generator)]
        let side = side ?? (Bool.random(using: &generator) ? .requestor : .acceptor)
        var mutator = PDUMutator(generator: generator, pdus: conversation.pdus(of: side))
        repeat { mutator.mutate() } while mutator.random(3) == 0
        return mutator.stream()
    }

    // MARK: - Chance

    private mutating func random(_ count: Int) -> Int { Int.random(in: 0..<max(1, count), using: &generator) }
    private mutating func byte() -> UInt8 { UInt8.random(in: 0...255, using: &generator) }
    private mutating func bytes(_ most: Int) -> [UInt8] { (0...random(most)).map { _ in byte() } }
    private mutating func pick<Element>(_ choices: [Element]) -> Element { choices[random(choices.count)] }

    /// A PDU of any conversation.
    private mutating func anyPDU() -> [UInt8] {
        pick(pick(PDUConversation.all).pdus(of: pick(PDUConversation.Side.allCases)))
    }

    // MARK: - What is done

    private mutating func mutate() {
        guard !pdus.isEmpty else { return }
        let index = random(pdus.count)
        switch random(16) {
        case 0, 1: change(index) { for _ in 0...$0.random(8) { $0.flipBit(&$1) } }
        case 2: change(index) { for _ in 0...$0.random(8) { $0.setByte(&$1) } }
        case 3: change(index) { $1.insert(contentsOf: $0.bytes(16), at: $0.random($1.count + 1)) }
        case 4: change(index) { $0.remove(&$1) }
        case 5: change(index) { $1.removeLast($0.random($1.count)) }
        case 6, 7, 8, 9: change(index, keepsLength: true) { $0.setLength(&$1) }
        case 10: change(index, keepsLength: true) { $0.setHeader(&$1) }
        case 11: pdus.insert(pdus[index], at: random(pdus.count))
        case 12: pdus.swapAt(index, random(pdus.count))
        case 13: pdus.remove(at: index)
        case 14: pdus.insert(anyPDU(), at: random(pdus.count + 1))
        default: splice(index)
        }
    }

    /// Changes a PDU; in one of two cases its length is made right again, so that what is in it gets looked at.
    private mutating func change(
        _ index: Int, keepsLength: Bool = false, _ change: (inout PDUMutator, inout [UInt8]) -> Void
    ) {
        var pdu = pdus[index]
        change(&self, &pdu)
        if !keepsLength, pdu.count >= 6, random(2) == 0 {
            pdu.replaceSubrange(2..<6, with: bigEndian(UInt32(pdu.count - 6)))
        }
        pdus[index] = pdu
    }

    private mutating func flipBit(_ pdu: inout [UInt8]) {
        guard !pdu.isEmpty else { return }
        pdu[random(pdu.count)] ^= 1 << UInt8(random(8))
    }

    private mutating func setByte(_ pdu: inout [UInt8]) {
        guard !pdu.isEmpty else { return }
        pdu[random(pdu.count)] = pick([0, 1, 0x20, 0x2E, 0x5C, 0x7F, 0x80, 0xFF, byte()])
    }

    private mutating func remove(_ pdu: inout [UInt8]) {
        let start = random(pdu.count)
        pdu.removeSubrange(start..<min(pdu.count, start + 1 + random(32)))
    }

    private static let lengths: [UInt32] = [
        0, 1, 2, 3, 4, 5, 6, 7, 0xFF, 0x3FFF, 0x4001, 0x7FFF, 0xFFFE, 0xFFFF, 0x1_0000, 0x10_0000, 0x10_0001,
        0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF,
    ]

    private mutating func setLength(_ pdu: inout [UInt8]) {
        let fields = PDUStructure.lengthFields(of: pdu)
        guard !fields.isEmpty else { return }
        let field = pick(fields)
        let right = field.value
        let length = pick(
            Self.lengths + [right &+ 1, right &- 1, right &+ 2, right &- 2, right &+ 4, right &- 4, right / 2])
        let bytes = Array(bigEndian(length).suffix(field.size))
        for (offset, byte) in (field.isBigEndian ? bytes : bytes.reversed()).enumerated()
        where field.offset + offset < pdu.count { pdu[field.offset + offset] = byte }
    }

    /// The type of a PDU or of its first item; in P-DATA the context or the message control header.
    private mutating func setHeader(_ pdu: inout [UInt8]) {
        let isData = pdu.first == 4
        let position = pick(isData ? [0, 10, 11, 11] : [0, 6, 7, 74, 99])
        guard position < pdu.count else { return }
        pdu[position] = pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 0x20, 0x21, 0x50, byte()])
    }

    /// The first part of a PDU with the last part of another.
    private mutating func splice(_ index: Int) {
        let other = anyPDU()
        change(index) { mutator, pdu in
            pdu = Array(pdu.prefix(mutator.random(pdu.count + 1)) + other.suffix(mutator.random(other.count + 1)))
        }
    }

    // MARK: - The stream

    private mutating func stream() -> [UInt8] {
        var stream = Array(pdus.joined())
        switch random(12) {
        case 0: stream.removeLast(random(stream.count + 1))
        case 1: stream.insert(contentsOf: bytes(40), at: random(stream.count + 1))
        case 2: stream += bytes(40)
        default: break
        }
        return stream
    }
}
