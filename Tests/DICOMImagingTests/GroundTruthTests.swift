import DICOMCodecJPEG
import DICOMCodecJPEG2000
import DICOMCodecJPEGLS
import DICOMCodecJPEGLossless
import DICOMCore
import DICOMImaging
import Foundation
import ReferenceTools
import Testing

/// Real series against the NIfTI files that dicom2nifti made of them, read by nibabel: the same value at the same place.
@Suite(.needsSharedData) struct GroundTruthTests {
    init() {
        FrameCodecs.register([JPEGCodec(), JPEGLosslessCodec(), JPEGLSCodec(), JPEG2000Codec()])
    }

    /// All but failing/sliceincrement/002, whose truth is resampled.
    static let folders = [
        "failing/slicecount/001", "generic/anatomical/001", "generic/anatomical/001_implicit",
        "generic/anatomical/002_non_isotropic", "generic/compressed/001", "generic/compressed_j2k/001",
        "generic/compressed_jpeg/001", "generic/compressed_jpegls/001", "generic/compressed_rle/001",
        "philips_enhanced/anatomical/001", "philips_enhanced/anatomical/001_implicit", "philips_enhanced/dti/001",
        "philips_enhanced/dti/001_implicit", "philips_enhanced/fmri/001", "philips_enhanced/fmri/001_implicit",
        "siemens/anatomical/001", "siemens/anatomical/001_implicit", "siemens/fmri/001", "siemens/fmri/001_implicit",
        "siemens/fmri_classic/001", "siemens/fmri_classic/001_implicit",
    ]

    /// siemens/fmri is a mosaic whose protocol numbers the slices from head to feet (ucImageNumbTra). dicom2nifti has the
    /// order right and the first slice's position at the last one: 49 slices too high. The protocol's slice positions
    /// (−59.85 mm to 88.39 mm, first tile in the middle of the latter) say so.
    private static func slicesTooHigh(_ folder: String) -> Double { folder.hasPrefix("siemens/fmri/") ? 49 : 0 }

    /// A NIfTI file as nibabel reads it.
    private struct Truth {
        var shape: [Int] = []
        /// Three rows of four, RAS.
        var affine: [Double] = []
        /// The first index running fastest.
        var values: [Double] = []

        init(_ path: String, _ temporary: String, slicesTooHigh: Double = 0) throws {
            let output = try PythonReference.run(
                """
                import sys, nibabel, numpy
                image = nibabel.load(sys.argv[1])
                data = numpy.asanyarray(image.dataobj)
                if data.dtype.fields:
                    data = numpy.stack([data[name] for name in data.dtype.names], axis=-1)
                data.astype('<f8').ravel(order='F').tofile(sys.argv[2])
                print(*data.shape)
                print(*[repr(float(x)) for x in image.affine[:3].ravel()])
                """, [path, temporary])
            let lines = output.split(separator: "\n")
            shape = lines[0].split(separator: " ").compactMap { Int($0) }
            affine = lines[1].split(separator: " ").compactMap { Double($0) }
            let data = try Data(contentsOf: URL(filePath: temporary))
            values = data.withUnsafeBytes { Array($0.bindMemory(to: Double.self)) }
            for row in 0..<3 { affine[4 * row + 3] -= slicesTooHigh * affine[4 * row + 2] }
        }

        /// mm, LPS.
        func point(_ i: Int, _ j: Int, _ k: Int) -> SIMD3<Double> {
            func row(_ r: Int) -> Double {
                affine[4 * r] * Double(i) + affine[4 * r + 1] * Double(j) + affine[4 * r + 2] * Double(k)
                    + affine[4 * r + 3]
            }
            return SIMD3(-row(0), -row(1), row(2))
        }

        func isFilled(_ t: Int) -> Bool {
            let count = shape[0] * shape[1] * shape[2]
            return values[t * count..<(t + 1) * count].contains { $0 != 0 }
        }

        func value(_ i: Int, _ j: Int, _ k: Int, _ t: Int = 0) -> Double {
            values[((t * shape[2] + k) * shape[1] + j) * shape[0] + i]
        }
    }

