import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMUpperLayer
import Glibc
import Logging
import NIOCore
import Synchronization
import Testing

/// Keeps what it receives in memory, and notes how associations end.
final class MemoryStorage: StorageService {
    struct Stored: Sendable {
        var bytes: [UInt8]
        var request: StoreRequest
    }

    struct State: Sendable {
        var instances: [UID: Stored] = [:]
        var opened: [UInt64] = []
        var ends: [UInt64: AssociationEnd] = [:]
        /// Bytes of the data set that is coming in.
        var partial = 0
        var failures: [DICOMError.Code] = []
    }

    private let contents = Mutex(State())
    var state: State { contents.withLock { $0 } }

    func associationOpened(_ association: AssociationInfo) async {
        contents.withLock { $0.opened.append(association.id) }
    }

    func store(_ request: StoreRequest, dataSet: inout IncomingDataSet) async throws -> StoreResponse {
        var bytes: [UInt8] = []
        do {
            while let fragment = try await dataSet.next() {
                bytes += Array(buffer: fragment)
                let count = bytes.count
                contents.withLock { $0.partial = count }
            }
        } catch {
            let code = (error as? DICOMError)?.code ?? .invalidValue
            contents.withLock { $0.failures.append(code) }
            throw error
        }
        let stored = Stored(bytes: bytes, request: request)
        contents.withLock { $0.instances[request.sopInstanceUID] = stored }
        return StoreResponse(.success)
    }

    func associationClosed(_ association: AssociationInfo, _ end: AssociationEnd) async {
        contents.withLock { $0.ends[association.id] = end }
    }
}

let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A server's configuration for tests: the title SERVER, an ARTIM that a busy machine keeps, and what the test wants otherwise.
func configured(_ change: (inout AssociationServerConfiguration) -> Void) -> AssociationServerConfiguration {
    var configuration = AssociationServerConfiguration(aeTitle: "SERVER")
    configuration.artimTimeout = .seconds(20)
    change(&configuration)
    return configuration
}

/// Runs a server on a port of the system's choice while `body` runs.
func withServer<Result: Sendable>(
    _ storage: any StorageService = MemoryStorage(),
    configuration: AssociationServerConfiguration = configured { _ in },
    _ body: (AssociationServer, Endpoint) async throws -> Result
) async throws -> Result {
    try await withServer(services: Services(storage: storage), configuration: configuration, body)
}

func withServer<Result: Sendable>(
    services: Services, configuration: AssociationServerConfiguration = configured { _ in },
    _ body: (AssociationServer, Endpoint) async throws -> Result
) async throws -> Result {
    let server = AssociationServer(configuration: configuration, services: services, logger: logger)
    let running = Task { try await server.run() }
    defer { running.cancel() }
    let endpoint = Endpoint(host: "127.0.0.1", port: try await server.boundPort, aeTitle: "SERVER")
    let result = try await body(server, endpoint)
    running.cancel()
    try await running.value
    return result
}

/// Waits for a condition; fails the test when it does not become true in time.
func eventually(
    _ what: Comment, within limit: Duration = .seconds(20), location: SourceLocation = #_sourceLocation,
    _ condition: () -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record(what, sourceLocation: location)
            return
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

let client = AssociationClientOptions(callingAETitle: "CLIENT")

let verification = PresentationContextProposal(
    abstractSyntax: .verification, transferSyntaxes: [.implicitVRLittleEndian])
let ctStorage = PresentationContextProposal(
    abstractSyntax: .ctImageStorage, transferSyntaxes: [.explicitVRLittleEndian])

/// A CT image with so many bytes of pixel data, different ones for each instance.
func image(_ number: Int, pixelBytes: Int = 512, sopClass: UID = .ctImageStorage) -> DataSet {
    var dataSet = DataSet()
    dataSet[.sopClassUID] = sopClass
    dataSet[.sopInstanceUID] = UID("1.2.3.4.\(number)")
    dataSet[.patientID] = "TEST"
    var generator = SystemSeed(state: UInt64(number) &+ 1)
    var pixels = [UInt8](repeating: 0, count: pixelBytes)
    // A random byte here and there, and neighbours that differ: cheap to make, and no two instances are alike.
    for index in stride(from: 0, to: pixelBytes, by: 97) { pixels[index] = UInt8(truncatingIfNeeded: generator.next()) }
    dataSet[.pixelData] = pixels[...]
    return dataSet
}

/// The bytes that are sent of a data set.
func encoded(_ dataSet: DataSet) throws -> [UInt8] {
    var bytes: [UInt8] = []
    for chunk in try dataSet.encodedChunks(as: .explicitVRLittleEndian) { bytes += chunk }
    return bytes
}

/// A small generator with a fixed seed (xorshift).
struct SystemSeed: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

/// A folder that is gone after the test.
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let folder = "/tmp/DICOMNetworkTests-\(UInt64.random(in: 0 ... .max))"
    try FileSystem.createFolder(folder)
    defer { remove(folder: folder) }
    return try await body(folder)
}

private func remove(folder: String) {
    for name in (try? FileSystem.names(in: folder)) ?? [] {
        let path = "\(folder)/\(name)"
        if FileSystem.isDirectory(path) { remove(folder: path) } else { unlink(path) }
    }
    rmdir(folder)
}
