import DICOMCore
import DICOMDictionary
import Foundation
import Testing

@testable import DICOMCoding

/// File sets that are made of files made here; what is in them is what PS3.3 F.5 and PS3.10 8 ask for. How pydicom and DCMTK
/// see them is for Tests/Peers/fileset.py.
struct FileSetTests {
    private func instance(
        _ number: Int, patient: String = "P1", study: UID = "2.25.10", series: UID = "2.25.20",
        sopClass: UID = .ctImageStorage
    ) -> DataSet {
        var dataSet = DataSet()
        dataSet[.sopClassUID] = sopClass
        dataSet[.sopInstanceUID] = UID("2.25.9\(number)")
        dataSet[.patientID] = patient
        dataSet[.patientName] = "Doe^Jane"
        dataSet[.studyInstanceUID] = study
        dataSet[.studyDate] = "20260102"
        dataSet[.studyTime] = "030405"
        dataSet[.studyID] = "S"
        dataSet[.seriesInstanceUID] = series
        dataSet[.seriesNumber] = 4
        dataSet[.modality] = "CT"
        dataSet[.instanceNumber] = number
        dataSet[.pixelData] = ArraySlice(0..<100)
        return dataSet
    }

    private func write(_ dataSets: [String: DataSet], to folder: String) throws {
        for (path, dataSet) in dataSets {
            try FileSystem.createFolder(FileSystem.folder(of: folder + "/" + path))
            try DICOMFile(dataSet: dataSet).write(to: folder + "/" + path)
        }
    }

    /// One line a record: its depth, type, keys and file.
    private func outline(_ records: [DICOMDirectory.Record], _ depth: Int = 0) -> [String] {
        records.flatMap { record -> [String] in
            let keys = record.dataSet.filter { $0.tag.group != 4 }.map {
                $0.strings.joined(separator: "\\")
            }
            let line = "\(depth) \(record.type) \(keys.joined(separator: ","))"
            return [record.path.map { "\(line) \($0)" } ?? line] + outline(record.children, depth + 1)
        }
    }

    @Test func makesADirectoryForAFolder() throws {
        try withTemporaryFolder { folder in
            try write(
                [
                    "B/1": instance(12), "B/2": instance(3), "A": instance(1, series: "2.25.21"),
                    "C/X_9/D": instance(2, patient: "P0", study: "2.25.11", series: "2.25.22"),
                ], to: folder)
            let directory = try DICOMDirectory.make(folder: folder + "/", fileSetID: "SET 1")
            let expected = [
                "0 PATIENT Doe^Jane,P0", "1 STUDY 20260102,030405,,,2.25.11,S", "2 SERIES CT,2.25.22,4",
                "3 IMAGE 2 C/X_9/D",
                "0 PATIENT Doe^Jane,P1", "1 STUDY 20260102,030405,,,2.25.10,S", "2 SERIES CT,2.25.21,4", "3 IMAGE 1 A",
                "2 SERIES CT,2.25.20,4", "3 IMAGE 3 B/2", "3 IMAGE 12 B/1",
            ]
            #expect(outline(directory.records) == expected)
            #expect(directory.warnings.isEmpty)
            try directory.write(to: folder + "/DICOMDIR")

            let read = try DICOMDirectory.read(folder + "/DICOMDIR")
            #expect(outline(read.records) == expected)
            #expect(read.warnings.isEmpty && read.fileSetID == "SET 1" && read.uid == directory.uid)
            // The directory itself does not become part of the next one.
            #expect(try outline(DICOMDirectory.make(folder: folder).records) == expected)
        }
    }

