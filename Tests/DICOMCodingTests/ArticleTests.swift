import DICOMCoding
import DICOMCore
import DICOMDictionary
import Glibc
import Testing

/// The code of the article "Data sets": dev/check-examples compares it with Sources/DICOMCoding/DICOMCoding.docc/DataSets.md.
struct ArticleTests {
    private func sample() -> DataSet {
        var item = DataSet()
        item[.scheduledProcedureStepID] = "STEP 1"
        var dataSet = DataSet()
        dataSet[.sopClassUID] = .ctImageStorage
        dataSet[.sopInstanceUID] = "2.25.1"
        dataSet[.studyInstanceUID] = "2.25.2"
        dataSet[.seriesInstanceUID] = "2.25.3"
        dataSet[.acquisitionDate] = "20260102"
        dataSet[.acquisitionTime] = "101500.5"
        dataSet[.timezoneOffsetFromUTC] = "+0100"
        dataSet[.modality] = "CT"
        dataSet[PrivateAttribute<String>(creator: "GEMS_IDEN_01", 0x0009, 0x01, .lo)] = "GE_GENESIS_FF"
        dataSet[.patientName] = "Doe^John"
        dataSet[.patientID] = "1"
        dataSet[.patientBirthDate] = "19700203"
        dataSet[.patientComments] = "none"
        dataSet[.rows] = 2
        dataSet[.columns] = 2
        dataSet[.samplesPerPixel] = 1
        dataSet[.bitsAllocated] = 8
        dataSet[.pixelSpacing] = [0.5, 0.25]
        dataSet[element: Attribute.rescaleSlope.tag] = DataElement(Attribute.rescaleSlope.tag, .ds, .text("1.50"))
        dataSet[.requestAttributesSequence] = [item]
        dataSet[.pixelData] = [1, 2, 3, 4]
        return dataSet
    }

    @Test func theArticleDoesWhatItSays() throws {
        let folder = "/tmp/dicomnode-article-\(getpid())"
        let (path, output) = (folder + "/IMAGE1", "/tmp/dicomnode-article-\(getpid()).dcm")
        try FileSystem.createFolder(folder)
        defer { for name in [path, folder + "/DICOMDIR", output] { unlink(name) } }
        defer { rmdir(folder) }
        try DICOMFile(dataSet: sample()).write(to: path)

        let file = try DICOMFile.read(path)
        let dataSet = file.dataSet
        let rows = dataSet[.rows]  // Int?
        let spacing = dataSet[.pixelSpacing]  // [Double]?, mm
        let name = dataSet[.patientName]  // String?
        #expect(rows == 2 && spacing == [0.5, 0.25] && name == "Doe^John")

        let birth = dataSet[.patientBirthDate, as: DICOMDate.self]
        let acquired = dataSet.dateTime(.acquisitionDate, .acquisitionTime)
        let slope = dataSet[.rescaleSlope, as: DecimalString.self]  // the digits of the file, and the number
        let family = dataSet[.patientName, as: PersonName.self]?.alphabetic.familyName
        let range = DICOMRange<DICOMDate>("20260101-20261231")
        #expect(birth?.year == 1970 && acquired?.offset?.description == "+0100")
        #expect(slope?.description == "1.50" && slope?.double == 1.5 && family == "Doe")
        #expect(range?.contains(try #require(DICOMDate("20260704"))) == true)

        for item in dataSet[.requestAttributesSequence] ?? [] {
            print(item[.scheduledProcedureStepID] ?? "none")
        }
        let step = dataSet["RequestAttributesSequence[0].ScheduledProcedureStepID"]
        let fidelity = dataSet[PrivateAttribute<String>(creator: "GEMS_IDEN_01", 0x0009, 0x01, .lo)]
        #expect(step?.strings == ["STEP 1"] && fidelity == "GE_GENESIS_FF")

        var changed = dataSet
        changed[.seriesDescription] = "CT plus one"
        changed[.imageType] = ["DERIVED", "SECONDARY"]
        changed[.patientComments] = nil
        try changed.set("STEP 2", at: ElementPath("RequestAttributesSequence[0].ScheduledProcedureStepID"))
        changed.removeAllRecursively { $0.tag.isPrivate }
        for difference in changed.differences(from: dataSet) {
            print(difference.path.keywords, difference.kind)
        }
        #expect(changed.differences(from: dataSet).count == 6)

        changed.setCharacterSet(.utf8)
        changed[.patientName] = "Wang^XiaoDong=王^小東"

        try DICOMFile(dataSet: changed).write(to: output)
        try file.converted(to: .explicitVRBigEndian).write(to: output, syncing: true)
        #expect(try DICOMFile.read(output).dataSet == dataSet)

        for warning in file.warnings { print(warning) }
        let strict = ParsingOptions(isStrict: true)
        let isClean = (try? DICOMFile.read(path, options: strict)) != nil
        #expect(isClean)

        let bytes = try PosixFile(path, O_RDONLY).read(at: 0, count: 4096)
        let pieces = [bytes[..<200], bytes[200...]]
        var stream = DICOMStream()
        for piece in pieces {
            try stream.append(piece)
            if let header = stream.header { print(header[.modality] ?? "") }
        }
        let received = try stream.finish()
        #expect(received.dataSet == dataSet)

        let frame = try FrameReader(path: path).frame(0)
        let headers = try DICOMFolder.read([folder]) { try DICOMFile.readHeader($0).dataSet }
        #expect(frame == [1, 2, 3, 4] && headers.count == 1)

        let json = dataSet.json()
        let same = try DataSet(json: json)
        try DICOMDirectory.make(folder: folder).write(to: folder + "/DICOMDIR")
        let listed = try DICOMDirectory.read(folder + "/DICOMDIR").files.compactMap(\.path)
        #expect(same == dataSet && listed == ["IMAGE1"])
    }
}
