import DICOMCore
import DICOMDictionary

/// An instance that a file set is to have: its file and what the directory says of it.
struct FileSetInstance: Sendable {
    let path: String
    let kind: RecordKind
    /// The keys of all four records, in a small buffer of their own.
    let keys: DataSet
    let sopClass: UID
    let sopInstance: UID
    let transferSyntax: UID
    /// The components of the File ID (PS3.10 8.2).
    var fileID: [String] = []

    /// Reads the header of a file.
    ///
    /// - Throws: ``DICOMError`` when it cannot be in a file set, with the reason.
    init(path: String) throws(DICOMError) {
        guard DICOMFile.isPart10(path) else {
            throw DICOMError(
                .notPart10, "'\(path)' is left out: it is no DICOM file with preamble and prefix (PS3.10 7.1).")
        }
        let file = try DICOMFile.readHeader(path)
        func uid(_ attributes: Attribute<UID>...) throws(DICOMError) -> UID {
            let values = attributes.lazy.compactMap { file.meta[$0] ?? file.dataSet[$0] }
            guard let uid = values.first(where: { !$0.string.isEmpty }) else {
                throw DICOMError(
                    .invalidValue, "'\(path)' is left out: it lacks a UID that the directory needs.",
                    at: attributes.map(\.tag))
            }
            return uid
        }
        self.path = path
        sopClass = try uid(.mediaStorageSOPClassUID, .sopClassUID)
        sopInstance = try uid(.mediaStorageSOPInstanceUID, .sopInstanceUID)
        transferSyntax = file.transferSyntax.uid
        guard sopClass != .mediaStorageDirectoryStorage else {
            throw DICOMError(.invalidValue, "'\(path)' is left out: it is itself the directory of a file set.")
        }
        kind = RecordKind(sopClass: sopClass)
        if !kind.isRoot {
            _ = try uid(.studyInstanceUID)
            _ = try uid(.seriesInstanceUID)
        }
        let levels = kind.isRoot ? [kind] : [.patient, .study, .series, kind]
        keys = try Self.compact(file.dataSet, levels.flatMap(\.keys) + [.specificCharacterSet])
    }

    /// The elements with these tags, without the buffer of the file that they come from.
    private static func compact(_ header: DataSet, _ tags: [DICOMTag]) throws(DICOMError) -> DataSet {
        var keys = DataSet()
        for tag in tags {
            guard let element = header[element: tag] else { continue }
            keys[element: tag] =
                element.vr == .un ? DataElement(tag, DICOMDictionary.vr(of: tag) ?? .un, element.value) : element
        }
        // Only what modifies the title of a document (PS3.3 F.5.25, F.5.26), and when it was last verified.
        if let content = keys[.contentSequence] {
            let modifiers = content.filter { $0[.relationshipType] == "HAS CONCEPT MOD" }
            keys[.contentSequence] = modifiers.isEmpty ? nil : modifiers
        }
        if tags.contains(Attribute.verificationDateTime.tag) {
            let observers = header[.verifyingObserverSequence] ?? []
            keys[.verificationDateTime] = observers.compactMap { $0[.verificationDateTime] }.max()
        }
        return try DataSet(parsing: keys.encoded(as: .explicitVRLittleEndian))
    }

    /// What tells patients apart; those without Patient ID by their name, and without either by their study.
    var patient: [String] {
        if let id = keys[.patientID] { return [id] }
        return ["", keys[.patientName] ?? "", keys[.patientName] == nil ? study : ""]
    }
    var study: String { keys[.studyInstanceUID]?.string ?? "" }
    var series: String { keys[.seriesInstanceUID]?.string ?? "" }

    // MARK: - Records

    /// The record that refers to the file.
    ///
    /// - Parameter number: Its position in its series, which stands in for a missing Instance Number.
    func leafRecord(number: Int, missing: inout [DICOMTag: Int]) -> DICOMDirectory.Record {
        var record = record(kind, number: number, missing: &missing)
        record.dataSet[.referencedFileID] = fileID
        record.dataSet[.referencedSOPClassUIDInFile] = sopClass
        record.dataSet[.referencedSOPInstanceUIDInFile] = sopInstance
        record.dataSet[.referencedTransferSyntaxUIDInFile] = transferSyntax
        return record
    }

    /// A record with the keys of its kind.
    ///
    /// - Parameters:
    ///   - number: The record's position in its entity, which stands in for a missing number or Study ID.
    ///   - missing: Counts the keys of type 1 that have no value.
    func record(_ kind: RecordKind, number: Int, missing: inout [DICOMTag: Int]) -> DICOMDirectory.Record {
        var dataSet = DataSet()
        dataSet[.directoryRecordType] = kind.type
        for tag in kind.keys {
            if let element = keys[element: tag], !element.isEmpty {
                dataSet[element: tag] = element
            } else if kind.required.contains(tag) {
                missing[tag, default: 0] += 1
                dataSet[element: tag] = Self.substitute(tag, number)
            } else if kind.present.contains(tag) {
                dataSet[element: tag] = Self.empty(tag)
            }
        }
        if dataSet.contains(where: { $0.vr.usesCharacterSet }) {
            dataSet[element: .specificCharacterSet] = keys[element: .specificCharacterSet]
        }
        return DICOMDirectory.Record(dataSet)
    }

    private static func substitute(_ tag: DICOMTag, _ number: Int) -> DataElement {
        switch tag {
        case Attribute.studyID.tag: DataElement(tag, .sh, .text("\(number)"))
        case Attribute.seriesNumber.tag, Attribute.instanceNumber.tag: DataElement(tag, .is, .text("\(number)"))
        default: empty(tag)
        }
    }

    private static func empty(_ tag: DICOMTag) -> DataElement {
        let vr = DICOMDictionary.vr(of: tag) ?? .un
        return DataElement(tag, vr, vr == .sq ? .sequence([]) : .bytes([]))
    }
}

extension VR {
    /// Whether text of this VR, or in it, is in the Specific Character Set.
    fileprivate var usesCharacterSet: Bool {
        switch kind {
        case .text(let repertoire, _): repertoire
        case .sequence: true
        case .uid, .decimal, .integer, .real, .tag, .stream: false
        }
    }
}
