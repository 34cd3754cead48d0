import DICOMCore
import DICOMDictionary
import DICOMTesting
import Foundation
import Testing

@testable import DICOMCoding

/// Directories whose bytes are put together here from PS3.3 F.3 and PS3.5 7.1, with offsets counted by hand.
struct DICOMDirectoryTests {
    // MARK: - Bytes

    /// A directory record in explicit VR little endian, always of 86 bytes: 8 for the item header, 12, 10 and 12 for offsets
    /// and flag, 8 + 16 for the type, 8 + 12 for the file ID.
    private struct RawRecord {
        var type: String
        var next = 0
        var lower = 0
        var inUse = 0xFFFF
        var file = ""

        static let size = 86

        var bytes: [UInt8] {
            var bytes: [UInt8] = [0xFE, 0xFF, 0x00, 0xE0] + little(Self.size - 8, 4)
            bytes += [4, 0, 0x00, 0x14, 0x55, 0x4C, 4, 0] + little(next, 4)
            bytes += [4, 0, 0x10, 0x14, 0x55, 0x53, 2, 0] + little(inUse, 2)
            bytes += [4, 0, 0x20, 0x14, 0x55, 0x4C, 4, 0] + little(lower, 4)
            bytes += [4, 0, 0x30, 0x14, 0x43, 0x53, 16, 0] + padded(type, 16)
            return bytes + [4, 0, 0x00, 0x15, 0x43, 0x53, 12, 0] + padded(file, 12)
        }
    }

    private static func little(_ number: Int, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    private static func padded(_ text: String, _ count: Int) -> [UInt8] {
        Array(text.utf8) + [UInt8](repeating: 0x20, count: count - text.utf8.count)
    }

    /// Where record `index` stands: behind preamble, prefix, meta group (12 + 28 bytes: the transfer syntax alone), the
    /// first and the last record's offset and the header of the sequence.
    private func place(_ index: Int) -> Int { 132 + 12 + 28 + 12 + 12 + 12 + index * RawRecord.size }

    private func directory(first: Int, _ records: [RawRecord]) throws -> DICOMDirectory {
        var bytes = [UInt8](repeating: 0, count: 128) + Array("DICM".utf8)
        bytes += [2, 0, 0, 0, 0x55, 0x4C, 4, 0] + Self.little(28, 4)
        bytes += [2, 0, 0x10, 0, 0x55, 0x49, 20, 0] + Array("1.2.840.10008.1.2.1\0".utf8)
        bytes += [4, 0, 0x00, 0x12, 0x55, 0x4C, 4, 0] + Self.little(first, 4)
        bytes += [4, 0, 0x02, 0x12, 0x55, 0x4C, 4, 0] + Self.little(0, 4)
        bytes += [4, 0, 0x20, 0x12, 0x53, 0x51, 0, 0] + Self.little(records.count * RawRecord.size, 4)
        bytes += records.flatMap(\.bytes)
        return try withTemporaryFolder { folder in
            try Data(bytes).write(to: URL(filePath: folder + "/DICOMDIR"))
            return try DICOMDirectory.read(folder + "/DICOMDIR")
        }
    }

    /// `PATIENT(STUDY(SERIES(IMAGE A/B)))`.
    private func outline(_ records: [DICOMDirectory.Record]) -> String {
        records.map { record in
            record.type + (record.path.map { " \($0)" } ?? "")
                + (record.children.isEmpty ? "" : "(\(outline(record.children)))")
        }.joined(separator: ", ")
    }

    /// Image, series, study, patient and a second image, not in the order of the tree.
    private var records: [RawRecord] {
        [
            RawRecord(type: "IMAGE", next: place(4), file: "A\\B1"), RawRecord(type: "SERIES", lower: place(0)),
            RawRecord(type: "STUDY", lower: place(1)), RawRecord(type: "PATIENT", lower: place(2)),
            RawRecord(type: "IMAGE", file: "A\\B2"),
        ]
    }

    // MARK: - Reading

    @Test func followsTheOffsets() throws {
        let directory = try directory(first: place(3), records)
        #expect(outline(directory.records) == "PATIENT(STUDY(SERIES(IMAGE A/B1, IMAGE A/B2)))")
        #expect(directory.files.map(\.path) == ["A/B1", "A/B2"])
        #expect(directory.warnings.isEmpty)
        #expect(try self.directory(first: 0, []).records.isEmpty)
    }

    @Test func recordsThatAreNotInUseAreLeftOut() throws {
        var records = records
        records[0].inUse = 0
        let directory = try directory(first: place(3), records)
        #expect(outline(directory.records) == "PATIENT(STUDY(SERIES(IMAGE A/B2)))")
        #expect(directory.warnings.count == 1)
    }

    @Test(arguments: [
        "A\\..\\B", "..", "\\A", "A\\\\B", "/A", "A/B", ".\\A", "A\\\u{1}B",
    ]) func fileIDsThatLeadElsewhereHaveNoPath(_ file: String) throws {
        var records = records
        records[4].file = file
        let directory = try directory(first: place(3), records)
        #expect(directory.files.map(\.path) == ["A/B1", nil])
        #expect(directory.warnings.count == 1)
    }

    @Test func offsetsInCircles() throws {
        var records = records
        records[4].next = place(0)
        records[0].lower = place(3)
        let directory = try directory(first: place(3), records)
        #expect(outline(directory.records) == "PATIENT(STUDY(SERIES(IMAGE A/B1, IMAGE A/B2)))")
        #expect(directory.warnings.count == 1)
        #expect(directory.warnings[0].message.contains("2 offsets"))
    }

    @Test func offsetsThatPointNowhere() throws {
        var records = records
        records[0].next = place(4) + 1
        let directory = try directory(first: place(3), records)
        #expect(outline(directory.records) == "PATIENT(STUDY(SERIES(IMAGE A/B1)))")
        // The one that points nowhere, and the image that is not reached.
        #expect(directory.warnings.count == 2)
    }

    @Test func aWrongFirstOffset() throws {
        let tree = "PATIENT(STUDY(SERIES(IMAGE A/B1, IMAGE A/B2)))"
        for first in [0, 7, place(4), place(1) + 2, 0xFFFF_FFFF] {
            let directory = try directory(first: first, records)
            #expect(outline(directory.records) == tree)
            #expect(directory.warnings.count == 1)
        }
    }

    /// All offsets are wrong, as after an edit that knew nothing of them: the order of the records remains.
    @Test func withoutOffsets() throws {
        var records = ["PATIENT", "STUDY", "SERIES", "IMAGE", "RT DOSE", "SERIES", "IMAGE", "PATIENT", "PALETTE", "X"]
            .map { RawRecord(type: $0, next: 3, lower: 5) }
        records[3].file = "A"
        let directory = try directory(first: 1, records)
        #expect(
            outline(directory.records)
                == "PATIENT(STUDY(SERIES(IMAGE A, RT DOSE), SERIES(IMAGE))), PATIENT, PALETTE(X)")
        #expect(directory.warnings.contains { $0.message.contains("order of the records") })
    }

