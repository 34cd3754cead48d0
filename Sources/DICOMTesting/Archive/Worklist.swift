public import DICOMCore
import DICOMDictionary
public import DICOMNetwork
import DICOMUpperLayer
import Synchronization

/// A Modality Worklist of data sets, for tests and demonstrations (PS3.4 K).
public struct Worklist: WorklistService {
    public let items: [DataSet]

    /// - Parameter items: One data set for each scheduled procedure step, which is the item of its Scheduled Procedure Step
    ///   Sequence (0040,0100).
    public init(items: [DataSet]) { self.items = items }

    public func findWorklist(_ keys: DataSet, association: AssociationInfo, matches: QueryMatches) async throws {
        for item in items where item.matches(keys) { try await matches.yield(item.answer(to: keys)) }
    }
}

/// Modality Performed Procedure Steps in memory, with the rules of their states (PS3.4 F.7.2), for tests and
/// demonstrations.
public final class ProcedureSteps: ProcedureStepService {
    private let steps = Mutex<[UID: DataSet]>([:])

    public init() {}

    /// The attributes of a step, as created and changed since.
    public subscript(_ sopInstanceUID: UID) -> DataSet? { steps.withLock { $0[sopInstanceUID] } }

    public func create(_ sopInstanceUID: UID, _ attributes: DataSet, association: AssociationInfo) async throws {
        let isNew = steps.withLock { steps in
            guard steps[sopInstanceUID] == nil else { return false }
            steps[sopInstanceUID] = attributes
            return true
        }
        guard isNew else { throw ServiceFailure(.duplicateSOPInstance, comment: "There is such a step already") }
    }

    public func set(_ sopInstanceUID: UID, _ modifications: DataSet, association: AssociationInfo) async throws {
        let failure = steps.withLock { steps -> ServiceFailure? in
            guard let step = steps[sopInstanceUID] else {
                return ServiceFailure(.noSuchSOPInstance, comment: "There is no such step")
            }
            guard step[.performedProcedureStepStatus] == "IN PROGRESS" else {
                return ServiceFailure(.processingFailure, comment: "The step is over and may not be changed any more")
            }
            steps[sopInstanceUID] = step.merging(modifications)
            return nil
        }
        if let failure { throw failure }
    }
}
