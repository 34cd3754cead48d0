public import DICOMCore
import DICOMUpperLayer

extension DICOMError.Code {
    /// The peer rejected the association for good (PS3.8 9.3.4, result 1): the message names source and reason.
    public static let associationRejectedPermanently = Self("associationRejectedPermanently")
    /// The peer rejected the association for now (PS3.8 9.3.4, result 2): try again later.
    public static let associationRejectedTransiently = Self("associationRejectedTransiently")
    /// The peer, or this side, aborted the association (A-ABORT).
    public static let associationAborted = Self("associationAborted")
    /// No connection could be made: nobody listens, the host is unknown or does not answer.
    public static let connectionFailed = Self("connectionFailed")
    /// The connection ended without release or abort.
    public static let connectionLost = Self("connectionLost")
    /// The peer accepted no presentation context for this SOP class and transfer syntax.
    public static let noAcceptedContext = Self("noAcceptedContext")
    /// The peer did not answer in time.
    public static let timedOut = Self("timedOut")
    /// The instance is larger than the receiver's configuration allows.
    public static let instanceTooLarge = Self("instanceTooLarge")
}

extension DICOMError {
    /// Whether the peer did what the protocol does not allow: then the service provider aborts, and says why.
    var isViolation: Bool {
        [.invalidPDU, .unrecognizedPDU, .protocolViolation, .invalidNegotiation].contains(code)
    }

    /// What may be logged of an error: our own messages hold no patient data, of others only the type is known to.
    static func publicText(_ error: any Error) -> String {
        if let error = error as? DICOMError { error.message } else { "\(type(of: error))" }
    }
}
