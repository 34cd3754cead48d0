import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMUpperLayer
import Logging
import NIOCore

/// Serves one association of an ``AssociationServer``: takes a message, answers it, and takes the next.
struct AssociationWorker {
    let configuration: AssociationServerConfiguration
    let services: Services
    let places: AssociationPlaces
    let id: UInt64
    let address: SocketAddress?
    let server: AssociationServer
    var logger: Logger

    private var peerHost: String { address?.ipAddress ?? "unknown" }
    private var peerPort: Int { address?.port ?? 0 }

    /// Serves until the association has ended and the connection is closed; errors are logged, once.
    func run(_ channel: AssociationChannel) async {
        do {
            guard case .requested(let request) = try await channel.next() else {
                // That somebody looks whether the port is open is nothing to be told.
                let isProbe = channel.endError?.code == .connectionLost
                logEnd(
                    channel, peer: Endpoint.address(host: peerHost, port: peerPort), level: isProbe ? .debug : .notice)
                return await channel.waitUntilClosed()
            }
            try await serve(request, channel)
        } catch {
            channel.abort(error as? DICOMError)
            logEnd(channel, peer: Endpoint.address(host: peerHost, port: peerPort), level: .notice, error)
        }
        if !Task.isCancelled { await channel.waitUntilClosed() }
    }

    // MARK: - Establishment

    private func serve(_ request: AssociateRequest, _ channel: AssociationChannel) async throws {
        let info = AssociationInfo(
            id: id, callingAETitle: request.callingAETitle, calledAETitle: request.calledAETitle, peerHost: peerHost,
            peerPort: peerPort, certificateFingerprint: await server.fingerprint(of: channel))
        let place = places.take(for: peerHost)
        switch try await answer(request, info, isAtLimit: place == nil) {
        case .reject(let reject): rejected(reject, info, channel)
        case .accept(let accept, let negotiated):
            let association = try OpenAssociation(negotiated)
            channel.command(.accept(accept, negotiated))
            await serve(association, info, channel)
        }
        // The place is free only now: what the service still did counted as an association.
        withExtendedLifetime(place) {}
    }

    /// The lists and limits come first, then the certificate, then the user.
    private func answer(
        _ request: AssociateRequest, _ info: AssociationInfo, isAtLimit: Bool
    ) async throws -> AssociationAnswer {
        var policy = configuration.policy(for: services)
        policy.isAtLimit = isAtLimit
        let answer = try policy.answer(request)
        if case .reject = answer { return answer }
        guard configuration.access.allowsCertificate(info.certificateFingerprint) else { return .reject(.noReason) }
        guard let userIdentity = configuration.userIdentity else { return answer }
        switch await userIdentity.decide(request.userInformation.userIdentity, info) {
        case .reject: return .reject(.noReason)
        case .accept(let response): return try policy.answer(request, userIdentityResponse: response)
        }
    }

    private func rejected(_ reject: AssociateReject, _ info: AssociationInfo, _ channel: AssociationChannel) {
        channel.command(.reject(reject))
        AssociationMetrics.rejected(peer: info.peerTitle, reason: "\(reject.result)/\(reject.source)/\(reject.reason)")
        logger.notice(
            "An association was rejected.",
            metadata: ["association": "\(id)", "peer": "\(info.peer)", "reason": "\(reject)"])
    }

    private func logEnd(
        _ channel: AssociationChannel, peer: String, level: Logger.Level = .notice, _ failure: (any Error)? = nil
    ) {
        var metadata: Logger.Metadata = ["association": "\(id)", "peer": "\(peer)"]
        guard let error = channel.endError ?? failure as? DICOMError else {
            return logger.debug("Association closed.", metadata: metadata)
        }
        metadata["code"] = "\(error.code)"
        metadata["reason"] = "\(error.message)"
        logger.log(level: level, "The association ended by an error.", metadata: metadata)
    }

    // MARK: - Messages

    private func serve(_ association: OpenAssociation, _ info: AssociationInfo, _ channel: AssociationChannel) async {
        var logger = logger
        logger[metadataKey: "association"] = "\(id)"
        logger[metadataKey: "peer"] = "\(info.peer)"
        logger.debug("Association opened.")
        let metrics = AssociationMetrics(role: "scp", peer: info.peerTitle)
        metrics.opened()
        AssociationMetrics.current(places.count)
        await services.storage?.associationOpened(info)
        let session = AssociationSession(
            info: info, association: association, channel: channel, configuration: configuration, services: services,
            server: server, metrics: metrics, logger: logger)
        let end = await session.serveMessages()
        logEnd(channel, peer: info.peer)
        await services.storage?.associationClosed(info, end)
        metrics.closed(end)
        AssociationMetrics.current(max(0, places.count - 1))
    }
}
