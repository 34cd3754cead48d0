/// Association establishment (PS3.8 Table 9-6): Evt1 to Evt8.
extension UpperLayerStateMachine {
    public enum ConnectAction: Equatable, Sendable {
        /// AE-1: open the transport connection
        case connect
    }

    /// Evt1: the user asks for an association.
    public mutating func associationRequested() -> Step<ConnectAction>? {
        switch state {
        case .sta1:
            state = .sta4
            return Step(.connect)
        case .sta2, .sta3, .sta4, .sta5, .sta6, .sta7, .sta8, .sta9, .sta10, .sta11, .sta12, .sta13: return nil
        }
    }

    public enum TransportConnectedAction: Equatable, Sendable {
        /// AE-2: send A-ASSOCIATE-RQ
        case sendAssociateRequest
    }

    /// Evt2: the transport connection that was asked for is open.
    public mutating func transportConnected() -> Step<TransportConnectedAction>? {
        switch state {
        case .sta4:
            state = .sta5
            return Step(.sendAssociateRequest)
        case .sta1, .sta2, .sta3, .sta5, .sta6, .sta7, .sta8, .sta9, .sta10, .sta11, .sta12, .sta13: return nil
        }
    }

    public enum AcceptReceivedAction: Equatable, Sendable {
        /// AE-3: tell the user that the association is accepted
        case confirm
        case violation(Violation)
    }

    /// Evt3: A-ASSOCIATE-AC arrived.
    public mutating func acceptReceived() -> Step<AcceptReceivedAction>? {
        switch state {
        case .sta5:
            state = .sta6
            return Step(.confirm)
        case .sta1, .sta2, .sta3, .sta4, .sta6, .sta7, .sta8, .sta9, .sta10, .sta11, .sta12, .sta13:
            return violation(whenClosing: .ignore)?.map { .violation($0) }
        }
    }

    public enum RejectReceivedAction: Equatable, Sendable {
        /// AE-4: tell the user that the association is rejected, and close the transport connection
        case confirmAndClose
        case violation(Violation)
    }

    /// Evt4: A-ASSOCIATE-RJ arrived.
    public mutating func rejectReceived() -> Step<RejectReceivedAction>? {
        switch state {
        case .sta5:
            state = .sta1
            return Step(.confirmAndClose)
        case .sta1, .sta2, .sta3, .sta4, .sta6, .sta7, .sta8, .sta9, .sta10, .sta11, .sta12, .sta13:
            return violation(whenClosing: .ignore)?.map { .violation($0) }
        }
    }

    public enum TransportIndicatedAction: Equatable, Sendable {
        /// AE-5: take the connection
        case takeConnection
    }

    /// Evt5: a peer opened a transport connection.
    public mutating func transportIndicated() -> Step<TransportIndicatedAction>? {
        switch state {
        case .sta1:
            state = .sta2
            return Step(.takeConnection, .start)
        case .sta2, .sta3, .sta4, .sta5, .sta6, .sta7, .sta8, .sta9, .sta10, .sta11, .sta12, .sta13: return nil
        }
    }

    public enum RequestReceivedAction: Equatable, Sendable {
        /// AE-6: tell the user about the request
        case indicate
        /// AE-6: send A-ASSOCIATE-RJ, because the service provider cannot accept
        case sendReject
        case violation(Violation)
    }

    /// Evt6: A-ASSOCIATE-RQ arrived.
    ///
    /// - Parameter isAcceptable: Whether the service provider itself (version, limits) has nothing against it.
    public mutating func requestReceived(isAcceptable: Bool = true) -> Step<RequestReceivedAction>? {
        switch state {
        case .sta2:
            state = isAcceptable ? .sta3 : .sta13
            return isAcceptable ? Step(.indicate, .stop) : Step(.sendReject, .start)
        case .sta1, .sta3, .sta4, .sta5, .sta6, .sta7, .sta8, .sta9, .sta10, .sta11, .sta12, .sta13:
            return violation(whenClosing: .sendAbortWhileClosing)?.map { .violation($0) }
        }
    }

    public enum AcceptAction: Equatable, Sendable {
        /// AE-7: send A-ASSOCIATE-AC
        case sendAssociateAccept
    }

    /// Evt7: the user accepts.
    public mutating func associationAccepted() -> Step<AcceptAction>? {
        switch state {
        case .sta3:
            state = .sta6
            return Step(.sendAssociateAccept)
        case .sta1, .sta2, .sta4, .sta5, .sta6, .sta7, .sta8, .sta9, .sta10, .sta11, .sta12, .sta13: return nil
        }
    }

    public enum RejectAction: Equatable, Sendable {
        /// AE-8: send A-ASSOCIATE-RJ
        case sendAssociateReject
    }

    /// Evt8: the user rejects.
    public mutating func associationRejected() -> Step<RejectAction>? {
        switch state {
        case .sta3:
            state = .sta13
            return Step(.sendAssociateReject, .start)
        case .sta1, .sta2, .sta4, .sta5, .sta6, .sta7, .sta8, .sta9, .sta10, .sta11, .sta12, .sta13: return nil
        }
    }
}
