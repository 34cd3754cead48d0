import DICOMCore
import NIOCore

extension PDU {
    /// Decodes a control PDU from what follows its 6-byte header.
    ///
    /// Reserved fields are not looked at and items of unknown types are skipped (PS3.8 9.3.1); lengths have to fit.
    /// - Throws: ``DICOMError`` with `invalidPDU`.
    init(_ type: PDUType, body: ByteBuffer) throws(DICOMError) {
        var body = body
        switch type {
        case .associateRequest: self = .associateRequest(try AssociateRequest(&body))
        case .associateAccept: self = .associateAccept(try AssociateAccept(&body))
        case .associateReject:
            let bytes = try body.shortPDU("A-ASSOCIATE-RJ")
            self = .associateReject(AssociateReject(result: bytes.1, source: bytes.2, reason: bytes.3))
        case .releaseRequest:
            _ = try body.shortPDU("A-RELEASE-RQ")
            self = .releaseRequest
        case .releaseReply:
            _ = try body.shortPDU("A-RELEASE-RP")
            self = .releaseReply
        case .abort:
            let bytes = try body.shortPDU("A-ABORT")
            self = .abort(Abort(source: bytes.2, reason: Abort.Reason(rawValue: bytes.3)))
        case .data: throw invalidPDU("P-DATA-TF is not a control PDU.")
        }
    }
}

func invalidPDU(_ message: String, file: StaticString = #fileID, line: UInt = #line) -> DICOMError {
    DICOMError(.invalidPDU, message, file: file, line: line)
}

extension AssociateRequest {
    fileprivate init(_ body: inout ByteBuffer) throws(DICOMError) {
        let start = try body.associateStart()
        self.init(
            calledAETitle: start.called, callingAETitle: start.calling, presentationContexts: [],
            userInformation: UserInformation())
        protocolVersion = start.version
        // Absent: none that is supported, which the acceptor rejects as the standard says.
        applicationContext = UID("")
        while let (type, item) = try body.item() {
            var item = item
            switch type {
            case ItemType.applicationContext: applicationContext = item.uid()
            case ItemType.proposedContext: presentationContexts.append(try ProposedContext(&item))
            case ItemType.userInformation: userInformation = try UserInformation(&item)
            default: break
            }
        }
    }
}

extension AssociateAccept {
    fileprivate init(_ body: inout ByteBuffer) throws(DICOMError) {
        let start = try body.associateStart()
        self.init(
            calledAETitle: start.called, callingAETitle: start.calling, presentationContexts: [],
            userInformation: UserInformation())
        protocolVersion = start.version
        applicationContext = UID("")
        while let (type, item) = try body.item() {
            var item = item
            switch type {
            case ItemType.applicationContext: applicationContext = item.uid()
            case ItemType.answeredContext: presentationContexts.append(try AnsweredContext(&item))
            case ItemType.userInformation: userInformation = try UserInformation(&item)
            default: break
            }
        }
    }
}

extension ProposedContext {
    fileprivate init(_ item: inout ByteBuffer) throws(DICOMError) {
        guard let (id, _, _, _) = item.readMultipleIntegers(as: (UInt8, UInt8, UInt8, UInt8).self) else {
            throw invalidPDU("A presentation context item is shorter than 4 bytes.")
        }
        self.init(id: id, abstractSyntax: UID(""), transferSyntaxes: [])
        while let (type, subItem) = try item.item() {
            switch type {
            case ItemType.abstractSyntax: abstractSyntax = subItem.uid()
            case ItemType.transferSyntax: transferSyntaxes.append(subItem.uid())
            default: break
            }
        }
    }
}

extension AnsweredContext {
    fileprivate init(_ item: inout ByteBuffer) throws(DICOMError) {
        guard let (id, _, result, _) = item.readMultipleIntegers(as: (UInt8, UInt8, UInt8, UInt8).self) else {
            throw invalidPDU("A presentation context item is shorter than 4 bytes.")
        }
        self.init(id: id, result: Result(rawValue: result), transferSyntax: UID(""))
        // A refused context may have no transfer syntax, or one of length 0.
        while let (type, subItem) = try item.item() {
            if type == ItemType.transferSyntax { transferSyntax = subItem.uid() }
        }
    }
}

extension UserInformation {
    fileprivate init(_ item: inout ByteBuffer) throws(DICOMError) {
        self.init()
        while let (type, subItem) = try item.item() {
            var subItem = subItem
            switch type {
            case ItemType.maximumLength:
                maximumPDULength = try subItem.integer(UInt32.self, "Maximum Length")
            case ItemType.implementationClassUID: implementationClassUID = subItem.uid()
            case ItemType.asynchronousOperations:
                asynchronousOperations = AsynchronousOperations(
                    maximumInvoked: try subItem.integer(UInt16.self, "Asynchronous Operations Window"),
                    maximumPerformed: try subItem.integer(UInt16.self, "Asynchronous Operations Window"))
            case ItemType.roleSelection: roleSelections.append(try RoleSelection(&subItem))
            case ItemType.implementationVersionName: implementationVersionName = printable(subItem.readableBytesView)
            case ItemType.extendedNegotiation:
                let uid = try subItem.counted("SOP Class Extended Negotiation").uid()
                extendedNegotiations.append(
                    ExtendedNegotiation(sopClassUID: uid, information: Array(subItem.readableBytesView)))
            case ItemType.commonExtendedNegotiation:
                commonExtendedNegotiations.append(try CommonExtendedNegotiation(&subItem))
            case ItemType.userIdentity: userIdentity = try UserIdentity(&subItem)
            case ItemType.userIdentityResponse:
                userIdentityResponse = Array(try subItem.counted("User Identity").readableBytesView)
            default: break
            }
        }
    }
}

