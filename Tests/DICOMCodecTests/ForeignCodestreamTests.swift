import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import Foundation
import ReferenceTools
import Testing

/// Codestreams that others make, in the shapes that pydicom's files do not have: they decode to what was encoded.
struct ForeignCodestreamTests {
    init() { CodecCase.registerCodecs() }

    @Test func codestreamsOfOthersAreDecoded() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "foreign-" + UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let names = try PythonReference.run(Self.program, [folder]).split(separator: "\n").map(String.init)
        #expect(names.count > 100)
        for name in names {
            let pixels = try PixelData(path: "\(folder)/\(name).dcm")
            let expected = try [UInt8](Data(contentsOf: URL(filePath: "\(folder)/\(name).i4"))).withUnsafeBytes {
                bytes in
                (0..<bytes.count / 4).map { Int(bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)) }
            }
            do {
                let samples = try pixels.samples()
                #expect(samples.count == expected.count, "\(name)")
                let error = zip(samples, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
                // The name ends with the error that the encoder may make.
                let allowed = try #require(name.split(separator: "_").last.flatMap { Int($0) })
                #expect(error <= allowed, "\(name)")
                let photometric = try pixels.frame(0).format.photometricInterpretation
                #expect(photometric == (name.contains("ybr") ? .ybrFull : name.contains("rgb") ? .rgb : .monochrome2))
            } catch {
                Issue.record("\(name): \(error)")
            }
        }
    }

    static let program = #"""
        import sys, warnings
        import numpy as np
        from pydicom.dataset import Dataset, FileMetaDataset
        from pydicom.encaps import encapsulate
        import jpeg_ls
        from openjpeg.utils import encode_array
        warnings.simplefilter("ignore")
        folder = sys.argv[1]
        rng = np.random.default_rng(4711)

        def write(name, syntax, codestream, expected, bits, stored, signed, photometric="MONOCHROME2", allowed=0):
            "expected: rows x columns (x samples)"
            if codestream is None: return
            ds = Dataset()
            ds.file_meta = FileMetaDataset()
            ds.file_meta.TransferSyntaxUID = syntax
            ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
            ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = "1.2.3.4"
            ds.Rows, ds.Columns = expected.shape[:2]
            ds.SamplesPerPixel = 1 if expected.ndim == 2 else 3
            ds.PhotometricInterpretation = photometric
            if ds.SamplesPerPixel == 3: ds.PlanarConfiguration = 0
            ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, stored, stored - 1, int(signed)
            ds.PixelData = encapsulate([bytes(codestream)])
            ds["PixelData"].VR = "OB"
            name = f"{name}_{allowed}"
            ds.save_as(f"{folder}/{name}.dcm", enforce_file_format=True)
            expected.astype("<i4").tofile(f"{folder}/{name}.i4")
            print(name)

        def encode(a, **options):
            "JPEG 2000; pylibjpeg-openjpeg always asks for six resolutions, which small images have not."
            return encode_array(a, **options) if min(a.shape[:2]) >= 32 else None

        def image(shape, stored, signed):
            "A ramp with noise over the whole range of values."
            low, high = (-(1 << stored - 1), (1 << stored - 1) - 1) if signed else (0, (1 << stored) - 1)
            ramp = np.linspace(low, high, int(np.prod(shape))).reshape(shape)
            noise = rng.integers(low, high + 1, shape)
            a = np.where(rng.random(shape) < 0.1, noise, ramp).astype(np.int64)
            return a.astype(("i" if signed else "u") + ("1" if stored <= 8 else "2"))

        LS, NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
        J2K, J2KLOSSY = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
        for shape in (6, 9), (1, 83), (71, 1), (17, 31), (64, 64), (33, 47):
            for stored in (2, 3, 5, 8, 9, 12, 16):
                a = image(shape, stored, False)
                bits = 8 if stored <= 8 else 16
                tag = f"u{stored}_{shape[0]}x{shape[1]}"
                data = jpeg_ls.encode_pixel_data(
                    a.tobytes(), rows=shape[0], columns=shape[1], samples_per_pixel=1, bits_stored=stored)
                write("ls_" + tag, LS, data, a, bits, stored, False)
                for near in (1, 3):
                    if stored < 4: continue
                    data = jpeg_ls.encode_pixel_data(a.tobytes(), lossy_error=near, rows=shape[0], columns=shape[1],
                                                     samples_per_pixel=1, bits_stored=stored)
                    write(f"near{near}_" + tag, NEAR, data, a, bits, stored, False, allowed=near)
                for form in (0, 1):
                    data = encode(a, bits_stored=stored, photometric_interpretation=2, codec_format=form)
                    write(f"j2k{form}_" + tag, J2K, data, a, bits, stored, False)
                    s = image(shape, stored, True)
                    data = encode(s, bits_stored=stored, photometric_interpretation=2, codec_format=form)
                    write(f"j2k{form}_s{stored}_" + tag, J2K, data, s, bits, stored, True)
                # Samples of another sign than the codestream says: bit patterns.
                s = image(shape, stored, True)
                mask = (1 << stored) - 1
                data = encode((s.astype(int) & mask).astype(a.dtype), bits_stored=stored,
                                             photometric_interpretation=2)
                write("j2ksigned_" + tag, J2K, data, s, bits, stored, True)
                data = encode(s, bits_stored=stored, photometric_interpretation=2)
                write("j2kunsigned_" + tag, J2K, data, s.astype(int) & mask, bits, stored, False)
                data = jpeg_ls.encode_pixel_data((s.astype(int) & mask).astype(a.dtype).tobytes(), rows=shape[0],
                                                 columns=shape[1], samples_per_pixel=1, bits_stored=stored)
                write("lssigned_" + tag, LS, data, s, bits, stored, True)
                if 8 < stored < 16:
                    # A precision above Bits Stored, and fewer bits than the cells are for.
                    data = encode(a, bits_stored=16, photometric_interpretation=2)
                    write("j2kdeep_" + tag, J2K, data, a, 16, stored, False)
                    b = image(shape, 8, False)
                    data = jpeg_ls.encode_array(b)
                    write("lsnarrow_" + tag, LS, data, b, 16, 8, False)
                    data = encode(b, photometric_interpretation=2)
                    write("j2knarrow_" + tag, J2K, data, b, 16, 8, False)
        for shape in (15, 25, 3), (17, 25, 3), (16, 33, 3), (35, 33, 3):
            for stored in (8, 12, 16):
                a = image(shape, stored, False)
                bits = 8 if stored <= 8 else 16
                tag = f"{stored}_{shape[0]}x{shape[1]}"
                for mode in (0, 1, 2):
                    # Planes; CharLS takes pixel by pixel for both others.
                    order = np.ascontiguousarray(a.transpose(2, 0, 1)) if mode == 0 else a
                    data = jpeg_ls.encode_array(order, interleave_mode=mode)
                    write(f"ls_rgb_mode{mode}_" + tag, LS, data, a, bits, stored, False, "RGB")
                for form in (0, 1):
                    data = encode(a, bits_stored=stored, photometric_interpretation=1, use_mct=True, codec_format=form)
                    write(f"j2k{form}_rgb_rct_" + tag, J2K, data, a, bits, stored, False, "YBR_RCT")
                    data = encode(a, bits_stored=stored, photometric_interpretation=1, use_mct=False, codec_format=form)
                    write(f"j2k{form}_rgb_" + tag, J2K, data, a, bits, stored, False, "RGB")
                    data = encode(a, bits_stored=stored, photometric_interpretation=3, use_mct=False, codec_format=form)
                    write(f"j2k{form}_ybr_" + tag, J2K, data, a, bits, stored, False, "YBR_FULL")
        """#
}
