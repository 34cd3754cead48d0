import DICOMCoding
public import DICOMCore
import DICOMDictionary

/// A DIMSE message's command set: the elements of group 0000 (PS3.7 chapter 6.3, annex E).
///
/// The usual fields have properties; all others are read and set in ``dataSet``.
public struct DIMSECommand: Sendable, Equatable {
    /// Command Field (0000,0100).
    public struct Field: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        public static let cStoreRequest = Field(rawValue: 0x0001)
        public static let cStoreResponse = Field(rawValue: 0x8001)
        public static let cGetRequest = Field(rawValue: 0x0010)
        public static let cGetResponse = Field(rawValue: 0x8010)
        public static let cFindRequest = Field(rawValue: 0x0020)
        public static let cFindResponse = Field(rawValue: 0x8020)
        public static let cMoveRequest = Field(rawValue: 0x0021)
        public static let cMoveResponse = Field(rawValue: 0x8021)
        public static let cEchoRequest = Field(rawValue: 0x0030)
        public static let cEchoResponse = Field(rawValue: 0x8030)
        public static let cCancelRequest = Field(rawValue: 0x0FFF)
        public static let nEventReportRequest = Field(rawValue: 0x0100)
        public static let nEventReportResponse = Field(rawValue: 0x8100)
        public static let nGetRequest = Field(rawValue: 0x0110)
        public static let nGetResponse = Field(rawValue: 0x8110)
        public static let nSetRequest = Field(rawValue: 0x0120)
        public static let nSetResponse = Field(rawValue: 0x8120)
        public static let nActionRequest = Field(rawValue: 0x0130)
        public static let nActionResponse = Field(rawValue: 0x8130)
        public static let nCreateRequest = Field(rawValue: 0x0140)
        public static let nCreateResponse = Field(rawValue: 0x8140)
        public static let nDeleteRequest = Field(rawValue: 0x0150)
        public static let nDeleteResponse = Field(rawValue: 0x8150)

        /// Whether it answers a request (PS3.7 E.1: the highest bit).
        public var isResponse: Bool { rawValue & 0x8000 != 0 }
        /// The field of the response to this request.
        public var response: Field { Field(rawValue: rawValue | 0x8000) }
        /// Such as `C-STORE-RQ`.
        public var description: String {
            if self == .cCancelRequest { return "C-CANCEL-RQ" }
            let name =
                switch rawValue & 0x7FFF {
                case 0x0001: "C-STORE"
                case 0x0010: "C-GET"
                case 0x0020: "C-FIND"
                case 0x0021: "C-MOVE"
                case 0x0030: "C-ECHO"
                case 0x0100: "N-EVENT-REPORT"
                case 0x0110: "N-GET"
                case 0x0120: "N-SET"
                case 0x0130: "N-ACTION"
                case 0x0140: "N-CREATE"
                case 0x0150: "N-DELETE"
                default: "command \(String(rawValue, radix: 16, uppercase: true))H"
                }
            return "\(name)-\(isResponse ? "RSP" : "RQ")"
        }
    }

    /// Priority (0000,0700).
    public enum Priority: Int, Sendable {
        case medium = 0
        case high = 1
        case low = 2
    }

    /// Command Data Set Type (0000,0800) of a message without a data set (PS3.7 E.1).
    static let noDataSet: UInt16 = 0x0101

    /// The elements, without Command Group Length, which is computed when it is encoded.
    public var dataSet: DataSet
    public let field: Field
    /// Whether a data set follows.
    public let hasDataSet: Bool

    public init(_ field: Field, hasDataSet: Bool) {
        dataSet = DataSet()
        self.field = field
        self.hasDataSet = hasDataSet
        dataSet[.commandField] = Int(field.rawValue)
        // Any other value than 0101H says that there is a data set.
        dataSet[.commandDataSetType] = hasDataSet ? 0x0001 : Int(Self.noDataSet)
    }

    /// Decodes a command set that was received.
    ///
    /// - Throws: ``DICOMError`` with `protocolViolation` when it is no data set, or lacks what every command has.
    public init(parsing bytes: [UInt8]) throws(DICOMError) {
        do {
            dataSet = try DataSet(parsing: bytes, transferSyntax: .implicitVRLittleEndian)
        } catch {
            throw DICOMError(.protocolViolation, "A command cannot be decoded.", underlying: error)
        }
        guard dataSet.allSatisfy({ $0.tag.group == 0 }) else {
            throw DICOMError(.protocolViolation, "A command has elements outside of group 0000.")
        }
        guard let field = dataSet[.commandField].flatMap(UInt16.init(exactly:)),
            let dataSetType = dataSet[.commandDataSetType]
        else { throw DICOMError(.protocolViolation, "A command lacks Command Field or Command Data Set Type.") }
        self.field = Field(rawValue: field)
        hasDataSet = dataSetType != Int(Self.noDataSet)
        dataSet.remove(Attribute<Int>.commandGroupLength.tag)
        if !self.field.isResponse, self.field != .cCancelRequest, messageID == nil {
            throw DICOMError(.protocolViolation, "A request lacks its Message ID.")
        }
        if self.field.isResponse, messageIDBeingRespondedTo == nil || status == nil {
            throw DICOMError(.protocolViolation, "A response lacks the message ID it belongs to, or its status.")
        }
    }

    /// The command set as it is sent: implicit VR little endian, with Command Group Length (PS3.7 6.3.1).
    public func encoded() throws(DICOMError) -> [UInt8] {
        let elements = try dataSet.encoded(as: .implicitVRLittleEndian)
        guard let length = UInt32(exactly: elements.count) else {
            throw DICOMError(.unencodableValue, "A command of \(elements.count) bytes is too long.")
        }
        // (0000,0000) UL, 4 bytes: the length of what follows.
        var bytes: [UInt8] = [0, 0, 0, 0, 4, 0, 0, 0]
        for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: length >> UInt32(shift))) }
        return bytes + elements
    }
}

