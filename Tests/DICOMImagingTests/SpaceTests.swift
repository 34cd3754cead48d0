import DICOMCore
import DICOMImaging
import DICOMTesting
import Testing

struct SpaceTests {
    /// PS3.3 C.7.6.2.1.1 by hand: the column index runs along IOP[0…2] in steps of PixelSpacing[1].
    @Test func indicesMapToTheStandardsPlaces() throws {
        let space = try Space(
            origin: [10, 20, 30], columnDirection: [1, 0, 0], rowDirection: [0, 1, 0], rowSpacing: 0.9,
            columnSpacing: 0.5, sliceStep: [0, 0, 3], columns: 4, rows: 5, slices: 6)
        #expect(isClose(space.point(column: 2, row: 1, slice: 4), [11, 20.9, 42]))
        #expect(isClose(space.columnStep, [0.5, 0, 0]) && isClose(space.rowStep, [0, 0.9, 0]))
        #expect(space.pixelSpacing == [0.9, 0.5] && space.imageOrientation == [1, 0, 0, 0, 1, 0])
        #expect(space.voxelCount == 120 && !space.isSheared)
    }

    @Test(arguments: PhantomSeries.Orientation.allCases)
    func inverseLeadsBack(_ orientation: PhantomSeries.Orientation) throws {
        let space = try PhantomSeries(orientation: orientation, rowSpacing: 1.3, columnSpacing: 0.4).space
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<200 {
            let index = SIMD3<Double>.random(in: -50...50, using: &generator)
            #expect(isClose(space.index(of: space.point(at: index)), index))
        }
        #expect(!space.isSheared)
    }

    @Test func shearedSpaceIsInvertedToo() throws {
        let space = try Space(
            origin: [0, 0, 0], columnDirection: [1, 0, 0], rowDirection: [0, 1, 0], rowSpacing: 1, columnSpacing: 1,
            sliceStep: [0, 0.7, 3], columns: 2, rows: 2, slices: 2)
        #expect(space.isSheared)
        #expect(isClose(space.index(of: space.point(at: [1, 2, 3])), [1, 2, 3]))
    }

    @Test func impossibleSpacesAreRefused() {
        func make(spacing: Double = 1, row: SIMD3<Double> = [0, 1, 0], rows: Int = 2) throws {
            _ = try Space(
                origin: [0, 0, 0], columnDirection: [1, 0, 0], rowDirection: row, rowSpacing: spacing, columnSpacing: 1,
                sliceStep: [0, 0, 1], columns: 2, rows: rows, slices: 2)
        }
        #expect(code { try make(spacing: 0) } == .invalidSpace)
        #expect(code { try make(spacing: .nan) } == .invalidSpace)
        #expect(code { try make(row: [1, 0, 0]) } == .invalidSpace)
        #expect(code { try make(rows: 0) } == .invalidSpace)
        #expect(code { try make(rows: .max) } == .invalidSpace)
        #expect(code { try make() } == nil)
    }

    @Test func spacesCoincideOnlyInOneFrameOfReference() throws {
        func make(_ frame: UID?, shift: Double = 0) throws -> Space {
            try Space(
                origin: [shift, 0, 0], columnDirection: [1, 0, 0], rowDirection: [0, 1, 0], rowSpacing: 1,
                columnSpacing: 1, sliceStep: [0, 0, 1], columns: 2, rows: 2, slices: 2, frameOfReferenceUID: frame)
        }
        #expect(try make("1.2").coincides(with: make("1.2", shift: 1e-6)))
        #expect(try !make("1.2").coincides(with: make("1.3")))
        #expect(try !make(nil).coincides(with: make(nil)))
        #expect(try !make("1.2").coincides(with: make("1.2", shift: 0.5)))
    }
}
