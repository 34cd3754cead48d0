import Foundation
import Testing

/// The whole cycle: a PlusOne node between real senders and real archives.
@Suite(.serialized) struct NodeTests {
    /// The real CT series with the DICOMDIR that stands beside it, from three senders, to two archives.
    @Test(.enabled(if: Place.hasRealData, "../shared/data is absent"), arguments: ["omnitool", "pynetdicom", "dcmtk"])
    func realSeriesPlusOne(sender: String) async throws {
        try await withFolder { folder in
            let archive =
                sender == "omnitool" ? try await Server.peer("orthanc.py") : try await storescp(folder + "/out")
            let node = try await Server.node(state: folder + "/state", destination: "ARCHIVE@127.0.0.1:\(archive.port)")
            switch sender {
            case "omnitool":
                let sent = try await omnitool("store", "127.0.0.1", node.port, "TEST", "PLUSONE", philipsCT)
                #expect(sent.status == 0 && sent.text.contains("28 of 28"), "\(sent.text)")
                #expect(sent.text.contains("DICOMDIR' is skipped"), "\(sent.text)")
            case "pynetdicom":
                let sent = try await script("pynetdicom_scu.py", [node.port, "PLUSONE", philipsCT])
                #expect(sent.status == 0, "\(sent.text)")
            default:
                // storescu sends the DICOMDIR too, labelled as an instance that is there: it must not harm it.
                let sent = try await run(
                    "/usr/bin/storescu",
                    [
                        "--scan-directories", "-nh", "-xs", "--recurse", "-v", "-aec", "PLUSONE", "127.0.0.1",
                        node.port, philipsCT,
                    ])
                #expect(
                    sent.text.contains("B007") || sent.text.contains("Warning: DataSetDoesNotMatchSOPClass"),
                    "\(sent.text)")
                #expect(node.process.text.contains("UID is missing or differs"))
            }
            _ = try await node.process.line(matching: "Job 1 is done", within: 60)
            if sender == "omnitool" { try await export(archive, to: folder + "/out", count: 28) }
            try await node.stop()
            try await archive.stop()
            try await compare(philipsCT, folder + "/out", count: 28)
            try await validate(folder + "/out")
            #expect(files(below: folder + "/state/jobs").isEmpty)
            #expect(files(below: folder + "/state/incoming").isEmpty)
        }
    }

    @Test(arguments: [
        ["--orientation", "sagittal"], ["--orientation", "oblique", "--shuffled"],
        ["--orientation", "coronal", "--modality", "MR"],
        ["--modality", "MR", "--orientation", "oblique"],
    ])
    func phantomPlusOne(options: [String]) async throws {
        try await withFolder { folder in
            let input = try await phantom(
                in: folder, "in",
                ["--slices", "14", "--rows", "40", "--columns", "56", "--row-spacing", "1.3"] + options)
            let archive = try await storescp(folder + "/out")
            let node = try await Server.node(state: folder + "/state", destination: "ARCHIVE@127.0.0.1:\(archive.port)")
            let sent = try await omnitool("store", "127.0.0.1", node.port, "TEST", "PLUSONE", input)
            #expect(sent.status == 0, "\(sent.text)")
            _ = try await node.process.line(matching: "Job 1 is done")
            try await node.stop()
            try await archive.stop()
            try await compare(input, folder + "/out", count: 14)
            try await validate(folder + "/out")
        }
    }

    /// Two patients, shuffled and interleaved over three associations: nothing is mixed, nothing is lost.
    @Test func interleavedPatients() async throws {
        try await withFolder { folder in
            let first = try await phantom(in: folder, "first", ["--slices", "25", "--patient-id", "A"])
            let second = try await phantom(
                in: folder, "second", ["--slices", "20", "--patient-id", "B", "--modality", "MR"])
            let archive = try await storescp(folder + "/out")
            let node = try await Server.node(state: folder + "/state", destination: "ARCHIVE@127.0.0.1:\(archive.port)")
            let sent = try await script(
                "pynetdicom_scu.py", [node.port, "PLUSONE", first, second, "--associations", "3", "--seed", "11"])
            #expect(sent.status == 0, "\(sent.text)")
            _ = try await node.process.line(matching: "Job 1 is done")
            _ = try await node.process.line(matching: "Job 2 is done")
            #expect(!node.process.text.contains("Job 3"))
            try await node.stop()
            try await archive.stop()
            // The archive prefixes the files' names with the modality.
            for (prefix, input, count) in [("CT", first, 25), ("MR", second, 20)] {
                let part = folder + "/part-" + prefix
                try FileManager.default.createDirectory(atPath: part, withIntermediateDirectories: true)
                for path in files(below: folder + "/out")
                where path.split(separator: "/").last?.hasPrefix(prefix) == true {
                    try FileManager.default.copyItem(
                        atPath: path, toPath: part + "/" + path.split(separator: "/").last!)
                }
                try await compare(input, part, count: count)
            }
        }
    }

    @Test func anOpenAssociationDoesNotKeepAPatientWaiting() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "12"])
            let archive = try await storescp(folder + "/out")
            let node = try await Server.node(
                state: folder + "/state", destination: "ARCHIVE@127.0.0.1:\(archive.port)",
                options: ["--quiet-period", "1"])
            let sender = try ChildProcess(
                Place.python, [Place.peer("pynetdicom_scu.py"), node.port, "PLUSONE", input, "--hold-open"])
            _ = try await sender.line(matching: "HOLDING")
            _ = try await node.process.line(matching: "Job 1 is done")
            #expect(sender.isRunning)
            sender.closeInput()
            #expect(try await sender.status() == 0)
            try await node.stop()
            try await archive.stop()
            try await compare(input, folder + "/out", count: 12)
        }
    }

    @Test func anAbortedAssociationDoesNotStartAJob() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "14"])
            let archive = try await storescp(folder + "/out")
            let node = try await Server.node(state: folder + "/state", destination: "ARCHIVE@127.0.0.1:\(archive.port)")
            _ = try await script("pynetdicom_scu.py", [node.port, "PLUSONE", input, "--abort-after", "12"])
            try await wait("12 instances") { files(below: folder + "/state/incoming").count == 12 }
            #expect(!node.process.text.contains("Job 1"))
            // The sender comes again with all of them: now the series is complete, once.
            let sent = try await omnitool("store", "127.0.0.1", node.port, "TEST", "PLUSONE", input)
            #expect(sent.status == 0, "\(sent.text)")
            _ = try await node.process.line(matching: "Job 1 is done")
            try await node.stop()
            try await archive.stop()
            try await compare(input, folder + "/out", count: 14)
        }
    }

    @Test(arguments: [false, true]) func aDestinationThatIsDown(restarting: Bool) async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "12"])
            try FileManager.default.createDirectory(atPath: folder + "/out", withIntermediateDirectories: true)
            // A port that was free a moment ago: nobody listens there yet.
            let reserved = try await Server.peer("pynetdicom_scp.py", ["--output", folder + "/out"])
            try await reserved.stop()
            let destination = "ARCHIVE@127.0.0.1:\(reserved.port)"
            var node = try await Server.node(state: folder + "/state", destination: destination)
            let sent = try await omnitool("store", "127.0.0.1", node.port, "TEST", "PLUSONE", input)
            #expect(sent.status == 0, "\(sent.text)")
            _ = try await node.process.line(matching: "delivery attempt 2 failed")
            #expect(files(below: folder + "/state/jobs/1/inputs").count == 12)
            #expect(files(below: folder + "/state/jobs/1/outputs").count == 12)
            if restarting {
                try await node.stop()
                node = try await Server.node(state: folder + "/state", destination: destination)
            }
            let archive = try await Server.peer(
                "pynetdicom_scp.py", ["--output", folder + "/out", "--port", reserved.port])
            _ = try await node.process.line(matching: "Job 1 is done", within: 60)
            try await node.stop()
            try await archive.stop()
            try await compare(input, folder + "/out", count: 12)
            #expect(files(below: folder + "/state/jobs").isEmpty)
        }
    }

    @Test func batchDoesTheSameWithoutANetwork() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "12", "--orientation", "oblique"])
            let batch = try await run(Place.program("PlusOne"), ["batch", input, "--output", folder + "/out"])
            #expect(batch.status == 0, "\(batch.text)")
            try await compare(input, folder + "/out", count: 12)
            let few = try await phantom(in: folder, "few", ["--slices", "3"])
            let incomplete = try await run(Place.program("PlusOne"), ["batch", few, "--output", folder + "/none"])
            #expect(incomplete.status == 1 && incomplete.text.contains("3 of at least 10"), "\(incomplete.text)")
        }
    }

    /// What the node made comes back from the archive: it is not worked on again.
    @Test func resultsThatComeBackAreRefused() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "12"])
            let archive = try await Server.receive(into: folder + "/out", aeTitle: "ARCHIVE")
            let node = try await Server.node(state: folder + "/state", destination: "ARCHIVE@127.0.0.1:\(archive.port)")
            _ = try await omnitool("store", "127.0.0.1", node.port, "TEST", "PLUSONE", input)
            _ = try await node.process.line(matching: "Job 1 is done")
            let back = try await omnitool("store", "127.0.0.1", node.port, "TEST", "PLUSONE", folder + "/out")
            #expect(back.status == 1 && back.text.contains("B007"), "\(back.text)")
            #expect(!node.process.text.contains("Job 2"))
            try await node.stop()
            try await archive.stop()
        }
    }

    // MARK: - Faults of the processor

    @Test(arguments: [
        ("throw", "ended with status 1"), ("trap", "signal 4|signal 5"), ("kill", "signal 9"),
        ("output", "ended with status 1"),
    ])
    func aBrokenProcessorHarmsNobody(fault: String, reason: String) async throws {
        try await withFolder { folder in
            let input = try await phantom(
                in: folder, "in", ["--slices", "3", "--patient-id", "SECRET-4711", "--patient-name", "Doe^Jane"])
            let node = try await Server.node(
                state: folder + "/state", destination: "NOBODY@127.0.0.1:1", program: "FaultyNode", aeTitle: "FAULTY",
                environment: ["FAULT": fault])
            let identifier = node.process.identifier
            let sent = try await omnitool("store", "127.0.0.1", node.port, "TEST", "FAULTY", input)
            #expect(sent.status == 0, "\(sent.text)")
            // While the job fails, the node answers and receives.
            let other = try await phantom(in: folder, "other", ["--slices", "2", "--patient-id", "OTHER"])
            #expect(try await omnitool("echo", "127.0.0.1", node.port, "TEST", "FAULTY").status == 0)
            #expect(try await omnitool("store", "127.0.0.1", node.port, "TEST", "FAULTY", other).status == 0)
            let line = try await node.process.line(matching: "(Job 1 failed.*)", within: 60)
            #expect(line.range(of: reason, options: .regularExpression) != nil, "\(line)")
            #expect(node.process.identifier == identifier && node.process.isRunning)
            #expect(files(below: folder + "/state/jobs/1/inputs").count == 3)
            for secret in ["SECRET-4711", "Doe^Jane", "Jane"] { #expect(!node.process.text.contains(secret)) }
            // The log of a job that fills its output is bounded.
            let log = try FileManager.default.attributesOfItem(atPath: folder + "/state/jobs/1/log.txt")[.size] as? Int
            #expect((log ?? .max) <= 16 * 1024 * 1024)
            // A retry is one command, and this time the pipeline is sound.
            try await node.stop()
            let mended = try await Server.node(
                state: folder + "/state", destination: "NOBODY@127.0.0.1:1", program: "FaultyNode", aeTitle: "FAULTY")
            let retry = try await run(
                Place.program("FaultyNode"), ["retry", "1", "--state-directory", folder + "/state"])
            #expect(retry.status == 0, "\(retry.text)")
            _ = try await mended.process.line(matching: "Job 1 is done")
            try await mended.stop()
        }
    }

    // MARK: - Helpers

    private func storescp(_ folder: String) async throws -> Server {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return try await Server.peer("dcmtk_storescp.py", ["--output", folder])
    }

    private func export(_ orthanc: Server, to folder: String, count: Int) async throws {
        let web = try await orthanc.process.line(matching: "http=([0-9]+)")
        let exported = try await script("orthanc_export.py", [web, folder])
        #expect(exported.text.hasPrefix("\(count)"), "\(exported.text)")
    }
}

/// Every voxel is the input's plus one, in the right place: judged by pydicom and SimpleITK.
func compare(_ input: String, _ output: String, count: Int) async throws {
    let compared = try await script("compare_series.py", [input, output, "--offset", "1", "--expect", "\(count)"])
    #expect(compared.status == 0, "\(compared.text)")
}

/// dciodvfy prints no error.
func validate(_ folder: String) async throws {
    let validated = try await script("validate.py", [folder])
    #expect(validated.status == 0, "\(validated.text)")
}
