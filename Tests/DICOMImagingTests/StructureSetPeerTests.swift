import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Foundation
import ReferenceTools
import Testing

/// Structure sets against rt-utils and pydicom.
///
/// rt-utils rounds corners to whole pixels and fills their outlines too, so its masks are other ones: every voxel that only one
/// of the two has must be within one pixel of the other's. Where pixels are not square it takes the two Pixel Spacings for
/// each other, and Rows for Columns; the program gives it what it takes them for.
struct StructureSetPeerTests {
    static let program = """
        import sys, numpy as np
        from scipy import ndimage
        from rt_utils import RTStructBuilder
        folder, structures, masks = sys.argv[1:4]
        rt = RTStructBuilder.create_from(folder, structures)
        rows, columns = rt.series_data[0].Rows, rt.series_data[0].Columns
        side = max(rows, columns)
        for image in rt.series_data:
            image.PixelSpacing = list(reversed(image.PixelSpacing))
            image.Rows = image.Columns = side
        names = {int(r.ROINumber): r.ROIName for r in rt.ds.StructureSetROISequence}
        for number, name in sorted(names.items()):
            theirs = np.moveaxis(rt.get_roi_mask_by_name(name), 2, 0)[:, :rows, :columns]
            ours = np.fromfile(f'{masks}/{number}', np.uint8).reshape(theirs.shape).astype(bool)
            farthest = 0.0
            for a, b in zip(ours, theirs):
                if not a.any() and not b.any(): continue
                # The distance of each voxel to the nearest one of the mask, in pixels along the rows and columns.
                for one, other in ((a, b), (b, a)):
                    only = one & ~other
                    if only.any():
                        distance = ndimage.distance_transform_cdt(~other, 'chessboard') if other.any() else None
                        farthest = max(farthest, float('inf') if distance is None else distance[only].max())
            both = int((ours & theirs).sum())
            print(number, int(ours.sum()), int(theirs.sum()), both, farthest)
        """

    struct Comparison {
        let number, ours, theirs, both: Int
        let farthest: Double
        var dice: Double { 2 * Double(both) / Double(ours + theirs) }
    }

    /// Compares the masks of every region with those of rt-utils.
    static func compare(folder: String, structures path: String, _ policy: ContourPolicy = .strict) throws
        -> [Comparison]
    {
        let images = try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { folder + "/" + $0 }
        let series = try Series(images.map { try Series.Instance(path: $0) }.filter { $0.geometry.position != nil })
        let space = try series.geometry.space(acceptedBy: .reject)
        let structures = try RTStructureSet(path: path)
        #expect(structures.findings.isEmpty)
        return try withTemporaryFolder { masks in
            for region in structures.regions {
                try StructureSetTests.write(
                    region.mask(on: space, policy: policy).volume, to: masks + "/\(region.number)")
            }
            return try PythonReference.run(program, [folder, path, masks]).split(separator: "\n").compactMap { line in
                let fields = line.split(separator: " ")
                guard fields.count == 5, let number = Int(fields[0]), let ours = Int(fields[1]),
                    let theirs = Int(fields[2]),
                    let both = Int(fields[3]), let farthest = Double(fields[4])
                else { return nil }
                return Comparison(number: number, ours: ours, theirs: theirs, both: both, farthest: farthest)
            }
        }
    }

