import DICOMCore
import DICOMUpperLayer
import NIOCore

/// What each PDU does: the state machine's actions, performed.
extension UpperLayerHandler {
    typealias Step = UpperLayerStateMachine.Step
    typealias Violation = UpperLayerStateMachine.Violation

    /// Performs a step: ARTIM first, then the action. Nothing happens for a blank cell of Table 9-10.
    func perform<Action>(_ step: Step<Action>?, _ context: ChannelHandlerContext, _ body: (Action) -> Void) {
        guard let step else { return }
        set(step.artim, context)
        body(step.action)
    }

    func receive(_ event: PDUEvent, _ context: ChannelHandlerContext) throws(DICOMError) {
        switch event {
        case .pdu(let box):
            trace?.received(box.pdu)
            try receive(box.pdu, context)
        case .command, .lastCommand, .data, .lastData: try receiveData(event, context)
        }
    }

    // MARK: - P-DATA

    private func receiveData(_ event: PDUEvent, _ context: ChannelHandlerContext) throws(DICOMError) {
        guard let step = machine.dataReceived() else { return }
        switch step.action {
        case .violation(let violation):
            unexpected("P-DATA", violation, step.artim, context)
            return
        case .indicate: break
        }
        guard let message = try assembler.receive(event) else { return }
        switch message {
        case .command(let contextID, let command):
            guard association?.contexts[contextID] != nil else {
                throw DICOMError(
                    .protocolViolation,
                    "A message came on the presentation context \(contextID), which was not accepted.")
            }
            trace?.received(command, contextID: contextID)
            if !command.hasDataSet { noteActivity() }
            tell(.command(command, contextID: contextID))
        case .data(let bytes):
            trace?.received(bytes: bytes.readableBytes)
            tell(bytes, isLast: false)
        case .lastData(let bytes):
            trace?.received(bytes: bytes.readableBytes)
            trace?.receivedDataSet()
            noteActivity()
            tell(bytes, isLast: true)
        }
    }

    // MARK: - The other PDUs

    private func receive(_ pdu: PDU, _ context: ChannelHandlerContext) throws(DICOMError) {
        switch pdu {
        case .associateRequest(let request): receive(request, context)
        case .associateAccept(let accept): try receive(accept, context)
        case .associateReject(let reject): receive(reject, context)
        case .releaseRequest: receiveReleaseRequest(context)
        case .releaseReply: receiveReleaseReply(context)
        case .abort(let abort): receive(abort, context)
        }
    }

    private func receive(_ request: AssociateRequest, _ context: ChannelHandlerContext) {
        guard case .acceptor = role, !hasEnded else {
            // A requestor is not asked; the machine knows what that is.
            guard let step = machine.requestReceived(), case .violation(let violation) = step.action else { return }
            return unexpected("A-ASSOCIATE-RQ", violation, step.artim, context)
        }
        guard let step = machine.requestReceived() else { return }
        switch step.action {
        case .violation(let violation): unexpected("A-ASSOCIATE-RQ", violation, step.artim, context)
        case .indicate, .sendReject:
            set(step.artim, context)
            noteActivity()
            tell(.requested(request))
        }
    }

    private func receive(_ accept: AssociateAccept, _ context: ChannelHandlerContext) throws(DICOMError) {
        guard let step = machine.acceptReceived() else { return }
        switch step.action {
        case .violation(let violation):
            unexpected("A-ASSOCIATE-AC", violation, step.artim, context)
        case .confirm:
            guard case .requestor(let offer) = role else { return }
            let association = try offer.evaluate(accept)
            let opened = try OpenAssociation(association)
            self.opened(association, context)
            noteActivity()
            tell(.opened(opened))
        }
    }

    private func receive(_ reject: AssociateReject, _ context: ChannelHandlerContext) {
        guard let step = machine.rejectReceived() else { return }
        switch step.action {
        case .violation(let violation):
            unexpected("A-ASSOCIATE-RJ", violation, step.artim, context)
        case .confirmAndClose:
            set(step.artim, context)
            let code: DICOMError.Code =
                reject.isTransient ? .associationRejectedTransiently : .associationRejectedPermanently
            end(.aborted, DICOMError(code, "The peer rejected the association: \(reject)."))
            context.close(promise: nil)
        }
    }

    private func receiveReleaseRequest(_ context: ChannelHandlerContext) {
        guard let step = machine.releaseRequestReceived() else { return }
        switch step.action {
        case .violation(let violation):
            unexpected("A-RELEASE-RQ", violation, step.artim, context)
        case .indicate:
            noteActivity()
            tell(.releaseRequested)
        case .indicateCollision:
            // Both sides ask at once: the requestor answers first, the acceptor when it has the requestor's answer.
            if case .requestor = role {
                perform(machine.releaseAnswered(), context) { _ in send(.releaseReply, context) }
            }
        }
    }

    private func receiveReleaseReply(_ context: ChannelHandlerContext) {
        guard let step = machine.releaseReplyReceived() else { return }
        switch step.action {
        case .violation(let violation):
            unexpected("A-RELEASE-RP", violation, step.artim, context)
        case .confirm:
            perform(machine.releaseAnswered(), context) { _ in send(.releaseReply, context) }
            end(.released, nil)
        case .confirmAndClose:
            set(step.artim, context)
            end(.released, nil)
            context.close(promise: nil)
        }
    }

    private func receive(_ abort: Abort, _ context: ChannelHandlerContext) {
        perform(machine.abortReceived(), context) { _ in
            end(.aborted, DICOMError(.associationAborted, "The peer aborted the association (\(abort))."))
            context.close(promise: nil)
        }
    }

    // MARK: - Violations and aborts

    /// A PDU that cannot be decoded, or whose contents contradict the association (Evt19).
    func invalid(_ error: DICOMError, _ context: ChannelHandlerContext) {
        guard let step = machine.invalidPDUReceived() else { return }
        perform(step.action, step.artim, error, error.abortReason, context)
    }

    private func unexpected(
        _ name: String, _ violation: Violation, _ artim: UpperLayerStateMachine.ARTIM?, _ context: ChannelHandlerContext
    ) {
        let error = DICOMError(.protocolViolation, "The PDU \(name) came where it is not allowed.")
        perform(violation, artim, error, .unexpectedPDU, context)
    }

    private func perform(
        _ violation: Violation, _ artim: UpperLayerStateMachine.ARTIM?, _ error: DICOMError, _ reason: Abort.Reason,
        _ context: ChannelHandlerContext
    ) {
        set(artim, context)
        switch violation {
        case .ignore: break
        case .sendAbort, .sendAbortWhileClosing, .sendAbortAndIndicate:
            sendAbort(.byProvider(reason), context)
            end(.aborted, error)
        }
    }

    /// Aborts for this side's own reasons (Evt15).
    func abort(_ error: DICOMError?, _ context: ChannelHandlerContext) {
        perform(machine.abortRequested(), context) { action in
            switch action {
            case .sendAbort: sendAbort(.byUser, context)
            case .close: context.close(promise: nil)
            }
        }
        end(.aborted, error ?? DICOMError(.associationAborted, "This side aborted the association."))
    }

    /// Sends an A-ABORT and closes the sending half, so that a peer that knows no DICOM sees the end too; what still arrives
    /// is read and dropped, because closing over unread bytes would take the A-ABORT from the peer. ARTIM closes the rest.
    private func sendAbort(_ abort: Abort, _ context: ChannelHandlerContext) {
        send(.abort(abort), context)
        context.close(mode: .output, promise: nil)
    }
}
