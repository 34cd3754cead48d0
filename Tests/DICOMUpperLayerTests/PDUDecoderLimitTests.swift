import DICOMCoding
import DICOMCore
import NIOCore
import Testing

@testable import DICOMUpperLayer

/// What a decoder must refuse, and that nothing a peer sends can stop the program.
@Suite struct PDUDecoderLimitTests {
    struct Refused: Sendable, CustomStringConvertible {
        let description: String
        let bytes: [UInt8]
        let code: DICOMError.Code

        init(_ description: String, _ text: String, _ code: DICOMError.Code = .invalidPDU) {
            self.description = description
            bytes = DICOMUpperLayerTests.bytes(text)
            self.code = code
        }
    }

    static let refused = [
        Refused("type 0", "00 00 00000004 00000000", .unrecognizedPDU),
        Refused("type 8", "08 00 00000004 00000000", .unrecognizedPDU),
        Refused("HTTP", "'GET / HTTP/1.1' 0D0A", .unrecognizedPDU),
        Refused("control PDU of 4 GiB", "01 00 FFFFFFFF"),
        Refused("control PDU of 1 MiB + 1", "02 00 00100001"),
        Refused("P-DATA over the limit", "04 00 00004001"),
        Refused("P-DATA without a value", "04 00 00000005"),
        Refused("empty P-DATA", "04 00 00000000"),
        Refused("value longer than its PDU", "04 00 00000008 00000005 01 00"),
        Refused("value of 4 GiB", "04 00 00000008 FFFFFFFF 01 00"),
        Refused("value without its header", "04 00 00000006 00000001 01 00"),
        Refused("bytes left over", "04 00 0000000D 00000004 01 00 AAAA 00000001 01"),
        Refused("RELEASE-RQ of 5 bytes", "05 00 00000005 0000000000"),
        Refused("RELEASE-RP of 0 bytes", "06 00 00000000"),
        Refused("ABORT of 3 bytes", "07 00 00000003 000000"),
        Refused("REJECT of 2 bytes", "03 00 00000002 0000"),
        Refused("request shorter than its fixed part", "01 00 00000002 0001"),
    ]

    @Test(arguments: refused) func refuses(_ refused: Refused) {
        for chunks in [[refused.bytes], refused.bytes.map { [$0] }] {
            let error = #expect(throws: DICOMError.self) { try decode(chunks, maximumPDULength: 16384) }
            #expect(error?.code == refused.code)
        }
    }

    @Test func limitIsInclusiveAndZeroMeansNone() throws {
        var pdu = bytes("04 00 00004000 00003FFC 01 02")
        pdu += Array(repeating: 0xAB, count: 0x3FFA)
        let expected = [
            Found.value(contextID: 1, isCommand: false, isLast: true, Array(repeating: 0xAB, count: 0x3FFA))
        ]
        #expect(try decode([pdu], maximumPDULength: 16384) == expected)
        #expect(try decode([pdu], maximumPDULength: 0) == expected)
        #expect(throws: DICOMError.self) { try decode([pdu], maximumPDULength: 16383) }
    }

    /// Each length of the items of a request, made wrong by one.
    @Test func itemLengthsHaveToFit() {
        // Positions of the last bytes of lengths, in GoldenPDU.requestBytes.
        let contextLength = 74 + 25 + 3
        let userInformationLength = 74 + 25 + 73 + 60 + 3
        for position in [contextLength, userInformationLength] {
            for change in [-1, 1] {
                var request = GoldenPDU.requestBytes
                request[position] = UInt8(Int(request[position]) + change)
                #expect(throws: DICOMError.self) { try decode([request]) }
            }
        }
    }

    @Test func throwsAgainAfterAnError() {
        var decoder = PDUDecoder(maximumPDULength: 0)
        var garbage = ByteBuffer(bytes: [0x47, 0, 0, 0, 0, 0])
        #expect(throws: DICOMError.self) { try decoder.next(from: &garbage) }
        var good = ByteBuffer(bytes: bytes("05 00 00000004 00000000"))
        #expect(throws: DICOMError.self) { try decoder.next(from: &good) }
    }

