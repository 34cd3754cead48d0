import Foundation
import Testing

/// Files of pydicom and pydicom-data, read and written by omnitool and judged by pydicom and DCMTK.
///
/// One at a time: each keeps both processors busy, and the tests with timed peers run beside them.
@Suite(.serialized) struct DataSetTests {
    /// Every file that pydicom reads gives the same JSON model, but for those in `json_exceptions.tsv`.
    @Test func showsWhatPydicomReads() async throws {
        try await withCorpus { corpus, folder in
            let references = folder + "/references"
            let written = try await script("pydicom_json.py", ["write", corpus, references])
            #expect(written.status == 0, "\(written.text)")
            let exceptions = Place.peer("json_exceptions.tsv")
            let listed = try String(contentsOfFile: exceptions, encoding: .utf8).split(separator: "\n")
                .filter { !$0.hasPrefix("#") }
            #expect(listed.count <= 10)
            let compared = try await script(
                "pydicom_json.py",
                ["compare", references, corpus, Place.program("omnitool"), "--exceptions", exceptions])
            #expect(compared.status == 0, "\(compared.text)")
            #expect(compared.text.contains("252 files"), "\(compared.text)")
        }
    }

    /// Read and written in its own transfer syntax, each file is the same to pydicom, element by element.
    @Test func writesWhatItReads() async throws {
        try await withCorpus { corpus, folder in
            let written = try await omnitool("convert", corpus, folder + "/written")
            #expect(written.status == 0, "\(written.text)")
            let judged = try await script("roundtrip.py", [corpus, folder + "/written"])
            #expect(judged.status == 0 && judged.text.contains("252 files, 0 with problems"), "\(judged.text)")
        }
    }

    /// Files without compressed pixel data are the same to pydicom and to DCMTK in every uncompressed transfer syntax.
    @Test(arguments: [
        "ImplicitVRLittleEndian", "ExplicitVRLittleEndian", "ExplicitVRBigEndian", "DeflatedExplicitVRLittleEndian",
    ])
    func convertsBetweenTransferSyntaxes(name: String) async throws {
        try await withCorpus(["--native"]) { corpus, folder in
            let written = try await omnitool("convert", corpus, folder + "/written", "--transfer-syntax", name)
            #expect(written.status == 0, "\(written.text)")
            let judged = try await script("roundtrip.py", [corpus, folder + "/written", "--dcmtk"])
            #expect(judged.status == 0 && judged.text.contains("193 files, 0 with problems"), "\(judged.text)")
        }
    }

