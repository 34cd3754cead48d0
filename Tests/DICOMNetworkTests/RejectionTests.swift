import DICOMCore
import DICOMNetwork
import DICOMUpperLayer
import NIOCore
import Testing

/// Whom the server does not let in, and what the client says of it.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RejectionTests {
    private func rejection(
        _ endpoint: Endpoint, calling: String = "CLIENT"
    ) async -> DICOMError? {
        await #expect(throws: DICOMError.self) {
            try await withAssociation(
                to: endpoint, proposing: [verification], options: .init(callingAETitle: calling), logger: logger
            ) { _ = try await $0.echo() }
        }
    }

    @Test func wrongCalledAETitle() async throws {
        try await withServer { _, endpoint in
            let error = await rejection(Endpoint(host: endpoint.host, port: endpoint.port, aeTitle: "OTHER"))
            #expect(error?.code == .associationRejectedPermanently)
            #expect(error?.message.lowercased().contains("called") == true)
            // The bytes of the standard: result, source, reason (PS3.8 9.3.4).
            let peer = try await RawPeer.connect(to: endpoint.port)
            let answer = try #require(try await peer.associate(called: "OTHER"))
            #expect(answer.type == 3)
            #expect(answer.body == [0, 1, 1, 7])
        }
    }

    @Test func anyCalledAETitleWhereConfigured() async throws {
        try await withServer(configuration: configured { $0.acceptsAnyCalledAETitle = true }) { _, endpoint in
            let peer = try await RawPeer.connect(to: endpoint.port)
            #expect(try await peer.associate(called: "OTHER")?.type == 2)
        }
    }

    @Test func unknownCallingAETitle() async throws {
        try await withServer(configuration: configured { $0.access.allowedCallingAETitles = ["FRIEND"] }) {
            _, endpoint in
            let error = await rejection(endpoint, calling: "STRANGER")
            #expect(error?.code == .associationRejectedPermanently)
            #expect(error?.message.lowercased().contains("calling") == true)
            let peer = try await RawPeer.connect(to: endpoint.port)
            #expect(try await peer.associate(calling: "STRANGER")?.body == [0, 1, 1, 3])
            let friend = try await RawPeer.connect(to: endpoint.port)
            #expect(try await friend.associate(calling: "FRIEND")?.type == 2)
        }
    }

    @Test func theLimitOfAssociations() async throws {
        let storage = MemoryStorage()
        try await withServer(storage, configuration: configured { $0.maximumAssociations = 1 }) { _, endpoint in
            let first = try await RawPeer.connect(to: endpoint.port)
            #expect(try await first.associate()?.type == 2)
            let second = try await RawPeer.connect(to: endpoint.port)
            let answer = try #require(try await second.associate())
            #expect(answer.type == 3)
            #expect(answer.body == [0, 2, 3, 2])
            let error = await rejection(endpoint)
            #expect(error?.code == .associationRejectedTransiently)
            // The place is free again when the first association is over.
            try await first.send(.releaseRequest)
            #expect(try await first.receive()?.type == 6)
            try await eventually("the association is over") { storage.state.ends.count == 1 }
            var status: DIMSEStatus?
            let deadline = ContinuousClock.now + .seconds(10)
            while status == nil, ContinuousClock.now < deadline {
                status = try? await withAssociation(
                    to: endpoint, proposing: [verification], options: client, logger: logger
                ) { try await $0.echo() }
            }
            #expect(status == .success)
        }
    }

    @Test func nobodyListens() async throws {
        let listener = try await RawListener { _ in }
        await listener.stop()
        let error = await rejection(Endpoint(host: "127.0.0.1", port: listener.port, aeTitle: "NOBODY"))
        #expect(error?.code == .connectionFailed)
        #expect(error?.peer == "NOBODY@127.0.0.1:\(listener.port)")
    }

    @Test func portsThatAreTaken() async throws {
        try await withServer { _, endpoint in
            var configuration = AssociationServerConfiguration(aeTitle: "SECOND")
            configuration.port = endpoint.port
            let second = AssociationServer(configuration: configuration, storage: MemoryStorage(), logger: logger)
            let error = await #expect(throws: DICOMError.self) { try await second.run() }
            #expect(error?.code == .connectionFailed)
            await #expect(throws: DICOMError.self) { try await second.boundPort }
        }
    }
}
