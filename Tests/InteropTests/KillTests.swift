import DICOMTesting
import Foundation
import Testing

/// The node is killed at seeded moments: what was acknowledged is there, and in the end there is one right result.
@Suite(.serialized) struct KillTests {
    private static let slices = 16

    /// When the node is killed.
    enum Moment: Sendable {
        /// As it calls this function of the system for the so-manieth time in one of its threads: strace sends the
        /// signal before the call is done. `rename` is the step from the written to the stored instance, and from the
        /// patient's folder to the job's; `fsync` stands before and behind it.
        case call(String, Int)
        /// So many microseconds after so many acknowledgements.
        case acknowledged(Int, UInt32)
        /// So many seconds after the job has begun: in the child, or in the delivery.
        case working(Double)
    }

    static let moments: [Moment] = {
        var generator = SeededGenerator(seed: 2026)
        return (0..<20).map { number in
            switch number % 4 {
            case 0: .call("rename", .random(in: 1...3, using: &generator))
            case 1: .call("fsync", .random(in: 1...5, using: &generator))
            case 2:
                .acknowledged(.random(in: 1...slices - 1, using: &generator), .random(in: 0...3000, using: &generator))
            default: .working(.random(in: 0...1.2, using: &generator))
            }
        }
    }()

    @Test(arguments: Array(moments.enumerated())) func killed(number: Int, at moment: Moment) async throws {
        try await withFolder { folder in
            let input = try await phantom(
                in: folder, "in",
                ["--slices", "\(Self.slices)", "--rows", "96", "--columns", "80", "--seed", "\(number + 1)"])
            let record = folder + "/record.jsonl"
            let archive = try await Server.receive(into: folder + "/out", aeTitle: "ARCHIVE")
            let destination = "ARCHIVE@127.0.0.1:\(archive.port)"
            let node = try await start(folder, destination, moment)
            let sender = try ChildProcess(
                Place.python,
                [Place.peer("pynetdicom_scu.py"), node.port, "PLUSONE", input, "--record", record, "--timeout", "10"])

            try await kill(node, at: moment, record, sender)
            try await sender.status()
            try checkAcknowledged(record, folder)

            let second = try await start(folder, destination)
            let again = try await script(
                "pynetdicom_scu.py", [second.port, "PLUSONE", input, "--record", record, "--skip-recorded"])
            #expect(again.status == 0, "\(again.text)")
            try await wait("the result", 60, second.process) {
                files(below: folder + "/out").filter { $0.hasSuffix(".dcm") }.count >= Self.slices
                    && files(below: folder + "/state/jobs").isEmpty
            }
            try await second.stop()
            try await archive.stop()
            #expect(files(below: folder + "/state/incoming").isEmpty)
            try await compare(input, folder + "/out", count: Self.slices)
        }
    }

    private func start(_ folder: String, _ destination: String, _ moment: Moment? = nil) async throws -> Server {
        let arguments = [
            "serve", "--port", "0", "--address", "127.0.0.1", "--state-directory", folder + "/state", "--destination",
            destination, "--retry-interval", "0.5", "--quiet-period", "3",
        ]
        guard case .call(let name, let count) = moment else {
            return try await Server.program("PlusOne", arguments + ["--durability", "process"])
        }
        // strace as a grandchild (-D): the process that is started is the node itself.
        // A first start makes what every later one finds: the moments are those of a node at work.
        try await Server.program("PlusOne", arguments).stop()
        let process = try ChildProcess(
            "/usr/bin/strace",
            [
                "-D", "-f", "-o", "/dev/null", "-e", "trace=\(name)", "-e",
                "inject=\(name):signal=SIGKILL:when=\(count)", Place.program("PlusOne"),
            ] + arguments + ["--durability", name == "fsync" ? "power" : "process"])
        return Server(process: process, port: try await process.line(matching: "listening on [^ ]*:([0-9]+) as"))
    }

    private func kill(_ node: Server, at moment: Moment, _ record: String, _ sender: ChildProcess) async throws {
        switch moment {
        case .call:
            // The threads share the calls as they like: where none comes to the count, the end of the sending will do.
            try await wait("the end of node or sender", 60, node.process) {
                !node.process.isRunning || !sender.isRunning
            }
        case .acknowledged(let count, let pause):
            try await wait("\(count) acknowledgements", 60, node.process) {
                (try? String(contentsOfFile: record, encoding: .utf8))?.split(separator: "\n").count ?? 0 >= count
            }
            usleep(pause)
        case .working(let pause):
            _ = try await node.process.line(matching: "job 1 has", within: 60)
            try await wait("the moment", 10) { [deadline = ContinuousClock.now + .seconds(pause)] in .now >= deadline }
        }
        node.process.signal(SIGKILL)
        try await node.process.status()
    }

    /// The bytes on the disk equal the record of every Success: in the patient's folder, in the job, or already delivered.
    private func checkAcknowledged(_ record: String, _ folder: String) throws {
        let kept = files(below: folder + "/state").filter { $0.contains("/incoming/") || $0.contains("/inputs/") }
        let isDelivered = files(below: folder + "/out").filter { $0.hasSuffix(".dcm") }.count == Self.slices
        let lines = (try? String(contentsOfFile: record, encoding: .utf8))?.split(separator: "\n") ?? []
        for line in lines {
            let entry = try JSONDecoder().decode(Entry.self, from: Data(line.utf8))
            let path = kept.first { $0.hasSuffix("/\(entry.uid).dcm") }
            guard let path else {
                #expect(isDelivered, "\(entry.uid) was acknowledged and is gone")
                continue
            }
            #expect(try sha256(ofDataSetIn: path) == entry.sha256, "\(path) differs from what was sent")
        }
    }

    private struct Entry: Decodable {
        let uid: String
        let sha256: String
    }
}

/// The hash of the bytes behind the meta group, by coreutils.
private func sha256(ofDataSetIn path: String) throws -> String {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let length = (0..<4).reduce(0) { $0 | Int(bytes[140 + $1]) << (8 * $1) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/sha256sum")
    let input = Pipe()
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    input.fileHandleForWriting.write(Data(bytes[(144 + length)...]))
    try input.fileHandleForWriting.close()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return String(text.prefix(64))
}
