import CDICOMSystem
import DICOMCoding
import DICOMCore
import DICOMNetwork
import Foundation
import Glibc
import Logging
import Synchronization

/// Processes the jobs that are ready, a limited number at a time.
struct JobRunner: Sendable {
    let pipeline: PipelineDefinition
    let configuration: NodeConfiguration
    let directory: StateDirectory
    let ledger: Ledger
    let made: MadeSeries
    let logger: Logger
    /// Set when the node stops: no job is begun any more.
    let stopping: StopFlag
    /// Wakes the runner: a job may be ready.
    let wake: AsyncStream<Void>
    let outbox: Outbox
    /// Wakes the outbox: outputs wait for delivery.
    let outputsAreReady: @Sendable () -> Void
    /// The jobs that are processed now, until what follows is recorded.
    private let running = RunningJobs()

    /// Whether no job is processed.
    var isIdle: Bool { running.count == 0 }

    /// Runs until the task is cancelled or the node stops. A job that is interrupted so stays recorded as processing, and is
    /// processed again when the node starts the next time.
    func run() async throws {
        for job in try await ledger.jobs(in: [.processing]) {
            if let id = job.id { try await ledger.setState(.ready, of: id) }
        }
        await withDiscardingTaskGroup { group in
            for await _ in wake {
                if stopping.isSet { break }
                for job in await ready() where running.count < configuration.maximumConcurrentJobs {
                    guard let id = job.id, running.insert(id) else { continue }
                    group.addTask {
                        await process(job)
                        running.remove(id)
                    }
                }
            }
        }
    }

    /// The jobs whose turn it is; none while the ledger cannot be read.
    private func ready() async -> [JobRecord] {
        do {
            return try await ledger.jobs(in: [.ready])
        } catch {
            logger.error("The ledger could not be read: \(error)")
            return []
        }
    }

    private func process(_ job: JobRecord) async {
        guard let id = job.id else { return }
        do {
            let folder = JobFolder(path: directory.job(id))
            let order = try order(job, id)
            guard try await ledger.beginProcessing(id) else { return }
            try await waitForEarlierChild(folder)
            try folder.prepare(order)
            logger.info("Job \(id) is processed.", metadata: ["job": "\(id)"])
            switch try await execute(order, folder) {
            case .succeeded: try await export(id, folder)
            case .failed(let reason):
                if Task.isCancelled { return }
                try await fail(id, reason + " See '\(folder.log)'.")
            }
        } catch {
            if Task.isCancelled { return }
            await recordFailure(id, error)
        }
    }

    /// The child of a node that was killed may still be ending: nothing is removed under its hands.
    private func waitForEarlierChild(_ folder: JobFolder) async throws {
        guard FileSystem.exists(folder.lock) else { return }
        let lock = try PosixFile(folder.lock, O_RDWR)
        for _ in 0..<100 {
            if flock(lock.descriptor, LOCK_EX | LOCK_NB) == 0 { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw DICOMError(.inputOutput, "Another process works in '\(folder.path)'; end it, and retry the job.")
    }

    private func execute(_ order: JobOrder, _ folder: JobFolder) async throws -> JobProcess.Ending {
        switch configuration.isolation {
        case .childProcess: return try await JobProcess.run(folder)
        case .inProcess:
            do {
                let execution = JobExecution(pipeline: pipeline, order: order, folder: folder, logger: logger)
                try JobFolder.write(try await execution.run(), to: folder.result)
                return .succeeded
            } catch {
                return .failed("It threw \((error as? DICOMError)?.description ?? "\(type(of: error))").")
            }
        }
    }

    private func order(_ job: JobRecord, _ id: Int64) throws -> JobOrder {
        JobOrder(
            jobID: id, patientIdentifier: job.identifier,
            inputs: try JSONDecoder().decode([String: [String]].self, from: job.inputs),
            respondingEndpoint: respondingEndpoint(job), limits: configuration.jobLimits,
            configuration: configuration.aeTitle)
    }

    /// The last sender: its entry in the address book, or its host with the default port.
    private func respondingEndpoint(_ job: JobRecord) -> Endpoint? {
        guard let aeTitle = job.respondingAETitle, let host = job.respondingHost else { return nil }
        return configuration.knownEndpoints.first { $0.aeTitle == aeTitle }
            ?? Endpoint(host: host, port: configuration.defaultResponsePort, aeTitle: aeTitle)
    }

    /// Records what is to be delivered; from here on the outputs are as safe as the inputs.
    private func export(_ id: Int64, _ folder: JobFolder) async throws {
        var result = try JobFolder.read(JobResult.self, from: folder.result)
        if let destination = configuration.destination {
            for index in result.deliveries.indices { result.deliveries[index].redirect(to: destination) }
        }
        if configuration.durability == .power { try synchronize(folder) }
        made.insert(result.madeSeries)
        try await ledger.beginExporting(id, deliveries: result.deliveries, madeSeries: result.madeSeries)
        if result.deliveries.isEmpty { try await outbox.finish(job: id) } else { outputsAreReady() }
    }

    /// One sync of the file system instead of one for each of hundreds of files.
    private func synchronize(_ folder: JobFolder) throws {
        let file = try PosixFile(folder.path, O_RDONLY | O_DIRECTORY)
        guard cdicom_syncfs(file.descriptor) == 0 else { throw DICOMError.system("synchronize", folder.path) }
    }

    private func fail(_ id: Int64, _ reason: String) async throws {
        logger.error("Job \(id) failed, its inputs are kept: \(reason)", metadata: ["job": "\(id)"])
        try await ledger.setState(.failed, of: id, failure: reason)
    }

    /// A job that is over has to be recorded so: tried again while the ledger cannot be written, as on a full disk.
    private func recordFailure(_ id: Int64, _ error: any Error) async {
        let reason = (error as? DICOMError)?.description ?? "\(type(of: error)) was thrown."
        while !Task.isCancelled {
            do { return try await fail(id, reason) } catch {
                logger.critical("The ledger could not be written: \(error)", metadata: ["job": "\(id)"])
            }
            try? await Task.sleep(for: configuration.retryInterval)
        }
    }
}

/// The jobs that are processed now.
private final class RunningJobs: Sendable {
    private let ids = Mutex<Set<Int64>>([])
    var count: Int { ids.withLock { $0.count } }
    func insert(_ id: Int64) -> Bool { ids.withLock { $0.insert(id).inserted } }
    func remove(_ id: Int64) { ids.withLock { _ = $0.remove(id) } }
}

/// Says that the node stops: what runs is finished, nothing new is begun.
final class StopFlag: Sendable {
    private let flag = Atomic<Bool>(false)
    var isSet: Bool { flag.load(ordering: .acquiring) }
    func set() { flag.store(true, ordering: .releasing) }
}

extension DeliveryOrder {
    /// Sends to another endpoint what goes to an endpoint.
    fileprivate mutating func redirect(to endpoint: Endpoint) {
        guard case .endpoint = target else { return }
        target = .endpoint(host: endpoint.host, port: endpoint.port, aeTitle: endpoint.aeTitle)
    }
}
