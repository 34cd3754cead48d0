import DICOMCodecJPEG2000
import DICOMCodecJPEGLS
import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Foundation
import ReferenceTools
import Testing

/// Damaged codestreams: an error, or samples; never a crash, and no memory that the frame does not ask for.
struct CodecMutationTests {
    init() { CodecCase.registerCodecs() }

    /// Flipped bits, other bytes in the header, cut ends, inserted and removed bytes.
    private func mutate(_ bytes: inout [UInt8], using generator: inout SeededGenerator) {
        guard !bytes.isEmpty else { return }
        let header = min(bytes.count, 160)
        let numbers: [UInt8] = [0, 1, 2, 4, 0x7F, 0x80, 0xFE, 0xFF]
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator))
        case 1:
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 2...4: bytes[Int.random(in: 0..<header, using: &generator)] = numbers.randomElement(using: &generator) ?? 0
        case 5: bytes[Int.random(in: 0..<header, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        case 6: bytes.remove(at: Int.random(in: 0..<bytes.count, using: &generator))
        default:
            bytes.insert(
                UInt8.random(in: 0...255, using: &generator), at: Int.random(in: 0...bytes.count, using: &generator))
        }
    }

    @Test(arguments: CodecCase.syntaxes) func damagedFramesAreErrorsOrSamples(syntax: UID) throws {
        let images = CodecCase.all.filter { $0.isEncoded(in: syntax) && $0.dataSet[.numberOfFrames] == 1 }
        var generator = SeededGenerator(seed: 20_260_000 + UInt64(syntax.string.utf8.reduce(0) { $0 + Int($1) }))
        var (answers, errors) = (0, 0)
        for image in images {
            let encoded = try image.file.transcoded(to: TransferSyntax(uid: syntax))
            guard case .fragments(let fragments)? = encoded.dataSet[element: .pixelData]?.value else { continue }
            for _ in 0..<1000 / images.count + 1 {
                var frame = Array(fragments[1])
                for _ in 0..<Int.random(in: 1...3, using: &generator) { mutate(&frame, using: &generator) }
                let codestream = frame
                do throws(DICOMError) {
                    try decode(codestream, of: encoded, syntax)
                    answers += 1
                } catch {
                    errors += 1
                    #expect([.invalidCodestream, .unsupportedPixelData].contains(error.code), "\(error)")
                }
            }
        }
        #expect(answers + errors >= 1000 && errors > 10)
    }

    private func decode(_ codestream: [UInt8], of file: DICOMFile, _ syntax: UID) throws(DICOMError) {
        var dataSet = file.dataSet
        dataSet[element: .pixelData] = DataElement(.pixelData, .ob, .fragments([[], codestream[...]]))
        _ = try PixelData(dataSet, transferSyntax: TransferSyntax(uid: syntax)).frame(0)
    }

    /// Real codestreams of many encoders: HTJ2K, tiles, layers, precincts, near-lossless, RLE of several segments.
    @Test func damagedFramesOfOthersAreErrorsOrSamples() throws {
        let files = try PythonReference.run(
            """
            import os, pydicom
            folder = os.path.join(os.path.dirname(pydicom.__file__), "data/test_files")
            for name in sorted(os.listdir(folder)):
                try: ds = pydicom.dcmread(os.path.join(folder, name), stop_before_pixels=True)
                except Exception: continue
                uid = str(ds.file_meta.get("TransferSyntaxUID", ""))
                if uid.split(".4.")[-1] in ("80", "81", "90", "91", "201", "202", "203") or uid.endswith(".2.5"):
                    if ds.Rows * ds.Columns <= 300_000: print(os.path.join(folder, name))
            """
        ).split(separator: "\n").map(String.init)
        #expect(files.count > 15)
        var generator = SeededGenerator(seed: 90_201)
        var (answers, errors) = (0, 0)
        for path in files {
            guard let pixels = try? PixelData(path: path), let frames = try? FrameReader(path: path),
                let original = try? frames.frame(0)
            else { continue }
            let file = DICOMFile(dataSet: pixels.header, transferSyntax: pixels.transferSyntax)
            // Large images are slow to decode without optimisation.
            for _ in 0..<(pixels.format.sampleCount > 100_000 ? 4 : 40) {
                var frame = original
                for _ in 0..<Int.random(in: 1...3, using: &generator) { mutate(&frame, using: &generator) }
                let codestream = frame
                do throws(DICOMError) {
                    try decode(codestream, of: file, pixels.transferSyntax.uid)
                    answers += 1
                } catch { errors += 1 }
            }
        }
        #expect(answers > 20 && errors > 100)
    }

    /// Headers that ask for much: other sizes, millions of tiles, layers, tiny precincts and code-blocks.
    @Test func hostileHeadersTakeNoMemory() throws {
        let image = CodecCase("hostile", rows: 64, columns: 64, allocated: 8)
        let encoded = try image.file.transcoded(to: TransferSyntax(uid: .jpeg2000Lossless))
        guard case .fragments(let fragments)? = encoded.dataSet[element: .pixelData]?.value else { return }
        let original = Array(fragments[1])
        let style = try #require(original.indices.first { original[$0...].starts(with: [0xFF, 0x52]) })
        func changed(_ offset: Int, _ bytes: [UInt8]) -> [UInt8] {
            var result = original
            result.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            return result
        }
        var precincts = original
        precincts[style + 4] |= 1
        let levels = Int(original[style + 9])
        precincts.insert(contentsOf: [UInt8](repeating: 0x11, count: levels + 1), at: style + 14)
        precincts[style + 3] += UInt8(levels + 1)
        let hostile: [(String, [UInt8])] = [
            ("rows", changed(12, [0x7F, 0xFF, 0xFF, 0xFF])), ("columns", changed(8, [0x7F, 0xFF, 0xFF, 0xFF])),
            ("tiles", changed(24, [0, 0, 0, 1, 0, 0, 0, 1])), ("offset", changed(16, [0xFF, 0xFF, 0xFF, 0xF0])),
            ("no tile", changed(24, [0, 0, 0, 0])), ("components", changed(40, [0x40, 0x00])),
            ("subsampling", changed(43, [0xFF, 0xFF])), ("precision", changed(42, [0x25])),
            ("precincts", precincts),
        ]
        let before = Self.peakMemory
        for (name, codestream) in hostile {
            let error = #expect(throws: DICOMError.self, "\(name)") {
                try decode(codestream, of: encoded, .jpeg2000Lossless)
            }
            #expect(error?.code == .invalidCodestream || error?.code == .unsupportedPixelData, "\(name)")
        }
        var dataSet = encoded.dataSet
        let jpegLS = try image.file.transcoded(to: TransferSyntax(uid: .jpeglsLossless))
        guard case .fragments(let frames)? = jpegLS.dataSet[element: .pixelData]?.value else { return }
        var large = Array(frames[1])
        let start = try #require(large.indices.first { large[$0...].starts(with: [0xFF, 0xF7]) })
        large.replaceSubrange(start + 5..<start + 9, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(throws: DICOMError.self) { try decode(large, of: jpegLS, .jpeglsLossless) }
        // A deflated frame of many zeros.
        let zeros = try CodecCase.all[0].file.transcoded(to: TransferSyntax(uid: .deflatedImageFrameCompression))
        dataSet = zeros.dataSet
        dataSet[.rows] = 4000
        dataSet[.columns] = 10_000
        dataSet[element: .pixelData] = DataElement(
            .pixelData, .ob, .bytes([UInt8](repeating: 0, count: 40_000_000)[...]))
        let bomb = try DICOMFile(dataSet: dataSet).transcoded(to: zeros.transferSyntax)
        let afterBomb = Self.peakMemory
        guard case .fragments(let deflated)? = bomb.dataSet[element: .pixelData]?.value else { return }
        #expect(throws: DICOMError.self) { try decode(Array(deflated[1]), of: zeros, zeros.transferSyntax.uid) }
        // Tests run beside each other, so this can only see what is far too much.
        #expect(Self.peakMemory - afterBomb < 1 << 28 && before > 0)
    }

    /// VmHWM of this process, bytes.
    private static var peakMemory: Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }
}
