import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMUpperLayer
public import Logging
public import NIOCore
import NIOPosix
public import ServiceLifecycle
import Synchronization

/// A DICOM service class provider: verification (C-ECHO) and storage (C-STORE).
///
/// ```swift
/// let server = AssociationServer(configuration: .init(port: 11112, aeTitle: "NODE"), storage: storage, logger: logger)
/// try await server.run()  // until graceful shutdown or cancellation
/// ```
///
/// Every association is served by a task of its own, on the event loop of its connection. An error ends the association it
/// happens in and no other.
public final class AssociationServer: Service, Sendable {
    private let configuration: AssociationServerConfiguration
    private let storage: any StorageService
    private let logger: Logger
    private let givenGroup: (any EventLoopGroup)?
    private let state = Mutex(State.starting([]))
    private let places: AssociationPlaces
    /// Connections are bounded too, so that peers that never ask for an association cannot take all descriptors.
    private let connections: AssociationPlaces
    private let connectionCount = Atomic<UInt64>(0)

    private enum State {
        case starting([CheckedContinuation<Int, any Error>])
        case listening(port: Int, stop: @Sendable () -> Void)
        case stopped
    }

    /// How many connections may be without an association, while they ask for one or close.
    private static let spareConnections = 128

    /// - Parameter eventLoopGroup: Where connections are served; by default the server has threads of its own while it runs,
    ///   several even on a small machine, because storage services write files on them.
    public init(
        configuration: AssociationServerConfiguration, storage: any StorageService, logger: Logger,
        eventLoopGroup: (any EventLoopGroup)? = nil
    ) {
        self.configuration = configuration
        self.storage = storage
        self.logger = logger
        givenGroup = eventLoopGroup
        places = AssociationPlaces(configuration.maximumAssociations)
        connections = AssociationPlaces(max(0, configuration.maximumAssociations) + Self.spareConnections)
    }

    /// The port that the server listens on; waits until it does.
    ///
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/connectionFailed`` when it has stopped or could not listen.
    public var boundPort: Int {
        get async throws {
            try await withCheckedThrowingContinuation { continuation in
                state.withLock { state in
                    switch state {
                    case .starting(let waiting): state = .starting(waiting + [continuation])
                    case .listening(let port, _): continuation.resume(returning: port)
                    case .stopped: continuation.resume(throwing: Self.stoppedError)
                    }
                }
            }
        }
    }

    private static let stoppedError = DICOMError(.connectionFailed, "The server does not listen any more.")

    /// Stops accepting connections and lets ``run()`` return when the associations have ended, or were aborted after
    /// ``AssociationServerConfiguration/shutdownTimeout``. ServiceLifecycle's graceful shutdown does the same.
    /// Before the server listens it does nothing.
    public func shutDown() {
        let stop: (@Sendable () -> Void)? = state.withLock { state in
            if case .listening(_, let stop) = state { stop } else { nil }
        }
        stop?()
    }

    /// Listens and serves until ``shutDown()``, a graceful shutdown, or the task's cancellation, which aborts associations.
    ///
    /// A server runs once.
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/connectionFailed`` when it cannot listen.
    public func run() async throws {
        defer { stopped() }
        let group = givenGroup ?? MultiThreadedEventLoopGroup(numberOfThreads: max(4, System.coreCount))
        do {
            try await serve(on: group)
        } catch is CancellationError {
            // Stopped as it was asked to.
        } catch {
            if givenGroup == nil { try? await group.shutdownGracefully() }
            throw error
        }
        if givenGroup == nil { try? await group.shutdownGracefully() }
    }

    private func stopped() {
        let waiting: [CheckedContinuation<Int, any Error>] = state.withLock { state in
            defer { state = .stopped }
            return if case .starting(let waiting) = state { waiting } else { [] }
        }
        for continuation in waiting { continuation.resume(throwing: Self.stoppedError) }
    }

