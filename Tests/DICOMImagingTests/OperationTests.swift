import DICOMCore
import DICOMImaging
import DICOMTesting
import Foundation
import ReferenceTools
import Testing

/// Operations against SciPy, NumPy and SimpleITK on random volumes of odd sizes, their edges included.
struct OperationTests {
    static let frame: UID = "2.25.99"

    static func space(
        _ columns: Int, _ rows: Int, _ slices: Int, spacing: SIMD3<Double> = SIMD3(0.7, 1.3, 2.5),
        origin: SIMD3<Double> = SIMD3(-10, 5, 30), angle: Double = 0
    ) throws -> Space {
        let (c, s) = (cos(angle), sin(angle))
        // Turned about an axis that is none of the grid's.
        return try Space(
            origin: origin, columnDirection: SIMD3(c, s, 0), rowDirection: SIMD3(-s * c, c * c, s),
            rowSpacing: spacing.y, columnSpacing: spacing.x, sliceStep: SIMD3(s * s, -c * s, c) * spacing.z,
            columns: columns, rows: rows, slices: slices, frameOfReferenceUID: frame)
    }

    static func noise<Scalar: VoxelScalar>(
        _ space: Space, seed: UInt64, _ value: (Int) -> Scalar
    ) -> Volume<Scalar> {
        var generator = SeededGenerator(seed: seed)
        return Volume(space: space) { _, _, _ in value(Int.random(in: 0..<2000, using: &generator)) }
    }

    static func save<Scalar: VoxelScalar>(_ volume: Volume<Scalar>, _ path: String) throws {
        try NumPyArray(volume).write(to: path)
    }

    static func load(_ path: String) throws -> [Double] {
        let array = try NumPyArray(path: path)
        return array.bytes.withUnsafeBytes { bytes in
            switch array.type {
            case .float: bytes.bindMemory(to: Float.self).map(Double.init)
            case .double: Array(bytes.bindMemory(to: Double.self))
            case .int32: bytes.bindMemory(to: Int32.self).map(Double.init)
            case .int16: bytes.bindMemory(to: Int16.self).map(Double.init)
            case .uint8: bytes.map(Double.init)
            default: []
            }
        }
    }

    static func values<Scalar: VoxelScalar>(_ volume: Volume<Scalar>) -> [Double] {
        volume.withUnsafeBuffer { $0.map(\.doubleValue) }
    }

    static func worst(_ a: [Double], _ b: [Double]) -> Double {
        a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }

    private static let geometry = """
        import sys, json, numpy, SimpleITK as sitk
        def image(array, s):
            i = sitk.GetImageFromArray(array)
            i.SetOrigin(s['origin']); i.SetSpacing(s['spacing']); i.SetDirection(s['direction'])
            return i
        """

    private static func json(_ space: Space) -> String {
        let z = space.sliceStep / space.sliceSpacing
        let (x, y) = (space.columnDirection, space.rowDirection)
        return """
            {"origin": [\(space.origin.x), \(space.origin.y), \(space.origin.z)],
             "spacing": [\(space.columnSpacing), \(space.rowSpacing), \(space.sliceSpacing)],
             "direction": [\(x.x), \(y.x), \(z.x), \(x.y), \(y.y), \(z.y), \(x.z), \(y.z), \(z.z)],
             "size": [\(space.columns), \(space.rows), \(space.slices)]}
            """
    }

