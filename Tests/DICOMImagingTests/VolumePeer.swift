import DICOMImaging
import Foundation

/// What Python programs and tests of volumes share: a program writes images, and records of which voxel is where.
enum VolumePeer {
    /// How many of the records x, y, z (mm, LPS), value of a file are not a voxel of the volume, or have another value.
    static func differences(_ path: String, _ volume: Volume<Double>) throws -> (wrong: Int, count: Int) {
        let data = try Data(contentsOf: URL(filePath: path))
        let numbers = data.withUnsafeBytes { Array($0.bindMemory(to: Double.self)) }
        var wrong = 0
        for record in stride(from: 0, to: numbers.count - 3, by: 4) {
            let index = volume.space.index(of: SIMD3(numbers[record], numbers[record + 1], numbers[record + 2]))
            let near = SIMD3(index.x.rounded(), index.y.rounded(), index.z.rounded())
            let (column, row, slice) = (Int(near.x), Int(near.y), Int(near.z))
            let isVoxel =
                isClose(index, near, 1e-3) && (0..<volume.columns).contains(column)
                && (0..<volume.rows).contains(row) && (0..<volume.slices).contains(slice)
            if !isVoxel || abs(volume[slice, row, column] - numbers[record + 3]) > 1e-6 { wrong += 1 }
        }
        return (wrong, numbers.count / 4)
    }

    /// Python's functions for all programs here.
    static let common = """
        import sys, os, warnings
        warnings.filterwarnings("ignore")
        import numpy as np, pydicom
        from pydicom.dataset import Dataset, FileMetaDataset
        from pydicom.sequence import Sequence
        from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
        folder = sys.argv[1]
        random = np.random.default_rng(5)

        def base(sop, syntax=ExplicitVRLittleEndian):
            ds = Dataset()
            ds.file_meta = FileMetaDataset()
            ds.file_meta.TransferSyntaxUID = syntax
            ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(random.random())])
            ds.FrameOfReferenceUID = "1.2.3"
            ds.SamplesPerPixel = 1
            ds.PhotometricInterpretation = "MONOCHROME2"
            return ds

        def pixels(ds, array):
            ds.Rows, ds.Columns = array.shape[-2:]
            ds.BitsAllocated = ds.BitsStored = array.dtype.itemsize * 8
            ds.HighBit = ds.BitsStored - 1
            ds.PixelRepresentation = int(array.dtype.kind == "i")
            if array.ndim == 3: ds.NumberOfFrames = array.shape[0]
            data = array.tobytes()
            ds.PixelData = data + b"\\0" * (len(data) % 2)
            ds["PixelData"].VR = "OB" if array.dtype.itemsize == 1 else "OW"

        def points(position, orientation, spacing, shape):
            # PS3.3 C.7.6.2.1.1: the second spacing is that of the columns.
            r, c = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
            o = np.asarray(orientation, float)
            return (np.asarray(position, float) + c[..., None] * o[:3] * spacing[1] + r[..., None] * o[3:] * spacing[0])

        def item(**attributes):
            ds = Dataset()
            for name, value in attributes.items(): setattr(ds, name, value)
            return ds

        def text(values): return [f"{v:.12g}"[:16] for v in values]

        def records(name, parts):
            np.concatenate([np.concatenate([p.reshape(-1, 3), v.reshape(-1, 1)], axis=1) for p, v in parts]) \\
                .astype("<f8").tofile(f"{folder}/{name}.records")

        """
}
