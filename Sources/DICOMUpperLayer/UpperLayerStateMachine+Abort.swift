/// Abort, lost connections, the timer and bytes that make no sense (PS3.8 Table 9-9): Evt15 to Evt19.
extension UpperLayerStateMachine {
    public enum AbortAction: Equatable, Sendable {
        /// AA-1: send A-ABORT (service-user)
        case sendAbort
        /// AA-2: close the transport connection
        case close
    }

    /// Evt15: the user aborts.
    public mutating func abortRequested() -> Step<AbortAction>? {
        switch state {
        case .sta3, .sta5, .sta6, .sta7, .sta8, .sta9, .sta10, .sta11, .sta12:
            state = .sta13
            return Step(.sendAbort, .start)
        case .sta4:
            state = .sta1
            return Step(.close, .stop)
        // Nothing to abort yet, or no longer.
        case .sta1, .sta2, .sta13: return nil
        }
    }

    public enum AbortReceivedAction: Equatable, Sendable {
        /// AA-2: close the transport connection; the user knows nothing of an association
        case close
        /// AA-3: tell the user, and close the transport connection
        case indicateAndClose
    }

    /// Evt16: A-ABORT arrived.
    public mutating func abortReceived() -> Step<AbortReceivedAction>? {
        switch state {
        case .sta2, .sta13:
            state = .sta1
            return Step(.close, .stop)
        case .sta3, .sta5, .sta6, .sta7, .sta8, .sta9, .sta10, .sta11, .sta12:
            state = .sta1
            return Step(.indicateAndClose)
        case .sta1, .sta4: return nil
        }
    }

    public enum TransportClosedAction: Equatable, Sendable {
        /// AA-4: tell the user that the association was lost
        case indicate
        /// AA-5, AR-5: all is done
        case finish
    }

    /// Evt17: the transport connection is closed, or could not be opened.
    public mutating func transportClosed() -> Step<TransportClosedAction>? {
        switch state {
        case .sta2, .sta13:
            state = .sta1
            return Step(.finish, .stop)
        case .sta3, .sta4, .sta5, .sta6, .sta7, .sta8, .sta9, .sta10, .sta11, .sta12:
            state = .sta1
            return Step(.indicate)
        case .sta1: return nil
        }
    }

    public enum TimerAction: Equatable, Sendable {
        /// AA-2: close the transport connection
        case close
    }

    /// Evt18: the ARTIM timer expired.
    public mutating func artimExpired() -> Step<TimerAction>? {
        switch state {
        case .sta2, .sta13:
            state = .sta1
            return Step(.close, .stop)
        // It was being stopped as it fired.
        case .sta1, .sta3, .sta4, .sta5, .sta6, .sta7, .sta8, .sta9, .sta10, .sta11, .sta12: return nil
        }
    }

    /// Evt19: a PDU arrived that is of no known type or not valid.
    public mutating func invalidPDUReceived() -> Step<Violation>? {
        violation(whenClosing: .sendAbortWhileClosing)
    }
}