    /// Aligned and oblique targets, finer and coarser, reaching beyond the source; volumes of one voxel along an axis too.
    @Test func resamplingEqualsSimpleITK() throws {
        let cases: [(source: Space, target: Space)] = [
            (
                try Self.space(17, 13, 11),
                try Self.space(23, 9, 14, spacing: SIMD3(0.5, 1.9, 2.1), origin: SIMD3(-11, 4, 28))
            ),
            (try Self.space(17, 13, 11), try Self.space(19, 21, 12, angle: 0.3)),
            (
                try Self.space(13, 7, 5, angle: 0.8),
                try Self.space(11, 17, 9, spacing: SIMD3(1.1, 0.6, 1.7), angle: 0.2)
            ),
            (try Self.space(1, 13, 11), try Self.space(5, 9, 14, origin: SIMD3(-11, 4, 28))),
            (try Self.space(17, 13, 1), try Self.space(19, 21, 3, angle: 0.1)),
        ]
        try withTemporaryFolder { folder in
            for (number, item) in cases.enumerated() {
                try Self.save(
                    Self.noise(item.source, seed: UInt64(number)) { Float($0) - 700 }, "\(folder)/\(number).npy")
            }
            let specs = cases.map { "[\(Self.json($0.source)), \(Self.json($0.target))]" }.joined(separator: ",")
            try ("[" + specs + "]").write(toFile: folder + "/cases.json", atomically: true, encoding: .utf8)
            try PythonReference.run(
                Self.geometry + """

                    folder = sys.argv[1]
                    for n, (source, target) in enumerate(json.load(open(folder + '/cases.json'))):
                        i = image(numpy.load(f'{folder}/{n}.npy'), source)
                        r = sitk.ResampleImageFilter()
                        r.SetSize(target['size']); r.SetOutputOrigin(target['origin'])
                        r.SetOutputSpacing(target['spacing']); r.SetOutputDirection(target['direction'])
                        r.SetDefaultPixelValue(-1e4)
                        for name, kind in (('nearest', sitk.sitkNearestNeighbor), ('linear', sitk.sitkLinear)):
                            r.SetInterpolator(kind)
                            numpy.save(f'{folder}/{n}-{name}.npy', sitk.GetArrayFromImage(r.Execute(i)))
                    """, [folder])
            for (number, item) in cases.enumerated() {
                let volume = Self.noise(item.source, seed: UInt64(number)) { Float($0) - 700 }
                for interpolation in [Interpolation.nearest, .linear] {
                    let ours = try volume.resampled(to: item.target, interpolation: interpolation, outside: -1e4)
                    let reference = try Self.load("\(folder)/\(number)-\(interpolation).npy")
                    // Of 2,000: Float arithmetic. Nearest neighbours are exact.
                    let tolerance = interpolation == .nearest ? 0 : 2e-3
                    let worst = Self.worst(Self.values(ours), reference)
                    #expect(worst <= tolerance, "case \(number) \(interpolation): \(worst)")
                }
            }
        }
    }

    /// B-splines that go through the voxels, mirrored: SciPy's order 3 with mode mirror, at places within the volume.
    @Test func cubicResamplingEqualsSciPy() throws {
        let source = try Self.space(17, 13, 11)
        let target = try Self.space(14, 10, 8, spacing: SIMD3(0.61, 1.2, 2.3), origin: SIMD3(-9, 6.1, 31), angle: 0.05)
        let volume = Self.noise(source, seed: 3) { Double($0) }
        try withTemporaryFolder { folder in
            try Self.save(volume, folder + "/a.npy")
            var coordinates: [Double] = []
            for slice in 0..<8 {
                for row in 0..<10 {
                    for column in 0..<14 {
                        let place = source.index(of: target.point(column: column, row: row, slice: slice))
                        coordinates += [place.z, place.y, place.x]
                    }
                }
            }
            let bytes = coordinates.withUnsafeBytes { [UInt8]($0) }
            try NumPyArray(shape: [coordinates.count / 3, 3], type: .double, bytes: bytes).write(to: folder + "/c.npy")
            try PythonReference.run(
                """
                import sys, numpy, scipy.ndimage as n
                a = numpy.load(sys.argv[1] + '/a.npy'); c = numpy.load(sys.argv[1] + '/c.npy').T
                numpy.save(sys.argv[1] + '/r.npy', n.map_coordinates(a, c, order=3, mode='mirror'))
                inside = numpy.all((c >= 0) & (c <= numpy.array(a.shape)[:, None] - 1), axis=0)
                numpy.save(sys.argv[1] + '/i.npy', inside.astype('u1'))
                """, [folder])
            let ours = Self.values(try volume.resampled(to: target, interpolation: .cubic, outside: -1))
            let reference = try Self.load(folder + "/r.npy")
            let inside = try Self.load(folder + "/i.npy")
            var compared = 0
            for index in ours.indices where inside[index] == 1 {
                #expect(abs(ours[index] - reference[index]) < 1e-8)
                compared += 1
            }
            #expect(compared > 500)
        }
    }

