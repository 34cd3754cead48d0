import DICOMCoding
import DICOMCore
import DICOMDictionary
import Glibc
import Testing

/// What writing must not do silently: lose pixels, names or numbers.
struct WritingRulesTests {
    private func image() -> DataSet {
        var dataSet = DataSet()
        dataSet[.sopClassUID] = .ctImageStorage
        dataSet[.sopInstanceUID] = "1.2.3"
        dataSet[.samplesPerPixel] = 1
        dataSet[.rows] = 1
        dataSet[.columns] = 2
        dataSet[.bitsAllocated] = 32
        dataSet[element: .pixelData] = DataElement(.pixelData, .ow, .bytes([1, 2, 3, 4, 5, 6, 7, 8]))
        return dataSet
    }

    private func withFile(_ file: DICOMFile, _ body: (String) throws -> Void) throws {
        let path = "/tmp/dicomnode-writing-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try file.write(to: path)
        defer { unlink(path) }
        try body(path)
    }

    @Test func aHeaderIsNotWrittenWithoutItsPixelData() throws {
        try withFile(DICOMFile(dataSet: image())) { path in
            var header = try DICOMFile.readHeader(path)
            #expect(header.isHeaderOnly)
            #expect(throws: DICOMError.self) { try header.write(to: path) }
            #expect(throws: DICOMError.self) { try header.converted(to: .implicitVRLittleEndian) }
            #expect(try DICOMFile.read(path).dataSet == image())
            header.dataSet[.pixelData] = [1, 2]
            #expect(throws: Never.self) { try header.encodedChunks() }
        }
    }

    @Test func theMetaGroupFollowsANewIdentity() throws {
        try withFile(DICOMFile(dataSet: image())) { path in
            var file = try DICOMFile.read(path)
            file.dataSet[.sopInstanceUID] = "1.2.3.999"
            try file.write(to: path)
            #expect(try DICOMFile.read(path).meta[.mediaStorageSOPInstanceUID] == "1.2.3.999")
        }
    }

