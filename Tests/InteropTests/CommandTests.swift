import Foundation
import Testing

/// How the commands of a pipeline are configured, and how they end.
@Suite(.serialized) struct CommandTests {
    @Test func optionsComeFromCommandLineEnvironmentAndFileInThisOrder() async throws {
        try await withFolder { folder in
            let file = folder + "/node.json"
            try Data(#"{"dicomnode": {"aeTitle": "FROMFILE", "port": 2001, "address": "127.0.0.9"}}"#.utf8)
                .write(to: URL(fileURLWithPath: file))
            let environment = ["DICOMNODE_PORT": "2002", "DICOMNODE_ADDRESS": "127.0.0.8"]
            let check = try ChildProcess(
                Place.program("PlusOne"), ["check", "--config", file, "--address", "127.0.0.7"],
                environment: environment)
            #expect(try await check.status() == 0)
            #expect(check.text.contains("FROMFILE on 127.0.0.7:2002"), "\(check.text)")
            #expect(check.text.contains("input image: "), "\(check.text)")
        }
    }

    @Test(arguments: [
        (["check"], ["DICOMNODE_PORT": "1l2"]), (["check", "--port", "99999"], [:]),
        (["check", "--ae-title", "A\\B"], [:]),
        (["serve", "--durability", "sometimes"], [:]), (["check", "--destination", "nowhere"], [:]),
    ])
    func whatCannotBeIsRefused(arguments: [String], environment: [String: String]) async throws {
        let process = try ChildProcess(Place.program("PlusOne"), arguments, environment: environment)
        #expect(try await process.status() != 0)
        #expect(process.text.contains("Error: "), "\(process.text)")
    }

    /// A stopping node finishes the job that runs, and leaves nothing behind that the next start would repeat.
    @Test func stoppingFinishesWhatRuns() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "3"])
            let node = try await Server.node(
                state: folder + "/state", destination: "NOBODY@127.0.0.1:1", program: "FaultyNode", aeTitle: "FAULTY",
                environment: ["FAULT": "slow"])
            let sent = try await omnitool("store", "127.0.0.1", node.port, "TEST", "FAULTY", input)
            #expect(sent.status == 0, "\(sent.text)")
            _ = try await node.process.line(matching: "Job 1 is processed")
            try await node.stop()
            #expect(node.process.text.contains("Job 1 is done"), "\(node.process.text)")
            #expect(node.process.text.contains("The node has stopped"), "\(node.process.text)")
            #expect(try await omnitool("echo", "127.0.0.1", node.port, "TEST", "FAULTY").status == 1)
        }
    }

    @Test func statusSaysWhatAPatientWaitsFor() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "4"])
            let node = try await Server.node(state: folder + "/state", destination: "NOBODY@127.0.0.1:1")
            _ = try await omnitool("store", "127.0.0.1", node.port, "TEST", "PLUSONE", input)
            _ = try await node.process.line(matching: "A patient waits")
            let status = try await run(Place.program("PlusOne"), ["status", "--state-directory", folder + "/state"])
            #expect(status.text.contains("4 of at least 10 instances"), "\(status.text)")
            try await node.stop()
        }
    }

    /// A relative state directory is the node's, not the child's.
    @Test func aRelativeStateDirectory() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "12"])
            let archive = try await Server.receive(into: folder + "/out", aeTitle: "ARCHIVE")
            let name = "state-" + UUID().uuidString
            defer { try? FileManager.default.removeItem(atPath: name) }
            let node = try await Server.node(state: name, destination: "ARCHIVE@127.0.0.1:\(archive.port)")
            _ = try await omnitool("store", "127.0.0.1", node.port, "TEST", "PLUSONE", input)
            _ = try await node.process.line(matching: "Job 1 is done")
            try await node.stop()
            try await archive.stop()
        }
    }
}
