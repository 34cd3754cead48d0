public import DICOMCore
import DICOMDictionary
public import DICOMUpperLayer

/// An instance by its SOP class and instance UID (PS3.3 10.8).
public struct SOPReference: Sendable, Hashable {
    public let sopClassUID: UID
    public let sopInstanceUID: UID

    public init(sopClassUID: UID, sopInstanceUID: UID) {
        self.sopClassUID = sopClassUID
        self.sopInstanceUID = sopInstanceUID
    }

    fileprivate init?(_ item: DataSet) {
        guard let sopClass = item[.referencedSOPClassUID], let instance = item[.referencedSOPInstanceUID] else {
            return nil
        }
        self.init(sopClassUID: sopClass, sopInstanceUID: instance)
    }

    fileprivate var item: DataSet {
        var item = DataSet()
        item[.referencedSOPClassUID] = sopClassUID
        item[.referencedSOPInstanceUID] = sopInstanceUID
        return item
    }
}

/// What an archive is asked to commit to (PS3.4 J.3.2).
public struct CommitmentRequest: Sendable, Hashable {
    public let transactionUID: UID
    public let instances: [SOPReference]

    public init(transactionUID: UID, instances: [SOPReference]) {
        self.transactionUID = transactionUID
        self.instances = instances
    }

    /// - Throws: ``ServiceFailure`` that names what the peer left out.
    init(_ dataSet: DataSet) throws(ServiceFailure) {
        guard let uid = dataSet[.transactionUID] else {
            throw ServiceFailure(
                .missingAttribute, comment: "Transaction UID is missing",
                offendingElements: [Attribute<UID>.transactionUID.tag])
        }
        let items = dataSet[.referencedSOPSequence] ?? []
        let references = items.compactMap { SOPReference($0) }
        guard !items.isEmpty, references.count == items.count else {
            throw ServiceFailure(
                .missingAttribute, comment: "Referenced SOP Sequence is empty or incomplete",
                offendingElements: [Attribute<[DataSet]>.referencedSOPSequence.tag])
        }
        self.init(transactionUID: uid, instances: references)
    }

    var dataSet: DataSet {
        var dataSet = DataSet()
        dataSet[.transactionUID] = transactionUID
        dataSet[.referencedSOPSequence] = instances.map(\.item)
        return dataSet
    }
}

/// What an archive has committed to (PS3.4 J.3.3).
public struct CommitmentReport: Sendable, Hashable {
    /// An instance that the archive does not take the responsibility for.
    public struct Failure: Sendable, Hashable {
        public let instance: SOPReference
        /// Failure Reason (0008,1197), such as 0112H: no such object instance.
        public let reason: DIMSEStatus

        public init(_ instance: SOPReference, reason: DIMSEStatus) {
            self.instance = instance
            self.reason = reason
        }
    }

    public let transactionUID: UID
    public let committed: [SOPReference]
    public let failed: [Failure]

    public init(transactionUID: UID, committed: [SOPReference], failed: [Failure] = []) {
        self.transactionUID = transactionUID
        self.committed = committed
        self.failed = failed
    }

    /// - Throws: ``ServiceFailure`` that names what the peer left out.
    init(_ dataSet: DataSet) throws(ServiceFailure) {
        guard let uid = dataSet[.transactionUID] else {
            throw ServiceFailure(
                .missingAttribute, comment: "Transaction UID is missing",
                offendingElements: [Attribute<UID>.transactionUID.tag])
        }
        self.init(
            transactionUID: uid, committed: (dataSet[.referencedSOPSequence] ?? []).compactMap { SOPReference($0) },
            failed: (dataSet[.failedSOPSequence] ?? []).compactMap { item in
                SOPReference(item).map {
                    Failure($0, reason: DIMSEStatus(rawValue: UInt16(clamping: item[.failureReason] ?? 0x0110)))
                }
            })
    }

    /// The N-EVENT-REPORT-RQ: event type 1 where all are committed, 2 where some are not (PS3.4 J.3.3.1).
    func request(messageID: UInt16) -> DIMSECommand {
        .nRequest(
            .nEventReportRequest, messageID: messageID, affecting: .storageCommitmentPushModel,
            .storageCommitmentPushModelInstance, hasDataSet: true, eventTypeID: failed.isEmpty ? 1 : 2)
    }

    var dataSet: DataSet {
        var dataSet = DataSet()
        dataSet[.transactionUID] = transactionUID
        if !committed.isEmpty { dataSet[.referencedSOPSequence] = committed.map(\.item) }
        if !failed.isEmpty {
            dataSet[.failedSOPSequence] = failed.map { failure in
                var item = failure.instance.item
                item[.failureReason] = Int(failure.reason.rawValue)
                return item
            }
        }
        return dataSet
    }
}
