import DICOMCore
import DICOMUpperLayer
import Glibc
import NIOCore

/// Bytes in, events out: decodes PDUs, asks the state machine of PS3.8 what to do and does it.
///
/// All of it runs on the channel's event loop. The handler ends the events with one ``AssociationEvent/ended(_:_:)``
/// whatever happens; what arrives after that is dropped until the connection is closed, which ARTIM bounds.
final class UpperLayerHandler: ChannelInboundHandler, ChannelOutboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = AssociationCommand
    typealias OutboundOut = ByteBuffer

    /// The part of this side in the association.
    enum Role {
        case acceptor
        case requestor(RequestorOffer)
    }

    struct TimeLimits: Sendable {
        /// ARTIM of PS3.8 9.1.5.
        var artim: TimeAmount
        /// How long the peer may take to answer an association request.
        var handshake: TimeAmount
        /// How long the peer may be silent in an association when it is its turn.
        var idle: TimeAmount
        /// How long the peer may take to answer a release request.
        var release: TimeAmount
    }

    let role: Role
    let limits: TimeLimits
    let exchange: AssociationChannel
    let trace: PDUTrace?
    var machine: UpperLayerStateMachine
    var decoder: PDUDecoder
    var assembler = DIMSEAssembler()
    var association: NegotiatedAssociation?
    /// Whether bytes are no longer looked at, because they made no sense.
    var ignoresInput = false
    var hasEnded = false

    /// Whether the reader wants bytes; not while back-pressure holds them back.
    private var wantsBytes = false
    /// What the current read brought of a data set: the task gets it at once, because each event costs as much as a copy
    /// of some ten kilobytes.
    private var fragments: [ByteBuffer] = []
    private var lastActivity = NIODeadline.distantPast
    /// Bytes that came since then. A few are no activity: a peer that drips them would never be silent.
    private var bytesSinceActivity = 0
    /// How many writes the socket has not taken yet: then silence counts too, because a peer that does not read would hold
    /// its place for ever.
    private var pendingWrites = 0
    private var isReleasing = false
    private var idleTimer: Scheduled<Void>?
    private var artimTimer: Scheduled<Void>?

    private static let smallFragment = 4096
    /// So much of a message has to come within each idle limit.
    private static let bytesOfActivity = 64 * 1024

    init(
        role: Role, exchange: AssociationChannel, maximumPDULength: UInt32, limits: TimeLimits, trace: PDUTrace? = nil
    ) {
        self.role = role
        self.exchange = exchange
        self.limits = limits
        self.trace = trace
        decoder = PDUDecoder(maximumPDULength: maximumPDULength)
        switch role {
        case .acceptor: machine = UpperLayerStateMachine(role: .acceptor)
        case .requestor:
            machine = UpperLayerStateMachine(role: .requestor)
            _ = machine.associationRequested()
        }
    }

    // MARK: - Connection

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        lastActivity = .now()
        watchForSilence(context, for: limits.handshake)
        switch role {
        case .acceptor: perform(machine.transportIndicated(), context) { _ in }
        case .requestor(let offer):
            perform(machine.transportConnected(), context) { _ in send(.associateRequest(offer.request), context) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        perform(machine.transportClosed(), context) { _ in }
        end(.lost, DICOMError(.connectionLost, "The connection was closed without release or abort."))
        stopTimers()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end(.lost, DICOMError(.connectionLost, "The connection was closed."))
        stopTimers()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(.lost, TLSFailure.error(for: error, context))
        context.close(promise: nil)
    }

    // MARK: - Reading

    func read(context: ChannelHandlerContext) {
        // The exchange asks again when the task has caught up. What comes after the end is read for the end's sake.
        guard hasEnded || exchange.mayRead() else {
            wantsBytes = false
            return
        }
        if !wantsBytes {
            wantsBytes = true
            noteActivity()
        }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        bytesSinceActivity = bytesSinceActivity.addingReportingOverflow(bytes.readableBytes).partialValue
        if bytesSinceActivity >= Self.bytesOfActivity { noteActivity() }
        while !ignoresInput {
            do throws(DICOMError) {
                guard let event = try decoder.next(from: &bytes) else { return }
                try receive(event, context)
            } catch {
                ignoresInput = true
                invalid(error, context)
            }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        tellFragments(isLast: false)
        context.fireChannelReadComplete()
    }

    /// Hands an event to the task, after the fragments that came before it, unless the end was told already.
    func tell(_ event: AssociationEvent) {
        tellFragments(isLast: false)
        if !hasEnded { exchange.deliver(event) }
    }

    /// Takes a piece of a data set; the last one goes to the task with those before it.
    ///
    /// A slice holds the whole buffer of its read while it waits: a small one is better copied.
    func tell(_ fragment: ByteBuffer, isLast: Bool) {
        let isSmall = fragment.readableBytes < Self.smallFragment
        fragments.append(isSmall ? ByteBuffer(bytes: fragment.readableBytesView) : fragment)
        if isLast { tellFragments(isLast: true) }
    }

    private func tellFragments(isLast: Bool) {
        guard !fragments.isEmpty else { return }
        let told = fragments
        fragments = []
        if !hasEnded { exchange.deliver(.fragments(told, isLast: isLast)) }
    }

    /// Tells the task how the association ended; only the first call counts.
    func end(_ end: AssociationEnd, _ error: DICOMError?) {
        if hasEnded { return }
        tell(.ended(end, error))
        hasEnded = true
    }

    // MARK: - Writing

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .send(let bytes):
            guard machine.dataRequested() != nil else {
                promise?.fail(DICOMError(.connectionLost, "The association has ended."))
                return
            }
            trace?.sent(bytes)
            noteActivity()
            write(bytes, context, promise)
            return
        case .accept(let accept, let association):
            perform(machine.associationAccepted(), context) { _ in
                opened(association, context)
                send(.associateAccept(accept), context)
                noteActivity()
            }
        case .reject(let reject):
            perform(machine.associationRejected(), context) { _ in send(.associateReject(reject), context) }
            end(.aborted, DICOMError(.protocolViolation, "The association was rejected: \(reject)."))
        case .requestRelease:
            perform(machine.releaseRequested(), context) { _ in
                isReleasing = true
                noteActivity()
                watchForSilence(context, for: limits.release)
                send(.releaseRequest, context)
            }
        case .acceptRelease: perform(machine.releaseAnswered(), context) { _ in send(.releaseReply, context) }
        case .abort(let reason):
            if let reason, reason.isViolation { invalid(reason, context) } else { abort(reason, context) }
        }
        promise?.succeed()
    }

    private func write(_ bytes: ByteBuffer, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        let written = promise ?? context.eventLoop.makePromise(of: Void.self)
        pendingWrites += 1
        written.futureResult.assumeIsolated().whenComplete { [self] _ in
            pendingWrites -= 1
            noteActivity()
        }
        context.write(wrapOutboundOut(bytes), promise: written)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        noteActivity()
        context.fireChannelWritabilityChanged()
    }

    func send(_ pdu: PDU, _ context: ChannelHandlerContext) {
        trace?.sent(pdu)
        var bytes = context.channel.allocator.buffer(capacity: 256)
        do throws(DICOMError) {
            try pdu.write(into: &bytes)
        } catch {
            // What this side was told to send does not fit the wire's length fields.
            end(.lost, error)
            context.close(promise: nil)
            return
        }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    // MARK: - Timers

    func noteActivity() {
        lastActivity = .now()
        bytesSinceActivity = 0
    }

    /// Starts, restarts or stops ARTIM as a step of the state machine says.
    func set(_ artim: UpperLayerStateMachine.ARTIM?, _ context: ChannelHandlerContext) {
        guard let artim else { return }
        artimTimer?.cancel()
        switch artim {
        case .stop: artimTimer = nil
        case .start:
            artimTimer = context.eventLoop.assumeIsolated().scheduleTask(in: limits.artim) { [self] in
                artimExpired(context)
            }
        }
    }

    private func artimExpired(_ context: ChannelHandlerContext) {
        perform(machine.artimExpired(), context) { _ in context.close(promise: nil) }
        end(.lost, DICOMError(.timedOut, "The peer did not request an association in time."))
    }

    /// The association is established: from now on its own limit counts.
    func opened(_ association: NegotiatedAssociation, _ context: ChannelHandlerContext) {
        self.association = association
        watchForSilence(context, for: limits.idle)
    }

    /// Looks again after `time` whether the peer was silent for too long.
    private func watchForSilence(_ context: ChannelHandlerContext, for time: TimeAmount) {
        idleTimer?.cancel()
        idleTimer = context.eventLoop.assumeIsolated().scheduleTask(in: time) { [self] in
            if hasEnded { return }
            let limit = isReleasing ? limits.release : association == nil ? limits.handshake : limits.idle
            // Silence is idleness only where the next step is the peer's.
            let waiting = wantsBytes ? exchange.waitingForPeerSince() : nil
            let silence = NIODeadline.now() - max(lastActivity, waiting ?? .distantPast)
            if pendingWrites == 0, waiting == nil {
                watchForSilence(context, for: limit)
            } else if silence < limit {
                watchForSilence(context, for: limit - silence)
            } else if pendingWrites > 0 {
                let time = limit.nanoseconds / 1_000_000
                abort(DICOMError(.timedOut, "The peer did not take what was sent to it for \(time) ms."), context)
                reset(context)
            } else {
                let missed =
                    bytesSinceActivity == 0
                    ? "was silent for \(limit.nanoseconds / 1_000_000) ms"
                    : "sent \(bytesSinceActivity) bytes in \(limit.nanoseconds / 1_000_000) ms, which is too slow"
                abort(DICOMError(.timedOut, "The peer \(missed)."), context)
            }
        }
    }

    /// Closes the connection of a peer that does not read, at once: the A-ABORT stands behind what it did not take, which the
    /// system would go on offering to it for minutes.
    private func reset(_ context: ChannelHandlerContext) {
        let linger = linger(l_onoff: 1, l_linger: 0)
        (context.channel as? any SocketOptionProvider)?.setSoLinger(linger).whenComplete { _ in }
        context.close(promise: nil)
    }

    private func stopTimers() {
        idleTimer?.cancel()
        artimTimer?.cancel()
        idleTimer = nil
        artimTimer = nil
    }
}