extension RoleSelection {
    fileprivate init(_ item: inout ByteBuffer) throws(DICOMError) {
        let uid = try item.counted("SCP/SCU Role Selection").uid()
        let isSCU = try item.integer(UInt8.self, "SCP/SCU Role Selection") == 1
        let isSCP = try item.integer(UInt8.self, "SCP/SCU Role Selection") == 1
        self.init(sopClassUID: uid, isSCU: isSCU, isSCP: isSCP)
    }
}

extension CommonExtendedNegotiation {
    fileprivate init(_ item: inout ByteBuffer) throws(DICOMError) {
        let name = "SOP Class Common Extended Negotiation"
        let sopClass = try item.counted(name).uid()
        let serviceClass = try item.counted(name).uid()
        self.init(sopClassUID: sopClass, serviceClassUID: serviceClass)
        // The list is absent in requests of old implementations. What follows it is reserved.
        guard item.readableBytes > 0 else { return }
        var list = try item.counted(name)
        while list.readableBytes > 0 { relatedGeneralSOPClassUIDs.append(try list.counted(name).uid()) }
    }
}

extension UserIdentity {
    fileprivate init(_ item: inout ByteBuffer) throws(DICOMError) {
        let type = try item.integer(UInt8.self, "User Identity")
        let isResponseRequested = try item.integer(UInt8.self, "User Identity") == 1
        let primary = try item.counted("User Identity")
        let secondary = try item.counted("User Identity")
        self.init(
            type: type, isResponseRequested: isResponseRequested, primaryField: Array(primary.readableBytesView),
            secondaryField: Array(secondary.readableBytesView))
    }
}

// MARK: - Parts

extension ByteBuffer {
    fileprivate mutating func shortPDU(_ name: String) throws(DICOMError) -> (UInt8, UInt8, UInt8, UInt8) {
        guard readableBytes == 4, let bytes = readMultipleIntegers(as: (UInt8, UInt8, UInt8, UInt8).self) else {
            throw invalidPDU("\(name) has \(readableBytes) bytes after its length, not 4.")
        }
        return bytes
    }

    /// Version and titles; the 32 reserved bytes after them are skipped (PS3.8 Table 9-11).
    fileprivate mutating func associateStart() throws(DICOMError) -> (version: UInt16, called: String, calling: String)
    {
        guard var fixed = readSlice(length: 68), let version = fixed.readInteger(as: UInt16.self),
            let called = fixed.getSlice(at: fixed.readerIndex + 2, length: 16),
            let calling = fixed.getSlice(at: fixed.readerIndex + 18, length: 16)
        else { throw invalidPDU("An A-ASSOCIATE PDU of \(readableBytes) bytes is shorter than its fixed part of 68.") }
        return (version, printable(called.readableBytesView), printable(calling.readableBytesView))
    }

    /// The next item; `nil` at the end.
    fileprivate mutating func item() throws(DICOMError) -> (type: UInt8, content: ByteBuffer)? {
        guard readableBytes > 0 else { return nil }
        guard let (type, _, length) = readMultipleIntegers(as: (UInt8, UInt8, UInt16).self) else {
            throw invalidPDU("\(readableBytes) bytes are left where an item of 4 or more should be.")
        }
        guard let content = readSlice(length: Int(length)) else {
            throw invalidPDU("Item \(String(type, radix: 16))H of \(length) bytes is longer than what it stands in.")
        }
        return (type, content)
    }

    /// A 16-bit length and so many bytes.
    fileprivate mutating func counted(_ name: String) throws(DICOMError) -> ByteBuffer {
        guard let length = readInteger(as: UInt16.self), let content = readSlice(length: Int(length)) else {
            throw invalidPDU("A field of the \(name) item is longer than the item.")
        }
        return content
    }

    fileprivate mutating func integer<Number: FixedWidthInteger>(
        _ type: Number.Type, _ name: String
    ) throws(DICOMError) -> Number {
        guard let number = readInteger(as: type) else { throw invalidPDU("The \(name) item is too short.") }
        return number
    }

    /// A UID without padding. Other bytes than ASCII become question marks, so that it can be encoded in as many bytes and
    /// stand in a log line.
    fileprivate func uid() -> UID {
        let bytes = trimmingSpaces(readableBytesView).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
        return UID(String(decoding: bytes, as: UTF8.self))
    }
}

/// A peer's text without padding. Each byte is one character, and a control character becomes a question mark, so that
/// the text can stand in a log line.
private func printable(_ bytes: ByteBufferView) -> String {
    var text = ""
    for byte in trimmingSpaces(bytes) {
        let isControl = byte < 0x20 || (0x7F...0x9F).contains(byte)
        text.unicodeScalars.append(isControl ? "?" : Unicode.Scalar(byte))
    }
    return text
}
