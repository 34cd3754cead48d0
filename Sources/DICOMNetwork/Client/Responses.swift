public import DICOMCore
public import DICOMUpperLayer

/// The responses to one operation, as they arrive.
///
/// Leaving the loop early cancels the operation (C-CANCEL) with the next operation of the association or its release. A
/// failure status ends the loop with a ``DICOMError`` of the code ``DICOMError/Code/operationFailed``.
public struct Responses<Element>: AsyncSequence {
    let association: Association
    let messageID: UInt16
    /// What is made of a response; `nil` for one that is no element.
    let element: (Association.Response) throws -> Element?

    public func makeAsyncIterator() -> Iterator { Iterator(responses: self) }

    public struct Iterator: AsyncIteratorProtocol {
        let responses: Responses

        public mutating func next() async throws -> Element? {
            while let response = try await responses.association.nextResponse(of: responses.messageID) {
                if response.status.category == .failure { throw failure(response) }
                if let element = try responses.element(response) { return element }
            }
            return nil
        }

        private func failure(_ response: Association.Response) -> DICOMError {
            let comment = response.command.errorComment.map { ": \($0)" } ?? ""
            let elements = response.command.offendingElements
            return DICOMError(
                .operationFailed, "The peer answered \(response.status)\(comment).", at: elements,
                peer: responses.association.peer.description)
        }
    }
}

/// How far a C-MOVE or C-GET is (PS3.4 C.4.2.1.6 to C.4.2.1.9).
public struct RetrieveProgress: Sendable, Hashable {
    public let status: DIMSEStatus
    /// `nil` where the archive does not say.
    public let remaining: Int?
    public let completed: Int?
    public let failed: Int?
    public let warnings: Int?
    /// The instances that could not be sent, in the last response.
    public let failedSOPInstanceUIDs: [UID]

    /// Whether this is the last response.
    public var isFinal: Bool { status.category != .pending }
}
