import ArgumentParser
import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMUpperLayer
import Logging
import Synchronization

struct MoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move", abstract: "Have a peer send images to an application entity that it knows (C-MOVE).",
        discussion:
            "With --listen and --output this command is the destination itself: the peer has to know its AE title, this host "
            + "and that port. The exit status is 1 if any instance was not sent.")

    @OptionGroup var peer: PeerArguments
    @OptionGroup var query: QueryOptions
    @Option(help: "The AE title of the destination.") var destination: String
    @Option(help: ArgumentHelp("Listen on this port, as the destination.", valueName: "port")) var listen: Int?
    @Option(help: "The address to listen on.") var address = "0.0.0.0"
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The folder for what arrives, <SOP Instance UID>.dcm.", valueName: "folder"))
    var output: String?

    func validate() throws {
        try checkAETitle(destination)
        guard (listen == nil) == (output == nil) else {
            throw ValidationError("--listen and --output belong together.")
        }
        guard (1...65535).contains(listen ?? 1) else {
            throw ValidationError("The port has to be between 1 and 65535.")
        }
        do { _ = try query.query().retrieveIdentifier() } catch let error as DICOMError {
            throw ValidationError("\(error)")
        }
    }

    @concurrent func run() async throws {
        let destination = try AETitle(validating: destination)
        if let listen, let output { return try await receive(output, port: listen, destination) }
        let query = try query.query()
        let progress = try await withAssociation(
            to: peer.endpoint, proposing: [.moving(query.root)], options: peer.options, logger: peer.logger
        ) { try await $0.move(query, to: destination).showingProgress() }
        try summarize(progress)
    }

    /// Moves the images to a server that runs meanwhile.
    private func receive(_ folder: String, port: Int, _ destination: AETitle) async throws {
        try FileSystem.createFolder(folder)
        var configuration = AssociationServerConfiguration(host: address, port: port, aeTitle: destination.description)
        configuration.acceptsAllTransferSyntaxesForStorage = true
        configuration.tls = try peer.tls.listening()
        let storage = RetrievalStorage(folder: folder)
        let server = AssociationServer(configuration: configuration, storage: storage, logger: makeLogger())
        let running = Task { try await server.run() }
        do {
            _ = try await server.boundPort
        } catch {
            // Why it cannot listen is the better message.
            try await running.value
            throw error
        }
        defer { server.shutDown() }
        let count = try await storage.move(
            query.query(), from: peer.endpoint, to: destination, options: peer.options, logger: peer.logger
        ) { instances in
            var count = 0
            for try await instance in instances {
                print(instance.path)
                count += 1
            }
            return count
        }
        report("\(count) instances received")
    }
}

struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Fetch images from a peer over one association (C-GET).",
        discussion: "The exit status is 1 if any instance was not sent or not stored.")

    @OptionGroup var peer: PeerArguments
    @OptionGroup var query: QueryOptions
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The folder for the files, <SOP Instance UID>.dcm.", valueName: "folder"))
    var output: String
    @Option(
        name: .customLong("transfer-syntax"), parsing: .singleValue,
        help: ArgumentHelp(
            "A transfer syntax to take images in: a UID or a name such as JPEGLSLossless. May be given several times, "
                + "the most wanted first. Without it: Explicit and Implicit VR Little Endian.",
            valueName: "name"))
    var transferSyntaxes: [String] = []
    @Option(
        name: .customLong("sop-class"), parsing: .singleValue,
        help: ArgumentHelp(
            "A storage SOP class that may come: a UID or a keyword such as CTImageStorage. May be given several times. "
                + "Without it: the common ones, as many as there is room for.",
            valueName: "name"))
    var sopClasses: [String] = []

    func validate() throws {
        _ = try transferSyntaxes.map(transferSyntax(named:))
        _ = try sopClasses.map(sopClass(named:))
        do { _ = try query.query().retrieveIdentifier() } catch let error as DICOMError {
            throw ValidationError("\(error)")
        }
    }

    @concurrent func run() async throws {
        try FileSystem.createFolder(output)
        let query = try query.query()
        let given = try transferSyntaxes.map(transferSyntax(named:))
        let proposals = PresentationContextProposal.getting(
            query.root, sopClasses: sopClasses.isEmpty ? nil : try sopClasses.map(sopClass(named:)),
            in: given.isEmpty ? [.explicitVRLittleEndian, .implicitVRLittleEndian] : given)
        let storage = FolderStorage(folder: output, durability: .process)
        let progress = try await withAssociation(
            to: peer.endpoint, proposing: proposals, options: peer.options, logger: peer.logger
        ) { try await $0.get(query, into: storage).showingProgress() }
        try summarize(progress)
    }
}

private func sopClass(named name: String) throws -> UID {
    let uid = DICOMDictionary.uid(forKeyword: name) ?? UID(name)
    guard uid.isStorageSOPClass else {
        throw ValidationError("'\(name)' is no storage SOP class: give a UID, or a keyword such as CTImageStorage.")
    }
    return uid
}

func transferSyntax(named name: String) throws -> TransferSyntax {
    guard let syntax = TransferSyntax(named: name) else {
        throw ValidationError(
            "'\(name)' is no transfer syntax: give a UID, or a name such as ImplicitVRLittleEndian, or JPEGLSLossless.")
    }
    return syntax
}

extension Responses where Element == RetrieveProgress {
    /// The last response; meanwhile a bar is drawn.
    fileprivate func showingProgress() async throws -> RetrieveProgress? {
        var last: RetrieveProgress?
        var bar: ProgressBar?
        for try await progress in self {
            let done = (progress.completed ?? 0) + (progress.failed ?? 0) + (progress.warnings ?? 0)
            if bar == nil, let remaining = progress.remaining { bar = ProgressBar(total: done + remaining) }
            bar?.show(done)
            last = progress
        }
        return last
    }
}

/// Says how a C-MOVE or C-GET ended.
private func summarize(_ progress: RetrieveProgress?) throws {
    guard let progress else { throw Failure("The peer sent no response.") }
    let sent = (progress.completed ?? 0) + (progress.warnings ?? 0)
    for uid in progress.failedSOPInstanceUIDs { report("\(uid) was not sent.") }
    let failed = max(progress.failed ?? 0, progress.failedSOPInstanceUIDs.count)
    print("\(sent) instances sent\(failed > 0 ? ", \(failed) failed" : "")")
    if sent == 0, failed == 0 { report("Nothing matched.") }
    if failed > 0 || progress.status.category != .success {
        report("The peer ended with \(progress.status).")
        throw ExitCode(1)
    }
}
