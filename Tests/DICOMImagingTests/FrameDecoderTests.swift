import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Testing

/// Native pixel data through the public way: a series of one instance, read as a volume.
struct FrameDecoderTests {
    /// A phantom's slice of one row, whose pixel description and samples are replaced.
    private func instance(
        samples: [UInt16], allocated: Int = 16, stored: Int = 16, highBit: Int? = nil, signed: Bool = false,
        modality: PhantomSeries.Modality = .mr, change: (inout DataSet) -> Void = { _ in }
    ) throws -> DataSet {
        var dataSet = try PhantomSeries(modality: modality, slices: 1, rows: 1, columns: samples.count).dataSet(
            slice: 0)
        dataSet[.bitsAllocated] = allocated
        dataSet[.bitsStored] = stored
        dataSet[.highBit] = highBit ?? stored - 1
        dataSet[.pixelRepresentation] = signed ? 1 : 0
        let bytes = samples.flatMap { sample in
            allocated == 8
                ? [UInt8(truncatingIfNeeded: sample)]
                : [UInt8(truncatingIfNeeded: sample), UInt8(truncatingIfNeeded: sample >> 8)]
        }
        dataSet[.pixelData] = bytes[...]
        change(&dataSet)
        return dataSet
    }

    private func voxels<Scalar: VoxelScalar>(_ dataSet: DataSet, _ type: Scalar.Type) throws -> [Scalar] {
        try Series(dataSets: [dataSet]).volume(of: type).withUnsafeBuffer(Array.init)
    }

    @Test func sixteenBitsSignedAndUnsigned() throws {
        let samples: [UInt16] = [0, 1, 0x7FFF, 0x8000, 0xFFFF]
        #expect(try voxels(instance(samples: samples), UInt16.self) == samples)
        #expect(try voxels(instance(samples: samples, signed: true), Int16.self) == [0, 1, 32767, -32768, -1])
        #expect(try voxels(instance(samples: samples, signed: true), Float.self) == [0, 1, 32767, -32768, -1])
        #expect(try voxels(instance(samples: samples), Double.self) == [0, 1, 32767, 32768, 65535])
        #expect(try voxels(instance(samples: samples), Int32.self) == [0, 1, 32767, 32768, 65535])
    }

