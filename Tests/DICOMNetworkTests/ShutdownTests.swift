import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMUpperLayer
import Testing

/// How a server stops.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ShutdownTests {
    private func started(
        _ storage: any StorageService, _ configure: (inout AssociationServerConfiguration) -> Void = { _ in }
    ) async throws -> (AssociationServer, Task<Void, any Error>, Int) {
        var configuration = AssociationServerConfiguration(aeTitle: "SERVER")
        configuration.artimTimeout = .milliseconds(500)
        configure(&configuration)
        let server = AssociationServer(configuration: configuration, storage: storage, logger: logger)
        let running = Task { try await server.run() }
        return (server, running, try await server.boundPort)
    }

    @Test func associationsMayFinish() async throws {
        let storage = MemoryStorage()
        let (server, running, port) = try await started(storage)
        let peer = try await RawPeer.connect(to: port)
        #expect(try await peer.associate()?.type == 2)
        let request = try RawPeer.bytes(
            .cStoreRequest(messageID: 1, sopClassUID: .ctImageStorage, sopInstanceUID: "1.2.9"))
        try await peer.send(request + RawPeer.data([1, 2], isLast: false))
        try await eventually("the fragment arrived") { storage.state.partial == 2 }
        server.shutDown()
        // Nobody new gets in, but what has begun is finished.
        let deadline = ContinuousClock.now + .seconds(10)
        while (try? await RawPeer.connect(to: port)) != nil, ContinuousClock.now < deadline {}
        await #expect(throws: RawPeer.Failure.self) { try await RawPeer.connect(to: port) }
        try await peer.send(RawPeer.data([3, 4], isLast: true))
        #expect(try await peer.receiveStatus() == .success)
        try await peer.send(.releaseRequest)
        #expect(try await peer.receive()?.type == 6)
        try await running.value
        #expect(storage.state.instances["1.2.9"]?.bytes == [1, 2, 3, 4])
        #expect(storage.state.ends.values.first == .released)
        await #expect(throws: DICOMError.self) { try await server.boundPort }
    }

    @Test func associationsThatDoNotFinishAreAborted() async throws {
        let storage = MemoryStorage()
        let (server, running, port) = try await started(storage) { $0.shutdownTimeout = .milliseconds(200) }
        let peer = try await RawPeer.connect(to: port)
        #expect(try await peer.associate()?.type == 2)
        try await eventually("the association is open") { storage.state.opened.count == 1 }
        server.shutDown()
        #expect(try await peer.receive()?.type == 7)
        try await running.value
        #expect(storage.state.ends.values.first == .aborted)
    }

    @Test func cancellationAborts() async throws {
        let storage = MemoryStorage()
        let (_, running, port) = try await started(storage)
        let peer = try await RawPeer.connect(to: port)
        #expect(try await peer.associate()?.type == 2)
        try await peer.send(
            RawPeer.bytes(.cStoreRequest(messageID: 1, sopClassUID: .ctImageStorage, sopInstanceUID: "1.2.9"))
                + RawPeer.data([1, 2], isLast: false))
        try await eventually("the fragment arrived") { storage.state.partial == 2 }
        running.cancel()
        #expect(try await peer.receive()?.type == 7)
        _ = await running.result
        #expect(storage.state.ends.values.first == .aborted)
        #expect(storage.state.instances.isEmpty)
    }
}
