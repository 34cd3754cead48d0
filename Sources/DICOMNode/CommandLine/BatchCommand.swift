import ArgumentParser
import DICOMCoding
import DICOMCore
import DICOMNetwork
import Foundation

/// `batch`: the same pipeline over the files of a folder.
struct BatchCommand<P: Pipeline>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "batch", abstract: "Run the pipeline over the DICOM files of a folder.",
            discussion: "Each patient that is complete is processed; its results are saved below the output folder.")
    }

    @Argument(help: "The folder with the images.") var folder: String
    @Option(name: .shortAndLong, help: "The folder for the results, as study/series/instance.dcm.") var output: String

    @concurrent func run() async throws {
        let pipeline = try PipelineDefinition(P.self)
        let patients = try collect(pipeline)
        guard !patients.isEmpty else { throw Failure("No input accepts any file below '\(folder)'.") }
        var failed = 0
        for (number, patient) in patients.enumerated() {
            do {
                let count = try await process(patient, pipeline)
                print("Patient \(number + 1): \(patient.instances.count) instances in, \(count) out.")
            } catch {
                failed += 1
                report("Patient \(number + 1): \(error)")
            }
        }
        if failed > 0 { throw ExitCode(1) }
    }

    private struct Patient {
        let identifier: String
        var instances: [StoredInstance] = []
    }

    /// The instances that some input accepts, by patient, in the order in which they are found.
    private func collect(_ pipeline: PipelineDefinition) throws -> [Patient] {
        var patients: [Patient] = []
        var positions: [String: Int] = [:]
        for path in try FileSystem.files(below: [folder]) {
            guard DICOMFile.isPart10(path) else {
                report("'\(path)' is skipped: it is no DICOM file.")
                continue
            }
            let header: DataSet
            do { header = try DICOMFile.readHeader(path).dataSet } catch {
                report("'\(path)' is skipped: \(error)")
                continue
            }
            let accepted = try pipeline.filter(header) ? pipeline.inputs(accepting: header) : []
            guard !accepted.isEmpty, let key = PatientKey(header, identifiedBy: P.configuration.patientIdentifier)
            else {
                report("'\(path)' is skipped: no input accepts it.")
                continue
            }
            let position = positions[key.identifier] ?? patients.count
            if position == patients.count {
                positions[key.identifier] = position
                patients.append(Patient(identifier: key.identifier))
            }
            patients[position].instances.append(StoredInstance(header: header, path: path, inputs: accepted))
        }
        return patients
    }

    private func process(_ patient: Patient, _ pipeline: PipelineDefinition) async throws -> Int {
        var inputs: [String: [String]] = [:]
        for (index, input) in pipeline.inputs.enumerated() {
            let instances = patient.instances.filter { $0.inputs.contains(index) }
            // Nothing more will arrive: what only waits for that is ready.
            let state = InputState(instances: instances, lastArrival: .now - .seconds(1_000_000))
            if case .waiting(let reason) = try pipeline.verdict(ofInput: index, state) {
                throw Failure("Input '\(input.name)' is not complete: \(reason)")
            }
            inputs[input.name] = instances.map(\.path)
        }
        let temporary = try makeTemporaryFolder()
        let folder = JobFolder(path: temporary)
        defer { try? StateDirectory.remove(temporary) }
        let order = JobOrder(
            jobID: 0, patientIdentifier: patient.identifier, inputs: inputs, respondingEndpoint: nil,
            limits: P.configuration.jobLimits, configuration: P.configuration.aeTitle)
        try folder.prepare(order)
        let execution = JobExecution(
            pipeline: pipeline, order: order, folder: folder, logger: try makeLogger("info"),
            areInputPathsAbsolute: true)
        return try save(try await execution.run(), folder)
    }

    /// A new folder that nobody else can look into.
    private func makeTemporaryFolder() throws -> String {
        var template = (FileManager.default.temporaryDirectory.path + "/dicomnode-XXXXXX").utf8CString.map { $0 }
        guard mkdtemp(&template) != nil else {
            throw DICOMError.system("create a folder in", FileManager.default.temporaryDirectory.path)
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Saves what would be sent, too: a batch has no network.
    private func save(_ result: JobResult, _ folder: JobFolder) throws -> Int {
        var saved: Set<String> = []
        for file in Set(result.deliveries.flatMap(\.files)) {
            let source = folder.outputs + "/" + file.path
            let name =
                try file.name ?? FileNaming.studySeriesInstance.relativePath(of: DICOMFile.readHeader(source).dataSet)
            let path = output + "/" + name
            try FileSystem.createFolder(FileSystem.folder(of: path))
            try StateDirectory.remove(path + ".tmp")
            try FileManager.default.copyItem(atPath: source, toPath: path + ".tmp")
            try FileSystem.rename(path + ".tmp", to: path)
            saved.insert(path)
        }
        return saved.count
    }
}

/// A failure of the work, for the user; the exit status is 1.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// One line for the user on standard error.
func report(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
