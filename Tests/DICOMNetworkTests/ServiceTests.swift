import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMUpperLayer
import NIOPosix
import Testing

/// A storage service that does what the test says.
struct ScriptedStorage: StorageService {
    var body: @Sendable (StoreRequest, inout IncomingDataSet) async throws -> StoreResponse

    func store(_ request: StoreRequest, dataSet: inout IncomingDataSet) async throws -> StoreResponse {
        try await body(request, &dataSet)
    }
}

/// What the service loop makes of requests, complete ones and others.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ServiceTests {
    struct Broken: Error {}

    private func store(_ storage: any StorageService, pixelBytes: Int = 1_000_000) async throws -> [StoreResult] {
        try await withServer(storage) { _, endpoint in
            try await withAssociation(to: endpoint, proposing: [ctStorage], options: client, logger: logger) {
                [
                    try await $0.store(image(1, pixelBytes: pixelBytes)),
                    try await $0.store(image(2, pixelBytes: pixelBytes)),
                ]
            }
        }
    }

    @Test func servicesRunOnTheEventLoop() async throws {
        let results = try await store(
            ScriptedStorage { _, dataSet in
                var isOnLoop = MultiThreadedEventLoopGroup.currentEventLoop != nil
                while try await dataSet.next() != nil {
                    isOnLoop = isOnLoop && MultiThreadedEventLoopGroup.currentEventLoop != nil
                }
                return StoreResponse(isOnLoop ? .success : .processingFailure)
            })
        #expect(results.map(\.status) == [.success, .success])
    }

    @Test func thrownErrorsAreAnswered() async throws {
        let results = try await store(ScriptedStorage { _, _ in throw Broken() })
        #expect(results.map(\.status) == [.cannotUnderstand, .cannotUnderstand])
        #expect(results.first?.errorComment?.isEmpty == false)
    }

    @Test func errorsAmidTheDataSetAreAnswered() async throws {
        let results = try await store(
            ScriptedStorage { _, dataSet in
                _ = try await dataSet.next()
                throw Broken()
            })
        #expect(results.map(\.status) == [.cannotUnderstand, .cannotUnderstand])
    }

    @Test func unreadDataSetsAreDrained() async throws {
        let results = try await store(
            ScriptedStorage { request, _ in
                StoreResponse(
                    request.messageID == 1 ? .elementsDiscarded : .success,
                    errorComment: "Zurückgewiesen, " + String(repeating: "x", count: 100))
            })
        #expect(results.map(\.status) == [.elementsDiscarded, .success])
        let comment = try #require(results.first?.errorComment)
        #expect(comment.utf8.count <= 64)
        #expect(comment.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
    }

    @Test func instancesThatAreTooLarge() async throws {
        let storage = MemoryStorage()
        try await withServer(storage, configuration: configured { $0.maximumInstanceLength = 1_000_000 }) {
            _, endpoint in
            try await withAssociation(to: endpoint, proposing: [ctStorage], options: client, logger: logger) {
                let tooLarge = try await $0.store(image(1, pixelBytes: 1_500_000))
                #expect(tooLarge.status == .outOfResources)
                let allowed = try await $0.store(image(2, pixelBytes: 900_000))
                #expect(allowed.status == .success)
            }
            // Far beyond the limit the association ends.
            let error = await #expect(throws: DICOMError.self) {
                try await withAssociation(to: endpoint, proposing: [ctStorage], options: client, logger: logger) {
                    _ = try await $0.store(image(3, pixelBytes: 20_000_000))
                }
            }
            #expect(error?.code == .associationAborted || error?.code == .connectionLost)
        }
        #expect(storage.state.instances.keys.map(\.string) == ["1.2.3.4.2"])
        #expect(storage.state.failures == [.instanceTooLarge, .instanceTooLarge])
    }

    @Test func requestsThatCannotBeServed() async throws {
        try await withServer { _, endpoint in
            let peer = try await RawPeer.connect(to: endpoint.port)
            #expect(try await peer.associate()?.type == 2)
            let dataSet = RawPeer.data([8, 0, 0x16, 0, 0x55, 0x49, 2, 0, 0x31, 0], isLast: true)

            // A SOP class that is not the presentation context's.
            var store = DIMSECommand.cStoreRequest(messageID: 1, sopClassUID: .mrImageStorage, sopInstanceUID: "1.2")
            try await peer.send(RawPeer.bytes(store) + dataSet)
            #expect(try await peer.receiveStatus() == .sopClassNotSupported)

            // No Affected SOP Instance UID.
            store = .cStoreRequest(messageID: 2, sopClassUID: .ctImageStorage, sopInstanceUID: "1.2")
            store.dataSet[.affectedSOPInstanceUID] = nil
            try await peer.send(RawPeer.bytes(store) + dataSet)
            #expect(try await peer.receiveStatus() == .cannotUnderstand)

            // No data set.
            store = DIMSECommand(.cStoreRequest, hasDataSet: false)
            store.dataSet[.messageID] = 3
            store.dataSet[.affectedSOPClassUID] = .ctImageStorage
            store.dataSet[.affectedSOPInstanceUID] = "1.2"
            try await peer.send(RawPeer.bytes(store))
            #expect(try await peer.receiveStatus() == .cannotUnderstand)

            // An operation that is not of this service: C-FIND, and one that does not exist.
            for field in [0x0020, 0x0777] {
                var find = DIMSECommand.cEchoRequest(messageID: 4)
                find.dataSet[.commandField] = field
                try await peer.send(RawPeer.bytes(find))
                let response = try #require(try await peer.receiveResponse())
                #expect(response.status == .unrecognizedOperation)
                #expect(response.field.rawValue == UInt16(field) | 0x8000)
                #expect(response.messageIDBeingRespondedTo == 4)
            }

            // The association still works.
            try await peer.send(RawPeer.bytes(.cEchoRequest(messageID: 5), contextID: 3))
            #expect(try await peer.receiveStatus() == .success)
            try await peer.send(.releaseRequest)
            #expect(try await peer.receive()?.type == 6)
        }
    }

    @Test func responsesWithoutARequestEndTheAssociation() async throws {
        try await withServer { _, endpoint in
            let peer = try await RawPeer.connect(to: endpoint.port)
            #expect(try await peer.associate()?.type == 2)
            let response = try DIMSECommand.cEchoRequest(messageID: 1).encodedResponse(.success)
            try await peer.send(RawPeer.bytes(DIMSECommand(parsing: response), contextID: 3))
            #expect(try await peer.receive()?.type == 7)
        }
    }

    @Test func commandAndDataSetInOnePDUAndManyPDVs() async throws {
        let storage = MemoryStorage()
        try await withServer(storage) { _, endpoint in
            let peer = try await RawPeer.connect(to: endpoint.port)
            #expect(try await peer.associate()?.type == 2)
            // One P-DATA-TF PDU with the command in one PDV and the data set in three, one of them empty.
            let command = try RawPeer.bytes(
                .cStoreRequest(messageID: 7, sopClassUID: .ctImageStorage, sopInstanceUID: "1.2.9"))
            let parts = [
                command, RawPeer.data([1, 2, 3], isLast: false), RawPeer.data([], isLast: false),
                RawPeer.data([4], isLast: true),
            ]
            let values = parts.flatMap { $0.dropFirst(6) }
            try await peer.send([4, 0, 0, 0, UInt8(values.count >> 8), UInt8(values.count & 0xFF)] + values)
            #expect(try await peer.receiveStatus() == .success)
            #expect(storage.state.instances["1.2.9"]?.bytes == [1, 2, 3, 4])
            // The same, a byte at a time.
            for byte in [4, 0, 0, 0, UInt8(values.count >> 8), UInt8(values.count & 0xFF)] + values {
                try await peer.send([byte])
            }
            #expect(try await peer.receiveStatus() == .success)
        }
    }

    @Test(arguments: [true, false]) func endsAmidATransfer(aborted: Bool) async throws {
        let storage = MemoryStorage()
        try await withServer(storage) { _, endpoint in
            do {
                let peer = try await RawPeer.connect(to: endpoint.port)
                #expect(try await peer.associate()?.type == 2)
                try await peer.send(
                    RawPeer.bytes(.cStoreRequest(messageID: 1, sopClassUID: .ctImageStorage, sopInstanceUID: "1.2.9"))
                        + RawPeer.data([1, 2, 3], isLast: false))
                try await eventually("the fragment arrived") { storage.state.partial == 3 }
                if aborted { try await peer.send(.abort(.byUser)) }
            }
            try await eventually("the end is told") { storage.state.ends.count == 1 }
        }
        #expect(storage.state.ends.values.first == (aborted ? .aborted : .lost))
        #expect(storage.state.failures == [aborted ? .associationAborted : .connectionLost])
        #expect(storage.state.instances.isEmpty)
    }
}
