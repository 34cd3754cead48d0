import DICOMCore
import DICOMUpperLayer
import NIOCore

/// The task's side of an association: reads events, writes commands, one after the other.
final class AssociationChannel {
    typealias Wrapped = NIOAsyncChannel<AssociationEvent, AssociationCommand>

    private let channel: any Channel
    /// Unsafe only to the compiler: the object is not Sendable, so that one task at a time comes here.
    nonisolated(unsafe) private var events: NIOAsyncChannelInboundStream<AssociationEvent>.AsyncIterator
    private let commands: NIOAsyncChannelOutboundWriter<AssociationCommand>
    /// How the association ended, once it did.
    private(set) var end: AssociationEnd?
    private(set) var endError: DICOMError?

    init(
        _ channel: any Channel, _ inbound: NIOAsyncChannelInboundStream<AssociationEvent>,
        _ outbound: NIOAsyncChannelOutboundWriter<AssociationCommand>
    ) {
        self.channel = channel
        events = inbound.makeAsyncIterator()
        commands = outbound
    }

    /// Adds the handlers to a new channel; on its event loop.
    static func wrap(_ channel: any Channel, _ handler: UpperLayerHandler) throws -> Wrapped {
        try channel.pipeline.syncOperations.addHandler(handler)
        return try Wrapped(
            wrappingChannelSynchronously: channel,
            configuration: .init(backPressureStrategy: .init(lowWatermark: 2, highWatermark: 10)))
    }

    /// The next event; ``AssociationEvent/ended(_:_:)`` again and again after the end.
    func next() async throws -> AssociationEvent {
        if let end { return .ended(end, endError) }
        let event: AssociationEvent
        do {
            event = try await events.next() ?? .ended(.lost, nil)
        } catch {
            event = .ended(.lost, DICOMError(.connectionLost, "The connection failed.", underlying: error))
        }
        switch event {
        case .ended(let end, let error):
            // A cancelled task's stream ends early: that is this side's doing.
            try Task.checkCancellation()
            self.end = end
            endError = error
        case .opened, .command, .fragments, .releaseRequested: break
        }
        return event
    }

    /// Sends an encoded command set, and nothing after it, in one write.
    func send(_ command: [UInt8], contextID: UInt8, _ fragmenter: DIMSEFragmenter) async throws {
        var bytes = channel.allocator.buffer(capacity: 512)
        fragmenter.writeCommand(command[...], contextID: contextID, into: &bytes)
        try await write(.send(bytes))
    }

    func write(_ command: AssociationCommand) async throws { try await commands.write(command) }

    /// A buffer from the channel's allocator.
    func buffer(capacity: Int) -> ByteBuffer { channel.allocator.buffer(capacity: capacity) }

    /// Sends an A-ABORT, when the association is not over; works in a cancelled task too.
    func abort(_ reason: DICOMError? = nil) {
        channel.triggerUserOutboundEvent(UpperLayerHandler.AbortRequest(reason: reason), promise: nil)
    }

    /// The error to be thrown when the association has ended before its time.
    func error(_ end: AssociationEnd, _ error: DICOMError?, _ peer: Endpoint) -> DICOMError {
        DICOMError(
            error?.code ?? (end == .lost ? .connectionLost : .associationAborted),
            error?.message ?? "The association has ended (\(end.rawValue)).", peer: peer.description,
            underlying: error?.underlying)
    }

    /// The error to be thrown when a request could not be sent: where a write failed, because the association has ended,
    /// how it ended; otherwise the error itself, and the association is aborted because it stands within a message.
    func reason(for error: any Error, _ peer: Endpoint) async -> any Error {
        if error is CancellationError || Task.isCancelled { return CancellationError() }
        if let error = error as? DICOMError {
            abort(error)
            return error
        }
        while true {
            guard let event = try? await next() else { return error }
            if case .ended(let end, let error) = event { return self.error(end, error, peer) }
        }
    }

    /// Waits for the connection to be closed by the peer or, at the latest, by ARTIM.
    func waitUntilClosed() async { try? await channel.closeFuture.get() }
}
