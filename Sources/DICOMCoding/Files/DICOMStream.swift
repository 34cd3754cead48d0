public import DICOMCore

/// Reads a file or a data set whose bytes arrive in pieces.
///
/// ```swift
/// var stream = DICOMStream()
/// while let piece = try nextPiece() {
///     try stream.append(piece)
///     if let header = stream.header { print(header[.sopInstanceUID] ?? "no UID") }
/// }
/// let file = try stream.finish()
/// ```
///
/// The work is proportional to the bytes, however small the pieces are. The memory is that of the bytes which have
/// arrived; with ``ParsingOptions/stopBeforePixelData`` that of the header alone.
public struct DICOMStream: ~Copyable {
    private let options: ParsingOptions
    /// What came before the preface was whole.
    private var pending: [UInt8] = []
    private var preface: FilePreface?
    private var inflater: Inflater?
    private var parser: DataSetParser?
    private var order = ElementOrder(first: 0)
    /// An element that was not whole is looked at again when this much is there, so that a long one is not parsed again
    /// with each piece.
    private var nextAttempt = 0
    /// Whether it is known if the VRs are explicit.
    private var hasBegun = false
    private var hasEnded = false
    /// The elements before the pixel data; `nil` until these begin.
    public private(set) var header: DataSet?

    /// - Parameter transferSyntax: That of a bare data set, as a network message is; `nil` for a file, which says it.
    public init(transferSyntax: TransferSyntax? = nil, options: ParsingOptions = .init()) {
        self.options = options
        if let transferSyntax {
            preface = FilePreface(transferSyntax: transferSyntax)
            if transferSyntax.isDeflated { inflater = Inflater(limit: options.inflationLimit) }
            parser = DataSetParser([], in: 0..<0, transferSyntax: transferSyntax, options: options, isPartial: true)
        }
    }

    /// Takes the next bytes.
    ///
    /// - Throws: ``DICOMError`` when they cannot be a data set, however they go on.
    public mutating func append(_ piece: ArraySlice<UInt8>) throws(DICOMError) {
        guard !hasEnded else { return }
        if preface == nil {
            pending += piece
            guard pending.count >= nextAttempt else { return }
            try readPreface(isComplete: false)
        } else {
            try feed(piece)
        }
        try parseComplete()
    }

    /// What all the bytes make; nothing is expected after it.
    ///
    /// - Throws: ``DICOMError`` when the bytes end within an element, unless ``ParsingOptions/acceptsTruncation`` is set.
    public consuming func finish() throws(DICOMError) -> DICOMFile {
        if preface == nil { try readPreface(isComplete: true) }
        guard let preface, var parser else {
            throw DICOMError(.truncatedDataSet, "The data set is incomplete: there is none. Send or copy it again.")
        }
        self.parser = nil
        parser.isPartial = false
        if let inflater, !inflater.isFinished { try parser.reportTruncation("the deflated bytes have no end") }
        if !hasEnded {
            if !hasBegun { try parser.detectVREncoding(until: parser.end) }
            var isClosed = false
            while !isClosed, parser.position < parser.end {
                isClosed = try parser.parseElement(until: parser.end, in: .dataSet, &order)
            }
        }
        try order.restore(&parser)
        parser.noteSuppressedWarnings()
        return DICOMFile(preface, parser, path: nil)
    }

    private mutating func readPreface(isComplete: Bool) throws(DICOMError) {
        let found: FilePreface
        do {
            found = try FilePreface(pending, options: options, isComplete: isComplete)
        } catch  where error.code == .truncatedDataSet && !isComplete {
            nextAttempt = max(FilePreface.leastLength, 2 * pending.count)
            return
        }
        nextAttempt = 0
        preface = found
        let bytes = pending
        pending = []
        let start = found.transferSyntax.isDeflated ? 0 : found.dataSetOffset
        parser = DataSetParser(
            found.transferSyntax.isDeflated ? [] : bytes,
            in: start..<(found.transferSyntax.isDeflated ? 0 : bytes.count),
            transferSyntax: found.transferSyntax, options: options, isPartial: true)
        guard found.transferSyntax.isDeflated else { return }
        inflater = Inflater(limit: options.inflationLimit)
        try feed(bytes[found.dataSetOffset...])
    }

    private mutating func feed(_ piece: ArraySlice<UInt8>) throws(DICOMError) {
        if let inflater {
            parser?.append(try inflater.inflated(piece, at: preface?.dataSetOffset ?? 0)[...])
        } else {
            parser?.append(piece)
        }
    }

    /// Parses the elements that are whole.
    private mutating func parseComplete() throws(DICOMError) {
        guard let end = parser?.end, end >= nextAttempt else { return }
        while !hasEnded, hasHeader { guard try parseNext() else { return } }
    }

    /// Whether there are bytes for the header of an element. The parser is not bound to a name here: it has to be its
    /// arrays' only owner, or each element would copy them.
    private var hasHeader: Bool { (parser?.end ?? 0) - (parser?.position ?? 0) >= 8 }

    /// Whether the next element was whole.
    private mutating func parseNext() throws(DICOMError) -> Bool {
        guard var parser else { return false }
        // The only owner of the bytes must be the one that they are appended to.
        self.parser = nil
        defer { self.parser = parser }
        let before = (DataSetParser.State(parser), order, hasBegun)
        do {
            if !hasBegun { try parser.detectVREncoding(until: parser.end) }
            hasBegun = true
            hasEnded = try parser.parseElement(until: parser.end, in: .dataSet, &order)
        } catch  where error.code == .truncatedDataSet {
            parser.rewind(to: before.0)
            (order, hasBegun) = (before.1, before.2)
            nextAttempt = parser.position + 2 * (parser.end - parser.position)
            noteHeader(parser)
            return false
        }
        noteHeader(parser)
        return true
    }

    private mutating func noteHeader(_ parser: DataSetParser) {
        guard header == nil, let found = parser.header else { return }
        header = DataSet(
            parsed: ParsedElements(
                bytes: Array(parser.bytes[..<found.end]), entries: Array(parser.entries[..<found.entries])),
            range: 0..<found.entries)
    }
}

extension DataSetParser {
    /// Where a parser stands between two elements of the outermost data set.
    fileprivate struct State {
        let position: Int
        let entries: Int
        let warnings: (kept: Int, suppressed: Int)
        let isExplicit: Bool
        let isBigEndian: Bool
        let context: Context

        init(_ parser: DataSetParser) {
            position = parser.position
            entries = parser.entries.count
            warnings = (parser.warnings.count, parser.suppressedWarnings)
            isExplicit = parser.isExplicit
            isBigEndian = parser.isBigEndian
            context = parser.context
        }
    }

    /// Forgets an element that was not whole.
    fileprivate mutating func rewind(to state: State) {
        position = state.position
        entries.removeLast(entries.count - state.entries)
        discardWarnings(after: state.warnings.kept, suppressed: state.warnings.suppressed)
        // The end may have come within an item that has them otherwise.
        isExplicit = state.isExplicit
        isBigEndian = state.isBigEndian
        path = []
        context = state.context
    }
}