    @Test func wholeNumbersAreRoundedAndPaddingSpreads() throws {
        let space = try Self.space(4, 1, 1, spacing: SIMD3(1, 1, 1))
        var volume = Volume<Int16>(space: space) { _, _, column in [0, 1, 10, -7][column] }
        let fine = try Self.space(7, 1, 1, spacing: SIMD3(0.5, 1, 1))
        // Between 0 and 1 is 0.5, which goes to the even 0; between 1 and 10 is 5.5, which goes to 6.
        #expect(Self.values(try volume.resampled(to: fine)) == [0, 0, 1, 6, 10, 2, -7])
        var mask = PaddingMask(slices: 1, voxelsPerSlice: 4, value: -7)
        mask[0, 3] = true
        volume.padding = mask
        let padded = try #require(try volume.resampled(to: fine).padding)
        #expect((0..<7).map { padded[0, $0] } == [false, false, false, false, false, true, true])
        let other = try Space(
            origin: .zero, columnDirection: SIMD3(1, 0, 0), rowDirection: SIMD3(0, 1, 0), rowSpacing: 1,
            columnSpacing: 1,
            sliceStep: SIMD3(0, 0, 1), columns: 2, rows: 2, slices: 2, frameOfReferenceUID: "2.25.1")
        #expect(code { _ = try volume.resampled(to: other) } == .mismatchedVolumes)
    }

    /// Every voxel keeps its place in the patient; the codes are nibabel's.
    @Test func reorientingMovesIndicesNotVoxels() throws {
        let volume = Self.noise(try Self.space(5, 4, 3, angle: 0.3), seed: 9) { Int16($0) }
        #expect(AxisCodes(of: volume.space).description == "LPS")
        for letters in [["L", "R"], ["P", "A"], ["S", "I"]].permuted() {
            let codes = try #require(AxisCodes(letters))
            let turned = volume.reoriented(to: codes)
            #expect(AxisCodes(of: turned.space) == codes, "\(letters)")
            for slice in 0..<turned.slices {
                for row in 0..<turned.rows {
                    for column in 0..<turned.columns {
                        let index = volume.space.index(of: turned.space.point(column: column, row: row, slice: slice))
                        let (i, j, k) = (Int(index.x.rounded()), Int(index.y.rounded()), Int(index.z.rounded()))
                        #expect(isClose(index, SIMD3(Double(i), Double(j), Double(k)), 1e-9))
                        #expect(turned[slice, row, column] == volume[k, j, i])
                    }
                }
            }
            let back = turned.reoriented(to: .lps)
            #expect(Self.values(back) == Self.values(volume))
            #expect(isClose(back.space.origin, volume.space.origin, 1e-9))
        }
        #expect(AxisCodes("LLS") == nil && AxisCodes("LP") == nil && AxisCodes("XYZ") == nil)
        let mirrored = volume.mirrored(.column)
        #expect(mirrored.space == volume.space && mirrored[1, 2, 0] == volume[1, 2, 4])
        #expect(volume.flipped(.slice)[0, 1, 2] == volume[2, 1, 2])
    }

