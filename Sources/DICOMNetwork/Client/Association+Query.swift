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
    /// - Parameter storage: Takes each instance; its answer goes to the archive. It is not told when the association opens and
    ///   closes, so a ``FolderStorage`` should not have the durability ``Durability/none`` here.
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
    /// The context of C-MOVE in an information model.
    public static func moving(_ root: Query.Root) -> PresentationContextProposal { query(root.moveSOPClassUID) }
    /// Modality Worklist.
    public static let worklist = query(.modalityWorklistInformationModelFind)

    private static func query(_ sopClassUID: UID) -> PresentationContextProposal {
        PresentationContextProposal(
            abstractSyntax: sopClassUID, transferSyntaxes: [.explicitVRLittleEndian, .implicitVRLittleEndian])
    }

    /// The contexts of a C-GET: the request itself, and the storage SOP classes that may come, for which this side is SCP.
    ///
    /// Of a context with several transfer syntaxes the peer chooses one, and what is kept in another is not sent. So each
    /// compressed one has a context of its own, where there is room: an association has 128 contexts.
    ///
    /// - Parameter sopClasses: What can come, the most likely first; `nil`: as many of ``DICOMCore/UID/commonStorageSOPClasses``
    ///   as there is room for.
    /// - Parameter transferSyntaxes: What instances are taken in, the most wanted first.
    public static func getting(
        _ root: Query.Root, sopClasses: [UID]? = nil,
        in transferSyntaxes: [TransferSyntax] = [.explicitVRLittleEndian, .implicitVRLittleEndian]
    ) -> [PresentationContextProposal] {
        let choices = choices(of: transferSyntaxes)
        var room = RequestorOffer.maximumProposals - 1
        let classes = sopClasses ?? Array(UID.commonStorageSOPClasses.prefix(room / max(1, choices.count)))
        var proposals = [query(root.getSOPClassUID)]
        for (number, sopClass) in classes.enumerated() {
            // Each of those that follow gets one at least.
            let following = classes.count - number - 1
            let own = choices.count <= room - following ? choices : [transferSyntaxes]
            room -= own.count
            proposals += own.map {
                PresentationContextProposal(
                    abstractSyntax: sopClass, transferSyntaxes: $0, requestorIsSCU: false, requestorIsSCP: true)
            }
        }
        return proposals
    }

    /// Transfer syntaxes that can stand for one another go together: the peer brings one into the other.
    private static func choices(of transferSyntaxes: [TransferSyntax]) -> [[TransferSyntax]] {
        var choices: [[TransferSyntax]] = []
        for syntax in transferSyntaxes {
            if !syntax.isEncapsulated, let index = choices.firstIndex(where: { !$0[0].isEncapsulated }) {
                choices[index].append(syntax)
            } else {
                choices.append([syntax])
            }
        }
        return choices
    }
}

extension UID {
    /// The storage SOP classes of images, reports, presentation states, waveforms, radiotherapy and registrations that
    /// hospitals have, the most frequent kinds first: as many as a C-GET has contexts for beside its own, without the rare
    /// and the retired ones.
    public static let commonStorageSOPClasses: [UID] = {
        // CT, MR, PET, computed radiography, secondary capture, nuclear medicine, ultrasound and so on; last the rare.
        let groups = [
            "2", "2.", "4", "4.", "128", "1", "1.", "7", "20", "6.", "3.1", "7.", "66.", "88.", "481.", "11.", "104.",
            "128.", "12.", "13.", "30", "66", "67", "9.", "77.1.",
        ]
        let rare = ["77.1.5.", "88.1", "88.2", "88.3", "88.4", "481.1", "481.2"]
        let stem = "1.2.840.10008.5.1.4.1.1."
        func begins(_ uid: UID, _ group: String) -> Bool {
            group.hasSuffix(".") ? uid.string.hasPrefix(stem + group) : uid.string == stem + group
        }
        let ordered = groups.flatMap { group in storageSOPClasses.filter { begins($0, group) } }
        // Those of two digits at the end are the newest of their group; they go first where there are too many.
        let isRare = { (uid: UID) in
            rare.contains { uid.string.hasPrefix(stem + $0) } && uid.string.count > stem.count + 5
        }
        return Array(
            (ordered.filter { !isRare($0) } + ordered.filter(isRare)).prefix(RequestorOffer.maximumProposals - 1))
    }()
}