    /// How many of a sample of the truth's voxels are not at their place in the volume, or have another value.
    private func differences(_ truth: Truth, time: Int, _ volume: Volume<Float>) -> Int {
        var wrong = 0
        let count = truth.shape[0] * truth.shape[1] * truth.shape[2]
        // A prime step reaches every row and column in the end.
        for voxel in stride(from: 0, to: count, by: max(1, count / 20_011)) {
            let (i, j, k) = (
                voxel % truth.shape[0], voxel / truth.shape[0] % truth.shape[1], voxel / truth.shape[0] / truth.shape[1]
            )
            let index = volume.space.index(of: truth.point(i, j, k))
            let near = SIMD3(index.x.rounded(), index.y.rounded(), index.z.rounded())
            let (column, row, slice) = (Int(near.x), Int(near.y), Int(near.z))
            guard isClose(index, near, 0.01), (0..<volume.columns).contains(column), (0..<volume.rows).contains(row),
                (0..<volume.slices).contains(slice)
            else {
                wrong += 1
                continue
            }
            let expected = truth.value(i, j, k, time)
            if abs(Double(volume[slice, row, column]) - expected) > 1e-5 * max(1, abs(expected)) { wrong += 1 }
        }
        return wrong
    }

    @Test(arguments: folders)
    func everyVoxelIsWhereNiftiHasIt(folder: String) throws {
        try withTemporaryFolder { temporary in
            let truth = try Truth(
                SharedData.root + "/dicom2nifti/\(folder)_ground_truth.nii.gz", temporary + "/truth",
                slicesTooHigh: Self.slicesTooHigh(folder))
            let series = try Series(files: SharedData.images("dicom2nifti/" + folder))
            let sequence = try series.volumeSequence(of: Float.self)
            let times = truth.shape.count > 3 ? truth.shape[3] : 1
            #expect(sequence.count == times, "\(sequence.keys) \(series.geometry.explanation)")
            #expect(sequence.space.voxelCount == truth.shape[0] * truth.shape[1] * truth.shape[2])
            // The order of b-values is not the truth's; each of its volumes is one of ours. Volumes of nothing but zeros are
            // those that dicom2nifti left out of the philips_enhanced/dti truths.
            for time in 0..<times where truth.isFilled(time) {
                let wrong = (0..<sequence.count).map { differences(truth, time: time, sequence[$0]) }
                #expect(wrong.min() == 0, "\(folder) at \(time) by \(sequence.keys): \(wrong) voxels differ")
            }
        }
    }

    @Test func coloursAreWhereNiftiHasThem() throws {
        try withTemporaryFolder { temporary in
            let truth = try Truth(
                SharedData.root + "/dicom2nifti/generic/rgb/001_ground_truth.nii.gz", temporary + "/truth")
            let volume = try Series(files: SharedData.images("dicom2nifti/generic/rgb/001")).colorVolume()
            let reds = volume.map { Float($0.red) }
            let greens = volume.map { Float($0.green) }
            // nibabel shows the fourth byte of RGBA too.
            #expect(truth.shape.count == 4 && truth.shape[3] == 4)
            #expect(differences(truth, time: 0, reds) == 0 && differences(truth, time: 1, greens) == 0)
        }
    }

    /// The same series uncompressed, in JPEG lossless, JPEG-LS, JPEG 2000, RLE and lossy JPEG; the last is not identical.
    @Test func theEncodingsOfOneSeriesGiveOneVolume() throws {
        func volume(_ folder: String) throws -> Volume<Int32> {
            try Series(files: SharedData.images("dicom2nifti/generic/\(folder)/001")).volume(of: Int32.self)
        }
        let reference = try volume("compressed")
        for folder in ["compressed_jpegls", "compressed_j2k", "compressed_rle", "compressed_jpeg"] {
            let other = try volume(folder)
            #expect(other.space.index(of: reference.space.origin) == .zero, "\(folder)")
            let same = reference.withSpan { a in
                other.withSpan { b in a.count == b.count && a.indices.allSatisfy { a[$0] == b[$0] } }
            }
            #expect(same, "\(folder)")
        }
    }

    @Test func dynamicSeriesSplitsIntoItsTimePoints() throws {
        let series = try Series(files: SharedData.images("ge-fmri").filter { $0.hasSuffix(".dcm") })
        let sequence = try series.volumeSequence(of: Int16.self)
        #expect(sequence.count == 10 && sequence.space.slices == 15)
    }
}
