import DICOMCore
import DICOMDictionary
import NIOCore
import Testing

@testable import DICOMUpperLayer

@Suite struct DIMSETests {
    /// Commands written by hand: implicit VR little endian (PS3.7 E.1), that is tag, 32-bit length, value.
    struct Golden: Sendable, CustomStringConvertible {
        let description: String
        let command: DIMSECommand
        let bytes: [UInt8]

        init(_ description: String, _ command: DIMSECommand, _ text: String) {
            self.description = description
            self.command = command
            bytes = DICOMUpperLayerTests.bytes(text)
        }
    }

    static let storeRequest = DIMSECommand.cStoreRequest(
        messageID: 7, sopClassUID: .ctImageStorage, sopInstanceUID: "1.2.3")

    static func response(_ field: DIMSECommand.Field, to messageID: UInt16, _ status: DIMSEStatus) -> DIMSECommand {
        var command = DIMSECommand(field, hasDataSet: false)
        command.messageIDBeingRespondedTo = messageID
        command.status = status
        return command
    }

    static var echoResponse: DIMSECommand {
        var command = response(.cEchoResponse, to: 0x1234, .success)
        command.affectedSOPClassUID = .verification
        return command
    }

    static var storeResponse: DIMSECommand {
        var command = response(.cStoreResponse, to: 7, .dataSetDoesNotMatchSOPClass)
        command.affectedSOPClassUID = .ctImageStorage
        command.affectedSOPInstanceUID = "1.2.3"
        command.errorComment = "no Rows"
        command.offendingElements = [DICOMTag(0x0028, 0x0010)]
        return command
    }

    static let golden = [
        Golden(
            "C-ECHO-RQ", .cEchoRequest(messageID: 1),
            """
            0000 0000 04000000 38000000                    # group length: 26 + 10 + 10 + 10 = 56
            0000 0200 12000000 '1.2.840.10008.1.1' 00      # affected SOP class: Verification, padded
            0000 0001 02000000 3000                        # command field
            0000 1001 02000000 0100                        # message ID
            0000 0008 02000000 0101                        # no data set
            """),
        Golden(
            "C-ECHO-RSP", echoResponse,
            """
            0000 0000 04000000 42000000                    # 26 + 4 x 10 = 66
            0000 0200 12000000 '1.2.840.10008.1.1' 00
            0000 0001 02000000 3080
            0000 2001 02000000 3412                        # message ID being responded to
            0000 0008 02000000 0101
            0000 0009 02000000 0000                        # status
            """),
        Golden(
            "C-STORE-RQ", storeRequest,
            """
            0000 0000 04000000 58000000                    # 34 + 10 + 10 + 10 + 10 + 14 = 88
            0000 0200 1A000000 '1.2.840.10008.5.1.4.1.1.2' 00
            0000 0001 02000000 0100
            0000 1001 02000000 0700
            0000 0007 02000000 0000                        # priority: medium
            0000 0008 02000000 0100                        # a data set follows
            0000 0010 06000000 '1.2.3' 00                  # affected SOP instance
            """),
        Golden(
            "C-STORE-RSP", storeResponse,
            """
            0000 0000 04000000 74000000                    # 34 + 10 + 10 + 10 + 10 + 12 + 16 + 14 = 116
            0000 0200 1A000000 '1.2.840.10008.5.1.4.1.1.2' 00
            0000 0001 02000000 0180
            0000 2001 02000000 0700
            0000 0008 02000000 0101
            0000 0009 02000000 00A9
            0000 0109 04000000 2800 1000                   # offending element: Rows
            0000 0209 08000000 'no Rows' 20                # error comment
            0000 0010 06000000 '1.2.3' 00
            """),
    ]

    /// Devices give instances identifiers that break PS3.5 9.1; their images are sent all the same.
    @Test func requestsNameInstancesAsTheyAreNamed() throws {
        let request = DIMSECommand.cStoreRequest(
            messageID: 1, sopClassUID: .ctImageStorage, sopInstanceUID: "1.2.840.05.1")
        #expect(try DIMSECommand(parsing: request.encoded()).affectedSOPInstanceUID == "1.2.840.05.1")
    }

    @Test(arguments: golden) func encodes(_ golden: Golden) throws {
        #expect(try golden.command.encoded() == golden.bytes)
    }