    @Test func reasonsForAborting() {
        #expect(DICOMError(.unrecognizedPDU, "").abortReason == .unrecognizedPDU)
        #expect(DICOMError(.invalidPDU, "").abortReason == .invalidParameterValue)
        #expect(DICOMError(.protocolViolation, "").abortReason == .unexpectedParameter)
        #expect(DICOMError(.inputOutput, "").abortReason == .notSpecified)
    }

    /// 10,000 streams of good PDUs in which a few bytes are changed, left out, doubled or cut off. None may trap, and
    /// what is decoded must not depend on how the stream is cut into pieces.
    @Test(arguments: 1...10 as ClosedRange<UInt64>) func mutatedStreams(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let command = (try? DIMSECommand.cEchoRequest(messageID: 1).encoded()) ?? []
        var fragment = ByteBuffer()
        (try? DIMSEFragmenter(peerMaximumPDULength: 40))?.writeData(
            command[...], contextID: 1, isLast: true, into: &fragment)
        let originals =
            GoldenPDU.all.map(\.bytes) + [GoldenPDU.dataBytes, Array(fragment.readableBytesView)]
        for _ in 0..<1000 {
            var stream: [UInt8] = []
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                stream += originals.randomElement(using: &generator) ?? []
            }
            mutate(&stream, &generator)
            let whole = outcome([stream])
            let size = Int.random(in: 1...7, using: &generator)
            let pieces = stride(from: 0, to: stream.count, by: size).map {
                Array(stream[$0..<min($0 + size, stream.count)])
            }
            #expect(outcome(pieces) == whole)
        }
    }

    private func mutate(_ stream: inout [UInt8], _ generator: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !stream.isEmpty {
            let position = Int.random(in: 0..<stream.count, using: &generator)
            switch Int.random(in: 0...4, using: &generator) {
            case 0: stream[position] = UInt8.random(in: 0...255, using: &generator)
            case 1: stream[position] ^= 1 << UInt8.random(in: 0...7, using: &generator)
            case 2: stream.remove(at: position)
            case 3: stream.insert(stream[position], at: position)
            default: stream.removeLast(stream.count - position)
            }
        }
    }

    /// What the decoder, the assembler and the acceptor make of a stream; errors by their code.
    private func outcome(_ chunks: [[UInt8]]) -> [String] {
        var decoder = PDUDecoder(maximumPDULength: 65536)
        var assembler = DIMSEAssembler()
        let policy = AcceptorPolicy(maximumPDULength: 65536, implementationClassUID: "1.2.3") { _, proposed in
            .choosing(from: proposed, preferring: [.implicitVRLittleEndian])
        }
        var log: [String] = []
        var dataLength = 0
        do throws(DICOMError) {
            for chunk in chunks {
                var buffer = ByteBuffer(bytes: chunk)
                while let event = try decoder.next(from: &buffer) {
                    if case .pdu(let box) = event {
                        log.append("\(box.pdu)")
                        if case .associateRequest(let request) = box.pdu { _ = try policy.answer(request) }
                        if case .associateAccept(let accept) = box.pdu { _ = try Self.offer?.evaluate(accept) }
                        var again = ByteBuffer()
                        try box.pdu.write(into: &again)
                    }
                    switch try assembler.receive(event) {
                    case .command(let id, let command): log.append("command \(id) \(command.field)")
                    case .data(let piece): dataLength += piece.readableBytes
                    case .lastData(let piece):
                        log.append("data \(dataLength + piece.readableBytes)")
                        dataLength = 0
                    case nil: break
                    }
                }
            }
        } catch {
            log.append(error.code.name)
        }
        return log
    }

    private static let offer = try? RequestorOffer(
        calledAETitle: "A", callingAETitle: "B",
        proposals: [.init(abstractSyntax: .init("1.2"), transferSyntaxes: [.implicitVRLittleEndian])],
        maximumPDULength: 0, implementationClassUID: "1.2.3")
}
