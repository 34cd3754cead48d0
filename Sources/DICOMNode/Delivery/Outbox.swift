import CDICOMSystem
import DICOMCoding
public import DICOMCore
import DICOMNetwork
import DICOMUpperLayer
import Foundation
import Glibc
import Logging
import Synchronization

/// Delivers what jobs have made, and tries again until it is delivered: each destination on its own, so that one that is
/// down holds up no other.
actor Outbox {
    private let configuration: NodeConfiguration
    private let directory: StateDirectory
    private let ledger: Ledger
    private let logger: Logger
    /// The destinations that something is on its way to.
    private var busy: Set<DeliveryOrder.Target> = []
    /// The files of each delivery that have arrived, so that an attempt goes on where the last one stopped.
    private var arrived: [Int64: Set<String>] = [:]
    /// When a delivery whose attempt could not be recorded may be tried again.
    private var resting: [Int64: ContinuousClock.Instant] = [:]
    /// Set when the node stops: no delivery is begun any more.
    private let stopping: StopFlag
    /// Whether nothing is on its way.
    var isIdle: Bool { busy.isEmpty }

    init(
        configuration: NodeConfiguration, directory: StateDirectory, ledger: Ledger, stopping: StopFlag, logger: Logger
    ) {
        self.stopping = stopping
        self.configuration = configuration
        self.directory = directory
        self.ledger = ledger
        self.logger = logger
    }

    /// Runs until the task is cancelled; `wake` yields when something new may be due.
    func run(wake: AsyncStream<Void>) async throws {
        for job in try await ledger.recentJobs(1000) where job.state == .done { removeFolder(of: job.id) }
        await withDiscardingTaskGroup { group in
            for await _ in wake where !stopping.isSet {
                for delivery in await due() { group.addTask { await self.attempt(delivery) } }
            }
            group.cancelAll()
        }
    }

    /// The first due delivery of each destination that is not busy; they are busy from now on.
    private func due() async -> [DeliveryRecord] {
        do {
            for job in try await ledger.deliveredJobs() { try await finish(job: job) }
            var due: [DeliveryRecord] = []
            for delivery in try await ledger.dueDeliveries(Date()) {
                guard let order = try? delivery.decodedOrder() else {
                    logger.error("Delivery \(delivery.id ?? 0) in the ledger cannot be read; it is left alone.")
                    continue
                }
                if resting[delivery.id ?? 0].map({ $0 > .now }) ?? false { continue }
                if busy.insert(order.target).inserted { due.append(delivery) }
            }
            return due
        } catch {
            logger.error("The ledger could not be read: \(error)")
            return []
        }
    }

    private func attempt(_ delivery: DeliveryRecord) async {
        guard let id = delivery.id, let order = try? delivery.decodedOrder() else { return }
        defer { busy.remove(order.target) }
        var record = delivery
        record.attempts += 1
        let metadata: Logger.Metadata = ["job": "\(delivery.jobID)", "destination": "\(order.target)"]
        do {
            let outcome = try await deliver(order, id, delivery.jobID)
            record.state = outcome.refused.isEmpty ? .delivered : .refused
            record.failure = outcome.refused.first
            if !outcome.warnings.isEmpty {
                logger.warning(
                    "Job \(delivery.jobID): \(outcome.warnings.count) instances were taken with a warning; the first: \(outcome.warnings[0])",
                    metadata: metadata)
            }
            if outcome.refused.isEmpty {
                logger.info("Job \(delivery.jobID): \(order.files.count) instances were delivered.", metadata: metadata)
            } else {
                logger.error(
                    "Job \(delivery.jobID): the destination refused \(outcome.refused.count) instances for good, they are kept; the first with \(outcome.refused[0])",
                    metadata: metadata)
            }
        } catch {
            if Task.isCancelled { return }
            let delay = retryDelay(record.attempts)
            record.nextAttempt = Date(timeIntervalSinceNow: delay)
            record.failure = "\(error)"
            logger.warning(
                "Job \(delivery.jobID): delivery attempt \(record.attempts) failed, the outputs are kept and the next attempt is in \(Int(delay.rounded(.up))) s: \(error)",
                metadata: metadata)
        }
        await conclude(record, id)
    }

    private func conclude(_ record: DeliveryRecord, _ id: Int64) async {
        do {
            try await ledger.update(record)
            resting[id] = nil
            if record.state == .delivered {
                arrived[id] = nil
                try await finish(job: record.jobID)
            }
        } catch {
            resting[id] = .now + configuration.retryInterval
            logger.error("The ledger could not be written, the delivery will be repeated: \(error)")
        }
    }

    /// Doubles with every attempt: a destination that is down for the night is not asked every second.
    private func retryDelay(_ attempts: Int) -> Double {
        let first = configuration.retryInterval / .seconds(1)
        return min(first * Double(1 << min(attempts - 1, 20)), configuration.maximumRetryInterval / .seconds(1))
    }

    /// Ends a job whose every output was delivered: first in the ledger, then on the disk.
    func finish(job id: Int64) async throws {
        let deliveries = try await ledger.deliveries(of: id)
        guard deliveries.allSatisfy({ $0.state == .delivered }), try await ledger.job(id)?.state == .exporting else {
            return
        }
        try await ledger.setState(.done, of: id)
        removeFolder(of: id)
        logger.info("Job \(id) is done.", metadata: ["job": "\(id)"])
    }

    private func removeFolder(of job: Int64?) {
        guard let job else { return }
        do {
            try StateDirectory.remove(directory.job(job))
        } catch {
            logger.warning("The folder of job \(job) could not be removed: \(error)")
        }
    }
}

