import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMUpperLayer
import Logging
import Synchronization
import Testing

/// Keeps the lines that are logged.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func append(_ line: String) { lines.withLock { $0.append(line) } }
}

struct LineHandler: LogHandler {
    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
}

/// What the server says of peers that misbehave: once each, and nothing of a patient.
@Suite(.serialized, .timeLimit(.minutes(1))) struct LogTests {
    @Test func misbehavingPeersAreLoggedOnce() async throws {
        struct Broken: Error, CustomStringConvertible { var description: String { "Doe^John" } }
        let lines = Lines()
        var configuration = AssociationServerConfiguration(aeTitle: "SERVER")
        configuration.artimTimeout = .seconds(20)
        let server = AssociationServer(
            configuration: configuration, storage: ScriptedStorage { _, _ in throw Broken() },
            logger: Logger(label: "test") { _ in LineHandler(lines: lines) })
        let running = Task { try await server.run() }
        let port = try await server.boundPort

        let garbage = try await RawPeer.connect(to: port)
        try await garbage.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        #expect(try await garbage.receive()?.type == 7)

        let peer = try await RawPeer.connect(to: port)
        #expect(try await peer.associate()?.type == 2)
        try await peer.send(
            RawPeer.bytes(.cStoreRequest(messageID: 1, sopClassUID: .ctImageStorage, sopInstanceUID: "1.2.9"))
                + RawPeer.data(Array("Doe^John".utf8), isLast: true))
        #expect(try await peer.receiveStatus() == .cannotUnderstand)
        try await peer.send([4, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0])
        #expect(try await peer.receive()?.type == 7)
        try await eventually("both are logged") { lines.all.filter { $0.contains("ended by an error") }.count == 2 }
        running.cancel()
        try await running.value

        #expect(lines.all.filter { $0.contains("ended by an error") && $0.contains("127.0.0.1") }.count == 2)
        #expect(lines.all.filter { $0.contains("RAW@127.0.0.1") && $0.contains("invalidPDU") }.count == 1)
        #expect(!lines.all.contains { $0.contains("Doe") })
    }
}
