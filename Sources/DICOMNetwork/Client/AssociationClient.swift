import DICOMCoding
import DICOMCore
public import DICOMUpperLayer
public import Logging
public import NIOCore
import NIOPosix

/// How a service class user names itself, and how long it waits.
public struct AssociationClientOptions: Sendable {
    /// The calling AE title.
    public var callingAETitle: String
    /// How long the connection may take.
    public var connectTimeout: Duration = .seconds(10)
    /// How long the peer may take to answer the association request.
    public var acceptTimeout: Duration = .seconds(30)
    /// How long the peer may take for each response, and be deaf while a request is sent.
    public var responseTimeout: Duration = .seconds(120)
    /// How long the peer may take to close the connection after an abort.
    public var artimTimeout: Duration = .seconds(5)
    /// The longest P-DATA-TF PDU that the peer is asked to send, bytes; at least 4096, and less counts as that.
    public var maximumPDULength = 131_072
    /// How long the peer may take to answer a release request.
    public var releaseTimeout: Duration = .seconds(10)
    /// TLS; `nil`: none.
    public var tls: ClientTLS?
    /// The user identity, extended negotiations and the like (PS3.7 D.3.3).
    public var extras = NegotiationExtras()
    /// Brings files into a transfer syntax that the peer accepted, where it did not accept theirs.
    public var transcoder: InstanceTranscoder = uncompressedTranscoder
    /// The longest data set of a response that is taken, bytes.
    public var maximumResponseLength = 64 << 20
    /// Whether every PDU is logged, at the level `trace`; without patient data.
    public var tracesPDUs = false
    /// Where connections are served; NIO's own threads by default.
    public var eventLoopGroup: (any EventLoopGroup)?
    /// Whether the body of ``withAssociation(to:proposing:options:logger:_:)`` runs on the connection's event loop, which
    /// spares two switches of threads for each message: half the time of small instances. A body that does more than send
    /// and receive would hold up the other connections of that event loop.
    public var runsOnEventLoop = false

    public init(callingAETitle: String) { self.callingAETitle = callingAETitle }
}

/// Opens an association, lets `body` use it, and releases it; when `body` throws or the task is cancelled, it is aborted.
///
/// ```swift
/// let instances = try paths.map(OutgoingInstance.init(path:))
/// for plan in StorePlan.plans(for: instances) {
///     try await withAssociation(
///         to: archive, proposing: plan.proposals, options: .init(callingAETitle: "NODE"), logger: logger
///     ) { association in
///         for instance in plan.instances { print(try await association.store(instance).status) }
///     }
/// }
/// ```
///
/// - Parameter proposing: At most 128 presentation contexts.
/// - Throws: ``DICOMError``: ``DICOMError/Code/connectionFailed``,
///   ``DICOMError/Code/associationRejectedPermanently`` or ``DICOMError/Code/associationRejectedTransiently`` with the peer's
///   reason in words, ``DICOMError/Code/timedOut`` and others; and what `body` throws.
public func withAssociation<Result>(
    to endpoint: Endpoint, proposing proposals: [PresentationContextProposal], options: AssociationClientOptions,
    logger: Logger, _ body: (Association) async throws -> Result
) async throws -> Result {
    let channel = try await connect(to: endpoint, proposing: proposals, options, logger)
    defer { channel.close() }
    do {
        let association = try await opened(channel, endpoint, options)
        logger.debug("Association opened.", metadata: ["peer": "\(endpoint)"])
        let metrics = association.settings.metrics
        metrics?.opened()
        defer { metrics?.closed(channel.end ?? .aborted) }
        let executor = options.runsOnEventLoop ? LoopTaskExecutor(channel.channel.eventLoop) : nil
        let result = try await withTaskExecutorPreference(executor) { try await body(association) }
        try Task.checkCancellation()
        await release(association, logger)
        return result
    } catch {
        channel.abort(error as? DICOMError)
        if !Task.isCancelled { await channel.waitUntilClosed() }
        throw error
    }
}

private func connect(
    to endpoint: Endpoint, proposing proposals: [PresentationContextProposal], _ options: AssociationClientOptions,
    _ logger: Logger
) async throws -> AssociationChannel {
    try endpoint.validate()
    let offer = try RequestorOffer(
        calledAETitle: try AETitle(validating: endpoint.aeTitle),
        callingAETitle: try AETitle(validating: options.callingAETitle), proposals: proposals,
        maximumPDULength: options.wirePDULength, implementationClassUID: Implementation.classUID,
        implementationVersionName: Implementation.versionName, extras: options.extras)
    let trace = options.tracesPDUs ? PDUTrace(logger, peer: "\(endpoint)") : nil
    let tls = try options.tls.map { tls throws(DICOMError) in (tls, try tls.context()) }
    let bootstrap = ClientBootstrap(group: options.eventLoopGroup ?? MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(TimeAmount(options.connectTimeout))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelOption(.socketOption(.so_keepalive), value: 1)
        .channelOption(.maxMessagesPerRead, value: 1)
    do {
        return try await bootstrap.connect(host: endpoint.host, port: endpoint.port) { channel in
            channel.eventLoop.makeCompletedFuture {
                let exchange = AssociationChannel(channel)
                if let (settings, context) = tls {
                    try channel.pipeline.syncOperations.addHandler(
                        settings.handler(context, for: endpoint.host))
                }
                try channel.pipeline.syncOperations.addHandler(
                    UpperLayerHandler(
                        role: .requestor(offer), exchange: exchange, maximumPDULength: options.wirePDULength,
                        limits: options.limits, trace: trace))
                return exchange
            }
        }
    } catch {
        throw DICOMError(
            .connectionFailed, "No connection; is the peer running, and are host and port right?",
            peer: endpoint.description, underlying: error)
    }
}

private func opened(
    _ channel: AssociationChannel, _ endpoint: Endpoint, _ options: AssociationClientOptions
) async throws -> Association {
    switch try await channel.next() {
    case .opened(let association):
        return Association(
            channel, association, peer: endpoint,
            settings: .init(
                transcode: options.transcoder, maximumResponseLength: options.maximumResponseLength,
                metrics: AssociationMetrics(role: "scu", peer: endpoint.aeTitle)))
    case .ended(let end, let error): throw channel.error(end, error, endpoint)
    case .requested, .command, .fragments, .releaseRequested:
        throw DICOMError(.protocolViolation, "A message came before the association.", peer: endpoint.description)
    }
}

/// Cancels what is under way and releases the association. What fails here changes nothing of what the peer has confirmed
/// before: it is logged.
private func release(_ association: Association, _ logger: Logger) async {
    let channel = association.channel
    if channel.end != nil { return }
    do {
        try await association.finishPending()
        channel.command(.requestRelease)
        while true {
            guard case .ended(let end, let error) = try await channel.next() else { continue }
            if end == .released { return }
            throw channel.error(end, error, association.peer)
        }
    } catch {
        channel.abort()
        logger.notice(
            "The association was not released properly.",
            metadata: [
                "peer": "\(association.peer)", "reason": "\((error as? DICOMError)?.message ?? "\(type(of: error))")",
            ])
    }
}

extension AssociationClientOptions {
    /// The maximum PDU length as the wire has it.
    fileprivate var wirePDULength: UInt32 { UInt32(clamping: max(4096, maximumPDULength)) }

    fileprivate var limits: UpperLayerHandler.TimeLimits {
        .init(
            artim: TimeAmount(artimTimeout), handshake: TimeAmount(acceptTimeout), idle: TimeAmount(responseTimeout),
            release: TimeAmount(releaseTimeout))
    }
}
