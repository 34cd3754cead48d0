public import DICOMCoding
import DICOMCore
import DICOMDictionary

extension DataSetExerciser {
    /// Every way to encode a data set: each of the uncompressed ones, and one for all encapsulated ones.
    public static let transferSyntaxes: [TransferSyntax] = [
        .explicitVRLittleEndian, .implicitVRLittleEndian, .explicitVRBigEndian, .deflatedExplicitVRLittleEndian,
        TransferSyntax(uid: .rleLossless), TransferSyntax(uid: "1.2.840.113619.5.2"),
    ]
    /// How many elements get what takes time proportional to the data set for each.
    private static let sample = 16

    func use(_ dataSet: DataSet) throws {
        for (_, element) in dataSet.allElements { use(element) }
        _ = try? dataSet.validate()
        _ = (dataSet.characterSet.terms, dataSet.characterSet.problem)
        dataSet.writeText(maximumValueLength: nil) { _ in }
        dataSet.writeText { _ in }
        guard dataSet == dataSet, dataSet.differences(from: dataSet).isEmpty else {
            throw Contradiction("a data set differs from itself")
        }
        try usePaths(dataSet)
        edit(dataSet)
        try useJSON(of: dataSet)
        for transferSyntax in Self.transferSyntaxes { try encode(dataSet, transferSyntax) }
    }

    // MARK: - Access and editing

    private func usePaths(_ dataSet: DataSet) throws {
        for (path, element) in dataSet.allElements.prefix(Self.sample) {
            guard let found = dataSet[path], found.tag == element.tag, try ElementPath(path.keywords) == path,
                try ElementPath(path.description) == path
            else { throw Contradiction("the path \(path) does not lead back to its element") }
            _ = (dataSet.privateCreator(of: path.tag), dataSet.privateBlocks(path.tag.group))
        }
        _ = dataSet.dateTime(.studyDate, .studyTime)
    }

    private func edit(_ dataSet: DataSet) {
        var edited = dataSet.filtered { !$0.isEmpty }
        edited.removeAllRecursively { $0.tag.isPrivate }
        _ = dataSet.merging(edited)
        _ = try? edited.merging(dataSet).encoded(as: .explicitVRLittleEndian)
        for (path, element) in dataSet.allElements.prefix(Self.sample) {
            try? edited.set(element, at: path)
            _ = try? edited.reservePrivateBlock(creator: "EXERCISER", group: path.tag.group)
            if path.tag.element & 1 == 0 { _ = edited.remove(at: path) }
        }
        edited[.specificCharacterSet] = ["ISO 2022 IR 6", "ISO 2022 IR 87"]
        edited[.patientName] = "Yamada^Tarou=山田^太郎"
        _ = edited.differences(from: dataSet)
        _ = try? edited.encoded(as: .explicitVRLittleEndian)
    }

    // MARK: - JSON

    /// What was written can be read, and written again it is the same: of the second generation, because the first may
    /// have numbers that do not fit a DS, and bytes that its character set does not have.
    private func useJSON(of dataSet: DataSet) throws {
        let text = dataSet.json()
        guard let second = try reading(text) else { return }
        let written = second.json()
        guard let third = try reading(written) else { return }
        guard third.json() == written else { throw Contradiction("JSON changes when it is read") }
        for transferSyntax in Self.transferSyntaxes.prefix(2) { try encode(second, transferSyntax) }
        _ = try? second.validate()

        var values: [String: [UInt8]] = [:]
        let withURIs = dataSet.json(isPretty: true, bulkDataThreshold: 64) { path, element in
            guard let bytes = element.bytes, !element.vr.isText else { return nil }
            values[path] = Array(bytes)
            return path
        }
        _ = try? DataSet(json: withURIs) { uri, _, _ in values[uri] }
    }

    /// `nil` when it is refused for the one reason that there can be.
    private func reading(_ json: [UInt8]) throws -> DataSet? {
        do {
            return try DataSet(json: json)
        } catch {
            if error.message.contains("DS is too large") { return nil }
            throw Contradiction("JSON that was written cannot be read: \(error)")
        }
    }

    // MARK: - Encoding

    /// What can be written can be read, and written again it is the same.
    ///
    /// In implicit VR nothing says that the bytes of an element are no sequence where the dictionary has one: they may be
    /// refused, or be mended once.
    private func encode(_ dataSet: DataSet, _ transferSyntax: TransferSyntax) throws {
        let first: [UInt8]
        do { first = try dataSet.encoded(as: transferSyntax) } catch { return use(errors: [error]) }
        do {
            let second = try DataSet(parsing: first, transferSyntax: transferSyntax)
            let bytes = try second.encoded(as: transferSyntax)
            if bytes == first { return }
            let third = try DataSet(parsing: bytes, transferSyntax: transferSyntax)
            guard !transferSyntax.isExplicitVR, try third.encoded(as: transferSyntax) == bytes else {
                throw Contradiction(
                    "a data set in \(transferSyntax) changes when it is read and written: \(difference(third, second))")
            }
        } catch let error as DICOMError where transferSyntax.isExplicitVR {
            throw Contradiction("a data set that was written in \(transferSyntax) is refused: \(error)")
        } catch let error as DICOMError {
            use(errors: [error])
        }
    }

    // MARK: - Comparing

    /// Whether two data sets have the same elements byte for byte.
    func isSame(_ left: DataSet, _ right: DataSet) -> Bool {
        left.elementsEqual(right) { left, right in
            guard left.tag == right.tag, left.vr == right.vr else { return false }
            switch (left.value, right.value) {
            case (.bytes(let left), .bytes(let right)): return left == right
            case (.text(let left), .text(let right)): return left.utf8.elementsEqual(right.utf8)
            case (.fragments(let left), .fragments(let right)): return left == right
            case (.sequence(let left), .sequence(let right)): return left.elementsEqual(right, by: isSame)
            default: return false
            }
        }
    }

    /// Where two data sets differ first, without their values.
    func difference(_ left: DataSet, _ right: DataSet) -> String {
        guard let first = left.differences(from: right).first else { return "in bytes that mean the same" }
        return "\(first.path) \(first.kind), \(first.before?.vr.code ?? "-"), \(first.after?.vr.code ?? "-")"
    }
}
