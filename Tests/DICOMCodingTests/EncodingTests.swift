import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMTesting
import Testing

/// The uncompressed encodings and the conversions between them (PS3.5 annex A).
struct EncodingTests {
    /// One element of each VR whose byte order matters, and some whose does not; bytes by hand from PS3.5 7.3.
    private static let bigEndian: [UInt8] =
        Encoded.explicit(0x0008_0001, "UL", [0, 1, 2, 3], big: true)
        + Encoded.explicit(0x0010_0020, "LO", "AB", big: true)
        + Encoded.explicit(0x0018_6020, "SL", [0xFF, 0xFF, 0xFF, 0xFE], big: true)
        + Encoded.explicit(0x0018_9219, "SS", [0xFF, 0xFE], big: true)
        + Encoded.explicit(0x0028_0009, "AT", [0x00, 0x18, 0x10, 0x63, 0x00, 0x54, 0x00, 0x10], big: true)
        + Encoded.explicit(0x0028_0010, "US", [0x01, 0x02], big: true)
        + Encoded.explicit(0x0040_0275, "SQ", innerItem, big: true)
        + Encoded.explicit(0x0066_0016, "OF", [0x3F, 0x80, 0, 0, 0xC0, 0, 0, 0], big: true)
        + Encoded.explicit(0x0066_0022, "OD", [0x3F, 0xF0, 0, 0, 0, 0, 0, 0], big: true)
        + Encoded.explicit(0x0066_0040, "OL", [0, 0, 0, 7], big: true)
        + Encoded.explicit(0x0072_0082, "SV", [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFD], big: true)
        + Encoded.explicit(0x7FE0_0001, "OV", [0, 0, 0, 0, 0, 0, 0, 9], big: true)
        + Encoded.explicit(0x7FE0_0010, "OW", [0x12, 0x34, 0x56, 0x78], big: true)

    private static let innerItem: [UInt8] =
        Encoded.tag(0xFFFE_E000, big: true) + [0, 0, 0, 24]
        + Encoded.explicit(0x0008_0040, "US", [0, 5], big: true)
        + Encoded.explicit(0x0009_1010, "UN", [0xAB, 0xCD], big: true)
        + [][...]

    @Test func bigEndianValuesAreRead() throws {
        let (dataSet, warnings) = try parsed(Self.bigEndian, .explicitVRBigEndian)
        #expect(warnings.isEmpty, "\(warnings)")
        #expect(dataSet.ints(DICOMTag(0x0008, 0x0001)) == [0x0001_0203])
        #expect(dataSet[.patientID] == "AB")
        #expect(dataSet.ints(DICOMTag(0x0018, 0x6020)) == [-2])
        #expect(dataSet.ints(DICOMTag(0x0018, 0x9219)) == [-2])
        #expect(dataSet[.frameIncrementPointer] == [DICOMTag(0x0018, 0x1063), DICOMTag(0x0054, 0x0010)])
        #expect(dataSet[.rows] == 0x0102)
        let item = try #require(dataSet[.requestAttributesSequence]?.first)
        #expect(item.ints(DICOMTag(0x0008, 0x0040)) == [5])
        #expect(item[element: DICOMTag(0x0009, 0x1010)]?.bytes.map(Array.init) == [0xAB, 0xCD])
        #expect(dataSet[element: DICOMTag(0x0066, 0x0016)]?.bytes.map(Array.init) == [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0])
        #expect(dataSet[element: .pixelData]?.bytes.map(Array.init) == [0x34, 0x12, 0x78, 0x56])
        #expect(try dataSet.encoded(as: .explicitVRBigEndian) == Self.bigEndian)
    }

    @Test(arguments: [
        TransferSyntax.implicitVRLittleEndian, .explicitVRLittleEndian, .explicitVRBigEndian,
        .deflatedExplicitVRLittleEndian,
    ])
    func everyEncodingHoldsTheSame(syntax: TransferSyntax) throws {
        let (first, _) = try parsed(Self.bigEndian, .explicitVRBigEndian)
        let (second, warnings) = try parsed(first.encoded(as: syntax), syntax)
        #expect(warnings.isEmpty)
        #expect(second.map(\.tag) == first.map(\.tag))
        for (left, right) in zip(first, second) where left.vr == right.vr { #expect(left == right) }
        #expect(
            try DataSet(parsing: second.encoded(as: .explicitVRBigEndian), transferSyntax: .explicitVRBigEndian)
                == second)
    }

