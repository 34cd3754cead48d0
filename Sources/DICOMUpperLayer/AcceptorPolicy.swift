public import DICOMCoding
public import DICOMCore
import DICOMDictionary

/// What an acceptor says to one proposed presentation context.
public enum ContextDecision: Hashable, Sendable {
    case accept(TransferSyntax)
    case abstractSyntaxNotSupported
    case transferSyntaxesNotSupported
    case userRejection

    /// The first of `preferred` that was proposed; none of them: transfer syntaxes not supported.
    public static func choosing(from proposed: [TransferSyntax], preferring preferred: [TransferSyntax])
        -> ContextDecision
    {
        preferred.first(where: proposed.contains).map { .accept($0) } ?? .transferSyntaxesNotSupported
    }
}

/// What an acceptor says to the proposal of an association.
public enum AssociationAnswer: Sendable {
    case accept(AssociateAccept, NegotiatedAssociation)
    case reject(AssociateReject)
}

/// The acceptor's side of the negotiation (PS3.8 7.1.1, PS3.7 annex D). It does no I/O.
public struct AcceptorPolicy: Sendable {
    /// The titles that this side answers to; empty: any.
    public var calledAETitles: Set<String> = []
    /// The titles that are let in; empty: any.
    public var callingAETitles: Set<String> = []
    /// The longest P-DATA-TF that this side takes, in bytes; 0 means no limit.
    public var maximumPDULength: UInt32
    public var implementationClassUID: UID
    public var implementationVersionName: String?
    /// The titles that are never let in.
    public var deniedCallingAETitles: Set<String> = []
    /// Whether there are as many associations as this side can have: then each further one is rejected, for now.
    public var isAtLimit = false
    /// How many operations a requestor may have under way at a time, when it proposes more than one (PS3.7 D.3.3.3).
    public var maximumOperations: UInt16 = 1
    /// What to say to a context: its abstract syntax, and the transfer syntaxes that were proposed.
    ///
    /// It is asked again with the more general SOP classes, and then the service class, that a common extended negotiation
    /// names for an abstract syntax that is not supported itself (PS3.7 D.3.3.6).
    public var decide: @Sendable (UID, [TransferSyntax]) -> ContextDecision
    /// Whether a requestor may be SCP of a SOP class, when it proposes that (PS3.7 D.3.3.4).
    public var allowsRequestorAsSCP: @Sendable (UID) -> Bool = { _ in false }
    /// The answer to the extended negotiation of a SOP class; `nil` gives none (PS3.7 D.3.3.5).
    public var extend: @Sendable (ExtendedNegotiation) -> [UInt8]? = { _ in nil }

    public init(
        maximumPDULength: UInt32, implementationClassUID: UID, implementationVersionName: String? = nil,
        decide: @escaping @Sendable (UID, [TransferSyntax]) -> ContextDecision
    ) {
        self.maximumPDULength = maximumPDULength
        self.implementationClassUID = implementationClassUID
        self.implementationVersionName = implementationVersionName
        self.decide = decide
    }

    /// The answer to a request: a rejection, or an acceptance in which each context is answered by itself.
    ///
    /// - Throws: ``DICOMError`` with `invalidNegotiation` when context identifiers are even or occur twice, or a context
    ///   has no abstract or transfer syntax; the association is to be aborted then.
    /// - Parameter userIdentityResponse: What the server says to the user identity, when a response was asked for (PS3.7
    ///   D.3.3.7.2); the identity itself is checked by the caller.
    public func answer(
        _ request: AssociateRequest, userIdentityResponse: [UInt8]? = nil
    ) throws(DICOMError) -> AssociationAnswer {
        if let rejection = rejection(of: request) { return .reject(rejection) }
        try check(request.presentationContexts)
        let roles = answeredRoles(request)
        var answers: [AnsweredContext] = []
        var accepted: [UInt8: AcceptedContext] = [:]
        var refused: [RefusedContext] = []
        for context in request.presentationContexts {
            let answer = answer(context, request.userInformation.commonExtendedNegotiations)
            answers.append(answer)
            guard answer.result == .acceptance else {
                refused.append(
                    RefusedContext(id: context.id, abstractSyntax: context.abstractSyntax, result: answer.result))
                continue
            }
            let role = roles.first { $0.sopClassUID == context.abstractSyntax }
            accepted[context.id] = AcceptedContext(
                id: context.id, abstractSyntax: context.abstractSyntax,
                transferSyntax: TransferSyntax(uid: answer.transferSyntax), requestorIsSCU: role?.isSCU ?? true,
                requestorIsSCP: role?.isSCP ?? false)
        }
        let supported = Set(accepted.values.map(\.abstractSyntax))
        var information = UserInformation(
            maximumPDULength: maximumPDULength, implementationClassUID: implementationClassUID,
            implementationVersionName: implementationVersionName)
        information.roleSelections = roles.filter { supported.contains($0.sopClassUID) }
        information.asynchronousOperations = window(for: request)
        for proposed in request.userInformation.extendedNegotiations where supported.contains(proposed.sopClassUID) {
            guard let answer = extend(proposed) else { continue }
            information.extendedNegotiations.append(
                ExtendedNegotiation(sopClassUID: proposed.sopClassUID, information: answer))
        }
        if request.userInformation.userIdentity?.isResponseRequested == true {
            information.userIdentityResponse = userIdentityResponse
        }
        let accept = AssociateAccept(
            calledAETitle: request.calledAETitle, callingAETitle: request.callingAETitle,
            presentationContexts: answers, userInformation: information)
        let negotiated = NegotiatedAssociation(
            callingAETitle: request.callingAETitle, calledAETitle: request.calledAETitle, contexts: accepted,
            refusedContexts: refused, asynchronousOperations: information.asynchronousOperations,
            extendedNegotiations: information.extendedNegotiations, userIdentityResponse: nil,
            peerMaximumPDULength: request.userInformation.maximumPDULength,
            peerImplementationClassUID: request.userInformation.implementationClassUID,
            peerImplementationVersionName: request.userInformation.implementationVersionName)
        return .accept(accept, negotiated)
    }

