import DICOMCoding
import DICOMCore
import DICOMImaging
import Glibc
import Logging

/// Does a job in this process: grinds, processes, and writes the outputs as Part 10 files.
struct JobExecution: Sendable {
    let pipeline: PipelineDefinition
    let order: JobOrder
    let folder: JobFolder
    let logger: Logger
    /// Whether the inputs are named by their paths, as in a batch, and not by their names in the job's folder.
    var areInputPathsAbsolute = false

    /// - Returns: What is to be delivered where; the files are complete.
    @concurrent func run() async throws -> JobResult {
        let paths = order.inputs.mapValues { names in
            areInputPathsAbsolute ? names : names.map { folder.inputs + "/" + $0 }
        }
        let digest = try await InputDigest.make(paths)
        let seed = DerivationSeed(
            pipeline: pipeline.name, version: pipeline.version, configuration: order.configuration + " " + digest)
        let context = PipelineContext(
            logger: logger, workingDirectory: folder.work, patientIdentifier: order.patientIdentifier,
            jobID: order.jobID, respondingEndpoint: order.respondingEndpoint, paths: paths)
        return try await DerivationSeed.$current.withValue(seed) {
            let outputs = try await pipeline.run(paths, context)
            var result = JobResult(deliveries: [], madeSeries: [])
            for (number, output) in outputs.enumerated() { try await write(output, number, to: &result) }
            return result
        }
    }

    private func write(_ output: PipelineOutput, _ number: Int, to result: inout JobResult) async throws {
        let name = "\(number + 1)"
        try FileSystem.createFolder(folder.outputs + "/" + name)
        let written = try await writeInstances(output.instances, below: name, naming: output.target.naming)
        result.madeSeries.formUnion(written.compactMap(\.series))
        guard !written.isEmpty else { return }
        let files = written.map(\.file)
        switch output.target {
        case .endpoints(let endpoints):
            for endpoint in endpoints {
                let target = DeliveryOrder.Target.endpoint(
                    host: endpoint.host, port: endpoint.port, aeTitle: endpoint.aeTitle)
                result.deliveries.append(DeliveryOrder(target: target, files: files))
            }
        case .folder(let path, _): result.deliveries.append(DeliveryOrder(target: .folder(path), files: files))
        }
    }

    private struct Written: Sendable {
        var file: DeliveryOrder.File
        var series: String?
    }

    /// Encodes and writes the instances on two threads: one encodes while the other waits for the disk.
    private func writeInstances(
        _ instances: some Collection<DataSet> & Sendable, below name: String, naming: FileNaming?
    ) async throws -> [Written] {
        let count = instances.count
        let writers = min(2, count)
        return try await withThrowingTaskGroup(of: [(Int, Written)].self) { group in
            for writer in 0..<writers {
                group.addTask {
                    var written: [(Int, Written)] = []
                    for number in stride(from: writer, to: count, by: writers) {
                        let dataSet = instances[instances.index(instances.startIndex, offsetBy: number)]
                        let path = "\(name)/\(number + 1).dcm"
                        if let contents = naming?.contents {
                            let file = try PosixFile(folder.outputs + "/" + path, O_WRONLY | O_CREAT | O_TRUNC)
                            try file.write(contents(dataSet)[...])
                        } else {
                            try DICOMFile(dataSet: dataSet).write(to: folder.outputs + "/" + path)
                        }
                        let file = DeliveryOrder.File(path: path, name: try naming?.relativePath(of: dataSet))
                        written.append((number, Written(file: file, series: dataSet[.seriesInstanceUID]?.string)))
                    }
                    return written
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}

extension PipelineOutput.Target {
    fileprivate var naming: FileNaming? {
        switch self {
        case .endpoints: nil
        case .folder(_, let naming): naming
        }
    }
}