    /// A deflated file is read whole even where the header is asked for, however long it is.
    @Test func theHeaderOfADeflatedFile() throws {
        var dataSet = image()
        var generator = SystemRandomNumberGenerator()
        let noise = (0..<40_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        dataSet[element: .pixelData] = DataElement(.pixelData, .ow, .bytes(noise[...]))
        try withFile(DICOMFile(dataSet: dataSet, transferSyntax: .deflatedExplicitVRLittleEndian)) { path in
            let header = try DICOMFile.readHeader(path)
            #expect(header.warnings.isEmpty && header.pixelData == nil && !header.isHeaderOnly)
            #expect(header.dataSet == dataSet)
        }
    }

    /// As UN, nobody would know the byte order.
    @Test func longNumbersAreRefusedInBigEndian() throws {
        var dataSet = DataSet()
        dataSet[element: DICOMTag(0x0018, 0x9602)] = DataElement(
            DICOMTag(0x0018, 0x9602), .fd, .bytes([UInt8](repeating: 1, count: 72_000)[...]))
        #expect(throws: DICOMError.self) { try dataSet.encoded(as: .explicitVRBigEndian) }
        #expect(throws: Never.self) { try dataSet.encoded(as: .explicitVRLittleEndian) }
    }

    @Test func numbersThatDoNotFitAreRefused() throws {
        func isRefused(_ change: (inout DataSet) -> Void) -> Bool {
            var dataSet = DataSet()
            change(&dataSet)
            return (try? dataSet.encoded(as: .explicitVRLittleEndian)) == nil
        }
        #expect(isRefused { $0[.rows] = -5 })
        #expect(isRefused { $0[.rows] = 65_536 })
        #expect(isRefused { $0[.rescaleSlope] = .infinity })
        #expect(isRefused { $0[.pixelSpacing] = [1, .nan] })
        #expect(isRefused { $0[.recommendedDisplayFrameRateInFloat] = 1e300 })
        // US or SS is chosen by the number.
        var dataSet = DataSet()
        dataSet[.pixelPaddingValue] = -2000
        let read = try DataSet(parsing: dataSet.encoded(as: .explicitVRLittleEndian))
        #expect(read[.pixelPaddingValue] == -2000 && read[element: Attribute.pixelPaddingValue.tag]?.vr == .ss)
    }

    /// An instance of somebody else is named as it is; a text that the program writes as a UID is checked.
    @Test func identifiersOfOthersAreWrittenAsTheyAre() throws {
        var item = DataSet()
        item[.referencedSOPInstanceUID] = "1.2.03.4"
        item[.referencedSOPClassUID] = UID("05fa52f0")
        let read = try DataSet(parsing: item.encoded(as: .explicitVRLittleEndian))
        #expect(read[.referencedSOPInstanceUID] == "1.2.03.4" && read[.referencedSOPClassUID] == UID("05fa52f0"))
        let tag = Attribute.referencedSOPInstanceUID.tag
        item[element: tag] = DataElement(tag, .ui, .text("1.2.03.4"))
        #expect(throws: DICOMError.self) { try item.encoded(as: .explicitVRLittleEndian) }
        item[element: tag] = nil
        item[.referencedSOPClassUID] = UID("1.2.\u{E9}")
        #expect(throws: DICOMError.self) { try item.encoded(as: .explicitVRLittleEndian) }
    }

    @Test func ourVersionNameDoesNotStandBesideAnothersClass() throws {
        var file = DICOMFile(dataSet: image())
        file.meta[.implementationClassUID] = "1.2.3"
        file.meta[.implementationVersionName] = nil
        let again = try DICOMFile(parsing: Array(file.encodedChunks().joined()))
        #expect(!again.meta.contains(.implementationVersionName))
    }

    /// An empty chunk does not end the deflated stream.
    @Test func emptyFragmentsAreDeflatedToo() throws {
        var dataSet = DataSet()
        let tag = DICOMTag(0x0009, 0x1010)
        dataSet[element: tag] = DataElement(tag, .ob, .fragments([[], [1, 2], []]))
        dataSet[.patientID] = "1"
        let encoded = try dataSet.encoded(as: .deflatedExplicitVRLittleEndian)
        #expect(try DataSet(parsing: encoded, transferSyntax: .deflatedExplicitVRLittleEndian) == dataSet)
    }

    @Test func queriesMayHaveRangesAndWildcards() throws {
        var query = DataSet()
        query[.studyDate] = "20260101-20261231"
        query[.modality] = "C*"
        query[.patientName] = "Do?^*"
        #expect(throws: DICOMError.self) { try query.encoded(as: .implicitVRLittleEndian) }
        let encoded = try query.encoded(as: .implicitVRLittleEndian, isQuery: true)
        #expect(try DataSet(parsing: encoded, transferSyntax: .implicitVRLittleEndian) == query)
    }

    @Test func anotherCharacterSetConvertsText() throws {
        var dataSet = DataSet()
        dataSet[.specificCharacterSet] = ["ISO_IR 100"]
        dataSet[.patientName] = "Müller^Jörg"
        // Longer than LO allows: what was read is converted, not checked.
        let tooLong = String(repeating: "ü", count: 70)
        let latin = [UInt8](repeating: 0xFC, count: 70)
        dataSet[element: Attribute.studyDescription.tag] = DataElement(
            Attribute.studyDescription.tag, .lo, .bytes(latin[...]))
        var read = try DataSet(parsing: dataSet.encoded(as: .explicitVRLittleEndian))
        read[.patientComments] = "山田"
        #expect(throws: DICOMError.self) { try read.encoded(as: .explicitVRLittleEndian) }
        read.setCharacterSet(.utf8)
        let again = try DataSet(parsing: read.encoded(as: .explicitVRLittleEndian))
        #expect(again[.patientName] == "Müller^Jörg" && again[.patientComments] == "山田")
        #expect(again[.studyDescription] == tooLong)
    }

    /// Samples of 32 bits in big endian are the same numbers by path and in memory, and in GE's transfer syntax too.
    @Test func bigEndianSamplesAreTheSameHoweverTheyAreRead() throws {
        let header =
            Encoded.explicit(0x0028_0002, "US", [0, 1], big: true)
            + Encoded.explicit(0x0028_0010, "US", [0, 1], big: true)
            + Encoded.explicit(0x0028_0011, "US", [0, 2], big: true)
            + Encoded.explicit(0x0028_0100, "US", [0, 32], big: true)
        let pixels = Encoded.explicit(0x7FE0_0010, "OW", [1, 2, 3, 4, 5, 6, 7, 8], big: true)
        let bytes = Encoded.file(header + pixels, "1.2.840.10008.1.2.2")
        let path = "/tmp/dicomnode-frames-\(getpid())"
        try PosixFile(path, O_WRONLY | O_CREAT | O_TRUNC).write(bytes[...])
        defer { unlink(path) }
        #expect(try FrameReader(path: path).frame(0) == [4, 3, 2, 1, 8, 7, 6, 5])
        #expect(try FrameReader(DICOMFile.read(path)).frame(0) == [4, 3, 2, 1, 8, 7, 6, 5])
        let ge =
            Encoded.implicit(0x0028_0002, [1, 0]) + Encoded.implicit(0x0028_0010, [1, 0])
            + Encoded.implicit(0x0028_0011, [2, 0]) + Encoded.implicit(0x0028_0100, [16, 0])
            + Encoded.implicit(0x7FE0_0010, [0, 1, 0, 2])
        try PosixFile(path, O_WRONLY | O_CREAT | O_TRUNC).write(Encoded.file(ge, "1.2.840.113619.5.2")[...])
        #expect(try FrameReader(path: path).frame(0) == [1, 0, 2, 0])
        #expect(try FrameReader(DICOMFile.read(path)).frame(0) == [1, 0, 2, 0])
    }

    @Test func aWrongMetaLengthAndHalfNumbersAreReported() throws {
        let meta = Encoded.explicit(0x0002_0000, "UL", [0xFF, 0, 0, 0])
        let bytes = Encoded.file(
            Encoded.explicit(0x0008_0001, "UL", [1, 2]) + Encoded.explicit(0x0010_0020, "LO", "AB"),
            "1.2.840.10008.1.2.1")
        let file = try DICOMFile(parsing: Array(bytes[..<132]) + meta + Array(bytes[132...]))
        #expect(file.warnings.count == 2, "\(file.warnings)")
        #expect(file.dataSet[.patientID] == "AB")
    }

    /// Zeros are looked through once: 256 KiB of them before another byte would take hours otherwise.
    @Test func manyZerosBeforeAnotherByte() throws {
        let bytes =
            Encoded.explicit(0x0010_0020, "LO", "AB") + [UInt8](repeating: 0, count: 256 * 1024)
            + Encoded.explicit(0x0010_0030, "DA", "20260101")
        let (dataSet, warnings) = try parsed(bytes)
        #expect(dataSet[.patientID] == "AB" && !warnings.isEmpty)
    }

    @Test func jsonValuesAreNotDividedSilently() {
        let backslash = #"{"00100020":{"vr":"LO","Value":["A\\B"]}}"#
        #expect(throws: DICOMError.self) { try DataSet(json: backslash.utf8) }
        let two = #"{"00104000":{"vr":"LT","Value":["A","B"]}}"#
        #expect(throws: DICOMError.self) { try DataSet(json: two.utf8) }
    }
}
