import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMTesting
import DICOMUpperLayer
import Testing

/// The code of the article "Offering and retrieving", compiled and run.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ServicesArticleTests {
    struct Studies: QueryService {
        let all: [DataSet]

        func find(_ request: QueryRequest, matches: QueryMatches) async throws {
            guard request.level == .study else {
                throw ServiceFailure(.dataSetDoesNotMatchSOPClass, comment: "Only studies are known here")
            }
            for study in all where study.matches(request.identifier) {
                var answer = study.answer(to: request.identifier)
                answer[.queryRetrieveLevel] = request.level.rawValue
                try await matches.yield(answer)
            }
        }
    }

    @Test func aServerOfOnesOwn() async throws {
        try await withFolder { folder in
            var study = DataSet()
            study[.studyInstanceUID] = "2.25.1"
            study[.patientID] = "4711"
            let all = [study]

            var configuration = AssociationServerConfiguration(host: "127.0.0.1", port: 0, aeTitle: "ARCHIVE")
            configuration.access.allowedCallingAETitles = ["NODE"]
            configuration.maximumAssociationsPerPeer = 8
            var services = Services(storage: FolderStorage(folder: folder, durability: .power))
            services.query = Studies(all: all)
            let server = AssociationServer(configuration: configuration, services: services, logger: logger)
            let running = Task { try await server.run() }
            let port = try await server.boundPort
            defer { running.cancel() }

            let archive = Endpoint(host: "127.0.0.1", port: port, aeTitle: "ARCHIVE")
            let options = AssociationClientOptions(callingAETitle: "NODE")
            let found = try await withAssociation(
                to: archive, proposing: [.finding(.study)], options: options, logger: logger
            ) { association in
                var found: [UID] = []
                for try await match in try await association.find(Query(.study).matching(.patientID, "47*")) {
                    if let uid = match[.studyInstanceUID] { found.append(uid) }
                }
                return found
            }
            #expect(found == ["2.25.1"])

            let stranger = AssociationClientOptions(callingAETitle: "STRANGER")
            var refusal: DICOMError?
            do {
                try await withAssociation(
                    to: archive, proposing: [.verification], options: stranger, logger: logger
                ) { _ = try await $0.echo() }
            } catch let error as DICOMError where error.code == .associationRejectedPermanently {
                refusal = error  // … calling AE title not recognized (permanent; 1/1/3) …
            }
            #expect(refusal?.message.contains("1/1/3") == true)

            server.shutDown()
            try await running.value
        }
    }

    /// An archive with four images in it that knows the application entity NODE at `port`.
    private func withArchive(
        in folder: String, node port: Int, _ body: (Endpoint, [OutgoingInstance]) async throws -> Void
    ) async throws {
        let content = folder + "/archive"
        try PhantomSeries(modality: .ct, orientation: .axial, slices: 4, rows: 8, columns: 8, seed: 1).write(
            to: content)
        let node = Endpoint(host: "127.0.0.1", port: port, aeTitle: "NODE")
        let archive = try FileArchive(folder: content, peers: [node])
        let instances = try FileSystem.files(below: [content]).map { try OutgoingInstance(path: $0) }
        try await withServer(services: archive.services) { _, endpoint in try await body(endpoint, instances) }
    }

    @Test func retrieves() async throws {
        try await withFolder { folder in
            let storage = MemoryStorage()
            let configuration = configured { $0.aeTitle = "NODE" }
            let options = AssociationClientOptions(callingAETitle: "NODE")

            let retrievals = RetrievalStorage(folder: folder, otherwise: storage)
            let server = AssociationServer(configuration: configuration, storage: retrievals, logger: logger)
            let running = Task { try await server.run() }
            let port = try await server.boundPort
            defer { running.cancel() }

            try await withArchive(in: folder, node: port) { archive, instances in
                let file = try DICOMFile.read(try #require(instances.first).path)
                let study = try #require(file.dataSet[.studyInstanceUID])

                let wanted = Query(.study).matching(.studyInstanceUID, study)
                let paths = try await retrievals.move(
                    wanted, from: archive, to: "NODE", options: options, logger: logger
                ) { instances in
                    var paths: [String] = []
                    for try await instance in instances { paths.append(instance.path) }
                    return paths
                }
                #expect(Set(paths).count == instances.count)
                #expect(storage.state.instances.isEmpty)
            }
            server.shutDown()
            try await running.value
        }
    }

    @Test func commits() async throws {
        try await withFolder { folder in
            let reports = CommitmentReports()
            var services = Services()
            services.commitmentReports = reports
            try await withServer(services: services, configuration: configured { $0.aeTitle = "NODE" }) { _, node in
                try await withArchive(in: folder, node: node.port) { archive, instances in
                    let options = AssociationClientOptions(callingAETitle: "NODE")

                    let references = instances.map {
                        SOPReference(sopClassUID: $0.sopClassUID, sopInstanceUID: $0.sopInstanceUID)
                    }
                    let report = try await requestCommitment(
                        of: references, from: archive, options: options, reports: reports, logger: logger)
                    for failure in report.failed { print(failure.instance.sopInstanceUID, failure.reason) }
                    #expect(report.committed.count == references.count && report.failed.isEmpty)
                }
            }
        }
    }
}
