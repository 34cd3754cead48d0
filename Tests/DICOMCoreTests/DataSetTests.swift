import DICOMCore
import DICOMDictionary
import DICOMTesting
import Testing

struct DataSetTests {
    @Test func typedAccessKeepsTheTypeOfEachAttribute() {
        var dataSet = DataSet()
        dataSet[.patientID] = "4711"
        dataSet[.rows] = 512
        dataSet[.pixelSpacing] = [0.7, 1.25]
        dataSet[.sopClassUID] = .ctImageStorage
        dataSet[.imageType] = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataSet[.smallestImagePixelValue] = 3
        var item = DataSet()
        item[.codeValue] = "121327"
        dataSet[.purposeOfReferenceCodeSequence] = [item]

        #expect(dataSet[.patientID] == "4711")
        #expect(dataSet[.rows] == 512)
        #expect(dataSet[.pixelSpacing] == [0.7, 1.25])
        #expect(dataSet[.sopClassUID] == .ctImageStorage)
        #expect(dataSet[.imageType] == ["ORIGINAL", "PRIMARY", "AXIAL"])
        #expect(dataSet[.purposeOfReferenceCodeSequence]?.first?[.codeValue] == "121327")
        #expect(dataSet["Rows"]?.ints == [512])
        #expect(dataSet.int(DICOMTag(0x0028, 0x0010)) == 512)
        #expect(dataSet[.studyID] == nil)
    }

    @Test func elementsComeInTagOrderAndChangesReplaceThem() {
        var dataSet = DataSet()
        dataSet[.rows] = 1
        dataSet[.patientID] = "a"
        dataSet[.sopClassUID] = .mrImageStorage
        dataSet[.rows] = 2
        dataSet[.patientID] = nil
        #expect(dataSet.map(\.tag) == [Attribute.sopClassUID.tag, Attribute.rows.tag])
        #expect(dataSet[.rows] == 2)
        #expect(!dataSet.contains(.patientID))
    }

    @Test func copiesAreIndependent() {
        var first = DataSet()
        first[.patientID] = "a"
        let second = first
        first[.patientID] = "b"
        #expect(second[.patientID] == "a")
        #expect(first != second)
    }

    @Test func anEmptyElementIsPresentButHasNoValue() {
        var dataSet = DataSet()
        dataSet.setEmpty(.patientName)
        #expect(dataSet.contains(.patientName))
        #expect(dataSet[.patientName] == nil)
        #expect(dataSet[element: Attribute.patientName.tag]?.isEmpty == true)
    }

    @Test(arguments: [
        (0.1, "0.1"), (1, "1"), (-1024, "-1024"), (1.0 / 3, "0.33333333333333"), (-1.0 / 3, "-0.3333333333333"),
        (1.23456789012345678e-300, "1.23456789e-300"), (12345678.123456789, "12345678.1234568"), (.nan, "nan"),
    ])
    func decimalStringsHaveAtMostSixteenCharacters(number: Double, expected: String) {
        var dataSet = DataSet()
        dataSet[.rescaleSlope] = number
        let text = dataSet[element: Attribute.rescaleSlope.tag]?.strings.first ?? ""
        #expect(text.utf8.count <= 16)
        #expect(text == expected)
    }

    /// The worst relative error of what 16 characters can say, over seeded random numbers of all sizes.
    @Test func decimalStringsAreTheClosestThatFit() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let number = Double.random(in: -1...1, using: &generator) * 1e3
            var dataSet = DataSet()
            dataSet[.rescaleSlope] = number
            let back = dataSet[.rescaleSlope] ?? .nan
            #expect(abs(back - number) <= 1e-11 * max(1, abs(number)))
        }
    }

    @Test func uidsAreValidated() throws {
        let padded = "1.2.840.10008.1.2\0"
        #expect(UID(padded).string == "1.2.840.10008.1.2")
        #expect(throws: DICOMError.self) { try UID(validating: "1.02.3") }
        #expect(throws: DICOMError.self) { try UID(validating: "1..3") }
        #expect(throws: DICOMError.self) { try UID(validating: String(repeating: "1", count: 65)) }
        #expect(try UID(validating: "2.25.0").isPrivate)
        #expect(!UID.ctImageStorage.isPrivate)
    }
}

struct DictionaryTests {
    @Test func looksUpByTagAndKeyword() {
        let entry = DICOMDictionary.entry(for: DICOMTag(0x0010, 0x0020))
        #expect(entry?.keyword == "PatientID" && entry?.vr == "LO" && entry?.vm == "1" && entry?.name == "Patient ID")
        #expect(DICOMDictionary.tag(forKeyword: "SOPInstanceUID") == DICOMTag(0x0008, 0x0018))
        #expect(DICOMDictionary.entry(for: DICOMTag(0x0009, 0x0020)) == nil)
        #expect(DICOMDictionary.tag(forKeyword: "NoSuchKeyword") == nil)
    }

    @Test func looksUpRepeatingGroups() {
        #expect(DICOMDictionary.entry(for: DICOMTag(0x6002, 0x3000))?.keyword == "OverlayData")
        #expect(DICOMDictionary.entry(for: DICOMTag(0x6003, 0x3000)) == nil)
    }

    @Test func knowsSOPClasses() {
        #expect(UID.ctImageStorage.isStorageSOPClass)
        #expect(!UID.verification.isStorageSOPClass)
        #expect(!UID.storageCommitmentPushModel.isStorageSOPClass)
        #expect(DICOMDictionary.name(of: .ctImageStorage) == "CT Image Storage")
        #expect(DICOMDictionary.name(of: "1.2.840.10008.5.1.4.1.1.66.7") == "Label Map Segmentation Storage")
    }
}
