import ArgumentParser
import DICOMCoding
import DICOMCore

struct DICOMDirCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dicomdir", abstract: "Make a DICOMDIR for a folder, or list one.",
        discussion:
            "Writes FOLDER/DICOMDIR, which lists patients, studies, series and images below it (PS3.10 section 8). The "
            + "standard asks for file names of at most 8 capital letters, digits and underscores: where the files have others, "
            + "--output makes a new file set of copies with such names. Files that cannot be listed are named on standard "
            + "error, and the exit status is 1.")

    @Argument(help: "A folder of DICOM files; with --list a DICOMDIR, or the folder that it is in.") var folder: String
    @Option(
        help: ArgumentHelp(
            "Copy the files into this new folder, with names that the standard allows.", valueName: "folder"))
    var output: String?
    @Option(help: ArgumentHelp("The name of the file set, at most 16 characters.", valueName: "name"))
    var fileSetID = ""
    @Flag(help: "Print what a DICOMDIR lists instead of making one.") var list = false

    func run() throws {
        guard FileSystem.exists(folder) else { throw Failure("'\(folder)' does not exist.") }
        if list { return try show(FileSystem.isDirectory(folder) ? folder + "/DICOMDIR" : folder) }
        guard FileSystem.isDirectory(folder) else { throw Failure("'\(folder)' is no folder.") }
        let directory: DICOMDirectory
        if let output {
            directory = try DICOMDirectory.copy([folder], to: output, fileSetID: fileSetID)
        } else {
            directory = try DICOMDirectory.make(folder: folder, fileSetID: fileSetID)
            try directory.write(to: folder + "/DICOMDIR")
        }
        for warning in directory.warnings { report("\(warning)") }
        print("\(output ?? folder)/DICOMDIR lists \(directory.files.count) files.")
        if !directory.warnings.isEmpty { throw ExitCode(1) }
    }

    private func show(_ path: String) throws {
        let directory = try DICOMDirectory.read(path)
        var output = StandardOutput()
        func show(_ records: [DICOMDirectory.Record], depth: Int) {
            for record in records {
                let file = record.path.map { " " + $0 } ?? ""
                output.write("\(String(repeating: "  ", count: depth))\(record.type)\(file)\n")
                show(record.children, depth: depth + 1)
            }
        }
        show(directory.records, depth: 0)
        output.flush()
        for warning in directory.warnings { report("\(warning)") }
    }
}
