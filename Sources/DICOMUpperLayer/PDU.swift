public import DICOMCore
import DICOMDictionary

/// A protocol data unit that controls an association (PS3.8 9.3).
///
/// P-DATA-TF is not among them: it is never held as a whole. ``PDUDecoder`` hands its pieces on as ``PDUEvent``s, and
/// ``DIMSEFragmenter`` writes it.
public enum PDU: Hashable, Sendable {
    /// A-ASSOCIATE-RQ (PS3.8 9.3.2)
    case associateRequest(AssociateRequest)
    /// A-ASSOCIATE-AC (PS3.8 9.3.3)
    case associateAccept(AssociateAccept)
    /// A-ASSOCIATE-RJ (PS3.8 9.3.4)
    case associateReject(AssociateReject)
    /// A-RELEASE-RQ (PS3.8 9.3.6)
    case releaseRequest
    /// A-RELEASE-RP (PS3.8 9.3.7)
    case releaseReply
    /// A-ABORT (PS3.8 9.3.8)
    case abort(Abort)
}

/// The first byte of a PDU (PS3.8 9.3.1).
enum PDUType: UInt8 {
    case associateRequest = 0x01
    case associateAccept = 0x02
    case associateReject = 0x03
    case data = 0x04
    case releaseRequest = 0x05
    case releaseReply = 0x06
    case abort = 0x07
}

/// A proposal of an association (A-ASSOCIATE-RQ, PS3.8 9.3.2).
public struct AssociateRequest: Hashable, Sendable {
    /// One bit for each version that is supported; bit 0 is version 1, the only one there is.
    public var protocolVersion: UInt16 = 1
    /// As received, without padding: a peer's title need not be a valid ``AETitle``.
    public var calledAETitle: String
    public var callingAETitle: String
    public var applicationContext: UID = .dicomApplicationContext
    public var presentationContexts: [ProposedContext]
    public var userInformation: UserInformation

    public init(
        calledAETitle: String, callingAETitle: String, presentationContexts: [ProposedContext],
        userInformation: UserInformation
    ) {
        self.calledAETitle = calledAETitle
        self.callingAETitle = callingAETitle
        self.presentationContexts = presentationContexts
        self.userInformation = userInformation
    }
}

/// A presentation context as it is proposed (PS3.8 9.3.2.2): what is to be exchanged, and the encodings to choose from.
public struct ProposedContext: Hashable, Sendable {
    /// Odd, 1 to 255.
    public var id: UInt8
    public var abstractSyntax: UID
    public var transferSyntaxes: [UID]

    public init(id: UInt8, abstractSyntax: UID, transferSyntaxes: [UID]) {
        self.id = id
        self.abstractSyntax = abstractSyntax
        self.transferSyntaxes = transferSyntaxes
    }
}

/// The acceptance of an association (A-ASSOCIATE-AC, PS3.8 9.3.3).
public struct AssociateAccept: Hashable, Sendable {
    public var protocolVersion: UInt16 = 1
    /// The request's titles, sent back; a requestor does not look at them.
    public var calledAETitle: String
    public var callingAETitle: String
    public var applicationContext: UID = .dicomApplicationContext
    public var presentationContexts: [AnsweredContext]
    public var userInformation: UserInformation

    public init(
        calledAETitle: String, callingAETitle: String, presentationContexts: [AnsweredContext],
        userInformation: UserInformation
    ) {
        self.calledAETitle = calledAETitle
        self.callingAETitle = callingAETitle
        self.presentationContexts = presentationContexts
        self.userInformation = userInformation
    }
}

/// The answer to one presentation context (PS3.8 9.3.3.2).
public struct AnsweredContext: Hashable, Sendable {
    /// Result/Reason of PS3.8 Table 9-18.
    public struct Result: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let acceptance = Result(rawValue: 0)
        public static let userRejection = Result(rawValue: 1)
        public static let noReason = Result(rawValue: 2)
        public static let abstractSyntaxNotSupported = Result(rawValue: 3)
        public static let transferSyntaxesNotSupported = Result(rawValue: 4)

