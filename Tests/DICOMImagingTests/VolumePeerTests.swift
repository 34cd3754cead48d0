import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import ReferenceTools
import Testing

/// Series and functional groups built by pydicom; where each voxel is and what it is worth say PS3.3 C.7.6.2.1.1 in NumPy, and
/// SimpleITK.
@Suite struct VolumePeerTests {
    private static let synthesized = """
        import SimpleITK as sitk
        from scipy.spatial.transform import Rotation
        oblique = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()
        orientations = {
            "axial": [1, 0, 0, 0, 1, 0], "prone": [-1, 0, 0, 0, -1, 0], "feet-first": [-1, 0, 0, 0, 1, 0],
            "decubitus-right": [0, 1, 0, -1, 0, 0], "decubitus-left": [0, -1, 0, 1, 0, 0],
            "sagittal": [0, 1, 0, 0, 0, -1], "coronal": [1, 0, 0, 0, 0, -1],
            "oblique": list(oblique[0]) + list(oblique[1]), "tilted": [1, 0, 0, 0, 1, 0],
            "tilted-oblique": list(oblique[0]) + list(oblique[1])}
        types = ["<i2", "<u2", "u1", "i1", "<i4", "<u4"]
        for number, (name, orientation) in enumerate(orientations.items()):
            os.mkdir(f"{folder}/{name}")
            o = np.asarray([float(x) for x in text(orientation)])
            normal = np.cross(o[:3], o[3:])
            spacing, parts, uid = (1.25, 0.75), [], generate_uid()
            numbers = random.permutation(5) + 1
            for k in range(5):
                ds = base("1.2.840.10008.5.1.4.1.1.4", [ExplicitVRLittleEndian, ImplicitVRLittleEndian][number % 2])
                # As much of what the type holds as a float keeps, which SimpleITK reads into.
                array = random.integers(-90 if "i" in types[number % 6] else 0, 120, (6, 9)).astype(types[number % 6])
                if array.dtype.itemsize > 1: array *= 100
                position = np.array([-31.5, 12.25, 100]) + normal * (4.5 * k)
                if name.startswith("tilted"): position = position + o[3:] * 0.8 * k
                ds.SeriesInstanceUID, ds.InstanceNumber, ds.Modality = uid, int(numbers[k]), "MR"
                ds.ImagePositionPatient, ds.ImageOrientationPatient = text(position), text(orientation)
                ds.PixelSpacing, ds.SliceThickness, ds.SpacingBetweenSlices = list(spacing), 3, 9
                ds.RescaleSlope, ds.RescaleIntercept = [1, 0.5, 2, 1, 0.25][k], -10 * k
                pixels(ds, array)
                ds.save_as(f"{folder}/{name}/{random.integers(1 << 30)}.dcm", enforce_file_format=True)
                place = [float(x) for x in text(position)]
                parts.append((points(place, o, spacing, array.shape), array * float(ds.RescaleSlope) - 10 * k))
            records(name, parts)
            if not name.startswith("tilted"):
                reader = sitk.ImageSeriesReader()
                reader.SetFileNames(reader.GetGDCMSeriesFileNames(f"{folder}/{name}"))
                reader.SetOutputPixelType(sitk.sitkFloat64)
                image = reader.Execute()
                values = sitk.GetArrayFromImage(image)
                places = np.array([[[image.TransformIndexToPhysicalPoint((i, j, k)) for i in range(9)] for j in range(6)]
                                   for k in range(5)])
                records(name + "-sitk", [(places, values)])
            print(name)
        """

    @Test func everyOrientationIsWhereNumPyAndSimpleITKHaveIt() throws {
        try withTemporaryFolder { folder in
            let names = try PythonReference.run(VolumePeer.common + Self.synthesized, [folder]).split(separator: "\n")
            #expect(names.count == 10)
            for name in names.map(String.init) {
                let found = try Series.found(in: [folder + "/" + name])
                let series = try #require(found.series.first)
                #expect(found.series.count == 1 && found.skipped.isEmpty && series.slices.count == 5)
                let isTilted = name.hasPrefix("tilted")
                #expect(series.geometry.findings.map(\.kind) == (isTilted ? [.sheared] : []), "\(name)")
                let volume = try series.volume(of: Double.self, policy: isTilted ? .acceptSheared : .reject)
                let (wrong, count) = try VolumePeer.differences("\(folder)/\(name).records", volume)
                #expect(wrong == 0 && count == volume.count, "\(name): \(wrong) of \(count)")
                if !isTilted {
                    let (wrong, count) = try VolumePeer.differences("\(folder)/\(name)-sitk.records", volume)
                    #expect(wrong == 0 && count == volume.count, "\(name) by SimpleITK: \(wrong) of \(count)")
                }
            }
        }
    }

