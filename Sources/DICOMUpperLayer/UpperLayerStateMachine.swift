/// The state machine of the DICOM upper layer protocol (PS3.8 9.2, Table 9-10), for one association and both roles.
///
/// One method for each event; it moves the state on and says what is to be done. It does no I/O and holds no timer: a
/// ``Step`` says what to do with the ARTIM timer. `nil` stands for an empty cell of the table, that is, for an event that
/// cannot happen in the state or that lost a race (such as a timer that fired while it was being stopped): there is
/// nothing to do, and the state stays.
public struct UpperLayerStateMachine: Sendable {
    /// Who asked for the association.
    public enum Role: Sendable { case requestor, acceptor }

    /// The states of PS3.8 Table 9-1 to 9-5.
    public enum State: Int, CaseIterable, Sendable, CustomStringConvertible {
        /// Idle
        case sta1 = 1
        /// Transport connection open; awaiting A-ASSOCIATE-RQ
        case sta2
        /// Awaiting the local A-ASSOCIATE response
        case sta3
        /// Awaiting the opening of the transport connection
        case sta4
        /// Awaiting A-ASSOCIATE-AC or -RJ
        case sta5
        /// Association established, ready for data transfer
        case sta6
        /// Awaiting A-RELEASE-RP
        case sta7
        /// Awaiting the local A-RELEASE response
        case sta8
        /// Release collision, requestor side; awaiting the local A-RELEASE response
        case sta9
        /// Release collision, acceptor side; awaiting A-RELEASE-RP
        case sta10
        /// Release collision, requestor side; awaiting A-RELEASE-RP
        case sta11
        /// Release collision, acceptor side; awaiting the local A-RELEASE response
        case sta12
        /// Awaiting the closing of the transport connection; the association is gone
        case sta13

        public var description: String { "Sta\(rawValue)" }
    }

    /// What to do with the association request/reject/release timer (PS3.8 9.1.5).
    public enum ARTIM: Sendable {
        /// Start it, or start it again.
        case start
        /// Stop it if it runs.
        case stop
    }

    /// What an event asks for.
    public struct Step<Action: Equatable & Sendable>: Equatable, Sendable {
        public let action: Action
        public let artim: ARTIM?

        init(_ action: Action, _ artim: ARTIM? = nil) {
            self.action = action
            self.artim = artim
        }
    }

    /// The answers to what a peer must not send in a state.
    public enum Violation: Equatable, Sendable {
        /// AA-1: send A-ABORT; no user knows of the association yet. The table names the service-user as its source, which
        /// leaves no room for a reason: a caller that knows one sends it as the service-provider.
        case sendAbort
        /// AA-6: take no notice
        case ignore
        /// AA-7: send A-ABORT; the user knows already that the association is gone
        case sendAbortWhileClosing
        /// AA-8: send A-ABORT (service-provider) and tell the user
        case sendAbortAndIndicate
    }

    public let role: Role
    public package(set) var state: State

    public init(role: Role) {
        self.role = role
        state = .sta1
    }

    /// What Table 9-10 says for most PDUs in most states: a PDU that is not expected before the association stands, or
    /// after it is gone, or in between.
    mutating func violation(whenClosing: Violation) -> Step<Violation>? {
        switch state {
        case .sta1, .sta4: return nil
        case .sta2:
            state = .sta13
            return Step(.sendAbort, .start)
        case .sta3, .sta5, .sta6, .sta7, .sta8, .sta9, .sta10, .sta11, .sta12:
            state = .sta13
            return Step(.sendAbortAndIndicate, .start)
        case .sta13: return Step(whenClosing)
        }
    }
}

extension UpperLayerStateMachine.Step {
    func map<Other>(_ transform: (Action) -> Other) -> UpperLayerStateMachine.Step<Other> {
        .init(transform(action), artim)
    }
}
