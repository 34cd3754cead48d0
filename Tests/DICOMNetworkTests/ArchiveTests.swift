import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMNetwork
import DICOMTesting
import DICOMUpperLayer
import Synchronization
import Testing

/// The client's operations against the archive of DICOMTesting, over sockets.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ArchiveTests {
    /// An archive with two series of a phantom in it, on a port of its own.
    private func withArchive<Result: Sendable>(
        peers: (String) -> [Endpoint] = { _ in [] },
        configuration: AssociationServerConfiguration = configured { _ in },
        services: (Services) -> Services = { $0 },
        _ body: (FileArchive, Endpoint, String) async throws -> Result
    ) async throws -> Result {
        try await withFolder { folder in
            for (seed, modality) in [PhantomSeries.Modality.ct, .mr].enumerated() {
                try PhantomSeries(
                    modality: modality, orientation: .axial, slices: 4, rows: 8, columns: 8, seed: seed
                ).write(to: "\(folder)/\(modality)")
            }
            let archive = try FileArchive(folder: folder, peers: peers(folder))
            return try await withServer(services: services(archive.services), configuration: configuration) {
                _, endpoint in
                try await body(archive, endpoint, folder)
            }
        }
    }

    private func use<Result: Sendable>(
        _ endpoint: Endpoint, _ proposals: [PresentationContextProposal], _ body: (Association) async throws -> Result
    ) async throws -> Result {
        try await withAssociation(to: endpoint, proposing: proposals, options: client, logger: logger, body)
    }

    private func studies(_ endpoint: Endpoint) async throws -> [UID] {
        try await use(endpoint, [.finding(.study)]) { association in
            var found: [UID] = []
            for try await match in try await association.find(Query(.study)) {
                if let uid = match[.studyInstanceUID] { found.append(uid) }
            }
            return found
        }
    }

    @Test func find() async throws {
        try await withArchive { archive, endpoint, _ in
            #expect(archive.count == 8)
            let studies = try await studies(endpoint)
            #expect(studies.count == 2)
            let series = try await use(endpoint, [.finding(.study)]) { association in
                var found: [DataSet] = []
                for uid in studies {
                    let query = Query(.series).matching(.studyInstanceUID, uid).matching(.modality, "MR")
                        .returning(.numberOfSeriesRelatedInstances)
                    for try await match in try await association.find(query) { found.append(match) }
                }
                return found
            }
            #expect(series.count == 1)
            #expect(series.first?[.numberOfSeriesRelatedInstances] == 4)
            #expect(series.first?[.queryRetrieveLevel] == "SERIES")
            #expect(series.first?[.retrieveAETitle, as: [String].self] == ["SERVER"])
        }
    }

    @Test func failuresSayWhy() async throws {
        try await withArchive { _, endpoint, _ in
            let error = await #expect(throws: DICOMError.self) {
                try await use(endpoint, [.moving(.study)]) { association in
                    let query = Query(.study).matching(.studyInstanceUID, "1.2")
                    for try await _ in try await association.move(query, to: AETitle(validating: "NOWHERE")) {}
                }
            }
            #expect(error?.code == .operationFailed)
            #expect(error?.message.contains("A801H") == true)
            // A query that is not valid does not end the association.
            try await use(endpoint, [.finding(.study)]) { association in
                await #expect(throws: DICOMError.self) { _ = try await association.find(Query(.series)) }
                var count = 0
                for try await _ in try await association.find(Query(.study)) { count += 1 }
                #expect(count == 2)
            }
        }
    }

    @Test func get() async throws {
        try await withArchive { _, endpoint, _ in
            let study = try #require(try await studies(endpoint).first)
            let storage = MemoryStorage()
            let last = try await use(endpoint, PresentationContextProposal.getting(.study)) { association in
                var last: RetrieveProgress?
                var count = 0
                let query = Query(.study).matching(.studyInstanceUID, study)
                for try await progress in try await association.get(query, into: storage) {
                    last = progress
                    count += 1
                }
                #expect(count == 4)
                return last
            }
            #expect(last?.status == .success)
            #expect(last?.completed == 4)
            #expect(storage.state.instances.count == 4)
        }
    }

    /// A storage that refuses: the archive counts and names what failed.
    @Test func getsThatFailInPart() async throws {
        try await withArchive { _, endpoint, _ in
            let study = try #require(try await studies(endpoint).first)
            let seen = Mutex(0)
            let storage = ScriptedStorage { _, dataSet in
                while try await dataSet.next() != nil {}
                let isOdd = seen.withLock { seen in
                    seen += 1
                    return seen % 2 == 1
                }
                return StoreResponse(isOdd ? .outOfResources : .success)
            }
            let last = try await use(endpoint, PresentationContextProposal.getting(.study)) { association in
                var last: RetrieveProgress?
                let query = Query(.study).matching(.studyInstanceUID, study)
                for try await progress in try await association.get(query, into: storage) { last = progress }
                return last
            }
            #expect(last?.status == .subOperationsFailed)
            #expect(last?.completed == 2 && last?.failed == 2)
            #expect(last?.failedSOPInstanceUIDs.count == 2)
        }
    }

    @Test func moveYieldsTheInstances() async throws {
        try await withFolder { output in
            let others = MemoryStorage()
            let retrievals = RetrievalStorage(folder: output, otherwise: others)
            try await withServer(retrievals) { _, own in
                let node = Endpoint(host: "127.0.0.1", port: own.port, aeTitle: "SERVER")
                try await withArchive(peers: { _ in [node] }) { _, endpoint, _ in
                    let study = try #require(try await studies(endpoint).first)
                    let paths = try await retrievals.move(
                        Query(.study).matching(.studyInstanceUID, study), from: endpoint,
                        to: AETitle(validating: "SERVER"), options: client, logger: logger
                    ) { instances in
                        var paths: [String] = []
                        for try await instance in instances {
                            #expect(instance.transferSyntax == .explicitVRLittleEndian)
                            paths.append(instance.path)
                        }
                        return paths
                    }
                    #expect(Set(paths).count == 4)
                    for path in paths { #expect(try DICOMFile.read(path).dataSet[.studyInstanceUID] == study) }
                    // What nobody asked for goes to the other service.
                    try await use(own, [ctStorage]) { _ = try await $0.store(image(1)) }
                    #expect(others.state.instances.count == 1)
                }
            }
        }
    }

    @Test func aMoveThatIsLeftEarlyIsAborted() async throws {
        try await withFolder { output in
            let retrievals = RetrievalStorage(folder: output)
            try await withServer(retrievals) { _, own in
                try await withArchive(peers: { _ in [own] }) { _, endpoint, _ in
                    let study = try #require(try await studies(endpoint).first)
                    let first = try await retrievals.move(
                        Query(.study).matching(.studyInstanceUID, study), from: endpoint,
                        to: AETitle(validating: "SERVER"), options: client, logger: logger
                    ) { instances in
                        for try await instance in instances { return instance.path }
                        return ""
                    }
                    #expect(!first.isEmpty)
                }
            }
        }
    }

    @Test func commitment() async throws {
        let reports = CommitmentReports()
        var own = Services()
        own.commitmentReports = reports
        try await withServer(services: own) { _, node in
            let known = Endpoint(host: "127.0.0.1", port: node.port, aeTitle: "SERVER")
            try await withArchive(peers: { _ in [known] }) { archive, endpoint, folder in
                let file = try #require(FileSystem.files(below: [folder]).first)
                let instance = try OutgoingInstance(path: file)
                let good = SOPReference(sopClassUID: instance.sopClassUID, sopInstanceUID: instance.sopInstanceUID)
                let missing = SOPReference(sopClassUID: .ctImageStorage, sopInstanceUID: "1.2.3")
                let wrong = SOPReference(sopClassUID: .rtPlanStorage, sopInstanceUID: instance.sopInstanceUID)
                // CLIENT is not known to the archive: it reports over the same association. SERVER is.
                for title in ["CLIENT", "SERVER"] {
                    let report = try await requestCommitment(
                        of: [good, missing, wrong], from: endpoint, options: .init(callingAETitle: title),
                        reports: title == "SERVER" ? reports : nil, timeout: .seconds(20), logger: logger)
                    #expect(report.committed == [good])
                    #expect(report.failed.map(\.instance) == [missing, wrong])
                    #expect(report.failed.map(\.reason) == [.noSuchSOPInstance, .classInstanceConflict])
                }
            }
        }
    }

    @Test func commitmentsThatAreNotReportedTimeOut() async throws {
        // The archive reports to a port where nobody listens.
        let nobody = Endpoint(host: "127.0.0.1", port: 1, aeTitle: "CLIENT")
        let peers: (String) -> [Endpoint] = { _ in [nobody] }
        try await withArchive(peers: peers) { _, endpoint, _ in
            let error = await #expect(throws: DICOMError.self) {
                _ = try await requestCommitment(
                    of: [SOPReference(sopClassUID: .ctImageStorage, sopInstanceUID: "1.2.3")], from: endpoint,
                    options: client, reports: CommitmentReports(), timeout: .seconds(1),
                    associationTimeout: .milliseconds(200), logger: logger)
            }
            #expect(error?.code == .timedOut)
        }
    }

    /// An archive that never comes to an end with a commitment, and knows where it would report.
    private struct BusyArchive: StorageCommitmentService {
        func commit(_ request: CommitmentRequest, association: AssociationInfo) async throws -> CommitmentReport {
            try await Task.sleep(for: .seconds(3600))
            return CommitmentReport(transactionUID: request.transactionUID, committed: [])
        }

        func reportEndpoint(of aeTitle: AETitle) async throws -> Endpoint? {
            Endpoint(host: "127.0.0.1", port: 1, aeTitle: aeTitle.description)
        }
    }

    @Test func waitingCommitmentsAreBounded() async throws {
        var services = Services()
        services.storageCommitment = BusyArchive()
        try await withServer(services: services) { _, endpoint in
            let accepted = try await use(endpoint, [.storageCommitment]) { association in
                for number in 0..<1000 {
                    let instance = SOPReference(sopClassUID: .ctImageStorage, sopInstanceUID: UID("1.2.\(number)"))
                    let request = CommitmentRequest(transactionUID: UID("1.3.\(number)"), instances: [instance])
                    do { try await association.requestCommitment(request) } catch let error as DICOMError {
                        #expect(error.code == .operationFailed)
                        #expect(error.message.contains("Too many storage commitments"))
                        return number
                    }
                }
                return 1000
            }
            #expect(accepted == 256)
        }
    }

    /// A peer that asks and does not answer gets one report, and the next one after its answer.
    @Test func reportsThatAreNotAnsweredAreHeld() async throws {
        var item = DataSet()
        item[.referencedSOPClassUID] = .ctImageStorage
        item[.referencedSOPInstanceUID] = "1.2.3"
        var request = DataSet()
        request[.transactionUID] = "1.3"
        request[.referencedSOPSequence] = [item]
        let data = try RawPeer.data(encoded(request), isLast: true)
        try await withArchive { _, endpoint, _ in
            let peer = try await RawPeer.connect(to: endpoint.port)
            #expect(try await peer.associate(proposing: [.storageCommitment])?.type == 2)
            func nextCommand() async throws -> DIMSECommand? {
                while let pdu = try await peer.receive(), pdu.type == 4, pdu.body.count > 6 {
                    if pdu.body[5] & 1 == 1 { return try DIMSECommand(parsing: Array(pdu.body[6...])) }
                }
                return nil
            }
            var reports: [DIMSECommand] = []
            for number: UInt16 in 1...11 {
                let command = DIMSECommand.nRequest(
                    .nActionRequest, messageID: number, requesting: .storageCommitmentPushModel,
                    .storageCommitmentPushModelInstance, hasDataSet: true, actionTypeID: 1)
                try await peer.send(RawPeer.bytes(command) + data)
                var answer = try #require(try await nextCommand())
                if !answer.field.isResponse {
                    reports.append(answer)
                    answer = try #require(try await nextCommand())
                }
                // One on its way, and eight more.
                #expect(answer.status == (number <= 9 ? .success : .resourceLimitation), "\(number)")
            }
            #expect(reports.count == 1)
            let report = try #require(reports.first)
            for number in 2...9 {
                try await peer.send(RawPeer.bytes(report.response(.success)))
                #expect(try await nextCommand()?.field == .nEventReportRequest, "\(number)")
            }
            // The last one's answer, and one that nobody waits for.
            for _ in 0..<2 { try await peer.send(RawPeer.bytes(report.response(.success))) }
            var type: UInt8? = 4
            while type == 4 { type = try await peer.receive()?.type }
            #expect(type == 7)
        }
    }

    /// Reports that come while nobody asks for them are kept, a hundred of them; the archive is told about the others.
    @Test func reportsThatWaitAreBounded() async throws {
        try await withArchive { _, endpoint, _ in
            let instance = SOPReference(sopClassUID: .ctImageStorage, sopInstanceUID: "1.2.3")
            try await use(endpoint, [.storageCommitment, verification]) { association in
                for number in 0..<103 {
                    try await association.requestCommitment(
                        CommitmentRequest(transactionUID: UID("1.3.\(number)"), instances: [instance]))
                }
                // The archive, which does one thing after the other, has sent all reports before it answers.
                #expect(try await association.echo() == .success)
                for number in 0..<100 {
                    #expect(try await association.nextCommitmentReport().transactionUID == UID("1.3.\(number)"))
                }
                try await association.requestCommitment(
                    CommitmentRequest(transactionUID: "1.4", instances: [instance]))
                #expect(try await association.nextCommitmentReport().transactionUID == "1.4")
            }
        }
    }

    @Test func aDataSetThatIsAnotherInstanceTakesNoPlace() async throws {
        try await withArchive { archive, endpoint, folder in
            let stored = try await use(endpoint, [ctStorage]) { try await $0.store(image(1)) }
            #expect(stored.status == .success && archive.count == 9)
            let peer = try await RawPeer.connect(to: endpoint.port)
            #expect(try await peer.associate()?.type == 2)
            for other in [image(2), image(1, sopClass: .mrImageStorage), DataSet()] {
                try await peer.send(
                    RawPeer.bytes(
                        .cStoreRequest(messageID: 1, sopClassUID: .ctImageStorage, sopInstanceUID: "1.2.3.4.1"))
                        + RawPeer.data(encoded(other), isLast: true))
                #expect(try await peer.receiveStatus() == .cannotUnderstand)
            }
            let file = try DICOMFile.read("\(folder)/1.2.3.4.1.dcm")
            #expect(try encoded(file.dataSet) == encoded(image(1)))
            #expect(archive.count == 9)
            #expect(try FileSystem.names(in: folder).filter { $0.hasSuffix(".part") }.isEmpty)
        }
    }

    @Test func worklistAndProcedureSteps() async throws {
        var step = DataSet()
        step[.modality] = "CT"
        step[.scheduledProcedureStepStartDate] = "20260301"
        var item = DataSet()
        item[.patientID] = "4711"
        item[.scheduledProcedureStepSequence] = [step]
        let steps = ProcedureSteps()
        var services = Services()
        services.worklist = Worklist(items: [item])
        services.procedureSteps = steps
        try await withServer(services: services) { _, endpoint in
            try await use(endpoint, [.worklist, .procedureStep]) { association in
                var wanted = DataSet()
                wanted[.scheduledProcedureStepStartDate] = "20260201-20260401"
                wanted.setEmpty(.modality)
                var keys = DataSet()
                keys.setEmpty(.patientID)
                keys[.scheduledProcedureStepSequence] = [wanted]
                var found: [String] = []
                for try await match in try await association.findWorklist(keys) {
                    found.append(match[.patientID] ?? "")
                }
                #expect(found == ["4711"])

                var attributes = DataSet()
                attributes[.performedProcedureStepStatus] = "IN PROGRESS"
                attributes[.modality] = "CT"
                try await association.createProcedureStep("1.2.3", attributes)
                let duplicate = await #expect(throws: DICOMError.self) {
                    try await association.createProcedureStep("1.2.3", attributes)
                }
                #expect(duplicate?.message.contains("0111H") == true)
                var end = DataSet()
                end[.performedProcedureStepStatus] = "COMPLETED"
                try await association.setProcedureStep("1.2.3", end)
                #expect(steps["1.2.3"]?[.performedProcedureStepStatus] == "COMPLETED")
                #expect(steps["1.2.3"]?[.modality] == "CT")
                let over = await #expect(throws: DICOMError.self) {
                    try await association.setProcedureStep("1.2.3", end)
                }
                #expect(over?.message.contains("0110H") == true)
                let unknown = await #expect(throws: DICOMError.self) {
                    try await association.setProcedureStep("1.2.4", end)
                }
                #expect(unknown?.message.contains("0112H") == true)
                await #expect(throws: DICOMError.self) {
                    try await association.createProcedureStep("1.2.5", end)
                }
            }
        }
    }
}

