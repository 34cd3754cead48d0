import DICOMCore
import DICOMUpperLayer
import NIOCore
import Synchronization

/// Where the event loop of a connection and the task of its association meet: the event loop delivers events, the task takes
/// them one after the other and writes.
///
/// What arrived and was not taken yet is counted in bytes: beyond ``bufferLimit`` the socket is not read until the task
/// has caught up, and beyond ``writeLimit`` a writer waits until the socket has taken what it wrote before.
final class AssociationChannel: Sendable {
    let channel: any Channel
    /// How many bytes of data sets may wait for the task; one more read of the socket may come on top.
    private let bufferLimit: Int
    private let state = Mutex(State())

    private struct State {
        var events = CircularBuffer<AssociationEvent>()
        /// What the events cost.
        var waitingBytes = 0
        /// Whether the event loop wanted to read the socket and was told not to.
        var isReadingHeld = false
        var reader: CheckedContinuation<AssociationEvent, any Error>?
        /// Whether the event taken last leaves a message incomplete.
        var isWithinMessage = false
        /// When the task began to wait for the message that comes next or is coming.
        var waitingSince = NIODeadline.distantPast
        /// How many commands wait in the event loop's queue.
        var queuedCommands = 0
        var unwrittenBytes = 0
        var writer: CheckedContinuation<Void, Never>?
        /// Whether the last event was delivered, though perhaps not taken.
        var hasEnded = false
        /// The last event, once it was taken.
        var end: (end: AssociationEnd, error: DICOMError?)?
        var operation: CancellableOperation?
        var isInterrupted = false

        mutating func take() -> AssociationEvent? {
            if let end { return .ended(end.end, end.error) }
            guard let event = events.popFirst() else { return nil }
            taken(event)
            return event
        }

        mutating func taken(_ event: AssociationEvent) {
            waitingBytes -= event.cost
            switch event {
            case .command(let command, _): isWithinMessage = command.hasDataSet
            case .fragments(_, let isLast): isWithinMessage = !isLast
            case .requested, .opened, .releaseRequested: isWithinMessage = false
            case .ended(let end, let error): self.end = (end, error)
            }
        }
    }

    /// How many bytes may be on their way to the socket: the next chunk is read while the one before is sent.
    private static let writeLimit = 1024 * 1024

    init(_ channel: any Channel, bufferLimit: Int = 512 * 1024) {
        self.channel = channel
        self.bufferLimit = bufferLimit
    }

    // MARK: - The event loop's side

    /// Hands an event to the task.
    func deliver(_ event: AssociationEvent) {
        let (reader, cancelled) = state.withLock {
            state -> (CheckedContinuation<AssociationEvent, any Error>?, CancellableOperation?) in
            var cancelled: CancellableOperation?
            switch event {
            case .command(let command, _) where command.field == .cCancelRequest:
                // It is for the operation that is under way, whose task does not take events meanwhile.
                guard let operation = state.operation, operation.messageID == command.messageIDBeingRespondedTo,
                    !command.hasDataSet
                else { break }
                return (nil, operation)
            case .ended:
                state.hasEnded = true
                cancelled = state.operation
            case .fragments, .requested, .opened, .command, .releaseRequested: break
            }
            state.waitingBytes += event.cost
            guard let reader = state.reader else {
                state.events.append(event)
                return (nil, cancelled)
            }
            state.reader = nil
            state.taken(event)
            return (reader, cancelled)
        }
        cancelled?.cancel()
        reader?.resume(returning: event)
        if case .ended = event { resumeWriter() }
    }

    /// Since when the task has been waiting for the peer; `nil` while it does not.
    func waitingForPeerSince() -> NIODeadline? {
        state.withLock { $0.reader == nil ? nil : $0.waitingSince }
    }

    /// Whether the socket may be read now. If not, it is read as soon as the task has caught up.
    func mayRead() -> Bool {
        state.withLock { state in
            state.isReadingHeld = state.waitingBytes >= bufferLimit
            return !state.isReadingHeld
        }
    }

    // MARK: - The task's side: reading

