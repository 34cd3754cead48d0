import Testing

/// Peers that speak no DICOM, against a server in a process of its own.
@Suite(.serialized) struct HostileTests {
    @Test func hostileConnectionsLeaveNothingBehind() async throws {
        try await withFolder { folder in
            let server = try await Server.receive(into: folder)
            try await connect(100, server)
            let early = try server.residentMemory()
            try await connect(900, server)
            let late = try server.residentMemory()
            #expect(late - early <= 8 * 1024, "from \(early) KiB after 100 connections to \(late) KiB after 1,000")
            try await wait("the sockets to be closed") { try server.descriptors() < 40 }
            #expect(try await omnitool("echo", "127.0.0.1", server.port, "TEST", "RECEIVER").status == 0)
            try await server.stop()
        }
    }

    private func connect(_ count: Int, _ server: Server) async throws {
        let hostile = try await script("hostile.py", [server.port, "\(count)"])
        #expect(hostile.status == 0 && hostile.text.contains("\(count)"), "\(hostile.text)")
    }
}
