import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMUpperLayer
import Logging

/// Storage commitment (PS3.4 J) and Modality Performed Procedure Step (PS3.4 F).
extension AssociationSession {
    func answerNormalized(_ command: DIMSECommand, _ context: AcceptedContext) async throws {
        do {
            switch (command.field, context.abstractSyntax) {
            case (.nActionRequest, .storageCommitmentPushModel):
                try await commit(command, dataSet(of: command, context), context)
            case (.nEventReportRequest, .storageCommitmentPushModel):
                try await takeReport(command, dataSet(of: command, context))
                try await send(command.response(.success), nil, context)
            case (.nCreateRequest, .modalityPerformedProcedureStep):
                try await createProcedureStep(command, dataSet(of: command, context), context)
            case (.nSetRequest, .modalityPerformedProcedureStep):
                try await setProcedureStep(command, dataSet(of: command, context))
                try await send(command.response(.success), nil, context)
            default:
                try await drainDataSet(of: command)
                logger.notice("An operation is not recognized.", metadata: ["operation": "\(command.field)"])
                throw ServiceFailure(.unrecognizedOperation)
            }
        } catch {
            try await send(failed(try failure(error, otherwise: .processingFailure), command), nil, context)
        }
    }

    private func required(_ dataSet: DataSet?) throws(ServiceFailure) -> DataSet {
        guard let dataSet else { throw ServiceFailure(.missingAttribute, comment: "The request has no data set") }
        return dataSet
    }

    // MARK: - Storage commitment

    /// Answers the request, and has the server report later.
    private func commit(_ command: DIMSECommand, _ dataSet: DataSet?, _ context: AcceptedContext) async throws {
        guard let service = services.storageCommitment else { throw ServiceFailure(.sopClassNotSupported) }
        guard command.dataSet[.requestedSOPInstanceUID] == .storageCommitmentPushModelInstance else {
            throw ServiceFailure(.noSuchSOPInstance, comment: "Not the well-known instance of storage commitment")
        }
        guard command.dataSet[.actionTypeID] == 1 else { throw ServiceFailure(.noSuchActionType) }
        let request = try CommitmentRequest(required(dataSet))
        let title = try AETitle(validating: info.callingAETitle)
        if let endpoint = try await service.reportEndpoint(of: title) {
            try server.reportCommitment(request, by: service, to: endpoint, info, logger)
            try await send(command.response(.success), nil, context)
        } else {
            guard !openReports.isFull else {
                throw ServiceFailure(.resourceLimitation, comment: "Too many reports wait for their answers")
            }
            try await send(command.response(.success), nil, context)
            try await reportHere(service, request, context)
        }
    }

    /// Reports over this association, for a peer that is not known to listen.
    ///
    /// The peer's answer is a message among others, see ``reportAnswered(_:)``: until the peer has read the report it may ask
    /// for something else.
    private func reportHere(
        _ service: any StorageCommitmentService, _ request: CommitmentRequest, _ context: AcceptedContext
    ) async throws {
        do {
            let report = try await service.commit(request, association: info)
            try await send(openReports.add(.init(report: report, context: context)))
        } catch {
            logger.warning(
                "A report of storage commitment could not be delivered; the peer has no known endpoint.",
                metadata: ["reason": "\(DICOMError.publicText(error))"])
            // The request was answered already.
            if channel.end != nil { throw error }
        }
    }

    private func send(_ report: OpenReports.Report?) async throws {
        guard let report else { return }
        // Far from the numbers of a C-GET's sub-operations, which may come before its answer.
        try await send(report.report.request(messageID: .max), report.report.dataSet, report.context)
    }

    /// Takes the peer's answer to a report, and sends the next.
    func reportAnswered(_ status: DIMSEStatus?) async throws {
        if let status, status.category != .success {
            logger.notice("A report of storage commitment was refused.", metadata: ["status": "\(status)"])
        }
        try await send(openReports.answered())
    }

    private func takeReport(_ command: DIMSECommand, _ dataSet: DataSet?) async throws {
        guard let service = services.commitmentReports else { throw ServiceFailure(.sopClassNotSupported) }
        guard [1, 2].contains(command.dataSet[.eventTypeID]) else { throw ServiceFailure(.noSuchEventType) }
        try await service.received(try CommitmentReport(required(dataSet)), association: info)
    }

    // MARK: - Modality Performed Procedure Step

    private func createProcedureStep(
        _ command: DIMSECommand, _ dataSet: DataSet?, _ context: AcceptedContext
    ) async throws {
        guard let service = services.procedureSteps else { throw ServiceFailure(.sopClassNotSupported) }
        let attributes = try required(dataSet)
        guard attributes[.performedProcedureStepStatus] == "IN PROGRESS" else {
            throw ServiceFailure(
                .invalidAttributeValue, comment: "A new step has to be IN PROGRESS",
                offendingElements: [Attribute<String>.performedProcedureStepStatus.tag])
        }
        // The performer of the service gives a name where the peer gave none (PS3.7 10.1.5.1.4).
        let uid = command.affectedSOPInstanceUID ?? UID("2.25.\(UInt128.random(in: 1 ... .max))")
        guard uid.isValid else {
            throw ServiceFailure(.invalidSOPInstance, comment: "The SOP Instance UID is not valid")
        }
        try await service.create(uid, attributes, association: info)
        var response = command.response(.success)
        response.affectedSOPInstanceUID = uid
        try await send(response, nil, context)
    }

    private func setProcedureStep(_ command: DIMSECommand, _ dataSet: DataSet?) async throws {
        guard let service = services.procedureSteps else { throw ServiceFailure(.sopClassNotSupported) }
        guard let uid = command.dataSet[.requestedSOPInstanceUID] else {
            throw ServiceFailure(.noSuchSOPInstance, comment: "Requested SOP Instance UID is missing")
        }
        try await service.set(uid, try required(dataSet), association: info)
    }
}
