import DICOMCore
import DICOMDictionary
public import DICOMUpperLayer
import NIOCore

/// What the two sides of an association send, PDU by PDU: what a mutator spoils.
public struct PDUConversation: Sendable, CustomStringConvertible {
    /// The titles in all of them.
    public static let calledAETitle: AETitle = "ARCHIVE"
    public static let callingAETitle: AETitle = "PLUSONE"

    public enum Side: Sendable, CaseIterable { case requestor, acceptor }

    public let description: String
    public let requestor: [[UInt8]]
    public let acceptor: [[UInt8]]

    /// The PDUs that one side sends.
    public func pdus(of side: Side) -> [[UInt8]] { side == .requestor ? requestor : acceptor }

    public static let all: [PDUConversation] = {
        do {
            return try [echo(), store(fragment: 64), storeInOnePDU(), find(), negotiation(), rejection(), collision()]
        } catch {
            fatalError("A conversation cannot be made: \(error)")
        }
    }()

    // MARK: - Services

    private static func echo() throws -> PDUConversation {
        let request = DIMSECommand.cEchoRequest(messageID: 1)
        return .init(
            description: "C-ECHO",
            requestor: [try encoded(request: [(.verification, 1)])] + (try message(1, request.encoded()))
                + [release],
            acceptor: [try encoded(accept: [1])] + (try message(1, request.encodedResponse(.success)))
                + [released])
    }

    /// Two images in pieces.
    private static func store(fragment: UInt32) throws -> PDUConversation {
        var requests: [[UInt8]] = [try encoded(request: [(.verification, 1), (.ctImageStorage, 3)])]
        var responses: [[UInt8]] = [try encoded(accept: [1, 3])]
        for (id, length) in [(UInt16(1), 200), (2, 63)] {
            let request = storeRequest(id)
            requests += try message(3, request.encoded(), dataSet(length), fragment: fragment)
            responses += try message(3, request.encodedResponse(id == 1 ? .success : .outOfResources))
        }
        return .init(description: "C-STORE", requestor: requests + [release], acceptor: responses + [released])
    }

    /// Command and data set as two values of one PDU; then the requestor aborts.
    private static func storeInOnePDU() throws -> PDUConversation {
        let request = storeRequest(7)
        let values = value(1, 3, try request.encoded()) + value(1, 0, dataSet(40)) + value(1, 2, [])
        return .init(
            description: "C-STORE in one PDU",
            requestor: [
                try encoded(request: [(.ctImageStorage, 1)]), pdu(4, values), try encoded(.abort(.byUser)),
            ],
            acceptor: [
                try encoded(accept: [1]), pdu(4, value(1, 3, try request.encodedResponse(.success))),
            ])
    }

    /// Two matches, and a cancellation between them.
    private static func find() throws -> PDUConversation {
        let model: UID = "1.2.840.10008.5.1.4.1.2.2.1"
        var request = DIMSECommand(.cFindRequest, hasDataSet: true)
        request.affectedSOPClassUID = model
        request.messageID = 3
        request.priority = .high
        var cancel = DIMSECommand(.cCancelRequest, hasDataSet: false)
        cancel.messageIDBeingRespondedTo = 3
        var pending = DIMSECommand(.cFindResponse, hasDataSet: true)
        pending.affectedSOPClassUID = model
        pending.messageIDBeingRespondedTo = 3
        pending.status = .pending
        let responses =
            try message(5, pending.encoded(), dataSet(30)) + message(5, pending.encoded(), dataSet(30))
            + message(5, request.encodedResponse(.cancel))
        return .init(
            description: "C-FIND",
            requestor: [try encoded(request: [(model, 5)])] + (try message(5, request.encoded(), dataSet(24)))
                + (try message(5, cancel.encoded())) + [release],
            acceptor: [try encoded(accept: [5])] + responses + [released])
    }

    // MARK: - Associations

