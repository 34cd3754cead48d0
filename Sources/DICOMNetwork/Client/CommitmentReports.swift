import DICOMCore
import DICOMDictionary
import DICOMUpperLayer
public import Logging
import Synchronization

/// Takes reports of storage commitment at this side's server and hands them to those who wait for them.
///
/// ```swift
/// let reports = CommitmentReports()
/// var services = Services(storage: storage)
/// services.commitmentReports = reports
/// let server = AssociationServer(configuration: configuration, services: services, logger: logger)
/// ```
public final class CommitmentReports: CommitmentReportService {
    private let state = Mutex<[UID: Transaction]>([:])

    private enum Transaction {
        case awaited(CheckedContinuation<CommitmentReport, any Error>?)
        case reported(CommitmentReport)
    }

    public init() {}

    /// Answers 0112H to a report that nobody waits for, so that the archive knows.
    public func received(_ report: CommitmentReport, association: AssociationInfo) async throws {
        let (isKnown, waiting) = state.withLock { state -> (Bool, CheckedContinuation<CommitmentReport, any Error>?) in
            switch state[report.transactionUID] {
            case nil: return (false, nil)
            case .reported: return (true, nil)
            case .awaited(let continuation):
                state[report.transactionUID] = .reported(report)
                return (true, continuation)
            }
        }
        guard isKnown else { throw ServiceFailure(.noSuchSOPInstance, comment: "The transaction is not known here") }
        waiting?.resume(returning: report)
    }

    /// Prepares for a report: it may come before its request is answered.
    func expect(_ transactionUID: UID) { state.withLock { $0[transactionUID] = .awaited(nil) } }
    func forget(_ transactionUID: UID) { _ = state.withLock { $0.removeValue(forKey: transactionUID) } }

    /// The report of a transaction that is expected; one caller at a time.
    func report(of transactionUID: UID) async throws -> CommitmentReport {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let found: Result<CommitmentReport, any Error>? = state.withLock { state in
                    if case .reported(let report) = state[transactionUID] { return .success(report) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state[transactionUID] = .awaited(continuation)
                    return nil
                }
                if let found { continuation.resume(with: found) }
            }
        } onCancel: {
            let waiting = state.withLock { state -> CheckedContinuation<CommitmentReport, any Error>? in
                guard case .awaited(let continuation) = state[transactionUID] else { return nil }
                state[transactionUID] = .awaited(nil)
                return continuation
            }
            waiting?.resume(throwing: CancellationError())
        }
    }
}

/// Asks an archive to take over the responsibility for instances, and waits for its report (PS3.4 J).
///
/// The association stays open for the report, because many archives send it there. Others open an association to the server
/// that they know for this AE title: give it the same `reports`, and the report counts wherever it comes.
///
/// - Parameters:
///   - reports: What this side's server hands reports to; `nil`: the report is awaited on the association of the request.
///   - timeout: How long the report may take in all.
///   - associationTimeout: How long the association is kept open for it, where `reports` are given; some archives report
///     only when it is closed.
/// - Throws: ``DICOMError``: ``DICOMError/Code/timedOut`` when no report came, ``DICOMError/Code/operationFailed`` when the
///   archive refuses, and those of ``withAssociation(to:proposing:options:logger:_:)``.
public func requestCommitment(
    of instances: [SOPReference], from archive: Endpoint, options: AssociationClientOptions,
    reports: CommitmentReports? = nil, timeout: Duration = .seconds(300), associationTimeout: Duration = .seconds(10),
    logger: Logger
) async throws -> CommitmentReport {
    let request = CommitmentRequest(
        transactionUID: UID("2.25.\(UInt128.random(in: 1 ... .max))"), instances: instances)
    let uid = request.transactionUID
    let deadline = ContinuousClock.now + timeout
    reports?.expect(uid)
    defer { reports?.forget(uid) }
    let sameAssociation = reports == nil ? timeout : min(timeout, associationTimeout)
    let report = try await withAssociation(
        to: archive, proposing: [.storageCommitment], options: options.waiting(sameAssociation), logger: logger
    ) { association in
        try await association.requestCommitment(request)
        return try await association.report(of: uid, reports, until: .now + sameAssociation)
    }
    if let report { return report }
    let late = try await before(deadline) { try await reports?.report(of: uid) }
    guard let report = late ?? nil else {
        throw DICOMError(
            .timedOut,
            "No report of storage commitment came within \(timeout). Does the archive know where to send it?",
            peer: archive.description)
    }
    return report
}

extension Association {
    /// Waits for a report here or at `reports`; `nil` when the time is over.
    fileprivate func report(
        of uid: UID, _ reports: CommitmentReports?, until deadline: ContinuousClock.Instant
    ) async throws -> CommitmentReport? {
        let channel = channel
        let elsewhere = Task {
            let report = try await before(deadline) { () async throws -> CommitmentReport? in
                guard let reports else {
                    try await Task.sleep(until: deadline + .seconds(1))
                    return nil
                }
                return try await reports.report(of: uid)
            }
            channel.interrupt()
            return report ?? nil
        }
        defer { elsewhere.cancel() }
        do {
            while true {
                let report = try await nextCommitmentReport()
                if report.transactionUID == uid { return report }
            }
        } catch is AssociationChannel.Interruption {
            return try await elsewhere.value
        } catch let error as DICOMError where error.code == .connectionLost && reports != nil {
            // Some archives release the association themselves, and report over one of theirs.
            return try await before(deadline) { try await reports?.report(of: uid) } ?? nil
        }
    }
}

extension AssociationClientOptions {
    /// The peer may be silent for so long.
    fileprivate func waiting(_ time: Duration) -> AssociationClientOptions {
        var options = self
        options.responseTimeout = max(responseTimeout, time + .seconds(1))
        return options
    }
}

/// What `body` returns, or `nil` when the deadline comes first.
private func before<Result: Sendable>(
    _ deadline: ContinuousClock.Instant, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result? {
    try await withThrowingTaskGroup(of: Result?.self) { tasks in
        tasks.addTask { try await body() }
        tasks.addTask {
            try await Task.sleep(until: deadline)
            return nil
        }
        defer { tasks.cancelAll() }
        return try await tasks.next() ?? nil
    }
}
