public import DICOMCore
public import NIOCore

extension PDU {
    /// Appends the encoded PDU (PS3.8 9.3).
    ///
    /// - Throws: ``DICOMError`` with `invalidNegotiation` when something in it is too long for its 16-bit length field.
    public func write(into buffer: inout ByteBuffer) throws(DICOMError) {
        switch self {
        case .associateRequest(let request): try request.write(into: &buffer)
        case .associateAccept(let accept): try accept.write(into: &buffer)
        case .associateReject(let reject):
            buffer.writeShortPDU(.associateReject, 0, reject.result, reject.source, reject.reason)
        case .releaseRequest: buffer.writeShortPDU(.releaseRequest, 0, 0, 0, 0)
        case .releaseReply: buffer.writeShortPDU(.releaseReply, 0, 0, 0, 0)
        case .abort(let abort): buffer.writeShortPDU(.abort, 0, 0, abort.source, abort.reason.rawValue)
        }
    }
}

/// Types of items and sub-items (PS3.8 9.3.2, PS3.7 D.3.3).
enum ItemType {
    static let applicationContext: UInt8 = 0x10
    static let proposedContext: UInt8 = 0x20
    static let answeredContext: UInt8 = 0x21
    static let abstractSyntax: UInt8 = 0x30
    static let transferSyntax: UInt8 = 0x40
    static let userInformation: UInt8 = 0x50
    static let maximumLength: UInt8 = 0x51
    static let implementationClassUID: UInt8 = 0x52
    static let asynchronousOperations: UInt8 = 0x53
    static let roleSelection: UInt8 = 0x54
    static let implementationVersionName: UInt8 = 0x55
    static let extendedNegotiation: UInt8 = 0x56
    static let commonExtendedNegotiation: UInt8 = 0x57
    static let userIdentity: UInt8 = 0x58
    static let userIdentityResponse: UInt8 = 0x59
}

extension AssociateRequest {
    fileprivate func write(into buffer: inout ByteBuffer) throws(DICOMError) {
        try buffer.writePDU(.associateRequest) { (body) throws(DICOMError) in
            body.writeAssociateStart(protocolVersion, calledAETitle, callingAETitle)
            try body.writeItem(ItemType.applicationContext, applicationContext)
            for context in presentationContexts {
                try body.writeItem(ItemType.proposedContext) { (item) throws(DICOMError) in
                    item.append([context.id, 0, 0, 0])
                    try item.writeItem(ItemType.abstractSyntax, context.abstractSyntax)
                    for syntax in context.transferSyntaxes { try item.writeItem(ItemType.transferSyntax, syntax) }
                }
            }
            try userInformation.write(into: &body)
        }
    }
}

extension AssociateAccept {
    fileprivate func write(into buffer: inout ByteBuffer) throws(DICOMError) {
        try buffer.writePDU(.associateAccept) { (body) throws(DICOMError) in
            body.writeAssociateStart(protocolVersion, calledAETitle, callingAETitle)
            try body.writeItem(ItemType.applicationContext, applicationContext)
            for context in presentationContexts {
                try body.writeItem(ItemType.answeredContext) { (item) throws(DICOMError) in
                    item.append([context.id, 0, context.result.rawValue, 0])
                    try item.writeItem(ItemType.transferSyntax, context.transferSyntax)
                }
            }
            try userInformation.write(into: &body)
        }
    }
}

extension UserInformation {
    fileprivate func write(into buffer: inout ByteBuffer) throws(DICOMError) {
        try buffer.writeItem(ItemType.userInformation) { (item) throws(DICOMError) in
            try item.writeItem(ItemType.maximumLength) { _ = $0.writeInteger(maximumPDULength) }
            if let implementationClassUID {
                try item.writeItem(ItemType.implementationClassUID, implementationClassUID)
            }
            if let window = asynchronousOperations {
                try item.writeItem(ItemType.asynchronousOperations) {
                    _ = $0.writeMultipleIntegers(window.maximumInvoked, window.maximumPerformed)
                }
            }
            for role in roleSelections {
                try item.writeItem(ItemType.roleSelection) { (item) throws(DICOMError) in
                    try item.writeCounted(role.sopClassUID.string.utf8)
                    item.append([role.isSCU ? 1 : 0, role.isSCP ? 1 : 0])
                }
            }
            if let name = implementationVersionName {
                try item.writeItem(ItemType.implementationVersionName) { $0.append(singleBytes(name[...])) }
            }
            try writeExtendedNegotiations(into: &item)
            try writeIdentity(into: &item)
        }
    }

