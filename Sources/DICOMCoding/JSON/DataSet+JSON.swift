public import DICOMCore

/// The DICOM JSON model (PS3.18 Annex F).
///
/// ```swift
/// let json = try DICOMFile.read("slice.dcm").dataSet.json()
/// let dataSet = try DataSet(json: json)
/// let results = try DataSet.array(json: response)  // of a QIDO-RS search
/// ```
extension DataSet {
    /// The data set in the DICOM JSON model, UTF-8.
    ///
    /// Text is trimmed of padding; DS and IS keep their exact text, as a number where it is one in JSON and as a string
    /// where not. Binary values are little endian, and units that are incomplete are left out. Encapsulated pixel data
    /// are the run of items: offset table and fragments, without the sequence delimitation. Every element of the data set
    /// is written, group lengths too, which PS3.18 F.2.2 leaves out: remove them before where that matters.
    ///
    /// - Parameters:
    ///   - isPretty: Whether every element gets a line.
    ///   - bulkDataThreshold: Values of fewer bytes are written in any case.
    ///   - bulkDataURI: Gives the URI that a long value can be had from, or `nil` to write the value itself. The path is
    ///     that of the element, items counted from zero: `7FE00010`, `00400275/0/00420011`. It is asked for the VRs that
    ///     PS3.18 F.2.2 allows; text at the URI has to be UTF-8.
    public func json(
        isPretty: Bool = false, bulkDataThreshold: Int = 1024,
        bulkDataURI: ((_ path: String, _ element: DataElement) -> String?)? = nil
    ) -> [UInt8] {
        var writer = DICOMJSONWriter(
            isPretty: isPretty, bulkDataThreshold: bulkDataThreshold, bulkDataURI: bulkDataURI)
        writer.write(self)
        return writer.bytes
    }

    /// An array of data sets in the DICOM JSON model, as searches and metadata are answered in (PS3.18 10.6, 10.4).
    ///
    /// The parameters are those of ``json(isPretty:bulkDataThreshold:bulkDataURI:)``.
    public static func json(
        _ dataSets: some Sequence<DataSet>, isPretty: Bool = false, bulkDataThreshold: Int = 1024,
        bulkDataURI: ((_ path: String, _ element: DataElement) -> String?)? = nil
    ) -> [UInt8] {
        var writer = DICOMJSONWriter(
            isPretty: isPretty, bulkDataThreshold: bulkDataThreshold, bulkDataURI: bulkDataURI)
        writer.write(dataSets)
        return writer.bytes
    }

    /// The data set that a text in the DICOM JSON model describes.
    ///
    /// Read leniently: without `vr` an element gets that of the dictionary or UN, tags may have lower-case digits, a PN may
    /// be a string. DS and IS keep the text of their numbers, but a DS of more than 16 characters gets the closest number
    /// that fits. Binary (7FE0,0010) that is a run of items becomes fragments.
    ///
    /// Specific Character Set (0008,0005) says in JSON how the data set was encoded before, the text itself is UTF-8 (PS3.18
    /// F.2.2). It is kept where it has all characters of the text, and becomes ISO_IR 192 otherwise, so that the data set
    /// can be encoded.
    ///
    /// - Parameters:
    ///   - json: UTF-8. It is looked at as a whole before the first element is made.
    ///   - maximumDepth: Sequences nested deeper than this are refused. Every level takes some of the thread's stack.
    ///   - bulkData: Gets the value that a BulkDataURI points to, numbers in little endian, text in UTF-8; `nil` leaves
    ///     the element out. Without it a BulkDataURI is an error.
    /// - Throws: ``DICOMError`` with the tag path and the byte offset of what is wrong.
    public init(
        json: some Sequence<UInt8>, maximumDepth: Int = 64,
        bulkData: ((_ uri: String, _ tag: DICOMTag, _ vr: VR) throws -> [UInt8]?)? = nil
    ) throws(DICOMError) {
        var reader = try DICOMJSONReader([UInt8](json), maximumDepth: maximumDepth, bulkData: bulkData)
        self = try reader.dataSet()
    }

    /// The data sets that a JSON array describes; an object alone is an array of one, and no text at all is an empty one.
    ///
    /// The parameters are those of ``init(json:maximumDepth:bulkData:)``.
    public static func array(
        json: some Sequence<UInt8>, maximumDepth: Int = 64,
        bulkData: ((_ uri: String, _ tag: DICOMTag, _ vr: VR) throws -> [UInt8]?)? = nil
    ) throws(DICOMError) -> [DataSet] {
        let bytes = [UInt8](json)
        guard !bytes.isEmpty else { return [] }
        var reader = try DICOMJSONReader(bytes, maximumDepth: maximumDepth, bulkData: bulkData)
        return try reader.dataSets()
    }
}
