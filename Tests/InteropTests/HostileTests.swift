import Foundation
import Testing

/// Peers that speak no DICOM, against a server in a process of its own.
@Suite(.serialized) struct HostileTests {
    @Test func hostileConnectionsLeaveNothingBehind() async throws {
        try await withFolder { folder in
            let server = try await Server.receive(into: folder)
            try await connect(100, server)
            let early = try residentMemory(server)
            try await connect(900, server)
            let late = try residentMemory(server)
            #expect(late - early <= 8 * 1024, "from \(early) KiB after 100 connections to \(late) KiB after 1,000")
            try await wait("the sockets to be closed") { try descriptors(server) < 40 }
            #expect(try await omnitool("echo", "127.0.0.1", server.port, "TEST", "RECEIVER").status == 0)
            try await server.stop()
        }
    }

    private func connect(_ count: Int, _ server: Server) async throws {
        let hostile = try await script("hostile.py", [server.port, "\(count)"])
        #expect(hostile.status == 0 && hostile.text.contains("\(count)"), "\(hostile.text)")
    }

    /// VmRSS in KiB.
    private func residentMemory(_ server: Server) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(server.process.identifier)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(line.split(separator: " ").compactMap { Int($0) }.first)
    }

    private func descriptors(_ server: Server) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(server.process.identifier)/fd").count
    }
}
