import DICOMCore
import DICOMImaging
import DICOMTesting
import Testing

struct SeriesGeometryTests {
    /// The instances of a phantom, in the order of its slices.
    private func instances(
        _ orientation: PhantomSeries.Orientation = .axial, slices: Int = 8, spacing: Double = 2.5
    ) throws -> [InstanceGeometry] {
        let phantom = try PhantomSeries(
            orientation: orientation, slices: slices, rows: 5, columns: 4, sliceSpacing: spacing)
        return phantom.dataSets.map(InstanceGeometry.init(dataSet:))
    }

    private func kinds(_ geometry: SeriesGeometry) -> [GeometryFinding.Kind] { geometry.findings.map(\.kind) }

    @Test(arguments: PhantomSeries.Orientation.allCases, 1...5)
    func slicesAreSortedAlongTheNormalWhateverTheOrder(_ orientation: PhantomSeries.Orientation, seed: UInt64) throws {
        let phantom = try PhantomSeries(
            orientation: orientation, slices: 12, rows: 5, columns: 7, rowSpacing: 1.1, columnSpacing: 0.3,
            sliceSpacing: 3.3)
        var generator = SeededGenerator(seed: seed)
        let permutation = Array(0..<12).shuffled(using: &generator)
        let geometry = SeriesGeometry(permutation.map { InstanceGeometry(dataSet: phantom.dataSet(slice: $0)) })
        #expect(geometry.order.map { permutation[$0] } == Array(0..<12))
        #expect(geometry.isUniform, "\(geometry.explanation)")
        let space = try #require(geometry.space)
        #expect(isClose(space.origin, phantom.space.origin) && isClose(space.sliceStep, phantom.space.sliceStep))
        #expect(isClose(space.columnStep, phantom.space.columnStep) && isClose(space.rowStep, phantom.space.rowStep))
        #expect((space.columns, space.rows, space.slices) == (7, 5, 12))
        #expect(space.frameOfReferenceUID == phantom.space.frameOfReferenceUID)
    }

    @Test func sliceThicknessIsNotTheSpacing() throws {
        var all = try instances(spacing: 2.5)
        for index in all.indices {
            all[index].sliceThickness = 9
            all[index].spacingBetweenSlices = 7
        }
        #expect(SeriesGeometry(all).space?.sliceSpacing == 2.5)
    }

    @Test func missingSlicesAreFoundWithTheirPlace() throws {
        var all = try instances(slices: 10, spacing: 2)
        all.removeSubrange(4...5)
        all.remove(at: 1)
        let geometry = SeriesGeometry(all)
        #expect(kinds(geometry) == [.missingSlice, .missingSlice] && geometry.space == nil && !geometry.isUniform)
        let text = geometry.findings.map(\.description)
        #expect(text[0].contains("One slice is missing between instance 1 and instance 3"))
        #expect(text[1].contains("2 slices are missing between instance 4 and instance 7: they are 6 mm apart"))
    }

    @Test func missingSliceIsFoundAmongThree() throws {
        var all = try instances(slices: 4, spacing: 5)
        all.remove(at: 2)
        #expect(kinds(SeriesGeometry(all)) == [.missingSlice])
    }

    /// Documented: what is missing at an end cannot be seen.
    @Test func missingEndLooksComplete() throws {
        #expect(SeriesGeometry(Array(try instances(slices: 10).prefix(6))).isUniform)
    }

    @Test func duplicatePositionsAreFound() throws {
        let all = try instances()
        let twice = SeriesGeometry(all + [all[3]])
        #expect(kinds(twice) == [.duplicatePosition])
        #expect(twice.explanation.contains("instance 4 and instance 4"))
        let timePoints = SeriesGeometry(all + all + all)
        #expect(timePoints.explanation.contains("Each of the 8 slice positions occurs 3 times"))
    }

    @Test func unequalSpacingIsFound() throws {
        var all = try instances(spacing: 4)
        all[3].position?.z += 0.9
        #expect(kinds(SeriesGeometry(all)) == [.nonUniformSpacing])
    }

    /// The tolerance is 1 % of the step or 0.01 mm, whichever is more.
    @Test(arguments: [(4.0, 0.035, true), (4.0, 0.045, false), (0.5, 0.009, true), (0.5, 0.02, false)])
    func toleranceIsAPercentOrAHundredthOfAMillimetre(spacing: Double, shift: Double, isUniform: Bool) throws {
        var all = try instances(spacing: spacing)
        all[3].position?.z += shift
        #expect(SeriesGeometry(all).isUniform == isUniform)
    }

