public import DICOMCore
import DICOMDictionary
import DICOMImaging

/// A series made by a ``Blueprint``: one data set for each slice of a volume.
///
/// The headers are made at once, so that every error comes from `makeSeries`. Pixels are encoded when an element is
/// read: whoever writes the series goes through it once, and needs the memory of one slice.
///
/// ```swift
/// for dataSet in series {
///     let file = DICOMFile(dataSet: dataSet, transferSyntax: .explicitVRLittleEndian)
///     try file.write(to: folder + "/\(dataSet[.sopInstanceUID]!).dcm")
/// }
/// ```
public struct DerivedSeries: RandomAccessCollection, Sendable {
    /// The data sets without their pixel data, in the order of the slices.
    public let headers: [DataSet]
    public let studyInstanceUID: UID
    public let seriesInstanceUID: UID
    public let sopClassUID: UID
    /// The UIDs of the instances, in the order of the slices.
    public let sopInstanceUIDs: [UID]
    let encode: @Sendable (Int) -> [UInt8]

    public var startIndex: Int { 0 }
    public var endIndex: Int { headers.count }

    /// The data set of a slice, with its pixel data.
    public subscript(position: Int) -> DataSet {
        var dataSet = headers[position]
        let tag = Attribute<ArraySlice<UInt8>>.pixelData.tag
        // OW for 16-bit samples, whatever the transfer syntax (PS3.5 8.2, A.2).
        dataSet[element: tag] = DataElement(tag, .ow, .bytes(encode(position)[...]))
        return dataSet
    }
}
