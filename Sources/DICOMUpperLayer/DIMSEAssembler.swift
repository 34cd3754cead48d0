public import DICOMCore
public import NIOCore

/// Puts a peer's messages together from presentation data values, and checks their order (PS3.8 annex E).
///
/// Commands are gathered and decoded; data sets are passed on in pieces as they arrive. A message is whole before the
/// next begins, and its command and data set come on one presentation context.
public struct DIMSEAssembler: Sendable {
    public enum Event: Sendable {
        /// A command. When ``DIMSECommand/hasDataSet`` says so, its data set follows: pieces up to a last one.
        case command(contextID: UInt8, DIMSECommand)
        case data(ByteBuffer)
        /// The piece that ends the data set; it may be empty.
        case lastData(ByteBuffer)
    }

    /// The longest command set that is gathered, in bytes.
    public let maximumCommandLength: Int
    private var state = State.idle
    /// What is there of the command that is being gathered.
    private var commandBytes = ByteBuffer()

    private enum State {
        /// Between two messages.
        case idle
        case command(contextID: UInt8)
        case dataSet(contextID: UInt8)
    }

    public init(maximumCommandLength: Int = 64 * 1024) { self.maximumCommandLength = maximumCommandLength }

    /// Whether the pieces so far end between two messages.
    public var isBetweenMessages: Bool {
        switch state {
        case .idle: true
        case .command, .dataSet: false
        }
    }

    /// Takes a piece of P-DATA.
    ///
    /// - Returns: `nil` when a command is not whole yet, and for a control PDU, which is no part of a message.
    /// - Throws: ``DICOMError`` with `protocolViolation`, after which the association is to be aborted.
    public mutating func receive(_ event: PDUEvent) throws(DICOMError) -> Event? {
        switch event {
        case .pdu: return nil
        case .command(let piece, let contextID):
            try gather(contextID, piece)
            return nil
        case .lastCommand(let piece, let contextID):
            try gather(contextID, piece)
            let command = try DIMSECommand(parsing: Array(commandBytes.readableBytesView))
            commandBytes = ByteBuffer()
            state = command.hasDataSet ? .dataSet(contextID: contextID) : .idle
            return .command(contextID: contextID, command)
        case .data(let piece, let contextID):
            try checkData(contextID)
            return .data(piece)
        case .lastData(let piece, let contextID):
            try checkData(contextID)
            state = .idle
            return .lastData(piece)
        }
    }

    private mutating func gather(_ contextID: UInt8, _ piece: ByteBuffer) throws(DICOMError) {
        switch state {
        case .idle: state = .command(contextID: contextID)
        case .command(let current):
            guard current == contextID else {
                throw DICOMError(.protocolViolation, "A command changes from context \(current) to \(contextID).")
            }
        case .dataSet:
            throw DICOMError(.protocolViolation, "A command came where the data set of the one before should go on.")
        }
        guard piece.readableBytes <= maximumCommandLength - commandBytes.readableBytes else {
            throw DICOMError(.protocolViolation, "A command is longer than \(maximumCommandLength) bytes.")
        }
        commandBytes.writeImmutableBuffer(piece)
    }

    private func checkData(_ contextID: UInt8) throws(DICOMError) {
        switch state {
        case .idle, .command:
            throw DICOMError(.protocolViolation, "Data came without a command that announces it.")
        case .dataSet(let current):
            guard current == contextID else {
                throw DICOMError(.protocolViolation, "A data set changes from context \(current) to \(contextID).")
            }
        }
    }
}
