import DICOMCoding
public import DICOMCore
public import DICOMNetwork
public import Logging

/// What `process` may want to know besides its inputs.
public struct PipelineContext: Sendable {
    /// Writes to the job's log.
    public let logger: Logger
    /// A folder for files in between; it is removed with the job.
    public let workingDirectory: String
    /// The identifier that the patient's instances share.
    public let patientIdentifier: String
    /// The number of the job in the ledger; 0 in a batch.
    public let jobID: Int64
    /// Who sent the last instances of this patient, with the port that the configuration knows for them.
    public let respondingEndpoint: Endpoint?
    /// The files of each input, by its name.
    public let paths: [String: [String]]

    /// The data sets of an input, pixel data included.
    ///
    /// - Throws: `DICOMError` when a file cannot be read.
    public func dataSets(of input: String) throws(DICOMError) -> [DataSet] {
        var dataSets: [DataSet] = []
        for path in paths[input] ?? [] { dataSets.append(try DICOMFile.read(path).dataSet) }
        return dataSets
    }
}
