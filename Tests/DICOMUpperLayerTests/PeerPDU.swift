import DICOMCore
import DICOMUpperLayer

/// The fields of a PDU in the form in which `Tests/Peers/pynetdicom_pdus.py` prints and takes them; bytes are hexadecimal
/// text.
struct PeerPDU: Codable, Equatable {
    struct Context: Codable, Equatable {
        var id: UInt8
        var abstractSyntax: String?
        var result: UInt8?
        var transferSyntaxes: [String]
    }

    struct Role: Codable, Equatable {
        var uid: String
        var isSCU: Bool
        var isSCP: Bool
    }

    struct Extended: Codable, Equatable {
        var uid: String
        var information: String
    }

    struct CommonExtended: Codable, Equatable {
        var uid: String
        var serviceClass: String
        var related: [String]
    }

    struct Identity: Codable, Equatable {
        var type: UInt8
        var isResponseRequested: Bool
        var primary: String
        var secondary: String
    }

    struct Value: Codable, Equatable {
        var contextID: UInt8
        var control: UInt8
        var bytes: String
    }

    var type: UInt8
    // Of a request or an acceptance.
    var version: UInt16?
    var called: String?
    var calling: String?
    var applicationContext: String?
    var contexts: [Context]?
    var maximumLength: UInt32?
    var implementationClassUID: String?
    var implementationVersionName: String?
    var asynchronousOperations: [UInt16]?
    var roles: [Role]?
    var extended: [Extended]?
    var commonExtended: [CommonExtended]?
    var identity: Identity?
    var identityResponse: String?
    // Of a rejection or an abort.
    var result: UInt8?
    var source: UInt8?
    var reason: UInt8?
    // Of P-DATA.
    var values: [Value]?

    init(_ pdu: PDU) {
        switch pdu {
        case .associateRequest(let request):
            type = 1
            version = request.protocolVersion
            called = request.calledAETitle
            calling = request.callingAETitle
            applicationContext = request.applicationContext.string
            contexts = request.presentationContexts.map { context in
                Context(
                    id: context.id, abstractSyntax: context.abstractSyntax.string,
                    transferSyntaxes: context.transferSyntaxes.map(\.string))
            }
            take(request.userInformation)
        case .associateAccept(let accept):
            type = 2
            version = accept.protocolVersion
            called = accept.calledAETitle
            calling = accept.callingAETitle
            applicationContext = accept.applicationContext.string
            contexts = accept.presentationContexts.map { context in
                Context(
                    id: context.id, result: context.result.rawValue, transferSyntaxes: [context.transferSyntax.string])
            }
            take(accept.userInformation)
        case .associateReject(let reject):
            type = 3
            result = reject.result
            source = reject.source
            reason = reject.reason
        case .releaseRequest: type = 5
        case .releaseReply: type = 6
        case .abort(let abort):
            type = 7
            source = abort.source
            reason = abort.reason.rawValue
        }
    }

    /// P-DATA-TF.
    init(values: [Value]) {
        type = 4
        self.values = values
    }

    private mutating func take(_ information: UserInformation) {
        maximumLength = information.maximumPDULength
        implementationClassUID = information.implementationClassUID?.string
        implementationVersionName = information.implementationVersionName
        asynchronousOperations = information.asynchronousOperations.map { [$0.maximumInvoked, $0.maximumPerformed] }
        roles = information.roleSelections.map { Role(uid: $0.sopClassUID.string, isSCU: $0.isSCU, isSCP: $0.isSCP) }
        extended = information.extendedNegotiations.map {
            Extended(uid: $0.sopClassUID.string, information: hexadecimal($0.information))
        }
        commonExtended = information.commonExtendedNegotiations.map {
            CommonExtended(
                uid: $0.sopClassUID.string, serviceClass: $0.serviceClassUID.string,
                related: $0.relatedGeneralSOPClassUIDs.map(\.string))
        }
        identity = information.userIdentity.map {
            Identity(
                type: $0.type, isResponseRequested: $0.isResponseRequested, primary: hexadecimal($0.primaryField),
                secondary: hexadecimal($0.secondaryField))
        }
        identityResponse = information.userIdentityResponse.map(hexadecimal)
    }
}

/// Two lower-case digits for each byte.
func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
