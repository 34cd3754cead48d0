public import DICOMCoding
public import DICOMCore
import DICOMTesting

/// Does everything that can be done with bytes that claim to be a file, a data set or a JSON text, so that no lazily
/// decoded value hides a trap. The mutation test and the fuzzers share it.
///
/// What is read has to obey some laws; a breach of one is thrown as a ``Contradiction``. That bytes are refused is none.
public struct DataSetExerciser {
    public let inflationLimit: Int
    /// Chooses the pieces that streams are fed in.
    var generator: SeededGenerator

    public init(inflationLimit: Int, seed: UInt64) {
        self.inflationLimit = inflationLimit
        generator = SeededGenerator(seed: seed)
    }

    /// A law that what was read does not obey.
    public struct Contradiction: Error, CustomStringConvertible {
        public let description: String

        public init(_ description: String) { self.description = description }
    }

    /// The ways to read: the default, and the strict one with all that can be asked for.
    private func options(isStrict: Bool, isFile: Bool) -> ParsingOptions {
        ParsingOptions(isStrict: isStrict, acceptsTruncation: isFile, inflationLimit: inflationLimit)
    }

    // MARK: - Files

    /// Uses bytes as a Part 10 file.
    ///
    /// - Returns: The file, or why it was refused.
    @discardableResult
    public mutating func useFile(_ bytes: [UInt8]) throws -> Result<DICOMFile, DICOMError> {
        let lenient = options(isStrict: false, isFile: true)
        let whole = Result { () throws(DICOMError) in try DICOMFile(parsing: bytes, options: lenient) }
        try compareStrict(with: whole, bytes)
        try compareStream(with: whole, bytes, transferSyntax: nil, lenient)
        try compareHeader(with: whole, bytes, lenient)
        guard case .success(let file) = whole else { return whole }
        use(errors: file.warnings)
        try use(file.dataSet)
        try use(file.meta)
        try rewrite(file)
        useFrames(file)
        useDirectory(file)
        return whole
    }

    /// What the strict reader takes has nothing that the lenient one warns of, and the other way round.
    private func compareStrict(with whole: Result<DICOMFile, DICOMError>, _ bytes: [UInt8]) throws {
        do {
            let strict = try DICOMFile(parsing: bytes, options: options(isStrict: true, isFile: true))
            guard case .success(let file) = whole, file.warnings.isEmpty, isSame(file.dataSet, strict.dataSet) else {
                throw Contradiction("the strict reader takes what the lenient one does not")
            }
        } catch let error as DICOMError {
            use(errors: [error])
            if case .success(let file) = whole, file.warnings.isEmpty {
                throw Contradiction("the strict reader refuses what the lenient one has no warning for")
            }
        }
    }

    /// Reading only the header gives what stands before the pixel data.
    private func compareHeader(
        with whole: Result<DICOMFile, DICOMError>, _ bytes: [UInt8], _ options: ParsingOptions
    ) throws {
        var options = options
        options.stopBeforePixelData = true
        guard let header = try? DICOMFile(parsing: bytes, options: options) else {
            if case .success = whole { throw Contradiction("the header of a readable file is refused") }
            return
        }
        guard case .success(let file) = whole, file.warnings.isEmpty else { return }
        var start = DataSet()
        for element in file.dataSet where header.dataSet.contains(element.tag) { start[element: element.tag] = element }
        guard isSame(start, header.dataSet) else {
            throw Contradiction("the header has other elements than the whole file")
        }
    }

    /// The file in its own transfer syntax and every other one that it can be brought to.
    private func rewrite(_ file: DICOMFile) throws {
        guard let chunks = try? file.encodedChunks() else { return }
        do {
            let again = try DICOMFile(parsing: Array(chunks.joined()), options: options(isStrict: false, isFile: false))
            guard again.transferSyntax == file.transferSyntax else {
                throw Contradiction("a file that was written has another transfer syntax")
            }
        } catch let error as DICOMError where error.code != .inflationLimit && file.isUnambiguous {
            throw Contradiction("a file that was written cannot be read: \(error)")
        } catch let error as DICOMError {
            use(errors: [error])
        }
        for transferSyntax in Self.transferSyntaxes { _ = try? file.converted(to: transferSyntax) }
    }