    private func serve(on group: any EventLoopGroup) async throws {
        let listener = try await listen(on: group)
        let port = listener.channel.localAddress?.port ?? configuration.port
        let (stopping, stop) = AsyncStream<Void>.makeStream()
        let channel = listener.channel
        let waiting = state.withLock { state in
            let waiting: [CheckedContinuation<Int, any Error>] = if case .starting(let all) = state { all } else { [] }
            state = .listening(port: port) {
                channel.close(promise: nil)
                stop.yield()
            }
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: port) }
        logger.info("Listening.", metadata: ["address": "\(Endpoint.address(host: configuration.host, port: port))"])
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await self.accept(listener) }
                tasks.addTask { await self.watchShutdown(stopping) }
                try await tasks.next()
                tasks.cancelAll()
                try await tasks.waitForAll()
            }
        } onGracefulShutdown: {
            self.shutDown()
        }
    }

    /// Returns when a shutdown has taken too long, and at cancellation.
    private func watchShutdown(_ stopping: AsyncStream<Void>) async {
        for await _ in stopping { break }
        do {
            try await Task.sleep(for: configuration.shutdownTimeout)
            logger.warning("Associations did not end in time and are aborted.")
        } catch {
            // Cancelled: the associations have ended.
        }
    }

    // MARK: - Connections

    /// A connection with its number, closed at the latest when nobody holds it any more: one that waits to be served when
    /// the server stops is just dropped.
    private final class Connection: Sendable {
        let id: UInt64
        let channel: any Channel

        init(id: UInt64, _ channel: any Channel) {
            self.id = id
            self.channel = channel
        }

        deinit { channel.close(promise: nil) }
    }

    private func listen(on group: any EventLoopGroup) async throws -> NIOAsyncChannel<Connection?, Never> {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { [logger] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptErrorHandler(logger))
                }
            }
            // Nothing is read before the connection's task has put its handlers in place.
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // What one read brought is stored before the next: it is in the processor's cache still, and its buffer is used
            // again.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 16_384, initial: 65_536, maximum: 262_144))
        do {
            return try await bootstrap.bind(host: configuration.host, port: configuration.port) { channel in
                channel.eventLoop.makeCompletedFuture { self.connection(on: channel) }
            }
        } catch {
            let address = Endpoint.address(host: configuration.host, port: configuration.port)
            throw DICOMError(
                .connectionFailed, "Cannot listen on \(address); is the port taken or the address not of this host?",
                underlying: error)
        }
    }

    private func connection(on channel: any Channel) -> Connection? {
        guard let place = connections.take() else {
            logger.notice("A connection is closed: there are too many.")
            channel.close(promise: nil)
            return nil
        }
        channel.closeFuture.whenComplete { _ in withExtendedLifetime(place) {} }
        return Connection(id: connectionCount.add(1, ordering: .relaxed).newValue, channel)
    }

    /// Puts the handlers into an accepted connection and lets it be read.
    private func wrap(_ channel: any Channel) async throws -> AssociationChannel.Wrapped {
        try await channel.eventLoop.submit { [configuration, places] in
            // A channel that is closed already would never tell its end.
            guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
            let handler = UpperLayerHandler(
                role: .acceptor(.init(policy: configuration.policy) { places.take() }),
                maximumPDULength: configuration.wirePDULength, limits: configuration.limits)
            let wrapped = try AssociationChannel.wrap(channel, handler)
            try channel.syncOptions?.setOption(.autoRead, value: true)
            return wrapped
        }.get()
    }

    private func accept(_ listener: NIOAsyncChannel<Connection?, Never>) async throws {
        try await listener.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { tasks in
                for try await connection in connections {
                    guard let connection else { continue }
                    let executor = LoopTaskExecutor(connection.channel.eventLoop)
                    tasks.addTask(executorPreference: executor) { await self.serve(connection) }
                }
            }
        }
    }

    private func serve(_ connection: Connection) async {
        let channel = connection.channel
        let address = channel.remoteAddress
        let worker = AssociationWorker(
            configuration: configuration, storage: storage, logger: logger, id: connection.id,
            peerHost: address?.ipAddress ?? "unknown", peerPort: address?.port ?? 0)
        // What fails here is that the channel was closed before.
        try? await wrap(channel).executeThenClose { inbound, outbound in
            await worker.run(AssociationChannel(channel, inbound, outbound))
        }
    }
}

/// Keeps the listener alive when a connection could not be accepted, because descriptors ran out or the peer was gone.
private final class AcceptErrorHandler: ChannelInboundHandler {
    typealias InboundIn = any Channel
    private let logger: Logger

    init(_ logger: Logger) { self.logger = logger }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.warning("A connection could not be accepted.", metadata: ["reason": "\(error)"])
    }
}

extension AssociationServerConfiguration {
    /// The maximum PDU length as the wire has it.
    var wirePDULength: UInt32 { UInt32(clamping: max(4096, maximumPDULength)) }

    var limits: UpperLayerHandler.TimeLimits {
        let idle = TimeAmount(idleTimeout)
        return .init(artim: TimeAmount(artimTimeout), handshake: idle, idle: idle)
    }

    /// How association requests are answered.
    var policy: AcceptorPolicy {
        var policy = AcceptorPolicy(
            maximumPDULength: wirePDULength, implementationClassUID: Implementation.classUID,
            implementationVersionName: Implementation.versionName
        ) { [storageTransferSyntaxes, acceptsAllTransferSyntaxesForStorage] sopClass, proposed in
            if sopClass == .verification {
                return .choosing(from: proposed, preferring: [.explicitVRLittleEndian, .implicitVRLittleEndian])
            }
            guard sopClass.isStorageSOPClass || sopClass.isPrivate else { return .abstractSyntaxNotSupported }
            if acceptsAllTransferSyntaxesForStorage, let first = proposed.first { return .accept(first) }
            return .choosing(from: proposed, preferring: storageTransferSyntaxes)
        }
        policy.calledAETitles = acceptsAnyCalledAETitle ? [] : [aeTitle]
        policy.callingAETitles = acceptedCallingAETitles
        return policy
    }
}