// MARK: - Fields

extension DIMSECommand {
    /// Message ID (0000,0110), of a request.
    public var messageID: UInt16? {
        get { dataSet[.messageID].flatMap(UInt16.init(exactly:)) }
        set { dataSet[.messageID] = newValue.map(Int.init) }
    }

    /// Message ID Being Responded To (0000,0120), of a response.
    public var messageIDBeingRespondedTo: UInt16? {
        get { dataSet[.messageIDBeingRespondedTo].flatMap(UInt16.init(exactly:)) }
        set { dataSet[.messageIDBeingRespondedTo] = newValue.map(Int.init) }
    }

    /// Affected SOP Class UID (0000,0002).
    public var affectedSOPClassUID: UID? {
        get { dataSet[.affectedSOPClassUID] }
        set { dataSet[.affectedSOPClassUID] = newValue }
    }

    /// Affected SOP Instance UID (0000,1000).
    public var affectedSOPInstanceUID: UID? {
        get { dataSet[.affectedSOPInstanceUID] }
        set { dataSet[.affectedSOPInstanceUID] = newValue }
    }

    /// Status (0000,0900), of a response.
    public var status: DIMSEStatus? {
        get { dataSet[.status].flatMap(UInt16.init(exactly:)).map(DIMSEStatus.init) }
        set { dataSet[.status] = newValue.map { Int($0.rawValue) } }
    }

    /// Priority (0000,0700), of a request; medium when absent or unknown.
    public var priority: Priority {
        get { dataSet[.priority].flatMap(Priority.init) ?? .medium }
        set { dataSet[.priority] = newValue.rawValue }
    }

    /// Error Comment (0000,0902). When set, it is cut to 64 characters of ASCII, as its VR asks (PS3.7 C).
    public var errorComment: String? {
        get { dataSet[.errorComment] }
        set { dataSet[.errorComment] = newValue.map(Self.comment) }
    }

    /// Offending Element (0000,0901).
    public var offendingElements: [DICOMTag] {
        get { dataSet[.offendingElement] ?? [] }
        set { dataSet[.offendingElement] = newValue.isEmpty ? nil : newValue }
    }

    static func comment(_ text: String) -> String {
        String(
            decoding: text.unicodeScalars.prefix(64).map { scalar in
                (0x20...0x7E).contains(scalar.value) && scalar != "\\"
                    ? UInt8(truncatingIfNeeded: scalar.value) : UInt8(ascii: "?")
            }, as: UTF8.self)
    }
}
