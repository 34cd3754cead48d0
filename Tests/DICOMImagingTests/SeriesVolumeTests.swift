import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Foundation
import Testing

struct SeriesVolumeTests {
    @Test(arguments: PhantomSeries.Modality.allCases, PhantomSeries.Orientation.allCases)
    func phantomFilesBecomeTheirVolume(
        _ modality: PhantomSeries.Modality, _ orientation: PhantomSeries.Orientation
    ) throws {
        let phantom = try PhantomSeries(
            modality: modality, orientation: orientation, slices: 9, rows: 11, columns: 7, rowSpacing: 1.5,
            columnSpacing: 0.8, shufflesInstanceNumbers: true)
        try withTemporaryFolder { folder in
            let paths = try phantom.write(to: folder)
            #expect(Set(paths).count == 9)
            let series = try Series(files: paths.sorted())
            let volume = try series.volume(of: Int16.self)
            #expect(volume.space.coincides(with: phantom.space) && volume.unit == (modality == .ct ? "HU" : nil))
            var wrong = 0
            for slice in 0..<9 {
                #expect(series.instances[slice].header[.sopInstanceUID] == phantom.sopInstanceUID(slice: slice))
                for row in 0..<11 {
                    for column in 0..<7
                    where Int(volume[slice, row, column]) != phantom.value(slice: slice, row: row, column: column) {
                        wrong += 1
                    }
                }
            }
            #expect(wrong == 0)
        }
    }

    /// Large enough for two threads.
    @Test func twoThreadsDecodeTheSameVolume() throws {
        let phantom = try PhantomSeries(slices: 5, rows: 512, columns: 512)
        let dataSets = phantom.dataSets
        let volume = try Series(dataSets: dataSets).volume(of: Float.self)
        for slice in 0..<5 {
            for (row, column) in [(0, 0), (511, 511), (17, 400)] {
                #expect(Int(volume[slice, row, column]) == phantom.value(slice: slice, row: row, column: column))
            }
        }
    }

    @Test func truncatedFilesAreAnError() throws {
        try withTemporaryFolder { folder in
            let paths = try PhantomSeries(slices: 3, rows: 8, columns: 8).write(to: folder)
            let series = try Series(files: paths)
            try FileHandle(forWritingTo: URL(filePath: paths[1])).truncate(atOffset: 700)
            #expect(code { _ = try series.volume(of: Float.self) } == .missingPixelData)
            try FileManager.default.removeItem(atPath: paths[1])
            #expect(code { _ = try series.volume(of: Float.self) } == .inputOutput)
        }
    }

    @Test func irregularSeriesAreRefusedWithTheirSentences() throws {
        var dataSets = try PhantomSeries(slices: 6).dataSets
        dataSets.remove(at: 2)
        let series = try Series(dataSets: dataSets)
        #expect(code { _ = try series.volume(of: Float.self) } == .unacceptableGeometry)
        #expect(code { _ = try Series(dataSets: []) } == .missingPixelData)
    }

    @Test func withoutItsCodecACompressedSeriesIsRefusedByName() throws {
        let compressed = try PhantomSeries(slices: 2).dataSets.map { dataSet in
            var dataSet = dataSet
            dataSet[element: .pixelData] = DataElement(.pixelData, .ob, .fragments([[], [0xFF, 0xD8][...]]))
            return Series.Instance(dataSet: dataSet, transferSyntax: TransferSyntax(uid: .jpipReferenced))
        }
        let series = try Series(compressed)
        #expect(code { _ = try series.volume(of: Float.self) } == .unsupportedPixelData)
    }

    @Test func differentUnitsAreRefused() throws {
        var dataSets = try PhantomSeries(modality: .mr, slices: 2).dataSets
        dataSets[1][.rescaleType] = "HU"
        #expect(code { _ = try Series(dataSets: dataSets).volume(of: Float.self) } == .mismatchedVolumes)
    }

    @Test(.needsDciodvfy, arguments: PhantomSeries.Modality.allCases, PhantomSeries.Orientation.allCases)
    func phantomsAreValid(_ modality: PhantomSeries.Modality, _ orientation: PhantomSeries.Orientation) throws {
        let phantom = try PhantomSeries(modality: modality, orientation: orientation, slices: 2, patientName: "Grün^Ü")
        try withTemporaryFolder { folder in
            for path in try phantom.write(to: folder) {
                let errors = try Dciodvfy.errors(path)
                #expect(errors.isEmpty, "\(errors)")
            }
        }
    }

    @Test func phantomsAreTheSameBytesEveryTime() throws {
        let one = try PhantomSeries(seed: 3)
        let two = try PhantomSeries(seed: 3)
        let other = try PhantomSeries(seed: 4)
        let encoded = try one.dataSet(slice: 5).encoded(as: .explicitVRLittleEndian)
        #expect(try two.dataSet(slice: 5).encoded(as: .explicitVRLittleEndian) == encoded)
        #expect(other.seriesInstanceUID != one.seriesInstanceUID && other.studyInstanceUID != one.studyInstanceUID)
        #expect(one.seriesInstanceUID.isValid && one.sopInstanceUID(slice: 1) != one.sopInstanceUID(slice: 2))
        #expect(code { _ = try PhantomSeries(slices: 0) } == .invalidValue)
        #expect(code { _ = try PhantomSeries(rowSpacing: -1) } == .invalidSpace)
    }
}

