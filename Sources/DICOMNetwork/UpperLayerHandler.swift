import DICOMCore
import DICOMUpperLayer
import NIOCore

/// Bytes in, events out: decodes PDUs, asks the state machine of PS3.8 what to do and does it.
///
/// All of it runs on the channel's event loop. The handler ends the event stream with one ``AssociationEvent/ended(_:_:)``
/// whatever happens; what arrives after that is dropped until the connection is closed, which ARTIM bounds.
final class UpperLayerHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = AssociationEvent
    typealias OutboundIn = AssociationCommand
    typealias OutboundOut = ByteBuffer

    /// The part of this side in the association.
    enum Role {
        case acceptor(Acceptor)
        case requestor(RequestorOffer)
    }

    /// How a server answers association requests.
    struct Acceptor: Sendable {
        var policy: AcceptorPolicy
        /// Takes one of the places for associations; `nil` when there is none.
        var takePlace: @Sendable () -> AssociationPlace?
    }

    struct TimeLimits: Sendable {
        /// ARTIM of PS3.8 9.1.5.
        var artim: TimeAmount
        /// How long the peer may take to answer an association request.
        var handshake: TimeAmount
        /// How long the peer may be silent in an association when it is its turn.
        var idle: TimeAmount
    }

    let role: Role
    let limits: TimeLimits
    var machine: UpperLayerStateMachine
    var decoder: PDUDecoder
    var assembler = DIMSEAssembler()
    var association: NegotiatedAssociation?
    /// Whether bytes are no longer looked at, because they made no sense.
    var ignoresInput = false
    var hasEnded = false

    /// Whether the next step is the peer's: then silence counts as idleness.
    private var awaitsPeer = true
    /// Whether the reader wants bytes; not while back-pressure holds them back.
    private var wantsBytes = false
    /// What the current read brought of a data set: the task gets it at once, because each event costs as much as a copy
    /// of some ten kilobytes.
    private var fragments: [ByteBuffer] = []
    private var lastActivity = NIODeadline.distantPast
    private var idleTimer: Scheduled<Void>?
    private var artimTimer: Scheduled<Void>?

    init(role: Role, maximumPDULength: UInt32, limits: TimeLimits) {
        self.role = role
        self.limits = limits
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
        end(.lost, DICOMError(.connectionLost, "The connection was closed without release or abort."), context)
        stopTimers()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { stopTimers() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(.lost, DICOMError(.connectionLost, "The connection failed.", underlying: error), context)
        context.close(promise: nil)
    }

    // MARK: - Reading

    func read(context: ChannelHandlerContext) {
        if !wantsBytes {
            wantsBytes = true
            lastActivity = .now()
        }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastActivity = .now()
        var bytes = unwrapInboundIn(data)
        defer { tellFragments(isLast: false, context) }
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
        wantsBytes = false
        context.fireChannelReadComplete()
    }

    /// Hands an event to the task, after the fragments that came before it, unless the end was told already.
    func tell(_ event: AssociationEvent, _ context: ChannelHandlerContext) {
        tellFragments(isLast: false, context)
        if !hasEnded { context.fireChannelRead(wrapInboundOut(event)) }
    }

    /// Takes a piece of a data set; the last one goes to the task with those before it.
    func tell(_ fragment: ByteBuffer, isLast: Bool, _ context: ChannelHandlerContext) {
        fragments.append(fragment)
        if isLast { tellFragments(isLast: true, context) }
    }

    private func tellFragments(isLast: Bool, _ context: ChannelHandlerContext) {
        guard !fragments.isEmpty else { return }
        let told = fragments
        fragments = []
        if !hasEnded { context.fireChannelRead(wrapInboundOut(.fragments(told, isLast: isLast))) }
    }

    /// Tells the task how the association ended; only the first call counts.
    func end(_ end: AssociationEnd, _ error: DICOMError?, _ context: ChannelHandlerContext) {
        if hasEnded { return }
        tell(.ended(end, error), context)
        hasEnded = true
        // Outside of a read cycle nothing else would deliver it.
        context.fireChannelReadComplete()
    }

    // MARK: - Writing

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .send(let bytes):
            guard machine.dataRequested() != nil else {
                promise?.fail(DICOMError(.connectionLost, "The association has ended."))
                return
            }
            isPeersTurn(true)
            context.write(wrapOutboundOut(bytes), promise: promise)
        case .requestRelease:
            isPeersTurn(true)
            perform(machine.releaseRequested(), context) { _ in send(.releaseRequest, context) }
            promise?.succeed()
        case .acceptRelease:
            perform(machine.releaseAnswered(), context) { _ in send(.releaseReply, context) }
            promise?.succeed()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        lastActivity = .now()
        context.fireChannelWritabilityChanged()
    }

    /// Asks, as a user outbound event, for an A-ABORT of this side and the end of the connection.
    struct AbortRequest: Sendable {
        let reason: DICOMError?
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard let request = event as? AbortRequest else {
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        abort(request.reason, context)
        promise?.succeed()
    }

    func send(_ pdu: PDU, _ context: ChannelHandlerContext) {
        var bytes = context.channel.allocator.buffer(capacity: 256)
        do throws(DICOMError) {
            try pdu.write(into: &bytes)
        } catch {
            // What this side was told to send does not fit the wire's length fields.
            end(.lost, error, context)
            context.close(promise: nil)
            return
        }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    // MARK: - Timers

    func isPeersTurn(_ isPeersTurn: Bool) {
        awaitsPeer = isPeersTurn
        lastActivity = .now()
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
        end(.lost, DICOMError(.timedOut, "The peer did not request an association in time."), context)
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
            let limit = association == nil ? limits.handshake : limits.idle
            let silence = NIODeadline.now() - lastActivity
            if !awaitsPeer || !wantsBytes {
                watchForSilence(context, for: limit)
            } else if silence < limit {
                watchForSilence(context, for: limit - silence)
            } else {
                abort(DICOMError(.timedOut, "The peer was silent for \(limit.nanoseconds / 1_000_000) ms."), context)
            }
        }
    }

    private func stopTimers() {
        idleTimer?.cancel()
        artimTimer?.cancel()
        idleTimer = nil
        artimTimer = nil
    }
}
