import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMUpperLayer
import NIOCore

/// What holds for everything that was decoded.
extension PDUExerciser {
    /// A PDU that is encoded and decoded again is the same; the negotiation answers it or refuses it.
    static func check(_ pdu: PDU) throws {
        _ = String(describing: pdu)
        try checkRoundTrip(pdu)
        switch pdu {
        case .associateRequest(let request): for policy in policies { try check(request, policy) }
        case .associateAccept(let accept): try check(accept)
        case .associateReject(let reject): _ = (reject.description, reject.isTransient)
        case .abort(let abort): _ = abort.description
        case .releaseRequest, .releaseReply: break
        }
    }

    private static func checkRoundTrip(_ pdu: PDU) throws {
        var buffer = ByteBuffer()
        do {
            try pdu.write(into: &buffer)
        } catch {
            throw Contradiction("what was decoded cannot be encoded: \(error)")
        }
        var decoder = PDUDecoder(maximumPDULength: maximumPDULength)
        guard case .pdu(let again)? = try? decoder.next(from: &buffer), buffer.readableBytes == 0 else {
            throw Contradiction("what was encoded cannot be decoded: \(pdu)")
        }
        guard again.pdu == pdu else { throw Contradiction("\(pdu) comes back as \(again.pdu)") }
    }

    // MARK: - Negotiation

    private static let policies: [AcceptorPolicy] = {
        let open = AcceptorPolicy(maximumPDULength: 16384, implementationClassUID: "1.2.3.4") { _, proposed in
            proposed.first.map { .accept($0) } ?? .userRejection
        }
        var narrow = AcceptorPolicy(maximumPDULength: 0, implementationClassUID: "1.2.3.4") { uid, proposed in
            uid.isPrivate
                ? .abstractSyntaxNotSupported : .choosing(from: proposed, preferring: [.implicitVRLittleEndian])
        }
        narrow.calledAETitles = [PDUConversation.calledAETitle.string]
        narrow.callingAETitles = [PDUConversation.callingAETitle.string]
        narrow.allowsRequestorAsSCP = { $0 == .ctImageStorage }
        return [open, narrow]
    }()

    /// The offers that the conversations begin with.
    private static let offer: RequestorOffer? = try? RequestorOffer(
        calledAETitle: PDUConversation.calledAETitle, callingAETitle: PDUConversation.callingAETitle,
        proposals: [.verification, .ctImageStorage, .mrImageStorage].map {
            PresentationContextProposal(
                abstractSyntax: $0, transferSyntaxes: [.explicitVRLittleEndian, .implicitVRLittleEndian],
                requestorIsSCP: $0 == .mrImageStorage)
        }, maximumPDULength: 16384, implementationClassUID: "1.2.3.4")

    private static func check(_ request: AssociateRequest, _ policy: AcceptorPolicy) throws {
        let answer: AssociationAnswer
        do {
            answer = try policy.answer(request)
        } catch {
            guard error.code == .invalidNegotiation else { throw Contradiction("a request is refused with \(error)") }
            return
        }
        switch answer {
        case .reject(let reject): try checkRoundTrip(.associateReject(reject))
        case .accept(let accept, let negotiated):
            try checkRoundTrip(.associateAccept(accept))
            guard accept.presentationContexts.map(\.id) == request.presentationContexts.map(\.id) else {
                throw Contradiction("not each of the proposed contexts is answered once")
            }
            try check(negotiated, answers: accept.presentationContexts) { id in
                request.presentationContexts.first { $0.id == id }
            }
        }
    }

    private static func check(_ accept: AssociateAccept) throws {
        guard let offer else { throw Contradiction("there is no offer") }
        do {
            let negotiated = try offer.evaluate(accept)
            try check(negotiated, answers: accept.presentationContexts) { id in
                offer.request.presentationContexts.first { $0.id == id }
            }
        } catch let error as DICOMError {
            guard error.code == .invalidNegotiation else {
                throw Contradiction("an acceptance is refused with \(error)")
            }
        }
    }

    /// A context is accepted when its answer says so, with what was proposed for it.
    private static func check(
        _ negotiated: NegotiatedAssociation, answers: [AnsweredContext],
        proposed: (UInt8) -> ProposedContext?
    ) throws {
        let acceptedIDs = Set(answers.filter { $0.result == .acceptance }.map(\.id))
        guard Set(negotiated.contexts.keys) == acceptedIDs else {
            throw Contradiction("other contexts are accepted than the answer says")
        }
        for (id, context) in negotiated.contexts {
            guard let proposal = proposed(id), id & 1 == 1, context.id == id,
                proposal.abstractSyntax == context.abstractSyntax,
                proposal.transferSyntaxes.contains(context.transferSyntax.uid)
            else { throw Contradiction("context \(id) was not proposed as it is accepted") }
            guard negotiated.contexts(for: context.abstractSyntax).contains(context),
                negotiated.context(for: context.abstractSyntax, in: [context.transferSyntax]) != nil
            else { throw Contradiction("context \(id) is not found by its abstract syntax") }
        }
        _ = try? DIMSEFragmenter(peerMaximumPDULength: negotiated.peerMaximumPDULength)
    }

    // MARK: - Commands

    /// A command that is encoded and decoded again is the same; a request can be answered.
    static func check(_ command: DIMSECommand) throws {
        _ = (command.affectedSOPClassUID, command.affectedSOPInstanceUID, command.priority, command.errorComment)
        _ = (command.offendingElements, command.status?.category, command.status?.description)
        guard (try? DIMSECommand(parsing: command.encoded())) == command else {
            throw Contradiction("a command comes back as another one: \(command)")
        }
        guard !command.field.isResponse, command.field != .cCancelRequest else { return }
        do {
            let bytes = try command.encodedResponse(.processingFailure, errorComment: "é\n")
            let response = try DIMSECommand(parsing: bytes)
            guard response.field == command.field.response, response.messageIDBeingRespondedTo == command.messageID,
                response.status == .processingFailure, !response.hasDataSet
            else { throw Contradiction("the response does not belong to its request: \(command)") }
        } catch let error as DICOMError {
            // Identifiers that are too long, or not ASCII.
            guard error.code == .unencodableValue else { throw Contradiction("no response: \(error)") }
        }
    }
}
