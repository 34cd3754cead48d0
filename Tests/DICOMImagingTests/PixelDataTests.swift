import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Testing

/// Frames, and what they mean, where no other program is needed to know the answer. Whole files are compared by
/// PydicomCorpusTests.
struct PixelDataTests {
    private func message(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return (error as? DICOMError)?.message
        }
    }

    @Test func framesOfOneBitBeginWithinAByte() throws {
        // 3 frames of 3 × 3 bits: 27 bits in 4 bytes.
        var image = ImageCase("bits", rows: 3, columns: 3, allocated: 1, frames: 3).dataSet
        image[.pixelData] = [0b1010_0101, 0b1100_1100, 0b0111_0001, 0b0000_0110][...]
        let bits = [0b1010_0101, 0b1100_1100, 0b0111_0001, 0b0000_0110].flatMap { byte in (0..<8).map { byte >> $0 & 1 }
        }
        let pixels = try PixelData(image)
        for frame in 0..<3 {
            let values = try pixels.storedValues(frame, of: UInt8.self)
            #expect(values.map(Int.init) == Array(bits[frame * 9..<frame * 9 + 9]))
        }
        #expect(try pixels.frames().bytes.count == 6)
        #expect(try pixels.storedValues(1, of: Float.self) == pixels.storedValues(1, of: UInt8.self).map { Float($0) })
    }

    @Test func realNumbersKeepTheirBits() throws {
        func image(_ tag: DICOMTag, _ vr: VR, allocated: Int, bytes: [UInt8]) -> DataSet {
            var dataSet = ImageCase("real", rows: 1, columns: 3, allocated: 32).dataSet
            dataSet.remove(.pixelData)
            dataSet[.bitsAllocated] = allocated
            dataSet[element: tag] = DataElement(tag, vr, .bytes(bytes[...]))
            return dataSet
        }
        let floats: [Float] = [1.5, -.infinity, .leastNonzeroMagnitude]
        let single = image(
            Attribute.floatPixelData.tag, .of, allocated: 32, bytes: floats.withUnsafeBytes(Array.init))
        #expect(try PixelData(single).format.sampleType == .float)
        #expect(try PixelData(single).storedValues(of: Float.self) == floats)
        #expect(code { _ = try PixelData(single).storedValues(of: Int32.self) } == .valueOutOfRange)
        let doubles: [Double] = [1e300, -0.1, 7]
        let double = image(
            Attribute.doubleFloatPixelData.tag, .od, allocated: 64, bytes: doubles.withUnsafeBytes(Array.init))
        #expect(try PixelData(double).storedValues(of: Double.self) == doubles)
        // Infinity has no grey level of its own.
        #expect(try PixelData(single).gray8() == [255, 0, 0])
        // Bits Allocated that contradict the element would lead beyond its end.
        for (dataSet, allocated) in [(single, 64), (double, 32), (single, 16)] {
            var spoilt = dataSet
            spoilt[.bitsAllocated] = allocated
            #expect(code { _ = try PixelData(spoilt) } == .invalidPixelDescription)
        }
    }

    @Test func allFramesAtOnceAreTheFramesOneByOne() throws {
        let pixels = try PixelData(ImageCase("cine", rows: 9, columns: 7, frames: 23).dataSet)
        let all = try pixels.frames()
        #expect(try all.bytes == (0..<23).flatMap { try pixels.frame($0).bytes })
        #expect(all.format == pixels.format && all.bytes.count == 23 * 126)
    }

    @Test func whatIsNotThereIsRefusedBeforeMemoryIsTaken() throws {
        let image = ImageCase("short", rows: 60_000, columns: 30_000, bytesPerFrame: 100).dataSet
        #expect(code { _ = try PixelData(image) } == .unsupportedPixelData)
        let long = ImageCase("long", rows: 30_000, columns: 30_000, bytesPerFrame: 100).dataSet
        #expect(code { _ = try PixelData(long).frame(0) } == .missingPixelData)
        let frames = ImageCase("frames", frames: 2).changed { $0[.numberOfFrames] = 2_000_000_000 }.dataSet
        #expect(try PixelData(frames).frame(1).bytes.count == 120)
        #expect(message { _ = try PixelData(frames).frame(2) }?.contains("before frame 2") == true)
        #expect(code { _ = try PixelData(frames).frames() } == .missingPixelData)
        #expect(code { _ = try PixelData(frames).frame(-1) } == .missingPixelData)
        #expect(code { _ = try PixelData(DataSet()) } == .missingPixelData)
        let odd = ImageCase(
            "odd", rows: 3, columns: 3, samples: 3, allocated: 8, photometric: "YBR_FULL_422", bytesPerFrame: 18)
        #expect(code { _ = try PixelData(odd.dataSet).frame(0) } == .invalidPixelDescription)
    }

    /// A transfer syntax of this test, whose frames are decoded by turning each bit round.
    private struct Complement: FrameCodec {
        static let uid = UID("1.2.3.4.5.6")
        var decodableTransferSyntaxes: [UID] { [Self.uid] }
        func decode(
            _ codestream: UnsafeRawBufferPointer, transferSyntax: UID, format: PixelFormat,
            into destination: UnsafeMutableRawBufferPointer
        ) throws(DICOMError) -> PixelFormat {
            guard codestream.count == destination.count else {
                throw DICOMError(.invalidCodestream, "\(codestream.count) bytes")
            }
            for index in 0..<codestream.count { destination[index] = ~codestream[index] }
            return format
        }
    }

    private struct Refusing: FrameCodec {
        var decodableTransferSyntaxes: [UID] { [Complement.uid] }
        func decode(
            _ codestream: UnsafeRawBufferPointer, transferSyntax: UID, format: PixelFormat,
            into destination: UnsafeMutableRawBufferPointer
        ) throws(DICOMError) -> PixelFormat {
            throw DICOMError(.unsupportedPixelData, "not this one")
        }
    }

    @Test func codecsAreAskedInTurnAndErrorsNameTheFrame() throws {
        FrameCodecs.register([Refusing(), Complement()])
        var image = ImageCase("own", rows: 2, columns: 2, allocated: 8, frames: 3).dataSet
        let fragments: [ArraySlice<UInt8>] = [[], [1, 2, 3, 4], [5, 6], [7, 8], [9, 9, 9, 9]]
        image[element: .pixelData] = DataElement(.pixelData, .ob, .fragments(fragments))
        // Without a table, four fragments are not three frames.
        let syntax = TransferSyntax(uid: Complement.uid)
        #expect(throws: DICOMError.self) { _ = try PixelData(image, transferSyntax: syntax).frame(0) }
        let table: [UInt8] = [0, 0, 0, 0, 12, 0, 0, 0, 32, 0, 0, 0]
        image[element: .pixelData] = DataElement(.pixelData, .ob, .fragments([table[...]] + fragments.dropFirst()))
        let pixels = try PixelData(image, transferSyntax: syntax)
        #expect(try pixels.frames().bytes == [1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9].map { ~$0 })
        image[element: .pixelData] = DataElement(
            .pixelData, .ob, .fragments([table[...], [1, 2, 3, 4], [5, 6], [7, 8], [9, 9]]))
        let damaged = try PixelData(image, transferSyntax: syntax)
        #expect(try damaged.frame(1).bytes == [5, 6, 7, 8].map { ~$0 })
        #expect(message { _ = try damaged.frames() } == "frame 2: 2 bytes")
        // So many frames have no room for their item headers.
        image[.numberOfFrames] = 1_000_000_000
        #expect(code { _ = try PixelData(image, transferSyntax: syntax).frames() } == .missingPixelData)
        #expect(code { _ = try PixelData(image, transferSyntax: .init(uid: UID("1.2.3.4.5.7"))).frame(0) } != nil)
    }

    @Test func tablesOfPackedBytesAreThoseOfWords() throws {
        func image(packed: Bool) -> DataSet {
            ImageCase("table", allocated: 8).changed {
                $0[.modalityLUTSequence] = [ImageCase.table(entries: 200, first: 20, bits: 8, packed: packed)]
            }.dataSet
        }
        #expect(
            try PixelData(image(packed: true)).values(of: UInt8.self)
                == PixelData(image(packed: false)).values(of: UInt8.self))
        let short = ImageCase("table", allocated: 8).changed {
            $0[.modalityLUTSequence] = [ImageCase.table(entries: 20, first: 20, bits: 8)]
            $0[.modalityLUTSequence]?[0][.lutData] = [1, 2]
        }
        #expect(code { _ = try PixelData(short.dataSet).values(of: UInt8.self) } == .invalidPixelDescription)
    }

    @Test func withoutAWindowAllIsShownButThePadding() throws {
        let image = ImageCase("pad", rows: 1, columns: 5, signed: true).changed {
            $0[.pixelData] = ImageCase.words([-2000, 0, 50, 100, -1990])
            $0[.pixelPaddingValue] = 65_536 - 2000
            $0[.pixelPaddingRangeLimit] = 65_536 - 1990
            $0[.rescaleSlope] = -2
        }
        #expect(try PixelData(image.dataSet).gray8() == [255, 255, 128, 0, 255])
        let inverted = image.changed { $0[.photometricInterpretation] = "MONOCHROME1" }
        #expect(try PixelData(inverted.dataSet).gray8() == [0, 0, 128, 255, 0])
        let flat = ImageCase("flat", rows: 1, columns: 2).changed { $0[.pixelData] = [7, 0, 7, 0] }
        #expect(try PixelData(flat.dataSet).gray8().count == 2)
    }

    @Test func declaredRangesAreReadByPixelRepresentation() throws {
        func range(_ low: Int, _ high: Int, signed: Bool, stored: Int = 16) throws -> ClosedRange<Int>? {
            let image = ImageCase("range", stored: stored, signed: signed).changed {
                ImageCase.set(&$0, DICOMTag(0x0028, 0x0106), .us, ImageCase.words([low]))
                ImageCase.set(&$0, DICOMTag(0x0028, 0x0107), .ss, ImageCase.words([high]))
            }
            return try PixelData(image.dataSet).declaredRange
        }
        #expect(try range(-5, 7, signed: true) == -5...7)
        #expect(try range(-5, -2, signed: false) == 65_531...65_534)
        #expect(try range(8, 7, signed: true) == nil)
        #expect(try range(0, 4096, signed: false, stored: 12) == nil)
        #expect(try PixelData(ImageCase("none").dataSet).declaredRange == nil)
    }

    @Test func overlaysInUnusedBitsAreFound() throws {
        let image = ImageCase("embedded", rows: 4, columns: 5, stored: 12).changed {
            ImageCase.set(&$0, DICOMTag(0x6000, 0x0010), .us, ImageCase.words([4]))
            ImageCase.set(&$0, DICOMTag(0x6000, 0x0011), .us, ImageCase.words([5]))
            ImageCase.set(&$0, DICOMTag(0x6000, 0x0100), .us, ImageCase.words([16]))
            ImageCase.set(&$0, DICOMTag(0x6000, 0x0102), .us, ImageCase.words([13]))
        }
        let pixels = try PixelData(image.dataSet)
        let frame = try pixels.frame(0)
        let overlay = try #require(try Overlay.overlays(in: image.dataSet).first)
        let bits = (0..<20).map { frame.bytes[2 * $0 + 1] >> 5 & 1 }
        #expect(overlay.mask(pixels: frame) == bits && Set(bits) == [0, 1])
        #expect(overlay.mask() == nil && overlay.origin == (1, 1))
    }

    /// PS3.3 C.7.9.2.3: the offset counts bytes, in tables of words too.
    @Test func copiedSegmentsAreFoundByTheirByte() throws {
        // 2 discrete; a line of 2; then copies of the line, from the last entry on.
        let words = [0, 2, 100, 200, 1, 2, 400, 2, 1, 8, 0]
        func image(_ segments: ArraySlice<UInt8>, bits: Int) -> DataSet {
            ImageCase("copies", rows: 1, columns: 6, allocated: 8, photometric: "PALETTE COLOR").changed {
                $0[.pixelData] = [0, 1, 2, 3, 4, 5]
                for color in UInt16(0)..<3 {
                    ImageCase.set(
                        &$0, DICOMTag(0x0028, 0x1101 + color), .us, ImageCase.words([6, 0, bits]))
                    ImageCase.set(&$0, DICOMTag(0x0028, 0x1221 + color), .ow, segments)
                }
            }.dataSet
        }
        let wide = try PixelData(image(ImageCase.words(words.map { $0 > 20 ? $0 * 100 : $0 }), bits: 16)).colors()
        #expect(wide.map(\.red) == [10_000, 20_000, 30_000, 40_000, 40_000, 40_000].map { UInt8($0 >> 8) })
        let narrow = try PixelData(image([0, 2, 10, 20, 1, 2, 40, 2, 1, 4, 0, 0, 0, 0], bits: 8)).colors()
        #expect(narrow.map(\.blue) == [10, 20, 30, 40, 40, 40])
        // A line first, an unknown segment, one that copies itself, one that is empty, one that goes on beyond the end.
        for damaged: ArraySlice<UInt8> in [
            [1, 2, 9], [3, 1, 1], [0, 1, 5, 2, 1, 3, 0, 0, 0], [0, 0, 0, 0], [0, 9, 1], [],
        ] {
            #expect(code { _ = try PixelData(image(damaged, bits: 8)).colors() } == .invalidPixelDescription)
        }
    }
}
