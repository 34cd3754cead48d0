public import DICOMCoding
public import DICOMCore

/// What the two sides of an association agreed upon.
public struct NegotiatedAssociation: Sendable {
    public let callingAETitle: String
    public let calledAETitle: String
    /// The presentation contexts that were accepted, by their identifier.
    public let contexts: [UInt8: AcceptedContext]
    /// The others, and why they were not.
    public let refusedContexts: [RefusedContext]
    /// How many operations may be under way at a time; `nil`: one (PS3.7 D.3.3.3).
    public let asynchronousOperations: AsynchronousOperations?
    /// What the acceptor answered to extended negotiations (PS3.7 D.3.3.5).
    public let extendedNegotiations: [ExtendedNegotiation]
    /// What the acceptor answered to the user identity (PS3.7 D.3.3.7.2); at the requestor only.
    public let userIdentityResponse: [UInt8]?
    /// The longest P-DATA-TF that the peer takes, in bytes after its length field; 0 means no limit (PS3.8 D.1).
    public let peerMaximumPDULength: UInt32
    public let peerImplementationClassUID: UID?
    public let peerImplementationVersionName: String?

    /// The context for an abstract syntax in one of the transfer syntaxes, the first of which is preferred.
    public func context(for abstractSyntax: UID, in transferSyntaxes: [TransferSyntax]) -> AcceptedContext? {
        let candidates = contexts(for: abstractSyntax)
        for syntax in transferSyntaxes {
            if let context = candidates.first(where: { $0.transferSyntax == syntax }) { return context }
        }
        return nil
    }

    /// The accepted contexts for an abstract syntax, in the order of their identifiers.
    public func contexts(for abstractSyntax: UID) -> [AcceptedContext] {
        contexts.values.filter { $0.abstractSyntax == abstractSyntax }.sorted { $0.id < $1.id }
    }
}

/// A presentation context that was accepted.
public struct AcceptedContext: Hashable, Sendable {
    public let id: UInt8
    public let abstractSyntax: UID
    public let transferSyntax: TransferSyntax
    /// Which roles the requestor of the association may take (PS3.7 D.3.3.4).
    public let requestorIsSCU: Bool
    public let requestorIsSCP: Bool
}

/// A presentation context that was not accepted.
public struct RefusedContext: Hashable, Sendable {
    public let id: UInt8
    public let abstractSyntax: UID
    public let result: AnsweredContext.Result
}

/// What is proposed for one abstract syntax: the encodings to choose from, and the roles of the proposer.
public struct PresentationContextProposal: Hashable, Sendable {
    public var abstractSyntax: UID
    public var transferSyntaxes: [TransferSyntax]
    /// Whether the proposer wants to be SCU of this SOP class; it is unless it says otherwise.
    public var requestorIsSCU: Bool
    /// Whether the proposer wants to be SCP of this SOP class, as for C-GET (PS3.7 D.3.3.4).
    public var requestorIsSCP: Bool

    public init(
        abstractSyntax: UID, transferSyntaxes: [TransferSyntax], requestorIsSCU: Bool = true,
        requestorIsSCP: Bool = false
    ) {
        self.abstractSyntax = abstractSyntax
        self.transferSyntaxes = transferSyntaxes
        self.requestorIsSCU = requestorIsSCU
        self.requestorIsSCP = requestorIsSCP
    }
}