    /// The judge sees a change of one byte, of a VR and of an element: else the tests above would say nothing.
    @Test func theJudgeSeesChanges() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "3"])
            try FileManager.default.copyItem(atPath: input, toPath: folder + "/changed")
            let names = files(below: input).map { ($0 as NSString).lastPathComponent }
            let changes: [(Data, Data)] = [
                (Data("DICOMNode".utf8), Data("DICOMMode".utf8)),  // Manufacturer
                (Data([0x20, 0, 0x13, 0] + Array("IS".utf8)), Data([0x20, 0, 0x13, 0] + Array("DS".utf8))),
                (Data([0x10, 0, 0x40, 0] + Array("CS".utf8)), Data([0x10, 0, 0x41, 0] + Array("CS".utf8))),
            ]
            for (name, (from, to)) in zip(names, changes) {
                let path = URL(fileURLWithPath: folder + "/changed/" + name)
                var bytes = try Data(contentsOf: path)
                bytes.replaceSubrange(try #require(bytes.range(of: from)), with: to)
                try bytes.write(to: path)
            }
            let judged = try await script("roundtrip.py", [input, folder + "/changed"])
            #expect(judged.status == 1 && judged.text.contains("3 files, 3 with problems"), "\(judged.text)")
        }
    }

    /// A file of 2 GiB or more: what is read is the header and the frame, and nothing else is held in memory.
    @Test(arguments: [("native", 2_097_152), ("table", 2_097_152), ("walk", 2_097_152), ("beyond", 4_500_002)])
    func readsAFrameOfAHugeFile(name: String, frameLength: Int) async throws {
        try await withFolder { folder in
            let written = try await script("huge_files.py", [folder])
            #expect(written.status == 0, "\(written.text)")
            let read = try await run(Place.program("DataSetBenchmark"), ["frame", "\(folder)/\(name).dcm", "1000"])
            #expect(read.status == 0, "\(read.text)")
            let found = try #require(
                JSONSerialization.jsonObject(with: Data(read.text.utf8)) as? [String: NSNumber], "\(read.text)")
            #expect(found["rows"] == 1024 && found["frames"] == 1024)
            #expect(found["frameLength"]?.intValue == frameLength)
            // The two bytes of the number 1,000: 3 and 232.
            #expect(found["check"] == 235)
            #expect(try #require(found["headerBytes"]).intValue < 256 * 1024)
            #expect(try #require(found["frameBytes"]).intValue < frameLength + 64 * 1024)
            #expect(try #require(found["headerPeakKiB"]).intValue < 32 * 1024)
        }
    }

    /// A file set of copies is one to pydicom, DCMTK and dicom3tools.
    @Test func makesFileSets() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "5"])
            _ = try await phantom(in: folder, "in/MR", ["--slices", "3", "--modality", "MR"])
            let made = try await omnitool("dicomdir", input, "--output", folder + "/set", "--file-set-id", "TEST")
            #expect(made.status == 0 && made.text.contains("lists 8 files"), "\(made.text)")
            let judged = try await script("fileset.py", ["check", folder + "/set"])
            #expect(judged.status == 0, "\(judged.text)")
            let dumped = try await run("/usr/bin/dcmdump", ["-q", folder + "/set/DICOMDIR"])
            #expect(dumped.status == 0 && !dumped.text.contains("E:"), "\(dumped.text)")
            // dcmmkdir makes the same tree of the same files.
            let listed = try await script("fileset.py", ["tree", folder + "/set/DICOMDIR"])
            let names = files(below: folder + "/set/PT000000").map { String($0.dropFirst(folder.utf8.count + 5)) }
            let theirs = try await run(
                "/usr/bin/dcmmkdir", ["-q", "+id", folder + "/set", "+D", folder + "/THEIRS", "-Pgp"] + names)
            #expect(theirs.status == 0, "\(theirs.text)")
            let theirTree = try await script("fileset.py", ["tree", folder + "/THEIRS"])
            #expect(lines(listed.text) == lines(theirTree.text))
            // In place, the names have to be what the standard allows.
            let misnamed = try await omnitool("dicomdir", input)
            #expect(misnamed.status == 1 && misnamed.text.contains("names that a file set cannot have"))
        }
    }

    private func lines(_ text: String) -> [Substring] { text.split(separator: "\n").sorted() }

    // MARK: - The commands

    @Test func comparesFiles() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "2"])
            let pair = files(below: input)
            let same = try await omnitool("compare", "--values", pair[0], pair[0])
            #expect(same.status == 0 && same.text.isEmpty, "\(same.text)")
            let presence = try await omnitool("compare", pair[0], pair[1])
            #expect(presence.status == 0 && presence.text.isEmpty, "\(presence.text)")
            let different = try await omnitool(
                "compare", "--values", "--ignore", "PixelData", "--ignore", "SOPInstanceUID", pair[0], pair[1])
            #expect(different.status == 1)
            let lines = different.text.split(separator: "\n")
            #expect(lines.contains { $0.hasPrefix("< (0020,0013) - InstanceNumber - IS [") }, "\(different.text)")
            #expect(lines.contains { $0.hasPrefix("> (0020,0032) - ImagePositionPatient - DS [") }, "\(different.text)")
            #expect(!different.text.contains("PixelData"))
            let missing = try await omnitool("compare", pair[0], folder + "/none")
            #expect(missing.status == 2, "\(missing.text)")
        }
    }

    @Test func showsChosenElementsOfFolders() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "2"])
            try Data("no image".utf8).write(to: URL(fileURLWithPath: input + "/notes.txt"))
            let shown = try await omnitool("show", input, "--tag", "PatientID", "--tag", "0008,0060")
            #expect(shown.status == 0, "\(shown.text)")
            #expect(shown.text.contains("notes.txt' is skipped"))
            #expect(shown.text.components(separatedBy: "(0008,0060) CS [CT]").count == 3, "\(shown.text)")
            let json = try await run(
                "/bin/sh", ["-c", "\"$0\" show --json \"$1\" 2>/dev/null", Place.program("omnitool"), input])
            let array = try JSONSerialization.jsonObject(with: Data(json.text.utf8)) as? [[String: Any]]
            #expect(array?.count == 2)
            let unknown = try await omnitool("show", input, "--tag", "PatientsID")
            #expect(unknown.status == 64, "\(unknown.text)")
            let none = try await omnitool("show", folder + "/none")
            #expect(none.status == 1 && none.text.contains("No such file"), "\(none.text)")
        }
    }

    @Test func strictReadingRefusesWhatIsTolerated() async throws {
        try await withFolder { folder in
            // Patient ID with an odd length.
            let bytes: [UInt8] = [0x10, 0, 0x20, 0, 0x4C, 0x4F, 3, 0, 0x41, 0x42, 0x43]
            try Data(bytes).write(to: URL(fileURLWithPath: folder + "/odd"))
            let shown = try await omnitool("show", folder + "/odd")
            #expect(shown.status == 0 && shown.text.contains("[ABC]"), "\(shown.text)")
            #expect(shown.text.contains("odd length of 3 bytes"), "\(shown.text)")
            let strict = try await omnitool("show", "--strict", folder + "/odd")
            #expect(strict.status == 1 && !strict.text.contains("[ABC]"), "\(strict.text)")
        }
    }

    /// The files that come with pydicom, in a folder, and another folder beside it.
    private func withCorpus(_ options: [String] = [], _ body: (String, String) async throws -> Void) async throws {
        try await withFolder { folder in
            let copied = try await script("pydicom_corpus.py", [folder + "/corpus"] + options)
            #expect(copied.status == 0, "\(copied.text)")
            try await body(folder + "/corpus", folder)
        }
    }
}
