import DICOMCore
import DICOMImaging
import DICOMTesting
import Foundation
import ReferenceTools
import Testing

/// NIfTI and NumPy files against nibabel and NumPy, both ways.
struct NIfTITests {
    private func obliqueSpace(flipped: Bool, slices: Int = 4) throws -> Space {
        let (c, s) = (cos(0.4), sin(0.4))
        return try Space(
            origin: SIMD3(-31.5, 12.25, 100), columnDirection: SIMD3(c, s, 0), rowDirection: SIMD3(-s * c, c * c, s),
            rowSpacing: 1.5, columnSpacing: 0.75,
            sliceStep: SIMD3(s * s, -c * s, c) * (flipped ? -2.5 : 2.5), columns: 5, rows: 3, slices: slices)
    }

    /// What nibabel says: shape, affine from sform and from qform, sum of value × position.
    private func nibabel(_ path: String) throws -> (shape: [Int], sform: [Double], qform: [Double], data: [Double]) {
        let lines = try PythonReference.run(
            """
            import sys, nibabel, numpy
            image = nibabel.load(sys.argv[1])
            print(*image.shape)
            print(*[repr(float(x)) for x in image.get_sform()[:3].ravel()])
            q = image.get_qform(coded=True)[0]
            print(*[repr(float(x)) for x in (q[:3].ravel() if q is not None else [])])
            print(*[repr(float(x)) for x in numpy.asanyarray(image.dataobj).astype('f8').ravel(order='F')])
            print(image.header.get_xyzt_units(), image.header['magic'].item())
            """, [path]
        ).split(separator: "\n", omittingEmptySubsequences: false)
        func numbers(_ line: Substring) -> [Double] { line.split(separator: " ").compactMap { Double($0) } }
        #expect(lines[4].contains("'mm', 'sec'"))
        return (numbers(lines[0]).map { Int($0) }, numbers(lines[1]), numbers(lines[2]), numbers(lines[3]))
    }

