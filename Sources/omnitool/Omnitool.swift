import ArgumentParser
import DICOMCodecJPEG
import DICOMCodecJPEG2000
import DICOMCodecJPEGLS
import DICOMCodecJPEGLossless
import DICOMCoding
import DICOMImaging

/// The command-line tools around a node.
@main
struct Omnitool: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "omnitool", abstract: "Tools for DICOM files and peers.", version: Implementation.version,
        subcommands: [
            EchoCommand.self, StoreCommand.self, FindCommand.self, MoveCommand.self, GetCommand.self,
            CommitCommand.self, WorklistCommand.self, ReceiveCommand.self, ArchiveCommand.self, ShowCommand.self,
            CompareCommand.self,
            DICOMDirCommand.self, ConvertCommand.self, VisualizeCommand.self, GeometryCommand.self, PhantomCommand.self,
        ])

    static func main() async {
        FrameCodecs.register([JPEGCodec(), JPEGLosslessCodec(), JPEGLSCodec(), JPEG2000Codec()])
        await main(nil)
    }
}