    static let enhanced = """
        identity = [item(RescaleSlope=1, RescaleIntercept=0, RescaleType="US")]
        o = [0, 1, 0, 0, 0, -1]
        normal = np.cross(o[:3], o[3:]).astype(float)
        pointers = {"stack": 0x00209056, "place": 0x00209057, "time": 0x00209128, "echo": 0x00189082, "b": 0x00189087}

        def image(sop, frames, dims, dtype="<i2", shape=(5, 8), change=lambda frame, key: None, shared=identity):
            # frames: (place along the normal, key of the volume, what makes each volume's name)
            ds = base(sop)
            array = random.integers(0, 3000, (len(frames), *shape)).astype(dtype)
            pixels(ds, array)
            ds.SharedFunctionalGroupsSequence = [item(
                PlaneOrientationSequence=[item(ImageOrientationPatient=text(o))],
                PixelMeasuresSequence=[item(PixelSpacing=[2, 0.5], SliceThickness=1, SpacingBetweenSlices=3)])]
            if shared: ds.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence = shared
            ds.DimensionIndexSequence = [item(DimensionIndexPointer=pointers[d]) for d in dims]
            groups = []
            for place, key in frames:
                index = {"stack": 1, "place": place + 1, "time": key + 1, "echo": key + 1, "b": key + 1}
                frame = item(PlanePositionSequence=[item(ImagePositionPatient=text(np.array([3, -20, 7]) + normal * 3 * place))],
                             FrameContentSequence=[item(DimensionIndexValues=[index[d] for d in dims], StackID="1",
                                                        InStackPositionNumber=place + 1)])
                change(frame, key)
                groups.append(frame)
            ds.PerFrameFunctionalGroupsSequence = groups
            return ds, array

        def save(name, ds, frames, values):
            ds.save_as(f"{folder}/{name}.dcm", enforce_file_format=True)
            for key in sorted({k for _, k in frames}):
                records(f"{name}-{key}", [
                    (points(np.array([3, -20, 7]) + normal * 3 * place, o, (2, 0.5), v.shape), v)
                    for (place, k), v in zip(frames, values) if k == key])


        def shuffled(places, keys):
            return [(int(p), int(k)) for p, k in random.permutation([(p, k) for k in range(keys) for p in range(places)])]

        MR, CT, MAP = ["1.2.840.10008.5.1.4.1.1." + x for x in ("4.1", "2.1", "30")]
        frames = shuffled(4, 1)
        slopes = iter(np.arange(1, 99) / 4)
        used = []
        def own(frame, key):
            used.append(next(slopes))
            frame.PixelValueTransformationSequence = [item(RescaleSlope=used[-1], RescaleIntercept=-7, RescaleType="HU")]
        ds, array = image(CT, frames, ["stack", "place"], change=own, shared=None)
        save("ct", ds, frames, array * np.array(used)[:, None, None] - 7)
        for name, dims, attribute in [
                ("time-last", ["stack", "place", "time"], lambda f, k: None),
                ("time-first", ["time", "stack", "place"], lambda f, k: None),
                ("echo", ["stack", "place", "echo"],
                 lambda f, k: setattr(f, "MREchoSequence", [item(EffectiveEchoTime=[4.5, 12, 30][k])])),
                ("b", ["stack", "place", "b"],
                 lambda f, k: setattr(f, "MRDiffusionSequence", [item(DiffusionBValue=[0, 500, 1000][k])]))]:
            frames = shuffled(4, 3)
            ds, array = image(MR, frames, dims, change=attribute)
            save(name, ds, frames, array.astype(float))
        def value(slope, intercept): return [item(RealWorldValueSlope=slope, RealWorldValueIntercept=intercept,
            MeasurementUnitsCodeSequence=[item(CodeValue="mm2/s", CodingSchemeDesignator="UCUM", CodeMeaning="mm2/s")])]
        frames = shuffled(4, 1)
        # As highdicom writes them: an identity rescale beside the real-world value map.
        ds, array = image(MAP, frames, ["place"], "<u2",
                          change=lambda f, k: setattr(f, "RealWorldValueMappingSequence", value(0.5, -3)))
        save("map-integer", ds, frames, array * 0.5 - 3)
        for name, dtype, keyword in [("map-float", "<f4", "FloatPixelData"), ("map-double", "<f8", "DoubleFloatPixelData")]:
            ds, array = image(MAP, frames, ["place"], "<f4",
                              change=lambda f, k: setattr(f, "RealWorldValueMappingSequence", value(2, 0.25)))
            array = random.integers(-4000, 4000, array.shape).astype(dtype) / 64
            del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
            ds.BitsAllocated = array.dtype.itemsize * 8
            setattr(ds, keyword, array.tobytes())
            save(name, ds, frames, array * 2.0 + 0.25)
        ds, array = image(MAP, frames, ["place"], "<u2", change=lambda f, k: setattr(
            f, "RealWorldValueMappingSequence", [item(RealWorldValueLUTData=[0.5, 1.5])]))
        save("map-table", ds, frames, array.astype(float))
        ds, array = image(MR, frames, ["place"])
        del ds.PerFrameFunctionalGroupsSequence[2]
        save("group-missing", ds, frames, array.astype(float))
        """

