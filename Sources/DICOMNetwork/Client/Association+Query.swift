public import DICOMCoding
public import DICOMCore
import DICOMDictionary
public import DICOMUpperLayer

/// C-FIND, C-MOVE and C-GET (PS3.4 C.4, K).
extension Association {
    /// Asks an archive what it has (C-FIND).
    ///
    /// ```swift
    /// for try await study in try await association.find(Query(.study).matching(.patientID, "4711")) {
    ///     print(study[.studyInstanceUID] ?? "none")
    /// }
    /// ```
    ///
    /// - Returns: The matches, one data set each.
    /// - Throws: ``DICOMError``: the query is not valid, no context was accepted, or the association ended.
    public func find(_ query: Query) async throws -> Responses<DataSet> {
        try await find(query.findIdentifier(), query.root.findSOPClassUID)
    }

    /// Asks for scheduled procedure steps (Modality Worklist, PS3.4 K).
    ///
    /// - Parameter keys: The attributes to be matched, and empty ones to be returned, most of them within an item of
    ///   Scheduled Procedure Step Sequence (0040,0100).
    public func findWorklist(_ keys: DataSet) async throws -> Responses<DataSet> {
        try await find(keys, .modalityWorklistInformationModelFind)
    }

    /// Asks in any information model.
    public func find(_ identifier: DataSet, _ sopClassUID: UID) async throws -> Responses<DataSet> {
        let messageID = try await request(.cFindRequest, identifier, sopClassUID)
        return Responses(association: self, messageID: messageID) { $0.dataSet }
    }

    /// Has an archive send instances to an application entity that it knows (C-MOVE).
    ///
    /// - Returns: The responses; the last one says how it ended. Some instances may have failed.
    public func move(_ query: Query, to destination: AETitle) async throws -> Responses<RetrieveProgress> {
        let messageID = try await request(
            .cMoveRequest, query.retrieveIdentifier(), query.root.moveSOPClassUID, destination: destination)
        return Responses(association: self, messageID: messageID) { RetrieveProgress($0) }
    }

    /// Fetches instances over this association (C-GET); it has to propose the instances' SOP classes with the SCP role, see
    /// ``DICOMUpperLayer/PresentationContextProposal/getting(_:sopClasses:in:)``.
    ///
    /// - Parameter storage: Takes each instance; its answer goes to the archive.
    /// - Returns: The responses; the last one says how it ended.
    public func get(
        _ query: Query, into storage: any StorageService
    ) async throws -> Responses<RetrieveProgress> {
        let messageID = try await request(
            .cGetRequest, query.retrieveIdentifier(), query.root.getSOPClassUID, storage: storage)
        return Responses(association: self, messageID: messageID) { RetrieveProgress($0) }
    }

    private func request(
        _ field: DIMSECommand.Field, _ identifier: DataSet, _ sopClassUID: UID, destination: AETitle? = nil,
        storage: (any StorageService)? = nil
    ) async throws -> UInt16 {
        let context = try context(for: sopClassUID)
        let messageID = try await begin()
        let command = DIMSECommand.query(
            field, messageID: messageID, sopClassUID: sopClassUID, destination: destination)
        try await start(
            command, identifier, Operation(messageID: messageID, field: field, context: context, storage: storage))
        return messageID
    }
}

extension RetrieveProgress {
    init(_ response: Association.Response) {
        let command = response.command.dataSet
        status = response.status
        remaining = command[.numberOfRemainingSuboperations]
        completed = command[.numberOfCompletedSuboperations]
        failed = command[.numberOfFailedSuboperations]
        warnings = command[.numberOfWarningSuboperations]
        failedSOPInstanceUIDs = response.dataSet?[.failedSOPInstanceUIDList] ?? []
    }
}

extension PresentationContextProposal {
    /// The contexts of queries in an information model.
    public static func finding(_ root: Query.Root) -> PresentationContextProposal {
        query(root.findSOPClassUID)
    }
    public static func moving(_ root: Query.Root) -> PresentationContextProposal { query(root.moveSOPClassUID) }
    /// Modality Worklist.
    public static let worklist = query(.modalityWorklistInformationModelFind)

    private static func query(_ sopClassUID: UID) -> PresentationContextProposal {
        PresentationContextProposal(
            abstractSyntax: sopClassUID, transferSyntaxes: [.explicitVRLittleEndian, .implicitVRLittleEndian])
    }

    /// The contexts of a C-GET: the request itself, and the storage SOP classes that may come, for which this side is SCP.
    ///
    /// An association has room for 128 contexts: choose the SOP classes that can come, where they are known.
    /// - Parameter transferSyntaxes: What instances are taken in, the most wanted first.
    public static func getting(
        _ root: Query.Root, sopClasses: [UID] = UID.commonStorageSOPClasses,
        in transferSyntaxes: [TransferSyntax] = [.explicitVRLittleEndian, .implicitVRLittleEndian]
    ) -> [PresentationContextProposal] {
        [query(root.getSOPClassUID)]
            + sopClasses.map {
                PresentationContextProposal(
                    abstractSyntax: $0, transferSyntaxes: transferSyntaxes, requestorIsSCU: false, requestorIsSCP: true)
            }
    }
}

extension UID {
    /// The storage SOP classes of images, reports, presentation states, waveforms, radiotherapy and registrations that
    /// hospitals have: as many as a C-GET has contexts for beside its own, without the rare and the retired ones.
    public static let commonStorageSOPClasses: [UID] = {
        let images = ["1", "1.", "2", "2.", "3.1", "4", "4.", "6.", "7", "7.", "12.", "13.", "20", "30", "128", "128."]
        let others = ["9.", "11.", "66", "66.", "67", "77.1.", "88.", "104.", "481."]
        let rare = ["77.1.5.", "88.1", "88.2", "88.3", "88.4", "481.1", "481.2"]
        let stem = "1.2.840.10008.5.1.4.1.1."
        func begins(_ uid: UID, _ group: String) -> Bool {
            group.hasSuffix(".") ? uid.string.hasPrefix(stem + group) : uid.string == stem + group
        }
        let groups = images + others
        let found = storageSOPClasses.filter { uid in groups.contains { begins(uid, $0) } }
        // Those of two digits at the end are the newest of their group; they go first where there are too many.
        let isRare = { (uid: UID) in
            rare.contains { uid.string.hasPrefix(stem + $0) } && uid.string.count > stem.count + 5
        }
        let ordered = found.filter { !isRare($0) } + found.filter(isRare)
        return Array(ordered.prefix(RequestorOffer.maximumProposals - 1))
    }()
}
