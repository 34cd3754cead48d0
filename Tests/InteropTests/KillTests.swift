import DICOMTesting
import Foundation
import Testing

/// The node is killed at seeded moments: what was acknowledged is there, and in the end there is one right result.
@Suite(.serialized) struct KillTests {
    private static let slices = 16

    /// How long after its start the sender, or after the last acknowledgement the node, is killed.
    @Test(arguments: 0..<20) func killedAtAnyMoment(number: Int) async throws {
        try await withFolder { folder in
            var generator = SeededGenerator(seed: UInt64(1000 + number))
            let input = try await phantom(
                in: folder, "in",
                ["--slices", "\(Self.slices)", "--rows", "96", "--columns", "80", "--seed", "\(number + 1)"])
            let record = folder + "/record.jsonl"
            let archive = try await Server.receive(into: folder + "/out", aeTitle: "ARCHIVE")
            let destination = "ARCHIVE@127.0.0.1:\(archive.port)"
            let node = try await start(folder, destination)
            let sender = try ChildProcess(
                Place.python,
                [Place.peer("pynetdicom_scu.py"), node.port, "PLUSONE", input, "--record", record, "--timeout", "10"])

            try await killAtAMoment(number, node, folder, record, &generator)
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

    private func start(_ folder: String, _ destination: String) async throws -> Server {
        try await Server.node(
            state: folder + "/state", destination: destination,
            options: ["--quiet-period", "3", "--durability", "process"])
    }

    /// Three quarters of the moments are while images arrive, one quarter while the job runs or is delivered.
    private func killAtAMoment(
        _ number: Int, _ node: Server, _ folder: String, _ record: String, _ generator: inout SeededGenerator
    ) async throws {
        if number % 4 == 3 {
            _ = try await node.process.line(matching: "job 1 has", within: 60)
            let pause = Double.random(in: 0...1.2, using: &generator)
            try await wait("the moment", 10) { [deadline = ContinuousClock.now + .seconds(pause)] in .now >= deadline }
        } else {
            // Not at a time but at a count and some microseconds: between any two steps of an instance.
            let count = Int.random(in: 1...Self.slices - 1, using: &generator)
            try await wait("\(count) acknowledgements", 60, node.process) {
                (try? String(contentsOfFile: record, encoding: .utf8))?.split(separator: "\n").count ?? 0 >= count
            }
            usleep(UInt32.random(in: 0...3000, using: &generator))
        }
        kill(node.process.identifier, SIGKILL)
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
