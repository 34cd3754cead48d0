import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMUpperLayer
import NIOCore

extension AssociationServerConfiguration {
    /// The maximum PDU length as the wire has it.
    var wirePDULength: UInt32 { UInt32(clamping: max(4096, maximumPDULength)) }

    var limits: UpperLayerHandler.TimeLimits {
        let idle = TimeAmount(idleTimeout)
        return .init(artim: TimeAmount(artimTimeout), handshake: idle, idle: idle, release: TimeAmount(artimTimeout))
    }

    /// How association requests are answered.
    func policy(for services: Services) -> AcceptorPolicy {
        var policy = AcceptorPolicy(
            maximumPDULength: wirePDULength, implementationClassUID: Implementation.classUID,
            implementationVersionName: Implementation.versionName
        ) { [storageTransferSyntaxes, acceptsAllTransferSyntaxesForStorage] sopClass, proposed in
            let offer = services.offer(of: sopClass)
            switch offer {
            case .none: return .abstractSyntaxNotSupported
            case .storage where acceptsAllTransferSyntaxesForStorage:
                return proposed.first.map { .accept($0) } ?? .transferSyntaxesNotSupported
            case .storage: return .choosing(from: proposed, preferring: storageTransferSyntaxes)
            case .other:
                return .choosing(from: proposed, preferring: [.explicitVRLittleEndian, .implicitVRLittleEndian])
            }
        }
        policy.calledAETitles = acceptsAnyCalledAETitle ? [] : [aeTitle]
        policy.callingAETitles = access.allowedCallingAETitles
        policy.deniedCallingAETitles = access.deniedCallingAETitles
        policy.maximumOperations = UInt16(clamping: maximumOperations)
        // Requestors of a C-GET are SCP of storage; archives that report are SCP of storage commitment.
        policy.allowsRequestorAsSCP = { uid in
            uid == .storageCommitmentPushModel
                ? services.commitmentReports != nil : services.retrieve != nil && uid.isStorage
        }
        // None of what can be negotiated for queries is done: no relational queries, no combined times (PS3.4 C.5.1.1).
        policy.extend = { proposed in
            services.offer(of: proposed.sopClassUID) == .other
                ? [UInt8](repeating: 0, count: min(proposed.information.count, 64)) : nil
        }
        return policy
    }
}

extension Services {
    enum Offer { case none, storage, other }

    func offer(of sopClass: UID) -> Offer {
        let isOffered: Bool
        switch sopClass {
        case .verification: isOffered = true
        case Query.Root.patient.findSOPClassUID, Query.Root.study.findSOPClassUID: isOffered = query != nil
        case Query.Root.patient.moveSOPClassUID, Query.Root.study.moveSOPClassUID,
            Query.Root.patient.getSOPClassUID, Query.Root.study.getSOPClassUID:
            isOffered = retrieve != nil
        case .modalityWorklistInformationModelFind: isOffered = worklist != nil
        case .storageCommitmentPushModel: isOffered = storageCommitment != nil || commitmentReports != nil
        case .modalityPerformedProcedureStep: isOffered = procedureSteps != nil
        default: return sopClass.isStorage && (storage != nil || retrieve != nil) ? .storage : .none
        }
        return isOffered ? .other : .none
    }
}

extension UID {
    /// A storage SOP class, a private SOP class, which may be one, or the service class itself, which a common extended
    /// negotiation names.
    fileprivate var isStorage: Bool { isStorageSOPClass || isPrivate || self == .storage }
}
