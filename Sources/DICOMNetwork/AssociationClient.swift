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
    /// The longest P-DATA-TF PDU that the peer is asked to send, bytes.
    public var maximumPDULength = 131_072
    /// Where connections are served; NIO's own threads by default.
    public var eventLoopGroup: (any EventLoopGroup)?

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
    let connection = try await connect(to: endpoint, proposing: proposals, options)
    return try await connection.executeThenClose { inbound, outbound in
        let channel = AssociationChannel(connection.channel, inbound, outbound)
        do {
            let association = try await opened(channel, endpoint)
            logger.debug("Association opened.", metadata: ["peer": "\(endpoint)"])
            let result = try await body(association)
            try Task.checkCancellation()
            await release(channel, endpoint, logger)
            return result
        } catch {
            channel.abort()
            if !Task.isCancelled { await channel.waitUntilClosed() }
            throw error
        }
    }
}

private func connect(
    to endpoint: Endpoint, proposing proposals: [PresentationContextProposal], _ options: AssociationClientOptions
) async throws -> AssociationChannel.Wrapped {
    try endpoint.validate()
    let offer = try RequestorOffer(
        calledAETitle: try AETitle(validating: endpoint.aeTitle),
        callingAETitle: try AETitle(validating: options.callingAETitle), proposals: proposals,
        maximumPDULength: options.wirePDULength, implementationClassUID: Implementation.classUID,
        implementationVersionName: Implementation.versionName)
    let bootstrap = ClientBootstrap(group: options.eventLoopGroup ?? MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(TimeAmount(options.connectTimeout))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        // Two chunks may wait, so that the socket has something to send while the next one is read.
        .channelOption(.writeBufferWaterMark, value: .init(low: 256 * 1024, high: 1024 * 1024))
    do {
        return try await bootstrap.connect(host: endpoint.host, port: endpoint.port) { channel in
            channel.eventLoop.makeCompletedFuture {
                let handler = UpperLayerHandler(
                    role: .requestor(offer), maximumPDULength: options.wirePDULength, limits: options.limits)
                return try AssociationChannel.wrap(channel, handler)
            }
        }
    } catch {
        throw DICOMError(
            .connectionFailed, "No connection; is the peer running, and are host and port right?",
            peer: endpoint.description, underlying: error)
    }
}

private func opened(_ channel: AssociationChannel, _ endpoint: Endpoint) async throws -> Association {
    switch try await channel.next() {
    case .opened(let association): return Association(channel, association, peer: endpoint)
    case .ended(let end, let error): throw channel.error(end, error, endpoint)
    case .command, .fragments, .releaseRequested:
        throw DICOMError(.protocolViolation, "A message came before the association.", peer: endpoint.description)
    }
}

/// Releases the association. What fails here changes nothing of what the peer has confirmed before: it is logged.
private func release(_ channel: AssociationChannel, _ endpoint: Endpoint, _ logger: Logger) async {
    if channel.end != nil { return }
    try? await channel.write(.requestRelease)
    while true {
        guard let event = try? await channel.next() else { return channel.abort() }
        guard case .ended(let end, let error) = event else { continue }
        if end != .released {
            logger.notice(
                "The association was not released properly.",
                metadata: ["peer": "\(endpoint)", "reason": "\(error?.message ?? end.rawValue)"])
        }
        return
    }
}

extension AssociationClientOptions {
    /// The maximum PDU length as the wire has it.
    fileprivate var wirePDULength: UInt32 { UInt32(clamping: max(4096, maximumPDULength)) }

    fileprivate var limits: UpperLayerHandler.TimeLimits {
        .init(
            artim: TimeAmount(artimTimeout), handshake: TimeAmount(acceptTimeout), idle: TimeAmount(responseTimeout))
    }
}
