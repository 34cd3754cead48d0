import DICOMCore
import DICOMDictionary
import DICOMImaging
import Foundation
import ReferenceTools
import Testing

/// Mosaics, dose grids, segmentations and mended series, against nibabel, SimpleITK, NumPy, SciPy and dcm2niix.
struct VolumeFormTests {
    private func agrees(_ folder: String, _ name: String, _ volume: Volume<Double>, isWhole: Bool = true) throws {
        let (wrong, count) = try VolumePeer.differences("\(folder)/\(name).records", volume)
        #expect(wrong == 0 && (isWhole ? count == volume.count : count > 0), "\(name): \(wrong) of \(count) differ")
    }

    static let mosaics = """
        import struct
        import nibabel.nicom.dicomwrappers as wrappers
        from scipy.spatial.transform import Rotation
        turn = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()

        def csa(tags):
            data = b"SV10" + bytes([4, 3, 2, 1]) + struct.pack("<2I", len(tags), 77)
            for name, vr, values in tags:
                data += struct.pack("<64si4s3i", name.encode(), len(values), vr.encode(), 0, 6, 77)
                for value in (values + [""] * 6)[:6]:
                    value = value.encode() + b"\\0" if value else b""
                    data += struct.pack("<4i", len(value), len(value), 77, len(value)) + value + b"\\0" * (-len(value) % 4)
            return data

        for count, sign in [(7, 1), (9, -1), (1, 1), (17, -1)]:
            side = int(np.ceil(np.sqrt(count)))
            ds = base("1.2.840.10008.5.1.4.1.1.4")
            pixels(ds, random.integers(0, 4000, (side * 5, side * 8)).astype("<u2"))
            ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
            ds.Manufacturer, ds.Modality = "SIEMENS", "MR"
            ds.ImageOrientationPatient = text(list(turn[0]) + list(turn[1]))
            ds.ImagePositionPatient, ds.PixelSpacing = text([-120.5, 80, 33.25]), [1.5, 2]
            ds.SliceThickness, ds.SpacingBetweenSlices = 3, 3.75
            block = ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
            block.add_new(0x10, "OB", csa([
                ("EchoLinePosition", "IS", ["12"]), ("NumberOfImagesInMosaic", "US", [str(count)]),
                ("SliceNormalVector", "FD", [f"{v:.8f}" for v in sign * turn[2]])]))
            ds.save_as(f"{folder}/mosaic{count}.dcm", enforce_file_format=True)
            image = wrappers.MosaicWrapper(pydicom.dcmread(f"{folder}/mosaic{count}.dcm"))
            data, affine = image.get_data().reshape(5, 8, count), image.affine
            grid = np.stack(np.meshgrid(*(np.arange(n) for n in data.shape), indexing="ij"), axis=-1)
            records(f"mosaic{count}", [(grid @ affine[:3, :3].T + affine[:3, 3], data.astype(float))])
        """

    @Test func mosaicsAreWhereNibabelHasThem() throws {
        try withTemporaryFolder { folder in
            try PythonReference.run(VolumePeer.common + Self.mosaics, [folder])
            for count in [7, 9, 1, 17] {
                let volume = try Series(files: ["\(folder)/mosaic\(count).dcm"]).volume(of: Double.self)
                #expect(volume.slices == count)
                try agrees(folder, "mosaic\(count)", volume)
            }
        }
    }

    private static let files = """
        import SimpleITK as sitk
        from pydicom.data import get_testdata_file
        names = ["eCT_Supplemental.dcm", "liver.dcm", "rtdose.dcm", "rtdose_rle.dcm"]
        for name in names:
            path = get_testdata_file(name)
            image = sitk.ReadImage(path)
            scale = float(pydicom.dcmread(path, stop_before_pixels=True).get("DoseGridScaling", 1))
            values = sitk.GetArrayFromImage(image)[:, ::7, ::7] * scale
            k, j, i = np.meshgrid(*(np.arange(n) * s for n, s in zip(values.shape, (1, 7, 7))), indexing="ij")
            matrix = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
            records(name, [(np.stack([i, j, k], axis=-1) @ matrix.T + image.GetOrigin(), (values > 0) if name == "liver.dcm"
                            else values)])
            print(name, path)
        """

