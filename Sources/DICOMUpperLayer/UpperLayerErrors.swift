public import DICOMCore

extension DICOMError.Code {
    /// The peer sent a PDU of a type that PS3.8 9.3.1 does not have, or something that is not DICOM at all.
    public static let unrecognizedPDU = DICOMError.Code("unrecognizedPDU")
    /// A PDU's lengths or values contradict each other or exceed a limit (PS3.8 9.3).
    public static let invalidPDU = DICOMError.Code("invalidPDU")
    /// PDUs or messages came in an order, or on a presentation context, that is not allowed.
    public static let protocolViolation = DICOMError.Code("protocolViolation")
    /// An association was proposed or answered in a way that contradicts PS3.8 7.1.1 or PS3.7 annex D.
    public static let invalidNegotiation = DICOMError.Code("invalidNegotiation")
}

extension DICOMError {
    /// What an A-ABORT that is sent because of this error gives as its reason (PS3.8 9.3.8).
    public var abortReason: Abort.Reason {
        switch code {
        case .unrecognizedPDU: .unrecognizedPDU
        case .invalidPDU, .invalidNegotiation: .invalidParameterValue
        case .protocolViolation: .unexpectedParameter
        default: .notSpecified
        }
    }
}
