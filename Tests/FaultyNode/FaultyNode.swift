import DICOMCodecJPEG
import DICOMCodecJPEG2000
import DICOMCodecJPEGLS
import DICOMCodecJPEGLossless
import DICOMNode
import Foundation

/// A pipeline that goes wrong as the environment variable `FAULT` says, for the tests. It has all codecs.
@main
struct FaultyNode: Pipeline {
    static let configuration = NodeConfiguration(aeTitle: "FAULTY", port: 0, address: "127.0.0.1")
    static let codecs: [any FrameCodec] = [JPEGCodec(), JPEGLosslessCodec(), JPEGLSCodec(), JPEG2000Codec()]

    struct Inputs: PipelineInputs {
        @Input(accepting: .any, readyWhen: .minimumInstances(3), sharing: .patient, as: .dataSets)
        var images: [DataSet]
    }

    struct Broken: Error {}

    func process(_ inputs: Inputs, context: PipelineContext) async throws -> [PipelineOutput] {
        switch ProcessInfo.processInfo.environment["FAULT"] ?? "" {
        case "throw": throw Broken()
        case "trap":
            let numbers = [1, 2, 3]
            return [
                .send(
                    [inputs.images[numbers[Int.random(in: 0...2)] + 1000]], to: Endpoint(host: "", port: 0, aeTitle: "")
                )
            ]
        case "kill": kill(getpid(), SIGKILL)
        case "output":
            let line = String(repeating: "x", count: 65_536)
            for _ in 0..<1000 { print(line) }
            throw Broken()
        case "sum":
            let volume = try Series(files: context.paths["images"] ?? []).volume(of: Int32.self)
            let sum = volume.withSpan { voxels in voxels.indices.reduce(0) { $0 + Int(voxels[$1]) * ($1 % 8191) } }
            try "\(sum)".write(
                toFile: ProcessInfo.processInfo.environment["SUM"] ?? "sum", atomically: true, encoding: .utf8)
        case "slow": try await Task.sleep(for: .seconds(2))
        default: break
        }
        return [.none]
    }
}
