import DICOMCore
import NIOCore
import Testing

@testable import DICOMUpperLayer

@Suite struct PDUCodecTests {
    @Test(arguments: GoldenPDU.all) func encodes(_ golden: GoldenPDU) throws {
        var buffer = ByteBuffer()
        try golden.pdu.write(into: &buffer)
        #expect(Array(buffer.readableBytesView) == golden.bytes)
    }

    @Test(arguments: GoldenPDU.all) func decodes(_ golden: GoldenPDU) throws {
        #expect(try decode([golden.bytes]) == [.pdu(golden.pdu)])
    }

    @Test(arguments: GoldenPDU.all) func decodesByteByByte(_ golden: GoldenPDU) throws {
        #expect(try decode(golden.bytes.map { [$0] }) == [.pdu(golden.pdu)])
    }

    /// Every type of PDU, item and sub-item that there is.
    @Test func goldenBytesAreComplete() {
        let types = Set(GoldenPDU.all.compactMap(\.bytes.first) + GoldenData.all.compactMap(\.bytes.first))
        #expect(types == Set(1...7))
        let items = Set(GoldenPDU.all.flatMap { itemTypes($0) })
        #expect(items == Set([0x10, 0x20, 0x21, 0x30, 0x40] + Array(0x50...0x59)))
    }

    /// The types of the items in a request or an acceptance, and in those of them that are made of items.
    private func itemTypes(_ golden: GoldenPDU) -> [UInt8] {
        guard [1, 2].contains(golden.bytes[0]) else { return [] }
        var types: [UInt8] = []
        func walk(_ bytes: ArraySlice<UInt8>) {
            var rest = bytes
            while rest.count >= 4 {
                let item = Array(rest.prefix(4))
                let length = Int(item[2]) << 8 | Int(item[3])
                types.append(item[0])
                let content = rest.dropFirst(4).prefix(length)
                if [0x20, 0x21, 0x50].contains(item[0]) { walk(content.dropFirst(item[0] == 0x50 ? 0 : 4)) }
                rest = rest.dropFirst(4 + length)
            }
        }
        walk(golden.bytes.dropFirst(74))
        return types
    }

    @Test(arguments: GoldenData.all) func encodesData(_ golden: GoldenData) throws {
        guard let write = golden.write else { return }
        var buffer = ByteBuffer()
        write(try DIMSEFragmenter(peerMaximumPDULength: 12), &buffer)
        #expect(Array(buffer.readableBytesView) == golden.bytes)
    }

    @Test(arguments: GoldenData.all) func decodesData(_ golden: GoldenData) throws {
        #expect(try decode([golden.bytes]) == golden.values)
        #expect(try decode(golden.bytes.map { [$0] }) == golden.values)
    }

    @Test func decodesMessage() throws {
        #expect(try decode([GoldenPDU.dataBytes]) == GoldenPDU.data)
    }