    /// 10,000 records each below the one before, and as many one after the other.
    @Test func deepAndLongDirectories() throws {
        let deep = try directory(
            first: place(0), (0..<10_000).map { RawRecord(type: "PRIVATE", lower: place($0 + 1)) })
        #expect(deep.records.count == 10_000)
        #expect(deep.warnings.contains { $0.message.contains("order of the records") })
        let long = try directory(first: place(0), (0..<10_000).map { RawRecord(type: "PRIVATE", next: place($0 + 1)) })
        #expect(long.records.count == 10_000)
        #expect(long.warnings.map(\.byteOffset) == [place(10_000)])
    }

    @Test func randomOffsets() throws {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<300 {
            var records = records
            for index in records.indices {
                if Bool.random(using: &generator) { records[index].next = place(.random(in: 0..<6, using: &generator)) }
                if Bool.random(using: &generator) {
                    records[index].lower = place(.random(in: 0..<6, using: &generator))
                }
                if Int.random(in: 0..<8, using: &generator) == 0 { records[index].inUse = 0 }
            }
            let directory = try directory(first: place(.random(in: 0..<6, using: &generator)), records)
            #expect(directory.files.count <= 5)
        }
    }

    @Test func otherFilesAreNoDirectories() throws {
        #expect(throws: DICOMError.self) { try DICOMDirectory(DICOMFile(dataSet: DataSet())) }
    }

    private func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = NSTemporaryDirectory() + "/dicomnode-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try body(folder)
    }
}
