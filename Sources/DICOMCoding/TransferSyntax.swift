public import DICOMCore
import DICOMDictionary

/// How a data set is encoded (PS3.5 chapter 10).
public struct TransferSyntax: Hashable, Sendable, CustomStringConvertible {
    public let uid: UID

    /// The transfer syntax with this UID. One that the standard does not list is taken for encapsulated explicit VR
    /// little endian, as PS3.5 A.4 asks of all but the four named ones.
    public init(uid: UID) { self.uid = uid }

    public static let implicitVRLittleEndian = TransferSyntax(uid: .implicitVRLittleEndian)
    public static let explicitVRLittleEndian = TransferSyntax(uid: .explicitVRLittleEndian)
    public static let explicitVRBigEndian = TransferSyntax(uid: .explicitVRBigEndian)
    public static let deflatedExplicitVRLittleEndian = TransferSyntax(uid: .deflatedExplicitVRLittleEndian)

    public var isExplicitVR: Bool { uid != .implicitVRLittleEndian }
    public var isLittleEndian: Bool { uid != .explicitVRBigEndian }
    public var isDeflated: Bool { uid == .deflatedExplicitVRLittleEndian }

    /// Whether Pixel Data is a sequence of fragments (PS3.5 A.4) instead of native samples.
    public var isEncapsulated: Bool {
        switch self {
        case .implicitVRLittleEndian, .explicitVRLittleEndian, .explicitVRBigEndian, .deflatedExplicitVRLittleEndian:
            false
        default: true
        }
    }

    /// Whether data sets in it can be parsed and written here.
    public var isSupported: Bool { isLittleEndian && !isDeflated }

    public var description: String { DICOMDictionary.name(of: uid) ?? uid.string }
}

extension DICOMError.Code {
    /// The bytes are not a data set, or not a Part 10 file.
    public static let malformedDataSet = DICOMError.Code("malformedDataSet")
    /// The bytes end within an element.
    public static let truncatedDataSet = DICOMError.Code("truncatedDataSet")
    /// The file has no DICM prefix (PS3.10 7.1).
    public static let notPart10 = DICOMError.Code("notPart10")
    /// The transfer syntax cannot be read or written here.
    public static let unsupportedTransferSyntax = DICOMError.Code("unsupportedTransferSyntax")
    /// A value cannot be encoded in the transfer syntax, such as one that is too long for its length field.
    public static let unencodableValue = DICOMError.Code("unencodableValue")
    /// No space is left on the device, or the quota is used up.
    public static let storageFull = DICOMError.Code("storageFull")
}
