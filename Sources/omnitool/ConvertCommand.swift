import ArgumentParser
import DICOMCoding
import DICOMCore
import DICOMDictionary

struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Write a file, or all files of a folder, in another transfer syntax.",
        discussion:
            "Between implicit VR little endian, explicit VR little and big endian, and deflated. Values and the "
            + "order of elements stay; group lengths outside of the meta group are left out, as they would be wrong. "
            + "Compressed pixel data are not decompressed.")

    @Argument(help: "A DICOM file, or a folder of them.") var input: String
    @Argument(help: "The file to be written; a folder where the input is one.") var output: String
    @Option(
        name: [.customLong("transfer-syntax"), .customShort("t")],
        help: ArgumentHelp(
            "The transfer syntax by UID or name, such as ExplicitVRBigEndian; that of the input by default.",
            valueName: "name|UID"))
    var transferSyntax: String?

    func validate() throws {
        if let transferSyntax, TransferSyntax(named: transferSyntax) == nil {
            throw ValidationError(
                "'\(transferSyntax)' is no transfer syntax: give a UID, or a name such as ImplicitVRLittleEndian, "
                    + "ExplicitVRLittleEndian, ExplicitVRBigEndian or DeflatedExplicitVRLittleEndian.")
        }
    }

    func run() throws {
        guard FileSystem.exists(input) else { throw Failure("'\(input)' does not exist.") }
        guard FileSystem.isDirectory(input) else { return try convert(input, to: output) }
        let base = input.hasSuffix("/") ? String(input.dropLast()) : input
        var failed = 0
        for path in try FileSystem.files(below: [base]) {
            let target = output + path.dropFirst(base.count)
            do {
                try FileSystem.createFolder(FileSystem.folder(of: target))
                try convert(path, to: target)
            } catch let error as DICOMError where error.code == .notPart10 {
                report("'\(path)' is skipped: it is no DICOM file.")
            } catch {
                failed += 1
                report("'\(path)' was not converted: \(error)")
            }
        }
        if failed > 0 { throw ExitCode(1) }
    }

    private func convert(_ source: String, to target: String) throws {
        let file = try DICOMFile.read(source)
        for warning in file.warnings { report("'\(source)': \(warning)") }
        if file.meta[.mediaStorageSOPClassUID] == .mediaStorageDirectoryStorage {
            report(
                "'\(source)' is a DICOMDIR: the byte offsets in it do not hold for the new file. Make it anew instead.")
        }
        let syntax = transferSyntax.flatMap { TransferSyntax(named: $0) } ?? file.transferSyntax
        try file.converted(to: syntax).write(to: target)
    }
}
