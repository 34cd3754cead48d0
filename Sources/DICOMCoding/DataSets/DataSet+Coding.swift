public import DICOMCore
import DICOMDictionary

extension DataSet {
    /// Parses an encoded data set. The bytes are kept and shared, values are decoded on access.
    ///
    /// - Parameter warnings: Takes what departs from the standard and was understood nevertheless.
    /// - Throws: ``DICOMError`` with the tag path and the byte offset of what is wrong.
    public init(
        parsing bytes: [UInt8], transferSyntax: TransferSyntax = .explicitVRLittleEndian,
        options: ParsingOptions = .init(), warnings: ((DICOMError) -> Void)? = nil
    ) throws(DICOMError) {
        var bytes = bytes
        if transferSyntax.isDeflated {
            let inflater = Inflater(limit: options.inflationLimit)
            bytes = try inflater.inflated(bytes[...], at: 0)
            guard inflater.isFinished || options.acceptsTruncation else {
                throw DICOMError(.truncatedDataSet, "The deflated data set has no end. Send or copy it again.")
            }
        }
        var parser = DataSetParser(bytes, in: 0..<bytes.count, transferSyntax: transferSyntax, options: options)
        try parser.parse()
        if let warnings { parser.warnings.forEach(warnings) }
        self.init(
            parsed: ParsedElements(bytes: bytes, entries: parser.entries), range: 0..<parser.entries.count)
    }

    /// The elements before the pixel data, from the first bytes of a data set that is still arriving.
    ///
    /// - Parameter isComplete: Whether `bytes` is the whole data set.
    /// - Returns: `nil` when more bytes are needed to come to the pixel data.
    /// - Throws: ``DICOMError`` when the bytes cannot be a data set, however they go on.
    package static func header(
        of bytes: [UInt8], transferSyntax: TransferSyntax, isComplete: Bool
    ) throws(DICOMError) -> DataSet? {
        var parser = DataSetParser(
            bytes, in: 0..<bytes.count, transferSyntax: transferSyntax,
            options: ParsingOptions(stopBeforePixelData: true), isPartial: !isComplete)
        do {
            try parser.parse()
        } catch  where error.code == .truncatedDataSet && !isComplete {
            return nil
        }
        // The bytes may end between two elements: only pixel data proves that the header is whole.
        guard isComplete || parser.pixelData != nil else { return nil }
        return DataSet(parsed: ParsedElements(bytes: bytes, entries: parser.entries), range: 0..<parser.entries.count)
    }

    /// The data set encoded in a transfer syntax.
    ///
    /// - Parameter isQuery: Whether this is the identifier of a query, which may have ranges and wildcards in place of values
    ///   (PS3.4 C.2.2.2): then text is not checked against the rules of its VR.
    /// - Throws: ``DICOMError`` when a text cannot be encoded, a value is too long, or the transfer syntax is not supported.
    public func encoded(as transferSyntax: TransferSyntax, isQuery: Bool = false) throws(DICOMError) -> [UInt8] {
        let chunks = try encodedChunks(as: transferSyntax, isQuery: isQuery)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(chunks.reduce(0) { $0 + $1.count })
        for chunk in chunks { bytes += chunk }
        return bytes
    }

    /// The data set encoded in a transfer syntax, as pieces to be written one after the other; long values are not copied.
    ///
    /// The parameters are those of ``encoded(as:isQuery:)``.
    public func encodedChunks(
        as transferSyntax: TransferSyntax, isQuery: Bool = false
    ) throws(DICOMError) -> [ArraySlice<UInt8>] {
        var serializer = DataSetSerializer(transferSyntax: transferSyntax, isQuery: isQuery)
        try serializer.write(self)
        return try serializer.finish()
    }
}
