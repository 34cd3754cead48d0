import DICOMCore
import DICOMImaging

/// A pipeline without its type: what the node, the child process and the batch work on.
struct PipelineDefinition: Sendable {
    let name: String
    let version: String
    let inputs: [(name: String, definition: InputDefinition)]
    let filter: @Sendable (DataSet) throws -> Bool
    /// Grinds the files of each input and processes them.
    let run: @Sendable ([String: [String]], PipelineContext) async throws -> [PipelineOutput]

    /// - Throws: `DICOMError` when the inputs are not declared as they should.
    init<P: Pipeline>(_ type: P.Type) throws(DICOMError) {
        name = "\(P.self)"
        version = P.version
        inputs = P.Inputs().declared.map { ($0.name, $0.input.definition) }
        guard !inputs.isEmpty else {
            throw DICOMError(
                .invalidValue, "\(P.Inputs.self) declares no @Input; add one for each series that is needed.")
        }
        let filtering = P()
        filter = { try filtering.filter($0) }
        run = { paths, context in
            let inputs = P.Inputs()
            for (name, input) in inputs.declared {
                let instances = InputInstances(
                    paths: paths[name] ?? [], name: name, workingDirectory: context.workingDirectory)
                do {
                    input.fill(try input.definition.grind(instances), series: try instances.series())
                } catch let error as DICOMError {
                    throw DICOMError(
                        error.code, "Input '\(name)' cannot be ground: \(error.message)", at: error.tagPath,
                        offset: error.byteOffset)
                }
            }
            return try await P().process(inputs, context: context)
        }
    }

    /// The positions of the inputs that accept an instance.
    func inputs(accepting header: DataSet) throws -> [Int] {
        try inputs.indices.filter { try inputs[$0].definition.acceptance.accepts(header) }
    }

    /// What an input lacks, and when it may be asked again; `nil` when it is ready.
    func verdict(ofInput index: Int, _ state: InputState) throws -> Readiness.Verdict {
        let definition = inputs[index].definition
        if let conflict = definition.grouping.conflict(in: state.instances) { return .waiting(conflict) }
        return try definition.readiness.verdict(state)
    }
}

extension InputGrouping {
    /// Why the instances do not belong together; `nil` when they do.
    func conflict(in instances: [StoredInstance]) -> String? {
        let studies = Set(instances.map(\.studyInstanceUID)).count
        let series = Set(instances.map(\.seriesInstanceUID)).count
        switch self {
        case .series where series > 1:
            return "Its instances are of \(series) series, but one is expected; remove the others."
        case .series where studies > 1, .study where studies > 1:
            return "Its instances are of \(studies) studies, but one is expected; remove the others."
        case .series, .study, .patient: return nil
        }
    }
}
