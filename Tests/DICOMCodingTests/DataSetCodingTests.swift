import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMTesting
import Testing

/// Encodings written out by hand from PS3.5 chapter 7.
struct DataSetCodingTests {
    /// (0010,0020) LO "AB", (0028,0010) US 2 in explicit VR little endian.
    private let explicit: [UInt8] = [
        0x10, 0x00, 0x20, 0x00, 0x4C, 0x4F, 0x02, 0x00, 0x41, 0x42,
        0x28, 0x00, 0x10, 0x00, 0x55, 0x53, 0x02, 0x00, 0x02, 0x00,
    ]
    /// The same in implicit VR little endian.
    private let implicit: [UInt8] = [
        0x10, 0x00, 0x20, 0x00, 0x02, 0x00, 0x00, 0x00, 0x41, 0x42,
        0x28, 0x00, 0x10, 0x00, 0x02, 0x00, 0x00, 0x00, 0x02, 0x00,
    ]

    @Test func readsAndWritesBothEncodings() throws {
        let first = try DataSet(parsing: explicit)
        let second = try DataSet(parsing: implicit, transferSyntax: .implicitVRLittleEndian)
        #expect(first == second)
        #expect(first[.patientID] == "AB" && first[.rows] == 2)
        #expect(try first.encoded(as: .implicitVRLittleEndian) == implicit)
        #expect(try second.encoded(as: .explicitVRLittleEndian) == explicit)
    }

    /// A sequence of undefined length with an item of undefined and one of defined length, nested (PS3.5 7.5).
    private let nested: [UInt8] = [
        0x40, 0x00, 0x75, 0x02, 0x53, 0x51, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF,  // (0040,0275) SQ, undefined
        0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF,  // item, undefined
        0x40, 0x00, 0x09, 0x00, 0x53, 0x48, 0x02, 0x00, 0x58, 0x20,  // (0040,0009) SH "X "
        0x40, 0x00, 0x08, 0x00, 0x53, 0x51, 0, 0, 0x08, 0, 0, 0,  // (0040,0008) SQ, 8 bytes
        0xFE, 0xFF, 0x00, 0xE0, 0x00, 0x00, 0x00, 0x00,  // an empty item
        0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0,
        0xFE, 0xFF, 0x00, 0xE0, 0x0A, 0x00, 0x00, 0x00,  // item, 10 bytes
        0x40, 0x00, 0x09, 0x00, 0x53, 0x48, 0x02, 0x00, 0x59, 0x5A,
        0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0,
        0x88, 0x00, 0x00, 0x02, 0x53, 0x51, 0, 0, 0, 0, 0, 0,  // (0088,0200) SQ, no item
    ]

    @Test func readsSequencesOfDefinedAndUndefinedLength() throws {
        let dataSet = try DataSet(parsing: nested)
        let items = try #require(dataSet[.requestAttributesSequence])
        #expect(items.map { $0[.scheduledProcedureStepID] } == ["X", "YZ"])
        // The elements of the first item came in the wrong order and are sorted.
        #expect(items[0].map(\.tag.element) == [0x0008, 0x0009])
        #expect(items[0][.scheduledProtocolCodeSequence]?.count == 1)
        #expect(dataSet[.iconImageSequence]?.isEmpty == true)
        #expect(try DataSet(parsing: dataSet.encoded(as: .explicitVRLittleEndian)) == dataSet)
    }

    @Test(arguments: 1..<96) func everyTruncationIsAnErrorOrAShorterDataSet(count: Int) throws {
        do {
            let dataSet = try DataSet(parsing: Array(nested.prefix(count)))
            #expect(count == 84 && dataSet[.iconImageSequence] == nil)
        } catch {
            #expect(error.code == .truncatedDataSet)
            #expect(error.byteOffset != nil)
        }
    }

    @Test func keepsFragmentsOfEncapsulatedPixelData() throws {
        let bytes: [UInt8] = [
            0xE0, 0x7F, 0x10, 0x00, 0x4F, 0x42, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF,
            0xFE, 0xFF, 0x00, 0xE0, 0, 0, 0, 0,
            0xFE, 0xFF, 0x00, 0xE0, 4, 0, 0, 0, 1, 2, 3, 4,
            0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0,
        ]
        let dataSet = try DataSet(parsing: bytes, transferSyntax: TransferSyntax(uid: .jpegBaseline8Bit))
        guard case .fragments(let fragments) = dataSet[element: Attribute.pixelData.tag]?.value else {
            Issue.record("no fragments")
            return
        }
        #expect(fragments.map(Array.init) == [[], [1, 2, 3, 4]])
        #expect(try dataSet.encoded(as: TransferSyntax(uid: .jpegBaseline8Bit)) == bytes)
    }