    /// The provider's reasons come before the user's: a request that cannot be understood has no titles to look at.
    private func rejection(of request: AssociateRequest) -> AssociateReject? {
        if request.protocolVersion & 1 == 0 { return .protocolVersionNotSupported }
        if isAtLimit { return .localLimitExceeded }
        if request.applicationContext != .dicomApplicationContext { return .applicationContextNotSupported }
        if !calledAETitles.isEmpty, !calledAETitles.contains(request.calledAETitle) {
            return .calledAETitleNotRecognized
        }
        if deniedCallingAETitles.contains(request.callingAETitle)
            || !callingAETitles.isEmpty && !callingAETitles.contains(request.callingAETitle)
        {
            return .callingAETitleNotRecognized
        }
        return nil
    }

    /// What the requestor may invoke is bounded by this side; this side itself invokes one operation at a time.
    private func window(for request: AssociateRequest) -> AsynchronousOperations? {
        guard let proposed = request.userInformation.asynchronousOperations else { return nil }
        let limit = max(1, maximumOperations)
        // 0 stands for any number.
        let invoked = proposed.maximumInvoked == 0 ? limit : min(proposed.maximumInvoked, limit)
        return AsynchronousOperations(maximumInvoked: invoked, maximumPerformed: 1)
    }

    private func check(_ contexts: [ProposedContext]) throws(DICOMError) {
        guard !contexts.isEmpty else {
            throw DICOMError(.invalidNegotiation, "The peer proposes an association without presentation contexts.")
        }
        var seen: Set<UInt8> = []
        for context in contexts {
            guard context.id & 1 == 1, seen.insert(context.id).inserted else {
                throw DICOMError(
                    .invalidNegotiation, "The peer proposes context \(context.id), which is even or there already.")
            }
            guard !context.abstractSyntax.string.isEmpty, !context.transferSyntaxes.isEmpty else {
                throw DICOMError(
                    .invalidNegotiation, "The peer proposes context \(context.id) without abstract or transfer syntax.")
            }
        }
    }

    private func answer(
        _ context: ProposedContext, _ common: [CommonExtendedNegotiation]
    ) -> AnsweredContext {
        let proposed = context.transferSyntaxes.map { TransferSyntax(uid: $0) }
        // With a refusal the transfer syntax has no meaning, but the field has to be there (PS3.8 Table 9-18).
        func refusal(_ result: AnsweredContext.Result) -> AnsweredContext {
            AnsweredContext(id: context.id, result: result, transferSyntax: context.transferSyntaxes.first ?? UID(""))
        }
        switch decision(context.abstractSyntax, proposed, common) {
        case .accept(let syntax):
            // One that was not proposed would be an error of the policy, not of the peer.
            guard proposed.contains(syntax) else { return refusal(.transferSyntaxesNotSupported) }
            return AnsweredContext(id: context.id, result: .acceptance, transferSyntax: syntax.uid)
        case .abstractSyntaxNotSupported: return refusal(.abstractSyntaxNotSupported)
        case .transferSyntaxesNotSupported: return refusal(.transferSyntaxesNotSupported)
        case .userRejection: return refusal(.userRejection)
        }
    }

    /// The decision about a SOP class or, where it is not known, about what it is said to be a kind of.
    private func decision(
        _ abstractSyntax: UID, _ proposed: [TransferSyntax], _ common: [CommonExtendedNegotiation]
    ) -> ContextDecision {
        let own = decide(abstractSyntax, proposed)
        guard own == .abstractSyntaxNotSupported,
            let relation = common.first(where: { $0.sopClassUID == abstractSyntax })
        else { return own }
        for general in relation.relatedGeneralSOPClassUIDs + [relation.serviceClassUID] {
            let decision = decide(general, proposed)
            if decision != .abstractSyntaxNotSupported { return decision }
        }
        return own
    }

    /// Each role selection is answered: SCU as proposed, SCP when it is allowed.
    private func answeredRoles(_ request: AssociateRequest) -> [RoleSelection] {
        var answers: [RoleSelection] = []
        var seen: Set<UID> = []
        for proposed in request.userInformation.roleSelections where seen.insert(proposed.sopClassUID).inserted {
            answers.append(
                RoleSelection(
                    sopClassUID: proposed.sopClassUID, isSCU: proposed.isSCU,
                    isSCP: proposed.isSCP && allowsRequestorAsSCP(proposed.sopClassUID)))
        }
        return answers
    }
}
