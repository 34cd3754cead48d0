import Crypto
import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMUpperLayer
public import Logging
public import NIOCore
import NIOPosix
import NIOSSL
public import ServiceLifecycle
import Synchronization

/// A DICOM service class provider: verification (C-ECHO), and the ``Services`` that it is given.
///
/// ```swift
/// let server = AssociationServer(configuration: .init(port: 11112, aeTitle: "NODE"), storage: storage, logger: logger)
/// try await server.run()  // until graceful shutdown or cancellation
/// ```
///
/// Every association is served by a task of its own, on the event loop of its connection. An error ends the association it
/// happens in and no other.
public final class AssociationServer: Service, Sendable {
    let configuration: AssociationServerConfiguration
    private let services: Services
    let logger: Logger
    private let givenGroup: (any EventLoopGroup)?
    private let state = Mutex(State.starting([]))
    private let places: AssociationPlaces
    /// Connections are bounded too, so that peers that never ask for an association cannot take all descriptors.
    private let connections: AssociationPlaces
    private let connectionCount = Atomic<UInt64>(0)
    let tls = Mutex<NIOSSLContext?>(nil)
    /// What goes on after the association that it came from, such as reports of storage commitment.
    private let background = AsyncStream<@Sendable () async -> Void>.makeStream()
    private let backgroundCount = Atomic<Int>(0)

    private enum State {
        case starting([CheckedContinuation<Int, any Error>])
        case listening(port: Int, stop: @Sendable () -> Void)
        case stopped
    }

    /// How many connections may be without an association, while they ask for one or close.
    private static let spareConnections = 128
    /// How many reports of storage commitment may wait to be made or delivered.
    private static let maximumBackground = 256

    /// - Parameter eventLoopGroup: Where connections are served; by default the server has threads of its own while it runs,
    ///   several even on a small machine, because storage services write files on them.
    public init(
        configuration: AssociationServerConfiguration, services: Services, logger: Logger,
        eventLoopGroup: (any EventLoopGroup)? = nil
    ) {
        self.configuration = configuration
        self.services = services
        self.logger = logger
        givenGroup = eventLoopGroup
        places = AssociationPlaces(
            configuration.maximumAssociations, perPeer: configuration.maximumAssociationsPerPeer)
        connections = AssociationPlaces(
            max(0, configuration.maximumAssociations) + Self.spareConnections,
            perPeer: configuration.maximumAssociationsPerPeer.map { max(0, $0) + Self.spareConnections / 2 })
    }