    @Test func unknownSequencesAreImplicitInside() throws {
        let bytes: [UInt8] = [
            0x09, 0x00, 0x10, 0x10, 0x55, 0x4E, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF,  // (0009,1010) UN, undefined
            0xFE, 0xFF, 0x00, 0xE0, 0x0A, 0, 0, 0,
            0x10, 0x00, 0x20, 0x00, 0x02, 0x00, 0x00, 0x00, 0x41, 0x42,  // implicit VR
            0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0,
        ]
        let item = try DataSet(parsing: bytes)[element: DICOMTag(0x0009, 0x1010)]?.items.first
        #expect(item?[.patientID] == "AB")
    }

    @Test func textIsEncodedInTheDataSetsCharacterSet() throws {
        var dataSet = DataSet()
        dataSet[.patientName] = "Müller^Jörg"
        #expect(throws: DICOMError.self) { try dataSet.encoded(as: .explicitVRLittleEndian) }
        dataSet[.specificCharacterSet] = ["ISO_IR 100"]
        let latin = try dataSet.encoded(as: .explicitVRLittleEndian)
        #expect(latin.contains(0xFC))
        #expect(try DataSet(parsing: latin)[.patientName] == "Müller^Jörg")
        dataSet[.specificCharacterSet] = ["ISO_IR 192"]
        #expect(try DataSet(parsing: dataSet.encoded(as: .explicitVRLittleEndian))[.patientName] == "Müller^Jörg")
    }

    @Test func otherCharacterSetsStayBytes() throws {
        let name: [UInt8] = [0x1B, 0x24, 0x42, 0x3B, 0x33, 0x45, 0x44, 0x1B, 0x28, 0x42]
        var dataSet = DataSet()
        dataSet[.specificCharacterSet] = ["", "ISO 2022 IR 87"]
        dataSet[element: Attribute.patientName.tag] = DataElement(Attribute.patientName.tag, .pn, .bytes(name[...]))
        var read = try DataSet(parsing: dataSet.encoded(as: .explicitVRLittleEndian))
        read[.patientID] = "1"
        let written = try DataSet(parsing: read.encoded(as: .explicitVRLittleEndian))
        #expect(written[element: Attribute.patientName.tag]?.bytes.map(Array.init) == name)
        #expect(written[.specificCharacterSet] == ["", "ISO 2022 IR 87"])
    }

    @Test func privateAndUnknownElementsAreKept() throws {
        let bytes: [UInt8] = [
            0x09, 0x00, 0x10, 0x00, 0x4C, 0x4F, 0x04, 0x00, 0x41, 0x43, 0x4D, 0x45,
            0x09, 0x00, 0x01, 0x10, 0x55, 0x4E, 0, 0, 0x02, 0, 0, 0, 0xAB, 0xCD,
        ]
        #expect(try DataSet(parsing: bytes).encoded(as: .explicitVRLittleEndian) == bytes)
    }

    /// PS3.5 6.2.2 note (CP-1066): what a 16-bit length cannot say is written as UN, and read by its attribute's VR.
    @Test func aValueTooLongForItsLengthFieldIsWrittenAsUN() throws {
        let numbers = (0..<20_000).map(Double.init)
        var dataSet = DataSet()
        dataSet[.contourData] = numbers
        let read = try DataSet(parsing: dataSet.encoded(as: .explicitVRLittleEndian))
        #expect(read[element: Attribute.contourData.tag]?.vr == .un)
        let isTheSame = read[.contourData] == numbers
        #expect(isTheSame)
        let count = try dataSet.encoded(as: .implicitVRLittleEndian).count
        #expect(count == 8 + 108_890)
    }

    @Test func nestingIsBounded() throws {
        let level: [UInt8] = [
            0x40, 0x00, 0x75, 0x02, 0x53, 0x51, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF,
            0xFF,
        ]
        let bytes = Array(repeatElement(level, count: 5000).joined())
        let error = #expect(throws: DICOMError.self) { try DataSet(parsing: bytes) }
        #expect(error?.code == .malformedDataSet)
    }

    /// 20,000 damaged data sets: each is read with every value decoded, or refused with an error.
    @Test func damagedBytesNeverTrap() throws {
        var generator = SeededGenerator(seed: 2026)
        let samples = [explicit + nested, implicit, nested]
        for round in 0..<20_000 {
            var bytes = samples[round % samples.count]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0 ... .max, using: &generator)
            }
            let syntax: TransferSyntax = round % 2 == 0 ? .explicitVRLittleEndian : .implicitVRLittleEndian
            if let dataSet = try? DataSet(parsing: bytes, transferSyntax: syntax) { visit(dataSet) }
        }
    }

    private func visit(_ dataSet: DataSet) {
        for element in dataSet {
            _ = element.strings
            _ = element.doubles
            _ = element.ints
            element.items.forEach(visit)
        }
        _ = try? dataSet.encoded(as: .explicitVRLittleEndian)
    }
}