    /// PS3.10 8.6 and PS3.3 F.3.2.2: the offsets lead to item tags, counted from the begin of the file.
    @Test func offsetsLeadToItems() throws {
        try withTemporaryFolder { folder in
            try write(["A": instance(1), "B": instance(2), "C": instance(3, patient: "P2")], to: folder)
            try DICOMDirectory.make(folder: folder).write(to: folder + "/DICOMDIR")
            let bytes = try Array(Data(contentsOf: URL(filePath: folder + "/DICOMDIR")))
            let file = try DICOMFile.read(folder + "/DICOMDIR")
            #expect(file.meta[.mediaStorageSOPClassUID] == "1.2.840.10008.1.3.10")
            #expect(file.meta[.mediaStorageSOPInstanceUID]?.isValid == true)
            #expect(file.transferSyntax == .explicitVRLittleEndian)
            let items = try #require(file.dataSet[.directoryRecordSequence])
            let first = file.dataSet[.offsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity]
            let last = file.dataSet[.offsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity]
            let offsets =
                [first, last]
                + items.flatMap {
                    [$0[.offsetOfTheNextDirectoryRecord], $0[.offsetOfReferencedLowerLevelDirectoryEntity]]
                }
            let targets = offsets.compactMap { $0 }.filter { $0 != 0 }
            // Every record but the root's last is pointed at once; that one by its predecessor as well.
            #expect(targets.count == items.count + 1)
            #expect(Set(targets).count == items.count)
            for target in targets { #expect(bytes[target..<target + 4] == [0xFE, 0xFF, 0x00, 0xE0]) }
            #expect(items.allSatisfy { $0[.recordInUseFlag] == 0xFFFF })
            #expect(items[3][.referencedFileID] == ["A"])
            #expect(items[3][.referencedSOPClassUIDInFile] == .ctImageStorage)
            #expect(items[3][.referencedSOPInstanceUIDInFile] == "2.25.91")
            #expect(items[3][.referencedTransferSyntaxUIDInFile] == .explicitVRLittleEndian)
        }
    }

    @Test func copiesFilesIntoANewFileSet() throws {
        try withTemporaryFolder { folder in
            let source = folder + "/in"
            try write(
                ["b.dcm": instance(1), "a.dcm": instance(2), "x/long name": instance(5, series: "2.25.21")], to: source)
            let directory = try DICOMDirectory.copy([source], to: folder + "/new/set", fileSetID: "COPY")
            #expect(
                directory.files.map(\.path) == [
                    "PT000000/ST000000/SE000000/IM000000", "PT000000/ST000000/SE000000/IM000001",
                    "PT000000/ST000000/SE000001/IM000000",
                ])
            let read = try DICOMDirectory.read(folder + "/new/set/DICOMDIR")
            #expect(outline(read.records) == outline(directory.records))
            let copy = folder + "/new/set/PT000000/ST000000/SE000000/IM000000"
            #expect(FileManager.default.contentsEqual(atPath: source + "/b.dcm", andPath: copy))
            #expect(throws: DICOMError.self) { try DICOMDirectory.copy([source], to: folder + "/new/set") }
        }
    }

    @Test func namesThatAreNoFileIDs() throws {
        for name in ["a", "A.DCM", "ABCDEFGHI", "A B", "1/2/3/4/5/6/7/8/9", "\u{C4}"] {
            try withTemporaryFolder { folder in
                try write(["OK": instance(1), name: instance(2)], to: folder)
                try Data("read me".utf8).write(to: URL(filePath: folder + "/any name.txt"))
                let error = #expect(throws: DICOMError.self) { try DICOMDirectory.make(folder: folder) }
                #expect(error?.message.hasPrefix("1 of 2 DICOM files") == true)
                #expect(error?.message.contains("'\(folder)/\(name)'") == true)
            }
        }
        #expect(throws: DICOMError.self) { try DICOMDirectory.make(folder: "/", fileSetID: "a") }
        #expect(throws: DICOMError.self) { try DICOMDirectory(fileSetID: "ABCDEFGHIJKLMNOPQ").file() }
    }

    @Test func filesThatAreLeftOut() throws {
        try withTemporaryFolder { folder in
            var withoutSeries = instance(2)
            withoutSeries.remove(Attribute.seriesInstanceUID.tag)
            try write(["A": instance(1), "B": instance(1), "C": withoutSeries], to: folder)
            try Data("hello".utf8).write(to: URL(filePath: folder + "/D"))
            let directory = try DICOMDirectory.make(folder: folder)
            #expect(directory.files.map(\.path) == ["A"])
            let reasons = directory.warnings.map(\.message)
            #expect(reasons.count == 3)
            #expect(reasons[0].contains("/B'") && reasons[0].contains("same SOP instance"))
            #expect(reasons[1].contains("/C'") && directory.warnings[1].tagPath == [Attribute.seriesInstanceUID.tag])
            #expect(reasons[2].contains("/D'") && directory.warnings[2].code == .notPart10)
        }
    }

