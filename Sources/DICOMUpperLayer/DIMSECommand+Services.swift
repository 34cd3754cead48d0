public import DICOMCore
import DICOMDictionary

/// The messages of the services C-ECHO and C-STORE (PS3.7 9.3.1, 9.3.5).
extension DIMSECommand {
    /// C-ECHO-RQ (PS3.7 Table 9.3-12).
    public static func cEchoRequest(messageID: UInt16) -> DIMSECommand {
        var command = DIMSECommand(.cEchoRequest, hasDataSet: false)
        command.affectedSOPClassUID = .verification
        command.messageID = messageID
        return command
    }

    /// C-STORE-RQ (PS3.7 Table 9.3-1); the data set follows it.
    public static func cStoreRequest(
        messageID: UInt16, sopClassUID: UID, sopInstanceUID: UID, priority: Priority = .medium
    ) -> DIMSECommand {
        var command = DIMSECommand(.cStoreRequest, hasDataSet: true)
        command.affectedSOPClassUID = sopClassUID
        command.affectedSOPInstanceUID = sopInstanceUID
        command.messageID = messageID
        command.priority = priority
        return command
    }

    /// The response to a request, without a data set: its message ID, its SOP class and instance, and the status.
    ///
    /// C-ECHO-RSP and C-STORE-RSP (PS3.7 Tables 9.3-13 and 9.3-2) are made so, and so is the refusal of a request of any
    /// kind.
    /// - Parameter errorComment: What went wrong: cut to 64 characters of ASCII; no patient data.
    /// - Parameter offendingElements: The elements of the data set that are wrong.
    public static func response(
        to request: DIMSECommand, status: DIMSEStatus, errorComment: String? = nil, offendingElements: [DICOMTag] = []
    ) -> DIMSECommand {
        var command = DIMSECommand(request.field.response, hasDataSet: false)
        // N-services name the SOP class that was requested, and respond with it as the affected one (PS3.7 10.3).
        command.affectedSOPClassUID = request.affectedSOPClassUID ?? request.dataSet[.requestedSOPClassUID]
        command.affectedSOPInstanceUID = request.affectedSOPInstanceUID ?? request.dataSet[.requestedSOPInstanceUID]
        command.messageIDBeingRespondedTo = request.messageID
        command.status = status
        command.errorComment = errorComment
        command.offendingElements = offendingElements
        return command
    }
}
