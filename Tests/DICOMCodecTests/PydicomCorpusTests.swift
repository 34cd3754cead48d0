import DICOMCodecJPEG
import DICOMCodecJPEG2000
import DICOMCodecJPEGLS
import DICOMCodecJPEGLossless
import DICOMCore
import DICOMImaging
import Foundation
import ReferenceTools
import Testing

/// Every file of pydicom's test files and of pydicom-data, decoded here and by pydicom with all decoders that it has.
struct PydicomCorpusTests {
    @Test(.enabled(if: PydicomCorpus.isPresent, "pydicom or pydicom-data is absent"))
    func everyFileIsDecodedAsByPydicom() throws {
        FrameCodecs.register([JPEGCodec(), JPEGLosslessCodec(), JPEGLSCodec(), JPEG2000Codec()])
        let folder = FileManager.default.temporaryDirectory.appending(path: "corpus-" + UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let files = PydicomCorpus.files
        #expect(files.count > 200)
        let ours = files.enumerated().map { decode($1, to: "\(folder)/\($0)") }
        try (ours.map { $0.joined(separator: "\t") }.joined(separator: "\n") + "\n")
            .write(toFile: folder + "/ours.tsv", atomically: false, encoding: .utf8)
        let verdicts = try PythonReference.run(PydicomCorpus.program, [folder + "/ours.tsv"])
        var exceptions = try PydicomCorpus.exceptions()
        var counts: [Substring: Int] = [:]
        for line in verdicts.split(separator: "\n") {
            let fields = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
            try #require(fields.count == 3)
            counts[fields[0], default: 0] += 1
            guard !["exact", "near", "refused"].contains(fields[0]) else { continue }
            #expect(exceptions.removeValue(forKey: String(fields[1])) == fields[0], "\(line)")
        }
        #expect(exceptions.isEmpty, "they are no exceptions any more")
        #expect(counts["exact", default: 0] > 150, "\(counts)")
        // DICOMNODE_SHOW_CORPUS=1 prints what became of every file.
        if ProcessInfo.processInfo.environment["DICOMNODE_SHOW_CORPUS"] != nil { print(verdicts, counts) }
    }

    /// Writes the frames of a file to another and returns what they are, or why there are none.
    private func decode(_ path: String, to target: String) -> [String] {
        do throws(DICOMError) {
            let frames = try PixelData(path: path).frames()
            let format = frames.format
            _ = FileManager.default.createFile(atPath: target, contents: Data(frames.bytes))
            return [
                path, target, "\(format.rows)", "\(format.columns)", "\(format.samplesPerPixel)",
                "\(format.bitsAllocated)",
                "\(format.bitsStored)", "\(format.highBit)", "\(format.sampleType)", format.isPlanar ? "1" : "0",
                format.photometricInterpretation.rawValue,
            ]
        } catch {
            return [path, "", "\(error.code): \(error.message)".replacing("\n", with: " ").replacing("\t", with: " ")]
        }
    }
}

/// The files, and the program that judges what was made of them.
enum PydicomCorpus {
    static let folders: [String] = {
        let program = """
            import os, importlib.util
            for name, folder in (("pydicom", "data/test_files"), ("data_store", "data")):
                spec = importlib.util.find_spec(name)
                if spec: print(os.path.join(os.path.dirname(spec.origin), folder))
            """
        let output = (try? PythonReference.run(program)) ?? ""
        return output.split(separator: "\n").map(String.init).filter { FileManager.default.fileExists(atPath: $0) }
    }()

    static let isPresent = folders.count == 2

    static var files: [String] {
        folders.flatMap { folder in
            (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []).sorted()
                .map { folder + "/" + $0 }
                .filter {
                    var isFolder: ObjCBool = false
                    return FileManager.default.fileExists(atPath: $0, isDirectory: &isFolder) && !isFolder.boolValue
                }
        }
    }

    /// Name of the file → verdict; the reasons are in the table.
    static func exceptions() throws -> [String: Substring] {
        let path = PythonReference.repository + "/Tests/Peers/pydicom-exceptions.tsv"
        var exceptions: [String: Substring] = [:]
        for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") where !line.hasPrefix("#")
        {
            let fields = line.split(separator: "\t")
            try #require(fields.count == 3, "file, verdict, reason")
            exceptions[String(fields[0])] = fields[1]
        }
        return exceptions
    }

