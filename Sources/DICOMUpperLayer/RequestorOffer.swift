import DICOMCoding
public import DICOMCore

/// The requestor's side of the negotiation: makes the request, and reads the answer. It does no I/O.
public struct RequestorOffer: Sendable {
    /// Identifiers are odd bytes: there are no more (PS3.8 9.3.2.2).
    public static let maximumProposals = 128

    /// What is to be sent.
    public let request: AssociateRequest
    private let proposals: [PresentationContextProposal]

    /// A request that proposes each of `proposals` as a presentation context: 1, 3, 5 and so on.
    ///
    /// - Parameter maximumPDULength: The longest P-DATA-TF that this side takes, in bytes; 0 means no limit.
    /// - Throws: ``DICOMError`` with `invalidNegotiation` when there is no proposal, or more than 128, or one without a
    ///   transfer syntax.
    public init(
        calledAETitle: AETitle, callingAETitle: AETitle, proposals: [PresentationContextProposal],
        maximumPDULength: UInt32, implementationClassUID: UID, implementationVersionName: String? = nil,
        extras: NegotiationExtras = .init()
    ) throws(DICOMError) {
        guard (1...Self.maximumProposals).contains(proposals.count) else {
            throw DICOMError(
                .invalidNegotiation,
                "\(proposals.count) presentation contexts were to be proposed: an association has 1 to 128.")
        }
        guard proposals.allSatisfy({ !$0.transferSyntaxes.isEmpty }) else {
            throw DICOMError(.invalidNegotiation, "A presentation context was to be proposed without transfer syntax.")
        }
        var information = UserInformation(
            maximumPDULength: maximumPDULength, implementationClassUID: implementationClassUID,
            implementationVersionName: implementationVersionName)
        information.roleSelections = Self.roleSelections(proposals)
        information.asynchronousOperations = extras.asynchronousOperations
        information.extendedNegotiations = extras.extendedNegotiations
        information.commonExtendedNegotiations = extras.commonExtendedNegotiations
        information.userIdentity = extras.userIdentity
        request = AssociateRequest(
            calledAETitle: calledAETitle.string, callingAETitle: callingAETitle.string,
            presentationContexts: zip(stride(from: UInt8(1), through: 255, by: 2), proposals).map { id, proposal in
                ProposedContext(
                    id: id, abstractSyntax: proposal.abstractSyntax,
                    transferSyntaxes: proposal.transferSyntaxes.map(\.uid))
            }, userInformation: information)
        self.proposals = proposals
    }

    /// One for each SOP class whose roles are not the default ones.
    private static func roleSelections(_ proposals: [PresentationContextProposal]) -> [RoleSelection] {
        var selections: [RoleSelection] = []
        for proposal in proposals where proposal.requestorIsSCP || !proposal.requestorIsSCU {
            guard !selections.contains(where: { $0.sopClassUID == proposal.abstractSyntax }) else { continue }
            selections.append(
                RoleSelection(
                    sopClassUID: proposal.abstractSyntax, isSCU: proposal.requestorIsSCU,
                    isSCP: proposal.requestorIsSCP))
        }
        return selections
    }

    /// What the acceptor agreed to. A context that it left unanswered counts as refused.
    ///
    /// - Throws: ``DICOMError`` with `invalidNegotiation` when the answer is not one to this request: a context that was
    ///   not proposed, or is answered twice, or accepted with a transfer syntax that was not proposed for it.
    public func evaluate(_ accept: AssociateAccept) throws(DICOMError) -> NegotiatedAssociation {
        var answers: [UInt8: AnsweredContext] = [:]
        for answer in accept.presentationContexts {
            guard request.presentationContexts.contains(where: { $0.id == answer.id }) else {
                throw DICOMError(.invalidNegotiation, "The peer answers context \(answer.id), which was not proposed.")
            }
            guard answers.updateValue(answer, forKey: answer.id) == nil else {
                throw DICOMError(.invalidNegotiation, "The peer answers context \(answer.id) twice.")
            }
        }
        var accepted: [UInt8: AcceptedContext] = [:]
        var refused: [RefusedContext] = []
        for (proposed, proposal) in zip(request.presentationContexts, proposals) {
            let answer = answers[proposed.id]
            guard let answer, answer.result == .acceptance else {
                refused.append(
                    RefusedContext(
                        id: proposed.id, abstractSyntax: proposed.abstractSyntax, result: answer?.result ?? .noReason))
                continue
            }
            guard proposed.transferSyntaxes.contains(answer.transferSyntax) else {
                throw DICOMError(
                    .invalidNegotiation,
                    "The peer accepts context \(answer.id) with a transfer syntax that was not proposed for it.")
            }
            accepted[proposed.id] = context(proposed.id, proposal, answer, accept.userInformation.roleSelections)
        }
        return NegotiatedAssociation(
            callingAETitle: request.callingAETitle, calledAETitle: request.calledAETitle, contexts: accepted,
            refusedContexts: refused, asynchronousOperations: window(accept.userInformation),
            extendedNegotiations: accept.userInformation.extendedNegotiations,
            userIdentityResponse: accept.userInformation.userIdentityResponse,
            peerMaximumPDULength: accept.userInformation.maximumPDULength,
            peerImplementationClassUID: accept.userInformation.implementationClassUID,
            peerImplementationVersionName: accept.userInformation.implementationVersionName)
    }

    /// What both sides said, the smaller number of each; an answer to what was not proposed counts for nothing.
    private func window(_ answer: UserInformation) -> AsynchronousOperations? {
        guard let proposed = request.userInformation.asynchronousOperations,
            let answered = answer.asynchronousOperations
        else { return nil }
        // 0 stands for any number.
        func smaller(_ left: UInt16, _ right: UInt16) -> UInt16 {
            left == 0 ? right : right == 0 ? left : min(left, right)
        }
        return AsynchronousOperations(
            maximumInvoked: smaller(proposed.maximumInvoked, answered.maximumInvoked),
            maximumPerformed: smaller(proposed.maximumPerformed, answered.maximumPerformed))
    }

    /// Without an answer to a role selection the default roles hold (PS3.7 D.3.3.4); none goes beyond what was proposed.
    private func context(
        _ id: UInt8, _ proposal: PresentationContextProposal, _ answer: AnsweredContext, _ roles: [RoleSelection]
    ) -> AcceptedContext {
        let proposed = request.userInformation.roleSelections.first { $0.sopClassUID == proposal.abstractSyntax }
        let role = proposed == nil ? nil : roles.first { $0.sopClassUID == proposal.abstractSyntax }
        return AcceptedContext(
            id: id, abstractSyntax: proposal.abstractSyntax, transferSyntax: TransferSyntax(uid: answer.transferSyntax),
            requestorIsSCU: role.map { $0.isSCU && proposed?.isSCU == true } ?? true,
            requestorIsSCP: role.map { $0.isSCP && proposed?.isSCP == true } ?? false)
    }
}

/// What a requestor may propose beside its presentation contexts (PS3.7 D.3.3.3 to D.3.3.7).
public struct NegotiationExtras: Sendable, Hashable {
    /// How many operations this side wants to have under way, and takes, at a time.
    public var asynchronousOperations: AsynchronousOperations?
    public var extendedNegotiations: [ExtendedNegotiation] = []
    public var commonExtendedNegotiations: [CommonExtendedNegotiation] = []
    /// Who uses this system.
    public var userIdentity: UserIdentity?

    public init() {}
}
