/// Data transfer and release (PS3.8 Tables 9-7 and 9-8): Evt9 to Evt14.
extension UpperLayerStateMachine {
    public enum SendDataAction: Equatable, Sendable {
        /// DT-1, AR-7: send P-DATA-TF
        case sendData
    }

    /// Evt9: the user has data to send. Also allowed while the peer waits for the answer to its A-RELEASE-RQ.
    public mutating func dataRequested() -> Step<SendDataAction>? {
        switch state {
        case .sta6, .sta8: return Step(.sendData)
        case .sta1, .sta2, .sta3, .sta4, .sta5, .sta7, .sta9, .sta10, .sta11, .sta12, .sta13: return nil
        }
    }

    public enum DataReceivedAction: Equatable, Sendable {
        /// DT-2, AR-6: hand it to the user
        case indicate
        case violation(Violation)
    }

    /// Evt10: P-DATA-TF, or a piece of one, arrived.
    public mutating func dataReceived() -> Step<DataReceivedAction>? {
        switch state {
        case .sta6, .sta7: return Step(.indicate)
        case .sta1, .sta2, .sta3, .sta4, .sta5, .sta8, .sta9, .sta10, .sta11, .sta12, .sta13:
            return violation(whenClosing: .ignore)?.map { .violation($0) }
        }
    }

    public enum ReleaseAction: Equatable, Sendable {
        /// AR-1: send A-RELEASE-RQ
        case sendReleaseRequest
    }

    /// Evt11: the user releases the association.
    public mutating func releaseRequested() -> Step<ReleaseAction>? {
        switch state {
        case .sta6:
            state = .sta7
            return Step(.sendReleaseRequest)
        // In Sta8 the peer was first: the user answers instead.
        case .sta1, .sta2, .sta3, .sta4, .sta5, .sta7, .sta8, .sta9, .sta10, .sta11, .sta12, .sta13: return nil
        }
    }

    public enum ReleaseRequestReceivedAction: Equatable, Sendable {
        /// AR-2: tell the user that the peer releases
        case indicate
        /// AR-8: both sides release at once. A requestor answers now; an acceptor waits for A-RELEASE-RP first.
        case indicateCollision
        case violation(Violation)
    }

    /// Evt12: A-RELEASE-RQ arrived.
    public mutating func releaseRequestReceived() -> Step<ReleaseRequestReceivedAction>? {
        switch state {
        case .sta6:
            state = .sta8
            return Step(.indicate)
        case .sta7:
            state = role == .requestor ? .sta9 : .sta10
            return Step(.indicateCollision)
        case .sta1, .sta2, .sta3, .sta4, .sta5, .sta8, .sta9, .sta10, .sta11, .sta12, .sta13:
            return violation(whenClosing: .ignore)?.map { .violation($0) }
        }
    }

    public enum ReleaseReplyReceivedAction: Equatable, Sendable {
        /// AR-3: tell the user that the association is released, and close the transport connection
        case confirmAndClose
        /// AR-10: tell the user, who answers the peer's own request now (release collision, acceptor)
        case confirm
        case violation(Violation)
    }

    /// Evt13: A-RELEASE-RP arrived.
    public mutating func releaseReplyReceived() -> Step<ReleaseReplyReceivedAction>? {
        switch state {
        case .sta7, .sta11:
            state = .sta1
            return Step(.confirmAndClose)
        case .sta10:
            state = .sta12
            return Step(.confirm)
        case .sta1, .sta2, .sta3, .sta4, .sta5, .sta6, .sta8, .sta9, .sta12, .sta13:
            return violation(whenClosing: .ignore)?.map { .violation($0) }
        }
    }

    public enum ReleaseAnswerAction: Equatable, Sendable {
        /// AR-4, AR-9: send A-RELEASE-RP
        case sendReleaseReply
    }

    /// Evt14: the user agrees to the release that the peer asked for.
    public mutating func releaseAnswered() -> Step<ReleaseAnswerAction>? {
        switch state {
        case .sta8, .sta12:
            state = .sta13
            return Step(.sendReleaseReply, .start)
        case .sta9:
            state = .sta11
            return Step(.sendReleaseReply)
        case .sta1, .sta2, .sta3, .sta4, .sta5, .sta6, .sta7, .sta10, .sta11, .sta13: return nil
        }
    }
}
