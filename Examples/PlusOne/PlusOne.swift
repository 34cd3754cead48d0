import DICOMNode

@main
struct PlusOne: Pipeline {
    static let configuration = NodeConfiguration(aeTitle: "PLUSONE", port: 11112)
    static let archive = Endpoint(host: "127.0.0.1", port: 4242, aeTitle: "ARCHIVE")

    struct Inputs: PipelineInputs {
        @Input(
            accepting: .modality("CT", "MR") && .not(.localizer), readyWhen: .minimumInstances(10) && .uniformSlices,
            as: .volume(of: Float.self))
        var image: Volume<Float>
    }

    let derived: Blueprint = [
        .include(.imageOfParent),
        .set(.seriesDescription, to: "Plus one"),
    ]

    func process(_ inputs: Inputs, context: PipelineContext) async throws -> [PipelineOutput] {
        let series = try derived.makeSeries(from: inputs.image.map { $0 + 1 }, derivedFrom: inputs.$image)
        return [.send(series, to: Self.archive)]
    }
}
