import Testing

@testable import DICOMUpperLayer

@Suite struct UpperLayerStateMachineTests {
    @Test func tableIsComplete() {
        #expect(stateTable.split(separator: "\n").allSatisfy { $0.split(separator: " ").count == 14 })
        // 19 events, 13 states, 2 roles, and AE-6 with two outcomes.
        #expect(StateTableCell.all.count == 19 * 13 * 2 + 2)
        #expect(Set(StateTableCell.all.compactMap(\.action)) == Set(stateActions.keys))
    }

    @Test(arguments: StateTableCell.all) func cell(_ cell: StateTableCell) throws {
        var machine = UpperLayerStateMachine(role: cell.role)
        machine.state = cell.state
        let performed = perform(cell.event, isAcceptable: cell.isAcceptable, on: &machine)
        #expect(performed == cell.action.map { Set(stateActions[$0] ?? ["no such action"]) })
        #expect(machine.state == cell.next)
    }

    @Test func newMachineIsIdle() {
        #expect(UpperLayerStateMachine(role: .acceptor).state == .sta1)
    }

    @Test func requestorsWayThroughReleaseCollision() {
        var machine = UpperLayerStateMachine(role: .requestor)
        #expect(machine.associationRequested()?.action == .connect)
        #expect(machine.transportConnected()?.action == .sendAssociateRequest)
        #expect(machine.acceptReceived()?.action == .confirm)
        #expect(machine.releaseRequested()?.action == .sendReleaseRequest)
        #expect(machine.releaseRequestReceived()?.action == .indicateCollision)
        #expect(machine.state == .sta9)
        #expect(machine.releaseAnswered()?.action == .sendReleaseReply)
        #expect(machine.state == .sta11)
        #expect(machine.releaseReplyReceived()?.action == .confirmAndClose)
        #expect(machine.state == .sta1)
    }

    @Test func acceptorsWayThroughReleaseCollision() {
        var machine = UpperLayerStateMachine(role: .acceptor)
        #expect(machine.transportIndicated() == .init(.takeConnection, .start))
        #expect(machine.requestReceived() == .init(.indicate, .stop))
        #expect(machine.associationAccepted()?.action == .sendAssociateAccept)
        #expect(machine.releaseRequested()?.action == .sendReleaseRequest)
        #expect(machine.releaseRequestReceived()?.action == .indicateCollision)
        #expect(machine.state == .sta10)
        #expect(machine.releaseReplyReceived()?.action == .confirm)
        #expect(machine.state == .sta12)
        #expect(machine.releaseAnswered() == .init(.sendReleaseReply, .start))
        #expect(machine.state == .sta13)
        #expect(machine.transportClosed() == .init(.finish, .stop))
        #expect(machine.state == .sta1)
    }

    /// Performs an event; what was asked for, in the words of ``stateActions``, or `nil`.
    private func perform(
        _ event: Int, isAcceptable: Bool, on machine: inout UpperLayerStateMachine
    ) -> Set<String>? {
        switch event {
        case 1: words(machine.associationRequested()) { _ in ["connect"] }
        case 2: words(machine.transportConnected()) { _ in ["send A-ASSOCIATE-RQ"] }
        case 3: words(machine.acceptReceived(), accept)
        case 4: words(machine.rejectReceived(), reject)
        case 5: words(machine.transportIndicated()) { _ in ["take connection"] }
        case 6: words(machine.requestReceived(isAcceptable: isAcceptable), request)
        case 7: words(machine.associationAccepted()) { _ in ["send A-ASSOCIATE-AC"] }
        case 8: words(machine.associationRejected()) { _ in ["send A-ASSOCIATE-RJ"] }
        case 9: words(machine.dataRequested()) { _ in ["send P-DATA-TF"] }
        case 10: words(machine.dataReceived(), data)
        case 11: words(machine.releaseRequested()) { _ in ["send A-RELEASE-RQ"] }
        case 12: words(machine.releaseRequestReceived(), releaseRequest)
        case 13: words(machine.releaseReplyReceived(), releaseReply)
        case 14: words(machine.releaseAnswered()) { _ in ["send A-RELEASE-RP"] }
        case 15: words(machine.abortRequested()) { $0 == .close ? ["close"] : ["send A-ABORT (user)"] }
        case 16: words(machine.abortReceived()) { $0 == .close ? ["close"] : ["indicate abort", "close"] }
        case 17: words(machine.transportClosed()) { $0 == .finish ? [] : ["indicate provider abort"] }
        case 18: words(machine.artimExpired()) { _ in ["close"] }
        case 19: words(machine.invalidPDUReceived(), violation)
        default: ["no such event"]
        }
    }

    private func words<Action>(
        _ step: UpperLayerStateMachine.Step<Action>?, _ words: (Action) -> [String]
    ) -> Set<String>? {
        guard let step else { return nil }
        let timer: [String] =
            switch step.artim {
            case .start?: ["start ARTIM"]
            case .stop?: ["stop ARTIM"]
            case nil: []
            }
        return Set(words(step.action) + timer)
    }

    private func accept(_ action: UpperLayerStateMachine.AcceptReceivedAction) -> [String] {
        switch action {
        case .confirm: ["confirm association"]
        case .violation(let violation): self.violation(violation)
        }
    }

    private func reject(_ action: UpperLayerStateMachine.RejectReceivedAction) -> [String] {
        switch action {
        case .confirmAndClose: ["confirm rejection", "close"]
        case .violation(let violation): self.violation(violation)
        }
    }

    private func request(_ action: UpperLayerStateMachine.RequestReceivedAction) -> [String] {
        switch action {
        case .indicate: ["indicate association"]
        case .sendReject: ["send A-ASSOCIATE-RJ"]
        case .violation(let violation): self.violation(violation)
        }
    }

    private func data(_ action: UpperLayerStateMachine.DataReceivedAction) -> [String] {
        switch action {
        case .indicate: ["indicate data"]
        case .violation(let violation): self.violation(violation)
        }
    }

    private func releaseRequest(_ action: UpperLayerStateMachine.ReleaseRequestReceivedAction) -> [String] {
        switch action {
        case .indicate: ["indicate release"]
        case .indicateCollision: ["indicate release collision"]
        case .violation(let violation): self.violation(violation)
        }
    }

    private func releaseReply(_ action: UpperLayerStateMachine.ReleaseReplyReceivedAction) -> [String] {
        switch action {
        case .confirmAndClose: ["confirm release", "close"]
        case .confirm: ["confirm release"]
        case .violation(let violation): self.violation(violation)
        }
    }

    private func violation(_ violation: UpperLayerStateMachine.Violation) -> [String] {
        switch violation {
        case .sendAbort: ["send A-ABORT (user)"]
        case .ignore: []
        case .sendAbortWhileClosing: ["send A-ABORT"]
        case .sendAbortAndIndicate: ["send A-ABORT (provider)", "indicate provider abort"]
        }
    }
}
