public import DICOMCore

/// What the two sides tell each other beside the presentation contexts (PS3.8 9.3.2.3, PS3.7 D.3.3).
///
/// A sub-item of a type that is not here is skipped when it is received.
public struct UserInformation: Hashable, Sendable {
    /// The longest P-DATA-TF that the sender of this wants to receive, in bytes after the PDU's length field; 0 means no
    /// limit (PS3.8 D.1).
    public var maximumPDULength: UInt32 = 0
    /// The implementation that speaks (PS3.7 D.3.3.2); required, but some peers leave it out.
    public var implementationClassUID: UID?
    /// At most 16 characters.
    public var implementationVersionName: String?
    public var asynchronousOperations: AsynchronousOperations?
    public var roleSelections: [RoleSelection] = []
    public var extendedNegotiations: [ExtendedNegotiation] = []
    public var commonExtendedNegotiations: [CommonExtendedNegotiation] = []
    /// In a request only.
    public var userIdentity: UserIdentity?
    /// In an acceptance only: the server's response (PS3.7 D.3.3.7.2).
    public var userIdentityResponse: [UInt8]?

    public init(
        maximumPDULength: UInt32 = 0, implementationClassUID: UID? = nil, implementationVersionName: String? = nil
    ) {
        self.maximumPDULength = maximumPDULength
        self.implementationClassUID = implementationClassUID
        self.implementationVersionName = implementationVersionName
    }
}

/// How many operations may be under way at a time; 0 means any number (PS3.7 D.3.3.3). Without it: one.
public struct AsynchronousOperations: Hashable, Sendable {
    public var maximumInvoked: UInt16
    public var maximumPerformed: UInt16

    public init(maximumInvoked: UInt16, maximumPerformed: UInt16) {
        self.maximumInvoked = maximumInvoked
        self.maximumPerformed = maximumPerformed
    }
}

/// Which roles the requestor of the association may take for a SOP class (PS3.7 D.3.3.4). Without it: SCU only.
public struct RoleSelection: Hashable, Sendable {
    public var sopClassUID: UID
    public var isSCU: Bool
    public var isSCP: Bool

    public init(sopClassUID: UID, isSCU: Bool, isSCP: Bool) {
        self.sopClassUID = sopClassUID
        self.isSCU = isSCU
        self.isSCP = isSCP
    }
}

/// Information whose form the SOP class defines (PS3.7 D.3.3.5).
public struct ExtendedNegotiation: Hashable, Sendable {
    public var sopClassUID: UID
    public var information: [UInt8]

    public init(sopClassUID: UID, information: [UInt8]) {
        self.sopClassUID = sopClassUID
        self.information = information
    }
}

/// The service class and the more general SOP classes of a SOP class (PS3.7 D.3.3.6).
public struct CommonExtendedNegotiation: Hashable, Sendable {
    public var sopClassUID: UID
    public var serviceClassUID: UID
    public var relatedGeneralSOPClassUIDs: [UID]

    public init(sopClassUID: UID, serviceClassUID: UID, relatedGeneralSOPClassUIDs: [UID] = []) {
        self.sopClassUID = sopClassUID
        self.serviceClassUID = serviceClassUID
        self.relatedGeneralSOPClassUIDs = relatedGeneralSOPClassUIDs
    }
}

/// Who uses the requesting system (PS3.7 D.3.3.7.1). Its fields are secrets: the description leaves them out.
public struct UserIdentity: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// 1 user name, 2 user name and passcode, 3 Kerberos ticket, 4 SAML assertion, 5 JSON web token.
    public var type: UInt8
    public var isResponseRequested: Bool
    public var primaryField: [UInt8]
    /// The passcode of type 2.
    public var secondaryField: [UInt8]

    public init(type: UInt8, isResponseRequested: Bool = false, primaryField: [UInt8], secondaryField: [UInt8] = []) {
        self.type = type
        self.isResponseRequested = isResponseRequested
        self.primaryField = primaryField
        self.secondaryField = secondaryField
    }

    /// A user name (type 1), or with a passcode (type 2).
    public static func user(
        _ name: String, passcode: String? = nil, isResponseRequested: Bool = false
    ) -> UserIdentity {
        UserIdentity(
            type: passcode == nil ? 1 : 2, isResponseRequested: isResponseRequested, primaryField: Array(name.utf8),
            secondaryField: Array((passcode ?? "").utf8))
    }

    public var description: String { "user identity of type \(type)" }
    public var customMirror: Mirror { Mirror(self, children: ["type": type]) }
}
