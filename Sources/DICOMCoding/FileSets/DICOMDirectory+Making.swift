public import DICOMCore
import DICOMDictionary
import Glibc

extension DICOMDirectory {
    /// Makes the directory for the DICOM files in and below a folder, which is to be written to its file `DICOMDIR`.
    ///
    /// The records are in a fixed order: patients by ID, studies by date, series and instances by number. Files that cannot
    /// be in a file set, because they are no DICOM files or lack a UID, are left out and stand in ``warnings``.
    ///
    /// ```swift
    /// try DICOMDirectory.make(folder: "/data/cd").write(to: "/data/cd/DICOMDIR")
    /// ```
    /// - Throws: ``DICOMError`` when the folder cannot be listed, or when names of DICOM files are no File IDs (PS3.10 8.2,
    ///   8.5); ``copy(_:to:fileSetID:)`` makes a file set of such files.
    public static func make(folder: String, fileSetID: String = "") throws(DICOMError) -> DICOMDirectory {
        try check(fileSetID: fileSetID)
        let base = folder.hasSuffix("/") && folder.utf8.count > 1 ? String(folder.dropLast()) : folder
        var (instances, warnings) = try read([base])
        let prefix = base.hasSuffix("/") ? base : base + "/"
        for index in instances.indices {
            instances[index].fileID = instances[index].path.dropFirst(prefix.count)
                .split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        }
        // The directory that is there will be replaced.
        warnings.removeAll { $0.path == prefix + "DICOMDIR" }
        let misnamed = instances.filter { !isFileID($0.fileID) }
        if let first = misnamed.first {
            throw DICOMError(
                .invalidValue,
                "\(misnamed.count) of \(instances.count) DICOM files have names that a file set cannot have, the first is '\(first.path)': at most 8 components of at most 8 characters A-Z, 0-9 and underscore are allowed (PS3.10 8.2, 8.5), so no extension. Rename them, or copy them into a new file set."
            )
        }
        return DICOMDirectory(fileSetID, Arrangement(instances), warnings.map(\.error))
    }

    /// Copies DICOM files into a new file set, with names such as `PT000000/ST000000/SE000000/IM000000`, and writes its
    /// DICOMDIR.
    ///
    /// - Parameters:
    ///   - paths: Files, and folders whose files are taken.
    ///   - folder: Where the file set shall be; made when it is missing.
    /// - Returns: The directory; ``warnings`` says which files were left out, and why.
    /// - Throws: ``DICOMError`` when the folder has a file set already, or a file cannot be read or written; what was copied
    ///   until then stays, without a DICOMDIR.
    public static func copy(
        _ paths: [String], to folder: String, fileSetID: String = ""
    ) throws(DICOMError) -> DICOMDirectory {
        try check(fileSetID: fileSetID)
        let target = folder.hasSuffix("/") ? folder : folder + "/"
        guard !FileSystem.exists(target + "DICOMDIR") else {
            throw DICOMError(.invalidValue, "'\(folder)' has a DICOMDIR already; copy to another folder.")
        }
        let (instances, warnings) = try read(paths)
        var arrangement = Arrangement(instances)
        try arrangement.nameFiles()
        try FileSystem.createFolder(folder)
        for instance in arrangement.instances {
            let path = target + instance.fileID.joined(separator: "/")
            try FileSystem.createFolder(FileSystem.folder(of: path))
            try FileSystem.copy(instance.path, to: path)
        }
        let directory = DICOMDirectory(fileSetID, arrangement, warnings.map(\.error))
        try directory.write(to: target + "DICOMDIR")
        return directory
    }

    /// The instances at and below the paths, each SOP instance once, and why other files were left out.
    private static func read(
        _ paths: [String]
    ) throws(DICOMError) -> (instances: [FileSetInstance], leftOut: [(path: String, error: DICOMError)]) {
        var instances: [FileSetInstance] = []
        var leftOut: [(path: String, error: DICOMError)] = []
        var known: Set<UID> = []
        for (path, result) in try DICOMFolder.read(paths, { try FileSetInstance(path: $0) }) {
            switch result {
            case .success(let instance) where known.insert(instance.sopInstance).inserted: instances.append(instance)
            case .success:
                leftOut.append(
                    (path, DICOMError(.invalidValue, "'\(path)' is left out: another file has the same SOP instance.")))
            case .failure(let error): leftOut.append((path, error))
            }
        }
        return (instances, leftOut)
    }

    private init(_ fileSetID: String, _ arrangement: Arrangement, _ leftOut: [DICOMError]) {
        var missing: [DICOMTag: Int] = [:]
        self.init(fileSetID: fileSetID, records: arrangement.records(missing: &missing))
        warnings = leftOut
        for (tag, count) in missing.sorted(by: { $0.key < $1.key }) {
            warnings.append(
                DICOMError(
                    .invalidValue,
                    "\(count) records lack a value that they must have (PS3.3 F.5): numbers and Study ID are counted on instead, others left empty.",
                    at: [Attribute.directoryRecordSequence.tag, tag]))
        }
    }
}

