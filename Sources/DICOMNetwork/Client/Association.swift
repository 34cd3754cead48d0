import DICOMCoding
public import DICOMCore
import DICOMDictionary
public import DICOMUpperLayer
import Logging
import NIOCore

/// An established association of a service class user; see ``withAssociation(to:proposing:options:logger:_:)``.
///
/// Its operations come one after the other: it belongs to the task that got it. When the responses of an operation are not
/// taken to their end, the operation is cancelled (C-CANCEL) before the next one, or the release.
public final class Association {
    /// The presentation contexts that the peer accepted, in the order of their identifiers.
    public let acceptedContexts: [AcceptedContext]
    /// Whom the association is with.
    public let peer: Endpoint

    let channel: AssociationChannel
    let negotiated: NegotiatedAssociation
    let fragmenter: DIMSEFragmenter
    let settings: Settings
    /// Whether this side asked for the association; the server uses an association too, for what it sends itself.
    private let isRequestor: Bool
    private var lastMessageID: UInt16 = 0
    /// The operation whose last response has not been taken.
    private var pending: Operation?
    /// What the peer reported of its own accord (N-EVENT-REPORT).
    var eventReports: [EventReport] = []
    /// What the peer answered, during this operation of a server, to the report that the server had sent before it.
    private(set) var reportAnswer: DIMSEStatus?

    /// So many are kept until somebody asks for them, together no longer on the wire than the longest response.
    private static let maximumEventReports = 100

    /// What an association needs to know beside its negotiation.
    struct Settings: Sendable {
        var transcode: InstanceTranscoder = uncompressedTranscoder
        /// The longest data set of a response, bytes.
        var maximumResponseLength = 64 << 20
        var maximumInstanceLength = 4 << 30
        var metrics: AssociationMetrics?
    }

    /// A request with many responses.
    struct Operation {
        let messageID: UInt16
        let field: DIMSECommand.Field
        let context: AcceptedContext
        /// Takes the instances that come within a C-GET.
        var storage: (any StorageService)?
    }

    /// A response, and the data set that came with it.
    struct Response {
        let command: DIMSECommand
        let dataSet: DataSet?
        let status: DIMSEStatus
    }

    init(
        _ channel: AssociationChannel, _ association: OpenAssociation, peer: Endpoint, isRequestor: Bool = true,
        settings: Settings = Settings()
    ) {
        self.channel = channel
        negotiated = association.negotiated
        self.peer = peer
        self.isRequestor = isRequestor
        self.settings = settings
        fragmenter = association.fragmenter
        acceptedContexts = negotiated.contexts.values.sorted { $0.id < $1.id }
    }

    /// How the peer calls its software (PS3.7 D.3.3.2.3), where it says so.
    public var peerImplementationVersionName: String? { negotiated.peerImplementationVersionName }
    /// The peer's response to the user identity, where one was asked for and given (PS3.7 D.3.3.7.2).
    public var userIdentityResponse: [UInt8]? { negotiated.userIdentityResponse }
    /// The peer's answer to an extended negotiation (PS3.7 D.3.3.5).
    public func extendedNegotiation(of sopClassUID: UID) -> [UInt8]? {
        negotiated.extendedNegotiations.first { $0.sopClassUID == sopClassUID }?.information
    }

    /// Asks the peer whether it is there (C-ECHO, PS3.7 9.1.5).
    ///
    /// - Throws: ``DICOMError``: no context for Verification was accepted, the association ended, or no answer in time.
    public func echo() async throws -> DIMSEStatus {
        let context = try context(for: .verification)
        let messageID = try await begin()
        try await send(.cEchoRequest(messageID: messageID), nil, context)
        return try await response(to: messageID, .cEchoResponse, context).status
    }

    // MARK: - Presentation contexts

    /// The contexts in which this side may be the user of a SOP class.
    func contexts(for sopClassUID: UID) -> [AcceptedContext] {
        negotiated.contexts(for: sopClassUID).filter { isRequestor ? $0.requestorIsSCU : $0.requestorIsSCP }
    }

    func context(for sopClassUID: UID) throws(DICOMError) -> AcceptedContext {
        guard let context = contexts(for: sopClassUID).first else { throw notAccepted(sopClassUID) }
        return context
    }

    func notAccepted(_ sopClassUID: UID, _ detail: String = "") -> DICOMError {
        let sopClass = DICOMDictionary.name(of: sopClassUID) ?? "private SOP class \(sopClassUID)"
        let result = negotiated.refusedContexts.first { $0.abstractSyntax == sopClassUID }?.result
        return DICOMError(
            .noAcceptedContext,
            "The peer accepted no presentation context for \(sopClass)\(detail)\(result.map { " (\($0))" } ?? "").",
            peer: peer.description)
    }

    // MARK: - Messages

    /// The number of a new request, after what was left of the operation before is done with.
    func begin() async throws -> UInt16 {
        try await finishPending()
        lastMessageID = lastMessageID == .max ? 1 : lastMessageID + 1
        return lastMessageID
    }

    /// Sends a command and the data set that belongs to it, in one write.
    func send(_ command: DIMSECommand, _ dataSet: [UInt8]?, _ context: AcceptedContext) async throws {
        do {
            var buffer = channel.buffer(capacity: 512 + (dataSet?.count ?? 0))
            try fragmenter.write(command, contextID: context.id, into: &buffer)
            if let dataSet { fragmenter.writeData(dataSet[...], contextID: context.id, isLast: true, into: &buffer) }
            try await channel.write(buffer)
        } catch {
            throw await channel.reason(for: error, peer)
        }
    }