/// Real series, and those that must not become a plain volume.
@Suite(.needsSharedData) struct RealSeriesTests {
    @Test func philipsCTIsAUniformVolume() throws {
        let series = try Series(files: SharedData.images("philips-ct"))
        #expect(series.geometry.isUniform, "\(series.geometry.explanation)")
        let volume = try series.volume(of: Int16.self)
        #expect((volume.slices, volume.rows, volume.columns) == (28, 512, 512))
        #expect(isClose(volume.space.sliceStep, [0, 0, 5]) && volume.space.pixelSpacing == [0.451171875, 0.451171875])
        #expect(volume.unit == .hounsfield)
        // The first stored value of 0001.dcm is 1AH, and its intercept −1024.
        let first = try #require(series.instances.firstIndex { $0.geometry.instanceNumber == 1 })
        #expect(volume[first, 0, 0] == 0x1A - 1024)
    }

    @Test(arguments: [
        ("failing/sliceincrement/001", GeometryFinding.Kind.missingSlice),
        ("failing/sliceincrement/002", .missingSlice),
        ("failing/sliceorientation/001", .mixedOrientation),
        ("failing/gantrytilting/001", .sheared),
        ("failing/notavolume/001", .duplicatePosition),
    ])
    func failingSeriesAreFound(folder: String, kind: GeometryFinding.Kind) throws {
        let series = try Series(files: SharedData.images("dicom2nifti/" + folder))
        #expect(series.geometry.findings.contains { $0.kind == kind }, "\(folder): \(series.geometry.explanation)")
    }

    /// A sound volume of two slices, with a note; missing slices and gantry tilt can be resampled, other things cannot.
    @Test func failingSeriesAreHandledByTheNamedPolicy() throws {
        let two = try Series(files: SharedData.images("dicom2nifti/failing/slicecount/001"))
        #expect(two.geometry.isUniform && two.geometry.notes.map(\.kind) == [.fewSlices])
        #expect(try two.volume(of: Float.self).slices == 2)
        for (folder, slices) in [("sliceincrement/001", 5), ("sliceincrement/002", 5), ("gantrytilting/001", 4)] {
            let series = try Series(files: SharedData.images("dicom2nifti/failing/" + folder))
            #expect(code { _ = try series.volume(of: Float.self) } == .unacceptableGeometry, "\(folder)")
            let volume = try series.volume(of: Float.self, policy: .resample)
            #expect(volume.slices == slices && !volume.space.isSheared, "\(folder): \(volume.slices)")
        }
        let mixed = try Series(files: SharedData.images("dicom2nifti/failing/sliceorientation/001"))
        #expect(code { _ = try mixed.volume(of: Float.self, policy: .resample) } == .unacceptableGeometry)
        #expect(try mixed.volume(of: Float.self, policy: .largestStack).slices == 2)
        #expect(mixed.stacks().map(\.slices.count) == [2, 2])
        let same = try Series(files: SharedData.images("dicom2nifti/failing/notavolume/001"))
        for policy in [GeometryPolicy.reject, .acceptSheared, .resample, .largestStack] {
            #expect(code { _ = try same.volume(of: Float.self, policy: policy) } == .unacceptableGeometry)
        }
    }

    @Test func gantryTiltIsAcceptedWhenAsked() throws {
        let series = try Series(files: SharedData.images("dicom2nifti/failing/gantrytilting/001"))
        let volume = try series.volume(of: Float.self, policy: .acceptSheared)
        #expect(volume.space.isSheared && volume.slices == 4)
    }

    @Test(arguments: ["001", "001_implicit", "002_non_isotropic"])
    func genericSeriesAreVolumes(folder: String) throws {
        let series = try Series(files: SharedData.images("dicom2nifti/generic/anatomical/" + folder))
        #expect(series.geometry.isUniform, "\(series.geometry.explanation)")
        #expect(try series.volume(of: Float.self).slices == 4)
    }

    @Test func implicitAndExplicitGiveTheSameSpace() throws {
        let spaces = try ["001", "001_implicit"].map { folder in
            try Series(files: SharedData.images("dicom2nifti/generic/anatomical/" + folder)).geometry.space
        }
        #expect(spaces[0] != nil && spaces[0] == spaces[1])
    }

    @Test func timeSeriesAreNotAVolume() throws {
        let series = try Series(files: SharedData.images("ge-fmri").filter { $0.hasSuffix(".dcm") })
        #expect(series.geometry.findings.map(\.kind) == [.duplicatePosition])
        #expect(series.geometry.explanation.contains("Each of the 15 slice positions occurs 10 times"))
    }
}