    @Test func filesOfPydicomAreWhereSimpleITKHasThem() throws {
        try withTemporaryFolder { folder in
            let lines = try PythonReference.run(VolumePeer.common + Self.files, [folder]).split(separator: "\n")
            #expect(lines.count == 4)
            for line in lines {
                let (name, path) = (String(line.prefix { $0 != " " }), String(line.drop { $0 != " " }.dropFirst()))
                if name == "liver.dcm" {
                    let segmentation = try Segmentation(Series.Instance(path: path))
                    #expect(segmentation.kind == .binary && segmentation.segments.count == 1)
                    let mask = try segmentation.mask(of: segmentation.segments[0].number)
                    try agrees(folder, name, mask.map { Double($0) }, isWhole: false)
                } else {
                    let volume = try Series(files: [path]).volume(of: Double.self)
                    #expect(volume.unit == (name.hasPrefix("rtdose") ? "RELATIVE" : "ml/100ml/s"))
                    try agrees(folder, name, volume, isWhole: false)
                }
            }
        }
    }

    static let doses = """
        cases = {"head": [1, 0, 0, 0, 1, 0], "feet": [-1, 0, 0, 0, 1, 0], "prone": [-1, 0, 0, 0, -1, 0]}
        for name, orientation in cases.items():
            for kind in ("relative", "absolute"):
                ds = base("1.2.840.10008.5.1.4.1.1.481.2")
                array = random.integers(0, 1 << 31, (4, 3, 5)).astype("<u4")
                pixels(ds, array)
                ds.ImageOrientationPatient, ds.ImagePositionPatient = orientation, [10, 20, -300]
                ds.PixelSpacing, ds.DoseGridScaling, ds.DoseUnits = [2, 3], "2.5e-7", "GY"
                normal = np.cross(orientation[:3], orientation[3:])
                steps = np.arange(4) * 2.5
                # PS3.3 C.8.8.3.2: along the normal, or the planes' z.
                z = -300 + normal[2] * steps
                ds.GridFrameOffsetVector = list(steps) if kind == "relative" else list(z)
                ds.save_as(f"{folder}/{name}-{kind}.dcm", enforce_file_format=True)
                records(f"{name}-{kind}", [(points([10, 20, z[k]], orientation, (2, 3), (3, 5)), array[k] * 2.5e-7)
                                           for k in range(4)])
        """

    @Test func doseGridsAreWhereTheirOffsetsSay() throws {
        try withTemporaryFolder { folder in
            try PythonReference.run(VolumePeer.common + Self.doses, [folder])
            for name in ["head", "feet", "prone"].flatMap({ [$0 + "-relative", $0 + "-absolute"] }) {
                try agrees(folder, name, try Series(files: ["\(folder)/\(name).dcm"]).volume(of: Double.self))
            }
        }
    }

    static let segmentations = """
        # Ten planes of images; the segmentation has frames of some of them, in any order.
        places = {1: [7, 1, 3], 2: [3, 9]}
        drawn = {n: random.random((10, 6, 7)) for n in places}
        for n in places:
            for k in range(10):
                if k not in places[n]: drawn[n][k] = 0
        frames = [(n, k) for n in places for k in places[n]]
        plane = lambda k: [5, -4, 2 + 1.5 * k]

        def segmentation(name, kind, array, frames, pack=False):
            ds = base("1.2.840.10008.5.1.4.1.1.66." + ("7" if kind == "LABELMAP" else "4"))
            pixels(ds, array)
            ds.SegmentationType = kind
            if kind == "FRACTIONAL": ds.MaximumFractionalValue, ds.SegmentationFractionalType = 200, "OCCUPANCY"
            if pack:
                ds.BitsAllocated = ds.BitsStored = 1
                ds.HighBit = 0
                bits = np.packbits(array.ravel(), bitorder="little").tobytes()
                ds.PixelData = bits + b"\\0" * (len(bits) % 2)
            ds.SegmentSequence = [item(SegmentNumber=n, SegmentLabel=f"S{n}") for n in places]
            ds.SharedFunctionalGroupsSequence = [item(
                PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
                PixelMeasuresSequence=[item(PixelSpacing=[1, 2], SliceThickness=9, SpacingBetweenSlices=1.5)])]
            ds.PerFrameFunctionalGroupsSequence = []
            for n, k in frames:
                group = item(PlanePositionSequence=[item(ImagePositionPatient=plane(k))])
                if n: group.SegmentIdentificationSequence = [item(ReferencedSegmentNumber=n)]
                ds.PerFrameFunctionalGroupsSequence.append(group)
            ds.save_as(f"{folder}/{name}.dcm", enforce_file_format=True)

        inside = {n: drawn[n] > 0.5 for n in places}
        segmentation("binary", "BINARY", np.array([inside[n][k] for n, k in frames]).astype("u1"), frames, pack=True)
        level = {n: np.rint(drawn[n] * 200) for n in places}
        segmentation("fractional", "FRACTIONAL", np.array([level[n][k] for n, k in frames]).astype("u1"), frames)
        labels = np.where(inside[2], 2, np.where(inside[1], 1, 0))
        for dtype in ("u1", "<u2"):
            segmentation("labels" + dtype[-2:], "LABELMAP", labels[[1, 3, 7, 9]].astype(dtype), [(None, k) for k in (1, 3, 7, 9)])
        for n in places:
            for name, mask in [("binary", inside[n]), ("fractional", level[n] >= 100), ("fraction", level[n] / 200),
                               ("labelsu1", labels == n), ("labelsu2", labels == n)]:
                records(f"{name}-{n}", [(points(plane(k), [1, 0, 0, 0, 1, 0], (1, 2), (6, 7)), mask[k].astype(float))
                                        for k in range(10)])
        # Positions that were rounded to a tenth of a millimetre are no regular planes.
        plane = lambda k: [5, -4, round(1.25 * k, 1)]
        segmentation("rounded", "BINARY", np.zeros((10, 6, 7), "u1"), [(1, k) for k in range(10)], pack=True)
        """