        public var description: String {
            switch self {
            case .acceptance: "accepted"
            case .userRejection: "rejected by the user"
            case .noReason: "rejected without a reason"
            case .abstractSyntaxNotSupported: "abstract syntax not supported"
            case .transferSyntaxesNotSupported: "transfer syntaxes not supported"
            default: "unknown result \(rawValue)"
            }
        }
    }

    public var id: UInt8
    public var result: Result
    /// What was chosen; without a meaning unless the result is acceptance.
    public var transferSyntax: UID

    public init(id: UInt8, result: Result, transferSyntax: UID) {
        self.id = id
        self.result = result
        self.transferSyntax = transferSyntax
    }
}

/// The refusal of an association (A-ASSOCIATE-RJ, PS3.8 9.3.4).
public struct AssociateReject: Hashable, Sendable, CustomStringConvertible {
    /// 1 permanent, 2 transient.
    public var result: UInt8
    /// 1 the service user, 2 the service provider (ACSE), 3 the service provider (presentation).
    public var source: UInt8
    /// Its meaning depends on ``source``.
    public var reason: UInt8

    public init(result: UInt8, source: UInt8, reason: UInt8) {
        self.result = result
        self.source = source
        self.reason = reason
    }

    public static let noReason = AssociateReject(result: 1, source: 1, reason: 1)
    public static let applicationContextNotSupported = AssociateReject(result: 1, source: 1, reason: 2)
    public static let callingAETitleNotRecognized = AssociateReject(result: 1, source: 1, reason: 3)
    public static let calledAETitleNotRecognized = AssociateReject(result: 1, source: 1, reason: 7)
    public static let protocolVersionNotSupported = AssociateReject(result: 1, source: 2, reason: 2)
    public static let temporaryCongestion = AssociateReject(result: 2, source: 3, reason: 1)
    public static let localLimitExceeded = AssociateReject(result: 2, source: 3, reason: 2)

    /// Whether the same request may succeed later.
    public var isTransient: Bool { result == 2 }

    public var description: String {
        let meaning =
            switch (source, reason) {
            case (1, 1), (2, 1): "no reason given"
            case (1, 2): "application context name not supported"
            case (1, 3): "calling AE title not recognized"
            case (1, 7): "called AE title not recognized"
            case (2, 2): "protocol version not supported"
            case (3, 1): "temporary congestion"
            case (3, 2): "local limit exceeded"
            default: "unknown reason"
            }
        return "\(meaning) (\(isTransient ? "transient" : "permanent"); \(result)/\(source)/\(reason))"
    }
}

/// The abrupt end of an association (A-ABORT, PS3.8 9.3.8).
public struct Abort: Hashable, Sendable, CustomStringConvertible {
    /// Why the service provider aborts (PS3.8 Table 9-26).
    public struct Reason: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let notSpecified = Reason(rawValue: 0)
        public static let unrecognizedPDU = Reason(rawValue: 1)
        public static let unexpectedPDU = Reason(rawValue: 2)
        public static let unrecognizedParameter = Reason(rawValue: 4)
        public static let unexpectedParameter = Reason(rawValue: 5)
        public static let invalidParameterValue = Reason(rawValue: 6)
    }

    /// 0 the service user, 2 the service provider.
    public var source: UInt8
    public var reason: Reason

    public init(source: UInt8, reason: Reason) {
        self.source = source
        self.reason = reason
    }

    public static let byUser = Abort(source: 0, reason: .notSpecified)
    public static func byProvider(_ reason: Reason) -> Abort { Abort(source: 2, reason: reason) }

    public var description: String {
        guard source != 0 else { return "aborted by the service user" }
        let meaning =
            switch reason {
            case .notSpecified: "reason not specified"
            case .unrecognizedPDU: "unrecognized PDU"
            case .unexpectedPDU: "unexpected PDU"
            case .unrecognizedParameter: "unrecognized PDU parameter"
            case .unexpectedParameter: "unexpected PDU parameter"
            case .invalidParameterValue: "invalid PDU parameter value"
            default: "unknown reason \(reason.rawValue)"
            }
        return "aborted by the service provider: \(meaning)"
    }
}