    /// Frames, of which a damaged number may promise billions.
    private func useFrames(_ file: DICOMFile) {
        guard let frames = try? FrameReader(file) else { return }
        let count = frames.frameCount
        for index in Set([-1, 0, 1, 2, count / 2, count - 1, count]) {
            _ = try? frames.frame(index)
            _ = try? frames.fragments(of: index)
        }
        use(errors: frames.warnings)
    }

    private func useDirectory(_ file: DICOMFile) {
        guard let directory = try? DICOMDirectory(file) else { return }
        use(errors: directory.warnings)
        for record in directory.files { _ = (record.path, record.type) }
        _ = try? directory.file().encodedChunks()
    }

    // MARK: - Data sets

    /// Uses bytes as a bare data set, as a peer sends it.
    @discardableResult
    public mutating func useDataSet(
        _ bytes: [UInt8], transferSyntax: TransferSyntax
    ) throws -> Result<DataSet, DICOMError> {
        var options = options(isStrict: false, isFile: false)
        let whole = Result { () throws(DICOMError) in
            try DataSet(parsing: bytes, transferSyntax: transferSyntax, options: options)
        }
        try compareStream(
            with: whole.map { DICOMFile(dataSet: $0, transferSyntax: transferSyntax) }, bytes,
            transferSyntax: transferSyntax, options)
        options.resolvesUnknownVRs = true
        options.maximumDepth = 8
        if let resolved = try? DataSet(parsing: bytes, transferSyntax: transferSyntax, options: options) {
            for (_, element) in resolved.allElements { use(element) }
        }
        guard case .success(let dataSet) = whole else { return whole }
        try use(dataSet)
        return whole
    }

    /// A stream that gets the bytes in pieces gives what the whole of them does, or an error as well.
    private mutating func compareStream(
        with whole: Result<DICOMFile, DICOMError>, _ bytes: [UInt8], transferSyntax: TransferSyntax?,
        _ options: ParsingOptions
    ) throws {
        var stream = DICOMStream(transferSyntax: transferSyntax, options: options)
        let longest = Int.random(in: 1...(Bool.random(using: &generator) ? 64 : 4096), using: &generator)
        var rest = bytes[...]
        do {
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...longest, using: &generator))
                rest = rest.dropFirst(piece.count)
                try stream.append(piece)
            }
            let file = try stream.finish()
            guard case .success(let expected) = whole else {
                throw Contradiction("a stream takes what the whole of its bytes is refused for: \(whole)")
            }
            guard isSame(file.dataSet, expected.dataSet) else {
                throw Contradiction("a stream gives another data set: \(difference(file.dataSet, expected.dataSet))")
            }
        } catch let error as DICOMError {
            use(errors: [error])
            if case .success = whole {
                throw Contradiction("a stream refuses what the whole of its bytes is taken for: \(error)")
            }
        }
    }

    // MARK: - JSON

    /// Uses bytes as a text in the DICOM JSON model.
    @discardableResult
    public mutating func useJSON(_ bytes: [UInt8]) throws -> Result<[DataSet], DICOMError> {
        let whole = Result { () throws(DICOMError) in
            try DataSet.array(json: bytes) { uri, _, _ in uri.utf8.count & 1 == 0 ? Array(uri.utf8) : nil }
        }
        switch whole {
        case .success(let dataSets): for dataSet in dataSets { try use(dataSet) }
        case .failure(let error): use(errors: [error])
        }
        return whole
    }

    func use(errors: [DICOMError]) { for error in errors { _ = (error.description, error.location) } }
}

extension DICOMFile {
    /// Whether what is written can only be read as this file. In implicit VR bytes may look like a broken sequence, and in
    /// big endian group 0200 looks like the file meta group.
    fileprivate var isUnambiguous: Bool {
        transferSyntax.isExplicitVR && (transferSyntax.isLittleEndian || !dataSet.contains { $0.tag.group == 0x0200 })
    }
}
