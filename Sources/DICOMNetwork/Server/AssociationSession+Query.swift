import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMUpperLayer
import Logging
import NIOCore
import Synchronization

/// C-FIND, C-MOVE and C-GET.
extension AssociationSession {
    // MARK: - C-FIND

    func find(_ command: DIMSECommand, _ context: AcceptedContext) async throws {
        do {
            let identifier = try await identifier(of: command, context)
            try await channel.cancellable(command.messageID ?? 0) { try await search(command, context, identifier) }
            try await respond(to: command, context, .success)
        } catch is CancellationError where channel.end == nil && !Task.isCancelled {
            logger.debug("The peer has cancelled its query.")
            try await respond(to: command, context, .cancel)
        } catch {
            try await send(failed(try failure(error), command), nil, context)
        }
    }

    private func search(_ command: DIMSECommand, _ context: AcceptedContext, _ identifier: DataSet) async throws {
        let matches = QueryMatches { match, status in
            try await send(command.response(status, hasDataSet: true), match, context)
        }
        if context.abstractSyntax == .modalityWorklistInformationModelFind, let worklist = services.worklist {
            try await worklist.findWorklist(identifier, association: info, matches: matches)
        } else if let query = services.query {
            try await query.find(try request(command, context, identifier), matches: matches)
        } else {
            throw ServiceFailure(.sopClassNotSupported)
        }
    }

    private func identifier(of command: DIMSECommand, _ context: AcceptedContext) async throws -> DataSet {
        guard let identifier = try await dataSet(of: command, context) else {
            throw ServiceFailure(.dataSetDoesNotMatchSOPClass, comment: "The request has no identifier")
        }
        guard command.affectedSOPClassUID == context.abstractSyntax else {
            throw ServiceFailure(
                .sopClassNotSupported, comment: "SOP class is not that of the presentation context")
        }
        return identifier
    }

    private func request(
        _ command: DIMSECommand, _ context: AcceptedContext, _ identifier: DataSet
    ) throws(ServiceFailure) -> QueryRequest {
        let levelTag = Attribute<String>.queryRetrieveLevel.tag
        guard let level = identifier[.queryRetrieveLevel].flatMap(Query.Level.init(rawValue:)) else {
            throw ServiceFailure(
                .dataSetDoesNotMatchSOPClass, comment: "Query/Retrieve Level is missing or unknown",
                offendingElements: [levelTag])
        }
        let root: Query.Root = context.abstractSyntax.isPatientRoot ? .patient : .study
        guard root == .patient || level != .patient else {
            throw ServiceFailure(
                .dataSetDoesNotMatchSOPClass, comment: "The study root model has no level PATIENT",
                offendingElements: [levelTag])
        }
        return QueryRequest(
            association: info, root: root, level: level, identifier: identifier, messageID: command.messageID ?? 0)
    }

    func failed(_ failure: ServiceFailure, _ command: DIMSECommand) -> DIMSECommand {
        var response = command.response(failure.status)
        response.errorComment = failure.comment
        response.offendingElements = failure.offendingElements
        return response
    }

    // MARK: - C-MOVE, C-GET

    func retrieve(_ command: DIMSECommand, _ context: AcceptedContext) async throws {
        do {
            let request = try request(command, context, try await identifier(of: command, context))
            guard let service = services.retrieve else { throw ServiceFailure(.sopClassNotSupported) }
            var transfer = SubOperations(command: command, context: context)
            if command.field == .cMoveRequest {
                try await move(request, service, &transfer)
            } else {
                let instances = try await service.instances(for: request)
                try await get(instances, &transfer)
            }
            try await send(transfer.finalResponse, transfer.finalIdentifier, context)
        } catch {
            try await send(failed(try failure(error), command), nil, context)
        }
    }

    private func move(
        _ request: QueryRequest, _ service: any RetrieveService, _ transfer: inout SubOperations
    ) async throws {
        let text = transfer.command.dataSet[.moveDestination] ?? ""
        guard let title = try? AETitle(validating: text), let endpoint = try await service.endpoint(of: title) else {
            throw ServiceFailure(.moveDestinationUnknown, comment: "The move destination is not known here")
        }
        let instances = try await service.instances(for: request)
        transfer.remaining = instances.count
        let originator = MoveOriginator(aeTitle: info.callingAETitle, messageID: request.messageID)
        let isCancelled = Flag()
        var progress = transfer
        defer { transfer = progress }
        try await channel.withCancellation(of: request.messageID, by: isCancelled.set) {
            for plan in StorePlan.plans(for: instances) where !isCancelled.isSet {
                let done = progress.done
                do {
                    try await withAssociation(
                        to: endpoint, proposing: plan.proposals, options: configuration.client, logger: logger
                    ) { destination in
                        for instance in plan.instances where !isCancelled.isSet {
                            try await perform(instance, over: destination, originator, &progress)
                        }
                    }
                } catch {
                    if Task.isCancelled || channel.end != nil { throw error }
                    logger.warning(
                        "A C-MOVE's destination failed.",
                        metadata: ["destination": "\(endpoint)", "reason": "\(DICOMError.publicText(error))"])
                    // What was not tried has failed too.
                    let tried = progress.done - done
                    progress.fail(plan.instances.dropFirst(tried))
                }
            }
        }
        progress.isCancelled = isCancelled.isSet
    }