    @Test func slowDriftIsFound() throws {
        var all = try instances(slices: 100, spacing: 1)
        // Each gap is 0.05 % wider than the one before: no neighbours differ by 1 %, the middle is off by more.
        var z = 0.0
        for index in all.indices {
            all[index].position?.z = z
            z += 1 + Double(index) * 0.0005
        }
        #expect(kinds(SeriesGeometry(all)) == [.nonUniformSpacing])
    }

    @Test func gantryTiltIsFoundAndCanBeAccepted() throws {
        var all = try instances(spacing: 3)
        for index in all.indices { all[index].position?.y += Double(index) * 0.8 }
        let geometry = SeriesGeometry(all)
        #expect(kinds(geometry) == [.sheared] && !geometry.isUniform)
        #expect(code { _ = try geometry.space(acceptedBy: .reject) } == .unacceptableGeometry)
        let space = try geometry.space(acceptedBy: .acceptSheared)
        #expect(space.isSheared && isClose(space.sliceStep, [0, 0.8, 3]))
    }

    @Test func mixedOrientationIsFoundAndTheOddOneNamed() throws {
        var all = try instances()
        let other = try instances(.coronal)
        all[2] = other[2]
        let geometry = SeriesGeometry(all)
        #expect(kinds(geometry) == [.mixedOrientation] && geometry.findings[0].instances == [2])
        #expect(geometry.explanation.hasPrefix("Instance 3 has a different Image Orientation"))
        #expect(geometry.order.count == all.count)
    }

    @Test func directionsMayDifferByRoundingOnly() throws {
        var all = try instances()
        all[1].columnDirection = [1, 0.00005, 0]
        #expect(SeriesGeometry(all).isUniform)
        all[1].columnDirection = [1, 0.0005, 0]
        #expect(kinds(SeriesGeometry(all)) == [.mixedOrientation])
    }

    @Test func mixedMatrixAndSpacingAreFound() throws {
        var all = try instances()
        all[0].rows = 6
        all[5].columnSpacing = 0.71
        #expect(kinds(SeriesGeometry(all)) == [.mixedMatrix, .mixedPixelSpacing])
    }

    @Test func mixedFramesOfReferenceAreFound() throws {
        var all = try instances()
        all[0].frameOfReferenceUID = "1.2.3"
        #expect(kinds(SeriesGeometry(all)) == [.mixedFrameOfReference])
        all[0].frameOfReferenceUID = nil
        #expect(kinds(SeriesGeometry(all)) == [.mixedFrameOfReference])
    }

    @Test func singleSliceTakesItsExtentFromSpacingThenThickness() throws {
        var one = try instances(slices: 1)
        one[0].spacingBetweenSlices = -4
        var geometry = SeriesGeometry(one)
        #expect(geometry.isUniform && geometry.notes.map(\.kind) == [.assumedSliceStep])
        #expect(geometry.space?.sliceSpacing == 4 && geometry.space?.isSliceStepAssumed == true)
        one[0].spacingBetweenSlices = nil
        geometry = SeriesGeometry(one)
        #expect(geometry.space?.sliceSpacing == 2)
        one[0].sliceThickness = nil
        geometry = SeriesGeometry(one)
        #expect(kinds(geometry) == [.missingAttribute] && geometry.space == nil)
    }

    @Test func missingAttributesAreNamed() throws {
        var all = try instances()
        all[1].position = nil
        all[4].rowSpacing = nil
        all[4].rows = nil
        let geometry = SeriesGeometry(all)
        #expect(kinds(geometry).allSatisfy { $0 == .missingAttribute || $0 == .missingSlice })
        #expect(geometry.explanation.contains("Instance 2 lacks Image Position (Patient)"))
        #expect(geometry.explanation.contains("Instance 5 lacks Pixel Spacing and Rows"))
        #expect(Array(geometry.order.suffix(2)) == [1, 4])
    }

    @Test func impossibleNumbersAreNamedAndNeverTrap() throws {
        for spoil: (inout InstanceGeometry) -> Void in [
            { $0.columnDirection = [0, 0, 0] }, { $0.rowDirection = [1, 0, 0] }, { $0.position = [.nan, 0, 0] },
            { $0.rowSpacing = 0 }, { $0.columnSpacing = -1 }, { $0.rows = 0 }, { $0.position = [.infinity, 0, 0] },
        ] {
            var all = try instances()
            for index in all.indices { spoil(&all[index]) }
            #expect(kinds(SeriesGeometry(all)).allSatisfy { $0 == .invalidGeometry })
        }
        var huge = try instances()
        huge[7].position = [0, 0, 1e300]
        huge[0].position = [0, 0, -1e300]
        #expect(!SeriesGeometry(huge).isUniform)
        #expect(!SeriesGeometry([]).isUniform)
        #expect(!SeriesGeometry([InstanceGeometry()]).isUniform)
    }
}
