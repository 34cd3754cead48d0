import DICOMCoding
import DICOMDictionary
public import DICOMUpperLayer

/// What one association proposes and sends: an association has room for 128 presentation contexts (PS3.8 9.3.2.2), so
/// instances of many kinds need several.
public struct StorePlan: Sendable {
    /// One context for each pair of SOP class and transfer syntax, in the order of their first appearance.
    public private(set) var proposals: [PresentationContextProposal] = []
    public private(set) var instances: [OutgoingInstance] = []

    /// Spreads instances over as few associations as their kinds allow.
    public static func plans(for instances: [OutgoingInstance]) -> [StorePlan] {
        var plans: [StorePlan] = []
        var positions: [PresentationContextProposal: Int] = [:]
        for instance in instances {
            let proposal = PresentationContextProposal(
                abstractSyntax: instance.sopClassUID, transferSyntaxes: [instance.transferSyntax])
            if let position = positions[proposal] {
                plans[position].instances.append(instance)
                continue
            }
            if plans.last.map({ $0.proposals.count == RequestorOffer.maximumProposals }) ?? true {
                plans.append(StorePlan())
            }
            let last = plans.count - 1
            plans[last].proposals.append(proposal)
            plans[last].instances.append(instance)
            positions[proposal] = last
        }
        return plans
    }
}

extension PresentationContextProposal {
    /// Verification, for C-ECHO (PS3.4 Annex A).
    public static let verification = PresentationContextProposal(
        abstractSyntax: .verification, transferSyntaxes: [.implicitVRLittleEndian])
}
