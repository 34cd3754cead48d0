import DICOMCore
import DICOMNetwork
import DICOMUpperLayer
import NIOCore
import Synchronization
import Testing

/// What the client makes of peers that do not behave: every wait ends.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ClientTests {
    private func echo(_ port: Int, configure: (inout AssociationClientOptions) -> Void = { _ in }) async -> DICOMError?
    {
        var options = client
        configure(&options)
        return await #expect(throws: DICOMError.self) {
            try await withAssociation(
                to: Endpoint(host: "127.0.0.1", port: port, aeTitle: "PEER"), proposing: [verification],
                options: options, logger: logger
            ) { _ = try await $0.echo() }
        }
    }

    @Test func peersThatCloseAtOnce() async throws {
        let listener = try await RawListener { $0.close(promise: nil) }
        let error = await echo(listener.port)
        #expect(error?.code == .connectionLost)
        #expect(error?.peer == "PEER@127.0.0.1:\(listener.port)")
        await listener.stop()
    }

    @Test func peersThatNeverAnswer() async throws {
        let listener = try await RawListener { _ in }
        let error = await echo(listener.port) {
            $0.acceptTimeout = .milliseconds(200)
            $0.artimTimeout = .milliseconds(200)
        }
        #expect(error?.code == .timedOut)
        await listener.stop()
    }

    @Test func peersThatSpeakHTTP() async throws {
        let listener = try await RawListener { channel in
            channel.writeAndFlush(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n\r\n"), promise: nil)
            channel.close(promise: nil)
        }
        let error = await echo(listener.port)
        #expect(error?.code == .unrecognizedPDU || error?.code == .connectionLost)
        await listener.stop()
    }

    @Test func servicesThatTakeTooLong() async throws {
        let storage = ScriptedStorage { _, dataSet in
            while try await dataSet.next() != nil {}
            try await Task.sleep(for: .seconds(60))
            return StoreResponse(.success)
        }
        try await withServer(storage, configuration: configured { $0.shutdownTimeout = .zero }) { _, endpoint in
            var options = client
            options.responseTimeout = .milliseconds(300)
            let error = await #expect(throws: DICOMError.self) {
                try await withAssociation(to: endpoint, proposing: [ctStorage], options: options, logger: logger) {
                    _ = try await $0.store(image(1))
                }
            }
            #expect(error?.code == .timedOut)
        }
    }

    @Test func thrownErrorsAbort() async throws {
        struct Stop: Error {}
        let storage = MemoryStorage()
        try await withServer(storage) { _, endpoint in
            await #expect(throws: Stop.self) {
                try await withAssociation(to: endpoint, proposing: [ctStorage], options: client, logger: logger) {
                    _ = try await $0.store(image(1))
                    throw Stop()
                }
            }
            try await eventually("the end is told") { storage.state.ends.values.first == .aborted }
        }
    }

    @Test func cancellationAborts() async throws {
        let storage = MemoryStorage()
        try await withServer(storage) { _, endpoint in
            let task = Task {
                try await withAssociation(to: endpoint, proposing: [ctStorage], options: client, logger: logger) {
                    for number in 0... { _ = try await $0.store(image(number, pixelBytes: 200_000)) }
                }
            }
            try await eventually("something was stored") { storage.state.instances.count > 3 }
            task.cancel()
            await #expect(throws: (any Error).self) { try await task.value }
            try await eventually("the end is told") { storage.state.ends.values.first == .aborted }
        }
    }

    @Test func wrongOptionsAreRefused() async throws {
        #expect(await echo(0)?.code == .invalidValue)
        #expect(await echo(104) { $0.callingAETitle = "" }?.code == .invalidValue)
        #expect(await echo(104) { $0.callingAETitle = "ATITLETHATISTOOLONG" }?.code == .invalidValue)
    }

    @Test func hostNames() async throws {
        try await withServer { _, endpoint in
            let named = Endpoint(host: "localhost", port: endpoint.port, aeTitle: "SERVER")
            let status = try await withAssociation(
                to: named, proposing: [verification], options: client, logger: logger
            ) {
                try await $0.echo()
            }
            #expect(status == .success)
        }
    }
}
