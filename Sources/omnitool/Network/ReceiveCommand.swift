public import ArgumentParser
import DICOMCoding
import DICOMImaging
public import DICOMNetwork
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

struct ReceiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive", abstract: "Receive images (a storage SCP), until SIGINT or SIGTERM.",
        discussion:
            "Every storage SOP class and transfer syntax is accepted; the data sets are kept as they were received.")

    @OptionGroup var server: ServerArguments
    @Option(name: .shortAndLong, help: "The folder for the files, <SOP Instance UID>.dcm.") var output: String?
    @Flag(help: "Keep nothing.") var discard = false
    @Option(help: "How safe an image is before it is acknowledged: none, process or power.")
    var durability: Durability = .process

    func validate() throws {
        guard (output == nil) == discard else { throw ValidationError("Give either --output FOLDER or --discard.") }
    }

    @concurrent func run() async throws {
        if let output { try FileSystem.createFolder(output) }
        let storage = FolderStorage(folder: output, durability: durability, logger: makeLogger(.error))
        try await server.run(Services(storage: storage))
    }
}

/// A server on the command line.
struct ServerArguments: ParsableArguments {
    @Argument(help: "The port to listen on; 0 lets the system choose one.") var port: Int
    @Argument(help: "The AE title that peers call.") var aeTitle: String
    @Option(help: "The address to listen on.") var address = "0.0.0.0"
    @Option(help: "How many associations are served at once.") var maximumAssociations = 64
    @Option(
        help: ArgumentHelp("How long a peer may be silent before its association is aborted.", valueName: "seconds"))
    var idleTimeout = 300
    @Option(
        help: ArgumentHelp(
            "How long a peer may take to ask for an association, and to close the connection at its end.",
            valueName: "seconds"))
    var acseTimeout = 30
    @OptionGroup var tls: ServerTLSOptions
    @Flag(help: "Print what goes over the associations, PDU by PDU, without patient data, on standard error.")
    var trace = false

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("The port has to be between 0 and 65535.") }
        guard maximumAssociations > 0 else { throw ValidationError("--maximum-associations has to be 1 or more.") }
        guard (1...86_400).contains(idleTimeout), (1...86_400).contains(acseTimeout) else {
            throw ValidationError("--idle-timeout and --acse-timeout have to be between 1 and 86400 seconds.")
        }
        try checkAETitle(aeTitle)
    }

    /// Serves until SIGINT or SIGTERM.
    func run(_ services: Services) async throws {
        signal(SIGPIPE, SIG_IGN)
        var configuration = AssociationServerConfiguration(host: address, port: port, aeTitle: aeTitle)
        configuration.acceptsAllTransferSyntaxesForStorage = true
        configuration.tls = tls.settings
        configuration.client.tls = tls.calling
        configuration.maximumAssociations = maximumAssociations
        configuration.idleTimeout = .seconds(idleTimeout)
        configuration.artimTimeout = .seconds(acseTimeout)
        configuration.tracesPDUs = trace
        configuration.client.transcoder = { try DICOMFile.read($0).transcoded(to: $1) }
        let logger = makeLogger(trace ? .trace : .error)
        let server = AssociationServer(configuration: configuration, services: services, logger: logger)
        let announcement = Task {
            print("listening on \(address):\(try await server.boundPort) as \(aeTitle)")
            fflush(nil)
        }
        defer { announcement.cancel() }
        try await ServiceGroup(
            services: [server], gracefulShutdownSignals: [.sigint, .sigterm], logger: logger
        ).run()
    }
}

extension Durability: ExpressibleByArgument {}
