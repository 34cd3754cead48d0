import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import Foundation
import ReferenceTools
import Testing

/// What samples mean, against pydicom 3: modality and VOI transforms, colours, overlays.
struct PydicomMeaningTests {
    @Test func everyMeaningIsThatOfPydicom() throws {
        try withTemporaryFolder { folder in
            let all = ImageCase.modality + ImageCase.views + ImageCase.colors + ImageCase.overlays
            #expect(Set(all.map(\.name)).count == all.count)
            for image in all { try DICOMFile(dataSet: image.dataSet).write(to: "\(folder)/\(image.name)") }
            try PythonReference.run(Self.program, [folder])
            for image in ImageCase.modality { try compareModality(image, folder) }
            for image in ImageCase.views { try compareViews(image, folder) }
            for image in ImageCase.colors { try compareColors(image, folder) }
            for image in ImageCase.overlays { try compareOverlays(image, folder) }
        }
    }

    private func compareModality(_ image: ImageCase, _ folder: String) throws {
        let expected = try doubles("\(folder)/\(image.name).modality")
        let pixels = try PixelData(path: "\(folder)/\(image.name)")
        #expect(try pixels.values(of: Double.self) == expected, "\(image.name)")
        let single = try pixels.values(of: Float.self)
        #expect(zip(single, expected).allSatisfy { abs(Double($0) - $1) <= abs($1) * 1e-6 + 1e-3 }, "\(image.name)")
        let isWhole = expected.allSatisfy { $0 == $0.rounded() }
        if isWhole, expected.allSatisfy({ Int32(exactly: $0) != nil }) {
            #expect(try pixels.values(of: Int32.self).map(Double.init) == expected, "\(image.name)")
        } else {
            #expect(code { _ = try pixels.values(of: Int32.self) } == .valueOutOfRange, "\(image.name)")
        }
    }

    private func compareViews(_ image: ImageCase, _ folder: String) throws {
        let pixels = try PixelData(path: "\(folder)/\(image.name)")
        let values = try pixels.values(of: Double.self)
        let views = pixels.header[.windowCenter]?.count ?? 1
        for view in 0..<views {
            let expected = try doubles("\(folder)/\(image.name).view\(view)")
            let transform = try #require(try DisplayTransform(dataSet: pixels.header, index: view))
            #expect(
                zip(values, expected).allSatisfy { abs(transform.brightness(of: $0) - $1) < 1e-9 },
                "\(image.name) \(view)")
            let gray = try pixels.gray8(by: transform)
            #expect(
                zip(gray, expected).allSatisfy { abs(Double($0) - $1 * 255) <= 0.5 + 1e-6 }, "\(image.name) \(view)")
            let deep = values.withUnsafeBufferPointer(transform.gray16)
            #expect(zip(deep, expected).allSatisfy { abs(Double($0) - $1 * 65_535) <= 0.5 + 1e-4 }, "\(image.name)")
        }
        #expect(try DisplayTransform(dataSet: pixels.header, index: views) == nil)
    }

    private func compareColors(_ image: ImageCase, _ folder: String) throws {
        let expected = try Data(contentsOf: URL(filePath: "\(folder)/\(image.name).rgb"))
        let pixels = try PixelData(path: "\(folder)/\(image.name)")
        var ours: [UInt8] = []
        for frame in 0..<pixels.frameCount {
            ours += try pixels.colors(frame).flatMap { [$0.red, $0.green, $0.blue] }
        }
        try #require(ours.count == expected.count, "\(image.name)")
        let difference = zip(ours, expected).map { abs(Int($0) - Int($1)) }.max() ?? 0
        #expect(difference <= (image.name.hasPrefix("ybr") ? 1 : 0), "\(image.name)")
        #expect(code { _ = try pixels.gray8() } == (pixels.format.samplesPerPixel == 3 ? .unsupportedPixelData : nil))
    }

    private func compareOverlays(_ image: ImageCase, _ folder: String) throws {
        let overlays = try Overlay.overlays(in: DICOMFile.read("\(folder)/\(image.name)").dataSet)
        #expect(overlays.map(\.group) == (image.name == "overlay" ? [0x6000] : [0x6000, 0x6004]))
        for overlay in overlays {
            #expect(overlay.origin == (1, -3) && overlay.label == "A line")
            let expected = try Data(contentsOf: URL(filePath: "\(folder)/\(image.name).\(overlay.group)"))
            let masks = overlay.frames.compactMap { overlay.mask(frame: $0) }
            #expect(masks.flatMap { $0 } == [UInt8](expected), "\(image.name)")
            #expect(overlay.mask(frame: overlay.frames.upperBound) == nil)
        }
    }

    private func doubles(_ path: String) throws -> [Double] {
        try Data(contentsOf: URL(filePath: path)).withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 8).map { bytes.loadUnaligned(fromByteOffset: $0, as: Double.self) }
        }
    }

    /// Writes beside each file `name`: name.modality and name.viewN (doubles; views from 0 to 1), name.rgb, name.<group>.
    private static let program = #"""
        import os, sys, warnings
        import numpy as np
        from pydicom import dcmread
        from pydicom.pixels import apply_modality_lut, apply_voi_lut, apply_color_lut, convert_color_space
        warnings.simplefilter("ignore")

        def limits(ds, view):
            if ds.get("VOILUTSequence"):
                return 0, 2 ** ds.VOILUTSequence[view].LUTDescriptor[2] - 1
            low, high = (-(2 ** (ds.BitsStored - 1)), 2 ** (ds.BitsStored - 1) - 1) if ds.PixelRepresentation \
                else (0, 2 ** ds.BitsStored - 1)
            slope, intercept = float(ds.get("RescaleSlope", 1)), float(ds.get("RescaleIntercept", 0))
            return low * slope + intercept, high * slope + intercept

        for name in os.listdir(sys.argv[1]):
            path = os.path.join(sys.argv[1], name)
            ds = dcmread(path)
            if ds.PhotometricInterpretation == "MONOCHROME2":
                values = apply_modality_lut(ds.pixel_array, ds).astype("<f8")
                values.tofile(path + ".modality")
                views = len(ds.WindowCenter) if "WindowCenter" in ds else len(ds.get("VOILUTSequence", []))
                for view in range(views):
                    low, high = limits(ds, view)
                    shown = apply_voi_lut(apply_modality_lut(ds.pixel_array, ds), ds, view).astype("<f8")
                    ((shown - low) / (high - low)).tofile(f"{path}.view{view}")
                for group in (0x6000, 0x6004):
                    if (group, 0x3000) in ds:
                        ds.overlay_array(group).astype(np.uint8).tofile(f"{path}.{group}")
                continue
            if ds.PhotometricInterpretation == "PALETTE COLOR":
                colors = apply_color_lut(ds.pixel_array, ds)
                bits = ds.RedPaletteColorLookupTableDescriptor[2]
                colors = (colors >> (bits - 8)).astype(np.uint8)
            else:
                ds.pixel_array_options(raw=True)
                colors = ds.pixel_array
                if colors.dtype == np.uint16:
                    colors = (colors >> 8).astype(np.uint8)
                if ds.PhotometricInterpretation.startswith("YBR"):
                    colors = convert_color_space(colors, "YBR_FULL", "RGB")
            colors.tofile(path + ".rgb")
        """#
}
