import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMNode
import DICOMTesting
import Testing

/// Whole series, made of phantoms and real images and read back.
struct BlueprintSeriesTests {
    let plusOne: Blueprint = [.include(.imageOfParent), .set(.seriesDescription, to: "Plus one")]

    private func expectSame(_ a: Space, _ b: Space) {
        func close(_ x: SIMD3<Double>, _ y: SIMD3<Double>) -> Bool {
            let d = x - y
            return max(abs(d.x), abs(d.y), abs(d.z)) < 1e-6
        }
        #expect(close(a.origin, b.origin) && close(a.sliceStep, b.sliceStep))
        #expect(close(a.columnDirection, b.columnDirection) && close(a.rowDirection, b.rowDirection))
        #expect(abs(a.rowSpacing - b.rowSpacing) < 1e-6 && abs(a.columnSpacing - b.columnSpacing) < 1e-6)
        // A parent without frame of reference gets a new one, since images have to have one.
        #expect(a.frameOfReferenceUID != nil)
        #expect(b.frameOfReferenceUID == nil || a.frameOfReferenceUID == b.frameOfReferenceUID)
        #expect((a.columns, a.rows, a.slices) == (b.columns, b.rows, b.slices))
    }

    @Test(.needsValidator, arguments: PhantomSeries.Modality.allCases, PhantomSeries.Orientation.allCases)
    func phantomPlusOneIsValidAndInThePlace(
        _ modality: PhantomSeries.Modality, _ orientation: PhantomSeries.Orientation
    ) throws {
        let phantom = try PhantomSeries(
            modality: modality, orientation: orientation, slices: 7, rows: 12, columns: 9, rowSpacing: 1.1,
            columnSpacing: 0.65, sliceSpacing: 3.3, shufflesInstanceNumbers: true)
        let parent = try Series(dataSets: phantom.dataSets)
        let volume = try parent.volume(of: Float.self)
        let derived = try plusOne.makeSeries(from: volume.map { $0 + 1 }, derivedFrom: parent)
        #expect(derived.count == 7 && derived.sopClassUID == phantom.sopClassUID)
        try BlueprintTesting.withFiles(derived) { paths in
            for path in paths {
                let errors = try BlueprintTesting.validationErrors(path)
                #expect(errors.isEmpty, "\(errors)")
            }
            let result = try Series(files: paths.reversed())
            let back = try result.volume(of: Int32.self)
            expectSame(back.space, volume.space)
            var wrong = 0
            for slice in 0..<7 {
                for row in 0..<12 {
                    for column in 0..<9
                    where Int(back[slice, row, column]) != phantom.value(slice: slice, row: row, column: column) + 1 {
                        wrong += 1
                    }
                }
                let header = result.instances[slice].header
                #expect(header[.instanceNumber] == slice + 1)
                #expect(
                    header[.sourceImageSequence]?.first?[.referencedSOPInstanceUID]
                        == phantom.sopInstanceUID(slice: slice))
            }
            #expect(wrong == 0)
        }
    }

    @Test(.needsValidator, .needsSharedSeries) func philipsPlusOneIsValidAndExact() throws {
        let parent = try BlueprintTesting.philipsCT()
        let volume = try parent.volume(of: Float.self)
        let derived = try plusOne.makeSeries(from: volume.map { $0 + 1 }, derivedFrom: parent)
        try BlueprintTesting.withFiles(derived) { paths in
            for path in paths {
                let errors = try BlueprintTesting.validationErrors(path)
                #expect(errors.isEmpty, "\(errors)")
            }
            let result = try Series(files: paths)
            let back = try result.volume(of: Float.self)
            expectSame(back.space, volume.space)
            let isPlusOne = back.withUnsafeBuffer { new in
                volume.withUnsafeBuffer { old in zip(new, old).allSatisfy { $0 == $1 + 1 } }
            }
            #expect(isPlusOne && back.unit == .hounsfield)
            let header = result.header
            #expect(header[.imageType] == ["DERIVED", "SECONDARY", "AXIAL"])
            #expect(header[.rescaleSlope] == 1 && header[.rescaleIntercept] == -1024)
            #expect(header[.patientName] == "HEAD" && header[.seriesDescription] == "Plus one")
            #expect(header[.seriesInstanceUID] != parent.header[.seriesInstanceUID])
            #expect(header[.studyInstanceUID] == parent.header[.studyInstanceUID])
        }
    }

    /// Scanners' MR series: what is made of them has no errors of its own.
    @Test(
        .needsValidator, .needsSharedSeries,
        arguments: [
            "siemens/anatomical/001", "generic/anatomical/001_implicit", "generic/anatomical/002_non_isotropic",
        ])
    func realMagneticResonanceIsValid(folder: String) throws {
        let parent = try BlueprintTesting.series("dicom2nifti/" + folder)
        let volume = try parent.volume(of: Float.self)
        let derived = try plusOne.makeSeries(from: volume.map { $0 + 1 }, derivedFrom: parent)
        try BlueprintTesting.withFiles(derived) { paths in
            // A copied value may be wrong as it is in the parent, such as an age of "0Y".
            let known = try Set(parent.instances.compactMap(\.path).flatMap(BlueprintTesting.validationErrors))
            let errors = try Set(paths.flatMap(BlueprintTesting.validationErrors)).subtracting(known)
            #expect(errors.isEmpty, "\(errors)")
            let back = try Series(files: paths).volume(of: Float.self)
            expectSame(back.space, volume.space)
            let slope = derived.headers[0][.rescaleSlope] ?? 0
            let (new, old) = try (#require(back.valueRange), #require(volume.valueRange))
            #expect(abs(new.upperBound - old.upperBound - 1) <= slope / 2 + 1e-4)
            #expect(abs(new.lowerBound - old.lowerBound - 1) <= slope / 2 + 1e-4)
        }
    }

    @Test(.needsSharedSeries) func onlyWhatIsNamedIsCopied() throws {
        let parent = try BlueprintTesting.philipsCT()
        let derived = try plusOne.makeSeries(from: parent.volume(of: Float.self), derivedFrom: parent)
        for header in derived.headers {
            #expect(!header.contains { $0.tag.isPrivate })
            #expect(!header.contains(.windowCenter) && !header.contains(.windowWidth))
            #expect(!header.contains(.referencedImageSequence) && !header.contains(.imageComments))
            #expect(header[.smallestImagePixelValue] != nil && header[.largestImagePixelValue] != nil)
        }
    }

    /// A volume of fractions is read back to within half the slope, which is the least possible.
    @Test(arguments: [(-1000.0, 3000.0), (0.0, 1e-6), (-1e9, 1e9), (123.25, 123.5), (1e6, 1e6 + 1)])
    func fractionsAreWithinHalfTheSlope(low: Double, high: Double) throws {
        let parent = try BlueprintTesting.parent()
        var generator = SeededGenerator(seed: 5)
        var volume = try parent.volume(of: Double.self)
        volume.transform { _ in Double.random(in: low...high, using: &generator) }
        volume[0, 0, 0] = low
        volume[2, 5, 4] = high
        let derived = try Blueprint.ct.makeSeries(from: volume, derivedFrom: parent)
        let slope = try #require(derived.headers[0][.rescaleSlope])
        #expect(slope >= (high - low) / 65_535 * 0.999_999 && slope <= (high - low) / 65_535 * 1.000_001)
        let back = try Series(dataSets: Array(derived)).volume(of: Double.self)
        var worst = 0.0
        for slice in 0..<3 {
            for row in 0..<6 {
                for column in 0..<5 { worst = max(worst, abs(back[slice, row, column] - volume[slice, row, column])) }
            }
        }
        // Half a slope, and the rounding of the intercept's 16 characters and of the arithmetic.
        #expect(worst <= slope / 2 * (1 + 1e-6) + 1e-12 * max(abs(low), abs(high)), "\(worst) of \(slope)")
    }

    @Test func magneticResonanceIsRoundedClampedOrRefused() throws {
        let parent = try BlueprintTesting.parent(.mr)
        let volume = try parent.volume(of: Float.self)
        func stored(_ change: (Float) -> Float, _ policy: OutOfRangePolicy = .reject) throws -> [Int32] {
            let series = try Blueprint.mr.makeSeries(
                from: volume.map(change), derivedFrom: parent, outOfRange: policy)
            #expect(!series.headers[0].contains(.rescaleSlope))
            return try Series(dataSets: Array(series)).volume(of: Int32.self).withUnsafeBuffer(Array.init)
        }
        let original = try parent.volume(of: Int32.self).withUnsafeBuffer(Array.init)
        #expect(try stored { $0 } == original)
        #expect(try stored { $0 + 0.4 } == original)
        #expect(try stored { -$0 } == original.map { -$0 })
        #expect(BlueprintTesting.code { _ = try stored { $0 * 1000 } } == .valueOutOfRange)
        #expect(try stored({ $0 * 1000 }, .clamp) == original.map { min($0 * 1000, 65_535) })
        #expect(
            try stored({ ($0 - 50) * 1000 }, .clamp) == original.map { min(max(($0 - 50) * 1000, -32_768), 32_767) })
        #expect(BlueprintTesting.code { _ = try stored { _ in .nan } } == .valueOutOfRange)
    }

    /// Some scanners give MR images a rescale; rounding the scaled values would lose what it says.
    @Test func magneticResonanceWithARescaleKeepsOne() throws {
        let parent = try BlueprintTesting.parent(.mr) {
            $0[.rescaleSlope] = 0.001
            $0[.rescaleIntercept] = 0
            $0[.rescaleType] = "normalized"
        }
        let volume = try parent.volume(of: Double.self)
        let derived = try Blueprint.imageOfParent.makeSeries(from: volume.map { $0 * 2 }, derivedFrom: parent)
        let back = try Series(dataSets: Array(derived)).volume(of: Double.self)
        #expect(abs(back[1, 2, 3] - volume[1, 2, 3] * 2) < 1e-5 && back.unit == "normalized")
    }

    @Test func paddingIsRestored() throws {
        let parent = try BlueprintTesting.parent { dataSet in
            dataSet[.pixelPaddingValue] = 0
            var bytes = Array(dataSet[.pixelData] ?? [])
            (bytes[0], bytes[1], bytes[2], bytes[3]) = (0, 0, 1, 0)
            dataSet[.pixelData] = bytes[...]
        }
        let volume = try parent.volume(of: Float.self)
        #expect(volume.padding?.count == 3 && volume.padding?.value == -1024)
        // After the subtraction the second voxel has the value that padding had: it must not become padding.
        for change: @Sendable (Float) -> Float in [{ $0 + 1 }, { $0 - 1 }, { $0 * 0.3 }] {
            let derived = try Blueprint.ct.makeSeries(from: volume.map(change), derivedFrom: parent)
            let back = try Series(dataSets: Array(derived)).volume(of: Float.self)
            #expect(back.padding?.count == 3)
            #expect((0..<3).allSatisfy { back.padding?[$0, 0] == true && back.padding?[$0, 1] == false })
            #expect(abs(back[1, 0, 1] - change(-1023)) < 0.02)
        }
        let plain = try Blueprint.ct.makeSeries(from: volume.map { $0 + 1 }, derivedFrom: parent)
        #expect(try Series(dataSets: Array(plain)).volume(of: Float.self)[0, 0, 0] == -1024)
    }
}
