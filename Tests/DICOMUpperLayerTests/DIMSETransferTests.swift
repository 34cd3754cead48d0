import DICOMCore
import NIOCore
import Testing

@testable import DICOMUpperLayer

/// The way of messages into P-DATA-TF and back.
@Suite struct DIMSETransferTests {
    @Test func fragmentsByHand() throws {
        let fragmenter = try DIMSEFragmenter(peerMaximumPDULength: 10)
        #expect(fragmenter.maximumPayloadLength == 4)
        var buffer = ByteBuffer()
        fragmenter.writeData([1, 2, 3, 4, 5, 6][...], contextID: 3, isLast: true, into: &buffer)
        fragmenter.writeData([7, 8][...], contextID: 3, isLast: false, into: &buffer)
        fragmenter.writeData([], contextID: 3, isLast: false, into: &buffer)
        fragmenter.writeData([], contextID: 3, isLast: true, into: &buffer)
        fragmenter.writeDataHeader(contextID: 5, length: 4, isLast: true, into: &buffer)
        #expect(
            Array(buffer.readableBytesView)
                == bytes(
                    """
                    04 00 0000000A 00000006 03 00 01020304
                    04 00 00000008 00000004 03 02 0506
                    04 00 00000008 00000004 03 00 0708
                    04 00 00000006 00000002 03 02          # the end, empty
                    04 00 0000000A 00000006 05 02          # the payload follows from elsewhere
                    """))
    }

    @Test(arguments: [UInt32(8), 9, 10, 64, 16384, 0]) func messagesComeBack(_ peerMaximum: UInt32) throws {
        let fragmenter = try DIMSEFragmenter(peerMaximumPDULength: peerMaximum)
        var generator = SeededGenerator(seed: 3)
        let dataSet = (0..<140_001).map { _ in UInt8.random(in: 0...255, using: &generator) }.prefix(
            peerMaximum == 0 || peerMaximum > 1000 ? 140_001 : 501)
        let request = DIMSECommand.cStoreRequest(messageID: 1, sopClassUID: "1.2", sopInstanceUID: "1.2.3")
        var buffer = ByteBuffer()
        try fragmenter.write(request, contextID: 1, into: &buffer)
        fragmenter.writeData(dataSet, contextID: 1, isLast: true, into: &buffer)
        try fragmenter.write(.cEchoRequest(messageID: 2), contextID: 3, into: &buffer)

        var decoder = PDUDecoder(maximumPDULength: peerMaximum == 0 ? 128 * 1024 : peerMaximum)
        var assembler = DIMSEAssembler()
        var commands: [DIMSECommand] = []
        var received: [UInt8] = []
        var ends = 0
        while let event = try decoder.next(from: &buffer) {
            switch try assembler.receive(event) {
            case .command(let id, let command):
                commands.append(command)
                #expect(id == (commands.count == 1 ? 1 : 3))
            case .data(let piece): received += Array(piece.readableBytesView)
            case .lastData(let piece):
                received += Array(piece.readableBytesView)
                ends += 1
            case nil: break
            }
        }
        #expect(commands == [request, .cEchoRequest(messageID: 2)])
        #expect(received == Array(dataSet))
        #expect(ends == 1 && assembler.isBetweenMessages && decoder.isBetweenPDUs)
    }

    @Test(arguments: [UInt32(1), 2, 6, 7]) func peersThatTakeNothing(_ peerMaximum: UInt32) {
        let error = #expect(throws: DICOMError.self) { try DIMSEFragmenter(peerMaximumPDULength: peerMaximum) }
        #expect(error?.code == .invalidNegotiation)
    }

    @Test func hugePeerMaximumDoesNotTrap() throws {
        #expect(try DIMSEFragmenter(peerMaximumPDULength: .max).maximumPayloadLength > 128 * 1024)
    }

    // MARK: - Order

    private func violation(_ events: [PDUEvent], maximumCommandLength: Int = 1024) -> DICOMError.Code? {
        var assembler = DIMSEAssembler(maximumCommandLength: maximumCommandLength)
        do throws(DICOMError) {
            for event in events { _ = try assembler.receive(event) }
            return nil
        } catch {
            return error.code
        }
    }

    private var store: ByteBuffer {
        get throws {
            ByteBuffer(
                bytes: try DIMSECommand.cStoreRequest(messageID: 1, sopClassUID: "1.2", sopInstanceUID: "1.2.3")
                    .encoded())
        }
    }

    @Test func orderIsChecked() throws {
        let store = try store
        let echo = ByteBuffer(bytes: try DIMSECommand.cEchoRequest(messageID: 1).encoded())
        let piece = ByteBuffer(bytes: [1, 2])
        #expect(violation([.lastCommand(echo, contextID: 1), .lastCommand(echo, contextID: 3)]) == nil)
        #expect(violation([.lastCommand(store, contextID: 1), .data(piece, contextID: 1)]) == nil)
        // Data that no command announced.
        #expect(violation([.data(piece, contextID: 1)]) == .protocolViolation)
        #expect(violation([.lastCommand(echo, contextID: 1), .lastData(piece, contextID: 1)]) == .protocolViolation)
        #expect(
            violation([
                .lastCommand(store, contextID: 1), .lastData(piece, contextID: 1), .lastData(piece, contextID: 1),
            ]) == .protocolViolation)
        // Data in the middle of a command, a command in the middle of data.
        #expect(violation([.command(piece, contextID: 1), .data(piece, contextID: 1)]) == .protocolViolation)
        #expect(
            violation([.lastCommand(store, contextID: 1), .lastCommand(echo, contextID: 1)]) == .protocolViolation)
        // Another context in the middle of a message.
        #expect(violation([.command(piece, contextID: 1), .command(piece, contextID: 3)]) == .protocolViolation)
        #expect(violation([.lastCommand(store, contextID: 1), .data(piece, contextID: 3)]) == .protocolViolation)
    }

    @Test func commandLengthIsBounded() throws {
        let piece = ByteBuffer(repeating: 0, count: 512)
        let three = Array(repeating: PDUEvent.command(piece, contextID: 1), count: 3)
        #expect(violation(Array(three.prefix(2))) == nil)
        #expect(violation(three) == .protocolViolation)
        #expect(violation([.lastCommand(try store, contextID: 1)], maximumCommandLength: 16) == .protocolViolation)
    }
}