    /// US or SS is settled by Pixel Representation, before and after it and in items (PS3.3 C.7.6.3).
    @Test(arguments: [0, 1]) func implicitVRChoosesUSOrSS(sign: Int) throws {
        let value: [UInt8] = [0xFE, 0xFF]
        let bytes =
            Encoded.implicit(0x0018_9810, value) + Encoded.implicit(0x0028_0103, [UInt8(sign), 0])
            + Encoded.implicit(0x0028_0120, value)
            + Encoded.implicit(
                0x0028_3010,
                Encoded.item(
                    Encoded.implicit(0x0028_3002, [0, 0, 0xFE, 0xFF, 16, 0])
                        + Encoded.implicit(0x0028_3006, [1, 0, 2, 0])))
        let (dataSet, _) = try parsed(bytes, .implicitVRLittleEndian)
        let expected = sign == 1 ? VR.ss : .us
        #expect(dataSet[element: DICOMTag(0x0018, 0x9810)]?.vr == expected)
        #expect(dataSet[.pixelPaddingValue] == (sign == 1 ? -2 : 0xFFFE))
        let lut = try #require(dataSet[.voilutSequence]?.first)
        #expect(lut[element: DICOMTag(0x0028, 0x3002)]?.vr == expected)
        #expect(lut[element: DICOMTag(0x0028, 0x3006)]?.vr == .ow)
    }

    @Test func privateElementsOfAnImplicitDataSetGetTheirVR() throws {
        let bytes =
            Encoded.implicit(0x0019_0010, Array("GEMS_ACQU_01".utf8)) + Encoded.implicit(0x0019_1002, [5, 0, 0, 0])
            + Encoded.implicit(0x0019_1123, [1, 2])
        let (dataSet, _) = try parsed(bytes, .implicitVRLittleEndian)
        // GDCM's collection has (0019,xx02) of GEMS_ACQU_01 as SL.
        #expect(dataSet[element: DICOMTag(0x0019, 0x1002)]?.vr == .sl)
        #expect(dataSet[element: DICOMTag(0x0019, 0x1123)]?.vr == .un)
    }

    @Test func unknownVRsAreResolvedOnRequest() throws {
        let item = Encoded.item(Encoded.implicit(0x0040_0009, Array("STEP".utf8)))
        let bytes = Encoded.explicit(0x0010_0020, "UN", "AB") + Encoded.explicit(0x0040_0275, "UN", item)
        let (asItIs, _) = try parsed(bytes)
        #expect(asItIs.map(\.vr) == [.un, .un])
        #expect(try asItIs.encoded(as: .explicitVRLittleEndian) == bytes)
        let (resolved, _) = try parsed(bytes, .explicitVRLittleEndian, ParsingOptions(resolvesUnknownVRs: true))
        #expect(resolved.map(\.vr) == [.lo, .sq])
        #expect(resolved[.requestAttributesSequence]?.first?[.scheduledProcedureStepID] == "STEP")
    }

    /// GE's private transfer syntax: implicit VR little endian with big-endian pixel data.
    @Test func bigEndianPixelDataInALittleEndianDataSet() throws {
        let syntax = TransferSyntax(uid: "1.2.840.113619.5.2")
        let bytes = Encoded.implicit(0x0028_0010, [2, 0]) + Encoded.implicit(0x7FE0_0010, [0x12, 0x34])
        let (dataSet, _) = try parsed(bytes, syntax)
        #expect(dataSet[.rows] == 2)
        #expect(dataSet[element: .pixelData]?.bytes.map(Array.init) == [0x34, 0x12])
        #expect(try dataSet.encoded(as: syntax) == bytes)
    }

    @Test func transferSyntaxesAreFoundByName() {
        #expect(TransferSyntax(named: "ExplicitVRBigEndian") == .explicitVRBigEndian)
        #expect(TransferSyntax(named: "Implicit VR Little Endian") == .implicitVRLittleEndian)
        #expect(TransferSyntax(named: "1.2.840.10008.1.2.1.99") == .deflatedExplicitVRLittleEndian)
        #expect(TransferSyntax(named: "CTImageStorage") == nil)
        #expect(TransferSyntax(named: "1..2") == nil)
        #expect(TransferSyntax(uid: "1.2.840.10008.1.2.8.1").isEncapsulated)
        #expect(!TransferSyntax(uid: "1.2.840.10008.1.2.4.95").isEncapsulated)
    }

    @Test func compressedPixelDataAreNotWrittenAsIfTheyWereNot() throws {
        var dataSet = DataSet()
        dataSet[element: .pixelData] = DataElement(.pixelData, .ob, .fragments([[], [1, 2]]))
        #expect(throws: DICOMError.self) { try dataSet.encoded(as: .explicitVRLittleEndian) }
        let file = DICOMFile(dataSet: dataSet, transferSyntax: TransferSyntax(uid: .rleLossless))
        #expect(throws: DICOMError.self) { try file.converted(to: .explicitVRBigEndian) }
    }

