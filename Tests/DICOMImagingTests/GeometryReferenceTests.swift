import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Foundation
import ReferenceTools
import Testing

/// Corners of real series by SimpleITK, and whole series by dcm2niix.
@Suite(.needsSharedData) struct GeometryReferenceTests {
    /// SimpleITK's eight corners, LPS, mm, of the series in a folder.
    @Test(arguments: ["philips-ct", "rt-utils/mock_data", "rt-utils/oriented_data"])
    func cornersEqualSimpleITK(folder: String) throws {
        let path = SharedData.root + "/" + folder
        let output = try PythonReference.run(
            """
            import sys, SimpleITK as sitk
            reader = sitk.ImageSeriesReader()
            for uid in reader.GetGDCMSeriesIDs(sys.argv[1]):
                names = reader.GetGDCMSeriesFileNames(sys.argv[1], uid)
                if len(names) < 2: continue
                reader.SetFileNames(names)
                image = reader.Execute()
                x, y, z = (n - 1 for n in image.GetSize())
                corners = [image.TransformIndexToPhysicalPoint((i * x, j * y, k * z))
                           for k in (0, 1) for j in (0, 1) for i in (0, 1)]
                print(uid, *[repr(float(c)) for p in corners for c in p])
            """, [path])
        let found = try Series.found(in: [path]).series
        var compared = 0
        for line in output.split(separator: "\n") {
            let parts = line.split(separator: " ")
            let numbers = parts.dropFirst().compactMap { Double($0) }
            guard let series = found.first(where: { $0.header[.seriesInstanceUID]?.string == String(parts[0]) }),
                let space = series.geometry.space
            else { continue }
            #expect(numbers.count == 24)
            let last = SIMD3(space.columns - 1, space.rows - 1, space.slices - 1)
            let ours = (0..<8).map { corner -> SIMD3<Double> in
                let column = corner & 1 == 0 ? 0 : last.x
                let row = corner & 2 == 0 ? 0 : last.y
                return space.point(column: column, row: row, slice: corner & 4 == 0 ? 0 : last.z)
            }
            // SimpleITK may have the slices in the other order: the corners are compared as a set.
            for corner in 0..<8 {
                let theirs = SIMD3(numbers[3 * corner], numbers[3 * corner + 1], numbers[3 * corner + 2])
                #expect(ours.contains { isClose($0, theirs, 1e-4) }, "\(folder): \(theirs) is none of \(ours)")
            }
            compared += 1
        }
        #expect(compared > 0, "\(folder)")
    }

    /// dcm2niix writes the same values at the same places.
    @Test(
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/dcm2niix"), "needs dcm2niix"),
        arguments: ["philips-ct", "dicom2nifti/generic/anatomical/001", "dicom2nifti/siemens/anatomical/001"])
    func dcm2niixAgrees(folder: String) throws {
        try withTemporaryFolder { temporary in
            let printed = try PythonReference.run(
                """
                import glob, subprocess, sys
                done = subprocess.run(["/usr/bin/dcm2niix", "-f", "x", "-o", sys.argv[2], sys.argv[1]],
                                      capture_output=True, text=True)
                print(*sorted(glob.glob(sys.argv[2] + "/x*.nii")), sep="\\n")
                """, [SharedData.root + "/" + folder, temporary])
            let path = try #require(printed.split(separator: "\n").first.map(String.init))
            let theirs = try NIfTIImage(path: path).volume(of: Float.self)
            let ours = try #require(try Series.found(in: [SharedData.root + "/" + folder]).series.first)
                .volume(of: Float.self)
            #expect(theirs.count == ours.count)
            var wrong = 0
            for voxel in stride(from: 0, to: ours.count, by: max(1, ours.count / 20_011)) {
                let (slice, rest) = voxel.quotientAndRemainder(dividingBy: ours.rows * ours.columns)
                let (row, column) = rest.quotientAndRemainder(dividingBy: ours.columns)
                let index = theirs.space.index(of: ours.space.point(column: column, row: row, slice: slice))
                let near = SIMD3(index.x.rounded(), index.y.rounded(), index.z.rounded())
                let (i, j, k) = (Int(near.x), Int(near.y), Int(near.z))
                let isInside =
                    (0..<theirs.columns).contains(i) && (0..<theirs.rows).contains(j) && (0..<theirs.slices).contains(k)
                if !isInside || !isClose(index, near, 0.01) || theirs[k, j, i] != ours[slice, row, column] {
                    wrong += 1
                }
            }
            #expect(wrong == 0, "\(folder): \(wrong) differ")
        }
    }
}

