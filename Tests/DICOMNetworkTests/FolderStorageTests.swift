import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMUpperLayer
import Glibc
import Testing

/// What a folder holds after instances came in pieces of any size.
@Suite(.timeLimit(.minutes(2))) struct FolderStorageTests {
    /// Lengths of the data set's PDVs: none, few, odd ones, and more than are written with one call.
    private static let pieces: [[Int]] = [
        [0], [1], [131_066, 162, 131_066, 1], Array(repeating: 1, count: 300),
        (0..<100).map { $0 * 131 % 9_000 }, Array(repeating: 5_000, count: 2_000),
    ]

    @Test(arguments: Durability.allCases) func fileHoldsWhatWasSent(_ durability: Durability) async throws {
        try await withFolder { folder in
            let server = configured { $0.maximumPDULength = 131_072 }
            let storage = FolderStorage(folder: folder, durability: durability)
            try await withServer(storage, configuration: server) { _, endpoint in
                let peer = try await RawPeer.connect(to: endpoint.port)
                #expect(try await peer.associate()?.type == 2)
                for (number, lengths) in Self.pieces.enumerated() {
                    try await peer.send(Self.message(number, lengths))
                    #expect(try await peer.receiveStatus() == .success)
                }
                try await peer.send(.releaseRequest)
                #expect(try await peer.receive()?.type == 6)
            }
            for (number, lengths) in Self.pieces.enumerated() {
                let expected = try Self.meta(number) + Self.data(number, lengths.reduce(0, +))
                let file = try PosixFile("\(folder)/\(Self.uid(number)).dcm", O_RDONLY)
                #expect(try file.size() == expected.count)
                #expect(try file.read(at: 0, count: expected.count + 1) == expected)
            }
            #expect(try FileSystem.names(in: folder).count == Self.pieces.count)
        }
    }

    /// A C-STORE-RQ and its data set in PDVs of these lengths.
    private static func message(_ number: Int, _ lengths: [Int]) throws -> [UInt8] {
        var message = try RawPeer.bytes(
            .cStoreRequest(messageID: 1, sopClassUID: .ctImageStorage, sopInstanceUID: uid(number)))
        var rest = data(number, lengths.reduce(0, +))[...]
        for (index, length) in lengths.enumerated() {
            message += RawPeer.data(Array(rest.prefix(length)), isLast: index == lengths.count - 1)
            rest = rest.dropFirst(length)
        }
        return message
    }

    private static func uid(_ number: Int) -> UID { UID("1.2.3.\(number)") }

    private static func meta(_ number: Int) throws -> [UInt8] {
        try DICOMFile.metaGroup(
            sopClassUID: .ctImageStorage, sopInstanceUID: uid(number), transferSyntax: .explicitVRLittleEndian)
    }

    /// Bytes of which no two neighbouring pieces are alike; that they are no data set does not matter here.
    private static func data(_ number: Int, _ count: Int) -> [UInt8] {
        var generator = SystemSeed(state: UInt64(number) + 1)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: generator.next()) { bytes += $0 } }
        return Array(bytes.prefix(count))
    }
}