    // MARK: - Deflate

    @Test func aDeflatedDataSetIsReadAsAWholeAndInPieces() throws {
        let (dataSet, _) = try parsed(Self.bigEndian, .explicitVRBigEndian)
        let deflated = try dataSet.encoded(as: .deflatedExplicitVRLittleEndian)
        #expect(deflated.count % 2 == 0)
        #expect(try parsed(deflated, .deflatedExplicitVRLittleEndian).0 == dataSet)
        var stream = DICOMStream(transferSyntax: .deflatedExplicitVRLittleEndian)
        for byte in deflated { try stream.append([byte]) }
        #expect(try stream.finish().dataSet == dataSet)
        let half = Array(deflated.prefix(deflated.count / 2))
        let error = #expect(throws: DICOMError.self) { try parsed(half, .deflatedExplicitVRLittleEndian) }
        #expect(error?.code == .truncatedDataSet)
    }

    /// 64 MiB of zeros deflate to 64 KiB; they are not inflated beyond the limit.
    @Test func inflationIsLimited() throws {
        var dataSet = DataSet()
        dataSet[element: .pixelData] = DataElement(.pixelData, .ob, .bytes([UInt8](repeating: 0, count: 8 << 20)[...]))
        let deflated = try dataSet.encoded(as: .deflatedExplicitVRLittleEndian)
        #expect(deflated.count < 16 << 10)
        let error = #expect(throws: DICOMError.self) {
            try parsed(deflated, .deflatedExplicitVRLittleEndian, ParsingOptions(inflationLimit: 1 << 20))
        }
        #expect(error?.code == .inflationLimit)
    }

    // MARK: - Streams

    private static let file = Encoded.file(
        Encoded.explicit(0x0010_0020, "LO", "AB")
            + Encoded.explicit(
                0x0040_0275, "SQ",
                Encoded.item(Encoded.explicit(0x0040_0009, "SH", "STEP"), length: Encoded.undefined) + Encoded.itemEnd
                    + Encoded.sequenceEnd, length: Encoded.undefined)
            + Encoded.explicit(0x7FE0_0010, "OW", [UInt8](repeating: 7, count: 500)), "1.2.840.10008.1.2.1")

    @Test(arguments: [1, 2, 3, 7, 64, 131, 1000]) func aFileInPiecesIsTheFile(size: Int) throws {
        let whole = try DICOMFile(parsing: Self.file)
        var stream = DICOMStream()
        var hadHeaderAt: Int?
        for start in stride(from: 0, to: Self.file.count, by: size) {
            try stream.append(Self.file[start..<min(start + size, Self.file.count)])
            if hadHeaderAt == nil, stream.header != nil { hadHeaderAt = start + size }
        }
        #expect(stream.header?[.requestAttributesSequence]?.first?[.scheduledProcedureStepID] == "STEP")
        #expect(stream.header?.contains(.pixelData) == false)
        #expect(try #require(hadHeaderAt) <= max(400, size))
        let file = try stream.finish()
        #expect(file.dataSet == whole.dataSet)
        #expect(file.meta == whole.meta)
        #expect(file.transferSyntax == .explicitVRLittleEndian)
        #expect(file.warnings.isEmpty, "\(file.warnings)")
    }

    @Test func aStreamThatEndsTooEarlyIsRefused() throws {
        for count in stride(from: 0, to: Self.file.count, by: 5) {
            var stream = DICOMStream()
            try stream.append(Self.file[..<count])
            var code: DICOMError.Code?
            do { _ = try stream.finish() } catch { code = error.code }
            // Between two elements nothing shows that there were more.
            let isBetweenElements = [160, 170, 222].contains(count)
            #expect(isBetweenElements || code == .truncatedDataSet || code == .notPart10, "\(count)")
        }
    }

    /// With `stopBeforePixelData` a stream keeps nothing of what follows the header.
    @Test func aStreamCanStopBeforeThePixelData() throws {
        var stream = DICOMStream(options: ParsingOptions(stopBeforePixelData: true))
        for start in stride(from: 0, to: Self.file.count, by: 50) {
            try stream.append(Self.file[start..<min(start + 50, Self.file.count)])
        }
        let file = try stream.finish()
        #expect(file.dataSet[.patientID] == "AB" && !file.dataSet.contains(.pixelData))
    }
}
