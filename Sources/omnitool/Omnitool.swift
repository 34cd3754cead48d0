import ArgumentParser
import DICOMCoding

/// The command-line tools around a node.
@main
struct Omnitool: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "omnitool", abstract: "Tools for DICOM files and peers.", version: Implementation.version,
        subcommands: [
            StoreCommand.self, EchoCommand.self, ReceiveCommand.self, ShowCommand.self, CompareCommand.self,
            DICOMDirCommand.self,
            ConvertCommand.self,
            PhantomCommand.self,
        ])
}