extension DeliveryRecord {
    func decodedOrder() throws -> DeliveryOrder { try JSONDecoder().decode(DeliveryOrder.self, from: order) }
}

extension DeliveryOrder.Target: CustomStringConvertible {
    var description: String {
        switch self {
        case .endpoint(let host, let port, let aeTitle): "\(aeTitle)@\(host):\(port)"
        case .folder(let path): path
        }
    }
}

// MARK: - One attempt

extension Outbox {
    private struct Outcome {
        /// The warnings that instances were taken with, one text each.
        var warnings: [String] = []
        /// Why instances were refused for good, one text each.
        var refused: [String] = []
    }

    private func deliver(_ order: DeliveryOrder, _ id: Int64, _ job: Int64) async throws -> Outcome {
        let outputs = JobFolder(path: directory.job(job)).outputs
        switch order.target {
        case .folder(let target):
            try await Self.copy(order.files, from: outputs, to: target)
            return Outcome()
        case .endpoint(let host, let port, let aeTitle):
            return try await send(
                order.files, from: outputs, to: Endpoint(host: host, port: port, aeTitle: aeTitle), id)
        }
    }

    private func send(
        _ files: [DeliveryOrder.File], from outputs: String, to endpoint: Endpoint, _ id: Int64
    ) async throws -> Outcome {
        let done = arrived[id] ?? []
        let instances = try files.filter { !done.contains($0.path) }.map { file in
            (file, try OutgoingInstance(path: outputs + "/" + file.path))
        }
        let report = StoreReport()
        defer { arrived[id, default: []].formUnion(report.arrived) }
        try await Self.send(instances, to: endpoint, configuration, logger, report)
        return Outcome(warnings: report.warnings, refused: report.refused)
    }

    /// Sends over as few associations as the presentation contexts allow.
    @concurrent private static func send(
        _ instances: [(DeliveryOrder.File, OutgoingInstance)], to endpoint: Endpoint,
        _ configuration: NodeConfiguration, _ logger: Logger, _ report: StoreReport
    ) async throws {
        let names = Dictionary(uniqueKeysWithValues: instances.map { ($0.1.path, $0.0.path) })
        let options = AssociationClientOptions(callingAETitle: configuration.aeTitle)
        for part in StorePlan.plans(for: instances.map(\.1)) {
            try await withAssociation(
                to: endpoint, proposing: part.proposals, options: options, logger: logger
            ) { association in
                let warningsMeanRefused = configuration.warningsMeanRefused.contains(endpoint.aeTitle)
                for instance in part.instances {
                    let status: DIMSEStatus
                    do { status = try await association.store(instance).status } catch let error as DICOMError
                        where error.code == .noAcceptedContext
                    {
                        report.add(refused: error.message)
                        continue
                    }
                    switch status.delivery(warningsMeanRefused: warningsMeanRefused) {
                    case .delivered:
                        report.add(arrived: names[instance.path])
                        if status.category == .warning { report.add(warning: "\(status)") }
                    case .refused: report.add(refused: "status \(status)")
                    case .retry:
                        throw DICOMError(
                            .deliveryFailed, "The destination cannot take an instance now: status \(status).",
                            peer: "\(endpoint)")
                    }
                }
            }
        }
    }

    /// Copies each file under a temporary name and renames it.
    @concurrent private static func copy(
        _ files: [DeliveryOrder.File], from outputs: String, to target: String
    ) async throws {
        var folders: Set<String> = []
        for file in files {
            let path = target + "/" + (file.name ?? file.path)
            let folder = FileSystem.folder(of: path)
            if folders.insert(folder).inserted { try FileSystem.createFolder(folder) }
            let temporary = path + ".tmp"
            try StateDirectory.remove(temporary)
            try FileManager.default.copyItem(atPath: outputs + "/" + file.path, toPath: temporary)
            try FileSystem.rename(temporary, to: path)
        }
        // The folders that were made may be many levels: one sync of the file system has them all.
        let folder = try PosixFile(target, O_RDONLY | O_DIRECTORY)
        guard cdicom_syncfs(folder.descriptor) == 0 else { throw DICOMError.system("synchronize", target) }
    }
}

/// Which files of an attempt arrived, also when it ends with an error.
private final class StoreReport: Sendable {
    private let content = Mutex<(arrived: Set<String>, refused: [String], warnings: [String])>(([], [], []))

    var arrived: Set<String> { content.withLock { $0.arrived } }
    var refused: [String] { content.withLock { $0.refused } }
    var warnings: [String] { content.withLock { $0.warnings } }

    func add(arrived path: String?) { if let path { content.withLock { _ = $0.arrived.insert(path) } } }
    func add(warning: String) { content.withLock { $0.warnings.append(warning) } }
    func add(refused reason: String) { content.withLock { $0.refused.append(reason) } }
}

extension DIMSEStatus {
    fileprivate enum Delivery { case delivered, refused, retry }

    /// What the status says of a delivery: warnings and a duplicate (these bytes always go with this UID) count as
    /// delivered; out of resources, a processing failure and a cancelled or pending answer may pass.
    fileprivate func delivery(warningsMeanRefused: Bool) -> Delivery {
        if self == .duplicateSOPInstance { return .delivered }
        if rawValue & 0xFF00 == 0xA700 || self == .processingFailure || self == .resourceLimitation { return .retry }
        return switch category {
        case .success: .delivered
        case .warning: warningsMeanRefused ? .refused : .delivered
        case .failure: .refused
        case .pending, .cancel: .retry
        }
    }
}

extension DICOMError.Code {
    /// An output could not be delivered; it is kept and tried again.
    public static let deliveryFailed = DICOMError.Code("deliveryFailed")
}
