import DICOMCodecJPEG2000
import DICOMCodecJPEGLS
import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import Foundation
import ReferenceTools
import Testing

/// Images that are encoded here have to be read by everybody else.
struct TranscodingTests {
    init() { CodecCase.registerCodecs() }

    @Test(arguments: CodecCase.syntaxes) func samplesComeBack(syntax: UID) throws {
        for image in CodecCase.all where image.isEncoded(in: syntax) {
            let samples = try PixelData(image.file).samples()
            let encoded = try image.file.transcoded(to: TransferSyntax(uid: syntax))
            #expect(encoded.transferSyntax.uid == syntax && encoded.meta[.transferSyntaxUID] == syntax)
            #expect(encoded.dataSet[.sopInstanceUID] == image.dataSet[.sopInstanceUID])
            #expect(try PixelData(encoded).samples() == samples, "\(image.name)")
            #expect(try check(encoded), "\(image.name)")
            let native = try encoded.transcoded(to: .explicitVRLittleEndian)
            #expect(try PixelData(native).samples() == samples, "\(image.name)")
            #expect(
                native.dataSet[element: .pixelData]?.bytes?.count == image.dataSet[element: .pixelData]?.bytes?.count,
                "\(image.name)")
        }
    }

    /// Even fragments, one for each frame, where the basic offset table says; and a description that fits.
    private func check(_ file: DICOMFile) throws -> Bool {
        guard case .fragments(let fragments)? = file.dataSet[element: .pixelData]?.value else { return false }
        let table = Array(fragments[0])
        var offset = 0
        for (index, fragment) in fragments.dropFirst().enumerated() {
            let entry = (0..<4).reduce(0) { $0 | Int(table[4 * index + $1]) << (8 * $1) }
            guard entry == offset, fragment.count % 2 == 0 else { return false }
            offset += 8 + fragment.count
        }
        let samples = file.dataSet[.samplesPerPixel] ?? 0
        return table.count / 4 == fragments.count - 1 && fragments.count - 1 == file.dataSet[.numberOfFrames]
            && (samples == 1 || file.dataSet[.planarConfiguration] == 0)
    }

    @Test(arguments: CodecCase.syntaxes) func whatASyntaxCannotHoldIsRefused(syntax: UID) throws {
        for image in CodecCase.all where !image.isEncoded(in: syntax) {
            let error = #expect(throws: DICOMError.self) {
                try image.file.transcoded(to: TransferSyntax(uid: syntax))
            }
            #expect(error?.code == .unsupportedPixelData, "\(image.name)")
        }
    }

    @Test func whatIsNotEncodedIsNamed() throws {
        for syntax in [UID.htj2kLossless, .jpegBaseline8Bit, .jpeg2000, "1.2.840.10008.1.2.4.100"] {
            let error = #expect(throws: DICOMError.self) {
                try CodecCase.all[0].file.transcoded(to: TransferSyntax(uid: syntax))
            }
            #expect(error?.code == .unsupportedPixelData)
            #expect(error?.message.contains(syntax.string) == true)
            #expect(error?.message.contains("add the product") == false, "no product has an encoder for it")
        }
        var dataSet = CodecCase.all[0].dataSet
        dataSet[element: .pixelData] = nil
        dataSet[.bitsAllocated] = 32
        dataSet[element: Attribute.floatPixelData.tag] = DataElement(
            Attribute.floatPixelData.tag, .of, .bytes([UInt8](repeating: 0, count: 19 * 23 * 4)[...]))
        let error = #expect(throws: DICOMError.self) {
            try DICOMFile(dataSet: dataSet).transcoded(to: TransferSyntax(uid: .rleLossless))
        }
        #expect(error?.code == .unsupportedPixelData)
    }

    @Test func bitsAroundTheSamplesAreKeptOrRefused() throws {
        var dataSet = CodecCase("overlay", stored: 12, dirty: true).dataSet
        for (element, value) in [(0x0010, 19), (0x0011, 23), (0x0100, 16), (0x0102, 12)] as [(UInt16, UInt8)] {
            let tag = DICOMTag(0x6000, element)
            dataSet[element: tag] = DataElement(tag, .us, .bytes([value, 0][...]))
        }
        let file = DICOMFile(dataSet: dataSet)
        let kept = try file.transcoded(to: TransferSyntax(uid: .rleLossless))
        #expect(try PixelData(kept).frames().bytes == PixelData(file).frames().bytes)
        for syntax in [UID.jpeglsLossless, .jpeg2000Lossless] {
            #expect(throws: DICOMError.self) { try file.transcoded(to: TransferSyntax(uid: syntax)) }
        }
    }

    @Test func lossIsNotForgotten() throws {
        let near = try codestream(near: 2, of: CodecCase.all[0])
        var dataSet = CodecCase.all[0].dataSet
        dataSet[element: .pixelData] = DataElement(.pixelData, .ob, .fragments([[], near[...]]))
        let file = DICOMFile(dataSet: dataSet, transferSyntax: TransferSyntax(uid: .jpeglsNearLossless))
        let native = try file.transcoded(to: .explicitVRLittleEndian)
        #expect(native.dataSet[.lossyImageCompression] == "01")
        #expect(native.dataSet[.lossyImageCompressionMethod] == ["ISO_14495_1"])
        let ratio = try #require(native.dataSet[.lossyImageCompressionRatio]?.first)
        #expect(abs(ratio - 19 * 23 / Double(near.count)) < 0.02)
        // What was said before stays.
        dataSet[.lossyImageCompression] = "01"
        dataSet[.lossyImageCompressionRatio] = [7]
        dataSet[.lossyImageCompressionMethod] = ["ISO_10918_1"]
        let again = try DICOMFile(dataSet: dataSet, transferSyntax: file.transferSyntax)
            .transcoded(to: TransferSyntax(uid: .rleLossless))
        #expect(again.dataSet[.lossyImageCompressionRatio] == [7])
        #expect(again.dataSet[.lossyImageCompressionMethod] == ["ISO_10918_1"])
    }

    private func codestream(near: Int, of image: CodecCase) throws -> [UInt8] {
        let text = try PythonReference.run(
            """
            import sys, numpy as np, jpeg_ls
            a = (np.arange(19 * 23) // 3 % 256).astype("u1").reshape(19, 23)
            sys.stdout.write(" ".join(str(b) for b in jpeg_ls.encode_array(a, lossy_error=\(near))))
            """)
        let bytes = text.split(separator: " ").compactMap { UInt8($0) }
        return bytes.count % 2 == 0 ? bytes : bytes + [0]
    }

    /// pydicom's decoders, GDCM, DCMTK read what is encoded here; dciodvfy finds no more to say than about the original.
    @Test func othersReadWhatIsEncoded() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "transcoding-" + UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var count = 0
        for image in CodecCase.all {
            try image.file.write(to: "\(folder)/\(image.name).native.dcm")
            for syntax in CodecCase.syntaxes + [.implicitVRLittleEndian, .explicitVRBigEndian]
            where image.isEncoded(in: syntax) {
                if syntax == .explicitVRBigEndian, image.dataSet[.bitsAllocated] == 32 { continue }
                // Native ones by way of a compressed one.
                let target = TransferSyntax(uid: syntax)
                let way = target.isEncapsulated ? .explicitVRLittleEndian : Self.deflated
                try image.file.transcoded(to: way).transcoded(to: target).write(
                    to: "\(folder)/\(image.name).\(syntax).dcm")
                count += 1
            }
        }
        let output = try PythonReference.run(Self.program, [folder])
        let lines = output.split(separator: "\n")
        for line in lines where line.hasPrefix("bad") { Issue.record("\(line)") }
        let good = lines.filter { $0.hasPrefix("good") }
        #expect(good.count == count)
        for decoder in ["pydicom", "pylibjpeg", "pyjpegls", "gdcm", "dcmtk", "zlib", "native"] {
            #expect(good.contains { $0.contains(decoder) } || decoder == "dcmtk", "\(decoder) judged nothing")
        }
        if ProcessInfo.processInfo.environment["DICOMNODE_SHOW_CORPUS"] != nil { print(output) }
    }

    private static let deflated = TransferSyntax(uid: .deflatedImageFrameCompression)

    static let program = #"""
        import glob, os, shutil, subprocess, sys, tempfile, warnings, zlib
        import numpy as np
        from pydicom import dcmread
        from pydicom.encaps import generate_frames
        from pydicom.pixels import get_decoder
        import logging
        logging.disable(logging.CRITICAL)
        warnings.simplefilter("ignore")

        def values(array, ds):
            "Samples without what surrounds them in their cells, frames x rows x columns x samples in a row."
            stored, high, signed = ds.BitsStored, ds.HighBit, ds.PixelRepresentation
            cells = np.ascontiguousarray(array).reshape(-1).astype(np.int64)
            cells = (cells >> (high + 1 - stored)) & ((1 << stored) - 1)
            return np.where(cells >= 1 << (stored - 1), cells - (1 << stored), cells) if signed else cells

        def plain(ds, frames):
            "Native bytes of frames as samples."
            bits, n = ds.BitsAllocated, ds.Rows * ds.Columns * ds.SamplesPerPixel
            if bits == 1:
                return np.concatenate([np.unpackbits(np.frombuffer(f, "u1"), bitorder="little")[:n] for f in frames])
            order = ">" if ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.2" else "<"
            cells = np.concatenate([np.frombuffer(f, order + "u%d" % (bits // 8))[:n] for f in frames])
            if ds.SamplesPerPixel > 1 and ds.PlanarConfiguration == 1:
                cells = cells.reshape(-1, ds.SamplesPerPixel, ds.Rows, ds.Columns).transpose(0, 2, 3, 1)
            return cells

        def native(ds):
            n = ds.Rows * ds.Columns * ds.SamplesPerPixel * ds.BitsAllocated // 8
            if ds.BitsAllocated == 1:
                bits = np.unpackbits(np.frombuffer(ds.PixelData, "u1"), bitorder="little")
                return bits[:ds.NumberOfFrames * ds.Rows * ds.Columns]
            return plain(ds, [ds.PixelData[i * n:i * n + n] for i in range(ds.NumberOfFrames)])

        def decodings(path, ds):
            syntax = ds.file_meta.TransferSyntaxUID
            last = str(syntax)
            if last == "1.2.840.10008.1.2.8.1":
                frames = generate_frames(ds.PixelData, number_of_frames=ds.NumberOfFrames)
                yield "zlib", plain(ds, [zlib.decompressobj(-15).decompress(f) for f in frames])
                return
            if last == "1.2.840.10008.1.2.1.98":
                yield "pydicom", plain(ds, list(generate_frames(ds.PixelData, number_of_frames=ds.NumberOfFrames)))
                return
            if not syntax.is_encapsulated:
                yield "native", native(ds)
                return
            decoder = get_decoder(syntax)
            precision = ds.BitsStored if last.endswith(".80") else 8
            for plugin in decoder.available_plugins:
                # Pillow scales; GDCM does not decode all JPEG-LS below 8 bits.
                if plugin == "pillow" or plugin == "gdcm" and precision < 8: continue
                try:
                    array, _ = decoder.as_array(ds, raw=True, decoding_plugin=plugin, correct_unused_bits=False)
                    yield plugin, array
                except Exception as ex:
                    yield plugin, ex
            command = {"1.2.840.10008.1.2.4.80": "dcmdjpls", "1.2.840.10008.1.2.5": "dcmdrle"}.get(last)
            # DCMTK does not decode JPEG-LS below 6 bits.
            if command and shutil.which(command) and precision >= 6:
                with tempfile.TemporaryDirectory() as t:
                    p = subprocess.run([command, path, t + "/o"], capture_output=True, text=True)
                    if p.returncode:
                        yield "dcmtk", RuntimeError(p.stderr)
                    else:
                        o = dcmread(t + "/o")
                        yield "dcmtk", native(o)

        def errors(path):
            if not shutil.which("dciodvfy"): return set()
            p = subprocess.run(["dciodvfy", path], capture_output=True, text=True, errors="replace")
            return {l for l in p.stderr.splitlines() if l.startswith("Error")}

        for path in sorted(glob.glob(sys.argv[1] + "/*.dcm")):
            name, kind = os.path.basename(path)[:-4].split(".", 1)
            if kind == "native": continue
            original = dcmread(path.replace(kind, "native"))
            expected = values(native(original), original)
            ds = dcmread(path)
            bad, good = [], []
            for decoder, found in decodings(path, ds):
                if isinstance(found, Exception):
                    bad.append(f"{decoder}: {found}")
                else:
                    same = np.array_equal(values(found, ds), expected)
                    (good if same else bad).append(decoder)
            # dciodvfy crashes on 32 bits, and does not know the two newest transfer syntaxes.
            if ds.BitsAllocated != 32 and not kind.endswith((".98", ".8.1")):
                found = errors(path) - errors(path.replace(kind, "native"))
                # It does not know that JPEG 2000 without a colour transform may hold YBR_FULL (PS3.5 8.2.4).
                bad += [e for e in found if "= <YBR_FULL>" not in e]
            print(*("bad", name, kind, bad) if bad or not good else ("good", name, kind, good))
        """#
}
