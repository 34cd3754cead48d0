public import DICOMCore
import DICOMDictionary

extension DICOMDirectory {
    /// The directory as a file in explicit VR little endian (PS3.10 8.6), its byte offsets set.
    ///
    /// - Throws: ``DICOMError`` when the File-set ID or a value cannot be encoded.
    public func file() throws(DICOMError) -> DICOMFile {
        try Self.check(fileSetID: fileSetID)
        var items: [Item] = []
        let root = Self.append(records, to: &items)
        // Offsets have a fixed size: the records stand where they will, whatever these are.
        let meta = try DICOMFile.metaGroup(
            sopClassUID: .mediaStorageDirectoryStorage, sopInstanceUID: uid, transferSyntax: .explicitVRLittleEndian)
        let draft = try DataSet(
            parsing: dataSet(items, root, offsets: []).encoded(as: .explicitVRLittleEndian))
        let offsets = (draft[.directoryRecordSequence] ?? []).map { meta.count + ($0.itemOffset ?? 0) }
        guard offsets.last ?? 0 <= UInt32.max else {
            throw DICOMError(
                .unencodableValue, "The directory is longer than 4 GiB; divide the files among several file sets.")
        }
        var file = DICOMFile(dataSet: dataSet(items, root, offsets: offsets))
        file.meta[.mediaStorageSOPClassUID] = .mediaStorageDirectoryStorage
        file.meta[.mediaStorageSOPInstanceUID] = uid
        return file
    }

    /// Writes the directory, which belongs into the file `DICOMDIR` in the folder of the file set.
    ///
    /// - Throws: ``DICOMError`` when a value cannot be encoded or the file cannot be written.
    public func write(to path: String, syncing: Bool = false) throws(DICOMError) {
        try file().write(to: path, syncing: syncing)
    }

    /// A record in the order of the file, with the records that its offsets lead to.
    private struct Item {
        var dataSet: DataSet
        var next: Int?
        var lower: Int?
    }

    /// Appends the records with all that is below them; returns which of the items they are.
    private static func append(_ records: [Record], to items: inout [Item]) -> [Int] {
        var indices: [Int] = []
        for record in records {
            let index = items.count
            if let last = indices.last { items[last].next = index }
            indices.append(index)
            items.append(Item(dataSet: record.dataSet))
            items[index].lower = append(record.children, to: &items).first
        }
        return indices
    }

    private func dataSet(_ items: [Item], _ root: [Int], offsets: [Int]) -> DataSet {
        func offset(_ index: Int?) -> Int { index.flatMap { $0 < offsets.count ? offsets[$0] : nil } ?? 0 }
        var dataSet = DataSet()
        dataSet[.fileSetID] = fileSetID
        dataSet[.offsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity] = offset(root.first)
        dataSet[.offsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity] = offset(root.last)
        dataSet[.fileSetConsistencyFlag] = 0
        dataSet[.directoryRecordSequence] = items.map { item in
            var record = item.dataSet
            record[.offsetOfTheNextDirectoryRecord] = offset(item.next)
            record[.recordInUseFlag] = 0xFFFF
            record[.offsetOfReferencedLowerLevelDirectoryEntity] = offset(item.lower)
            // Retired, and an offset that would be wrong.
            record.remove(Attribute.mrdrDirectoryRecordOffset.tag)
            return record
        }
        return dataSet
    }

    /// PS3.10 8.1: at most 16 characters of VR CS.
    static func check(fileSetID: String) throws(DICOMError) {
        guard fileSetID.utf8.count <= 16, fileSetID.utf8.allSatisfy({ isFileIDCharacter($0) || $0 == 0x20 }) else {
            throw DICOMError(
                .invalidValue, "A File-set ID has at most 16 characters A-Z, 0-9, space and underscore (PS3.10 8.1).",
                at: [Attribute.fileSetID.tag])
        }
    }

    /// Whether a relative path can be a File ID (PS3.10 8.2, 8.5): at most 8 components of at most 8 characters each.
    static func isFileID(_ components: [String]) -> Bool {
        (1...8).contains(components.count)
            && components.allSatisfy { (1...8).contains($0.utf8.count) && $0.utf8.allSatisfy(isFileIDCharacter) }
    }

    private static func isFileIDCharacter(_ character: UInt8) -> Bool {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
        default: false
        }
    }
}