    /// Prints a line for each file: verdict, file, what was found.
    ///
    /// exact: the same array as one decoder's. near: lossy, and no sample is more than 1 off one decoder's. refused: neither
    /// side has an array. unmatched: differs from all. missing: pydicom has an array, we have none. alone: the other way.
    static let program = #"""
        import os, shutil, subprocess, sys, tempfile, warnings
        import numpy as np
        from pydicom import config, dcmread
        from pydicom.pixels import get_decoder
        warnings.simplefilter("ignore")
        import logging
        logging.disable(logging.CRITICAL)

        LOSSY = {"1.2.840.10008.1.2.4." + n for n in ("50", "51", "81", "91", "203")}
        DCMTK = {**{n: "dcmdjpeg +cn +px" for n in ("50", "51", "57", "70")}, **{n: "dcmdjpls +px" for n in ("80", "81")}}

        def references(path):
            try:
                ds = dcmread(path, force=True)
            except Exception as ex:
                yield "read", None, ex
                return
            if not any(t in ds for t in (0x7FE00010, 0x7FE00008, 0x7FE00009)):
                yield "none", None, "no pixel data"
                return
            syntax = ds.file_meta.get("TransferSyntaxUID") if hasattr(ds, "file_meta") else None
            try:
                decoder = get_decoder(syntax)
                plugins = list(decoder.available_plugins) if syntax.is_encapsulated else [""]
            except Exception as ex:
                yield "decoder", None, ex
                plugins = []
            for plugin in plugins:
                try:
                    yield plugin or "native", decoder.as_array(ds, raw=True, decoding_plugin=plugin)[0], None
                except Exception as ex:
                    yield plugin, None, ex
            command = DCMTK.get(str(syntax).split(".4.")[-1])
            if command and shutil.which(command.split()[0]):
                with tempfile.TemporaryDirectory() as t:
                    p = subprocess.run(command.split() + [path, t + "/o"], capture_output=True)
                    if p.returncode == 0:
                        ds = dcmread(t + "/o")
                        try:
                            yield "dcmtk", get_decoder(ds.file_meta.TransferSyntaxUID).as_array(ds, raw=True)[0], None
                        except Exception as ex:
                            yield "dcmtk", None, ex

        def ours(fields):
            rows, columns, samples, bits, stored, high = map(int, fields[2:8])
            kind, planar = fields[8], fields[9] == "1"
            data = np.fromfile(fields[1], np.uint8)
            if bits == 1:
                length = (rows * columns * samples + 7) // 8
                cells = np.unpackbits(data.reshape(-1, length), axis=1, bitorder="little")[:, :rows * columns * samples]
            else:
                cells = data.view({"float": "<f", "double": "<d", "unsigned": "<u%d" % (bits // 8),
                                   "signed": "<i%d" % (bits // 8)}[kind])
            if planar:
                cells = cells.reshape(-1, samples, rows, columns).transpose(0, 2, 3, 1)
            cells = cells.reshape(-1)
            # pydicom takes foreign bits away from native pixels, not from others.
            if bits in (8, 16, 32) and kind in ("signed", "unsigned"):
                return cells, (cells << (bits - 1 - high)) >> (bits - stored)
            return cells, cells

        def judge(fields):
            found, best, lossy = [], None, False
            array, values = ours(fields) if fields[1] else (None, None)
            for name, other, error in references(fields[0]):
                if other is None:
                    found.append(f"{name}: {error}")
                    continue
                if array is None:
                    return "missing", f"{fields[2]}; {name} has {other.shape}"
                other = np.ascontiguousarray(other).reshape(-1)
                other = other.astype(other.dtype.newbyteorder("<"))
                if other.size != array.size:
                    found.append(f"{name} has {other.size} samples, here are {array.size}")
                    best = best or 1e9
                elif other.dtype == array.dtype and any(
                    np.array_equal(other, a, equal_nan=other.dtype.kind == "f") for a in (array, values)):
                    return "exact", name
                else:
                    difference = np.abs(other.astype(float) - array.astype(float)).max()
                    found.append(f"{name} differs by {difference}, {other.dtype} and {array.dtype}")
                    best = min(difference, best if best is not None else 1e9)
            what = "; ".join(found)
            if best is None:
                return ("refused", fields[2] + " | " + what) if array is None else ("alone", what)
            return ("near" if best <= 1 and syntax(fields[0]) in LOSSY else "unmatched"), what

        def syntax(path):
            return str(dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID)

        for line in open(sys.argv[1]):
            fields = line.rstrip("\n").split("\t")
            verdict, what = judge(fields)
            print(verdict, os.path.basename(fields[0]), str(what).replace("\n", " ").replace("\t", " ")[:400], sep="\t")
        """#
}
