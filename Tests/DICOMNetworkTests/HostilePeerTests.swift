import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMUpperLayer
import Glibc
import NIOCore
import Testing

/// Peers that know no DICOM, or break it: the server answers as PS3.8 says, closes, and goes on serving others.
@Suite(.serialized, .timeLimit(.minutes(3))) struct HostilePeerTests {
    private func serversOn(_ endpoint: Endpoint) async throws {
        let status = try await withAssociation(
            to: endpoint, proposing: [verification], options: client, logger: logger
        ) { try await $0.echo() }
        #expect(status == .success)
    }

    /// What a peer gets that sends these bytes first: an A-ABORT from the provider, then the end of the connection.
    private func expectAbort(_ bytes: [UInt8], reason: UInt8, after association: Bool = false) async throws {
        try await withServer { _, endpoint in
            let peer = try await RawPeer.connect(to: endpoint.port)
            if association { #expect(try await peer.associate()?.type == 2) }
            try await peer.send(bytes)
            let answer = try #require(try await peer.receive())
            #expect(answer.type == 7)
            #expect(answer.body == [0, 0, 2, reason])
            #expect(try await peer.receive() == nil)
            try await serversOn(endpoint)
        }
    }

    @Test func httpRequest() async throws {
        try await expectAbort(Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8), reason: 1)
    }

    @Test(arguments: [0, 8, 0x80, 0xFF] as [UInt8]) func unknownPDUTypes(type: UInt8) async throws {
        try await expectAbort([type, 0, 0, 0, 0, 4, 1, 2, 3, 4], reason: 1)
    }

    @Test func pDataBeforeTheAssociation() async throws {
        try await expectAbort(RawPeer.data([1, 2], isLast: true), reason: 2)
    }

    @Test func secondAssociationRequest() async throws {
        let offer = try RequestorOffer(
            calledAETitle: "SERVER", callingAETitle: "RAW", proposals: [verification], maximumPDULength: 16_384,
            implementationClassUID: "1.2.3", implementationVersionName: nil)
        try await expectAbort(PDU.associateRequest(offer.request).bytes(), reason: 2, after: true)
    }

    @Test func oversizedPDULengths() async throws {
        try await withServer { _, endpoint in
            // A request that announces 4 GiB, and P-DATA longer than what was negotiated.
            let first = try await RawPeer.connect(to: endpoint.port)
            try await first.send([1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 1])
            #expect(try await first.receive()?.type == 7)
            #expect(try await first.receive() == nil)
            let second = try await RawPeer.connect(to: endpoint.port)
            #expect(try await second.associate()?.type == 2)
            try await second.send([4, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0])
            #expect(try await second.receive()?.type == 7)
            #expect(try await second.receive() == nil)
            try await serversOn(endpoint)
        }
    }

    @Test func dataOnAContextThatWasNotAccepted() async throws {
        try await withServer { _, endpoint in
            let peer = try await RawPeer.connect(to: endpoint.port)
            #expect(try await peer.associate()?.type == 2)
            try await peer.send(RawPeer.bytes(.cEchoRequest(messageID: 1), contextID: 99))
            #expect(try await peer.receive()?.type == 7)
            #expect(try await peer.receive() == nil)
        }
    }

    @Test func garbageOfManyKinds() async throws {
        var random = SystemSeed(state: 4711)
        try await withServer { _, endpoint in
            for _ in 0..<60 {
                let peer = try await RawPeer.connect(to: endpoint.port)
                if Bool.random(using: &random) { try await peer.associate() }
                // Half of them start as a PDU does.
                var bytes = (0..<Int.random(in: 1...4000, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                if bytes.count > 6, Bool.random(using: &random) {
                    bytes.replaceSubrange(0..<6, with: [UInt8.random(in: 1...7, using: &random), 0, 0, 0, 2, 0])
                }
                // The server may have closed before everything is sent.
                try? await peer.send(bytes)
            }
            try await serversOn(endpoint)
        }
    }

    @Test func halfAPDUAndSilence() async throws {
        try await withServer(configuration: configured { $0.artimTimeout = .milliseconds(200) }) { _, endpoint in
            let silent = try await RawPeer.connect(to: endpoint.port)
            let half = try await RawPeer.connect(to: endpoint.port)
            try await half.send([1, 0, 0, 0, 1, 0, 0, 1, 0, 0])
            // ARTIM closes both without a word (AA-2).
            #expect(try await silent.receive() == nil)
            #expect(try await half.receive() == nil)
            try await serversOn(endpoint)
        }
    }

    @Test func silenceInAnAssociation() async throws {
        let storage = MemoryStorage()
        try await withServer(storage, configuration: configured { $0.idleTimeout = .milliseconds(200) }) {
            _, endpoint in
            let peer = try await RawPeer.connect(to: endpoint.port)
            #expect(try await peer.associate()?.type == 2)
            #expect(try await peer.receive()?.type == 7)
            #expect(try await peer.receive() == nil)
            try await eventually("the end is told") { storage.state.ends.values.first == .aborted }
        }
    }

    /// What is not answered leaves the next step to the peer.
    @Test func silenceAfterACancel() async throws {
        try await withServer(configuration: configured { $0.idleTimeout = .milliseconds(200) }) { _, endpoint in
            let peer = try await RawPeer.connect(to: endpoint.port)
            #expect(try await peer.associate()?.type == 2)
            try await peer.send(RawPeer.bytes(.cCancelRequest(of: 7)))
            #expect(try await peer.receive()?.type == 7)
            #expect(try await peer.receive() == nil)
        }
    }

    @Test func peersThatClose() async throws {
        let storage = MemoryStorage()
        try await withServer(storage) { _, endpoint in
            do {
                _ = try await RawPeer.connect(to: endpoint.port)
                let peer = try await RawPeer.connect(to: endpoint.port)
                #expect(try await peer.associate()?.type == 2)
            }
            try await eventually("the end is told") { storage.state.ends.values.first == .lost }
            try await serversOn(endpoint)
        }
    }

    @Test func connectionsWithoutAssociationsAreBounded() async throws {
        try await withServer(configuration: configured { $0.maximumAssociations = 1 }) { _, endpoint in
            do {
                var peers: [RawPeer] = []
                for _ in 0..<129 { peers.append(try await RawPeer.connect(to: endpoint.port)) }
                #expect(try await peers[128].associate()?.type == 2)
                let tooMany = try await RawPeer.connect(to: endpoint.port)
                #expect(try await tooMany.receive() == nil)
                withExtendedLifetime(peers) {}
            }
            // The server sees the peers' ends one after the other.
            let deadline = ContinuousClock.now + .seconds(20)
            var answer: UInt8?
            while answer != 2, ContinuousClock.now < deadline {
                answer = try? await RawPeer.connect(to: endpoint.port).associate()?.type
            }
            #expect(answer == 2)
        }
    }

    @Test func aSlowServiceHoldsThePeerBack() async throws {
        let (gate, open) = AsyncStream<Void>.makeStream()
        let storage = ScriptedStorage { _, dataSet in
            for await _ in gate { break }
            while try await dataSet.next() != nil {}
            return StoreResponse(.success)
        }
        try await withServer(storage) { _, endpoint in
            let peer = try await RawPeer.connect(to: endpoint.port)
            #expect(try await peer.associate()?.type == 2)
            try await peer.send(
                RawPeer.bytes(.cStoreRequest(messageID: 1, sopClassUID: .ctImageStorage, sopInstanceUID: "1.2.9")))
            // What the peer can send before the service reads is bounded: by the socket's buffers and a few MiB here.
            let sent = try await peer.flood(
                RawPeer.data([UInt8](repeating: 7, count: 100_000), isLast: false), limit: 256 << 20)
            #expect(sent < 32 << 20)
            open.yield()
            open.finish()
        }
    }

    @Test func memoryStaysBounded() async throws {
        try await withServer(configuration: configured { $0.artimTimeout = .milliseconds(500) }) { _, endpoint in
            let kinds: [[UInt8]] = [
                Array("GET / HTTP/1.1\r\n\r\n".utf8), [1, 0, 0xFF, 0xFF, 0xFF, 0xFF], [1, 0, 0, 0, 1, 0, 0, 1], [],
                [UInt8](repeating: 0xA5, count: 20_000),
            ]
            func attack(_ count: Int) async throws {
                for number in 0..<count {
                    let peer = try await RawPeer.connect(to: endpoint.port)
                    if number.isMultiple(of: 7) { try await peer.associate() }
                    try? await peer.send(kinds[number % kinds.count])
                }
                try await serversOn(endpoint)
            }
            try await attack(100)
            // Other tests in this process take memory too: what grows because of the peers grows every time.
            var growth: [Int] = []
            repeat {
                let before = try residentMemory()
                try await attack(900)
                growth.append(try residentMemory() - before)
            } while growth.allSatisfy { $0 >= 8 << 20 } && growth.count < 5
            #expect(growth.contains { $0 < 8 << 20 })
        }
    }

    /// VmRSS of this process, bytes.
    private func residentMemory() throws -> Int {
        let file = try #require(fopen("/proc/self/status", "r"))
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, 256, file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if text.hasPrefix("VmRSS:") { return (Int(text.filter(\.isNumber)) ?? 0) * 1024 }
        }
        return 0
    }
}
