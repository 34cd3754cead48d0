public import DICOMCore
import DICOMDictionary

/// The directory of a file set: the content of a DICOMDIR (PS3.3 Annex F, PS3.10 chapter 8).
///
/// ```swift
/// let directory = try DICOMDirectory.read("/media/cdrom/DICOMDIR")
/// for record in directory.files { print(record.path ?? "?", record.dataSet[.instanceNumber] ?? 0) }
/// ```
public struct DICOMDirectory: Sendable {
    /// A directory record (PS3.3 F.3.2.2): an entity such as a patient or an image, with its keys.
    public struct Record: Sendable {
        /// All elements of the record, its offsets and keys.
        public var dataSet: DataSet
        /// The records of the lower-level directory entity: a patient's studies, a study's series, ...
        public var children: [Record]

        /// A record with the records below it.
        public init(_ dataSet: DataSet, children: [Record] = []) {
            self.dataSet = dataSet
            self.children = children
        }
    }

    /// File-set ID (0004,1130): at most 16 characters A-Z, 0-9, space and underscore, or none.
    public var fileSetID: String
    /// The File-set's UID, which is the SOP Instance UID of its directory.
    public var uid: UID
    /// The records of the root directory entity.
    public var records: [Record]
    /// What was wrong: offsets and file IDs of a directory that was read, files that are not in one that was made.
    public internal(set) var warnings: [DICOMError] = []

    /// A directory of these records, for a new file set.
    public init(fileSetID: String = "", records: [Record] = []) {
        self.fileSetID = fileSetID
        self.records = records
        uid = .random()
    }

    /// Reads a DICOMDIR. Damage, such as offsets that point nowhere, is mended where that is possible, and reported in
    /// ``warnings``.
    ///
    /// - Throws: ``DICOMError`` when the file cannot be read or is no directory.
    public static func read(_ path: String) throws(DICOMError) -> DICOMDirectory {
        try DICOMDirectory(DICOMFile.read(path))
    }

    /// The directory that a file holds, which was read whole.
    ///
    /// - Throws: ``DICOMError`` when it is no directory.
    public init(_ file: DICOMFile) throws(DICOMError) {
        guard let items = file.dataSet[.directoryRecordSequence] else {
            throw DICOMError(
                .invalidValue, "The file is no DICOMDIR: it has no Directory Record Sequence.",
                at: [Attribute.directoryRecordSequence.tag])
        }
        fileSetID = file.dataSet[.fileSetID] ?? ""
        uid = file.meta[.mediaStorageSOPInstanceUID] ?? .random()
        var tree = RecordTree(items)
        records = tree.records(
            from: file.dataSet[.offsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity] ?? 0)
        warnings = tree.warnings
        let unsafe = files.count { $0.path == nil }
        if unsafe > 0 {
            warnings.append(
                DICOMError(
                    .invalidValue,
                    "\(unsafe) records have a Referenced File ID that leads out of the file set or is no file name; they have no path.",
                    at: [Attribute.directoryRecordSequence.tag, Attribute.referencedFileID.tag]))
        }
    }

    /// All records that refer to a file, in the order of the directory.
    public var files: [Record] {
        var found: [Record] = []
        func collect(_ records: [Record]) {
            for record in records {
                if record.refersToFile { found.append(record) }
                collect(record.children)
            }
        }
        collect(records)
        return found
    }
}

extension DICOMDirectory.Record {
    /// Directory Record Type (0004,1430), such as `PATIENT` or `IMAGE`.
    public var type: String { dataSet[.directoryRecordType] ?? "" }

    /// Whether there is a Referenced File ID (0004,1500) with any value.
    var refersToFile: Bool { dataSet[.referencedFileID]?.contains { !$0.isEmpty } ?? false }

    /// The file that the record refers to, relative to the folder of the DICOMDIR: Referenced File ID (0004,1500).
    ///
    /// `nil` when there is none, or when a component is no file name, such as one that leads out of the folder.
    public var path: String? {
        guard let components = dataSet[.referencedFileID], !components.isEmpty,
            components.allSatisfy({ !["", ".", ".."].contains($0) && $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x2F } })
        else { return nil }
        return components.joined(separator: "/")
    }
}

extension UID {
    /// A new UID from a random UUID (PS3.5 B.2).
    package static func random() -> UID {
        // Version 4, variant 1 (RFC 9562 5.4).
        let free: UInt128 = ~(0xF << 76 | 0x3 << 62)
        let fixed: UInt128 = 0x4 << 76 | 0x2 << 62
        let value = UInt128.random(in: 0 ... .max) & free | fixed
        return UID("2.25.\(value)")
    }
}