/// Images with functional groups and other several slices in one, made here.
struct MultiFrameTests {
    private let phantom: PhantomSeries

    init() throws {
        phantom = try PhantomSeries(
            modality: .mr, orientation: .oblique, slices: 5, rows: 6, columns: 7, rowSpacing: 1.5, columnSpacing: 0.8)
    }

    /// The phantom's slices as frames of one enhanced image, in the order given.
    private func enhanced(
        _ order: [Int], change: (inout DataSet, Int) -> Void = { _, _ in }
    ) throws -> DataSet {
        var image = phantom.dataSet(slice: 0)
        var frames: [DataSet] = []
        var pixels: [UInt8] = []
        for (number, slice) in order.enumerated() {
            let source = phantom.dataSet(slice: slice)
            var position = DataSet()
            position[.imagePositionPatient] = source[.imagePositionPatient]
            var transform = DataSet()
            transform[.rescaleSlope] = Double(number + 1)
            transform[.rescaleIntercept] = -10
            transform[.rescaleType] = "US"
            var frame = DataSet()
            frame[.planePositionSequence] = [position]
            frame[.pixelValueTransformationSequence] = [transform]
            change(&frame, number)
            frames.append(frame)
            pixels += source[element: .pixelData]?.bytes ?? []
        }
        var orientation = DataSet()
        orientation[.imageOrientationPatient] = image[.imageOrientationPatient]
        var measures = DataSet()
        measures[.pixelSpacing] = image[.pixelSpacing]
        var shared = DataSet()
        shared[.planeOrientationSequence] = [orientation]
        shared[.pixelMeasuresSequence] = [measures]
        for tag in [
            Attribute.imagePositionPatient.tag, Attribute.imageOrientationPatient.tag, Attribute.pixelSpacing.tag,
            Attribute<Double>.rescaleSlope.tag, Attribute<Double>.rescaleIntercept.tag,
        ] { image.remove(tag) }
        image[.sharedFunctionalGroupsSequence] = [shared]
        image[.perFrameFunctionalGroupsSequence] = frames
        image[.numberOfFrames] = order.count
        image[.pixelData] = pixels[...]
        return image
    }

    @Test func framesHaveTheirOwnPlacesAndRescale() throws {
        let order = [3, 0, 4, 1, 2]
        let volume = try Series(dataSets: [enhanced(order)]).volume(of: Double.self)
        #expect(volume.space.hasSameCorners(as: phantom.space))
        for (number, slice) in order.enumerated() {
            let stored = Double(phantom.storedValue(slice: slice, row: 2, column: 3))
            #expect(volume[slice, 2, 3] == stored * Double(number + 1) - 10)
        }
    }

    @Test func missingFramesAreNamed() throws {
        let series = try Series(dataSets: [enhanced([0, 1, 3, 4])])
        #expect(series.geometry.explanation.contains("One slice is missing between frame 2 of"))
    }

    @Test func repeatedPositionsAreSplitByTheirKey() throws {
        let image = try enhanced([0, 1, 2, 0, 1, 2]) { frame, number in
            var content = DataSet()
            content[.temporalPositionIndex] = number < 3 ? 2 : 1
            frame[.frameContentSequence] = [content]
        }
        let sequence = try Series(dataSets: [image]).volumeSequence(of: Double.self)
        #expect(sequence.keys == [.temporalPosition] && sequence.values == [[1], [2]])
        #expect(sequence[0][0, 2, 3] == Double(phantom.storedValue(slice: 0, row: 2, column: 3)) * 4 - 10)
    }

