import DICOMCore
import DICOMDictionary
import DICOMUpperLayer
import Logging
import NIOCore
import Synchronization

/// Writes what goes over an association, PDU by PDU, for support: names, lengths and statuses, no patient data and no
/// instance UIDs.
///
/// Data sets are told by their length only, and user identities by their type.
final class PDUTrace: Sendable {
    private let logger: Logger
    private let received = Atomic<Int>(0)

    init(_ logger: Logger, peer: String) {
        var logger = logger
        logger[metadataKey: "peer"] = "\(peer)"
        logger.logLevel = .trace
        self.logger = logger
    }

    func sent(_ pdu: PDU) { log("sent", pdu.traceText) }
    func received(_ pdu: PDU) { log("received", pdu.traceText) }

    /// P-DATA-TF PDUs that are sent; a command stands at their begin when the first value is one.
    func sent(_ pdus: ByteBuffer) {
        var text = "P-DATA-TF, \(pdus.readableBytes) bytes"
        var buffer = pdus
        if let (_, _, _, length, context, control) = buffer.readMultipleIntegers(
            as: (UInt8, UInt8, UInt32, UInt32, UInt8, UInt8).self), control & 1 == 1, length >= 2,
            let bytes = buffer.readBytes(length: min(Int(length) - 2, buffer.readableBytes)),
            let command = try? DIMSECommand(parsing: bytes)
        {
            text += ", context \(context): \(command.traceText)"
        }
        log("sent", text)
    }

    func received(_ command: DIMSECommand, contextID: UInt8) {
        received.store(0, ordering: .relaxed)
        log("received", "context \(contextID): \(command.traceText)")
    }

    func received(bytes: Int) { received.wrappingAdd(bytes, ordering: .relaxed) }
    func receivedDataSet() { log("received", "a data set of \(received.load(ordering: .relaxed)) bytes") }

    private func log(_ direction: String, _ text: String) { logger.trace("\(direction) \(text)") }
}

extension PDU {
    fileprivate var traceText: String {
        switch self {
        case .associateRequest(let request):
            "A-ASSOCIATE-RQ from \(request.callingAETitle) to \(request.calledAETitle), \(request.userInformation.traceText)"
                + request.presentationContexts.map { context in
                    "; context \(context.id): \(name(context.abstractSyntax)) in "
                        + context.transferSyntaxes.map(name).joined(separator: ", ")
                }.joined()
        case .associateAccept(let accept):
            "A-ASSOCIATE-AC, \(accept.userInformation.traceText)"
                + accept.presentationContexts.map { context in
                    "; context \(context.id): \(context.result)"
                        + (context.result == .acceptance ? " in \(name(context.transferSyntax))" : "")
                }.joined()
        case .associateReject(let reject): "A-ASSOCIATE-RJ: \(reject)"
        case .releaseRequest: "A-RELEASE-RQ"
        case .releaseReply: "A-RELEASE-RP"
        case .abort(let abort): "A-ABORT: \(abort)"
        }
    }
}

private func name(_ uid: UID) -> String { DICOMDictionary.name(of: uid) ?? uid.string }

extension UserInformation {
    fileprivate var traceText: String {
        var text = "maximum length \(maximumPDULength), implementation \(implementationVersionName ?? "unnamed")"
        if let asynchronousOperations {
            text +=
                ", operations \(asynchronousOperations.maximumInvoked)/\(asynchronousOperations.maximumPerformed)"
        }
        for role in roleSelections {
            text += ", role of \(name(role.sopClassUID)):\(role.isSCU ? " SCU" : "")\(role.isSCP ? " SCP" : "")"
        }
        if let userIdentity { text += ", \(userIdentity)" }
        return text
    }
}

extension DIMSECommand {
    fileprivate var traceText: String {
        var text = "\(field)"
        if let messageID { text += ", message \(messageID)" }
        if let id = messageIDBeingRespondedTo { text += ", responds to \(id)" }
        if let uid = affectedSOPClassUID ?? dataSet[.requestedSOPClassUID] { text += ", \(name(uid))" }
        if let status { text += ", status \(status)" }
        return text + (hasDataSet ? ", a data set follows" : "")
    }
}