    @Test func segmentationsAreWhereTheirFramesSay() throws {
        try withTemporaryFolder { folder in
            try PythonReference.run(VolumePeer.common + Self.segmentations, [folder])
            let images = try Space(
                origin: [5, -4, 2], columnDirection: [1, 0, 0], rowDirection: [0, 1, 0], rowSpacing: 1,
                columnSpacing: 2,
                sliceStep: [0, 0, 1.5], columns: 7, rows: 6, slices: 10, frameOfReferenceUID: "1.2.3")
            for name in ["binary", "fractional", "labelsu1", "labelsu2"] {
                let segmentation = try Segmentation(Series.Instance(path: "\(folder)/\(name).dcm"))
                #expect(segmentation.segments.map(\.number) == [1, 2] && segmentation.segments[1].label == "S2")
                for number in [1, 2] {
                    let mask = try segmentation.mask(of: number, on: images)
                    #expect(mask.space == images)
                    try agrees(folder, "\(name)-\(number)", mask.map { Double($0) })
                }
                if name == "fractional" {
                    let fraction = try segmentation.fraction(of: 2)
                    let planes = Set([1, 3, 7, 9].map { 2 + 1.5 * Double($0) })
                    #expect(planes.contains(fraction.space.origin.z) && fraction.space.sliceSpacing == 1.5)
                    #expect(segmentation.space.slices == 9)
                }
                // Two voxels further left and one row further back, three slices only.
                let part = try Space(
                    origin: [1, -3, 6.5], columnDirection: [1, 0, 0], rowDirection: [0, 1, 0], rowSpacing: 1,
                    columnSpacing: 2, sliceStep: [0, 0, 1.5], columns: 5, rows: 6, slices: 3,
                    frameOfReferenceUID: "1.2.3"
                )
                let (whole, cut) = (
                    try segmentation.mask(of: 1, on: images), try segmentation.mask(of: 1, on: part)
                )
                for slice in 0..<3 {
                    for row in 0..<6 {
                        for column in 0..<5 {
                            let isOutside = column < 2 || row > 4
                            #expect(
                                cut[slice, row, column] == (isOutside ? 0 : whole[slice + 3, row + 1, column - 2]))
                        }
                    }
                }
                let other = try Space(
                    origin: [5, -4, 2], columnDirection: [1, 0, 0], rowDirection: [0, 1, 0], rowSpacing: 1,
                    columnSpacing: 2, sliceStep: [0, 0, 1.5], columns: 7, rows: 6, slices: 10,
                    frameOfReferenceUID: "1.2.4")
                #expect(code { _ = try segmentation.mask(of: 1, on: other) } == .mismatchedVolumes)
            }
            #expect(
                code { _ = try Segmentation(Series.Instance(path: "\(folder)/rounded.dcm")) } == .unacceptableGeometry)
        }
    }

    private static let mended = """
        from scipy.ndimage import map_coordinates
        from scipy.interpolate import interp1d

        def write(name, array, positions):
            os.mkdir(f"{folder}/{name}")
            for k, (plane, position) in enumerate(zip(array, positions)):
                ds = base("1.2.840.10008.5.1.4.1.1.4")
                pixels(ds, plane)
                ds.SeriesInstanceUID, ds.InstanceNumber = "1.2.5", k + 1
                ds.ImagePositionPatient, ds.ImageOrientationPatient = text(position), [1, 0, 0, 0, 1, 0]
                ds.PixelSpacing = [1, 2]
                ds.save_as(f"{folder}/{name}/{k}.dcm", enforce_file_format=True)

        def expect(name, places, values):
            records(name, [(points([0, 0, z], [1, 0, 0, 0, 1, 0], (1, 2), v.shape), v) for z, v in zip(places, values)])

        array = random.integers(-500, 500, (6, 5, 7)).astype("<i2")
        for name, z in [("missing", np.array([0, 2, 4, 8, 10, 12.])), ("uneven", np.array([0, 2, 4.5, 6, 8.3, 10]))]:
            write(name, array, [[0, 0, v] for v in z])
            places = np.linspace(0, z[-1], int(round(z[-1] / 2)) + 1)
            expect(name, places, interp1d(z, array.astype(float), axis=0)(places))
        # A gantry tilted by 0.75 mm a slice in the direction of the rows, which are 1 mm apart.
        write("tilted", array, [[0, 0.75 * k, 2 * k] for k in range(6)])
        parts = []
        for k in range(6):
            r, c = np.meshgrid(np.arange(9.), np.arange(7.), indexing="ij")
            own = r - 0.75 * k
            value = map_coordinates(array[k].astype(float), [own, c], order=1, mode="nearest")
            kept = (own >= -0.5) & (own <= 4.5)
            parts.append((np.stack([2 * c, r, np.full_like(r, 2 * k)], axis=-1)[kept], value[kept]))
        records("tilted", parts)
        """

    @Test func mendedSeriesAreInterpolatedAsBySciPy() throws {
        try withTemporaryFolder { folder in
            try PythonReference.run(VolumePeer.common + Self.mended, [folder])
            for (name, kind) in [
                ("missing", .missingSlice), ("uneven", .nonUniformSpacing), ("tilted", .sheared),
            ] as [(String, GeometryFinding.Kind)] {
                let series = try #require(try Series.found(in: [folder + "/" + name]).series.first)
                #expect(series.geometry.findings.map(\.kind) == [kind] && series.stacks().count == 1)
                #expect(code { _ = try series.volume(of: Double.self) } == .unacceptableGeometry)
                let volume = try series.volume(of: Double.self, policy: .resample)
                try agrees(folder, name, volume, isWhole: kind != .sheared)
                let padding = try Data(contentsOf: URL(filePath: "\(folder)/\(name).records")).count / 32
                #expect((volume.padding?.count ?? 0) == volume.count - padding, "\(name)")
                if let mask = volume.padding {
                    let lowest = try #require(try series.volume(of: Double.self, policy: .acceptSheared).statistics())
                        .minimum
                    #expect(mask.value == lowest && mask[5, 0] && volume[5, 0, 0] == lowest && !mask[0, 0])
                }
            }
        }
    }

    /// dcm2niix makes one four-dimensional image of the series, in the order of its time points.
    @Test(
        .needsSharedData,
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/dcm2niix"), "needs dcm2niix"))
    func timePointsAreThoseOfDcm2niix() throws {
        try withTemporaryFolder { folder in
            try PythonReference.run(
                VolumePeer.common
                    + """
                    import glob, subprocess, nibabel
                    subprocess.run(["/usr/bin/dcm2niix", "-f", "x", "-o", folder, sys.argv[2]], capture_output=True)
                    image = nibabel.load(glob.glob(folder + "/x*.nii")[0])
                    data = np.asanyarray(image.dataobj).astype(float)
                    grid = np.stack(np.meshgrid(*(np.arange(n) for n in data.shape[:3]), indexing="ij"), axis=-1)
                    places = (grid @ image.affine[:3, :3].T + image.affine[:3, 3]) * [-1, -1, 1]
                    for t in range(data.shape[3]): records(str(t), [(places, data[..., t])])
                    """, [folder, SharedData.root + "/ge-fmri"])
            let sequence = try Series(files: SharedData.images("ge-fmri").filter { $0.hasSuffix(".dcm") })
                .volumeSequence(of: Double.self)
            #expect(sequence.count == 10)
            for time in 0..<sequence.count { try agrees(folder, "\(time)", sequence[time]) }
        }
    }
}
