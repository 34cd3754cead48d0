public import DICOMCoding
import DICOMDictionary
public import DICOMUpperLayer

/// What one association proposes and sends: an association has room for 128 presentation contexts (PS3.8 9.3.2.2), so
/// instances of many kinds need several.
public struct StorePlan: Sendable {
    /// For each SOP class one context for each transfer syntax of its files, in the order of their first appearance, and one
    /// for the uncompressed transfer syntaxes that a file can be brought into.
    public private(set) var proposals: [PresentationContextProposal] = []
    public private(set) var instances: [OutgoingInstance] = []

    /// Spreads instances over as few associations as their kinds allow.
    ///
    /// - Parameter transferSyntax: What all instances shall be sent in; `nil`: what they are in, or what the peer accepts.
    public static func plans(
        for instances: [OutgoingInstance], in transferSyntax: TransferSyntax? = nil
    ) -> [StorePlan] {
        var plans: [StorePlan] = []
        var positions: [PresentationContextProposal: Int] = [:]
        for instance in instances {
            let wanted = proposals(for: instance, in: transferSyntax)
            if let position = positions[wanted[0]] {
                plans[position].instances.append(instance)
                continue
            }
            if plans.last.map({ !$0.hasRoom(for: wanted) }) ?? true { plans.append(StorePlan()) }
            let last = plans.count - 1
            for proposal in wanted where !plans[last].proposals.contains(proposal) {
                plans[last].proposals.append(proposal)
            }
            plans[last].instances.append(instance)
            positions[wanted[0]] = last
        }
        return plans
    }

    private func hasRoom(for wanted: [PresentationContextProposal]) -> Bool {
        proposals.count + wanted.count(where: { !proposals.contains($0) }) <= RequestorOffer.maximumProposals
    }

    /// The instance's own transfer syntax first: a context has one answer, so what it could be sent in else is proposed
    /// apart.
    private static func proposals(
        for instance: OutgoingInstance, in transferSyntax: TransferSyntax?
    ) -> [PresentationContextProposal] {
        func proposal(_ syntaxes: [TransferSyntax]) -> PresentationContextProposal {
            PresentationContextProposal(abstractSyntax: instance.sopClassUID, transferSyntaxes: syntaxes)
        }
        if let transferSyntax { return [proposal([transferSyntax])] }
        return [
            proposal([instance.transferSyntax]), proposal([.explicitVRLittleEndian, .implicitVRLittleEndian]),
        ]
    }
}

extension PresentationContextProposal {
    /// Verification, for C-ECHO (PS3.4 Annex A).
    public static let verification = PresentationContextProposal(
        abstractSyntax: .verification, transferSyntaxes: [.implicitVRLittleEndian])
}
