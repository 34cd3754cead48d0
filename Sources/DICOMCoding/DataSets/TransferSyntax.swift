public import DICOMCore
import DICOMDictionary

/// How a data set is encoded (PS3.5 chapter 10).
public struct TransferSyntax: Hashable, Sendable, CustomStringConvertible {
    /// Its UID (PS3.6 annex A).
    public let uid: UID
    /// Whether elements carry their VR (PS3.5 7.1.2).
    public let isExplicitVR: Bool
    /// Whether the lowest byte of a number comes first (PS3.5 7.3).
    public let isLittleEndian: Bool
    /// Whether everything after the file meta group is deflated (PS3.5 A.5).
    public let isDeflated: Bool
    /// Whether Pixel Data is a sequence of fragments (PS3.5 A.4) instead of native samples.
    public let isEncapsulated: Bool
    /// Whether native pixel data are big endian in a data set that is not (GE's private transfer syntax).
    package let hasBigEndianPixelData: Bool

    /// The transfer syntax with this UID. One that the standard does not list is taken for encapsulated explicit VR
    /// little endian, as PS3.5 A.4 asks of all but the few named ones.
    public init(uid: UID) {
        self.uid = uid
        let rules = Self.rules[uid.string] ?? .encapsulated
        isExplicitVR = rules != .implicit && rules != .implicitWithBigEndianPixels
        isLittleEndian = rules != .bigEndian
        isDeflated = rules == .deflated
        isEncapsulated = rules == .encapsulated
        hasBigEndianPixelData = rules == .implicitWithBigEndianPixels
    }

    /// The transfer syntax with this UID, or this keyword or name of PS3.6: `1.2.840.10008.1.2.2`,
    /// `ExplicitVRBigEndian`, `Explicit VR Big Endian`. `nil` where PS3.6 has no such name.
    public init?(named name: String) {
        if let first = name.utf8.first, (0x30...0x39).contains(first) {
            let uid = UID(name)
            guard uid.isValid else { return nil }
            self.init(uid: uid)
        } else {
            guard let uid = DICOMDictionary.uid(forKeyword: name) ?? DICOMDictionary.uid(forName: name),
                DICOMDictionary.isTransferSyntax(uid)
            else { return nil }
            self.init(uid: uid)
        }
    }

    /// 1.2.840.10008.1.2, which every peer has to accept (PS3.5 10.1).
    public static let implicitVRLittleEndian = TransferSyntax(uid: .implicitVRLittleEndian)
    /// 1.2.840.10008.1.2.1
    public static let explicitVRLittleEndian = TransferSyntax(uid: .explicitVRLittleEndian)
    /// 1.2.840.10008.1.2.2, retired.
    public static let explicitVRBigEndian = TransferSyntax(uid: .explicitVRBigEndian)
    /// 1.2.840.10008.1.2.1.99
    public static let deflatedExplicitVRLittleEndian = TransferSyntax(uid: .deflatedExplicitVRLittleEndian)

    public var description: String { DICOMDictionary.name(of: uid) ?? uid.string }

    public static func == (lhs: TransferSyntax, rhs: TransferSyntax) -> Bool { lhs.uid == rhs.uid }
    public func hash(into hasher: inout Hasher) { hasher.combine(uid) }

    private enum Rules { case implicit, implicitWithBigEndianPixels, explicit, bigEndian, deflated, encapsulated }

    /// All that are not encapsulated explicit VR little endian.
    private static let rules: [String: Rules] = [
        "1.2.840.10008.1.2": .implicit,
        "1.2.840.10008.1.2.1": .explicit,
        "1.2.840.10008.1.2.1.99": .deflated,
        "1.2.840.10008.1.2.2": .bigEndian,
        // JPIP: pixels are elsewhere; with deflate as in PS3.5 A.7.
        "1.2.840.10008.1.2.4.94": .explicit,
        "1.2.840.10008.1.2.4.95": .deflated,
        "1.2.840.10008.1.2.4.204": .explicit,
        "1.2.840.10008.1.2.4.205": .deflated,
        // Papyrus 3, retired.
        "1.2.840.10008.1.20": .implicit,
        // GE: implicit VR little endian but for the pixel data.
        "1.2.840.113619.5.2": .implicitWithBigEndianPixels,
    ]
}

extension DICOMError.Code {
    /// The bytes are not a data set, or not a Part 10 file.
    public static let malformedDataSet = DICOMError.Code("malformedDataSet")
    /// The bytes end within an element.
    public static let truncatedDataSet = DICOMError.Code("truncatedDataSet")
    /// The file has no DICM prefix (PS3.10 7.1), and is no bare data set either.
    public static let notPart10 = DICOMError.Code("notPart10")
    /// The transfer syntax cannot be read or written here.
    public static let unsupportedTransferSyntax = DICOMError.Code("unsupportedTransferSyntax")
    /// A value cannot be encoded in the transfer syntax, such as one that is too long for its length field.
    public static let unencodableValue = DICOMError.Code("unencodableValue")
    /// No space is left on the device, or the quota is used up.
    public static let storageFull = DICOMError.Code("storageFull")
    /// Deflated data inflate to more than ``ParsingOptions/inflationLimit``.
    public static let inflationLimit = DICOMError.Code("inflationLimit")
    /// What was read departs from the standard; a reader can do without it, a strict one does not.
    public static let toleratedDeparture = DICOMError.Code("toleratedDeparture")
}
