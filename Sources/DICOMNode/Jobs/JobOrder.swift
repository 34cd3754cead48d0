import DICOMCoding
import DICOMCore
import DICOMNetwork
import Foundation
import Glibc

/// What a child process is told about its job: `job.json`.
struct JobOrder: Codable, Sendable {
    var jobID: Int64
    var patientIdentifier: String
    /// The names of the files of each input, below `inputs`.
    var inputs: [String: [String]]
    var respondingEndpoint: Endpoint?
    var limits: NodeConfiguration.JobLimits
    /// The part of the configuration that results depend on; it goes into their UIDs.
    var configuration: String
}

/// What the child answers: `result.json`, written when every output is complete.
struct JobResult: Codable, Sendable {
    var deliveries: [DeliveryOrder]
    /// The Series Instance UIDs of the outputs.
    var madeSeries: Set<String>
}

/// The files of a job's folder.
struct JobFolder: Sendable {
    let path: String

    var inputs: String { path + "/inputs" }
    var outputs: String { path + "/outputs" }
    var work: String { path + "/work" }
    var log: String { path + "/log.txt" }
    var lock: String { path + "/lock" }
    var order: String { path + "/job.json" }
    var result: String { path + "/result.json" }

    /// An empty start for an attempt: what an earlier one left is removed.
    func prepare(_ order: JobOrder) throws {
        for leftover in [outputs, work, result] { try StateDirectory.remove(leftover) }
        for folder in [path, outputs, work] { try FileSystem.createFolder(folder) }
        try Self.write(order, to: self.order)
    }

    static func write(_ value: some Encodable, to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let file = try PosixFile(path + ".tmp", O_WRONLY | O_CREAT | O_TRUNC)
        try file.write(ArraySlice(try encoder.encode(value)))
        try FileSystem.rename(path + ".tmp", to: path)
    }

    static func read<Value: Decodable>(_ type: Value.Type, from path: String) throws -> Value {
        let file = try PosixFile(path, O_RDONLY)
        return try JSONDecoder().decode(type, from: Data(try file.read(at: 0, count: try file.size())))
    }
}