    @Test func framesAreWhereTheirFunctionalGroupsSay() throws {
        try withTemporaryFolder { folder in
            try PythonReference.run(VolumePeer.common + Self.enhanced, [folder])
            func series(_ name: String) throws -> Series { try Series(files: ["\(folder)/\(name).dcm"]) }
            let keys: [(String, SequenceKey, [Double])] = [
                ("time-last", .dimensionIndex, [1, 2, 3]), ("time-first", .dimensionIndex, [1, 2, 3]),
                ("echo", .echoTime, [4.5, 12, 30]), ("b", .bValue, [0, 500, 1000]),
            ]
            for (name, key, values) in keys {
                let sequence = try series(name).volumeSequence(of: Double.self)
                #expect(sequence.keys == [key] && sequence.values == values.map { [$0] }, "\(name): \(sequence.keys)")
                for time in 0..<sequence.count {
                    let (wrong, count) = try VolumePeer.differences("\(folder)/\(name)-\(time).records", sequence[time])
                    #expect(wrong == 0 && count == sequence[time].count, "\(name) \(time): \(wrong) of \(count)")
                }
            }
            for (name, unit) in [
                ("ct", .hounsfield), ("map-integer", .squareMillimetresPerSecond),
                ("map-float", .squareMillimetresPerSecond), ("map-double", .squareMillimetresPerSecond),
            ] as [(String, VoxelUnit)] {
                let volume = try series(name).volume(of: Double.self)
                let (wrong, count) = try VolumePeer.differences("\(folder)/\(name)-0.records", volume)
                #expect(wrong == 0 && count == volume.count, "\(name): \(wrong) of \(count)")
                #expect(volume.unit == unit, "\(name)")
            }
            #expect(code { _ = try series("map-table").volume(of: Double.self) } == .unsupportedPixelData)
            let stored = try series("map-table").volume(of: Double.self, values: .stored)
            #expect(try VolumePeer.differences("\(folder)/map-table-0.records", stored).wrong == 0)
            let missing = try series("group-missing")
            #expect(missing.geometry.findings.map(\.kind) == [.missingAttribute])
            #expect(missing.geometry.explanation.contains("it has 3 for 4 frames"))
            #expect(code { _ = try missing.volume(of: Double.self) } == .unacceptableGeometry)
        }
    }

    @Test func copiesAreNoTimePoints() throws {
        let dataSets = try PhantomSeries(slices: 3, rows: 2, columns: 2).dataSets
        let series = try Series(dataSets: dataSets + dataSets)
        #expect(code { _ = try series.volumeSequence(of: Float.self) } == .unacceptableGeometry)
        #expect(throws: DICOMError.self) { try series.parts() }
        let again = dataSets.map { dataSet in
            var copy = dataSet
            copy[.sopInstanceUID] = UID((dataSet[.sopInstanceUID]?.string ?? "") + ".1")
            return copy
        }
        #expect(try Series(dataSets: dataSets + again).parts().keys == [.instanceOrder])
    }

    @Test func moreStacksThanAreToldApartEndInOne() throws {
        let slices = try PhantomSeries(slices: 1, rows: 2, columns: 2).dataSets.flatMap { dataSet in
            (0..<1100).map { number in
                var one = dataSet
                one[.rows] = number + 2
                one[.sopInstanceUID] = UID("1.2.\(number)")
                return one
            }
        }
        let stacks = try Series(dataSets: slices).stacks()
        #expect(stacks.count == 1001 && stacks[0].slices.count == 100 && !stacks[0].geometry.isUniform)
    }
}