    /// The next event; ``AssociationEvent/ended(_:_:)`` again and again after the end.
    ///
    /// - Throws: `CancellationError` when nothing is there and the task is cancelled.
    func next() async throws -> AssociationEvent {
        if let event = poll() { return event }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let found: Result<AssociationEvent, any Error>? = state.withLock { state in
                    if let event = state.take() { return .success(event) }
                    // The handler below has run before, or it finds the continuation.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.isInterrupted {
                        state.isInterrupted = false
                        return .failure(Interruption())
                    }
                    state.reader = continuation
                    if !state.isWithinMessage { state.waitingSince = .now() }
                    return nil
                }
                if let found { continuation.resume(with: found) }
            }
        } onCancel: {
            let reader = state.withLock { state in
                defer { state.reader = nil }
                return state.reader
            }
            reader?.resume(throwing: CancellationError())
        }
    }

    /// What ``next()`` throws, once, after ``interrupt()``, when no event is there.
    struct Interruption: Error {}

    /// Lets the task stop waiting for an event; the association goes on.
    func interrupt() {
        let reader = state.withLock { state in
            defer { state.reader = nil }
            state.isInterrupted = state.reader == nil
            return state.reader
        }
        reader?.resume(throwing: Interruption())
    }

    /// The next event, if one is there.
    func poll() -> AssociationEvent? {
        let (event, resumesReading) = state.withLock { state in
            let event = state.take()
            let resumesReading = state.isReadingHeld && state.waitingBytes < bufferLimit / 2
            if resumesReading { state.isReadingHeld = false }
            return (event, resumesReading)
        }
        if resumesReading { channel.eventLoop.execute { self.channel.read() } }
        return event
    }

    /// How the association ended, once the task has taken its end.
    var end: AssociationEnd? { state.withLock { $0.end?.end } }
    var endError: DICOMError? { state.withLock { $0.end?.error } }

    // MARK: - The task's side: writing

    /// Sends an encoded command set, and nothing after it, in one write.
    func send(_ command: [UInt8], contextID: UInt8, _ fragmenter: DIMSEFragmenter) async throws {
        var bytes = channel.allocator.buffer(capacity: 512)
        fragmenter.writeCommand(command[...], contextID: contextID, into: &bytes)
        try await write(bytes)
    }

    /// Sends encoded P-DATA-TF PDUs; waits while too much is on its way already.
    ///
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/connectionLost`` when the association has ended.
    func write(_ bytes: ByteBuffer) async throws {
        let count = bytes.readableBytes
        let (hasEnded, unwritten) = state.withLock { state in
            state.unwrittenBytes += count
            return (state.hasEnded, state.unwrittenBytes)
        }
        if hasEnded { throw DICOMError(.connectionLost, "The association has ended.") }
        let promise = channel.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in
            let isEnough = self.state.withLock { state in
                state.unwrittenBytes -= count
                return state.unwrittenBytes <= Self.writeLimit / 2
            }
            if isEnough { self.resumeWriter() }
        }
        perform(.send(bytes), promise)
        if unwritten > Self.writeLimit { try await waitForWrites() }
    }

    private func waitForWrites() async throws {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard state.unwrittenBytes > Self.writeLimit / 2, !state.hasEnded, !Task.isCancelled else {
                        return false
                    }
                    state.writer = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            resumeWriter()
        }
        try Task.checkCancellation()
        if state.withLock(\.hasEnded) { throw DICOMError(.connectionLost, "The association has ended.") }
    }

    private func resumeWriter() {
        let writer = state.withLock { state in
            defer { state.writer = nil }
            return state.writer
        }
        writer?.resume()
    }

    /// Tells the event loop what to do.
    func command(_ command: AssociationCommand) { perform(command, nil) }

    /// A service may write on a thread of its own, and its association goes on on the event loop: there a command must not
    /// overtake those that wait in the event loop's queue.
    private func perform(_ command: AssociationCommand, _ promise: EventLoopPromise<Void>?) {
        let isInLoop = channel.eventLoop.inEventLoop
        let isQueued = state.withLock { state in
            guard !isInLoop || state.queuedCommands > 0 else { return false }
            state.queuedCommands += 1
            return true
        }
        guard isQueued else { return channel.writeAndFlush(command, promise: promise) }
        channel.eventLoop.execute {
            self.state.withLock { $0.queuedCommands -= 1 }
            self.channel.writeAndFlush(command, promise: promise)
        }
    }

    /// A buffer from the channel's allocator.
    func buffer(capacity: Int) -> ByteBuffer { channel.allocator.buffer(capacity: capacity) }

    /// Sends an A-ABORT, when the association is not over; works in a cancelled task too.
    func abort(_ reason: DICOMError? = nil) { command(.abort(reason)) }

    // MARK: - The end

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
        guard (error as? DICOMError)?.code == .connectionLost else {
            abort(error as? DICOMError)
            return error
        }
        while true {
            guard let event = try? await next() else { return error }
            if case .ended(let end, let error) = event { return self.error(end, error, peer) }
        }
    }

    /// Waits for the connection to be closed by the peer or, at the latest, by ARTIM.
    func waitUntilClosed() async { try? await channel.closeFuture.get() }

    /// Closes the connection at once; what was written before is lost if it is still on its way.
    func close() { channel.close(promise: nil) }

    // MARK: - Cancellation by the peer

    /// Calls `cancel` when the peer cancels the operation (C-CANCEL-RQ) or the association ends, while `body` runs.
    func withCancellation<Result>(
        of messageID: UInt16, by cancel: @escaping @Sendable () -> Void, _ body: () async throws -> Result
    ) async rethrows -> Result {
        let hasEnded = state.withLock { state in
            state.operation = CancellableOperation(messageID: messageID, cancel: cancel)
            // What has arrived already will not be delivered again.
            let position = state.events.firstIndex { event in
                if case .command(let command, _) = event, command.field == .cCancelRequest, !command.hasDataSet {
                    command.messageIDBeingRespondedTo == messageID
                } else {
                    false
                }
            }
            if let position { state.events.remove(at: position) }
            return state.hasEnded || position != nil
        }
        if hasEnded { cancel() }
        defer { state.withLock { $0.operation = nil } }
        return try await body()
    }
}

/// An operation that the peer may cancel.
private struct CancellableOperation: Sendable {
    let messageID: UInt16
    let cancel: @Sendable () -> Void
}

extension AssociationEvent {
    /// How many bytes it counts for: those of a data set, and something for each piece and each command, so that a flood of
    /// small ones is held back too.
    fileprivate var cost: Int {
        switch self {
        case .fragments(let fragments, _): fragments.reduce(0) { $0 + $1.readableBytes + 256 }
        case .command: 1024
        case .requested, .opened, .releaseRequested, .ended: 0
        }
    }
}
