import DICOMCore
import DICOMImaging
import DICOMTesting
import Testing

/// How real values become stored integers.
struct StoredFormTests {
    private func volume<Scalar: VoxelScalar>(_ values: [Scalar], padding: Set<Int> = [], value: Double = 0) throws
        -> Volume<Scalar>
    {
        let space = try Space(
            origin: [0, 0, 0], columnDirection: [1, 0, 0], rowDirection: [0, 1, 0], rowSpacing: 1, columnSpacing: 1,
            sliceStep: [0, 0, 1], columns: values.count, rows: 1, slices: 1)
        var volume = Volume<Scalar>(space: space) { _, _, column in values[column] }
        if !padding.isEmpty {
            var mask = PaddingMask(slices: 1, voxelsPerSlice: values.count, value: value)
            for index in padding { mask[0, index] = true }
            volume.padding = mask
        }
        return volume
    }

    private func rescaled<Scalar: VoxelScalar>(
        _ volume: Volume<Scalar>, parent rescale: Rescale = Rescale(slope: 1, intercept: -1024), signed: Bool = false
    ) throws -> StoredForm {
        let parent = PixelFormat(rows: 1, columns: volume.count, bitsAllocated: 16, bitsStored: 12, isSigned: signed)
        return try .rescaled(
            VoxelStatistics(of: volume, slice: 0), padding: volume.padding?.value, parent: (parent, rescale), rows: 1,
            columns: volume.count)
    }

    private func cells(_ bytes: [UInt8]) -> [UInt16] {
        stride(from: 0, to: bytes.count, by: 2).map { UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8 }
    }

    @Test func wholeNumbersKeepTheParentsInterceptWhereTheyCan() throws {
        let form = try rescaled(volume([Float(-1024), 0, 3071]))
        #expect(form.rescale == Rescale(slope: 1, intercept: -1024) && !form.format.isSigned)
        #expect(cells(form.encode(try volume([Float(-1024), 0, 3071]), slice: 0)) == [0, 1024, 4095])
    }

    @Test func wholeNumbersBelowTheParentsInterceptAreSigned() throws {
        let values: [Int32] = [-2000, 5]
        let form = try rescaled(volume(values))
        #expect(form.rescale == .identity && form.format.isSigned)
        #expect(cells(form.encode(try volume(values), slice: 0)).map { Int16(bitPattern: $0) } == [-2000, 5])
    }

    @Test func farWholeNumbersGetAnInterceptOfTheirOwn() throws {
        let values: [Double] = [1_000_000, 1_065_535]
        let form = try rescaled(volume(values))
        #expect(form.rescale == Rescale(slope: 1, intercept: 1_000_000))
        #expect(cells(form.encode(try volume(values), slice: 0)) == [0, 65_535])
    }

    @Test func wideWholeNumbersAreScaled() throws {
        let form = try rescaled(volume([Int32(0), 100_000]))
        #expect(form.rescale.slope > 1 && form.rescale.slope < 100_000 / 65_535 + 1e-6)
    }

    @Test func paddingNeverHasAVoxelsValue() throws {
        let roomBelow = try rescaled(volume([Float(-1000), 0, 7], padding: [2], value: -3000))
        #expect(roomBelow.padding.map { Double($0) + roomBelow.rescale.intercept } == -3000)
        let taken = try rescaled(volume([Float(-1024), 0, 7], padding: [2], value: -1024))
        #expect(taken.padding.map { Double($0) + taken.rescale.intercept } != -1024)
        let full = try rescaled(volume([Float(0), 65_535, 7], padding: [2], value: 7))
        #expect(full.padding == 0 && full.stored(0) > 0)
        let only = try rescaled(volume([Float(5)], padding: [0], value: 5))
        #expect(only.padding != nil)
    }

    @Test func paddingMayBeNotANumber() throws {
        let values = try volume([Float.nan, 3.5, 4.5], padding: [0], value: -10)
        let form = try rescaled(values)
        let stored = cells(form.encode(values, slice: 0))
        #expect(stored[0] == 0 && stored[1] == 1 && stored[2] == 65_535)
        #expect(code { _ = try rescaled(volume([Float.nan, 1])) } == .valueOutOfRange)
        #expect(code { _ = try rescaled(volume([Double.infinity, 1])) } == .valueOutOfRange)
        #expect(code { _ = try rescaled(volume([-Double.greatestFiniteMagnitude, .greatestFiniteMagnitude])) } != nil)
    }

    @Test func constantVolumesHaveAForm() throws {
        for value in [0.0, 0.5, -1e-300, 1e20] {
            let constant = try volume([value, value])
            let form = try rescaled(constant)
            let stored = Double(cells(form.encode(constant, slice: 0))[0])
            #expect(abs(stored * form.rescale.slope + form.rescale.intercept - value) <= abs(value) * 1e-12)
        }
    }

    /// Every scalar type, every value that it shares with 16 bits: encoding and a slow formula agree.
    @Test func encodingAgreesWithTheFormula() throws {
        var generator = SeededGenerator(seed: 2)
        let values = (0..<101).map { _ in Double.random(in: -300...300, using: &generator) }
        let form = StoredForm(
            format: PixelFormat(rows: 1, columns: 101, bitsAllocated: 16, bitsStored: 16, isSigned: true),
            rescale: Rescale(slope: 0.0625, intercept: 3))
        let expected = values.map { UInt16(bitPattern: Int16(form.stored($0))) }
        #expect(cells(form.encode(try volume(values), slice: 0)) == expected)
        let whole = values.map { Int16($0) }
        let expectedWhole = whole.map { UInt16(bitPattern: Int16(form.stored(Double($0)))) }
        #expect(cells(form.encode(try volume(whole), slice: 0)) == expectedWhole)
        #expect(cells(form.encode(try volume(whole.map(Float.init)), slice: 0)) == expectedWhole)
        #expect(cells(form.encode(try volume(whole.map(Int32.init)), slice: 0)) == expectedWhole)
    }

    @Test func eightBitsAreClampedAndPaddedToEvenLength() throws {
        let form = StoredForm(
            format: PixelFormat(rows: 1, columns: 3, bitsAllocated: 8, bitsStored: 8, isSigned: false), padding: 9)
        let values = try volume([Float(-5), 300, 77.5], padding: [2], value: 0)
        #expect(form.encode(values, slice: 0) == [0, 255, 9, 0])
    }
}
