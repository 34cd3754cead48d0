import DICOMCoding
import DICOMCore
import DICOMDictionary
import Testing

@testable import DICOMUpperLayer

@Suite struct NegotiationTests {
    static let preferred: [TransferSyntax] = [.explicitVRLittleEndian, .implicitVRLittleEndian]

    /// Takes verification and CT, with explicit VR preferred, whatever the order in which it was proposed.
    static let policy: AcceptorPolicy = {
        var policy = AcceptorPolicy(
            maximumPDULength: 131072, implementationClassUID: "1.2.3.4", implementationVersionName: "TEST"
        ) { abstractSyntax, proposed in
            guard [.verification, .ctImageStorage].contains(abstractSyntax) else { return .abstractSyntaxNotSupported }
            return .choosing(from: proposed, preferring: preferred)
        }
        policy.calledAETitles = ["ARCHIVE"]
        policy.callingAETitles = ["PLUSONE", "OTHER"]
        return policy
    }()

    static func request(_ contexts: [ProposedContext]? = nil) -> AssociateRequest {
        AssociateRequest(
            calledAETitle: "ARCHIVE", callingAETitle: "PLUSONE",
            presentationContexts: contexts ?? [
                .init(id: 1, abstractSyntax: .verification, transferSyntaxes: [.implicitVRLittleEndian]),
                .init(
                    id: 3, abstractSyntax: .ctImageStorage,
                    transferSyntaxes: [.implicitVRLittleEndian, .explicitVRLittleEndian]),
                .init(id: 5, abstractSyntax: .mrImageStorage, transferSyntaxes: [.explicitVRLittleEndian]),
                .init(id: 255, abstractSyntax: .ctImageStorage, transferSyntaxes: [.jpegBaseline8Bit]),
            ],
            userInformation: .init(
                maximumPDULength: 16384, implementationClassUID: "1.9", implementationVersionName: "PEER"))
    }

