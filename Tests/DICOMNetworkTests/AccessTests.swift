import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMUpperLayer
import Logging
import Metrics
import MetricsTestKit
import Synchronization
import Testing

/// Who is let in, and what is noted of it.
@Suite(.serialized, .timeLimit(.minutes(2))) struct AccessTests {
    @Test(arguments: [
        ("127.0.0.1", true), ("127.0.0.0/8", true), ("127.0.0.1/32", true), ("0.0.0.0/0", true),
        ("::ffff:127.0.0.1", true),
        ("127.0.0.2", false), ("10.0.0.0/8", false), ("::1", false), ("fd00::/8", false), ("126.0.0.0/7", true),
        ("128.0.0.0/7", false),
    ]) func addresses(range: String, isIn: Bool) async throws {
        let range = try AddressRange(range)
        for isAllowList in [true, false] {
            let configuration = configured { configuration in
                if isAllowList {
                    configuration.access.allowedAddresses = [range]
                } else {
                    configuration.access.deniedAddresses = [range]
                }
            }
            try await withServer(configuration: configuration) { _, endpoint in
                let peer = try await RawPeer.connect(to: endpoint.port)
                // The connection may be reset before the request is written.
                let answer = try? await peer.associate()
                #expect(answer?.type == (isIn == isAllowList ? 2 : nil))
            }
        }
    }

    @Test(arguments: ["", "x", "1.2.3", "127.0.0.1/33", "127.0.0.1/", "::1/129", "127.0.0.1/-1", "1.2.3.4/8/8"])
    func textsThatAreNoRange(text: String) {
        let error = #expect(throws: DICOMError.self) { _ = try AddressRange(text) }
        #expect(error?.code == .invalidValue)
    }

    @Test func deniedTitles() async throws {
        try await withServer(configuration: configured { $0.access.deniedCallingAETitles = ["FOE"] }) { _, endpoint in
            let answer1 = try await RawPeer.connect(to: endpoint.port).associate(calling: "FOE")
            #expect(answer1?.body == [0, 1, 1, 3])
            let answer2 = try await RawPeer.connect(to: endpoint.port).associate(calling: "FRIEND")
            #expect(answer2?.type == 2)
        }
    }

    /// Without TLS nobody has a certificate.
    @Test func certificatesThatAreAskedFor() async throws {
        try await withServer(configuration: configured { $0.access.allowedCertificates = ["AB:CD"] }) { _, endpoint in
            let answer3 = try await RawPeer.connect(to: endpoint.port).associate()
            #expect(answer3?.body == [0, 1, 1, 1])
        }
    }

    @Test func limits() async throws {
        for perPeer in [true, false] {
            let configuration = configured { configuration in
                if perPeer {
                    configuration.maximumAssociationsPerPeer = 2
                } else {
                    configuration.maximumAssociations = 2
                }
            }
            try await withServer(configuration: configuration) { _, endpoint in
                let first = try await RawPeer.connect(to: endpoint.port)
                #expect(try await first.associate()?.type == 2)
                let second = try await RawPeer.connect(to: endpoint.port)
                #expect(try await second.associate()?.type == 2)
                // Rejected transient, by the presentation-related provider, local limit exceeded (PS3.8 9.3.4).
                let third = try await RawPeer.connect(to: endpoint.port)
                #expect(try await third.associate()?.body == [0, 2, 3, 2])
                try await first.send(.releaseRequest)
                #expect(try await first.receive()?.type == 6)
                // The place is free when the server has noted the end.
                let deadline = ContinuousClock.now + .seconds(10)
                var answer: UInt8?
                while answer != 2, ContinuousClock.now < deadline {
                    answer = try await RawPeer.connect(to: endpoint.port).associate()?.type
                }
                #expect(answer == 2)
            }
        }
    }

    /// Bytes that drip are silence: 20 in each second are no message.
    @Test func slowPeersAreAborted() async throws {
        try await withServer(configuration: configured { $0.idleTimeout = .milliseconds(500) }) { _, endpoint in
            let peer = try await RawPeer.connect(to: endpoint.port)
            #expect(try await peer.associate()?.type == 2)
            var store = try RawPeer.bytes(
                .cStoreRequest(messageID: 1, sopClassUID: .ctImageStorage, sopInstanceUID: "1.2.3"))
            store += RawPeer.data([UInt8](repeating: 0, count: 16_000), isLast: false)
            var sent = 0
            for byte in store {
                guard (try? await peer.send([byte])) != nil, sent < 400 else { break }
                sent += 1
                try await Task.sleep(for: .milliseconds(20))
                if await peer.isReadable() { break }
            }
            #expect(try await peer.receive()?.type == 7)
            #expect(sent < 400)
        }
    }

    // MARK: - Users

    private struct Policy: UserIdentityPolicy {
        func decide(_ identity: UserIdentity?, _ association: AssociationInfo) async -> UserIdentityDecision {
            guard let identity else { return .reject }
            let name = String(decoding: identity.primaryField, as: UTF8.self)
            return name == "anna" && identity.secondaryField == Array("secret".utf8)
                ? .accept(response: [1, 2, 3]) : .reject
        }
    }

    private func identity(_ user: UserIdentity?, _ endpoint: Endpoint) async throws -> [UInt8]? {
        var options = client
        options.extras.userIdentity = user
        return try await withAssociation(to: endpoint, proposing: [verification], options: options, logger: logger) {
            $0.userIdentityResponse
        }
    }

    private func refusal(of user: UserIdentity?, _ endpoint: Endpoint) async -> DICOMError? {
        do {
            _ = try await identity(user, endpoint)
            return nil
        } catch {
            return error as? DICOMError
        }
    }

    @Test func usersAreAskedFor() async throws {
        try await withServer(configuration: configured { $0.userIdentity = Policy() }) { _, endpoint in
            let anna = UserIdentity.user("anna", passcode: "secret", isResponseRequested: true)
            let response4 = try await identity(anna, endpoint)
            #expect(response4 == [1, 2, 3])
            let response5 = try await identity(.user("anna", passcode: "secret"), endpoint)
            #expect(response5 == nil)
            for wrong in [nil, UserIdentity.user("anna"), .user("anna", passcode: "guess")] {
                let error = await refusal(of: wrong, endpoint)
                #expect(error?.code == .associationRejectedPermanently)
                let text = error.map { "\($0)" } ?? "guess"
                #expect(!text.contains("guess"))
            }
        }
        // Without a policy a user is taken and not looked at.
        try await withServer { _, endpoint in _ = try await identity(.user("anna"), endpoint) }
    }

    @Test func negotiationOfOperations() async throws {
        var options = client
        options.extras.asynchronousOperations = AsynchronousOperations(maximumInvoked: 20, maximumPerformed: 1)
        options.extras.extendedNegotiations = [
            ExtendedNegotiation(sopClassUID: Query.Root.study.findSOPClassUID, information: [1, 1, 0])
        ]
        var services = Services()
        services.query = NoMatches()
        try await withServer(services: services) { _, endpoint in
            let extended = try await withAssociation(
                to: endpoint, proposing: [.finding(.study)], options: options, logger: logger
            ) { $0.extendedNegotiation(of: Query.Root.study.findSOPClassUID) }
            // Neither relational queries nor combined dates and times are done.
            #expect(extended == [0, 0, 0])
        }
    }

    private struct NoMatches: QueryService {
        func find(_ request: QueryRequest, matches: QueryMatches) async throws {}
    }

    /// Requests that come before the one before is answered are answered in order.
    @Test func requestsMayOverlap() async throws {
        try await withServer { _, endpoint in
            let peer = try await RawPeer.connect(to: endpoint.port)
            #expect(try await peer.associate()?.type == 2)
            var all: [UInt8] = []
            for number in 1...5 { all += try RawPeer.bytes(.cEchoRequest(messageID: UInt16(number)), contextID: 3) }
            try await peer.send(all)
            for number in 1...5 {
                let response = try await peer.receiveResponse()
                #expect(response?.messageIDBeingRespondedTo == UInt16(number))
            }
        }
    }

    // MARK: - Observation

    private static let metrics: TestMetrics = {
        let metrics = TestMetrics()
        MetricsSystem.bootstrap(metrics)
        return metrics
    }()

    @Test func metrics() async throws {
        let metrics = Self.metrics
        let options = AssociationClientOptions(callingAETitle: "COUNTED")
        try await withServer(configuration: configured { $0.access.deniedCallingAETitles = ["FOE"] }) { _, endpoint in
            try await withAssociation(to: endpoint, proposing: [ctStorage], options: options, logger: logger) {
                _ = try await $0.store(image(1))
                _ = try await $0.store(image(2))
            }
            _ = try await RawPeer.connect(to: endpoint.port).associate(calling: "FOE")
        }
        let scp = [("role", "scp"), ("peer", "COUNTED")]
        #expect(try metrics.expectCounter("dicom_associations", scp).totalValue == 1)
        #expect(try metrics.expectCounter("dicom_instances", scp).totalValue == 2)
        let bytes = try encoded(image(1)).count + encoded(image(2)).count
        #expect(try metrics.expectCounter("dicom_instance_bytes", scp).totalValue == Int64(bytes))
        #expect(try metrics.expectTimer("dicom_store_duration", scp).values.count == 2)
        #expect(try metrics.expectCounter("dicom_association_ends", scp + [("end", "released")]).totalValue == 1)
        #expect(try metrics.expectCounter("dicom_rejections", [("peer", "FOE"), ("reason", "1/1/3")]).totalValue == 1)
        let scu = [("role", "scu"), ("peer", "SERVER")]
        #expect(try metrics.expectCounter("dicom_instances", scu).totalValue >= 2)
    }

    @Test func labelsAreBounded() {
        let labels = PeerLabels(limit: 2)
        #expect(["A", "B", "C", "A", "B", "D"].map(labels.label) == ["A", "B", "other", "A", "B", "other"])
    }

    @Test func theTraceHasNoPatientData() async throws {
        let lines = Lines()
        var traced = Logger(label: "test") { _ in LineHandler(lines: lines) }
        traced.logLevel = .trace
        var options = client
        options.tracesPDUs = true
        options.extras.userIdentity = .user("anna", passcode: "secret")
        let (tracing, sender) = (traced, options)
        try await withServer { _, endpoint in
            try await withAssociation(to: endpoint, proposing: [ctStorage], options: sender, logger: tracing) {
                _ = try await $0.store(image(77))
            }
        }
        let text = lines.all.joined(separator: "\n")
        for part in [
            "A-ASSOCIATE-RQ", "A-ASSOCIATE-AC", "CT Image Storage", "C-STORE-RQ", "C-STORE-RSP", "0000H",
            "A-RELEASE-RQ",
        ] {
            #expect(text.contains(part), "\(part)")
        }
        for secret in ["TEST", "1.2.3.4.77", "anna", "secret"] { #expect(!text.contains(secret), "\(secret)") }
    }
}
