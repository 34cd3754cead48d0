import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMUpperLayer
import Foundation
import Logging
import Testing

/// Queries and retrievals with peers as archives and as askers.
@Suite(.serialized) struct QueryTests {
    /// Archives that we ask: each with the AE title ARCHIVE, and NODE at `port` as a destination of C-MOVE.
    enum Archive: String, CaseIterable, Sendable {
        case omnitool, dcmqrscp, orthanc, pynetdicom

        func start(in folder: String, port: String) async throws -> Server {
            switch self {
            case .omnitool:
                try await Server.program(
                    "omnitool",
                    [
                        "archive", "0", "ARCHIVE", "--folder", folder + "/archive", "--address", "127.0.0.1", "--peer",
                        "NODE@127.0.0.1:\(port)",
                    ])
            case .dcmqrscp: try await Server.peer("dcmtk_qrscp.py", ["--destination", "NODE@\(port)"])
            case .orthanc: try await Server.peer("orthanc.py", ["--modality", "NODE@\(port)"])
            case .pynetdicom: try await Server.peer("pynetdicom_archive.py", ["--destination", "NODE@\(port)"])
            }
        }
    }

    @Test(arguments: Archive.allCases) func weAsk(_ archive: Archive) async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "12", "--modality", "MR"])
            let port = try freePort()
            let peer = try await archive.start(in: folder, port: port)
            let address = ["127.0.0.1", peer.port, "NODE", "ARCHIVE"]
            // dcmqrscp loses images that come over two associations at once.
            let associations = archive == .dcmqrscp ? "1" : "2"
            let stored = try await omnitool(["store"] + address + [input, "--associations", associations])
            #expect(stored.status == 0, "\(stored.text)")

            let studies = try await matches(
                address,
                ["-k", "PatientName=Phantom*", "-k", "NumberOfStudyRelatedInstances", "-k", "StudyDate=19000101-"])
            #expect(studies.count == 1)
            let study = try #require(studies.first?["0020000D"])
            let series = try await matches(
                address, ["--level", "series", "-k", "StudyInstanceUID=\(study)", "-k", "Modality=MR"])
            #expect(series.count == 1)
            let uid = try #require(series.first?["0020000E"])
            let images = try await matches(
                address,
                [
                    "--level", "image", "-k", "StudyInstanceUID=\(study)", "-k", "SeriesInstanceUID=\(uid)", "-k",
                    "InstanceNumber",
                ])
            #expect(Set(images.compactMap { $0["00200013"] }) == Set((1...12).map(String.init)))
            #expect(try await matches(address, ["-k", "PatientName=Nobody"]).isEmpty)

            let keys = ["--level", "series", "-k", "StudyInstanceUID=\(study)", "-k", "SeriesInstanceUID=\(uid)"]
            let got = try await omnitool(
                ["get"] + address + keys + ["--output", folder + "/got", "--transfer-syntax", "ExplicitVRLittleEndian"])
            #expect(got.status == 0 && got.text.contains("12 instances sent"), "\(got.text)")
            let moved = try await omnitool(
                ["move"] + address + keys + [
                    "--destination", "NODE", "--listen", port, "--address", "127.0.0.1", "--output", folder + "/moved",
                ])
            #expect(moved.status == 0 && moved.text.contains("12 instances received"), "\(moved.text)")
            for output in ["/got", "/moved"] { #expect(try dataSets(folder + output) == dataSets(input)) }
            let unknown = try await omnitool(["move"] + address + keys + ["--destination", "NOWHERE"])
            #expect(unknown.status == 1, "\(unknown.text)")
            try await peer.stop()
        }
    }

    /// The first value of each element of each match.
    private func matches(_ address: [String], _ options: [String]) async throws -> [[String: String]] {
        let found = try await omnitool(["find"] + address + options + ["--json"])
        let text = found.text.split(separator: "\n").filter { !$0.hasSuffix("match") && !$0.hasSuffix("matches") }
        try #require(found.status == 0, "\(found.text)")
        let all = try JSONSerialization.jsonObject(with: Data(text.joined(separator: "\n").utf8))
        return try #require(all as? [[String: [String: Any]]]).map { match in
            match.compactMapValues { ($0["Value"] as? [Any])?.first.map { "\($0)" } }
        }
    }

    // MARK: - Peers ask us

    private func withArchive(_ body: (_ folder: String, _ input: String, Server, _ port: String) async throws -> Void)
        async throws
    {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "6"])
            let port = try freePort()
            let server = try await Archive.omnitool.start(in: folder, port: port)
            let stored = try await omnitool("store", "127.0.0.1", server.port, "NODE", "ARCHIVE", input)
            #expect(stored.status == 0, "\(stored.text)")
            try await body(folder, input, server, port)
            try await server.stop()
        }
    }

    private func study(_ server: Server) async throws -> String {
        let found = try await matches(["127.0.0.1", server.port, "NODE", "ARCHIVE"], [])
        return try #require(found.first?["0020000D"])
    }

    @Test func dcmtkAsks() async throws {
        try await withArchive { folder, input, server, _ in
            let study = try await study(server)
            let address = ["-aec", "ARCHIVE", "127.0.0.1", server.port]
            let found = try await run(
                "/usr/bin/findscu",
                ["-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", "PatientName=PHANTOM*"]
                    + address)
            #expect(found.status == 0 && found.text.contains(study), "\(found.text)")
            let keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=\(study)"]
            try FileManager.default.createDirectory(atPath: folder + "/got", withIntermediateDirectories: true)
            let got = try await run("/usr/bin/getscu", ["-S", "-od", folder + "/got", "+B"] + keys + address)
            #expect(got.status == 0, "\(got.text)")
            #expect(try dataSets(folder + "/got") == dataSets(input))
            let nowhere = try await run("/usr/bin/movescu", ["-v", "-S", "-aem", "NOWHERE"] + keys + address)
            #expect(nowhere.text.contains("MoveDestinationUnknown"), "\(nowhere.text)")
        }
    }

    /// movescu has the images sent to a storescp that the archive knows.
    @Test func dcmtkMovesToItsOwn() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "6"])
            let receiver = try await Server.peer(
                "dcmtk_storescp.py", ["--output", folder + "/moved", "--ae-title", "NODE", "--bit-preserving"])
            let server = try await Archive.omnitool.start(in: folder, port: receiver.port)
            let stored = try await omnitool("store", "127.0.0.1", server.port, "NODE", "ARCHIVE", input)
            #expect(stored.status == 0, "\(stored.text)")
            let study = try await study(server)
            let moved = try await run(
                "/usr/bin/movescu",
                [
                    "-v", "-S", "-aem", "NODE", "-aec", "ARCHIVE", "-k", "QueryRetrieveLevel=STUDY", "-k",
                    "StudyInstanceUID=\(study)", "127.0.0.1", server.port,
                ])
            #expect(moved.status == 0, "\(moved.text)")
            #expect(try dataSets(folder + "/moved") == dataSets(input))
            try await receiver.stop()
            try await server.stop()
        }
    }

    @Test func pynetdicomAsks() async throws {
        try await withArchive { folder, input, server, _ in
            let study = try await study(server)
            func ask(_ action: String, _ options: String...) async throws -> String {
                try await script("pynetdicom_query.py", [action, server.port, "ARCHIVE"] + options).text
            }
            let found = try await ask("find", "PatientName=Phantom*", "ModalitiesInStudy=")
            #expect(found.contains("\"CT\"") && found.hasSuffix("STATUS 0x0000\n"), "\(found)")
            let got = try await ask("get", "StudyInstanceUID=\(study)", "--output", folder + "/got")
            #expect(got == "STATUS 0x0000\n")
            #expect(try dataSets(folder + "/got") == dataSets(input))
            let moved = try await ask("move", "StudyInstanceUID=\(study)", "--destination", "NOWHERE")
            #expect(moved == "STATUS 0xA801\n")
            let steps = try await ask("mpps")
            #expect(steps.hasPrefix("0x0000 0x0000 0x0110\n"), "\(steps)")
            let user = try await ask("identity", "--username", "anna")
            #expect(user == "RESPONSE False\nSTATUS 0x0000\n")
            let agreed = try await ask("negotiate")
            #expect(agreed.contains("\"operations\": [5, 1]") && agreed.contains("[0, 0, 0]"), "\(agreed)")
        }
    }

    @Test func orthancAsks() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "6"])
            let port = try freePort()
            // Orthanc knows our archive, and our archive knows Orthanc: one of the ports has to be known beforehand.
            let orthanc = try await Server.peer("orthanc.py", ["--modality", "OURS@\(port)", "--ae-title", "ORTHANC"])
            let web = try await orthanc.process.line(matching: "http=([0-9]+)")
            let server = try await Server.program(
                "omnitool",
                [
                    "archive", port, "OURS", "--folder", folder + "/archive", "--address", "127.0.0.1", "--peer",
                    "ORTHANC@127.0.0.1:\(orthanc.port)",
                ])
            func ask(_ action: String, _ options: String...) async throws -> (status: Int32, text: String) {
                try await script("orthanc_rest.py", [web, action, "OURS"] + options)
            }
            #expect(try await ask("echo").status == 0)
            let stored = try await omnitool("store", "127.0.0.1", server.port, "NODE", "OURS", input)
            #expect(stored.status == 0, "\(stored.text)")
            let found = try await ask("find", "Study", "PatientName=Phan*")
            #expect(found.status == 0 && found.text.contains("Phantom^One"), "\(found.text)")
            let retrieved = try await ask("retrieve", "Study", "PatientName=Phan*")
            #expect(retrieved.status == 0, "\(retrieved.text)")
            let exported = try await script("orthanc_export.py", [web, folder + "/orthanc"])
            #expect(exported.text == "6\n")
            #expect(try dataSets(folder + "/orthanc") == dataSets(input))
            // And back, into an archive that has lost everything.
            for path in files(below: folder + "/archive") { try FileManager.default.removeItem(atPath: path) }
            let sent = try await ask("store")
            #expect(sent.status == 0, "\(sent.text)")
            #expect(try dataSets(folder + "/archive") == dataSets(input))
            try await server.stop()
            try await orthanc.stop()
        }
    }

    // MARK: - Compressed images

    /// Orthanc keeps and sends compressed images by C-GET; who does not take them gets them decompressed by us, not by it.
    @Test(arguments: ["JPEGLSLossless", "JPEG2000Lossless", "RLELossless"])
    func compressedImages(syntax: String) async throws {
        try await withFolder { folder in
            let plain = try await phantom(in: folder, "plain", ["--slices", "4"])
            let input = folder + "/in"
            let converted = try await omnitool("convert", plain, input, "--transfer-syntax", syntax)
            #expect(converted.status == 0, "\(converted.text)")
            let orthanc = try await Server.peer("orthanc.py")
            let address = ["127.0.0.1", orthanc.port, "NODE", "ARCHIVE"]
            let stored = try await omnitool(["store"] + address + [input])
            #expect(stored.status == 0, "\(stored.text)")
            let study = try #require(try await matches(address, []).first?["0020000D"])
            let got = try await omnitool(
                ["get"] + address + [
                    "-k", "StudyInstanceUID=\(study)", "--output", folder + "/got", "--transfer-syntax", syntax,
                ])
            #expect(got.status == 0 && got.text.contains("4 instances sent"), "\(got.text)")
            #expect(try dataSets(folder + "/got") == dataSets(input))
            try await orthanc.stop()

            // storescp takes uncompressed images only.
            let receiver = try await Server.peer(
                "dcmtk_storescp.py", ["--output", folder + "/plainer", "--uncompressed", "--bit-preserving"])
            let sent = try await omnitool("store", "127.0.0.1", receiver.port, "NODE", "ARCHIVE", input)
            #expect(sent.status == 0, "\(sent.text)")
            for name in ["plain", "plainer"] {
                let array = try await omnitool("convert", folder + "/" + name, folder + "/\(name).npy", "--stored")
                #expect(array.status == 0, "\(array.text)")
            }
            let arrays = try ["plain", "plainer"].map {
                try Data(contentsOf: URL(fileURLWithPath: folder + "/\($0).npy"))
            }
            #expect(arrays[0] == arrays[1])
            try await receiver.stop()
        }
    }

    /// An archive with images in several transfer syntaxes: they come as they are where they may, else decompressed.
    @Test func mixedTransferSyntaxes() async throws {
        try await withFolder { folder in
            let (plain, input) = (folder + "/plain", folder + "/in")
            let phantom = try await omnitool("phantom", plain, "--slices", "6")
            #expect(phantom.status == 0, "\(phantom.text)")
            try FileManager.default.createDirectory(atPath: input, withIntermediateDirectories: true)
            let syntaxes = ["JPEGLSLossless", "JPEG2000Lossless", "RLELossless", "ExplicitVRLittleEndian"]
            for (number, name) in files(below: plain).enumerated() {
                let converted = try await omnitool(
                    "convert", name, input + "/\(number).dcm", "--transfer-syntax", syntaxes[number % 4])
                #expect(converted.status == 0, "\(converted.text)")
            }
            let server = try await Server.program(
                "omnitool", ["archive", "0", "ARCHIVE", "--folder", input, "--address", "127.0.0.1"])
            let address = ["127.0.0.1", server.port, "NODE", "ARCHIVE"]
            let study = try #require(try await matches(address, []).first?["0020000D"])
            for options in [[], ["--sop-class", "CTImageStorage"]] {
                let output = folder + "/got\(options.count)"
                let got = try await omnitool(
                    ["get"] + address + [
                        "-k", "StudyInstanceUID=\(study)", "--output", output, "--transfer-syntax", "JPEGLSLossless",
                        "--transfer-syntax", "JPEG2000Lossless", "--transfer-syntax", "RLELossless",
                        "--transfer-syntax",
                        "ExplicitVRLittleEndian",
                    ] + options)
                #expect(got.status == 0 && got.text.contains("6 instances sent"), "\(got.text)")
                #expect(try dataSets(output) == dataSets(input))
            }
            let uncompressed = try await script(
                "pynetdicom_query.py",
                ["get", server.port, "ARCHIVE", "--output", folder + "/plainer", "StudyInstanceUID=\(study)"])
            #expect(uncompressed.status == 0 && uncompressed.text.contains("STATUS 0x0000"), "\(uncompressed.text)")
            var arrays: [Data] = []
            for name in ["plain", "plainer"] {
                let array = try await omnitool("convert", folder + "/" + name, folder + "/\(name).npy", "--stored")
                #expect(array.status == 0, "\(array.text)")
                arrays.append(try Data(contentsOf: URL(fileURLWithPath: folder + "/\(name).npy")))
            }
            #expect(arrays[0] == arrays[1])
            try await server.stop()
        }
    }

    // MARK: - Worklist and storage commitment

    @Test func worklistOfPynetdicom() async throws {
        let peer = try await Server.peer("pynetdicom_archive.py")
        let found = try await omnitool(
            "worklist", "127.0.0.1", peer.port, "NODE", "ARCHIVE", "-k", "ScheduledProcedureStepSequence[0].Modality=MR"
        )
        #expect(
            found.status == 0 && found.text.contains("Prüfling^2") && found.text.contains("1 match"), "\(found.text)")
        #expect(!found.text.contains("Prüfling^1"))
        try await peer.stop()
    }

    @Test func procedureStepsOfPynetdicom() async throws {
        let peer = try await Server.peer("pynetdicom_archive.py")
        let archive = Endpoint(host: "127.0.0.1", port: try #require(Int(peer.port)), aeTitle: "ARCHIVE")
        var step = DataSet()
        step[.performedProcedureStepStatus] = "IN PROGRESS"
        step[.modality] = "CT"
        var end = DataSet()
        end[.performedProcedureStepStatus] = "COMPLETED"
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        try await withAssociation(
            to: archive, proposing: [.procedureStep], options: .init(callingAETitle: "NODE"), logger: logger
        ) { association in
            try await association.createProcedureStep("1.2.3", step)
            try await association.setProcedureStep("1.2.3", end)
            let error = await #expect(throws: DICOMError.self) {
                try await association.setProcedureStep("1.2.4", end)
            }
            #expect(error?.message.contains("0112H") == true)
        }
        _ = try await peer.process.line(matching: "MPPS (created IN PROGRESS)")
        _ = try await peer.process.line(matching: "MPPS (set COMPLETED)")
        try await peer.stop()
    }

    @Test(arguments: [true, false]) func commitmentByPynetdicom(overAnAssociationOfItsOwn: Bool) async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "3"])
            let port = try freePort()
            let peer = try await Server.peer(
                "pynetdicom_archive.py", overAnAssociationOfItsOwn ? ["--report-to", "NODE@\(port)"] : [])
            let address = ["127.0.0.1", peer.port, "NODE", "ARCHIVE"]
            let listening = overAnAssociationOfItsOwn ? ["--listen", port, "--address", "127.0.0.1"] : []
            let early = try await omnitool(["commit"] + address + [input, "--wait", "30"] + listening)
            #expect(early.status == 1 && early.text.contains("0 of 3") && early.text.contains("0112H"), "\(early.text)")
            let stored = try await omnitool(["store"] + address + [input])
            #expect(stored.status == 0, "\(stored.text)")
            let committed = try await omnitool(["commit"] + address + [input, "--wait", "30"] + listening)
            #expect(committed.status == 0 && committed.text.contains("3 of 3"), "\(committed.text)")
            try await peer.stop()
        }
    }

    @Test func commitmentForPynetdicom() async throws {
        try await withArchive { _, input, server, port in
            let paths = files(below: input)
            for options in [["--calling", "OTHER"], ["--calling", "NODE", "--listen", port]] {
                let asked = try await script(
                    "pynetdicom_query.py", ["commit", server.port, "ARCHIVE"] + paths + options)
                #expect(asked.text.contains("\"committed\": 6") && asked.text.contains("\"event\": 1"), "\(asked.text)")
            }
        }
    }
}

/// A port of 127.0.0.1 that was free a moment ago, for a peer that has to be told one.
func freePort() throws -> String {
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let failed = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(socket, $0, length) != 0 || getsockname(socket, $0, &length) != 0
        }
    }
    try #require(!failed)
    return "\(UInt16(bigEndian: address.sin_port))"
}