    @Test func eightBitsSignedAndUnsigned() throws {
        let samples: [UInt16] = [0, 1, 127, 128, 255]
        #expect(try voxels(instance(samples: samples, allocated: 8, stored: 8), UInt8.self) == [0, 1, 127, 128, 255])
        #expect(
            try voxels(instance(samples: samples, allocated: 8, stored: 8, signed: true), Int8.self) == [
                0, 1, 127, -128, -1,
            ])
    }

    @Test func bitsAboveTheSampleAreIgnoredAndTheSignIsExtended() throws {
        // 12 bits stored; the upper four hold an overlay.
        let samples: [UInt16] = [0xF001, 0x1FFF, 0x8800, 0x07FF]
        #expect(try voxels(instance(samples: samples, stored: 12), UInt16.self) == [1, 0xFFF, 0x800, 0x7FF])
        #expect(try voxels(instance(samples: samples, stored: 12, signed: true), Int16.self) == [1, -1, -2048, 2047])
    }

    @Test func bitsBelowTheSampleAreIgnored() throws {
        let samples: [UInt16] = [0x0010, 0x001F, 0xFFF0]
        #expect(try voxels(instance(samples: samples, stored: 12, highBit: 15), UInt16.self) == [1, 1, 0xFFF])
        #expect(
            try voxels(instance(samples: samples, stored: 12, highBit: 15, signed: true), Int16.self) == [1, 1, -1])
    }

    /// Every width, sign and position against a slow, obvious decoder.
    @Test(arguments: [8, 16], [false, true])
    func everyFormatAgreesWithASlowDecoder(allocated: Int, signed: Bool) throws {
        var generator = SeededGenerator(seed: UInt64(allocated))
        for stored in 1...allocated {
            for highBit in stored - 1..<allocated {
                let samples = (0..<37).map { _ in UInt16.random(in: 0 ... .max, using: &generator) }
                let expected = samples.map { sample -> Double in
                    var value = (Int(sample) >> (highBit - stored + 1)) & ((1 << stored) - 1)
                    if signed, value >> (stored - 1) == 1 { value -= 1 << stored }
                    return Double(value)
                }
                let dataSet = try instance(
                    samples: samples, allocated: allocated, stored: stored, highBit: highBit, signed: signed)
                #expect(try voxels(dataSet, Double.self) == expected)
            }
        }
    }

    @Test func rescaleIsAppliedAndIntegersAreExactOrRefused() throws {
        func scaled(_ slope: Double, _ intercept: Double) throws -> DataSet {
            try instance(samples: [0, 10, 4000], stored: 12, modality: .ct) {
                $0[.rescaleSlope] = slope
                $0[.rescaleIntercept] = intercept
            }
        }
        #expect(try voxels(scaled(1, -1024), Int16.self) == [-1024, -1014, 2976])
        #expect(try voxels(scaled(2, -5), Int32.self) == [-5, 15, 7995])
        #expect(try voxels(scaled(0.5, 0.25), Float.self) == [0.25, 5.25, 2000.25])
        #expect(code { _ = try voxels(scaled(0.5, 0), Int16.self) } == .valueOutOfRange)
        #expect(code { _ = try voxels(scaled(1, -1024), UInt16.self) } == .valueOutOfRange)
        #expect(code { _ = try voxels(scaled(1, 0), UInt8.self) } == .valueOutOfRange)
        #expect(code { _ = try voxels(scaled(1e12, 0), Int32.self) } == .valueOutOfRange)
        #expect(code { _ = try voxels(scaled(0, 0), Float.self) } == .invalidPixelDescription)
        // Where the samples themselves fit, that the format would allow more is no error.
        #expect(try voxels(instance(samples: [0, 10, 200], stored: 12), UInt8.self) == [0, 10, 200])
    }

    @Test func monochrome1DoesNotChangeValues() throws {
        let dataSet = try instance(samples: [1, 2, 3]) { $0[.photometricInterpretation] = "MONOCHROME1" }
        #expect(try voxels(dataSet, UInt16.self) == [1, 2, 3])
        #expect(try PixelFormat(dataSet: dataSet).isInverted)
    }

    @Test func paddingBecomesAMask() throws {
        let dataSet = try instance(samples: [63536, 5, 63540, 63541, 7], signed: true, modality: .ct) {
            $0[.pixelPaddingValue] = 63536
            $0[.pixelPaddingRangeLimit] = 63540
        }
        let volume = try Series(dataSets: [dataSet]).volume(of: Float.self)
        let mask = try #require(volume.padding)
        #expect((0..<5).map { mask[0, $0] } == [true, false, true, false, false])
        #expect(mask.value == -2000 - 1024 && volume.unit == .hounsfield)
        let without = try instance(samples: [1, 2], signed: true) { $0[.pixelPaddingValue] = 0 }
        #expect(try Series(dataSets: [without]).volume(of: Float.self).padding == nil)
    }

    @Test func whatIsNotDecodedIsNamed() throws {
        func refusal(_ change: (inout DataSet) -> Void) throws -> (DICOMError.Code, String)? {
            do {
                _ = try voxels(instance(samples: [1, 2, 3], change: change), Float.self)
                return nil
            } catch let error as DICOMError {
                return (error.code, error.message)
            }
        }
        let color = try #require(
            try refusal {
                $0[.samplesPerPixel] = 3
                $0[.photometricInterpretation] = "RGB"
                $0[.columns] = 1
            })
        #expect(color.0 == .unsupportedPixelData && color.1.contains("3 samples a pixel"))
        #expect(color.1.contains("colorVolume") && color.1.hasPrefix("Instance 1"))
        #expect(try refusal { $0[.numberOfFrames] = 2 }?.0 == .unacceptableGeometry)
        #expect(try refusal { $0[.photometricInterpretation] = "PALETTE COLOR" }?.0 == .unsupportedPixelData)
        #expect(try refusal { $0[.bitsAllocated] = 32 }?.0 == .missingPixelData)
        #expect(try refusal { $0[.bitsAllocated] = 64 }?.0 == .invalidPixelDescription)
        #expect(try refusal { $0[.bitsAllocated] = 1 }?.0 == .invalidPixelDescription)
        #expect(try refusal { $0[.modalityLUTSequence] = [DataSet(), DataSet()] }?.0 == .invalidPixelDescription)
        #expect(try refusal { $0[.bitsStored] = 17 }?.0 == .invalidPixelDescription)
        #expect(try refusal { $0[.highBit] = 3 }?.0 == .invalidPixelDescription)
        #expect(try refusal { $0[.bitsStored] = nil }?.0 == .invalidPixelDescription)
        #expect(try refusal { $0[.pixelRepresentation] = 2 }?.0 == .invalidPixelDescription)
        #expect(try refusal { $0[.pixelData] = nil }?.0 == .missingPixelData)
        #expect(try refusal { $0[.pixelData] = [0, 0, 0][...] }?.0 == .missingPixelData)
    }

    @Test func eachInstanceHasItsOwnRescale() throws {
        var dataSets = try PhantomSeries(slices: 4, rows: 3, columns: 5).dataSets
        for index in dataSets.indices {
            dataSets[index][.rescaleSlope] = Double(index) + 0.5
            dataSets[index][.rescaleIntercept] = Double(-index)
        }
        let volume = try Series(dataSets: dataSets.reversed()).volume(of: Double.self)
        let phantom = try PhantomSeries(slices: 4, rows: 3, columns: 5)
        for slice in 0..<4 {
            let stored = Double(phantom.storedValue(slice: slice, row: 2, column: 3))
            #expect(volume[slice, 2, 3] == stored * (Double(slice) + 0.5) - Double(slice))
        }
    }
}