    @Test func segmentationsBecomeMasks() throws {
        // Two segments, bits packed across frames of 42 pixels; segment 2 is in two slices only, one of which is not next to
        // the other.
        let frames: [(segment: Int, slice: Int)] = [(1, 0), (1, 1), (1, 2), (2, 0), (2, 3)]
        func inside(_ segment: Int, _ slice: Int, _ index: Int) -> Bool { (index + segment + slice) % 3 == 0 }
        var image = try enhanced(frames.map(\.slice)) { frame, number in
            var identification = DataSet()
            identification[.referencedSegmentNumber] = [frames[number].segment]
            frame[.segmentIdentificationSequence] = [identification]
        }
        var bits = [UInt8](repeating: 0, count: (42 * 5 + 7) / 8 + 1)
        for (number, frame) in frames.enumerated() {
            for index in 0..<42 where inside(frame.segment, frame.slice, index) {
                bits[(number * 42 + index) / 8] |= 1 << UInt8((number * 42 + index) % 8)
            }
        }
        image[.bitsAllocated] = 1
        image[.bitsStored] = 1
        image[.highBit] = 0
        image[.pixelRepresentation] = 0
        image[.segmentationType] = "BINARY"
        image[.segmentSequence] = [1, 2].map { number in
            var segment = DataSet()
            segment[.segmentNumber] = number
            segment[.segmentLabel] = "S\(number)"
            return segment
        }
        image[.pixelData] = bits[...]
        let segmentation = try Segmentation(Series.Instance(dataSet: image))
        #expect(segmentation.segments.map(\.label) == ["S1", "S2"] && segmentation.space.slices == 4)
        for segment in 1...2 {
            let own = try segmentation.mask(of: segment)
            let onSeries = try segmentation.mask(of: segment, on: phantom.space)
            for slice in 0..<4 {
                for index in 0..<42 {
                    let isDrawn = frames.contains { $0 == (segment, slice) } && inside(segment, slice, index)
                    #expect(own[slice, index / 7, index % 7] == (isDrawn ? 1 : 0))
                    #expect(onSeries[slice, index / 7, index % 7] == (isDrawn ? 1 : 0))
                }
            }
            #expect(
                onSeries.slices == 5
                    && onSeries.range(ofSlice: 4).allSatisfy { onSeries.withUnsafeBuffer { $0 }[$0] == 0 })
        }
        #expect(code { _ = try segmentation.mask(of: 3) } == .invalidPixelDescription)
    }

    /// Float pixels with a real-world value map in their functional groups (PS3.3 C.8.32).
    @Test func parametricMapsAreInTheirUnit() throws {
        var image = try enhanced([0, 1, 2]) { frame, number in
            var unit = DataSet()
            unit[.codeValue] = "mm2/s"
            var map = DataSet()
            map[.realWorldValueSlope] = 0.5
            map[.realWorldValueIntercept] = Double(number)
            map[.measurementUnitsCodeSequence] = [unit]
            frame[.realWorldValueMappingSequence] = [map]
            frame[.pixelValueTransformationSequence] = nil
        }
        let values = (0..<3 * 42).map { Float($0) * 0.25 }
        image[.pixelData] = nil
        image[element: Attribute.floatPixelData.tag] = DataElement(
            Attribute.floatPixelData.tag, .of, .bytes(values.withUnsafeBytes { [UInt8]($0) }[...]))
        image[.bitsAllocated] = 32
        let volume = try Series(dataSets: [image]).volume(of: Double.self)
        #expect(volume.unit == .squareMillimetresPerSecond)
        for slice in 0..<3 {
            #expect(volume[slice, 2, 3] == Double(values[slice * 42 + 17]) * 0.5 + Double(slice))
        }
    }

    @Test func doseGridsAreInGray() throws {
        var image = phantom.dataSet(slice: 0)
        var pixels: [UInt8] = []
        for slice in 0..<5 { pixels += phantom.dataSet(slice: slice)[element: .pixelData]?.bytes ?? [] }
        image[.numberOfFrames] = 5
        image[.gridFrameOffsetVector] = [0, 2.5, 5, 7.5, 10]
        image[.doseGridScaling] = 0.001
        image[.doseUnits] = "GY"
        image[.rescaleSlope] = nil
        image[.rescaleIntercept] = nil
        image[.pixelData] = pixels[...]
        let volume = try Series(dataSets: [image]).volume(of: Double.self)
        #expect(volume.unit == .gray && volume.slices == 5 && abs(volume.space.sliceSpacing - 2.5) < 1e-9)
        let stored = Double(phantom.storedValue(slice: 3, row: 1, column: 2))
        #expect(abs(volume[3, 1, 2] - stored * 0.001) < 1e-12)
    }

    /// Functional groups, mosaics and segmentations with spoilt bytes: an error or a volume, nothing else.
    @Test func spoiltHeadersNeverTrap() throws {
        var generator = SeededGenerator(seed: 31)
        let image = try enhanced([0, 1, 2, 3, 4])
        var mosaic = phantom.dataSet(slice: 0)
        mosaic[.imageType] = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]
        mosaic[.rows] = 6
        mosaic[.columns] = 6
        let csa =
            Array("SV10".utf8) + [4, 3, 2, 1, 1, 0, 0, 0, 77, 0, 0, 0]
            + Array("NumberOfImagesInMosaic".utf8) + [UInt8](repeating: 0, count: 42)
            + [1, 0, 0, 0] + Array("US\0\0".utf8) + [6, 0, 0, 0, 1, 0, 0, 0, 77, 0, 0, 0]
            + [2, 0, 0, 0, 2, 0, 0, 0, 77, 0, 0, 0, 2, 0, 0, 0] + Array("4 ".utf8) + [0, 0]
        for round in 0..<400 {
            var one = round % 2 == 0 ? image : mosaic
            if round % 2 == 1 {
                var header = csa
                if round > 1 {
                    header[Int.random(in: 0..<header.count, using: &generator)] = .random(
                        in: 0...255, using: &generator)
                }
                one[.mosaicHeader] = header[...]
                if round == 1 {
                    let series = try Series(dataSets: [one])
                    #expect(series.slices.count == 4 && series.slices[0].geometry.rows == 3)
                }
            }
            for attribute in [
                Attribute<Int>.rows, .columns, .numberOfFrames, .bitsAllocated, .bitsStored, .highBit, .samplesPerPixel,
            ] where Int.random(in: 0..<6, using: &generator) == 0 {
                one[attribute] = [0, 1, 2, 7, 16, 65_535].randomElement(using: &generator)
            }
            if Bool.random(using: &generator) {
                one[.pixelSpacing] = [[0, 1], [1e300, 1e-300], [.nan, 1], [-1, 1]].randomElement(using: &generator)
            }
            guard let series = try? Series(dataSets: [one]) else { continue }
            _ = try? series.volume(
                of: Float.self, policy: [.reject, .resample, .largestStack].randomElement(using: &generator) ?? .reject)
            _ = try? series.volumeSequence(of: Int16.self)
            _ = try? series.colorVolume()
            _ = try? Segmentation(series.instances[0]).mask(of: 1)
        }
    }
}

extension PrivateAttribute where Value == ArraySlice<UInt8> {
    fileprivate static var mosaicHeader: Self { .init(creator: "SIEMENS CSA HEADER", 0x0029, 0x10, .ob) }
}

extension Space {
    fileprivate func hasSameCorners(as other: Space) -> Bool {
        (0..<8).allSatisfy { corner in
            let index = SIMD3(
                corner & 1 == 0 ? 0 : Double(columns - 1), corner & 2 == 0 ? 0 : Double(rows - 1),
                corner & 4 == 0 ? 0 : Double(slices - 1))
            return isClose(point(at: index), other.point(at: index), 1e-6)
        }
    }
}
