import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Foundation
import Logging
import Testing

@testable import DICOMNode

/// Saves a text beside the Part 10 files.
private struct Saving: Pipeline {
    static let configuration = NodeConfiguration(aeTitle: "TEST", port: 0)
    struct Inputs: PipelineInputs {
        @Input(accepting: .any, readyWhen: .anyInstance, as: .dataSets) var images: [DataSet]
    }
    func process(_ inputs: Inputs, context: PipelineContext) async throws -> [PipelineOutput] {
        let report = FileNaming(
            { "reports/\($0[.instanceNumber] ?? 0).txt" }, contents: { Array("rows \($0[.rows] ?? 0)".utf8) })
        return [.save(inputs.images, to: "/archive"), .save(inputs.images, to: "/texts", named: report), .none]
    }
}

struct OutputTests {
    @Test func filesAreSavedAsTheUserSays() async throws {
        let folder = JobFolder(path: NSTemporaryDirectory() + "/dicomnode-output-" + UUID().uuidString)
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        let paths = try PhantomSeries(slices: 2, rows: 9).write(to: folder.inputs)
        let order = JobOrder(
            jobID: 1, patientIdentifier: "1", inputs: ["images": paths], respondingEndpoint: nil, limits: .init(),
            configuration: "TEST")
        try folder.prepare(order)
        let result = try await JobExecution(
            pipeline: PipelineDefinition(Saving.self), order: order, folder: folder,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, areInputPathsAbsolute: true
        ).run()
        #expect(result.deliveries.map(\.target) == [.folder("/archive"), .folder("/texts")])
        let image = try #require(result.deliveries.first?.files.first)
        #expect(DICOMFile.isPart10(folder.outputs + "/" + image.path))
        #expect(image.name?.hasSuffix(".dcm") == true && image.name?.split(separator: "/").count == 3)
        let texts = try #require(result.deliveries.last?.files)
        #expect(texts.compactMap(\.name) == ["reports/1.txt", "reports/2.txt"])
        #expect(try String(contentsOfFile: folder.outputs + "/" + texts[0].path, encoding: .utf8) == "rows 9")
    }

    @Test func aNameCannotLeaveTheFolder() throws {
        for name in ["../a", "/a", "a//b", ""] {
            #expect(throws: DICOMError.self) { try FileNaming { _ in name }.relativePath(of: DataSet()) }
        }
    }
}