    private func writeExtendedNegotiations(into buffer: inout ByteBuffer) throws(DICOMError) {
        for negotiation in extendedNegotiations {
            try buffer.writeItem(ItemType.extendedNegotiation) { (item) throws(DICOMError) in
                try item.writeCounted(negotiation.sopClassUID.string.utf8)
                item.append(negotiation.information)
            }
        }
        for negotiation in commonExtendedNegotiations {
            try buffer.writeItem(ItemType.commonExtendedNegotiation) { (item) throws(DICOMError) in
                try item.writeCounted(negotiation.sopClassUID.string.utf8)
                try item.writeCounted(negotiation.serviceClassUID.string.utf8)
                try item.writeCounted { (list) throws(DICOMError) in
                    for uid in negotiation.relatedGeneralSOPClassUIDs { try list.writeCounted(uid.string.utf8) }
                }
            }
        }
    }

    private func writeIdentity(into buffer: inout ByteBuffer) throws(DICOMError) {
        if let identity = userIdentity {
            try buffer.writeItem(ItemType.userIdentity) { (item) throws(DICOMError) in
                item.append([identity.type, identity.isResponseRequested ? 1 : 0])
                try item.writeCounted(identity.primaryField)
                try item.writeCounted(identity.secondaryField)
            }
        }
        if let response = userIdentityResponse {
            try buffer.writeItem(ItemType.userIdentityResponse) { (item) throws(DICOMError) in
                try item.writeCounted(response)
            }
        }
    }
}

// MARK: - Parts

extension ByteBuffer {
    /// `writeBytes` without its result, so that closures of one expression return nothing.
    fileprivate mutating func append(_ bytes: some Sequence<UInt8>) { writeBytes(bytes) }

    fileprivate mutating func writeShortPDU(
        _ type: PDUType, _ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8
    ) {
        writeMultipleIntegers(type.rawValue, UInt8(0), UInt32(4), first, second, third, fourth)
    }

    fileprivate mutating func writePDU(
        _ type: PDUType, _ body: (inout ByteBuffer) throws(DICOMError) -> Void
    ) throws(DICOMError) {
        writeMultipleIntegers(type.rawValue, UInt8(0), UInt32(0))
        let start = writerIndex
        try body(&self)
        setInteger(UInt32(clamping: writerIndex - start), at: start - 4)
    }

    /// What an A-ASSOCIATE-RQ and -AC begin with: version, titles, reserved bytes (PS3.8 Table 9-11).
    fileprivate mutating func writeAssociateStart(_ version: UInt16, _ called: String, _ calling: String) {
        writeMultipleIntegers(version, UInt16(0))
        writePaddedAETitle(called)
        writePaddedAETitle(calling)
        writeRepeatingByte(0, count: 32)
    }

    private mutating func writePaddedAETitle(_ title: String) {
        let bytes = singleBytes(Substring(title.unicodeScalars.prefix(16)))
        append(bytes)
        writeRepeatingByte(0x20, count: 16 - bytes.count)
    }

    fileprivate mutating func writeItem(_ type: UInt8, _ uid: UID) throws(DICOMError) {
        try writeItem(type) { $0.append(uid.string.utf8) }
    }

    /// An item: type, reserved byte, 16-bit length, content.
    fileprivate mutating func writeItem(
        _ type: UInt8, _ content: (inout ByteBuffer) throws(DICOMError) -> Void
    ) throws(DICOMError) {
        writeMultipleIntegers(type, UInt8(0))
        try writeCounted(content)
    }

    fileprivate mutating func writeCounted(_ bytes: some Collection<UInt8>) throws(DICOMError) {
        try writeCounted { $0.append(bytes) }
    }

    /// A 16-bit length, and the content that it counts.
    fileprivate mutating func writeCounted(
        _ content: (inout ByteBuffer) throws(DICOMError) -> Void
    ) throws(DICOMError) {
        writeInteger(UInt16(0))
        let start = writerIndex
        try content(&self)
        guard let length = UInt16(exactly: writerIndex - start) else {
            throw DICOMError(
                .invalidNegotiation,
                "An item of \(writerIndex - start) bytes does not fit into an association request, whose items have at most 65535: propose less at a time."
            )
        }
        setInteger(length, at: start - 2)
    }
}

/// One byte for each character, as text is decoded; what does not fit into a byte becomes a question mark.
private func singleBytes(_ text: Substring) -> [UInt8] {
    text.unicodeScalars.map { UInt8(exactly: $0.value) ?? UInt8(ascii: "?") }
}