    private func get(_ instances: [OutgoingInstance], _ transfer: inout SubOperations) async throws {
        transfer.remaining = instances.count
        let peer = Association(
            channel, association, peer: peer, isRequestor: false,
            settings: .init(transcode: configuration.client.transcoder))
        let isCancelled = Flag()
        var progress = transfer
        defer { transfer = progress }
        try await channel.withCancellation(of: transfer.command.messageID ?? 0, by: isCancelled.set) {
            for instance in instances where !isCancelled.isSet {
                try await perform(instance, over: peer, nil, &progress)
            }
        }
        if let answer = peer.reportAnswer { try await reportAnswered(answer) }
        progress.isCancelled = isCancelled.isSet
    }

    /// One sub-operation, and the pending response after it.
    private func perform(
        _ instance: OutgoingInstance, over association: Association, _ originator: MoveOriginator?,
        _ progress: inout SubOperations
    ) async throws {
        do {
            progress.add(try await association.store(instance, moveOriginator: originator).status, instance)
        } catch let error as DICOMError where error.leavesAssociationUsable {
            logger.notice("An instance was not sent.", metadata: ["reason": "\(error.code)"])
            progress.fail([instance])
        }
        if progress.remaining > 0 { try await send(progress.pendingResponse, nil, progress.context) }
    }
}

/// A flag that is set once, from anywhere.
final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}

/// How far the sub-operations of a C-MOVE or C-GET are (PS3.4 C.4.2.3.1).
struct SubOperations {
    let command: DIMSECommand
    let context: AcceptedContext
    var remaining = 0
    var isCancelled = false
    private(set) var completed = 0
    private(set) var warnings = 0
    private(set) var failed: [UID] = []

    init(command: DIMSECommand, context: AcceptedContext) {
        self.command = command
        self.context = context
    }

    var done: Int { completed + warnings + failed.count }

    mutating func add(_ status: DIMSEStatus, _ instance: OutgoingInstance) {
        switch status.category {
        case .success: completed += 1
        case .warning: warnings += 1
        case .failure, .pending, .cancel: failed.append(instance.sopInstanceUID)
        }
        remaining = max(0, remaining - 1)
    }

    mutating func fail(_ instances: some Collection<OutgoingInstance>) {
        failed += instances.map(\.sopInstanceUID)
        remaining = max(0, remaining - instances.count)
    }

    var pendingResponse: DIMSECommand {
        var response = counted(command.response(.pending))
        response.dataSet[.numberOfRemainingSuboperations] = min(remaining, 65535)
        return response
    }

    /// Success when all went well, even if there was nothing to do; a failure when nothing did.
    var finalResponse: DIMSECommand {
        let status: DIMSEStatus =
            if isCancelled && remaining > 0 {
                .cancel
            } else if failed.isEmpty && warnings == 0 {
                .success
            } else if completed + warnings == 0 {
                .unableToPerformSubOperations
            } else {
                .subOperationsFailed
            }
        var response = counted(command.response(status, hasDataSet: !failed.isEmpty))
        if status == .cancel { response.dataSet[.numberOfRemainingSuboperations] = min(remaining, 65535) }
        return response
    }

    /// The instances that failed (PS3.4 C.4.2.1.4.2).
    var finalIdentifier: DataSet? {
        guard !failed.isEmpty else { return nil }
        var identifier = DataSet()
        identifier[.failedSOPInstanceUIDList] = failed
        return identifier
    }

    /// The numbers are US: more than it holds is told as its maximum.
    private func counted(_ response: DIMSECommand) -> DIMSECommand {
        var response = response
        response.dataSet[.numberOfCompletedSuboperations] = min(completed, 65535)
        response.dataSet[.numberOfFailedSuboperations] = min(failed.count, 65535)
        response.dataSet[.numberOfWarningSuboperations] = min(warnings, 65535)
        return response
    }
}

extension DICOMError {
    /// Whether the instance failed, and not the association.
    package var leavesAssociationUsable: Bool {
        let ends: [Code] = [
            .connectionLost, .associationAborted, .timedOut, .protocolViolation, .invalidPDU, .unrecognizedPDU,
            .tlsFailed, .truncatedDataSet,
        ]
        return !ends.contains(code)
    }
}

extension AssociationChannel {
    /// Runs `body` in a task that is cancelled when the peer cancels the operation or the association ends.
    func cancellable(_ messageID: UInt16, _ body: @escaping @Sendable () async throws -> Void) async throws {
        let task = Task { try await body() }
        try await withCancellation(of: messageID, by: task.cancel) {
            try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        }
    }
}
