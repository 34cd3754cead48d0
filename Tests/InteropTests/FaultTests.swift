import Foundation
import Testing

/// Faults over sockets against a server in a process of its own: the right answer to the peer, nothing that was
/// acknowledged is lost, and memory and descriptors are back afterwards.
@Suite(.serialized) struct FaultTests {
    /// Idle times are so long that a busy machine does not reach them between two messages of a well-behaved peer.
    private static func limits(seconds: Int) -> [String] {
        ["--idle-timeout", "\(seconds)", "--acse-timeout", "\(seconds)", "--maximum-associations", "200"]
    }

    private func faults(_ action: String, _ server: Server, _ numbers: Int...) async throws {
        let result = try await script("faults.py", [action, server.port, "RECEIVER"] + numbers.map { "\($0)" })
        #expect(result.status == 0, "\(action): \(result.text)")
    }

    @Test func peersThatFailInEveryState() async throws {
        try await withFolder { folder in
            let server = try await Server.program(
                "omnitool",
                ["archive", "0", "RECEIVER", "--folder", folder, "--address", "127.0.0.1"] + Self.limits(seconds: 4))
            try await faults("parallel", server, 50)
            try await faults("die", server)
            let (memory, descriptors) = (try server.residentMemory(), try server.descriptors())
            try await faults("die", server)
            try await faults("half", server)
            try await faults("deaf", server)
            try await wait("the descriptors to be free") { try server.descriptors() <= descriptors }
            #expect(try server.residentMemory() - memory <= 16 * 1024)
            try await server.stop()
            // None of those that died within an instance has left something.
            #expect(files(below: folder).count == 51, "50 of them, and the one that was whole before its peer died")
        }
    }

    @Test func tenThousandConnectionsAndManyAssociations() async throws {
        try await withFolder { folder in
            let server = try await Server.program(
                "omnitool",
                ["receive", "0", "RECEIVER", "--output", folder, "--address", "127.0.0.1"] + Self.limits(seconds: 60))
            try await faults("parallel", server, 200)
            try await faults("connections", server, 1000)
            let (memory, descriptors) = (try server.residentMemory(), try server.descriptors())
            try await faults("connections", server, 9000)
            try await faults("parallel", server, 200)
            try await wait("the descriptors to be free") { try server.descriptors() <= descriptors }
            #expect(try server.residentMemory() - memory <= 16 * 1024)
            try await server.stop()
            #expect(files(below: folder).count == 200)
        }
    }

