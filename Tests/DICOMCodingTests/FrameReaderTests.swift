import DICOMCore
import DICOMDictionary
import DICOMTesting
import Foundation
import Testing

@testable import DICOMCoding

/// Frames of files and data sets that are made here; what they must be follows from PS3.5 8.1.1 and A.4.
struct FrameReaderTests {
    // MARK: - Native

    private func image(
        rows: Int, columns: Int, bits: Int, frames: Int, samples: Int = 1, interpretation: String = "MONOCHROME2"
    ) -> DataSet {
        var dataSet = DataSet()
        dataSet[.rows] = rows
        dataSet[.columns] = columns
        dataSet[.bitsAllocated] = bits
        dataSet[.numberOfFrames] = frames
        dataSet[.samplesPerPixel] = samples
        dataSet[.photometricInterpretation] = interpretation
        return dataSet
    }

    /// The frames by way of a file and by way of memory, which must agree.
    private func frames(
        _ dataSet: DataSet, _ transferSyntax: TransferSyntax = .explicitVRLittleEndian
    ) throws -> [[UInt8]] {
        try withTemporaryFolder { folder in
            try DICOMFile(dataSet: dataSet, transferSyntax: transferSyntax).write(to: folder + "/a.dcm")
            let file = try FrameReader(path: folder + "/a.dcm")
            let memory = try FrameReader(dataSet, transferSyntax: transferSyntax)
            let frames = try (0..<file.frameCount).map { try file.frame($0) }
            #expect(try frames == (0..<memory.frameCount).map { try memory.frame($0) })
            #expect(file.warnings.count == memory.warnings.count)
            for index in [-1, file.frameCount, .max, .min] {
                #expect(throws: DICOMError.self) { try file.frame(index) }
            }
            return frames
        }
    }

    @Test func nativeFrames() throws {
        var dataSet = image(rows: 2, columns: 3, bits: 16, frames: 3)
        dataSet[.pixelData] = ArraySlice(0..<36)
        #expect(try frames(dataSet) == [Array(0..<12), Array(12..<24), Array(24..<36)])
        #expect(try frames(dataSet, .implicitVRLittleEndian) == [Array(0..<12), Array(12..<24), Array(24..<36)])
    }

    /// 3 frames of 3 × 3 pixels of 1 bit: 27 bits, of which the first is the lowest of the first byte.
    @Test func framesThatBeginWithinAByte() throws {
        var dataSet = image(rows: 3, columns: 3, bits: 1, frames: 3)
        // Frame 0: 1 1111 1111, frame 1: 0 0000 0001, frame 2: 1 0101 0101 (the last pixel on the left).
        dataSet[.pixelData] = [0b1111_1111, 0b0000_0011, 0b0101_0100, 0b1111_1101]
        #expect(try frames(dataSet) == [[0xFF, 1], [1, 0], [0b0101_0101, 1]])
    }

    @Test func subsampledChrominance() throws {
        var dataSet = image(rows: 1, columns: 4, bits: 8, frames: 2, samples: 3, interpretation: "YBR_FULL_422")
        dataSet[.pixelData] = ArraySlice(0..<16)
        #expect(try frames(dataSet) == [Array(0..<8), Array(8..<16)])
        // All three samples for each pixel, whatever the photometric interpretation says.
        dataSet[.pixelData] = ArraySlice(0..<24)
        #expect(try frames(dataSet) == [Array(0..<12), Array(12..<24)])
        #expect(try FrameReader(dataSet).warnings.count == 1)
    }

    @Test func floatingPointPixels() throws {
        var dataSet = image(rows: 1, columns: 2, bits: 32, frames: 2)
        dataSet[.floatPixelData] = ArraySlice(0..<16)
        #expect(try frames(dataSet) == [Array(0..<8), Array(8..<16)])
        dataSet.remove(Attribute.floatPixelData.tag)
        dataSet.remove(Attribute.bitsAllocated.tag)
        dataSet[.doubleFloatPixelData] = ArraySlice(0..<32)
        #expect(try frames(dataSet) == [Array(0..<16), Array(16..<32)])
    }