/// Instances as patients, studies and series, in the order of the directory.
private struct Arrangement {
    /// Patients > studies > series > instances.
    private var patients: [[[[FileSetInstance]]]]
    /// Instances that belong to no patient.
    private var others: [FileSetInstance]

    init(_ instances: [FileSetInstance]) {
        others = instances.filter(\.kind.isRoot).sorted { ($0.kind.type, $0.path) < ($1.kind.type, $1.path) }
        patients = Self.groups(instances.filter { !$0.kind.isRoot }) { $0.patient }.map { patient in
            Self.groups(patient) { $0.study }.map { study in
                Self.groups(study) { $0.series }
                    .map { $0.sorted { Self.number($0, .instanceNumber) < Self.number($1, .instanceNumber) } }
                    .sorted { Self.number($0[0], .seriesNumber) < Self.number($1[0], .seriesNumber) }
            }.sorted { Self.date($0[0][0]) < Self.date($1[0][0]) }
        }.sorted { $0[0][0][0].patient.lexicographicallyPrecedes($1[0][0][0].patient) }
    }

    /// The instances that have the same key, in the order of their first ones; none of the groups is empty.
    private static func groups<Key: Hashable>(
        _ instances: [FileSetInstance], by key: (FileSetInstance) -> Key
    ) -> [[FileSetInstance]] {
        var groups: [[FileSetInstance]] = []
        var indices: [Key: Int] = [:]
        for instance in instances {
            let key = key(instance)
            if let index = indices[key] {
                groups[index].append(instance)
            } else {
                indices[key] = groups.count
                groups.append([instance])
            }
        }
        return groups
    }

    private static func number(_ instance: FileSetInstance, _ attribute: Attribute<Int>) -> (Int, String) {
        (instance.keys[attribute] ?? .max, instance.path)
    }

    private static func date(_ instance: FileSetInstance) -> (String, String, String) {
        (instance.keys[.studyDate] ?? "", instance.keys[.studyTime] ?? "", instance.path)
    }

    var instances: [FileSetInstance] { patients.joined().joined().joined() + others }

    /// Gives each instance a File ID by its place.
    mutating func nameFiles() throws(DICOMError) {
        func name(_ prefix: String, _ index: Int) throws(DICOMError) -> String {
            guard index < 1_000_000 else {
                throw DICOMError(.invalidValue, "A file set cannot have more than a million of one kind; make several.")
            }
            let digits = String(index)
            return prefix + String(repeating: "0", count: 6 - digits.utf8.count) + digits
        }
        for (p, patient) in patients.enumerated() {
            for (s, study) in patient.enumerated() {
                for (e, series) in study.enumerated() {
                    let folder = [try name("PT", p), try name("ST", s), try name("SE", e)]
                    for i in series.indices { patients[p][s][e][i].fileID = folder + [try name("IM", i)] }
                }
            }
        }
        for i in others.indices { others[i].fileID = [try name("OB", i)] }
    }

    func records(missing: inout [DICOMTag: Int]) -> [DICOMDirectory.Record] {
        var records: [DICOMDirectory.Record] = []
        for (p, patient) in patients.enumerated() {
            var patientRecord = patient[0][0][0].record(.patient, number: p + 1, missing: &missing)
            for (s, study) in patient.enumerated() {
                var studyRecord = study[0][0].record(.study, number: s + 1, missing: &missing)
                for (e, series) in study.enumerated() {
                    var seriesRecord = series[0].record(.series, number: e + 1, missing: &missing)
                    for (i, instance) in series.enumerated() {
                        seriesRecord.children.append(instance.leafRecord(number: i + 1, missing: &missing))
                    }
                    studyRecord.children.append(seriesRecord)
                }
                patientRecord.children.append(studyRecord)
            }
            records.append(patientRecord)
        }
        for (i, instance) in others.enumerated() {
            records.append(instance.leafRecord(number: i + 1, missing: &missing))
        }
        return records
    }
}

extension FileSystem {
    /// Copies a file to a path where there is none yet.
    fileprivate static func copy(_ source: String, to target: String) throws(DICOMError) {
        let input = try PosixFile(source, O_RDONLY)
        let output = try PosixFile(target, O_WRONLY | O_CREAT | O_EXCL)
        var offset = 0
        while true {
            let chunk = try input.read(at: offset, count: 1 << 20)
            if chunk.isEmpty { return }
            try output.write(chunk[...])
            offset += chunk.count
        }
    }
}
