import ArgumentParser
import DICOMCoding
import DICOMCore
import DICOMNetwork
import DICOMTesting
import Glibc

struct ArchiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive",
        abstract: "Be a small archive for tests and demonstrations, until SIGINT or SIGTERM.",
        discussion:
            "Takes images (C-STORE), finds them (C-FIND), sends them (C-MOVE, C-GET), commits to them (storage commitment), "
            + "has a worklist and takes reports of procedure steps (MPPS). All headers are held in memory.")

    @OptionGroup var server: ServerArguments
    @Option(name: .shortAndLong, help: ArgumentHelp("The folder of the files.", valueName: "folder")) var folder: String
    @Option(
        name: .customLong("peer"), parsing: .singleValue,
        help: ArgumentHelp(
            "Who may be the destination of a C-MOVE, and gets reports of storage commitment. May be given several times.",
            valueName: "ae@host:port"))
    var peers: [String] = []
    @Option(
        help: ArgumentHelp(
            "The worklist: a JSON file with an array of scheduled procedure steps in the DICOM JSON model.",
            valueName: "file"))
    var worklist: String?
    @Option(help: "How safe an image is before it is acknowledged: none, process or power.")
    var durability: Durability = .process

    func validate() throws { _ = try endpoints() }

    private func endpoints() throws -> [Endpoint] {
        try peers.map { text in
            do { return try Endpoint(parsing: text) } catch { throw ValidationError("\(error)") }
        }
    }

    @concurrent func run() async throws {
        let archive = try FileArchive(folder: folder, durability: durability, peers: endpoints())
        var services = archive.services
        services.procedureSteps = ProcedureSteps()
        services.worklist = Worklist(items: try worklist.map(Self.items) ?? [])
        try await server.run(services)
    }

    private static func items(_ path: String) throws -> [DataSet] {
        let file = try PosixFile(path, O_RDONLY)
        return try DataSet.array(json: file.read(at: 0, count: file.size()))
    }
}
