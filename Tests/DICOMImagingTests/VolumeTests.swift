import DICOMCore
import DICOMImaging
import DICOMTesting
import Testing

struct VolumeTests {
    private func space(_ slices: Int = 2, _ rows: Int = 3, _ columns: Int = 4, frame: UID? = "1.2") throws -> Space {
        try Space(
            origin: [0, 0, 0], columnDirection: [1, 0, 0], rowDirection: [0, 1, 0], rowSpacing: 1, columnSpacing: 1,
            sliceStep: [0, 0, 1], columns: columns, rows: rows, slices: slices, frameOfReferenceUID: frame)
    }

    @Test func voxelsAreSliceByRowByColumn() throws {
        let volume = Volume<Int16>(space: try space()) { slice, row, column in Int16(slice * 100 + row * 10 + column) }
        #expect(volume[1, 2, 3] == 123)
        volume.withUnsafeBuffer { #expect($0[1 * 12 + 2 * 4 + 3] == 123) }
        volume.withSpan { #expect($0.count == 24 && $0[5] == 11) }
        #expect(volume.range(ofSlice: 1) == 12..<24 && volume.count == 24)
        #expect(volume.valueRange == 0...123)
    }

    @Test func copiesAreIndependent() throws {
        let original = Volume<Float>(space: try space(), unit: .hounsfield, repeating: 1)
        var changed = original
        changed[0, 0, 0] = 5
        changed.transform { $0 + 1 }
        changed.withMutableSpan { $0[1] = 9 }
        #expect(original[0, 0, 0] == 1 && original[0, 0, 1] == 1)
        #expect(changed[0, 0, 0] == 6 && changed[0, 0, 1] == 9 && changed[1, 2, 3] == 2)
    }

    @Test func transformOfAnUnsharedVolumeTakesNoNewMemory() throws {
        var volume = Volume<Float>(space: try space(), repeating: 1)
        let before = volume.withUnsafeBuffer { $0.baseAddress }
        volume.transform { $0 * 2 }
        #expect(volume.withUnsafeBuffer { $0.baseAddress } == before)
    }

    @Test func mapKeepsPlaceUnitAndPadding() throws {
        var volume = Volume<Int16>(space: try space(), unit: .hounsfield, repeating: 3)
        var mask = PaddingMask(slices: 2, voxelsPerSlice: 12, value: -2000)
        mask[1, 11] = true
        volume.padding = mask
        let doubled = volume.map { Float($0) * 2 }
        #expect(doubled.space == volume.space && doubled.unit == .hounsfield && doubled.padding == mask)
        #expect(doubled[1, 1, 1] == 6)
    }

    @Test func statisticsLeavePaddingAndNotANumberOut() throws {
        var volume = Volume<Float>(space: try space(1, 16, 16)) { _, row, column in Float(row * 16 + column) }
        volume[0, 15, 15] = 9999
        volume[0, 0, 0] = -9999
        volume[0, 3, 3] = .nan
        var mask = PaddingMask(slices: 1, voxelsPerSlice: 256, value: 9999)
        mask[0, 255] = true
        mask[0, 0] = true
        volume.padding = mask
        #expect(volume.valueRange == 1...254)
        #expect(mask.count == 2)
    }

    @Test func statisticsAgreeWithASlowCount() throws {
        var generator = SeededGenerator(seed: 11)
        for size in [1, 7, 8, 63, 64, 65, 200] {
            let values = (0..<size).map { _ in Double.random(in: -1e5...1e5, using: &generator) }
            let volume = Volume<Double>(space: try space(1, 1, size)) { _, _, column in values[column] }
            #expect(volume.valueRange == values.min()!...values.max()!)
            let whole = Volume<Float>(space: try space(1, 1, size)) { _, _, column in Float(values[column].rounded()) }
            #expect(VoxelStatistics(of: whole, slice: 0).isIntegral)
            #expect(!VoxelStatistics(of: volume, slice: 0).isIntegral)
        }
        let large = Volume<Float>(space: try space(1, 1, 16), repeating: 8_388_609)
        #expect(VoxelStatistics(of: large, slice: 0).isIntegral)
        let infinite = Volume<Float>(space: try space(1, 1, 16), repeating: .infinity)
        #expect(VoxelStatistics(of: infinite, slice: 0).hasNonFinite)
    }

    @Test func combiningAsksForTheSamePlace() throws {
        let one = Volume<Int16>(space: try space(), repeating: 1)
        let two = Volume<Float>(space: try space(), repeating: 2)
        #expect(try one.combined(with: two) { Float($0) + $1 }[1, 1, 1] == 3)
        let elsewhere = Volume<Float>(space: try space(frame: "1.3"), repeating: 2)
        #expect(code { _ = try one.combined(with: elsewhere) { Float($0) + $1 } } == .mismatchedVolumes)
    }

    @Test func largeVolumesLiveInTheirOwnMemory() throws {
        // Above the size from which huge pages are asked for.
        var volume = Volume<Float>(space: try space(5, 512, 512), repeating: 1)
        let copy = volume
        volume[4, 511, 511] = 2
        #expect(copy[4, 511, 511] == 1 && volume[4, 511, 511] == 2 && volume[0, 0, 0] == 1)
    }
}