    /// All sub-items, and more contexts; the acceptor aborts.
    private static func negotiation() throws -> PDUConversation {
        var information = UserInformation(
            maximumPDULength: 16384, implementationClassUID: "1.2.3.4", implementationVersionName: "CONVERSATION")
        information.asynchronousOperations = .init(maximumInvoked: 1, maximumPerformed: 1)
        information.roleSelections = [
            .init(sopClassUID: .ctImageStorage, isSCU: true, isSCP: true),
            .init(sopClassUID: .mrImageStorage, isSCU: false, isSCP: true),
        ]
        information.extendedNegotiations = [.init(sopClassUID: .ctImageStorage, information: [2, 0, 3, 0])]
        var accepted = information
        information.commonExtendedNegotiations = [
            .init(
                sopClassUID: .ctImageStorage, serviceClassUID: "1.2.840.10008.4.2",
                relatedGeneralSOPClassUIDs: [.mrImageStorage, .ctImageStorage])
        ]
        information.userIdentity = .init(
            type: 2, isResponseRequested: true, primaryField: Array("user".utf8), secondaryField: Array("word".utf8))
        accepted.userIdentityResponse = [1, 2, 3]
        let contexts: [(UID, UInt8)] = [(.verification, 1), (.ctImageStorage, 3), (.mrImageStorage, 255)]
        return .init(
            description: "all sub-items",
            requestor: [try encoded(request: contexts, information), release],
            acceptor: [try encoded(accept: [1, 3, 255], accepted), try encoded(.abort(.byProvider(.unexpectedPDU)))])
    }

    private static func rejection() throws -> PDUConversation {
        .init(
            description: "a rejection", requestor: [try encoded(request: [(.verification, 1)])],
            acceptor: [try encoded(.associateReject(.calledAETitleNotRecognized))])
    }

    /// Both sides release at once.
    private static func collision() throws -> PDUConversation {
        .init(
            description: "a release collision",
            requestor: [try encoded(request: [(.verification, 1)]), release, released],
            acceptor: [try encoded(accept: [1]), release, released])
    }

    // MARK: - PDUs

    private static let release: [UInt8] = [5, 0, 0, 0, 0, 4, 0, 0, 0, 0]
    private static let released: [UInt8] = [6, 0, 0, 0, 0, 4, 0, 0, 0, 0]

    private static func encoded(_ pdu: PDU) throws -> [UInt8] {
        var buffer = ByteBuffer()
        try pdu.write(into: &buffer)
        return Array(buffer.readableBytesView)
    }

    private static func encoded(
        request contexts: [(UID, UInt8)], _ information: UserInformation = .init(maximumPDULength: 16384)
    ) throws -> [UInt8] {
        try encoded(
            .associateRequest(
                .init(
                    calledAETitle: calledAETitle.string, callingAETitle: callingAETitle.string,
                    presentationContexts: contexts.map { uid, id in
                        .init(
                            id: id, abstractSyntax: uid,
                            transferSyntaxes: [.explicitVRLittleEndian, .implicitVRLittleEndian])
                    }, userInformation: information)))
    }

    private static func encoded(
        accept contexts: [UInt8], _ information: UserInformation = .init(maximumPDULength: 16384)
    ) throws -> [UInt8] {
        try encoded(
            .associateAccept(
                .init(
                    calledAETitle: calledAETitle.string, callingAETitle: callingAETitle.string,
                    presentationContexts: contexts.map {
                        .init(id: $0, result: .acceptance, transferSyntax: .implicitVRLittleEndian)
                    }, userInformation: information)))
    }

    private static func storeRequest(_ messageID: UInt16) -> DIMSECommand {
        .cStoreRequest(
            messageID: messageID, sopClassUID: .ctImageStorage, sopInstanceUID: UID("1.2.3.\(messageID)"))
    }

    /// A data set in implicit VR: SOP class and instance, and one long value of nearly `length` bytes.
    private static func dataSet(_ length: Int) -> [UInt8] {
        let value = UInt8(truncatingIfNeeded: max(0, length - 8) & 0xFE)
        return [0x10, 0, 0x10, 0, value, 0, 0, 0] + (0..<value).map { $0 % 26 + UInt8(ascii: "A") }
    }

    private static func message(
        _ contextID: UInt8, _ command: [UInt8], _ dataSet: [UInt8]? = nil, fragment: UInt32 = 16384
    ) throws -> [[UInt8]] {
        let fragmenter = try DIMSEFragmenter(peerMaximumPDULength: fragment)
        var buffer = ByteBuffer()
        fragmenter.writeCommand(command[...], contextID: contextID, into: &buffer)
        if let dataSet { fragmenter.writeData(dataSet[...], contextID: contextID, isLast: true, into: &buffer) }
        return PDUStructure.pdus(in: Array(buffer.readableBytesView))
    }

    private static func value(_ contextID: UInt8, _ control: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        bigEndian(UInt32(bytes.count + 2)) + [contextID, control] + bytes
    }

    private static func pdu(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
        [type, 0] + bigEndian(UInt32(body.count)) + body
    }
}

/// The bytes of a number, the highest first.
func bigEndian(_ number: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> UInt32($0)) }
}
