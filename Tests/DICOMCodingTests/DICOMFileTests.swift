import DICOMCoding
import DICOMCore
import DICOMDictionary
import Foundation
import Testing

struct DICOMFileTests {
    private func image() -> DataSet {
        var dataSet = DataSet()
        dataSet[.sopClassUID] = .ctImageStorage
        dataSet[.sopInstanceUID] = "2.25.1"
        dataSet[.rows] = 256
        dataSet[.pixelData] = ArraySlice((0..<131_073).map { UInt8(truncatingIfNeeded: $0) })
        return dataSet
    }

    @Test func receivedFilesBeginAsWrittenOnes() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.dcm"
            try DICOMFile(dataSet: image()).write(to: path)
            let start = try DICOMFile.metaGroup(
                sopClassUID: .ctImageStorage, sopInstanceUID: "2.25.1", transferSyntax: .explicitVRLittleEndian)
            let written = try Array(Data(contentsOf: URL(filePath: path)))
            #expect(try start + image().encoded(as: .explicitVRLittleEndian) == written)
        }
    }

    @Test(arguments: [String(repeating: "1", count: 65_535), "1.2.\u{E9}"])
    func metaGroupsWithoutValidIdentifiers(_ uid: String) {
        let error = #expect(throws: DICOMError.self) {
            try DICOMFile.metaGroup(
                sopClassUID: .ctImageStorage, sopInstanceUID: UID(uid), transferSyntax: .explicitVRLittleEndian)
        }
        #expect(error?.code == .unencodableValue)
    }

    @Test func writesAndReadsAFile() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.dcm"
            try DICOMFile(dataSet: image()).write(to: path, syncing: true)
            let file = try DICOMFile.read(path)
            #expect(DICOMFile.isPart10(path))
            #expect(file.transferSyntax == .explicitVRLittleEndian)
            #expect(file.meta[.mediaStorageSOPInstanceUID] == "2.25.1")
            #expect(file.meta[.implementationClassUID] == Implementation.classUID)
            #expect(file.dataSet[.pixelData]?.count == 131_074)
            #expect(file.dataSet[.pixelData]?.prefix(131_073) == image()[.pixelData])
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.dcm"])
        }
    }

    @Test func readsTheHeaderAlone() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.dcm"
            try DICOMFile(dataSet: image(), transferSyntax: .implicitVRLittleEndian).write(to: path)
            // What stands behind the header may be missing: it is not looked at.
            let header = try DICOMFile.readHeader(path)
            #expect(header.dataSet[.rows] == 256)
            #expect(header.dataSet[.pixelData] == nil)
            let location = try #require(header.pixelData)
            #expect(location.length == 131_074)
            let bytes = try Array(Data(contentsOf: URL(fileURLWithPath: path)))
            #expect(bytes[location.offset..<location.offset + 131_073].elementsEqual(image()[.pixelData] ?? []))
        }
    }

    /// A header longer than any first read.
    @Test func readsALongHeader() throws {
        try withTemporaryFolder { folder in
            var dataSet = image()
            dataSet[.urnCodeValue] = String(repeating: "x", count: 60_000)
            dataSet[.textValue] = String(repeating: "y", count: 60_000)
            try DICOMFile(dataSet: dataSet).write(to: folder + "/a.dcm")
            let header = try DICOMFile.readHeader(folder + "/a.dcm")
            #expect(header.dataSet[.textValue]?.utf8.count == 60_000)
            #expect(header.dataSet[.rows] == 256 && header.pixelData != nil)
        }
    }

    @Test func saysWhatIsNoDICOMFile() throws {
        try withTemporaryFolder { folder in
            try Data("hello".utf8).write(to: URL(fileURLWithPath: folder + "/a.txt"))
            let error = #expect(throws: DICOMError.self) { try DICOMFile.read(folder + "/a.txt") }
            #expect(error?.code == .notPart10)
            #expect(!DICOMFile.isPart10(folder + "/a.txt"))
            let missing = #expect(throws: DICOMError.self) { try DICOMFile.read(folder + "/b") }
            #expect(missing?.code == .inputOutput)
            #expect(missing?.description.contains("No such file") == true)
        }
    }

    private func withTemporaryFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "/dicomnode-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }
}