    /// A server that offers verification and storage.
    public convenience init(
        configuration: AssociationServerConfiguration, storage: any StorageService, logger: Logger,
        eventLoopGroup: (any EventLoopGroup)? = nil
    ) {
        self.init(
            configuration: configuration, services: Services(storage: storage), logger: logger,
            eventLoopGroup: eventLoopGroup)
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
        if let settings = configuration.tls { try loadTLS(settings) }
        // The dictionary is made ready now, not on an event loop while the first peer waits.
        _ = DICOMDictionary.vr(of: Attribute<UID>.affectedSOPClassUID.tag)
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
                let side = Task { await self.runBackground() }
                tasks.addTask { try await self.accept(listener) }
                tasks.addTask { await self.watchShutdown(stopping) }
                defer { side.cancel() }
                try await tasks.next()
                tasks.cancelAll()
                try await tasks.waitForAll()
            }
        } onGracefulShutdown: {
            self.shutDown()
        }
    }

    /// Watches the files of TLS, and does what associations leave to be done.
    private func runBackground() async {
        await withDiscardingTaskGroup { tasks in
            tasks.addTask { await self.watchTLS() }
            for await work in background.stream {
                tasks.addTask {
                    await work()
                    self.backgroundCount.subtract(1, ordering: .relaxed)
                }
            }
        }
    }

    /// Does something after the association that it comes from.
    ///
    /// - Throws: ``ServiceFailure`` when there is too much to do already.
    func later(_ work: @escaping @Sendable () async -> Void) throws(ServiceFailure) {
        guard backgroundCount.add(1, ordering: .relaxed).newValue <= Self.maximumBackground else {
            backgroundCount.subtract(1, ordering: .relaxed)
            throw ServiceFailure(.resourceLimitation, comment: "Too many storage commitments wait for their report")
        }
        background.continuation.yield(work)
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
        let exchange: AssociationChannel

        init(id: UInt64, _ exchange: AssociationChannel) {
            self.id = id
            self.exchange = exchange
        }

        deinit { exchange.close() }
    }

    private func listen(on group: any EventLoopGroup) async throws -> NIOAsyncChannel<Connection?, Never> {
        let bootstrap = ServerBootstrap(group: group)
            // A burst of connections waits in the queue; where it is full, a peer would try again only after a second.
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { [logger] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptErrorHandler(logger))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // A peer that vanished without a word is noticed by the system.
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            // What one read brought is stored before the next: it is in the processor's cache still, and its buffer is used
            // again.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 16_384, initial: 65_536, maximum: 524_288))
        do {
            return try await bootstrap.bind(host: configuration.host, port: configuration.port) { channel in
                channel.eventLoop.makeCompletedFuture { try self.connection(on: channel) }
            }
        } catch {
            let address = Endpoint.address(host: configuration.host, port: configuration.port)
            throw DICOMError(
                .connectionFailed, "Cannot listen on \(address); is the port taken or the address not of this host?",
                underlying: error)
        }
    }

    /// Takes a connection that was accepted; `nil` when it is closed at once.
    private func connection(on channel: any Channel) throws -> Connection? {
        let address = channel.remoteAddress
        guard configuration.access.allows(address) else {
            return refused(channel, "its address is not allowed")
        }
        guard let place = connections.take(for: address?.ipAddress ?? "") else {
            return refused(channel, "there are too many")
        }
        channel.closeFuture.whenComplete { _ in withExtendedLifetime(place) {} }
        let exchange = AssociationChannel(channel, bufferLimit: configuration.maximumBufferedBytes)
        if configuration.tls != nil {
            guard let context = tls.withLock({ $0 }) else { return refused(channel, "TLS is not set up") }
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
        }
        let trace = configuration.tracesPDUs ? PDUTrace(logger, peer: "\(address?.ipAddress ?? "unknown")") : nil
        try channel.pipeline.syncOperations.addHandler(
            UpperLayerHandler(
                role: .acceptor, exchange: exchange, maximumPDULength: configuration.wirePDULength,
                limits: configuration.limits, trace: trace))
        return Connection(id: connectionCount.add(1, ordering: .relaxed).newValue, exchange)
    }

    private func refused(_ channel: any Channel, _ reason: String) -> Connection? {
        let peer = channel.remoteAddress?.ipAddress ?? "unknown"
        logger.notice("A connection is closed: \(reason).", metadata: ["peer": "\(peer)"])
        AssociationMetrics.rejected(peer: "", reason: "connection")
        channel.close(promise: nil)
        return nil
    }

    private func accept(_ listener: NIOAsyncChannel<Connection?, Never>) async throws {
        try await listener.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { tasks in
                for try await connection in connections {
                    guard let connection else { continue }
                    let executor = LoopTaskExecutor(connection.exchange.channel.eventLoop)
                    tasks.addTask(executorPreference: executor) { await self.serve(connection) }
                }
            }
        }
    }

    private func serve(_ connection: Connection) async {
        let exchange = connection.exchange
        let worker = AssociationWorker(
            configuration: configuration, services: services, places: places, id: connection.id,
            address: exchange.channel.remoteAddress, server: self, logger: logger)
        await worker.run(exchange)
        exchange.close()
    }
}

/// Keeps the listener alive when a connection could not be accepted, because descriptors ran out or the peer was gone.
///
/// It pauses then: the connection that waits would be tried again at once, and again.
private final class AcceptErrorHandler: ChannelInboundHandler {
    typealias InboundIn = any Channel
    private static let pause: TimeAmount = .milliseconds(100)
    private static let silence: TimeAmount = .seconds(10)
    private let logger: Logger
    private var nextLog = NIODeadline.distantPast

    init(_ logger: Logger) { self.logger = logger }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if nextLog <= .now() {
            nextLog = .now() + Self.silence
            logger.warning("A connection could not be accepted.", metadata: ["reason": "\(error)"])
        }
        let channel = context.channel
        channel.setOption(.autoRead, value: false).whenComplete { _ in }
        channel.eventLoop.scheduleTask(in: Self.pause) {
            channel.setOption(.autoRead, value: true).whenComplete { _ in }
        }
    }
}
