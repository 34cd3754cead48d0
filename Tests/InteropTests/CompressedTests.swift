import Foundation
import Testing

/// A node that has codecs takes compressed images and hands them over as the same volume.
@Suite(.serialized) struct CompressedTests {
    @Test(arguments: [
        ("/usr/bin/dcmcjpeg", "-xs"), ("/usr/bin/dcmcjpls", "-xt"), ("/usr/bin/dcmcrle", "-xr"), ("pydicom", "-xv"),
    ])
    func sendersMayCompress(encoder: String, proposal: String) async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "5", "--rows", "40", "--columns", "41"])
            try await compress(input, with: encoder)
            let node = try await Server.node(
                state: folder + "/state", destination: "NOBODY@127.0.0.1:1", program: "FaultyNode", aeTitle: "FAULTY",
                environment: ["FAULT": "sum", "SUM": folder + "/sum"])
            let sent = try await run(
                "/usr/bin/storescu",
                ["--scan-directories", "--recurse", "-v", proposal, "-aec", "FAULTY", "127.0.0.1", node.port, input])
            #expect(sent.status == 0, "\(sent.text)")
            #expect(!sent.text.contains("-> Little Endian"), "\(sent.text)")
            _ = try await node.process.line(matching: "Job 1 is done")
            try await node.stop()
            var expected = 0
            for index in 0..<5 * 40 * 41 {
                let (slice, row, column) = (index / (40 * 41), index / 41 % 40, index % 41)
                expected += ((101 * slice + 17 * row + 3 * column + 1) % 4096 - 1024) * (index % 8191)
            }
            #expect(try String(contentsOfFile: folder + "/sum", encoding: .utf8) == "\(expected)")
        }
    }

    /// A node without a codec does not accept what it could not decode: the sender has to decompress.
    @Test func whatCannotBeDecodedIsNotAccepted() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "3"])
            try await compress(input, with: "/usr/bin/dcmcjpls")
            let node = try await Server.node(state: folder + "/state", destination: "NOBODY@127.0.0.1:1")
            let sent = try await run(
                "/usr/bin/storescu",
                ["--scan-directories", "--recurse", "-v", "-xt", "-aec", "PLUSONE", "127.0.0.1", node.port, input])
            #expect(sent.status != 0 || sent.text.contains("No presentation context"), "\(sent.text)")
            try await node.stop()
            #expect(files(below: folder + "/state/incoming").isEmpty)
        }
    }

    private func compress(_ folder: String, with encoder: String) async throws {
        if encoder == "pydicom" {
            let done = try await script("compress.py", [folder, "1.2.840.10008.1.2.4.90"])
            try #require(done.status == 0, "\(done.text)")
            return
        }
        for path in files(below: folder) {
            let done = try await run(encoder, [path, path])
            try #require(done.status == 0, "\(done.text)")
        }
    }
}