    /// PS3.5 8.1.1: words of OW are swapped, although a frame of 9 bytes begins within one; samples of 32 bits are swapped
    /// as one, as pydicom reads them.
    @Test func bigEndianFrames() throws {
        func frames(_ header: DataSet, _ vr: VR, _ bytes: [UInt8], count: Int) throws -> [[UInt8]] {
            let source = NativePixels(value: bytes[...])
            let native = try NativeFrames(
                header: header, vr: vr, isLittleEndian: false, frameCount: count, length: bytes.count)
            return try (0..<count).map { try native.frame($0, from: source) }
        }
        let small = image(rows: 3, columns: 3, bits: 8, frames: 2)
        let swapped: [UInt8] = [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14, 17, 16]
        #expect(try frames(small, .ow, swapped, count: 2) == [Array(0..<9), Array(9..<18)])
        #expect(try frames(small, .ob, Array(0..<18), count: 2) == [Array(0..<9), Array(9..<18)])
        let words = image(rows: 1, columns: 2, bits: 16, frames: 2)
        #expect(try frames(words, .ow, [1, 0, 3, 2, 5, 4, 7, 6], count: 2) == [[0, 1, 2, 3], [4, 5, 6, 7]])
        let long = image(rows: 1, columns: 1, bits: 32, frames: 2)
        #expect(try frames(long, .ow, [3, 2, 1, 0, 7, 6, 5, 4], count: 2) == [[0, 1, 2, 3], [4, 5, 6, 7]])
        #expect(try frames(long, .of, [3, 2, 1, 0, 7, 6, 5, 4], count: 2) == [[0, 1, 2, 3], [4, 5, 6, 7]])
    }

    @Test func nativeFramesThatAreNotThere() throws {
        var dataSet = image(rows: 2, columns: 2, bits: 16, frames: 3)
        dataSet[.pixelData] = ArraySlice(0..<20)
        let frames = try FrameReader(dataSet)
        #expect(try frames.frame(1) == Array(8..<16))
        #expect(throws: DICOMError.self) { try frames.frame(2) }
        dataSet[.rows] = 65_535
        dataSet[.columns] = 65_535
        dataSet[.samplesPerPixel] = 65_535
        dataSet[.numberOfFrames] = .max
        #expect(throws: DICOMError.self) { try FrameReader(dataSet).frame(.max - 1) }
        for attribute in [Attribute<Int>.rows, .columns, .bitsAllocated] {
            var broken = image(rows: 2, columns: 2, bits: 16, frames: 1)
            broken[.pixelData] = ArraySlice(0..<8)
            broken[attribute] = 0
            #expect(throws: DICOMError.self) { try FrameReader(broken) }
        }
        #expect(throws: DICOMError.self) { try FrameReader(DataSet()) }
    }

    // MARK: - Encapsulated

    private let jpeg = TransferSyntax(uid: .jpegBaseline8Bit)
    private let rle = TransferSyntax(uid: .rleLossless)

    private func encapsulated(_ frames: Int, table: [UInt8] = [], _ fragments: [[UInt8]]) -> DataSet {
        var dataSet = DataSet()
        dataSet[.numberOfFrames] = frames
        dataSet[element: .pixelData] = DataElement(
            .pixelData, .ob, .fragments([table[...]] + fragments.map { $0[...] }))
        return dataSet
    }

    private func table<Offset: FixedWidthInteger>(_ offsets: Offset...) -> [UInt8] {
        offsets.flatMap { offset in withUnsafeBytes(of: offset.littleEndian) { Array($0) } }
    }

    private let first: [UInt8] = [0xFF, 0xD8, 0xFF, 1]
    private let second: [UInt8] = [0xFF, 0xD8, 0xFF, 2, 3, 4]
    private let rest: [UInt8] = [9, 9]