    @Test func eachContextIsAnswered() throws {
        guard case .accept(let accept, let negotiated) = try Self.policy.answer(Self.request()) else {
            Issue.record("rejected")
            return
        }
        #expect(accept.presentationContexts.map(\.id) == [1, 3, 5, 255])
        #expect(
            accept.presentationContexts.map(\.result) == [
                .acceptance, .acceptance, .abstractSyntaxNotSupported, .transferSyntaxesNotSupported,
            ])
        #expect(accept.presentationContexts[0].transferSyntax == .implicitVRLittleEndian)
        #expect(accept.presentationContexts[1].transferSyntax == .explicitVRLittleEndian)
        #expect(accept.calledAETitle == "ARCHIVE" && accept.callingAETitle == "PLUSONE")
        #expect(accept.userInformation.maximumPDULength == 131072)
        #expect(accept.userInformation.implementationClassUID == "1.2.3.4")
        #expect(accept.userInformation.implementationVersionName == "TEST")
        #expect(accept.userInformation.asynchronousOperations == nil)
        #expect(negotiated.contexts.keys.sorted() == [1, 3])
        #expect(negotiated.contexts[3]?.transferSyntax == .explicitVRLittleEndian)
        #expect(negotiated.refusedContexts.map(\.id) == [5, 255])
        #expect(negotiated.peerMaximumPDULength == 16384)
        #expect(negotiated.peerImplementationClassUID == "1.9")
        #expect(negotiated.peerImplementationVersionName == "PEER")
    }

    struct Rejected: Sendable, CustomStringConvertible {
        let description: String
        let reject: AssociateReject
        let change: @Sendable (inout AssociateRequest, inout AcceptorPolicy) -> Void
    }

    static let rejected: [Rejected] = [
        .init(description: "called AE title", reject: .init(result: 1, source: 1, reason: 7)) { request, _ in
            request.calledAETitle = "archive"
        },
        .init(description: "calling AE title", reject: .init(result: 1, source: 1, reason: 3)) { request, _ in
            request.callingAETitle = "STRANGER"
        },
        .init(description: "application context", reject: .init(result: 1, source: 1, reason: 2)) { request, _ in
            request.applicationContext = "1.2.3"
        },
        .init(description: "protocol version", reject: .init(result: 1, source: 2, reason: 2)) { request, _ in
            request.protocolVersion = 2
        },
        .init(description: "local limit", reject: .init(result: 2, source: 3, reason: 2)) { _, policy in
            policy.isAtLimit = true
        },
    ]

    @Test(arguments: rejected) func rejects(_ rejected: Rejected) throws {
        var request = Self.request()
        var policy = Self.policy
        rejected.change(&request, &policy)
        guard case .reject(let reject) = try policy.answer(request) else {
            Issue.record("accepted")
            return
        }
        #expect(reject == rejected.reject)
        #expect(reject.isTransient == (reject.result == 2))
    }

    @Test func emptySetsLetAllIn() throws {
        var policy = Self.policy
        policy.calledAETitles = []
        policy.callingAETitles = []
        var request = Self.request()
        request.calledAETitle = "ANY"
        request.callingAETitle = "ANYBODY"
        // Other versions beside version 1 do not matter.
        request.protocolVersion = 0xFFFF
        guard case .accept = try policy.answer(request) else {
            Issue.record("rejected")
            return
        }
    }

    @Test(arguments: [
        [ProposedContext(id: 2, abstractSyntax: .verification, transferSyntaxes: [.implicitVRLittleEndian])],
        [
            ProposedContext(id: 1, abstractSyntax: .verification, transferSyntaxes: [.implicitVRLittleEndian]),
            ProposedContext(id: 1, abstractSyntax: .ctImageStorage, transferSyntaxes: [.implicitVRLittleEndian]),
        ],
        [ProposedContext(id: 1, abstractSyntax: .verification, transferSyntaxes: [])],
        [ProposedContext(id: 1, abstractSyntax: "", transferSyntaxes: [.implicitVRLittleEndian])],
        [],
    ]) func invalidProposals(_ contexts: [ProposedContext]) {
        let error = #expect(throws: DICOMError.self) { try Self.policy.answer(Self.request(contexts)) }
        #expect(error?.code == .invalidNegotiation)
    }

    @Test func rolesAreAnswered() throws {
        var policy = Self.policy
        policy.allowsRequestorAsSCP = { $0 == .ctImageStorage }
        var request = Self.request()
        request.userInformation.roleSelections = [
            .init(sopClassUID: .ctImageStorage, isSCU: false, isSCP: true),
            .init(sopClassUID: .verification, isSCU: true, isSCP: true),
            .init(sopClassUID: .mrImageStorage, isSCU: true, isSCP: true),
        ]
        guard case .accept(let accept, let negotiated) = try policy.answer(request) else {
            Issue.record("rejected")
            return
        }
        #expect(
            accept.userInformation.roleSelections == [
                .init(sopClassUID: .ctImageStorage, isSCU: false, isSCP: true),
                .init(sopClassUID: .verification, isSCU: true, isSCP: false),
            ])
        #expect(negotiated.contexts[3]?.requestorIsSCP == true && negotiated.contexts[3]?.requestorIsSCU == false)
        #expect(negotiated.contexts[1]?.requestorIsSCP == false && negotiated.contexts[1]?.requestorIsSCU == true)
    }

    // MARK: - Requestor

    static func offer(_ proposals: [PresentationContextProposal]) throws(DICOMError) -> RequestorOffer {
        try RequestorOffer(
            calledAETitle: "ARCHIVE", callingAETitle: "PLUSONE", proposals: proposals, maximumPDULength: 65536,
            implementationClassUID: "1.9", implementationVersionName: "PEER")
    }

    static let proposals: [PresentationContextProposal] = [
        .init(abstractSyntax: .verification, transferSyntaxes: [.implicitVRLittleEndian]),
        .init(abstractSyntax: .ctImageStorage, transferSyntaxes: [.explicitVRLittleEndian], requestorIsSCP: true),
        .init(abstractSyntax: .ctImageStorage, transferSyntaxes: [.implicitVRLittleEndian], requestorIsSCP: true),
        .init(abstractSyntax: .mrImageStorage, transferSyntaxes: [.implicitVRLittleEndian]),
    ]

    @Test func requestorAndAcceptorAgree() throws {
        let offer = try Self.offer(Self.proposals)
        #expect(offer.request.presentationContexts.map(\.id) == [1, 3, 5, 7])
        #expect(
            offer.request.userInformation.roleSelections == [
                .init(sopClassUID: .ctImageStorage, isSCU: true, isSCP: true)
            ])
        var policy = Self.policy
        policy.allowsRequestorAsSCP = { _ in true }
        guard case .accept(let accept, let theirs) = try policy.answer(offer.request) else {
            Issue.record("rejected")
            return
        }
        let ours = try offer.evaluate(accept)
        #expect(ours.contexts == theirs.contexts)
        #expect(ours.refusedContexts == theirs.refusedContexts)
        #expect(ours.peerMaximumPDULength == 131072 && theirs.peerMaximumPDULength == 65536)
        #expect(ours.peerImplementationClassUID == "1.2.3.4")
        #expect(ours.context(for: .ctImageStorage, in: [.implicitVRLittleEndian])?.id == 5)
        #expect(ours.context(for: .ctImageStorage, in: Self.preferred)?.id == 3)
        #expect(ours.context(for: .mrImageStorage, in: Self.preferred) == nil)
        #expect(ours.contexts(for: .ctImageStorage).map(\.id) == [3, 5])
    }

    @Test func unansweredIsRefusedAndDefaultRolesHold() throws {
        let offer = try Self.offer(Self.proposals)
        let accept = AssociateAccept(
            calledAETitle: "", callingAETitle: "",
            presentationContexts: [.init(id: 3, result: .acceptance, transferSyntax: .explicitVRLittleEndian)],
            userInformation: .init())
        let negotiated = try offer.evaluate(accept)
        #expect(negotiated.contexts.keys.sorted() == [3])
        #expect(negotiated.contexts[3]?.requestorIsSCP == false)
        #expect(negotiated.refusedContexts.map(\.result) == [.noReason, .noReason, .noReason])
        #expect(negotiated.peerMaximumPDULength == 0)
    }

    @Test(arguments: [
        [AnsweredContext(id: 9, result: .acceptance, transferSyntax: .implicitVRLittleEndian)],
        [AnsweredContext(id: 1, result: .acceptance, transferSyntax: .explicitVRLittleEndian)],
        [
            AnsweredContext(id: 1, result: .acceptance, transferSyntax: .implicitVRLittleEndian),
            AnsweredContext(id: 1, result: .noReason, transferSyntax: .implicitVRLittleEndian),
        ],
    ]) func answersToSomethingElse(_ answers: [AnsweredContext]) throws {
        let offer = try Self.offer(Self.proposals)
        let accept = AssociateAccept(
            calledAETitle: "", callingAETitle: "", presentationContexts: answers, userInformation: .init())
        let error = #expect(throws: DICOMError.self) { try offer.evaluate(accept) }
        #expect(error?.code == .invalidNegotiation)
    }

    @Test func numberOfProposalsIsBounded() throws {
        let proposal = PresentationContextProposal(abstractSyntax: .verification, transferSyntaxes: Self.preferred)
        #expect(
            try Self.offer(Array(repeating: proposal, count: 128)).request.presentationContexts.last?.id == 255)
        for proposals in [
            [], Array(repeating: proposal, count: 129), [.init(abstractSyntax: "1.2", transferSyntaxes: [])],
        ] {
            #expect(throws: DICOMError.self) { try Self.offer(proposals) }
        }
    }
}

@Suite struct AETitleTests {
    @Test(arguments: [("PLUSONE", "PLUSONE"), ("  A B ", "A B"), ("0123456789ABCDEF", "0123456789ABCDEF")])
    func valid(_ text: String, _ title: String) throws {
        #expect(try AETitle(validating: text).string == title)
    }

    @Test(arguments: ["", "    ", "0123456789ABCDEFG", "A\\B", "A\nB", "Ä", "A\u{7F}"])
    func invalid(_ text: String) {
        let error = #expect(throws: DICOMError.self) { try AETitle(validating: text) }
        #expect(error?.code == .invalidValue)
    }
}
