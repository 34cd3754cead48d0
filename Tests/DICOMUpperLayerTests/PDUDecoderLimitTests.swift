import DICOMCore
import Foundation
import NIOCore
import PDUExerciser
import ReferenceTools
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

    /// A part of what `dev/mutate` does.
    @Test(arguments: 1...10 as ClosedRange<UInt64>) func mutatedStreams(_ part: UInt64) {
        for seed in part * 1000..<part * 1000 + 200 {
            #expect(throws: Never.self, "seed \(seed)") { try PDUExerciser.use(mutatedStream(seed: seed), seed: seed) }
        }
    }

    /// What is not spoilt is taken whole, so that the mutations begin with something that is right.
    @Test(arguments: PDUConversation.all) func conversationsAreTaken(_ conversation: PDUConversation) throws {
        for side in PDUConversation.Side.allCases {
            let stream = Array(conversation.pdus(of: side).joined())
            let outcome = try PDUExerciser.use(stream, seed: 1)
            #expect(outcome.failure == nil && outcome.endsBetweenPDUs && outcome.endsBetweenMessages)
            #expect(!outcome.steps.isEmpty)
        }
    }

    /// The streams that once broke a reader; `Fuzz/FailCases/README.md` says how they get there.
    @Test func failCasesAreMended() throws {
        let folder = PythonReference.repository + "/Fuzz/FailCases/PDU"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(!names.isEmpty)
        for name in names {
            let bytes = Array(try Data(contentsOf: URL(filePath: folder + "/" + name)))
            #expect(throws: Never.self, "\(name)") { try PDUExerciser.use(bytes, seed: UInt64(bytes.count)) }
        }
    }
}
