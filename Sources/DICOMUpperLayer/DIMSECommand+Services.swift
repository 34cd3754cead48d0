import DICOMCoding
public import DICOMCore
import DICOMDictionary

/// The messages of the services (PS3.7 9.3 and 10.3).
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

    /// C-FIND-RQ (PS3.7 Table 9.3-3) or C-GET-RQ (Table 9.3-6); the identifier follows it. C-MOVE-RQ has a destination too
    /// (Table 9.3-9).
    public static func query(
        _ field: Field, messageID: UInt16, sopClassUID: UID, priority: Priority = .medium, destination: AETitle? = nil
    ) -> DIMSECommand {
        var command = DIMSECommand(field, hasDataSet: true)
        command.affectedSOPClassUID = sopClassUID
        command.messageID = messageID
        command.priority = priority
        command.dataSet[.moveDestination] = destination?.string
        return command
    }

    /// C-CANCEL-RQ (PS3.7 Table 9.3-5).
    public static func cCancelRequest(of messageID: UInt16) -> DIMSECommand {
        var command = DIMSECommand(.cCancelRequest, hasDataSet: false)
        command.messageIDBeingRespondedTo = messageID
        return command
    }

    /// N-CREATE-RQ and N-EVENT-REPORT-RQ, which affect an instance (PS3.7 Tables 10.3-9 and 10.3-1).
    ///
    /// - Parameter eventTypeID: Of an N-EVENT-REPORT-RQ.
    public static func nRequest(
        _ field: Field, messageID: UInt16, affecting sopClassUID: UID, _ sopInstanceUID: UID?, hasDataSet: Bool,
        eventTypeID: Int? = nil
    ) -> DIMSECommand {
        var command = DIMSECommand(field, hasDataSet: hasDataSet)
        command.affectedSOPClassUID = sopClassUID
        command.affectedSOPInstanceUID = sopInstanceUID
        command.messageID = messageID
        command.dataSet[.eventTypeID] = eventTypeID
        return command
    }

    /// N-SET-RQ, N-ACTION-RQ, N-GET-RQ and N-DELETE-RQ, which are asked of an instance (PS3.7 Tables 10.3-3 to 10.3-11).
    ///
    /// - Parameter actionTypeID: Of an N-ACTION-RQ.
    public static func nRequest(
        _ field: Field, messageID: UInt16, requesting sopClassUID: UID, _ sopInstanceUID: UID, hasDataSet: Bool,
        actionTypeID: Int? = nil
    ) -> DIMSECommand {
        var command = DIMSECommand(field, hasDataSet: hasDataSet)
        command.dataSet[.requestedSOPClassUID] = sopClassUID
        command.dataSet[.requestedSOPInstanceUID] = sopInstanceUID
        command.messageID = messageID
        command.dataSet[.actionTypeID] = actionTypeID
        return command
    }

    /// The response to this request, to which more can be added; a data set follows it when `hasDataSet` says so.
    public func response(_ status: DIMSEStatus, hasDataSet: Bool = false) -> DIMSECommand {
        var response = DIMSECommand(field.response, hasDataSet: hasDataSet)
        // N-services name the SOP class that was requested, and respond with it as the affected one (PS3.7 10.3).
        response.affectedSOPClassUID = affectedSOPClassUID ?? dataSet[.requestedSOPClassUID]
        response.affectedSOPInstanceUID = affectedSOPInstanceUID ?? dataSet[.requestedSOPInstanceUID]
        response.messageIDBeingRespondedTo = messageID
        response.status = status
        response.dataSet[.eventTypeID] = dataSet[.eventTypeID]
        response.dataSet[.actionTypeID] = dataSet[.actionTypeID]
        return response
    }

    /// The response to this request, without a data set: its message ID, its SOP class and instance, and the status; as
    /// it is sent.
    ///
    /// C-ECHO-RSP and C-STORE-RSP (PS3.7 Tables 9.3-13 and 9.3-2) are made so, and so is the refusal of a request of any
    /// kind.
    /// - Parameter errorComment: What went wrong: cut to 64 characters of ASCII; no patient data.
    /// - Throws: ``DICOMError`` with `unencodableValue` when the request's identifiers are too long.
    public func encodedResponse(_ status: DIMSEStatus, errorComment: String? = nil) throws(DICOMError) -> [UInt8] {
        var group = GroupWriter(0x0000, isExplicit: false)
        // N-services name the SOP class that was requested, and respond with it as the affected one (PS3.7 10.3).
        if let uid = affectedSOPClassUID ?? dataSet[.requestedSOPClassUID] {
            try group.write(0x0002, .ui, uid.string)
        }
        try group.write(0x0100, field.response.rawValue)
        if let messageID { try group.write(0x0120, messageID) }
        try group.write(0x0800, Self.noDataSet)
        try group.write(0x0900, status.rawValue)
        if let errorComment { try group.write(0x0902, .lo, Self.comment(errorComment)) }
        if let uid = affectedSOPInstanceUID ?? dataSet[.requestedSOPInstanceUID] {
            try group.write(0x1000, .ui, uid.string)
        }
        return try group.finish()
    }
}
