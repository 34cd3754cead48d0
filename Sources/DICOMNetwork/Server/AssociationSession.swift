import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMUpperLayer
import Logging
import NIOCore

/// An established association of a server: takes a message, has a service do it, answers, and takes the next.
struct AssociationSession: Sendable {
    let info: AssociationInfo
    let association: OpenAssociation
    let channel: AssociationChannel
    let configuration: AssociationServerConfiguration
    let services: Services
    let server: AssociationServer
    let metrics: AssociationMetrics
    let logger: Logger
    let openReports = OpenReports()

    var negotiated: NegotiatedAssociation { association.negotiated }
    /// The peer, where this side calls it over the same association.
    var peer: Endpoint { Endpoint(host: info.peerHost, port: info.peerPort, aeTitle: info.callingAETitle) }

    /// Serves until the association has ended.
    func serveMessages() async -> AssociationEnd {
        defer {
            if openReports.areLeft {
                logger.warning("The association ended before a report of storage commitment was answered.")
            }
        }
        do {
            while true {
                switch try await channel.next() {
                case .command(let command, let contextID): try await answer(command, contextID)
                case .releaseRequested:
                    channel.command(.acceptRelease)
                    return .released
                case .ended(let end, _): return end
                case .fragments, .opened, .requested:
                    throw DICOMError(.protocolViolation, "A data set came without its command.")
                }
            }
        } catch {
            channel.abort(
                error as? DICOMError
                    ?? DICOMError(
                        .associationAborted, "The server could not go on: \(DICOMError.publicText(error))."))
            return await endAfterFailure()
        }
    }

    /// How the association ended, after something failed here: the peer's doing comes before our own abort.
    private func endAfterFailure() async -> AssociationEnd {
        while !Task.isCancelled {
            if case .ended(let end, _)? = try? await channel.next() { return end }
        }
        return .aborted
    }

    private func answer(_ command: DIMSECommand, _ contextID: UInt8) async throws {
        guard let context = negotiated.contexts[contextID] else { return }
        switch command.field {
        case .cStoreRequest: try await receiveInstance(command, context)
        case .cEchoRequest:
            try await drainDataSet(of: command)
            try await respond(to: command, context, await services.verification.verify(info))
        case .cFindRequest where context.abstractSyntax.isFind: try await find(command, context)
        case .cMoveRequest where context.abstractSyntax.isMove, .cGetRequest where context.abstractSyntax.isGet:
            try await retrieve(command, context)
        case .nActionRequest, .nEventReportRequest, .nCreateRequest, .nSetRequest:
            try await answerNormalized(command, context)
        case .nEventReportResponse where context.abstractSyntax == .storageCommitmentPushModel:
            guard openReports.areLeft else {
                throw DICOMError(.protocolViolation, "A response came without a request.")
            }
            try await drainDataSet(of: command)
            try await reportAnswered(command.status)
        case .cCancelRequest:
            // Nothing that could be cancelled is going on; there is no response to it (PS3.7 9.3.2.3).
            try await drainDataSet(of: command)
        default:
            guard !command.field.isResponse else {
                throw DICOMError(.protocolViolation, "A response came without a request.")
            }
            try await drainDataSet(of: command)
            logger.notice("An operation is not recognized.", metadata: ["operation": "\(command.field)"])
            try await respond(to: command, context, .unrecognizedOperation)
        }
    }

    func respond(
        to command: DIMSECommand, _ context: AcceptedContext, _ status: DIMSEStatus, errorComment: String? = nil
    ) async throws {
        let response = try command.encodedResponse(status, errorComment: errorComment)
        try await channel.send(response, contextID: context.id, association.fragmenter)
    }

    /// Sends a response with a data set, in one write.
    func send(_ command: DIMSECommand, _ dataSet: DataSet? = nil, _ context: AcceptedContext) async throws {
        let bytes = try dataSet?.encoded(as: context.transferSyntax)
        var buffer = channel.buffer(capacity: 512 + (bytes?.count ?? 0))
        try association.fragmenter.write(command, contextID: context.id, into: &buffer)
        if let bytes {
            association.fragmenter.writeData(bytes[...], contextID: context.id, isLast: true, into: &buffer)
        }
        try await channel.write(buffer)
    }

    /// Reads the data set of a request; `nil` when there is none.
    ///
    /// - Throws: ``ServiceFailure`` when it cannot be decoded; it has been read then, and the association can go on.
    func dataSet(of command: DIMSECommand, _ context: AcceptedContext) async throws -> DataSet? {
        guard command.hasDataSet else { return nil }
        var incoming = IncomingDataSet(channel, limit: configuration.maximumRequestLength)
        do {
            return try await incoming.dataSet(context.transferSyntax)
        } catch let error as DICOMError where channel.end == nil {
            try await drain(&incoming)
            logger.notice("A request cannot be read.", metadata: ["reason": "\(error.message)"])
            throw ServiceFailure(
                error.code == .instanceTooLarge ? .outOfResources : .cannotUnderstand,
                comment: "The data set of the request cannot be read")
        }
    }

    func drainDataSet(of command: DIMSECommand) async throws {
        guard command.hasDataSet else { return }
        var dataSet = IncomingDataSet(channel, limit: configuration.maximumRequestLength)
        try await drain(&dataSet)
    }

    private func drain(_ dataSet: inout IncomingDataSet) async throws {
        try await dataSet.drain()
        guard dataSet.isComplete else {
            throw DICOMError(.instanceTooLarge, "The data set is more than twice as long as allowed.")
        }
    }

    /// What a request is answered that ended by an error; an error because the association ended goes on.
    func failure(_ error: any Error, otherwise status: DIMSEStatus = .cannotUnderstand) throws -> ServiceFailure {
        if let failure = error as? ServiceFailure { return failure }
        if channel.end != nil || Task.isCancelled { throw error }
        logger.error(
            "A service failed; its request is answered with \(status).",
            metadata: ["reason": "\(DICOMError.publicText(error))"])
        return ServiceFailure(status, comment: "The request could not be processed")
    }

    // MARK: - C-STORE

    private func receiveInstance(_ command: DIMSECommand, _ context: AcceptedContext) async throws {
        let answer = try await InstanceReception(
            command: command, context: context, channel: channel, association: info,
            limit: configuration.maximumInstanceLength, logger: logger, metrics: metrics
        ).receive(into: services.storage)
        try await respond(to: command, context, answer.status, errorComment: answer.errorComment)
    }
}