    @Test func croppingPaddingAndEmbedding() throws {
        let volume = Self.noise(try Self.space(7, 6, 5, angle: 0.2), seed: 4) { Float($0) }
        let box = VoxelBox(slices: 1..<4, rows: 2..<6, columns: 3..<5)
        let part = try volume.cropped(to: box)
        #expect(part.slices == 3 && part.rows == 4 && part.columns == 2)
        #expect(part[2, 3, 1] == volume[3, 5, 4])
        #expect(isClose(part.space.point(column: 1, row: 3, slice: 2), volume.space.point(column: 4, row: 5, slice: 3)))
        let back = try part.embedded(in: volume.space, outside: -1)
        for slice in 0..<5 {
            for row in 0..<6 {
                for column in 0..<7 {
                    let isInside = box.slices.contains(slice) && box.rows.contains(row) && box.columns.contains(column)
                    #expect(back[slice, row, column] == (isInside ? volume[slice, row, column] : -1))
                }
            }
        }
        let larger = try part.padded(before: SIMD3(3, 2, 1), after: SIMD3(2, 0, 1), with: -1)
        #expect(Self.values(larger) == Self.values(back) && larger.space.hasSamePlaces(as: volume.space))
        #expect(
            code { _ = try volume.cropped(to: VoxelBox(slices: 0..<6, rows: 0..<1, columns: 0..<1)) } == .invalidSpace)
        let shifted = try Self.space(7, 6, 5, origin: SIMD3(-9.7, 5, 30))
        #expect(code { _ = try part.embedded(in: shifted, outside: 0) } == .mismatchedVolumes)
    }

    @Test func boxCentreAndProjections() throws {
        let volume = Self.noise(try Self.space(9, 8, 7), seed: 5) { $0 > 1980 ? Int16($0) : 0 }
        var expected: (x: Set<Int>, y: Set<Int>, z: Set<Int>) = ([], [], [])
        var sums = SIMD4<Double>.zero
        for slice in 0..<7 {
            for row in 0..<8 {
                for column in 0..<9 where volume[slice, row, column] > 0 {
                    expected.x.insert(column)
                    expected.y.insert(row)
                    expected.z.insert(slice)
                    let value = Double(volume[slice, row, column])
                    sums += SIMD4(Double(column), Double(row), Double(slice), 1) * value
                }
            }
        }
        let box = try #require(volume.boundingBox())
        #expect(box.columns.lowerBound == expected.x.min() && box.columns.upperBound == expected.x.max().map { $0 + 1 })
        #expect(box.rows.lowerBound == expected.y.min() && box.rows.upperBound == expected.y.max().map { $0 + 1 })
        #expect(box.slices.lowerBound == expected.z.min() && box.slices.upperBound == expected.z.max().map { $0 + 1 })
        #expect(volume.boundingBox(above: 2000) == nil)
        let center = try #require(volume.centerOfGravity())
        #expect(isClose(center.index, SIMD3(sums.x, sums.y, sums.z) / sums.w, 1e-9))
        #expect(isClose(center.point, volume.space.point(at: center.index)))
        for (axis, size) in [(VolumeAxis.column, 9), (.row, 8), (.slice, 7)] {
            let maximum = volume.projected(along: axis)
            let mean = volume.map(Float.init).projected(.mean, along: axis)
            for first in 0..<(axis == .slice ? 8 : 7) {
                for second in 0..<(axis == .column ? 8 : 9) {
                    let line = (0..<size).map { index in
                        switch axis {
                        case .column: volume[first, second, index]
                        case .row: volume[first, index, second]
                        case .slice: volume[index, first, second]
                        }
                    }
                    let (m, a) =
                        switch axis {
                        case .column: (maximum[first, second, 0], mean[first, second, 0])
                        case .row: (maximum[first, 0, second], mean[first, 0, second])
                        case .slice: (maximum[0, first, second], mean[0, first, second])
                        }
                    #expect(m == line.max())
                    let average = Double(line.reduce(0) { $0 + Int($1) }) / Double(size)
                    #expect(abs(Double(a) - average) < 1e-3)
                }
            }
        }
    }

    /// The same on a part of a real head CT, 28 × 110 × 131.
    @Test(.needsSharedData) func realVolumesToo() throws {
        let whole = try #require(try Series.found(in: [SharedData.root + "/philips-ct"]).series.first)
            .volume(of: Float.self)
        let volume = try whole.cropped(to: VoxelBox(slices: 0..<28, rows: 200..<310, columns: 150..<281))
        let target = try Space(
            origin: volume.space.point(at: SIMD3(-3, 4, 1)), columnDirection: volume.space.columnDirection,
            rowDirection: volume.space.rowDirection, rowSpacing: 0.9, columnSpacing: 1.1, sliceStep: SIMD3(0.2, 0.1, 3),
            columns: 60, rows: 50, slices: 40, frameOfReferenceUID: volume.space.frameOfReferenceUID)
        // SimpleITK has no sheared grids: the same directions without the shear.
        let straight = try Space(
            origin: target.origin, columnDirection: target.columnDirection, rowDirection: target.rowDirection,
            rowSpacing: 0.9, columnSpacing: 1.1, sliceStep: target.normal * 3, columns: 60, rows: 50, slices: 40,
            frameOfReferenceUID: volume.space.frameOfReferenceUID)
        try withTemporaryFolder { folder in
            try Self.save(volume, folder + "/a.npy")
            try "[\(Self.json(volume.space)), \(Self.json(straight))]"
                .write(toFile: folder + "/g.json", atomically: true, encoding: .utf8)
            try PythonReference.run(
                Self.geometry + """

                    import scipy.ndimage as n
                    folder = sys.argv[1]
                    a = numpy.load(folder + '/a.npy')
                    source, target = json.load(open(folder + '/g.json'))
                    r = sitk.ResampleImageFilter()
                    r.SetSize(target['size']); r.SetOutputOrigin(target['origin'])
                    r.SetOutputSpacing(target['spacing']); r.SetOutputDirection(target['direction'])
                    r.SetDefaultPixelValue(-2000); r.SetInterpolator(sitk.sitkLinear)
                    numpy.save(folder + '/r.npy', sitk.GetArrayFromImage(r.Execute(image(a, source))))
                    numpy.save(folder + '/l.npy', n.label(a > 200, n.generate_binary_structure(3, 3))[0].astype('i4'))
                    numpy.save(folder + '/g.npy', n.gaussian_filter(a.astype('f8'), [s / 1 for s in (0.4, 2, 2)]))
                    """, [folder])
            let resampled = try volume.resampled(to: straight, outside: -2000)
            #expect(Self.worst(Self.values(resampled), try Self.load(folder + "/r.npy")) < 5e-3)
            let labels = volume.mask(above: 200).connectedComponents(.twentySix).labels
            #expect(Self.values(labels) == (try Self.load(folder + "/l.npy")))
            let spacing = SIMD3(volume.space.columnSpacing, volume.space.rowSpacing, volume.space.sliceSpacing)
            let smooth = volume.smoothed(sigma: SIMD3(2, 2, 0.4) * spacing)
            #expect(Self.worst(Self.values(smooth), try Self.load(folder + "/g.npy")) < 5e-3)
        }
        // A sheared grid: what each voxel gets is what its place has.
        let sheared = try volume.resampled(to: target, outside: -2000)
        let index = volume.space.index(of: target.point(column: 20, row: 30, slice: 10))
        let (x, y, z) = (Int(index.x), Int(index.y), Int(index.z))
        let corners = (0..<8).map { volume[z + $0 / 4, y + $0 / 2 % 2, x + $0 % 2] }
        #expect(sheared[10, 30, 20] >= corners.min() ?? 0 && sheared[10, 30, 20] <= corners.max() ?? 0)
    }

    /// More than 65,536 voxels are worth several threads: the same as NumPy's.
    @Test func volumesForSeveralThreads() throws {
        let volume = Self.noise(try Self.space(61, 47, 53, angle: 0.3), seed: 12) { Int16($0 - 700) }
        let box = VoxelBox(slices: 3..<50, rows: 1..<46, columns: 7..<60)
        try withTemporaryFolder { folder in
            try Self.save(volume, folder + "/a.npy")
            try PythonReference.run(
                """
                import sys, numpy
                f = sys.argv[1]
                a = numpy.load(f + '/a.npy')
                for axis, name in enumerate(('slice', 'row', 'column')):
                    numpy.save(f'{f}/maximum-{name}.npy', a.max(axis, keepdims=True))
                    numpy.save(f'{f}/minimum-{name}.npy', a.min(axis, keepdims=True))
                    numpy.save(f'{f}/mean-{name}.npy', a.mean(axis, keepdims=True).astype('f8'))
                numpy.save(f + '/turned.npy', numpy.ascontiguousarray(a.transpose(2, 0, 1)[:, ::-1, ::-1]))
                numpy.save(f + '/part.npy', numpy.ascontiguousarray(a[3:50, 1:46, 7:60]))
                i = numpy.indices(a.shape); p = numpy.where(a > 0, a, 0).astype('f8')
                numpy.save(f + '/s.npy', numpy.array([a.sum(), a.std(), *numpy.percentile(a, [3, 50, 99]),
                    *[(p * k).sum() / p.sum() for k in (i[2], i[1], i[0])]], 'f8'))
                """, [folder])
            for axis in VolumeAxis.allCases {
                for (projection, name) in [(Projection.maximum, "maximum"), (.minimum, "minimum")] {
                    let reference = try Self.load("\(folder)/\(name)-\(axis).npy")
                    #expect(Self.values(volume.projected(projection, along: axis)) == reference, "\(name) \(axis)")
                }
                let mean = Self.values(volume.map { Double($0) }.projected(.mean, along: axis))
                #expect(Self.worst(mean, try Self.load("\(folder)/mean-\(axis).npy")) < 1e-9)
            }
            // Columns, rows and slices are L, P and S; NumPy's axes are slices, rows and columns.
            let turned = volume.reoriented(to: try #require(AxisCodes("AIL")))
            #expect(Self.values(turned) == (try Self.load(folder + "/turned.npy")))
            let part = try volume.cropped(to: box)
            #expect(Self.values(part) == (try Self.load(folder + "/part.npy")))
            let back = try part.embedded(in: volume.space, outside: 0)
            #expect(back[20, 20, 20] == volume[20, 20, 20] && back[0, 0, 0] == 0)
            let numbers = try Self.load(folder + "/s.npy")
            let statistics = try #require(try volume.statistics())
            let percentiles = try #require(try volume.percentiles([3, 50, 99]))
            let center = try #require(volume.map { max(0, $0) }.centerOfGravity()).index
            let ours =
                [statistics.sum, statistics.standardDeviation] + percentiles + [center.x, center.y, center.z]
            for (a, b) in zip(ours, numbers) { #expect(abs(a - b) <= 1e-9 * max(1, abs(b)), "\(a) \(b)") }
            #expect(ours.count == numbers.count)
            var spot = Mask(space: volume.space, repeating: 0)
            for (k, j, i) in [(4, 5, 6), (50, 9, 60), (30, 46, 2)] { spot[k, j, i] = 1 }
            #expect(spot.boundingBox() == VoxelBox(slices: 4..<51, rows: 5..<47, columns: 2..<61))
        }
    }

    @Test func projectionsLeavePaddingOut() throws {
        var volume = Volume<Int16>(space: try Self.space(2, 1, 3)) { slice, _, column in Int16(slice * 10 + column) }
        var mask = PaddingMask(slices: 3, voxelsPerSlice: 2, value: -9)
        mask[2, 0] = true
        for slice in 0..<3 { mask[slice, 1] = true }
        volume.padding = mask
        let highest = volume.projected(along: .slice)
        #expect(highest[0, 0, 0] == 10 && highest[0, 0, 1] == -9)
        #expect(highest.padding?[0, 0] == false && highest.padding?[0, 1] == true)
        #expect(volume.projected(.minimum, along: .slice)[0, 0, 0] == 0)
        #expect(volume.projected(.mean, along: .slice)[0, 0, 0] == 5)
    }

    @Test func translationsAreFound() throws {
        let space = try Self.space(40, 32, 20)
        func blob(_ shift: SIMD3<Double>) -> Volume<Float> {
            Volume(space: space) { slice, row, column in
                let d = (SIMD3(Double(column), Double(row), Double(slice)) - SIMD3(19, 15, 9) - shift) / SIMD3(6, 4, 3)
                return Float(1000 * exp(-(d * d).sum()))
            }
        }
        for shift in [SIMD3(5, -3, 2), SIMD3(0, 0, 0), SIMD3(-7, 6, -4)] {
            let moving = blob(.zero)
            let fixed = blob(SIMD3(Double(shift.x), Double(shift.y), Double(shift.z)))
            let found = try fixed.translation(of: moving, within: SIMD3(8, 8, 5))
            #expect(found.voxels == shift && found.meanSquaredDifference < 1e-3)
            let mm = SIMD3(Double(shift.x), Double(shift.y), Double(shift.z)) * SIMD3(0.7, 1.3, 2.5)
            #expect(isClose(found.millimetres, mm, 1e-9))
        }
    }

    /// Numbers of components too: SciPy numbers by the first voxel.
    @Test func componentsEqualSciPy() throws {
        let sizes = [(17, 13, 11), (1, 1, 1), (31, 1, 1), (1, 9, 7), (64, 33, 5)]
        let shares = [0, 300, 600, 1000, 2000]
        try withTemporaryFolder { folder in
            var number = 0
            var volumes: [Mask] = []
            for (x, y, z) in sizes {
                for share in shares {
                    let volume = Self.noise(try Self.space(x, y, z), seed: UInt64(number)) { UInt8($0 < share ? 1 : 0) }
                    try Self.save(volume, "\(folder)/\(number).npy")
                    volumes.append(volume)
                    number += 1
                }
            }
            // A comb joins late what was numbered apart.
            let comb = Mask(space: try Self.space(33, 9, 3)) { slice, row, column in
                row == 8 || column % 2 == 0 && slice == 1 ? 1 : 0
            }
            try Self.save(comb, "\(folder)/\(number).npy")
            volumes.append(comb)
            try PythonReference.run(
                """
                import sys, numpy, scipy.ndimage as n
                folder, count = sys.argv[1], int(sys.argv[2])
                flat = lambda c: numpy.stack([numpy.zeros((3, 3)), n.generate_binary_structure(2, c), numpy.zeros((3, 3))])
                structures = {'fourInSlice': flat(1), 'eightInSlice': flat(2),
                    'six': n.generate_binary_structure(3, 1), 'eighteen': n.generate_binary_structure(3, 2),
                    'twentySix': n.generate_binary_structure(3, 3)}
                for i in range(count):
                    a = numpy.load(f'{folder}/{i}.npy')
                    for name, s in structures.items():
                        numpy.save(f'{folder}/{i}-{name}.npy', n.label(a, s)[0].astype('i4'))
                """, [folder, "\(volumes.count)"])
            for (number, volume) in volumes.enumerated() {
                for connectivity in Connectivity.allCases {
                    let components = volume.connectedComponents(connectivity)
                    let reference = try Self.load("\(folder)/\(number)-\(connectivity).npy")
                    #expect(Self.values(components.labels) == reference, "\(number) \(connectivity)")
                    #expect(components.count == Int(reference.max() ?? 0))
                    #expect(components.sizes.reduce(0, +) == volume.insideCount)
                    if let largest = components.largest {
                        #expect(components.mask(largest).insideCount == components.sizes.max())
                    }
                }
            }
        }
    }

    @Test func smoothingEqualsSciPy() throws {
        let boundaries: [(Boundary, String)] = [
            (.reflect, "reflect"), (.nearest, "nearest"), (.constant(7), "constant"),
        ]
        let cases = [(17, 13, 11, 1.9), (5, 31, 1, 2.2), (1, 1, 1, 3.0), (23, 3, 9, 6.0)]
        try withTemporaryFolder { folder in
            for (number, item) in cases.enumerated() {
                try Self.save(
                    Self.noise(try Self.space(item.0, item.1, item.2), seed: UInt64(number)) { Double($0) },
                    "\(folder)/\(number).npy")
            }
            try PythonReference.run(
                """
                import sys, numpy, scipy.ndimage as n
                for i, sigma in enumerate([\(cases.map { "\($0.3)" }.joined(separator: ","))]):
                    a = numpy.load(f'{sys.argv[1]}/{i}.npy')
                    for mode in ('reflect', 'nearest', 'constant'):
                        s = [sigma / 2.5, sigma / 1.3, sigma / 0.7]
                        numpy.save(f'{sys.argv[1]}/{i}-{mode}.npy', n.gaussian_filter(a, s, mode=mode, cval=7))
                """, [folder])
            for (number, item) in cases.enumerated() {
                let volume = Self.noise(try Self.space(item.0, item.1, item.2), seed: UInt64(number)) { Double($0) }
                for (boundary, name) in boundaries {
                    let reference = try Self.load("\(folder)/\(number)-\(name).npy")
                    let double = Self.worst(Self.values(volume.smoothed(sigma: item.3, boundary: boundary)), reference)
                    #expect(double < 1e-8, "\(number) \(name): \(double)")
                    let float = volume.map { Float($0) }.smoothed(sigma: item.3, boundary: boundary)
                    #expect(Self.worst(Self.values(float), reference) < 2e-3)
                    let whole = volume.map { UInt16($0) }.smoothed(sigma: item.3, boundary: boundary)
                    #expect(Self.worst(Self.values(whole), reference) < 0.502)
                }
            }
        }
    }

    @Test func smoothingLeavesPaddingOut() throws {
        var volume = Volume<Float>(space: try Self.space(9, 9, 9), repeating: 5)
        var mask = PaddingMask(slices: 9, voxelsPerSlice: 81, value: -2000)
        for voxel in 0..<40 { mask[4, voxel] = true }
        volume.withUnsafeMutableBuffer { voxels in
            for voxel in 0..<40 { voxels[4 * 81 + voxel] = -2000 }
        }
        volume.padding = mask
        let smooth = volume.smoothed(sigma: 2)
        for voxel in 0..<729 {
            let isPadding = voxel / 81 == 4 && voxel % 81 < 40
            #expect(abs(Self.values(smooth)[voxel] - (isPadding ? -2000 : 5)) < 1e-4)
        }
    }

    @Test func statisticsEqualNumPy() throws {
        let space = try Self.space(19, 17, 7)
        let volume = Self.noise(space, seed: 8) { Float($0) * 0.37 - 100 }
        let mask = Self.noise(space, seed: 9) { UInt8($0 % 3 == 0 ? 1 : 0) }
        try withTemporaryFolder { folder in
            try Self.save(volume, folder + "/a.npy")
            try Self.save(mask, folder + "/m.npy")
            let printed = try PythonReference.run(
                """
                import sys, numpy
                a = numpy.load(sys.argv[1] + '/a.npy').astype('f8'); m = numpy.load(sys.argv[1] + '/m.npy') != 0
                for v in (a.ravel(), a[m]):
                    h, e = numpy.histogram(v, 13); g, _ = numpy.histogram(v, 10, (-50, 400))
                    print(v.size, v.sum(), v.mean(), v.std(), v.std(ddof=1), v.min(), v.max(),
                          *numpy.percentile(v, [0, 1, 25, 50, 75.5, 99.9, 100]), *h, *e, *g)
                """, [folder])
            for (line, mask) in zip(printed.split(separator: "\n"), [nil, mask]) {
                let expected = line.split(separator: " ").compactMap { Double($0) }
                let statistics = try #require(try volume.statistics(in: mask))
                var ours = [
                    Double(statistics.count), statistics.sum, statistics.mean, statistics.standardDeviation,
                    statistics.sampleStandardDeviation, statistics.minimum, statistics.maximum,
                ]
                ours += try volume.percentiles([0, 1, 25, 50, 75.5, 99.9, 100], in: mask) ?? []
                let histogram = try #require(try volume.histogram(bins: 13, in: mask))
                ours += histogram.counts.map(Double.init) + histogram.edges
                ours += try #require(try volume.histogram(bins: 10, range: -50...400, in: mask)).counts.map(Double.init)
                #expect(ours.count == expected.count)
                for (a, b) in zip(ours, expected) { #expect(abs(a - b) <= 1e-9 * max(1, abs(b)), "\(a) \(b)") }
            }
        }
        let none = Mask(space: space, repeating: 0)
        #expect(try volume.statistics(in: none) == nil && volume.median(in: none) == nil)
    }

    @Test func masksCombineAndLeavePaddingOut() throws {
        let space = try Self.space(5, 1, 1)
        var volume = Volume<Int16>(space: space) { _, _, column in Int16(column * 10) }
        #expect(Self.values(volume.mask(above: 10)) == [0, 0, 1, 1, 1])
        #expect(Self.values(volume.mask(in: 10...20)) == [0, 1, 1, 0, 0])
        var padding = PaddingMask(slices: 1, voxelsPerSlice: 5, value: 40)
        padding[0, 4] = true
        volume.padding = padding
        let above = volume.mask(above: 10)
        #expect(Self.values(above) == [0, 0, 1, 1, 0] && above.padding == nil)
        let below = volume.mask(below: 30)
        #expect(Self.values(try above.intersection(below)) == [0, 0, 1, 0, 0])
        #expect(Self.values(try above.union(below)) == [1, 1, 1, 1, 0])
        #expect(Self.values(try above.symmetricDifference(below)) == [1, 1, 0, 1, 0])
        #expect(Self.values(try above.subtracting(below)) == [0, 0, 0, 1, 0])
        #expect(Self.values(above.inverted) == [1, 1, 0, 0, 1])
        #expect(Self.values(try volume.masked(by: above, outside: -5)) == [-5, -5, 20, 30, -5])
        #expect(try volume.statistics()?.maximum == 30)
        let elsewhere = Mask(space: try Self.space(5, 1, 1, origin: .zero), repeating: 1)
        #expect(code { _ = try volume.masked(by: elsewhere, outside: 0) } == .mismatchedVolumes)
    }
}

extension Space {
    fileprivate func hasSamePlaces(as other: Space) -> Bool {
        columns == other.columns && rows == other.rows && slices == other.slices && isClose(origin, other.origin, 1e-9)
    }
}

extension [[String]] {
    /// Every order of the three, with each choice of letter: the 48 axis codes.
    fileprivate func permuted() -> [String] {
        [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]].flatMap { order in
            (0..<8).map { choice in (0..<3).map { self[order[$0]][choice >> $0 & 1] }.joined() }
        }
    }
}
