import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMTesting
import DICOMUpperLayer
import Foundation
import Logging
import NIOCore
import Testing

/// The code of the articles "The life of an association" and "Setting up TLS", compiled and run.
@Suite struct NetworkArticleTests {
    /// A service of the user's own.
    struct SmallImagesOnly: StorageService {
        func store(_ request: StoreRequest, dataSet: inout IncomingDataSet) async throws -> StoreResponse {
            while let fragment = try await dataSet.next() {
                _ = fragment.readableBytes
                if dataSet.byteCount > 1 << 20 {
                    return StoreResponse(.outOfResources, errorComment: "Only small images are taken")
                }
            }
            return StoreResponse(.success)
        }
    }

    @Test func aServiceOfOnesOwn() async throws {
        try await withServer(services: Services(storage: SmallImagesOnly())) { _, archive in
            try await withAssociation(to: archive, proposing: [ctStorage], options: client, logger: logger) {
                let small = try await $0.store(image(1))
                let large = try await $0.store(image(2, pixelBytes: 2 << 20))
                #expect(small.status == .success && large.status == .outOfResources)
            }
        }
    }

    @Test func sendsAndAsks() async throws {
        try await withFolder { folder in
            try PhantomSeries(modality: .ct, orientation: .axial, slices: 3, rows: 8, columns: 8, seed: 1)
                .write(to: folder + "/in")
            let paths = try FileSystem.files(below: [folder + "/in"])
            let stored = try FileArchive(folder: folder + "/archive")
            try await withServer(services: stored.services) { _, archive in
                let options = client

                let instances = try paths.map(OutgoingInstance.init(path:))
                for plan in StorePlan.plans(for: instances) {
                    try await withAssociation(
                        to: archive, proposing: plan.proposals, options: options, logger: logger
                    ) { association in
                        for instance in plan.instances {
                            print(try await association.store(instance).status)
                        }
                    }
                }

                let studies = Query(.study).matching(.studyDate, "19000101-").returning(.studyDescription)
                let found = try await withAssociation(
                    to: archive, proposing: [.finding(.study)], options: options, logger: logger
                ) { association in
                    var uids: [UID] = []
                    for try await study in try await association.find(studies) {
                        uids.append(contentsOf: [study[.studyInstanceUID]].compactMap(\.self))
                        if uids.count == 100 { break }
                    }
                    return uids
                }
                #expect(found.count == 1)

                let wanted = Query(.study).matching(.studyInstanceUID, anyOf: found)
                let files = FolderStorage(folder: folder, durability: .power)
                try await withAssociation(
                    to: archive, proposing: PresentationContextProposal.getting(.study, sopClasses: [.ctImageStorage]),
                    options: options, logger: logger
                ) {
                    for try await progress in try await $0.get(wanted, into: files) {
                        print(progress.remaining ?? 0, "to come")
                    }
                }
                #expect(try FileSystem.files(below: [folder]).count == 9)
            }
        }
    }

    /// Runs the first commands of the article, which make certificates, and `command` after them.
    private func makeCertificates(in folder: String, then command: String = "") throws -> String {
        let root = String(#filePath.dropLast("Tests/DICOMNetworkTests/NetworkArticleTests.swift".count))
        let article = root + "Sources/DICOMNetwork/DICOMNetwork.docc/TLSSetUp.md"
        let text = try String(contentsOfFile: article, encoding: .utf8)
        let commands = try #require(text.components(separatedBy: "```sh\n").dropFirst().first)
            .components(separatedBy: "```")[0]
        let (shell, output) = (Process(), Pipe())
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-e", "-c", commands + command]
        shell.currentDirectoryURL = URL(fileURLWithPath: folder)
        shell.standardError = FileHandle.nullDevice
        shell.standardOutput = output
        try shell.run()
        let printed = try output.fileHandleForReading.readToEnd() ?? Data()
        shell.waitUntilExit()
        #expect(shell.terminationStatus == 0)
        return String(decoding: printed, as: UTF8.self)
    }

    @Test func tls() async throws {
        try await withFolder { folder in
            _ = try makeCertificates(in: folder)
            var configuration = AssociationServerConfiguration(host: "127.0.0.1", port: 0, aeTitle: "SERVER")
            configuration.tls = ServerTLS(
                certificate: folder + "/server.crt", privateKey: folder + "/server.key", trusted: folder + "/ca.crt",
                clientCertificate: .required)
            try await withServer(configuration: configuration) { _, archive in
                var options = AssociationClientOptions(callingAETitle: "NODE")
                let (own, ca) = (folder + "/client", folder + "/ca.crt")
                options.tls = ClientTLS(trusted: ca, certificate: own + ".crt", privateKey: own + ".key")
                let status = try await withAssociation(
                    to: archive, proposing: [verification], options: options, logger: logger
                ) { try await $0.echo() }
                #expect(status == .success)
            }
        }
    }

    /// Certificates are told apart by the fingerprint that openssl prints.
    @Test(arguments: [true, false]) func accessByCertificate(isAllowed: Bool) async throws {
        try await withFolder { folder in
            let name = isAllowed ? "client" : "server"
            let fingerprint = try #require(
                try makeCertificates(in: folder, then: "openssl x509 -noout -fingerprint -sha256 -in \(name).crt")
                    .split(separator: "=").last)
            let configuration = configured {
                $0.tls = ServerTLS(
                    certificate: folder + "/server.crt", privateKey: folder + "/server.key",
                    trusted: folder + "/ca.crt")
                $0.access.allowedCertificates = [String(fingerprint)]
            }
            try await withServer(configuration: configuration) { _, archive in
                var options = AssociationClientOptions(callingAETitle: "NODE")
                options.tls = ClientTLS(
                    trusted: folder + "/ca.crt", certificate: folder + "/client.crt",
                    privateKey: folder + "/client.key")
                var code: DICOMError.Code?
                do {
                    try await withAssociation(
                        to: archive, proposing: [verification], options: options, logger: logger
                    ) { _ = try await $0.echo() }
                } catch let error as DICOMError {
                    code = error.code
                }
                #expect(code == (isAllowed ? nil : .associationRejectedPermanently))
            }
        }
    }
}