    @Test(arguments: golden) func decodes(_ golden: Golden) throws {
        let command = try DIMSECommand(parsing: golden.bytes)
        #expect(command == golden.command)
        #expect(try command.encoded() == golden.bytes)
    }

    @Test func fieldsOfAStoreResponse() throws {
        let command = try DIMSECommand(parsing: Self.golden[3].bytes)
        #expect(command.field == .cStoreResponse && command.field.isResponse && !command.hasDataSet)
        #expect(command.messageID == nil && command.messageIDBeingRespondedTo == 7)
        #expect(command.affectedSOPClassUID == .ctImageStorage && command.affectedSOPInstanceUID == "1.2.3")
        #expect(command.status == .dataSetDoesNotMatchSOPClass)
        #expect(command.errorComment == "no Rows")
        #expect(command.offendingElements == [DICOMTag(0x0028, 0x0010)])
    }

    @Test func responsesAreEncoded() throws {
        let echo = DIMSECommand.cEchoRequest(messageID: 0x1234)
        #expect(try echo.encodedResponse(.success) == Self.echoResponse.encoded())
        var expected = Self.storeResponse
        expected.offendingElements = []
        let response = try Self.storeRequest.encodedResponse(.dataSetDoesNotMatchSOPClass, errorComment: "no Rows")
        #expect(try response == expected.encoded())
    }

    @Test func errorCommentIsCut() throws {
        let response = try Self.storeRequest.encodedResponse(
            .cannotUnderstand, errorComment: "é\\\n" + String(repeating: "x", count: 80))
        #expect(try DIMSECommand(parsing: response).errorComment == "???" + String(repeating: "x", count: 61))
    }

    @Test func identifiersOfAnyLengthAreNotEncoded() {
        let request = DIMSECommand.cStoreRequest(
            messageID: 1, sopClassUID: .ctImageStorage, sopInstanceUID: UID(String(repeating: "1", count: 65_535)))
        #expect(throws: DICOMError.self) { try request.encodedResponse(.success) }
    }

    @Test func responseToAnyRequest() throws {
        var request = DIMSECommand(.nSetRequest, hasDataSet: true)
        request.messageID = 9
        request.dataSet[.requestedSOPClassUID] = "1.2.3"
        request.dataSet[.requestedSOPInstanceUID] = "1.2.3.4"
        let response = try DIMSECommand(parsing: request.encodedResponse(.unrecognizedOperation))
        #expect(response.field == .nSetResponse && response.messageIDBeingRespondedTo == 9)
        #expect(response.affectedSOPClassUID == "1.2.3" && response.affectedSOPInstanceUID == "1.2.3.4")
    }

    @Test(arguments: [
        "", "0000 0001 02000000 3000", "0000 0008 02000000 0101",
        "0000 0001 02000000 3000 0000 0008 02000000 0101",  // no message ID
        "0000 0001 02000000 3080 0000 2001 02000000 0100 0000 0008 02000000 0101",  // no status
        "0000 0001 02000000 3000 0000 1001 02000000 0100 0000 0008 02000000 0101 0800 0500 00000000",  // group 0008
        "0000 0001 FFFFFF7F 30",  // cut off
    ]) func malformedCommands(_ text: String) {
        let error = #expect(throws: DICOMError.self) { try DIMSECommand(parsing: bytes(text)) }
        #expect(error?.code == .protocolViolation)
    }

    @Test func groupLengthIsNotTrusted() throws {
        var wrong = Self.golden[0].bytes
        wrong[8] = 0xFF
        #expect(try DIMSECommand(parsing: wrong) == Self.golden[0].command)
    }

    @Test(arguments: [
        (UInt16(0x0000), DIMSEStatus.Category.success), (0xB000, .warning), (0xB007, .warning), (0x0001, .warning),
        (0x0107, .warning), (0xFF00, .pending), (0xFF01, .pending), (0xFE00, .cancel), (0xA700, .failure),
        (0xA900, .failure), (0xC000, .failure), (0x0111, .failure), (0x0122, .failure), (0x7777, .failure),
    ]) func statusCategories(_ value: UInt16, _ category: DIMSEStatus.Category) {
        #expect(DIMSEStatus(rawValue: value).category == category)
    }

    @Test func statusDescription() {
        #expect(DIMSEStatus.outOfResources.description == "A700H (Refused: out of resources)")
        #expect(DIMSEStatus.success.description == "0000H (Success)")
    }
}