    @Test(arguments: [1, 2], [false, true])
    func nibabelReadsWhatWeWrite(version: Int, flipped: Bool) throws {
        let space = try obliqueSpace(flipped: flipped)
        let volume = Volume<Int16>(space: space) { Int16($0 * 100 + $1 * 10 + $2 - 77) }
        try withTemporaryFolder { folder in
            for name in ["a.nii", "a.nii.gz"] {
                try NIfTIImage(volume, version: version).write(to: folder + "/" + name)
                let read = try nibabel(folder + "/" + name)
                #expect(read.shape == [5, 3, 4])
                #expect(read.data == volume.withUnsafeBuffer { $0.map(Double.init) })
                for (form, isPrecise) in [(read.sform, true), (read.qform, false)] {
                    for corner in [SIMD3<Double>(0, 0, 0), SIMD3(4, 0, 0), SIMD3(0, 2, 0), SIMD3(4, 2, 3)] {
                        func row(_ r: Int) -> Double {
                            form[4 * r] * corner.x + form[4 * r + 1] * corner.y + form[4 * r + 2] * corner.z + form[4 * r + 3]
                        }
                        let expected = space.point(at: corner)
                        #expect(
                            isClose(SIMD3(-row(0), -row(1), row(2)), expected, isPrecise ? 1e-4 : 1e-3),
                            "\(name) \(corner)")
                    }
                }
                let back = try NIfTIImage(path: folder + "/" + name).volume(of: Int16.self)
                #expect(back.withUnsafeBuffer(Array.init) == volume.withUnsafeBuffer(Array.init))
                let last = SIMD3<Double>(4, 2, 3)
                #expect(isClose(back.space.point(at: last), space.point(at: last), 1e-4))
            }
        }
    }

    /// All types, both byte orders, both versions, sform, qform and neither, scaled: written by nibabel.
    @Test func weReadWhatNibabelWrites() throws {
        try withTemporaryFolder { folder in
            let listing = try PythonReference.run(
                """
                import sys, itertools, nibabel, numpy
                rng = numpy.random.default_rng(5)
                names = ['uint8','int16','int32','float32','float64','int8','uint16','uint32','int64','uint64']
                n = 0
                for dtype, order, cls, form in itertools.product(names, '<>', ('1', '2'), ('s', 'q', 'n')):
                    data = rng.integers(0, 100, (4, 3, 2, 2)).astype(order + numpy.dtype(dtype).str[1:])
                    q, _ = numpy.linalg.qr(rng.normal(size=(3, 3)))
                    affine = numpy.eye(4)
                    affine[:3, :3] = q * [0.5, 1.25, 3]
                    affine[:3, 3] = rng.normal(size=3) * 50
                    make = nibabel.Nifti1Image if cls == '1' else nibabel.Nifti2Image
                    head = (nibabel.Nifti1Header if cls == '1' else nibabel.Nifti2Header)(endianness=order)
                    head.set_data_dtype(data.dtype)
                    image = make(data, affine, head)
                    image.set_sform(affine, 1 if form == 's' else 0)
                    image.set_qform(affine, 1 if form == 'q' else 0)
                    if n % 4 == 0: image.header.set_slope_inter(2, -3)
                    path = f"{sys.argv[1]}/{n}.nii" + ('.gz' if n % 2 else '')
                    image.to_filename(path)
                    image = nibabel.load(path)
                    print(path, *[repr(float(x)) for x in image.affine[:3].ravel()], form,
                          *numpy.asanyarray(image.dataobj).astype(float).ravel(order='F'))
                    n += 1
                """, [folder])
            let lines = listing.split(separator: "\n")
            #expect(lines.count == 120)
            for line in lines {
                let parts = line.split(separator: " ")
                let affine = parts[1...12].compactMap { Double($0) }
                let values = parts[14...].compactMap { Double($0) }
                let image = try NIfTIImage(path: String(parts[0]))
                #expect(image.volumeCount == 2)
                let read = try (0..<2).flatMap { try image.volume(of: Double.self, at: $0).withUnsafeBuffer(Array.init) }
                #expect(read == values, "\(parts[0])")
                // nibabel centres an image that has neither form; NIfTI's method 1 does not.
                guard parts[13] != "n" else { continue }
                let space = try image.space()
                for index in [SIMD3<Double>(0, 0, 0), SIMD3(3, 2, 1)] {
                    func row(_ r: Int) -> Double {
                        affine[4 * r] * index.x + affine[4 * r + 1] * index.y + affine[4 * r + 2] * index.z + affine[4 * r + 3]
                    }
                    #expect(isClose(space.point(at: index), SIMD3(-row(0), -row(1), row(2)), 1e-3), "\(parts[0])")
                }
            }
        }
    }

    @Test func coloursAndFourDimensions() throws {
        try withTemporaryFolder { folder in
            let space = try obliqueSpace(flipped: false, slices: 2)
            let colors = Volume<RGBVoxel>(space: space) { slice, row, column in
                RGBVoxel(red: UInt8(slice), green: UInt8(row), blue: UInt8(column))
            }
            try NIfTIImage(colors).write(to: folder + "/rgb.nii")
            let back = try NIfTIImage(path: folder + "/rgb.nii").colorVolume()
            #expect(back.withUnsafeBuffer(Array.init) == colors.withUnsafeBuffer(Array.init))
            let volumes = (0..<3).map { Volume<Float>(space: space, repeating: Float($0)) }
            let sequence = try VolumeSequence(
                keys: [.temporalPosition], values: [[1], [2], [3]], volumes: volumes)
            try NIfTIImage(sequence, timeStep: 2.5).write(to: folder + "/t.nii.gz")
            let printed = try PythonReference.run(
                "import sys, nibabel; i = nibabel.load(sys.argv[1]); r = nibabel.load(sys.argv[2]);"
                    + "print(i.shape, i.header.get_zooms()[3], i.dataobj[0, 0, 0].tolist(), r.get_data_dtype()[0], r.dataobj[4, 2, 1])",
                [folder + "/t.nii.gz", folder + "/rgb.nii"])
            #expect(printed == "(5, 3, 2, 3) 2.5 [0.0, 1.0, 2.0] uint8 (1, 2, 4)\n", "\(printed)")
            #expect(try NIfTIImage(path: folder + "/t.nii.gz").volumeSequence(of: Float.self).count == 3)
        }
    }

    @Test func wholeNumbersAreExactOrRefused() throws {
        let volume = Volume<Float>(space: try obliqueSpace(flipped: false), repeating: 0.5)
        #expect(code { _ = try NIfTIImage(volume).volume(of: Int16.self) } == .valueOutOfRange)
    }

    @Test func numPyReadsAndWritesTheSame() throws {
        try withTemporaryFolder { folder in
            let volume = Volume<UInt16>(space: try obliqueSpace(flipped: false)) { UInt16($0 * 100 + $1 * 10 + $2) }
            try NumPyArray(volume).write(to: folder + "/v.npy")
            let printed = try PythonReference.run(
                """
                import sys, numpy
                a = numpy.load(sys.argv[1] + "/v.npy")
                print(a.dtype, a.shape, a[3, 2, 4])
                n = 0
                for dtype in ['?', 'u1', 'i1', '<u2', '>i2', '<u4', '>i4', '<u8', '>i8', '<f4', '>f4', '<f8', '>f8']:
                    for order in 'CF':
                        b = numpy.asarray(numpy.arange(24).reshape(2, 3, 4) % 2, dtype=dtype, order=order)
                        numpy.save(f"{sys.argv[1]}/{n}.npy", b)
                        n += 1
                """, [folder])
            #expect(printed == "uint16 (4, 3, 5) 324\n")
            for number in 0..<26 {
                let array = try NumPyArray(path: folder + "/\(number).npy")
                #expect(array.shape == [2, 3, 4])
                let again = try NumPyArray(encoded: array.encoded())
                #expect(again == array)
                let isReal = array.type == .float || array.type == .double
                let ones = array.bytes.count { $0 != 0 }
                // 1.0 has two bytes that are not zero.
                #expect(ones == (isReal ? 24 : 12), "\(number) \(array.type)")
            }
        }
    }

    /// Bit flips, cuts and impossible numbers: an error or an image, nothing else.
    @Test func damagedFilesNeverTrap() throws {
        let volume = Volume<Int16>(space: try obliqueSpace(flipped: false)) { Int16($0 + $1 + $2) }
        try withTemporaryFolder { folder in
            for (name, version) in [("a.nii", 1), ("b.nii", 2), ("c.nii.gz", 1)] {
                try NIfTIImage(volume, version: version).write(to: folder + "/" + name)
            }
            try NumPyArray(volume).write(to: folder + "/d.npy")
            var generator = SeededGenerator(seed: 17)
            for name in ["a.nii", "b.nii", "c.nii.gz", "d.npy"] {
                let whole = [UInt8](try Data(contentsOf: URL(filePath: folder + "/" + name)))
                for _ in 0..<400 {
                    var bytes = whole
                    for _ in 0..<Int.random(in: 1...4, using: &generator) {
                        let place = Int.random(in: 0..<min(bytes.count, 560), using: &generator)
                        bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
                    }
                    if Bool.random(using: &generator) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
                    if name.hasSuffix("npy") {
                        _ = try? NumPyArray(encoded: bytes)
                    } else if let image = try? NIfTIImage(encoded: bytes) {
                        _ = try? image.volume(of: Float.self)
                    }
                }
            }
        }
    }
}
