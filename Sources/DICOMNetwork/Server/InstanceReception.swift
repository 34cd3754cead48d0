import DICOMCore
import DICOMDictionary
import DICOMUpperLayer
import Logging

/// Receives the instance of one C-STORE-RQ: hands it to a service and says what is answered.
struct InstanceReception {
    let command: DIMSECommand
    let context: AcceptedContext
    let channel: AssociationChannel
    let association: AssociationInfo
    /// The longest data set that is taken, bytes.
    let limit: Int
    var logger: Logger?
    var metrics: AssociationMetrics?

    /// - Throws: ``DICOMError`` when the association cannot go on.
    func receive(into storage: (any StorageService)?) async throws -> StoreResponse {
        let start = ContinuousClock.now
        var dataSet = IncomingDataSet(channel, limit: limit, isEmpty: !command.hasDataSet)
        let response = try await response(from: storage, &dataSet)
        try await dataSet.drain()
        guard dataSet.isComplete else {
            throw DICOMError(.instanceTooLarge, "The data set is more than twice as long as allowed.")
        }
        let answer =
            dataSet.isTooLarge
            ? StoreResponse(.outOfResources, errorComment: "The instance is larger than this node accepts") : response
        logAnswer(answer)
        metrics?.transferred(dataSet.byteCount, answer.status, since: start)
        return answer
    }

    private func response(
        from storage: (any StorageService)?, _ dataSet: inout IncomingDataSet
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
        guard let storage, sopClassUID == context.abstractSyntax else {
            return StoreResponse(
                .sopClassNotSupported, errorComment: "SOP class is not that of the presentation context")
        }
        let request = StoreRequest(
            association: association, sopClassUID: sopClassUID, sopInstanceUID: sopInstanceUID,
            transferSyntax: context.transferSyntax, messageID: messageID, moveOriginator: moveOriginator)
        do {
            return try await storage.store(request, dataSet: &dataSet)
        } catch {
            // An error because the association ended is no failure of the service.
            if channel.end != nil || Task.isCancelled { throw error }
            if !dataSet.isTooLarge { logFailure(error) }
            return StoreResponse(.cannotUnderstand, errorComment: "The instance could not be processed")
        }
    }

    private var moveOriginator: MoveOriginator? {
        guard let title = command.dataSet[.moveOriginatorApplicationEntityTitle],
            let id = command.dataSet[.moveOriginatorMessageID].flatMap(UInt16.init(exactly:))
        else { return nil }
        return MoveOriginator(aeTitle: title, messageID: id)
    }

    private func logFailure(_ error: any Error) {
        logger?.error(
            "The storage service failed; the instance is answered with C000H.",
            metadata: ["reason": "\(DICOMError.publicText(error))"])
        logger?.debug("The storage service's error: \(error)")
    }

    private func logAnswer(_ answer: StoreResponse) {
        guard answer.status.category != .success, let logger else { return }
        var metadata: Logger.Metadata = ["status": "\(answer.status)"]
        metadata["comment"] = answer.errorComment.map { "\($0)" }
        logger.notice("An instance was not stored, or with a warning.", metadata: metadata)
    }
}

extension StoreResponse {
    /// The C-STORE-RSP.
    func response(to command: DIMSECommand) -> DIMSECommand {
        var response = command.response(status)
        response.errorComment = errorComment
        return response
    }
}