    @Test func basicOffsetTable() throws {
        let dataSet = encapsulated(2, table: table(UInt32(0), 22), [first, rest, second])
        #expect(try frames(dataSet, jpeg) == [first + rest, second])
        #expect(try FrameReader(dataSet, transferSyntax: jpeg).fragments(of: 0) == [first, rest])
        // The last fragment of odd length is padded, as it is written.
        #expect(try frames(encapsulated(2, table: table(UInt32(0), 12), [first, [7]]), jpeg) == [first, [7, 0]])
    }

    @Test func extendedOffsetTable() throws {
        var dataSet = encapsulated(2, [first, second])
        dataSet[.extendedOffsetTable] = table(UInt64(0), 12)[...]
        dataSet[.extendedOffsetTableLengths] = table(UInt64(4), 6)[...]
        #expect(try frames(dataSet, jpeg) == [first, second])
        #expect(try FrameReader(dataSet, transferSyntax: jpeg).warnings.isEmpty)
    }

    @Test(arguments: [
        [UInt32(0), 13], [0, 0], [0, .max], [4, 12], [12, 0], [0, 12, 12], [0], [0, 30],
    ])
    func wrongOffsetTables(_ offsets: [UInt32]) throws {
        let bytes = offsets.flatMap { table($0) }
        let dataSet = encapsulated(2, table: bytes, [first, second])
        #expect(try frames(dataSet, jpeg) == [first, second])
        let reader = try FrameReader(dataSet, transferSyntax: jpeg)
        _ = try reader.frame(0)
        _ = try reader.frame(1)
        #expect(reader.warnings.count == 1)
        var extended = encapsulated(2, [first, second])
        extended[.extendedOffsetTable] = offsets.flatMap { table(UInt64($0) << 32 | UInt64($0)) }[...]
        if offsets != [0, 12] { #expect(try frames(extended, jpeg) == [first, second]) }
    }

    @Test func withoutATable() throws {
        // As many fragments as frames; one frame; a start marker for each frame; RLE.
        #expect(try frames(encapsulated(2, [first, rest]), jpeg) == [first, rest])
        #expect(try frames(encapsulated(1, [first, rest, rest]), jpeg) == [first + rest + rest])
        #expect(try frames(encapsulated(2, [first, rest, second, rest]), jpeg) == [first + rest, second + rest])
        #expect(try frames(encapsulated(2, [rest, rest]), rle) == [rest, rest])
        let wavelet: [UInt8] = [0xFF, 0x4F, 0xFF, 0x51, 5, 5]
        let dataSet = encapsulated(2, [wavelet, rest, wavelet])
        #expect(try frames(dataSet, TransferSyntax(uid: .jpeg2000)) == [wavelet + rest, wavelet])
    }

    @Test func fragmentsThatCannotBeToldApart() throws {
        for fragments in [[first, second, first], [rest, first, second], [rest, rest, rest], [rest]] {
            let reader = try FrameReader(encapsulated(2, fragments), transferSyntax: jpeg)
            for _ in 0..<2 {
                let error = #expect(throws: DICOMError.self) { try reader.frame(0) }
                #expect(error?.message.contains("\(fragments.count) fragments") == true)
            }
        }
        // Fewer images than Number of Frames says: those that are there are given.
        let short = try FrameReader(encapsulated(3, [first, second]), transferSyntax: jpeg)
        #expect(try short.frame(1) == second)
        #expect(throws: DICOMError.self) { try short.frame(2) }
        #expect(short.warnings.count == 1)
        let none = try FrameReader(encapsulated(1, []), transferSyntax: jpeg)
        #expect(throws: DICOMError.self) { try none.frame(0) }
    }

    /// Every truncation and every changed byte gives frames or an error.
    @Test func damagedFiles() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.dcm"
            let dataSet = encapsulated(2, table: table(UInt32(0), 22), [first, rest, second])
            try DICOMFile(dataSet: dataSet, transferSyntax: jpeg).write(to: path)
            let bytes = try Data(contentsOf: URL(filePath: path))
            let start = try #require(DICOMFile.readHeader(path).pixelData?.offset)
            for count in start..<bytes.count {
                try bytes.prefix(count).write(to: URL(filePath: path))
                _ = try? FrameReader(path: path).frame(0)
                _ = try? FrameReader(path: path).frame(1)
            }
            try bytes.prefix(bytes.count - 8).write(to: URL(filePath: path))
            #expect(try FrameReader(path: path).frame(1) == second)
            try bytes.prefix(bytes.count - 9).write(to: URL(filePath: path))
            #expect(try FrameReader(path: path).frame(0) == first + rest)
            #expect(throws: DICOMError.self) { try FrameReader(path: path).frame(1) }
            var generator = SeededGenerator(seed: 11)
            for index in start..<bytes.count {
                var changed = bytes
                changed[index] = UInt8.random(in: 0...255, using: &generator)
                try changed.write(to: URL(filePath: path))
                _ = try? FrameReader(path: path).frame(0)
                _ = try? FrameReader(path: path).frame(1)
            }
        }
    }

    // MARK: - Huge files

    /// Writes a header, then `pieces` at their places behind it, and makes the file so long: nothing stands between.
    private func writeSparse(
        _ dataSet: DataSet, _ transferSyntax: TransferSyntax, to path: String, length: Int, pieces: [Int: [UInt8]]
    ) throws {
        try DICOMFile(dataSet: dataSet, transferSyntax: transferSyntax).write(to: path)
        let handle = try #require(FileHandle(forWritingAtPath: path))
        defer { try? handle.close() }
        let start = try handle.seekToEnd()
        try handle.truncate(atOffset: start + UInt64(length))
        for (position, bytes) in pieces {
            try handle.seek(toOffset: start + UInt64(position))
            try handle.write(contentsOf: bytes)
        }
    }

    /// The longest native value: 4 GiB - 2 bytes, 2,047 frames of 1,024 × 1,024 × 16 bit.
    @Test func nativeFileOf4GiB() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.dcm"
            let header: [UInt8] = [0xE0, 0x7F, 0x10, 0, 0x4F, 0x57, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF]
            let frame = 2 * 1024 * 1024
            try writeSparse(
                image(rows: 1024, columns: 1024, bits: 16, frames: 2047), .explicitVRLittleEndian, to: path,
                length: 12 + 0xFFFF_FFFE,
                pieces: [0: header, 12 + 1000 * frame: [1, 2], 12 + 2047 * frame - 2: [3, 4]])
            let frames = try FrameReader(path: path)
            #expect(try frames.frame(1000).starts(with: [1, 2, 0]))
            #expect(try frames.frame(2046).suffix(3) == [0, 3, 4])
            #expect(try frames.frame(2046).count == frame)
        }
    }

    /// 1,300 frames of 4 MiB, which take 5 GiB: with an extended offset table, and without any.
    @Test(arguments: [true, false]) func encapsulatedFileOf5GiB(hasTable: Bool) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.dcm"
            let (count, size) = (1300, 4 * 1024 * 1024)
            var dataSet = image(rows: 1024, columns: 1024, bits: 16, frames: count)
            if hasTable {
                dataSet[.extendedOffsetTable] = (0..<count).flatMap { table(UInt64($0 * (8 + size))) }[...]
            }
            let item: [UInt8] = [0xFE, 0xFF, 0x00, 0xE0]
            var pieces: [Int: [UInt8]] = [
                0: [0xE0, 0x7F, 0x10, 0, 0x4F, 0x42, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF] + item + [0, 0, 0, 0]
            ]
            for index in 0..<count {
                pieces[20 + index * (8 + size)] = item + table(UInt32(size)) + [UInt8(index & 0xFF)]
            }
            let length = 20 + count * (8 + size)
            pieces[length] = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]
            try writeSparse(dataSet, jpeg, to: path, length: length + 8, pieces: pieces)
            let frames = try FrameReader(path: path)
            for index in [1299, 1000, 0] {
                let frame = try frames.frame(index)
                #expect(frame.count == size && frame[0] == UInt8(index & 0xFF))
            }
            #expect(frames.warnings.isEmpty)
        }
    }

    private func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = NSTemporaryDirectory() + "/dicomnode-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try body(folder)
    }
}
