import ArgumentParser
import DICOMCore
import DICOMImaging
import Foundation

extension Pipeline {
    /// The program: `serve` (the default), `batch`, `check`, `status`, `retry`.
    @concurrent public static func main() async {
        FrameCodecs.register(codecs)
        if CommandLine.arguments.count == 3, CommandLine.arguments[1] == "__job" {
            return await runJob(CommandLine.arguments[2])
        }
        await PipelineCommand<Self>.main()
    }

    /// A child process: what it says goes to the job's log.
    private static func runJob(_ folder: String) async {
        do {
            try await JobChild.main(try PipelineDefinition(Self.self), folder: folder)
        } catch {
            FileHandle.standardError.write(Data("The job failed: \(error)\n".utf8))
            exit(1)
        }
    }
}

/// The commands of a pipeline's executable.
struct PipelineCommand<P: Pipeline>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "\(P.self)", abstract: "A DICOM node: receives images, processes them, delivers the result.",
            version: P.version,
            subcommands: [
                ServeCommand<P>.self, BatchCommand<P>.self, CheckCommand<P>.self, StatusCommand<P>.self,
                RetryCommand<P>.self,
            ],
            defaultSubcommand: ServeCommand<P>.self)
    }
}