    /// All PDUs, byte by byte, and in seeded pieces.
    @Test func splitsDoNotMatter() throws {
        let stream = GoldenPDU.all.flatMap(\.bytes) + GoldenPDU.dataBytes
        let expected = GoldenPDU.all.map { Found.pdu($0.pdu) } + GoldenPDU.data
        #expect(try decode([stream]) == expected)
        #expect(try decode(stream.map { [$0] }) == expected)
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<500 {
            var chunks: [[UInt8]] = []
            var rest = stream[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...80, using: &generator))
                chunks.append(Array(piece))
                rest = rest.dropFirst(piece.count)
            }
            #expect(try decode(chunks) == expected)
        }
    }

    @Test func eventsAreSmall() {
        #expect(MemoryLayout<PDUEvent>.size <= 24)
    }

    /// Payload is the received memory itself.
    @Test func payloadIsNotCopied() throws {
        var buffer = ByteBuffer(bytes: bytes("04 00 0000000A 00000006 01 02 D1D2D3D4"))
        let received = buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        var decoder = PDUDecoder(maximumPDULength: 0)
        guard case .lastData(let piece, 1)? = try decoder.next(from: &buffer) else {
            Issue.record("no data")
            return
        }
        let handedOn = piece.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        #expect(handedOn == received + 12)
        #expect(decoder.isBetweenPDUs)
    }

    @Test func reservedFieldsAreNotLookedAt() throws {
        var request = GoldenPDU.requestBytes
        for index in [1, 8, 9, 42, 73, 75] { request[index] = 0xFF }  // PDU, after the version, 32 bytes, item header
        #expect(try decode([request]) == [.pdu(.associateRequest(GoldenPDU.request))])
        #expect(try decode([bytes("05 FF 00000004 01020304")]) == [.pdu(.releaseRequest)])
    }

    @Test func unknownItemsAreSkipped() throws {
        let found = try decode([
            bytes(
                """
                01 00 0000006A 0001 0000 'CALLED          ' 'CALLING         '
                0000000000000000 0000000000000000 0000000000000000 0000000000000000
                7E 00 0003 010203                   # no such item, 7
                20 00 000A 05 000000 7F 00 0002 0000 # a context with no such sub-item, 14
                50 00 000D                          # user information, 17
                  5A 00 0001 FF                     #   no such sub-item
                  51 00 0004 00001000
                """)
        ])
        let expected = AssociateRequest(
            calledAETitle: "CALLED", callingAETitle: "CALLING",
            presentationContexts: [.init(id: 5, abstractSyntax: "", transferSyntaxes: [])],
            userInformation: .init(maximumPDULength: 4096))
        guard case .pdu(.associateRequest(var request))? = found.first else {
            Issue.record("no request")
            return
        }
        #expect(request.applicationContext == "")
        request.applicationContext = expected.applicationContext
        #expect(request == expected)
    }

    /// Padding is trimmed, NUL too; control characters do not get into a log.
    @Test func titlesAreMadePrintable() throws {
        var request = GoldenPDU.requestBytes
        request.replaceSubrange(10..<26, with: bytes("20 20 'A' 0A 'B' 00 00000000 00000000 0000"))
        guard case .pdu(.associateRequest(let decoded))? = try decode([request]).first else {
            Issue.record("no request")
            return
        }
        #expect(decoded.calledAETitle == "A?B")
    }

    /// Version names are decoded byte by byte; they were encoded as UTF-8, and so came back as something else.
    @Test func versionNamesBeyondASCIIComeBack() throws {
        var request = GoldenPDU.request
        request.userInformation.implementationVersionName = "é\u{FF}"
        var buffer = ByteBuffer()
        try PDU.associateRequest(request).write(into: &buffer)
        #expect(try decode([Array(buffer.readableBytesView)]) == [.pdu(.associateRequest(request))])
    }

    /// What is no UTF-8 became a replacement character of three bytes, with which an item could outgrow its length.
    @Test func uidsAreMadePrintable() throws {
        var request = Array(GoldenPDU.requestBytes.prefix(74)) + [0x10, 0, 0x75, 0x30]
        request += Array(repeating: 0x80, count: 29_998) + [0x0A, 0]
        request.replaceSubrange(2..<6, with: [0, 0, 0x75, 0x78])
        guard case .pdu(let pdu)? = try decode([request]).first, case .associateRequest(let decoded) = pdu else {
            Issue.record("no request")
            return
        }
        #expect(decoded.applicationContext.string == String(repeating: "?", count: 29_999))
        var buffer = ByteBuffer()
        try pdu.write(into: &buffer)
        #expect(try decode([Array(buffer.readableBytesView)]) == [.pdu(pdu)])
    }

    @Test func tooLongItemIsNotEncoded() {
        var request = GoldenPDU.request
        request.userInformation.extendedNegotiations = [
            .init(sopClassUID: .init("1.2"), information: Array(repeating: 0, count: 70_000))
        ]
        var buffer = ByteBuffer()
        let error = #expect(throws: DICOMError.self) { try PDU.associateRequest(request).write(into: &buffer) }
        #expect(error?.code == .invalidNegotiation)
    }

    @Test func secretsAreNotDescribed() {
        let text = "\(GoldenPDU.request)" + String(reflecting: GoldenPDU.request.userInformation)
        #expect(!text.contains("112, 97, 115, 115") && !text.contains("117, 115, 101, 114"))
    }
}
