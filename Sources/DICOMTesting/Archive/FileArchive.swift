import DICOMCoding
import DICOMCore
import DICOMDictionary
public import DICOMNetwork
public import DICOMUpperLayer
import Synchronization

/// A small query/retrieve archive over a folder of files, for tests and demonstrations: C-STORE, C-FIND, C-MOVE, C-GET and
/// storage commitment.
///
/// ```swift
/// let archive = try FileArchive(folder: "archive", peers: [Endpoint(host: "127.0.0.1", port: 11113, aeTitle: "NODE")])
/// let server = AssociationServer(
///     configuration: .init(port: 11112, aeTitle: "ARCHIVE"), services: archive.services, logger: logger)
/// ```
///
/// All headers are in memory, and a search looks at each: it is meant for thousands of instances, not for millions.
public final class FileArchive: StorageService, QueryService, RetrieveService, StorageCommitmentService {
    private let files: FolderStorage
    private let folder: String
    private let peers: [String: Endpoint]
    private let index: Mutex<[UID: Entry]>

    private struct Entry {
        let path: String
        /// The attributes before Pixel Data.
        let header: DataSet
    }

    /// Opens the folder, which is made when it is missing, and reads what is in it.
    ///
    /// - Parameter peers: Who may be the destination of a C-MOVE; reports of storage commitment go there too.
    /// - Throws: ``DICOMError`` when the folder cannot be read or made; files that are no DICOM files are passed over.
    public init(folder: String, durability: Durability = .process, peers: [Endpoint] = []) throws {
        try FileSystem.createFolder(folder)
        self.folder = folder
        self.peers = Dictionary(peers.map { ($0.aeTitle, $0) }) { $1 }
        // What is not the instance that its command names must not take the place of the one that is.
        files = FolderStorage(folder: folder, durability: durability) { request, path in
            guard let (uid, entry) = try? Self.entry(path) else { return false }
            return uid == request.sopInstanceUID && entry.header[.sopClassUID] == request.sopClassUID
        }
        var found: [UID: Entry] = [:]
        // What a process that was killed left under a temporary name was not acknowledged.
        for path in try FileSystem.files(below: [folder]) where !path.hasSuffix(".part") && DICOMFile.isPart10(path) {
            if let (uid, entry) = try? Self.entry(path) { found[uid] = entry }
        }
        index = Mutex(found)
    }

    /// All that the archive offers.
    public var services: Services {
        var services = Services(storage: self)
        services.query = self
        services.retrieve = self
        services.storageCommitment = self
        return services
    }

    /// How many instances there are.
    public var count: Int { index.withLock(\.count) }

    private static func entry(_ path: String) throws -> (UID, Entry)? {
        let header = try DICOMFile.readHeader(path).dataSet
        guard let uid = header[.sopInstanceUID] else { return nil }
        return (uid, Entry(path: path, header: header))
    }

    // MARK: - C-STORE

    public func store(_ request: StoreRequest, dataSet: inout IncomingDataSet) async throws -> StoreResponse {
        let response = try await files.store(request, dataSet: &dataSet)
        guard response.status == .success else { return response }
        guard let (uid, entry) = try Self.entry("\(folder)/\(request.sopInstanceUID).dcm") else {
            return StoreResponse(.cannotUnderstand)
        }
        index.withLock { $0[uid] = entry }
        return response
    }

    public func associationClosed(_ association: AssociationInfo, _ end: AssociationEnd) async {
        await files.associationClosed(association, end)
    }

    // MARK: - C-FIND

    public func find(_ request: QueryRequest, matches: QueryMatches) async throws {
        let headers = index.withLock { $0.values.map(\.header) }
        let entities = Dictionary(grouping: headers) { $0.string(request.level.uniqueKey) ?? "" }
        for (key, members) in entities.sorted(by: { $0.key < $1.key }) where !key.isEmpty {
            let summary = Summary(members, request.level)
            // An entity matches by any of its instances, so that keys of lower levels work as one would expect.
            guard let match = members.lazy.map(summary.completing).first(where: { $0.matches(request.identifier) })
            else { continue }
            var answer = match.answer(to: request.identifier)
            answer[.queryRetrieveLevel] = request.level.rawValue
            answer[.retrieveAETitle] = [request.association.calledAETitle]
            try await matches.yield(answer)
        }
    }

    // MARK: - C-MOVE, C-GET

    public func instances(for request: QueryRequest) async throws -> [OutgoingInstance] {
        let levels = Query.Level.allCases.filter { $0 <= request.level }
        let keys = request.identifier.filtered { element in levels.contains { $0.uniqueKey == element.tag } }
        guard keys.string(request.level.uniqueKey) != nil else {
            throw ServiceFailure(
                .dataSetDoesNotMatchSOPClass, comment: "The unique key of the level is missing",
                offendingElements: [request.level.uniqueKey])
        }
        let paths = index.withLock { index in
            index.values.filter { $0.header.matches(keys) }.map(\.path).sorted()
        }
        return try paths.map { path throws(DICOMError) in try OutgoingInstance(path: path) }
    }

    public func endpoint(of aeTitle: AETitle) async throws -> Endpoint? { peers[aeTitle.description] }

    // MARK: - Storage commitment

    public func commit(_ request: CommitmentRequest, association: AssociationInfo) async throws -> CommitmentReport {
        var committed: [SOPReference] = []
        var failed: [CommitmentReport.Failure] = []
        for instance in request.instances {
            let header = index.withLock { $0[instance.sopInstanceUID]?.header }
            switch header?[.sopClassUID] {
            case nil: failed.append(.init(instance, reason: .noSuchSOPInstance))
            case instance.sopClassUID: committed.append(instance)
            default: failed.append(.init(instance, reason: .classInstanceConflict))
            }
        }
        return CommitmentReport(transactionUID: request.transactionUID, committed: committed, failed: failed)
    }

    public func reportEndpoint(of aeTitle: AETitle) async throws -> Endpoint? { peers[aeTitle.description] }
}

/// What an entity has beside the attributes of one of its instances (PS3.4 C.3.4).
private struct Summary {
    private var attributes = DataSet()

    init(_ members: [DataSet], _ level: Query.Level) {
        func count(_ tag: DICOMTag) -> Int { Set(members.compactMap { $0.string(tag) }).count }
        let series = Attribute<UID>.seriesInstanceUID.tag
        switch level {
        case .patient:
            attributes[.numberOfPatientRelatedStudies] = count(Attribute<UID>.studyInstanceUID.tag)
            attributes[.numberOfPatientRelatedSeries] = count(series)
            attributes[.numberOfPatientRelatedInstances] = members.count
        case .study:
            attributes[.modalitiesInStudy] = Set(members.compactMap { $0[.modality] }).sorted()
            attributes[.numberOfStudyRelatedSeries] = count(series)
            attributes[.numberOfStudyRelatedInstances] = members.count
        case .series: attributes[.numberOfSeriesRelatedInstances] = members.count
        case .image: break
        }
    }

    func completing(_ header: DataSet) -> DataSet { header.merging(attributes) }
}
