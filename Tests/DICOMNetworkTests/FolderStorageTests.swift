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
                    let data = Self.data(number, lengths.reduce(0, +))
                    try await peer.send(Self.message(number, lengths, of: data))
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

    /// Amid an instance the folder shows nothing of it; one that comes again replaces the one before.
    @Test func partsHaveNoName() async throws {
        try await withFolder { folder in
            let storage = FolderStorage(folder: folder, durability: .process)
            try await withServer(storage) { _, endpoint in
                let peer = try await RawPeer.connect(to: endpoint.port)
                #expect(try await peer.associate()?.type == 2)
                let path = "\(folder)/\(Self.uid(1)).dcm"
                for text in ["first", "second", "third"] {
                    let known = try FileSystem.names(in: folder)
                    let message = try Self.message(1, [2], of: Array(text.utf8))
                    try await peer.send(Array(message.dropLast(1)))
                    try await eventually("what has arrived is written") { Self.openFiles(folder).contains { $0 > 0 } }
                    #expect(try FileSystem.names(in: folder) == known)
                    try await peer.send(Array(message.suffix(1)))
                    #expect(try await peer.receiveStatus() == .success)
                    #expect(try FileSystem.names(in: folder) == ["\(Self.uid(1)).dcm"])
                    let expected = try Self.meta(1) + Array(text.utf8)
                    #expect(try PosixFile(path, O_RDONLY).read(at: 0, count: 10_000) == expected)
                }
                // An association that dies amid an instance leaves the file of before.
                try await peer.send(Array(Self.message(1, [2], of: Array("fourth".utf8)).dropLast(1)))
            }
            #expect(try FileSystem.names(in: folder) == ["\(Self.uid(1)).dcm"])
            #expect(Self.openFiles(folder).isEmpty)
        }
    }

    /// The sizes of the files without a name that this process has open in a folder.
    private static func openFiles(_ folder: String) -> [Int] {
        let descriptors = (try? FileSystem.names(in: "/proc/self/fd")) ?? []
        return descriptors.compactMap { descriptor in
            let link = "/proc/self/fd/\(descriptor)"
            var buffer = [UInt8](repeating: 0, count: 4096)
            let length = readlink(link, &buffer, buffer.count)
            var status = stat()
            guard String(decoding: buffer.prefix(max(0, length)), as: UTF8.self).hasPrefix(folder + "/#"),
                stat(link, &status) == 0
            else { return nil }
            return Int(status.st_size)
        }
    }

    /// A C-STORE-RQ and its data set in PDVs of these lengths; what is left of it comes in one more.
    private static func message(_ number: Int, _ lengths: [Int], of data: [UInt8]) throws -> [UInt8] {
        var message = try RawPeer.bytes(
            .cStoreRequest(messageID: 1, sopClassUID: .ctImageStorage, sopInstanceUID: uid(number)))
        var rest = data[...]
        let last = data.count - lengths.reduce(0, +)
        let pieces = last > 0 ? lengths + [last] : lengths
        for (index, length) in pieces.enumerated() {
            message += RawPeer.data(Array(rest.prefix(length)), isLast: index == pieces.count - 1)
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