    @Test func valuesThatTheFilesLack() throws {
        try withTemporaryFolder { folder in
            var poor = instance(1)
            for tag in [
                Attribute.patientID.tag, Attribute.studyDate.tag, Attribute.studyID.tag, Attribute.seriesNumber.tag,
                Attribute.instanceNumber.tag,
            ] { poor.remove(tag) }
            try write(["A": poor], to: folder)
            let directory = try DICOMDirectory.make(folder: folder)
            #expect(
                outline(directory.records) == [
                    "0 PATIENT Doe^Jane,", "1 STUDY ,030405,,,2.25.10,1", "2 SERIES CT,2.25.20,1", "3 IMAGE 1 A",
                ])
            #expect(
                directory.warnings.map { $0.tagPath.last } == [
                    Attribute.studyDate.tag, Attribute.patientID.tag, Attribute.studyID.tag, Attribute.seriesNumber.tag,
                    Attribute.instanceNumber.tag,
                ])
        }
    }

    @Test func characterSets() throws {
        try withTemporaryFolder { folder in
            var dataSet = instance(1)
            dataSet[.specificCharacterSet] = ["ISO_IR 192"]
            dataSet[.patientName] = "M\u{FC}ller^J\u{F6}rg"
            try write(["A": dataSet, "B": instance(2, patient: "P2")], to: folder)
            try DICOMDirectory.make(folder: folder).write(to: folder + "/DICOMDIR")
            let records = try DICOMDirectory.read(folder + "/DICOMDIR").records
            #expect(records[0].dataSet[.patientName] == "M\u{FC}ller^J\u{F6}rg")
            #expect(records[0].dataSet[.specificCharacterSet] == ["ISO_IR 192"])
            #expect(records[0].children[0].children[0].children[0].dataSet[.specificCharacterSet] == nil)
            #expect(records[1].dataSet[.specificCharacterSet] == nil)
        }
    }

    /// PS3.3 F.5.25: of the content only what modifies the title, and when the document was last verified.
    @Test func documents() throws {
        try withTemporaryFolder { folder in
            var report = instance(1, sopClass: .basicTextSRStorage)
            report[.completionFlag] = "COMPLETE"
            report[.verificationFlag] = "VERIFIED"
            report[.contentDate] = "20260103"
            report[.contentTime] = "010203"
            var title = DataSet()
            title[.codeMeaning] = "Report"
            report[.conceptNameCodeSequence] = [title]
            report[.contentSequence] = ["CONTAINS", "HAS CONCEPT MOD"].map {
                var item = DataSet()
                item[.relationshipType] = $0
                return item
            }
            report[.verifyingObserverSequence] = ["20260104", "20260106", "20260105"].map {
                var item = DataSet()
                item[.verificationDateTime] = $0
                return item
            }
            try write(["SR": report], to: folder)
            let directory = try DICOMDirectory.make(folder: folder)
            let record = try #require(directory.files.first)
            #expect(record.type == "SR DOCUMENT" && directory.warnings.isEmpty)
            #expect(record.dataSet[.conceptNameCodeSequence] == [title])
            #expect(record.dataSet[.contentSequence]?.map { $0[.relationshipType] } == ["HAS CONCEPT MOD"])
            #expect(record.dataSet[.verificationDateTime] == "20260106")
        }
    }

    @Test func instancesOfNoPatientStandInTheRoot() throws {
        try withTemporaryFolder { folder in
            var palette = DataSet()
            palette[.sopClassUID] = .colorPaletteStorage
            palette[.sopInstanceUID] = "2.25.77"
            palette[.contentLabel] = "HOT_IRON"
            try write(["P": palette, "I": instance(1)], to: folder)
            let directory = try DICOMDirectory.make(folder: folder)
            #expect(directory.records.map(\.type) == ["PATIENT", "PALETTE"])
            #expect(outline(directory.records).last == "0 PALETTE HOT_IRON, P")
        }
    }

    /// By PS3.3 Table F.4-1 and the names of the SOP classes in PS3.6.
    @Test(arguments: [
        ("1.2.840.10008.5.1.4.1.1.2", "IMAGE"), ("1.2.840.10008.5.1.4.1.1.481.1", "IMAGE"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "IMAGE"), ("1.3.6.1.4.1.5962.1", "IMAGE"),
        ("1.2.840.10008.5.1.4.1.1.9", "IMAGE"),
        ("1.2.840.10008.5.1.4.1.1.481.2", "RT DOSE"), ("1.2.840.10008.5.1.4.1.1.481.3", "RT STRUCTURE SET"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "RT PLAN"), ("1.2.840.10008.5.1.4.1.1.481.4", "RT TREAT RECORD"),
        ("1.2.840.10008.5.1.4.1.1.481.10", "RADIOTHERAPY"), ("1.2.840.10008.5.1.4.34.7", "PLAN"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "PRESENTATION"), ("1.2.840.10008.5.1.4.1.1.9.1.1", "WAVEFORM"),
        ("1.2.840.10008.5.1.4.1.1.9.7.4", "WAVEFORM"), ("1.2.840.10008.5.1.4.1.1.88.11", "SR DOCUMENT"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "KEY OBJECT DOC"), ("1.2.840.10008.5.1.4.1.1.104.1", "ENCAP DOC"),
        ("1.2.840.10008.5.1.4.1.1.4.2", "SPECTROSCOPY"), ("1.2.840.10008.5.1.4.1.1.66", "RAW DATA"),
        ("1.2.840.10008.5.1.4.1.1.66.1", "REGISTRATION"), ("1.2.840.10008.5.1.4.1.1.66.2", "FIDUCIAL"),
        ("1.2.840.10008.5.1.4.1.1.67", "VALUE MAP"), ("1.2.840.10008.5.1.4.1.1.66.5", "SURFACE"),
        ("1.2.840.10008.5.1.4.1.1.78.1", "MEASUREMENT"), ("1.2.840.10008.5.1.4.1.1.78.6", "SR DOCUMENT"),
        ("1.2.840.10008.5.1.4.38.1", "HANGING PROTOCOL"),
    ])
    func kindsOfRecords(_ sopClass: String, _ type: String) {
        #expect(RecordKind(sopClass: UID(sopClass)).type == type)
    }

    @Test func everyStorageClassHasKnownKeys() {
        // A misspelt keyword stops the program here. 24 types stand below a series, 5 in the root (PS3.3 Table F.4-1).
        let kinds = Set(UID.storageSOPClasses.map { RecordKind(sopClass: $0).type })
        #expect(kinds.count == 24 + 5)
    }

    // MARK: - Folders

    @Test func readsFilesInParallel() throws {
        try withTemporaryFolder { folder in
            let names = (100..<200).map(String.init)
            try write(Dictionary(uniqueKeysWithValues: names.map { ("N\($0)", instance(Int($0) ?? 0)) }), to: folder)
            try Data("hello".utf8).write(to: URL(filePath: folder + "/N150"))
            for limit in [Int.min, 1, 3, .max] {
                let results = try DICOMFolder.read([folder, folder + "/none"], maximumOpenFiles: limit) { path in
                    try DICOMFile.readHeader(path).dataSet[.instanceNumber]
                }
                #expect(results.map(\.path) == names.map { folder + "/N\($0)" } + [folder + "/none"])
                for (index, result) in results.enumerated() where index != 50 && index != 100 {
                    #expect(try result.result.get() == index + 100)
                }
                #expect(throws: DICOMError.self) { try results[50].result.get() }
                #expect(throws: DICOMError.self) { try results[100].result.get() }
            }
            struct Own: Error {}
            let failed = try DICOMFolder.read([folder + "/N100"]) { _ in throw Own() }
            guard case .failure(let error) = failed[0].result else {
                Issue.record("no error")
                return
            }
            #expect(error.underlying is Own)
        }
    }

    private func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = NSTemporaryDirectory() + "/dicomnode-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try body(folder)
    }
}
