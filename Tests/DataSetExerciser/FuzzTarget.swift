import DICOMCoding
import DICOMCore

/// What a fuzzer feeds with bytes. `Fuzz/FailCases` has a folder for each, named as its raw value.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// A bare data set, after a byte that chooses the transfer syntax.
    case dataSet = "DataSet"
    /// A file.
    case part10 = "Part10"
    /// A text in the DICOM JSON model.
    case json = "JSON"

    /// - Throws: ``DataSetExerciser/Contradiction``; nothing when the bytes are refused.
    public func use(_ bytes: [UInt8]) throws {
        var exerciser = DataSetExerciser(inflationLimit: 1 << 20, seed: UInt64(bytes.count))
        switch self {
        case .dataSet:
            guard let first = bytes.first else { return }
            let transferSyntaxes = DataSetExerciser.transferSyntaxes
            let transferSyntax = transferSyntaxes[Int(first) % transferSyntaxes.count]
            try exerciser.useDataSet(Array(bytes.dropFirst()), transferSyntax: transferSyntax)
        case .part10: try exerciser.useFile(bytes)
        case .json: try exerciser.useJSON(bytes)
        }
    }
}
