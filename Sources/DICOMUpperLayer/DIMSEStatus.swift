/// How an operation ended (PS3.7 annex C, and the service classes of PS3.4).
public struct DIMSEStatus: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// What kind of status it is (PS3.7 C).
    public enum Category: Hashable, Sendable { case success, warning, pending, cancel, failure }

    public static let success = DIMSEStatus(rawValue: 0x0000)
    /// C-STORE: storage is full or out of order.
    public static let outOfResources = DIMSEStatus(rawValue: 0xA700)
    /// C-STORE: the data set, or C-FIND, C-MOVE, C-GET: the identifier, does not match the SOP class, and is refused.
    public static let dataSetDoesNotMatchSOPClass = DIMSEStatus(rawValue: 0xA900)
    /// C-STORE: the data set cannot be understood, or processing it failed; likewise a query of C-FIND, C-MOVE, C-GET.
    public static let cannotUnderstand = DIMSEStatus(rawValue: 0xC000)
    public static let coercionOfDataElements = DIMSEStatus(rawValue: 0xB000)
    public static let elementsDiscarded = DIMSEStatus(rawValue: 0xB006)
    /// C-STORE: the data set does not match the SOP class; a warning.
    public static let dataSetDoesNotMatchSOPClassWarning = DIMSEStatus(rawValue: 0xB007)
    public static let attributeListError = DIMSEStatus(rawValue: 0x0107)
    public static let processingFailure = DIMSEStatus(rawValue: 0x0110)
    public static let duplicateSOPInstance = DIMSEStatus(rawValue: 0x0111)
    public static let noSuchSOPInstance = DIMSEStatus(rawValue: 0x0112)
    public static let attributeValueOutOfRange = DIMSEStatus(rawValue: 0x0116)
    public static let invalidSOPInstance = DIMSEStatus(rawValue: 0x0117)
    public static let noSuchSOPClass = DIMSEStatus(rawValue: 0x0118)
    public static let missingAttribute = DIMSEStatus(rawValue: 0x0120)
    public static let sopClassNotSupported = DIMSEStatus(rawValue: 0x0122)
    public static let notAuthorized = DIMSEStatus(rawValue: 0x0124)
    public static let duplicateInvocation = DIMSEStatus(rawValue: 0x0210)
    public static let unrecognizedOperation = DIMSEStatus(rawValue: 0x0211)
    public static let mistypedArgument = DIMSEStatus(rawValue: 0x0212)
    public static let resourceLimitation = DIMSEStatus(rawValue: 0x0213)
    public static let cancel = DIMSEStatus(rawValue: 0xFE00)
    public static let pending = DIMSEStatus(rawValue: 0xFF00)
    /// C-MOVE: the destination is not known (PS3.4 C.4.2.1.5).
    public static let moveDestinationUnknown = DIMSEStatus(rawValue: 0xA801)
    /// C-MOVE, C-GET: no sub-operation could be performed, for want of resources or of a context.
    public static let unableToPerformSubOperations = DIMSEStatus(rawValue: 0xA702)
    /// C-MOVE, C-GET: sub-operations are complete, and some failed; a warning.
    public static let subOperationsFailed = DIMSEStatus(rawValue: 0xB000)
    /// N-ACTION: the SOP instance has no such action (PS3.7 C.5.11).
    public static let noSuchActionType = DIMSEStatus(rawValue: 0x0123)
    /// N-EVENT-REPORT: there is no such event type (PS3.7 C.5.11).
    public static let noSuchEventType = DIMSEStatus(rawValue: 0x0113)
    public static let noSuchAttribute = DIMSEStatus(rawValue: 0x0105)
    public static let invalidAttributeValue = DIMSEStatus(rawValue: 0x0106)
    public static let classInstanceConflict = DIMSEStatus(rawValue: 0x0119)
    /// Pending, and some optional keys are not supported (C-FIND).
    public static let pendingWithUnsupportedKeys = DIMSEStatus(rawValue: 0xFF01)

    /// The kind of the status by its value (PS3.7 C.1 to C.5). What is not assigned counts as a failure.
    public var category: Category {
        switch rawValue {
        case 0x0000: .success
        case 0x0001, 0x0107, 0x0116, 0xB000...0xBFFF: .warning
        case 0xFE00: .cancel
        case 0xFF00, 0xFF01: .pending
        default: .failure
        }
    }

    /// Such as `A700H (Refused: out of resources)`.
    public var description: String {
        let digits = String(rawValue, radix: 16, uppercase: true)
        return "\(String(repeating: "0", count: 4 - digits.count))\(digits)H (\(meaning))"
    }

    private var meaning: String {
        switch rawValue {
        case 0x0000: "Success"
        case 0x0107: "Warning: attribute list error"
        case 0x0110: "Failure: processing failure"
        case 0x0111: "Failure: duplicate SOP instance"
        case 0x0112: "Failure: no such SOP instance"
        case 0x0116: "Warning: attribute value out of range"
        case 0x0117: "Failure: invalid SOP instance"
        case 0x0118: "Failure: no such SOP class"
        case 0x0105: "Failure: no such attribute"
        case 0x0106: "Failure: invalid attribute value"
        case 0x0113: "Failure: no such event type"
        case 0x0119: "Failure: class-instance conflict"
        case 0x0123: "Failure: no such action type"
        case 0x0120: "Failure: missing attribute"
        case 0x0122: "Refused: SOP class not supported"
        case 0x0124: "Refused: not authorized"
        case 0x0210: "Failure: duplicate invocation"
        case 0x0211: "Failure: unrecognized operation"
        case 0x0212: "Failure: mistyped argument"
        case 0x0213: "Failure: resource limitation"
        case 0xA700...0xA7FF: "Refused: out of resources"
        case 0xA801: "Refused: move destination unknown"
        case 0xA900...0xA9FF: "Error: data set does not match SOP class"
        case 0xB000: "Warning: coercion of data elements"
        case 0xB006: "Warning: elements discarded"
        case 0xB007: "Warning: data set does not match SOP class"
        case 0xC000...0xCFFF: "Error: cannot understand"
        case 0xFE00: "Cancel"
        case 0xFF00, 0xFF01: "Pending"
        default: category == .warning ? "Warning" : "Failure"
        }
    }
}
