import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMUpperLayer
import Logging

/// Serves one association of an ``AssociationServer``: takes a message, answers it, and takes the next.
struct AssociationWorker {
    let configuration: AssociationServerConfiguration
    let storage: any StorageService
    let logger: Logger
    let id: UInt64
    let peerHost: String
    let peerPort: Int

    /// Serves until the association has ended and the connection is closed; errors are logged, once.
    func run(_ channel: AssociationChannel) async {
        do {
            guard case .opened(let association) = try await channel.next() else {
                // That somebody looks whether the port is open is nothing to be told.
                let isProbe = channel.endError?.code == .connectionLost
                logEnd(
                    channel, peer: Endpoint.address(host: peerHost, port: peerPort), level: isProbe ? .debug : .notice)
                return await channel.waitUntilClosed()
            }
            await serve(association, channel)
        } catch {
            // Cancelled before the association was established.
            channel.abort()
        }
        if !Task.isCancelled { await channel.waitUntilClosed() }
    }

    private func serve(_ association: OpenAssociation, _ channel: AssociationChannel) async {
        let info = AssociationInfo(
            id: id, callingAETitle: association.negotiated.callingAETitle,
            calledAETitle: association.negotiated.calledAETitle, peerHost: peerHost, peerPort: peerPort)
        logger.debug("Association opened.", metadata: metadata(info.peer))
        await storage.associationOpened(info)
        let end = await serveMessages(AssociationSession(info, association, channel))
        logEnd(channel, peer: info.peer)
        await storage.associationClosed(info, end)
        // The place is free only now: what the service still did counted as an association.
        withExtendedLifetime(association) {}
    }

    private func metadata(_ peer: String) -> Logger.Metadata { ["association": "\(id)", "peer": "\(peer)"] }

    private func logEnd(_ channel: AssociationChannel, peer: String, level: Logger.Level = .notice) {
        var metadata = metadata(peer)
        guard let error = channel.endError else {
            return logger.debug("Association closed.", metadata: metadata)
        }
        metadata["code"] = "\(error.code)"
        metadata["reason"] = "\(error.message)"
        logger.log(level: level, "The association ended by an error.", metadata: metadata)
    }

    // MARK: - Messages

    /// The association that is served.
    private struct AssociationSession {
        let info: AssociationInfo
        let negotiated: NegotiatedAssociation
        let channel: AssociationChannel
        private let fragmenter: DIMSEFragmenter

        init(_ info: AssociationInfo, _ association: OpenAssociation, _ channel: AssociationChannel) {
            self.info = info
            self.channel = channel
            negotiated = association.negotiated
            fragmenter = association.fragmenter
        }

        func respond(
            to command: DIMSECommand, _ contextID: UInt8, _ status: DIMSEStatus, errorComment: String? = nil
        ) async throws {
            let response = try command.encodedResponse(status, errorComment: errorComment)
            try await channel.send(response, contextID: contextID, fragmenter)
        }
    }

    private func serveMessages(_ session: AssociationSession) async -> AssociationEnd {
        let channel = session.channel
        do {
            while true {
                switch try await channel.next() {
                case .command(let command, let contextID): try await answer(command, contextID, session)
                case .releaseRequested:
                    try await channel.write(.acceptRelease)
                    return .released
                case .ended(let end, _): return end
                case .fragments, .opened: throw DICOMError(.protocolViolation, "A data set came without its command.")
                }
            }
        } catch {
            channel.abort(
                error as? DICOMError
                    ?? DICOMError(.associationAborted, "The server could not go on: \(Self.publicText(error))."))
            return await endAfterFailure(channel)
        }
    }

    /// How the association ended, after something failed here: the peer's doing comes before our own abort.
    private func endAfterFailure(_ channel: AssociationChannel) async -> AssociationEnd {
        while !Task.isCancelled {
            if case .ended(let end, _)? = try? await channel.next() { return end }
        }
        return .aborted
    }

    /// What may be logged of an error: our own messages hold no patient data, of others only the type is known to.
    private static func publicText(_ error: any Error) -> String {
        if let error = error as? DICOMError { error.message } else { "\(type(of: error))" }
    }