/// A query service that stops after its first answer.
private struct Stalling: QueryService {
    func find(_ request: QueryRequest, matches: QueryMatches) async throws {
        var match = DataSet()
        match[.studyInstanceUID] = "1.2.3"
        try await matches.yield(match)
        try await Task.sleep(for: .seconds(60))
    }
}

/// A query service that answers until it is told to stop.
private struct Endless: QueryService {
    let wasCancelled: Flag

    func find(_ request: QueryRequest, matches: QueryMatches) async throws {
        do {
            while true {
                var match = DataSet()
                match[.studyInstanceUID] = "1.2.3"
                try await matches.yield(match)
            }
        } catch {
            wasCancelled.set()
            throw error
        }
    }
}

final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}

@Suite(.serialized, .timeLimit(.minutes(2))) struct CancellationTests {
    private func withEndless(_ body: (Endpoint, Flag) async throws -> Void) async throws {
        let flag = Flag()
        var services = Services()
        services.query = Endless(wasCancelled: flag)
        try await withServer(services: services) { _, endpoint in try await body(endpoint, flag) }
    }

    /// Leaving the loop cancels by C-CANCEL, and the association goes on.
    @Test func leavingTheLoopCancels() async throws {
        try await withEndless { endpoint, flag in
            try await withAssociation(
                to: endpoint, proposing: [.finding(.study), .verification], options: client, logger: logger
            ) { association in
                var count = 0
                for try await _ in try await association.find(Query(.study)) {
                    count += 1
                    if count == 3 { break }
                }
                #expect(try await association.echo() == .success)
            }
            try await eventually("the search goes on") { flag.isSet }
        }
    }

    /// Requests and responses that are longer than is taken: the former are answered, the latter end the association.
    @Test func messagesThatAreTooLong() async throws {
        let uids = (0..<40).map { UID("1.2.826.0.1.3680043.8.498.\(100_000_000 + $0)") }
        var services = Services()
        services.query = Stalling()
        let configuration = configured {
            $0.maximumRequestLength = 1000
            $0.shutdownTimeout = .zero
        }
        try await withServer(services: services, configuration: configuration) { _, endpoint in
            var options = client
            try await withAssociation(
                to: endpoint, proposing: [.finding(.study), .verification], options: options, logger: logger
            ) { association in
                let error = await #expect(throws: DICOMError.self) {
                    let long = Query(.study).matching(.studyInstanceUID, anyOf: uids)
                    for try await _ in try await association.find(long) {}
                }
                #expect(error?.message.contains("A700H") == true)
                let status = try await association.echo()
                #expect(status == .success)
            }
            options.maximumResponseLength = 10
            let error = await #expect(throws: DICOMError.self) {
                try await withAssociation(
                    to: endpoint, proposing: [.finding(.study)], options: options, logger: logger
                ) { association in
                    for try await _ in try await association.find(Query(.study)) {}
                }
            }
            #expect(error?.code == .instanceTooLarge)
        }
    }

    /// An archive that stops amid its answers is given up.
    @Test func archivesThatStopAreGivenUp() async throws {
        var services = Services()
        services.query = Stalling()
        let configuration = configured { $0.shutdownTimeout = .zero }
        try await withServer(services: services, configuration: configuration) { _, endpoint in
            var options = client
            options.responseTimeout = .milliseconds(300)
            var count = 0
            let error = await #expect(throws: DICOMError.self) {
                try await withAssociation(
                    to: endpoint, proposing: [.finding(.study)], options: options, logger: logger
                ) { association in
                    for try await _ in try await association.find(Query(.study)) { count += 1 }
                }
            }
            #expect(error?.code == .timedOut && count == 1)
        }
    }

    /// Cancelling the task aborts, which ends the search at the server too.
    @Test func cancellingTheTaskAborts() async throws {
        try await withEndless { endpoint, flag in
            let (started, continuation) = AsyncStream<Void>.makeStream()
            let task = Task {
                try await withAssociation(
                    to: endpoint, proposing: [.finding(.study)], options: client, logger: logger
                ) { association in
                    for try await _ in try await association.find(Query(.study)) { continuation.yield() }
                }
            }
            for await _ in started { break }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            try await eventually("the search goes on") { flag.isSet }
        }
    }
}
