import NIOCore
import Testing

@testable import DICOMUpperLayer

/// Bytes written by hand: hexadecimal digits, text between single quotes, and comments from `#` to the end of the line.
func bytes(_ text: String) -> [UInt8] {
    var result: [UInt8] = []
    for line in text.split(separator: "\n") {
        let code = line.split(separator: "#", omittingEmptySubsequences: false).first ?? ""
        for (index, part) in code.split(separator: "'", omittingEmptySubsequences: false).enumerated() {
            if index % 2 == 1 {
                result += Array(part.utf8)
            } else {
                let digits = part.filter { $0 != " " }
                precondition(digits.count % 2 == 0, "half a byte in '\(line)'")
                var rest = digits[...]
                while !rest.isEmpty {
                    guard let byte = UInt8(rest.prefix(2), radix: 16) else { preconditionFailure("'\(line)'") }
                    result.append(byte)
                    rest = rest.dropFirst(2)
                }
            }
        }
    }
    return result
}

/// A piece of what a decoder found, in a form that can be compared.
enum Found: Equatable {
    case pdu(PDU)
    case value(contextID: UInt8, isCommand: Bool, isLast: Bool, [UInt8])
}

/// All that a decoder finds in some chunks; pieces of one value are put together.
func decode(_ chunks: [[UInt8]], maximumPDULength: UInt32 = 0) throws -> [Found] {
    var decoder = PDUDecoder(maximumPDULength: maximumPDULength)
    var found: [Found] = []
    for chunk in chunks {
        var buffer = ByteBuffer(bytes: chunk)
        while let event = try decoder.next(from: &buffer) { append(event, to: &found) }
        #expect(buffer.readableBytes == 0)
    }
    return found
}

private func append(_ event: PDUEvent, to found: inout [Found]) {
    switch event {
    case .pdu(let box): found.append(.pdu(box.pdu))
    case .command(let piece, let id): append(id, true, false, Array(piece.readableBytesView), to: &found)
    case .lastCommand(let piece, let id): append(id, true, true, Array(piece.readableBytesView), to: &found)
    case .data(let piece, let id): append(id, false, false, Array(piece.readableBytesView), to: &found)
    case .lastData(let piece, let id): append(id, false, true, Array(piece.readableBytesView), to: &found)
    }
}

/// A piece, put to the one before it when that is of the same value.
func append(_ id: UInt8, _ isCommand: Bool, _ isLast: Bool, _ bytes: [UInt8], to found: inout [Found]) {
    if case .value(id, isCommand, false, let begin)? = found.last {
        found[found.count - 1] = .value(contextID: id, isCommand: isCommand, isLast: isLast, begin + bytes)
    } else {
        found.append(.value(contextID: id, isCommand: isCommand, isLast: isLast, bytes))
    }
}

/// Numbers that are the same in each run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
