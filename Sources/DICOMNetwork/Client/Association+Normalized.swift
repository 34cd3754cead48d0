import DICOMCoding
public import DICOMCore
import DICOMDictionary
public import DICOMUpperLayer

/// Storage commitment (PS3.4 J) and Modality Performed Procedure Step (PS3.4 F) as a service class user.
extension Association {
    // MARK: - Storage commitment

    /// Asks an archive to take over the responsibility for instances (N-ACTION, PS3.4 J.3.2).
    ///
    /// Its report comes later: over this association, see ``nextCommitmentReport()``, or over one that the archive opens to
    /// the server of this side, see ``CommitmentReportService``. ``requestCommitment(of:from:options:reports:timeout:logger:)``
    /// waits for both.
    /// - Throws: ``DICOMError``: with ``DICOMError/Code/operationFailed`` when the archive refuses.
    public func requestCommitment(_ request: CommitmentRequest) async throws {
        let context = try context(for: .storageCommitmentPushModel)
        let messageID = try await begin()
        let command = DIMSECommand.nRequest(
            .nActionRequest, messageID: messageID, requesting: .storageCommitmentPushModel,
            .storageCommitmentPushModelInstance, hasDataSet: true, actionTypeID: 1)
        try await perform(command, messageID, request.dataSet, context)
    }

    /// Waits for a report that the archive sends over this association.
    ///
    /// - Throws: ``DICOMError`` when the association ends before; `CancellationError`.
    public func nextCommitmentReport() async throws -> CommitmentReport {
        while true {
            while !eventReports.isEmpty {
                let event = eventReports.removeFirst()
                guard let information = event.information else { continue }
                do { return try CommitmentReport(information) } catch {
                    throw DICOMError(
                        .protocolViolation, "The archive's report of storage commitment lacks its Transaction UID.",
                        peer: peer.description)
                }
            }
            let (command, contextID) = try await nextCommand()
            guard !command.field.isResponse else { throw violation("A response came that nobody had asked for.") }
            try await serve(command, contextID, nil)
        }
    }

    /// Reports what this side has committed to (N-EVENT-REPORT, PS3.4 J.3.3).
    func report(_ report: CommitmentReport) async throws -> DIMSEStatus {
        // Here this side is the SCP. Not every peer answers the role that was proposed, but it takes the report.
        guard let context = negotiated.contexts(for: .storageCommitmentPushModel).first else {
            throw notAccepted(.storageCommitmentPushModel)
        }
        let messageID = try await begin()
        let command = report.request(messageID: messageID)
        try await send(command, report.dataSet.encoded(as: context.transferSyntax), context)
        return try await response(to: messageID, .nEventReportResponse, context).status
    }

    // MARK: - Modality Performed Procedure Step

    /// Tells that a procedure step has begun (N-CREATE, PS3.4 F.7.2.1).
    ///
    /// - Parameter attributes: Those of PS3.4 Table F.7.2-1; Performed Procedure Step Status is `IN PROGRESS`.
    public func createProcedureStep(_ sopInstanceUID: UID, _ attributes: DataSet) async throws {
        let context = try context(for: .modalityPerformedProcedureStep)
        let messageID = try await begin()
        let command = DIMSECommand.nRequest(
            .nCreateRequest, messageID: messageID, affecting: .modalityPerformedProcedureStep, sopInstanceUID,
            hasDataSet: true)
        try await perform(command, messageID, attributes, context)
    }

    /// Tells how a procedure step goes on or has ended (N-SET, PS3.4 F.7.2.2).
    public func setProcedureStep(_ sopInstanceUID: UID, _ modifications: DataSet) async throws {
        let context = try context(for: .modalityPerformedProcedureStep)
        let messageID = try await begin()
        let command = DIMSECommand.nRequest(
            .nSetRequest, messageID: messageID, requesting: .modalityPerformedProcedureStep, sopInstanceUID,
            hasDataSet: true)
        try await perform(command, messageID, modifications, context)
    }

    private func perform(
        _ command: DIMSECommand, _ messageID: UInt16, _ dataSet: DataSet, _ context: AcceptedContext
    ) async throws {
        try await send(command, dataSet.encoded(as: context.transferSyntax), context)
        let response = try await response(to: messageID, command.field.response, context)
        guard response.status.category == .success || response.status.category == .warning else {
            let comment = response.command.errorComment.map { ": \($0)" } ?? ""
            throw DICOMError(
                .operationFailed, "The peer answered \(response.status)\(comment).",
                at: response.command.offendingElements, peer: peer.description)
        }
    }
}

extension PresentationContextProposal {
    /// Storage commitment, as its user.
    public static let storageCommitment = PresentationContextProposal(
        abstractSyntax: .storageCommitmentPushModel,
        transferSyntaxes: [.explicitVRLittleEndian, .implicitVRLittleEndian])
    /// Modality Performed Procedure Step.
    public static let procedureStep = PresentationContextProposal(
        abstractSyntax: .modalityPerformedProcedureStep,
        transferSyntaxes: [.explicitVRLittleEndian, .implicitVRLittleEndian])
    /// The archive's side of storage commitment: it opens an association to report.
    static let commitmentReport = PresentationContextProposal(
        abstractSyntax: .storageCommitmentPushModel,
        transferSyntaxes: [.explicitVRLittleEndian, .implicitVRLittleEndian], requestorIsSCU: false,
        requestorIsSCP: true)
}
