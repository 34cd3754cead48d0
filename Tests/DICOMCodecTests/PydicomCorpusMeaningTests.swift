import DICOMCodecJPEG
import DICOMCodecJPEG2000
import DICOMCodecJPEGLS
import DICOMCodecJPEGLossless
import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import Foundation
import ReferenceTools
import Testing

/// What the first frames of pydicom's corpus mean: modality values, views, colours and overlays.
struct PydicomCorpusMeaningTests {
    @Test(.enabled(if: PydicomCorpus.isPresent, "pydicom or pydicom-data is absent"))
    func everyImageMeansWhatItMeansToPydicom() throws {
        FrameCodecs.register([JPEGCodec(), JPEGLosslessCodec(), JPEGLSCodec(), JPEG2000Codec()])
        let folder = FileManager.default.temporaryDirectory.appending(path: "meaning-" + UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var lines = ""
        for (index, path) in PydicomCorpus.files.enumerated() {
            guard let file = try? DICOMFile.read(path), let pixels = try? PixelData(file),
                pixels.format.rows * pixels.format.columns < 600_000
            else { continue }
            for (kind, bytes) in try meanings(of: pixels, file.dataSet) {
                let target = "\(folder)/\(index).\(kind)"
                try Data(bytes).write(to: URL(filePath: target))
                lines += "\(path)\t\(kind)\t\(target)\n"
            }
        }
        try lines.write(toFile: folder + "/ours.tsv", atomically: false, encoding: .utf8)
        var counts: [Substring: Int] = [:]
        for line in try PythonReference.run(Self.program, [folder + "/ours.tsv"]).split(separator: "\n") {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            counts[fields[0], default: 0] += 1
            #expect(fields.count == 4 && fields[3].isEmpty, "\(line)")
        }
        #expect(counts["values", default: 0] > 60 && counts["colors", default: 0] > 40, "\(counts)")
        #expect(counts["shown", default: 0] > 15 && counts["overlay", default: 0] > 0, "\(counts)")
    }

    private func meanings(of pixels: PixelData, _ dataSet: DataSet) throws -> [(kind: String, bytes: [UInt8])] {
        var meanings: [(String, [UInt8])] = []
        if let colors = try? pixels.colors() {
            meanings.append(("colors", colors.withUnsafeBytes(Array.init)))
        } else if let values = try? pixels.values(of: Double.self), pixels.format.samplesPerPixel == 1 {
            meanings.append(("values", values.withUnsafeBytes(Array.init)))
            if let view = try DisplayTransform(dataSet: pixels.header) {
                let shown = values.map { view.brightness(of: $0) }
                meanings.append(("shown", shown.withUnsafeBytes(Array.init)))
            }
        }
        for overlay in try Overlay.overlays(in: dataSet) {
            if let mask = overlay.mask() { meanings.append(("overlay-\(overlay.group)", mask)) }
        }
        return meanings
    }

    /// Prints a line for each meaning: its kind, the file, the largest difference, and what is wrong, or nothing.
    private static let program = #"""
        import logging, os, sys, warnings
        import numpy as np
        from pydicom import dcmread
        from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, convert_color_space, get_decoder
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)

        def limits(ds):
            if ds.get("VOILUTSequence"):
                return 0, 2 ** ds.VOILUTSequence[0].LUTDescriptor[2] - 1
            if ds.get("ModalityLUTSequence"):
                return 0, 2 ** ds.ModalityLUTSequence[0].LUTDescriptor[2] - 1
            low, high = (-(2 ** (ds.BitsStored - 1)), 2 ** (ds.BitsStored - 1) - 1) if ds.PixelRepresentation \
                else (0, 2 ** ds.BitsStored - 1)
            slope, intercept = float(ds.get("RescaleSlope", 1)), float(ds.get("RescaleIntercept", 0))
            return low * slope + intercept, high * slope + intercept

        def expected(ds, kind):
            if kind.startswith("overlay"):
                overlay = ds.overlay_array(int(kind.split("-")[1]))
                return overlay if overlay.ndim == 2 else overlay[0]
            array, meta = get_decoder(ds.file_meta.TransferSyntaxUID).as_array(ds, raw=True, index=0)
            if kind == "colors":
                photometric = str(meta["photometric_interpretation"])
                if photometric == "PALETTE COLOR":
                    bits = ds.RedPaletteColorLookupTableDescriptor[2]
                    colors = apply_color_lut(array, ds)
                    return colors >> (bits - 8) if colors.max() > 255 else colors
                if photometric.startswith("YBR_FULL"):
                    return convert_color_space(array, "YBR_FULL", "RGB")
                return array >> max(0, ds.BitsStored - 8)
            # pydicom leaves the scaling of dose grids to others (PS3.3 C.8.8.3.4.4).
            values = apply_modality_lut(array, ds) * float(ds.get("DoseGridScaling", 1))
            if kind == "values":
                return values
            low, high = limits(ds)
            shown = (apply_voi_lut(values, ds).astype(float) - low) / (high - low)
            return 1 - shown if ds.PhotometricInterpretation == "MONOCHROME1" else shown

        for line in open(sys.argv[1]):
            path, kind, ours = line.rstrip("\n").split("\t")
            real = kind in ("values", "shown")
            array = np.fromfile(ours, "<f8" if real else np.uint8).astype(float)
            problem, difference, allowed = "", 0, 0 if kind.startswith("overlay") else 1
            try:
                ds = dcmread(path)
                other = np.asarray(expected(ds, kind)).astype(float).reshape(-1)
                # Decoders of lossy JPEG differ by 1.
                if real and ds.file_meta.TransferSyntaxUID != "1.2.840.10008.1.2.4.51":
                    allowed = 1e-6 * max(1, np.abs(np.nan_to_num(other)).max())
            except Exception as ex:
                print("unreadable", os.path.basename(path), kind, "", sep="\t")
                continue
            if other.size != array.size:
                problem = f"{array.size} elements instead of {other.size}"
            else:
                difference = np.nan_to_num(np.abs(other - array), posinf=0).max()
                if difference > allowed:
                    problem = f"differs by {difference}"
            print(kind.split("-")[0], os.path.basename(path), difference, problem, sep="\t")
        """#
}