    /// The next response to a request. What the peer asks meanwhile is answered; a response to something else is a violation
    /// and ends the association.
    func response(
        to messageID: UInt16, _ field: DIMSECommand.Field, _ context: AcceptedContext,
        storage: (any StorageService)? = nil
    ) async throws -> Response {
        while true {
            let (command, contextID) = try await nextCommand()
            guard command.field.isResponse else {
                try await serve(command, contextID, storage)
                continue
            }
            if !isRequestor, reportAnswer == nil, command.field == .nEventReportResponse {
                try await drainDataSet(of: command)
                reportAnswer = command.status
                continue
            }
            guard command.field == field, command.messageIDBeingRespondedTo == messageID, let status = command.status
            else { throw violation("The peer's message is not the response that was awaited.") }
            let dataSet = command.hasDataSet ? try await dataSet(context) : nil
            return Response(command: command, dataSet: dataSet, status: status)
        }
    }

    func nextCommand() async throws -> (DIMSECommand, contextID: UInt8) {
        switch try await channel.next() {
        case .command(let command, let contextID): return (command, contextID)
        case .ended(let end, let error): throw channel.error(end, error, peer)
        case .releaseRequested:
            channel.command(.acceptRelease)
            throw DICOMError(
                .connectionLost, "The peer released the association instead of answering.", peer: peer.description)
        case .fragments, .opened, .requested: throw violation("The peer sent a data set that nobody asked for.")
        }
    }

    /// The data set that belongs to the command before.
    func dataSet(_ context: AcceptedContext) async throws -> DataSet {
        var incoming = IncomingDataSet(channel, limit: settings.maximumResponseLength)
        return try await dataSet(&incoming, context)
    }

    private func dataSet(_ incoming: inout IncomingDataSet, _ context: AcceptedContext) async throws -> DataSet {
        do {
            return try await incoming.dataSet(context.transferSyntax)
        } catch let error as DICOMError {
            channel.abort(error)
            throw error
        }
    }

    func violation(_ message: String) -> DICOMError {
        let error = DICOMError(.protocolViolation, message, peer: peer.description)
        channel.abort(error)
        return error
    }

    // MARK: - Operations with many responses

    /// Sends the request of an operation, whose responses come from ``nextResponse(of:)``.
    func start(_ command: DIMSECommand, _ identifier: DataSet, _ operation: Operation) async throws {
        let bytes = try identifier.encoded(as: operation.context.transferSyntax, isQuery: true)
        pending = operation
        try await send(command, bytes, operation.context)
    }

    /// The next response of an operation; `nil` after the last.
    func nextResponse(of messageID: UInt16) async throws -> Response? {
        guard let operation = pending, operation.messageID == messageID else { return nil }
        let response = try await response(
            to: messageID, operation.field.response, operation.context, storage: operation.storage)
        if response.status.category != .pending { pending = nil }
        return response
    }

    /// Cancels the operation that is under way, if there is one, and reads what is left of it.
    func finishPending() async throws {
        guard let operation = pending else { return }
        try await send(.cCancelRequest(of: operation.messageID), nil, operation.context)
        while try await nextResponse(of: operation.messageID) != nil {}
    }

    // MARK: - What the peer asks

    /// Answers a request of the peer: a C-STORE within a C-GET, a report, or what is not expected.
    func serve(_ command: DIMSECommand, _ contextID: UInt8, _ storage: (any StorageService)?) async throws {
        guard let context = negotiated.contexts[contextID] else { throw violation("The peer used an unknown context.") }
        switch command.field {
        case .cStoreRequest:
            try await receiveInstance(command, context, storage)
        case .nEventReportRequest where isRequestor && context.abstractSyntax == .storageCommitmentPushModel:
            try await takeReport(command, context)
        case .cCancelRequest: break
        default:
            try await drainDataSet(of: command)
            let status: DIMSEStatus = command.field == .cEchoRequest ? .success : .unrecognizedOperation
            try await send(command.response(status), nil, context)
        }
    }

    private func drainDataSet(of command: DIMSECommand) async throws {
        var rest = IncomingDataSet(channel, limit: settings.maximumResponseLength, isEmpty: !command.hasDataSet)
        try await rest.drain()
    }

    private func takeReport(_ command: DIMSECommand, _ context: AcceptedContext) async throws {
        var incoming = IncomingDataSet(channel, limit: settings.maximumResponseLength, isEmpty: !command.hasDataSet)
        let information = command.hasDataSet ? try await dataSet(&incoming, context) : nil
        let byteCount = eventReports.reduce(incoming.byteCount) { $0 + $1.byteCount }
        let isRoom = eventReports.count < Self.maximumEventReports && byteCount <= settings.maximumResponseLength
        if isRoom {
            eventReports.append(EventReport(information: information, byteCount: incoming.byteCount))
        }
        try await send(command.response(isRoom ? .success : .resourceLimitation), nil, context)
    }

    private func receiveInstance(
        _ command: DIMSECommand, _ context: AcceptedContext, _ storage: (any StorageService)?
    ) async throws {
        let info = AssociationInfo(
            id: 0, callingAETitle: negotiated.callingAETitle, calledAETitle: negotiated.calledAETitle,
            peerHost: peer.host, peerPort: peer.port)
        let answer = try await InstanceReception(
            command: command, context: context, channel: channel, association: info,
            limit: settings.maximumInstanceLength, metrics: settings.metrics
        ).receive(into: storage)
        try await send(answer.response(to: command), nil, context)
    }
}

/// What a peer reported (N-EVENT-REPORT, PS3.7 10.1.1).
struct EventReport: Sendable {
    let information: DataSet?
    /// How long the information was on the wire.
    let byteCount: Int
}
