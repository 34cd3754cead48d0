import Foundation
import Testing

/// C-ECHO and C-STORE in both roles with DCMTK, pynetdicom and Orthanc.
@Suite(.serialized) struct ServiceTests {
    @Test func echoesPeers() async throws {
        try await withFolder { folder in
            for (script, arguments) in [
                ("dcmtk_storescp.py", ["--output", folder]), ("pynetdicom_scp.py", ["--output", folder]),
                ("orthanc.py", []),
            ] {
                let peer = try await Server.peer(script, arguments)
                let answer = try await omnitool("echo", "127.0.0.1", peer.port, "TEST", "ARCHIVE")
                #expect(answer.status == 0, "\(script): \(answer.text)")
                if script != "dcmtk_storescp.py" {
                    let wrong = try await omnitool("echo", "127.0.0.1", peer.port, "TEST", "SOMEONE")
                    #expect(wrong.status == 1, "\(script): \(wrong.text)")
                    #expect(wrong.text.lowercased().contains("called ae title"), "\(wrong.text)")
                }
                try await peer.stop()
            }
        }
    }

    @Test func isEchoedByPeers() async throws {
        try await withFolder { folder in
            let server = try await Server.receive(into: folder)
            let dcmtk = try await run("/usr/bin/echoscu", ["-aec", "RECEIVER", "127.0.0.1", server.port])
            #expect(dcmtk.status == 0, "\(dcmtk.text)")
            let pynetdicom = try await script("pynetdicom_echo.py", [server.port, "RECEIVER"])
            #expect(pynetdicom.status == 0, "\(pynetdicom.text)")
            let wrong = try await script("pynetdicom_echo.py", [server.port, "SOMEONE"])
            #expect(wrong.text.contains("rejected 1 1 7"), "\(wrong.text)")
            let unknown = try await script(
                "pynetdicom_echo.py", [server.port, "RECEIVER", "--abstract-syntax", "1.2.840.10008.5.1.1.9"])
            #expect(unknown.text.contains("context refused"), "\(unknown.text)")
            try await server.stop()
        }
    }

    /// Every byte of the data sets arrives, at each peer.
    @Test func storesToPeers() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "12"])
            try Data("no image".utf8).write(to: URL(fileURLWithPath: input + "/notes.txt"))
            for (script, arguments) in [
                ("dcmtk_storescp.py", ["--output", folder + "/dcmtk", "--bit-preserving"]),
                ("pynetdicom_scp.py", ["--output", folder + "/pynetdicom"]),
            ] {
                try FileManager.default.createDirectory(atPath: arguments[1], withIntermediateDirectories: true)
                let peer = try await Server.peer(script, arguments)
                let sent = try await omnitool("store", "127.0.0.1", peer.port, "TEST", "ARCHIVE", input)
                #expect(sent.status == 0 && sent.text.contains("12 of 12"), "\(sent.text)")
                #expect(sent.text.contains("notes.txt' is skipped"), "\(sent.text)")
                try await peer.stop()
                #expect(try dataSets(arguments[1]) == dataSets(input))
            }
            let orthanc = try await Server.peer("orthanc.py")
            let sent = try await omnitool("store", "127.0.0.1", orthanc.port, "TEST", "ARCHIVE", input)
            #expect(sent.status == 0, "\(sent.text)")
            let web = try await orthanc.process.line(matching: "http=([0-9]+)")
            let count = try await script("orthanc_export.py", [web, "--count"])
            #expect(count.text.hasPrefix("12"), "\(count.text)")
            try await orthanc.stop()
        }
    }

    @Test(arguments: ["process", "power", "none"]) func receivesFromPeers(durability: String) async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "12", "--modality", "MR"])
            let server = try await Server.program(
                "omnitool",
                [
                    "receive", "0", "RECEIVER", "--output", folder + "/out", "--address", "127.0.0.1", "--durability",
                    durability,
                ])
            let dcmtk = try await run(
                "/usr/bin/storescu", ["+sd", "+r", "-aec", "RECEIVER", "127.0.0.1", server.port, input])
            #expect(dcmtk.status == 0, "\(dcmtk.text)")
            #expect(try dataSets(folder + "/out") == dataSets(input))
            let pynetdicom = try await script(
                "pynetdicom_scu.py", [server.port, "RECEIVER", input, "--associations", "3"])
            #expect(pynetdicom.status == 0, "\(pynetdicom.text)")
            let ours = try await omnitool("store", "127.0.0.1", server.port, "TEST", "RECEIVER", input)
            #expect(ours.status == 0, "\(ours.text)")
            try await server.stop()
            #expect(try dataSets(folder + "/out") == dataSets(input))
        }
    }

    @Test func aFailedInstanceIsNamed() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "3"])
            let peer = try await Server.peer("pynetdicom_scp.py", ["--output", folder + "/out", "--status", "A700"])
            let sent = try await omnitool("store", "127.0.0.1", peer.port, "TEST", "ARCHIVE", input)
            #expect(
                sent.status == 1 && sent.text.contains("A700") && sent.text.contains("IMG000001.dcm"), "\(sent.text)")
            try await peer.stop()
            let nobody = try await omnitool("store", "127.0.0.1", peer.port, "TEST", "ARCHIVE", input)
            #expect(nobody.status == 1, "\(nobody.text)")
            let usage = try await omnitool("store", "127.0.0.1")
            #expect(usage.status == 64, "\(usage.text)")
        }
    }
}

/// The encoded data sets below a folder, without their meta groups, in an order of their own.
func dataSets(_ folder: String) throws -> [[UInt8]] {
    try files(below: folder).compactMap { path -> [UInt8]? in
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        guard bytes.count > 144, bytes[128..<132].elementsEqual("DICM".utf8) else { return nil }
        // (0002,0000) UL: the length of the meta group behind it.
        let length = (0..<4).reduce(0) { $0 | Int(bytes[140 + $1]) << (8 * $1) }
        return Array(bytes[(144 + length)...])
    }.sorted { $0.lexicographicallyPrecedes($1) }
}