    private func answer(_ command: DIMSECommand, _ contextID: UInt8, _ session: AssociationSession) async throws {
        let context = session.negotiated.contexts[contextID]
        switch command.field {
        case .cStoreRequest:
            guard let context else { return }
            try await receiveInstance(command, context, session)
        case .cEchoRequest:
            try await drainDataSet(of: command, session)
            try await session.respond(to: command, contextID, .success)
        case .cCancelRequest:
            // Nothing that could be cancelled is going on; there is no response to it (PS3.7 9.3.2.3).
            try await drainDataSet(of: command, session)
        default:
            guard !command.field.isResponse else {
                throw DICOMError(.protocolViolation, "A response came without a request.")
            }
            try await drainDataSet(of: command, session)
            logger.notice("An operation is not recognized.", metadata: metadata(session.info.peer))
            try await session.respond(to: command, contextID, .unrecognizedOperation)
        }
    }

    private func drainDataSet(of command: DIMSECommand, _ session: AssociationSession) async throws {
        guard command.hasDataSet else { return }
        var dataSet = IncomingDataSet(session.channel, limit: configuration.maximumInstanceLength)
        try await drain(&dataSet)
    }

    private func drain(_ dataSet: inout IncomingDataSet) async throws {
        try await dataSet.drain()
        guard dataSet.isComplete else {
            throw DICOMError(.instanceTooLarge, "The data set is more than twice as long as allowed.")
        }
    }

    // MARK: - C-STORE

    private func receiveInstance(
        _ command: DIMSECommand, _ context: AcceptedContext, _ session: AssociationSession
    ) async throws {
        var dataSet = IncomingDataSet(
            session.channel, limit: configuration.maximumInstanceLength, isEmpty: !command.hasDataSet)
        let response = try await response(to: command, context, &dataSet, session)
        try await drain(&dataSet)
        let answer =
            dataSet.isTooLarge
            ? StoreResponse(.outOfResources, errorComment: "The instance is larger than this node accepts") : response
        logAnswer(answer, session)
        try await session.respond(to: command, context.id, answer.status, errorComment: answer.errorComment)
    }

    private func response(
        to command: DIMSECommand, _ context: AcceptedContext, _ dataSet: inout IncomingDataSet,
        _ session: AssociationSession
    ) async throws -> StoreResponse {
        guard let messageID = command.messageID else {
            throw DICOMError(.protocolViolation, "A C-STORE-RQ has no Message ID.")
        }
        guard let sopClassUID = command.affectedSOPClassUID, let sopInstanceUID = command.affectedSOPInstanceUID else {
            return StoreResponse(.cannotUnderstand, errorComment: "Affected SOP Class or Instance UID is missing")
        }
        guard command.hasDataSet else {
            return StoreResponse(.cannotUnderstand, errorComment: "The C-STORE request has no data set")
        }
        guard sopClassUID == context.abstractSyntax else {
            return StoreResponse(
                .sopClassNotSupported, errorComment: "SOP class is not that of the presentation context")
        }
        let request = StoreRequest(
            association: session.info, sopClassUID: sopClassUID, sopInstanceUID: sopInstanceUID,
            transferSyntax: context.transferSyntax, messageID: messageID)
        do {
            return try await storage.store(request, dataSet: &dataSet)
        } catch {
            // An error because the association ended is no failure of the service.
            if session.channel.end != nil || Task.isCancelled { throw error }
            if !dataSet.isTooLarge { logStoreFailure(error, session) }
            return StoreResponse(.cannotUnderstand, errorComment: "The instance could not be processed")
        }
    }

    private func logStoreFailure(_ error: any Error, _ session: AssociationSession) {
        var metadata = metadata(session.info.peer)
        metadata["reason"] = "\(Self.publicText(error))"
        logger.error("The storage service failed; the instance is answered with C000H.", metadata: metadata)
        logger.debug("The storage service's error: \(error)", metadata: self.metadata(session.info.peer))
    }

    private func logAnswer(_ answer: StoreResponse, _ session: AssociationSession) {
        guard answer.status.category != .success else { return }
        var metadata = metadata(session.info.peer)
        metadata["status"] = "\(answer.status)"
        metadata["comment"] = answer.errorComment.map { "\($0)" }
        logger.notice("An instance was not stored, or with a warning.", metadata: metadata)
    }
}