    /// A disk of 4 MiB, filled and then made read-only.
    @Test(.enabled(if: Disk.isWanted, "DICOMNODE_NO_MOUNT is set")) func fullAndReadOnlyDisks() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "12", "--rows", "512", "--columns", "512"])
            let disk = try await Disk(at: folder + "/disk", mebibytes: 4)
            for durability in ["process", "power"] {
                let server = try await Server.program(
                    "omnitool",
                    [
                        "receive", "0", "RECEIVER", "--output", disk.path, "--address", "127.0.0.1", "--durability",
                        durability,
                    ])
                let full = try await omnitool("store", "127.0.0.1", server.port, "TEST", "RECEIVER", input)
                #expect(full.status == 1 && full.text.contains("A700H"), "\(full.text)")
                let stored = files(below: disk.path)
                // Each Success is there, whole, and no part of the others.
                #expect(full.text.contains("\(stored.count) of 12 instances stored"), "\(full.text)")
                #expect((4...11).contains(stored.count) && stored.allSatisfy { $0.hasSuffix(".dcm") }, "\(stored)")
                #expect(try Set(dataSets(disk.path)).isSubset(of: dataSets(input)))

                try await disk.remount("ro")
                let readOnly = try await omnitool("store", "127.0.0.1", server.port, "TEST", "RECEIVER", input)
                #expect(readOnly.status == 1 && readOnly.text.contains("0 of 12"), "\(readOnly.text)")
                #expect(readOnly.text.contains("A700H"))
                try await disk.remount("rw")
                for path in stored { try FileManager.default.removeItem(atPath: path) }
                let one = try await omnitool(
                    "store", "127.0.0.1", server.port, "TEST", "RECEIVER", files(below: input)[0])
                #expect(one.status == 0, "\(one.text)")
                for path in files(below: disk.path) { try FileManager.default.removeItem(atPath: path) }
                try await server.stop()
            }
            try await disk.unmount()
        }
    }

    @Test func noDescriptorsLeft() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "3"])
            let output = folder + "/out"
            let program = Place.program("omnitool")
            let process = try ChildProcess(
                "/bin/sh",
                [
                    "-c",
                    "ulimit -n 40; exec '\(program)' receive 0 RECEIVER --output '\(output)' --address 127.0.0.1 --acse-timeout 60",
                ])
            let server = Server(
                process: process, port: try await process.line(matching: "listening on [^ ]*:([0-9]+) as"))
            let before = try server.descriptors(below: 40)
            // One association is there before the descriptors run out.
            let holder = try ChildProcess(
                Place.python, [Place.peer("faults.py"), "hold", server.port, "RECEIVER", "\(39 - before)"])
            _ = try await holder.line(matching: "HELD")
            try await wait("the descriptors to run out") { try server.descriptors(below: 40) >= 39 }
            let refused = try await omnitool(
                "store", "127.0.0.1", server.port, "TEST", "RECEIVER", input, "--timeout", "5", "--retries", "0")
            #expect(refused.status == 1, "\(refused.text)")
            #expect(files(below: output).isEmpty)
            try await holder.stop()
            try await wait("the descriptors to be free") { try server.descriptors(below: 40) <= before }
            let stored = try await omnitool("store", "127.0.0.1", server.port, "TEST", "RECEIVER", input)
            #expect(stored.status == 0, "\(stored.text)")
            #expect(try dataSets(output) == dataSets(input))
            try await server.stop()
        }
    }

    /// With `power`, file and folder are on the disk before the response is written: read off the system calls.
    @Test func powerMeansSyncedBeforeTheResponse() async throws {
        let (order, text) = try await orderAtPower(slices: 4, associations: 1)
        // A-ASSOCIATE-AC and A-RELEASE-RP around four times: name, file, folder, response.
        #expect(order == "A" + String(repeating: "NFDR", count: 4) + "A", "\(order)\n\(text.prefix(4000))")
    }

    /// Many associations wait for one call together, and none is answered before it.
    @Test func powerOverManyAssociations() async throws {
        let (order, text) = try await orderAtPower(slices: 60, associations: 6)
        var (named, synced, answered) = (0, 0, 0)
        for kind in order {
            switch kind {
            case "N": named += 1
            case "D", "S": synced = named
            case "R": answered += 1
            default: break
            }
            #expect(answered <= synced, "\(order)\n\(text.prefix(4000))")
        }
        #expect(answered == 60 && order.contains("S"), "\(order)")
    }

    private func orderAtPower(slices: Int, associations: Int) async throws -> (order: String, text: String) {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "\(slices)"])
            let trace = folder + "/trace"
            let process = try ChildProcess(
                "/usr/bin/strace",
                [
                    "-f", "-D", "-y", "-o", trace, "-e",
                    "trace=fsync,fdatasync,syncfs,rename,renameat2,write,writev",
                    Place.program("omnitool"), "receive", "0", "RECEIVER", "--output", folder + "/out", "--address",
                    "127.0.0.1", "--durability", "power",
                ])
            let server = Server(
                process: process, port: try await process.line(matching: "listening on [^ ]*:([0-9]+) as"))
            let sent = try await omnitool(
                "store", "127.0.0.1", server.port, "TEST", "RECEIVER", input, "--associations", "\(associations)")
            #expect(sent.status == 0, "\(sent.text)")
            try await server.stop()
            let text = try String(contentsOfFile: trace, encoding: .utf8)
            return (Self.order(of: text), text)
        }
    }

    /// The ends of the calls that matter: `F` the file is synced, `N` named, `D` the folder is synced, `S` all is synced; and
    /// the begins of writes to the peer, `R` of P-DATA, `A` of another PDU.
    private static func order(of trace: String) -> String {
        var unfinished: [Substring: Character] = [:]
        var order = ""
        for line in trace.split(separator: "\n") {
            let process = line.prefix { $0 != " " }
            let call = line.drop { $0 != " " }.drop { $0 == " " }
            var kind: Character?
            if call.hasPrefix("fsync(") || call.hasPrefix("fdatasync(") {
                kind = call.contains(".dcm>") ? "F" : "D"
            } else if call.hasPrefix("syncfs") {
                kind = "S"
            } else if call.hasPrefix("rename") {
                kind = "N"
            } else if call.contains("<socket:") || call.contains("<TCP:") {
                order.append(call.contains(#""\4\0"#) ? "R" : "A")
            }
            if call.hasPrefix("<..."), call.hasSuffix("= 0"), let kind = unfinished.removeValue(forKey: process) {
                order.append(kind)
            }
            guard let kind else { continue }
            if call.hasSuffix("<unfinished ...>") {
                unfinished[process] = kind
            } else if call.hasSuffix("= 0") {
                order.append(kind)
            }
        }
        return order
    }
}

/// A small file system in memory, which is full soon.
private struct Disk {
    let path: String

    /// Mounting needs root, as in CI; elsewhere the variable says that it is known to be left out.
    static let isWanted = ProcessInfo.processInfo.environment["DICOMNODE_NO_MOUNT"] == nil

    init(at path: String, mebibytes: Int) async throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try await Self.perform(["mount", "-t", "tmpfs", "-o", "size=\(mebibytes)m", "tmpfs", path])
    }

    func remount(_ mode: String) async throws { try await Self.perform(["mount", "-o", "remount,\(mode)", path]) }
    func unmount() async throws { try await Self.perform(["umount", path]) }

    private static func perform(_ command: [String]) async throws {
        let sudo = getuid() == 0 ? [] : ["sudo", "-n"]
        let result = try await run("/usr/bin/env", sudo + command)
        try #require(result.status == 0, "needs root, or DICOMNODE_NO_MOUNT=1 to do without: \(result.text)")
    }
}

extension Server {
    /// VmRSS in KiB.
    func residentMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process.identifier)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(line.split(separator: " ").compactMap { Int($0) }.first)
    }

    /// How many descriptors it has; one that it inherited may lie above the limit that it was given.
    func descriptors(below limit: Int = .max) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.identifier)/fd").count {
            Int($0) ?? 0 < limit
        }
    }
}