    @Test(.needsSharedData) func realStructuresEqualThoseOfRTUtils() throws {
        let folder = SharedData.root + "/rt-utils/mock_data"
        for file in ["invalid_reference_rt.dcm", "non_existent_reference_rt.dcm"] {
            // What these files refer to is not there, which rt-utils refuses; their contours are sound.
            #expect(try RTStructureSet(path: folder + "/" + file).regions.count == 4)
        }
        let own = try RTStructureSet(path: folder + "/rt.dcm")
        #expect(own.regions.map { $0.contours.map(\.points.count) } == [[4, 8]])
        let slices = try Series(files: ["ct_1.dcm", "ct_2.dcm"].map { folder + "/" + $0 })
        let space = try slices.geometry.space(acceptedBy: .reject)
        // It states another frame of reference than the images.
        #expect(code { _ = try own.regions[0].mask(on: space) } == .mismatchedVolumes)
        let results = try Self.compare(
            folder: folder, structures: folder + "/rt.dcm", ContourPolicy(requiresFrameOfReference: false))
        #expect(results.count == 1)
        for result in results { #expect(result.farthest <= 1, "\(result)") }
    }

    /// The regions that a structure set of the shared data has, in references that are whole.
    @Test(.needsSharedData) func regionsOfAClinicalSetEqualThoseOfRTUtils() throws {
        let source = SharedData.root + "/rt-utils"
        try withTemporaryFolder { folder in
            for image in ["ct_1.dcm", "ct_2.dcm"] {
                try FileManager.default.copyItem(atPath: source + "/mock_data/" + image, toPath: folder + "/" + image)
            }
            let series = try Series(files: ["ct_1.dcm", "ct_2.dcm"].map { folder + "/" + $0 })
            let read = try RTStructureSet(path: source + "/mock_data/invalid_reference_rt.dcm")
            #expect(read.regions.map(\.contours.count) == [3, 3, 3, 3])
            // Its third plane is beyond the images.
            let mask = try read.regions[0].mask(on: series.geometry.space(acceptedBy: .reject))
            #expect(mask.findings.map(\.kind) == [.outsideSpace])
            // rt-utils wants an image for every contour.
            let regions = read.regions.map { region in
                var region = region
                region.contours.removeAll { $0.points[0].z > 66 }
                return region
            }
            let dataSet = try RTStructureSet.dataSet(label: "COPY", regions: regions, on: series)
            let path = folder + "/../" + URL(filePath: folder).lastPathComponent + ".rt"
            defer { try? FileManager.default.removeItem(atPath: path) }
            try DICOMFile(dataSet: dataSet).write(to: path)
            let results = try Self.compare(folder: folder, structures: path)
            #expect(results.count == 4)
            for result in results { #expect(result.farthest <= 1 && result.dice > 0.9, "\(result)") }
        }
    }

    /// Series whose slices lie in no special direction, of three slices and of one, with structures written here.
    @Test(.needsSharedData, arguments: ["oriented_data", "one_slice_data"])
    func rotatedStructuresEqualThoseOfRTUtils(name: String) throws {
        let source = SharedData.root + "/rt-utils/" + name
        try withTemporaryFolder { folder in
            let images = folder + "/images"
            try FileManager.default.createDirectory(atPath: images, withIntermediateDirectories: true)
            for file in try FileManager.default.contentsOfDirectory(atPath: source) where file.hasSuffix(".dcm") {
                var image = try DICOMFile.read(source + "/" + file)
                // The files state no frame of reference, thickness or study, without which nothing can refer to them.
                image.dataSet[.frameOfReferenceUID] = "1.2.3.4"
                image.dataSet[.studyInstanceUID] = image.dataSet[.studyInstanceUID] ?? "1.2.3.5"
                image.dataSet[.seriesInstanceUID] = image.dataSet[.seriesInstanceUID] ?? "1.2.3.6"
                if image.dataSet[.sliceThickness] == nil { image.dataSet[.sliceThickness] = 4.5 }
                try image.write(to: images + "/" + file)
            }
            let series = try Series(
                files: FileManager.default.contentsOfDirectory(atPath: images).map { images + "/" + $0 })
            let space = try series.geometry.space(acceptedBy: .reject)
            let circles = (0..<space.slices).flatMap { slice in
                [(40.3, 22.8, 17.2), (80.5, 30.5, 9.5)].map { x, y, radius in
                    RegionMaskTests.contour(
                        RegionMaskTests.circle(x, y, radius: radius, corners: 90), slice: Double(slice), on: space)
                }
            }
            let ring = Volume<UInt8>(space: space) { _, row, column in
                let square = (row - 25) * (row - 25) + (column - 50) * (column - 50)
                return (60..<400).contains(square) ? 1 : 0
            }
            let regions = [
                RegionOfInterest(number: 1, name: "circles", frameOfReferenceUID: "1.2.3.4", contours: circles),
                RegionOfInterest(number: 2, name: "ring with a keyhole", mask: ring),
                RegionOfInterest(number: 3, name: "ring of two contours", mask: ring, holes: .xor),
            ]
            let dataSet = try RTStructureSet.dataSet(label: "TEST", regions: regions, on: series)
            try DICOMFile(dataSet: dataSet).write(to: folder + "/rt.dcm")
            let results = try Self.compare(folder: images, structures: folder + "/rt.dcm")
            #expect(results.map(\.number) == [1, 2, 3])
            for result in results { #expect(result.farthest <= 1 && result.dice > 0.85, "\(result)") }
            #expect(results.dropFirst().allSatisfy { $0.ours == ring.withUnsafeBuffer { $0.count { $0 == 1 } } })
        }
    }

    /// What we write is read by pydicom, number by number.
    @Test func pydicomReadsWhatWasWritten() throws {
        let phantom = try PhantomSeries(orientation: .oblique, slices: 3, rows: 12, columns: 10)
        let series = try Series(dataSets: phantom.dataSets)
        let mask = StructureSetTests.randomMask(phantom.space, density: 0.6, seed: 5)
        let region = RegionOfInterest(
            number: 3, name: "Ωmega", color: RGBVoxel(red: 1, green: 2, blue: 3), interpretedType: "PTV", mask: mask)
        let dataSet = try RTStructureSet.dataSet(label: "TEST", regions: [region], on: series)
        let output = try withTemporaryFolder { folder in
            try DICOMFile(dataSet: dataSet).write(to: folder + "/rt.dcm")
            return try PythonReference.run(
                """
                import sys, pydicom
                ds = pydicom.dcmread(sys.argv[1])
                print(ds.SOPClassUID.name, ds.Modality, ds.PatientName, ds.StructureSetLabel)
                roi, contours, seen = ds.StructureSetROISequence[0], ds.ROIContourSequence[0], ds.RTROIObservationsSequence[0]
                print(roi.ROINumber, ascii(roi.ROIName), list(map(int, contours.ROIDisplayColor)), seen.RTROIInterpretedType)
                series = ds.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
                print(series.SeriesInstanceUID, len(series.ContourImageSequence))
                for c in contours.ContourSequence:
                    assert len(c.ContourData) == 3 * c.NumberOfContourPoints
                    print(c.ContourGeometricType, c.ContourImageSequence[0].ReferencedSOPInstanceUID, *map(float, c.ContourData))
                """, [folder + "/rt.dcm"])
        }
        let lines = output.split(separator: "\n").map(String.init)
        #expect(
            lines.prefix(2) == [
                "RT Structure Set Storage RTSTRUCT \(phantom.patientName) TEST", "3 '\\u03a9mega' [1, 2, 3] PTV",
            ])
        #expect(lines[2] == "\(phantom.seriesInstanceUID) 3")
        #expect(lines.count == 3 + region.contours.count)
        for (line, contour) in zip(lines.dropFirst(3), region.contours) {
            let fields = line.split(separator: " ")
            #expect(fields[0] == contour.geometry.rawValue)
            let slice = Int(phantom.space.index(of: contour.points[0]).z.rounded())
            #expect(fields[1] == phantom.sopInstanceUID(slice: slice).string)
            let numbers = fields.dropFirst(2).compactMap { Double($0) }
            let own = contour.points.flatMap { [$0.x, $0.y, $0.z] }
            #expect(numbers.count == own.count && zip(numbers, own).allSatisfy { abs($0 - $1) < 1e-6 })
        }
    }
}
