import DICOMCoding
import DICOMCore
import DICOMImaging
import DICOMNetwork
public import Logging
import NIOPosix
public import ServiceLifecycle

/// A running pipeline: receives, collects, processes and delivers, and goes on where it stopped after any end.
///
/// ```swift
/// let node = try await Node(PlusOne.self, configuration: PlusOne.configuration, logger: logger)
/// try await ServiceGroup(services: [node], gracefulShutdownSignals: [.sigint, .sigterm], logger: logger).run()
/// ```
public final class Node: Service {
    private let configuration: NodeConfiguration
    private let ledger: Ledger
    private let registry: PatientRegistry
    private let runner: JobRunner
    private let outbox: Outbox
    private let server: AssociationServer
    private let threadPool: NIOThreadPool
    private let logger: Logger
    private let stopping = StopFlag()
    private let jobWake: AsyncStream<Void>.Continuation
    private let outboxWake: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)

    /// How often waiting patients, retries and commands from outside are looked at.
    private static let tickInterval: Duration = .milliseconds(250)
    /// How often expired patients are looked for.
    private static let maintenanceInterval: Duration = .seconds(3600)

    /// Opens the state directory and recovers what it holds; nothing listens yet.
    ///
    /// - Throws: `DICOMError` when the configuration, the state directory or the ledger cannot be used.
    public init<P: Pipeline>(_ pipeline: P.Type, configuration: NodeConfiguration, logger: Logger) async throws {
        try configuration.validate()
        FrameCodecs.register(P.codecs)
        let definition = try PipelineDefinition(P.self)
        let directory = try StateDirectory(
            path: configuration.stateDirectory ?? StateDirectory.defaultPath(aeTitle: configuration.aeTitle))
        let ledger = try Ledger(path: directory.ledgerPath)
        let (jobStream, jobWake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let (outboxStream, outboxWake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let made = MadeSeries(
            try await ledger.madeSeries(),
            seed: DerivationSeed(
                pipeline: definition.name, version: definition.version, configuration: configuration.aeTitle))
        threadPool = NIOThreadPool(numberOfThreads: 8)
        registry = PatientRegistry(
            pipeline: definition, configuration: configuration, directory: directory, ledger: ledger, logger: logger,
            jobIsReady: { _ in jobWake.yield() })
        outbox = Outbox(
            configuration: configuration, directory: directory, ledger: ledger, stopping: stopping, logger: logger)
        runner = JobRunner(
            pipeline: definition, configuration: configuration, directory: directory, ledger: ledger, made: made,
            logger: logger, stopping: stopping, wake: jobStream, outbox: outbox, outputsAreReady: { outboxWake.yield() }
        )
        let storage = NodeStorage(
            pipeline: definition, configuration: configuration, directory: directory, registry: registry, made: made,
            threadPool: threadPool, logger: logger)
        server = AssociationServer(
            configuration: configuration.serverConfiguration, storage: storage, logger: logger)
        self.configuration = configuration
        self.ledger = ledger
        self.logger = logger
        self.jobWake = jobWake
        self.outboxWake = (outboxStream, outboxWake)
        threadPool.start()
        try await registry.recover()
    }

    /// The port that the node listens on; waits until it does.
    public var port: Int { get async throws { try await server.boundPort } }

    /// Serves until the graceful shutdown: then it takes no more associations, lets those that are open and the job that
    /// runs finish for the grace period, and leaves the rest for the next start.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.server.run() }
            let work = Task {
                try await withThrowingTaskGroup(of: Void.self) { work in
                    work.addTask { try await self.runner.run() }
                    work.addTask { try await self.outbox.run(wake: self.outboxWake.stream) }
                    work.addTask { try await self.tick() }
                    try await work.waitForAll()
                }
            }
            group.addTask {
                try await withTaskCancellationHandler {
                    try await work.value
                } onCancel: {
                    work.cancel()
                }
            }
            // The server ends first; what runs then gets the grace period.
            _ = try await group.next()
            await finishWork(work)
            group.cancelAll()
            try? await group.waitForAll()
        }
        try await threadPool.shutdownGracefully()
        logger.info("The node has stopped.")
    }

    /// Begins nothing more, waits until no job is processed and nothing is on its way, at most for the grace period, and
    /// ends the work.
    private func finishWork(_ work: Task<Void, any Error>) async {
        stopping.set()
        let deadline = ContinuousClock.now + configuration.shutdownGracePeriod
        while .now < deadline, !work.isCancelled {
            if runner.isIdle, await outbox.isIdle { break }
            try? await Task.sleep(for: .milliseconds(50))
        }
        work.cancel()
    }

    private func tick() async throws {
        var nextMaintenance = ContinuousClock.now
        while !Task.isCancelled {
            if nextMaintenance <= .now {
                nextMaintenance = .now + Self.maintenanceInterval
                do { try await registry.expire() } catch { logger.error("The maintenance failed: \(error)") }
            }
            try await Task.sleep(for: Self.tickInterval)
            await registry.tick()
            jobWake.yield()
            outboxWake.continuation.yield()
        }
    }
}

extension NodeConfiguration {
    /// What the association server is told.
    var serverConfiguration: AssociationServerConfiguration {
        var server = AssociationServerConfiguration(host: address, port: port, aeTitle: aeTitle)
        server.access.allowedCallingAETitles = acceptedCallingAETitles
        server.maximumAssociations = maximumAssociations
        server.idleTimeout = idleTimeout
        let decodable = FrameCodecs.decodableTransferSyntaxes.sorted { $0.string < $1.string }
        server.storageTransferSyntaxes =
            transferSyntaxes ?? [.explicitVRLittleEndian, .implicitVRLittleEndian]
            + decodable.map { TransferSyntax(uid: $0) }
        server.shutdownTimeout = shutdownGracePeriod
        return server
    }
}
