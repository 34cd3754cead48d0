public import DICOMCore
import DICOMDictionary

/// What is asked of an archive (C-FIND) or wanted from it (C-MOVE, C-GET): a level, and keys (PS3.4 C.4).
///
/// ```swift
/// let studies = Query(.study).matching(.patientID, "4711").matching(.studyDate, "20260101-").returning(.studyDescription)
/// let series = Query(.series).matching(.studyInstanceUID, uid).matching(.modality, "CT")
/// ```
///
/// A text may have the wildcards `*` and `?`, dates and times the range `from-to` (PS3.4 C.2.2.2). The unique key of the level
/// is always asked for.
public struct Query: Sendable {
    /// The information model (PS3.4 C.6).
    public enum Root: String, Sendable, CaseIterable {
        /// Patients are the highest level.
        case patient
        /// Studies are the highest level; they have the patient's attributes.
        case study
    }

    /// Query/Retrieve Level (0008,0052).
    public enum Level: String, Sendable, CaseIterable, Comparable {
        case patient = "PATIENT"
        case study = "STUDY"
        case series = "SERIES"
        case image = "IMAGE"

        /// The unique key that names an entity of the level (PS3.4 C.6.1.1).
        public var uniqueKey: DICOMTag {
            switch self {
            case .patient: Attribute<String>.patientID.tag
            case .study: Attribute<UID>.studyInstanceUID.tag
            case .series: Attribute<UID>.seriesInstanceUID.tag
            case .image: Attribute<UID>.sopInstanceUID.tag
            }
        }

        private var depth: Int {
            switch self {
            case .patient: 0
            case .study: 1
            case .series: 2
            case .image: 3
            }
        }

        public static func < (left: Level, right: Level) -> Bool { left.depth < right.depth }
    }

    public let level: Level
    public let root: Root
    /// Whether keys of levels above may be missing: the archive has to have agreed to relational queries (PS3.4 C.5.1.1).
    public var isRelational = false
    /// The keys, without the level.
    public private(set) var keys = DataSet()

    public init(_ level: Level, root: Root = .study) {
        self.level = level
        self.root = root
        keys[element: level.uniqueKey] = DataElement(
            level.uniqueKey, DICOMDictionary.vr(of: level.uniqueKey) ?? .lo, .bytes([]))
    }

    /// The query with a key that has to have this value.
    public func matching<Value>(_ attribute: Attribute<Value>, _ value: Value) -> Query {
        var query = self
        query.keys[attribute] = value
        return query
    }

    /// The query with a key that has to have one of these UIDs (PS3.4 C.2.2.2.2).
    public func matching(_ attribute: Attribute<UID>, anyOf values: [UID]) -> Query {
        var query = self
        query.keys[Attribute<[UID]>(attribute.tag, attribute.vr)] = values
        return query
    }

    /// The query with an attribute whose value is wanted in the answers.
    public func returning<Value>(_ attribute: Attribute<Value>) -> Query {
        var query = self
        if !query.keys.contains(attribute) { query.keys.setEmpty(attribute) }
        return query
    }

    /// The query with all keys of a data set: elements with a value have to match, empty ones are wanted.
    public func adding(_ dataSet: DataSet) -> Query {
        var query = self
        for element in dataSet where element.tag != Attribute<String>.queryRetrieveLevel.tag {
            query.keys[element: element.tag] = element
        }
        return query
    }

    /// The identifier of a C-FIND-RQ.
    ///
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/invalidQuery`` when the level is not in the model, or the unique key
    ///   of a level above has not exactly one value (PS3.4 C.4.1.2.1).
    public func findIdentifier() throws(DICOMError) -> DataSet {
        try checkLevelsAbove()
        return identifier
    }

    /// The identifier of a C-MOVE-RQ or C-GET-RQ: the unique keys, and nothing else (PS3.4 C.4.2.1.4).
    ///
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/invalidQuery``, also when the level's own unique key has no value.
    public func retrieveIdentifier() throws(DICOMError) -> DataSet {
        try checkLevelsAbove()
        let values = keys.strings(level.uniqueKey).filter { !$0.isEmpty }
        guard !values.isEmpty, level != .patient || values.count == 1 else {
            throw invalid(
                "needs a value of \(Self.name(level.uniqueKey)), which says what is wanted")
        }
        try checkWildcards(level.uniqueKey, values)
        var identifier = identifier
        let wanted = Set(Level.allCases.filter { $0 <= level }.map(\.uniqueKey))
            .union([Attribute<String>.queryRetrieveLevel.tag, Attribute<[String]>.specificCharacterSet.tag])
        identifier.removeAll { !wanted.contains($0.tag) }
        return identifier
    }

    private var identifier: DataSet {
        var identifier = keys
        identifier[.queryRetrieveLevel] = level.rawValue
        return identifier
    }

    private func checkLevelsAbove() throws(DICOMError) {
        guard root == .patient || level != .patient else {
            throw invalid("is not in the study root model: ask with the patient root")
        }
        if isRelational { return }
        let above = Level.allCases.filter { $0 < level && (root == .patient || $0 != .patient) }
        for upper in above {
            let values = keys.strings(upper.uniqueKey).filter { !$0.isEmpty }
            guard values.count == 1 else {
                throw invalid(
                    "needs one value of \(Self.name(upper.uniqueKey)), the unique key of the level \(upper.rawValue) above it"
                )
            }
            try checkWildcards(upper.uniqueKey, values)
        }
    }

    private func checkWildcards(_ key: DICOMTag, _ values: [String]) throws(DICOMError) {
        guard !values.contains(where: { $0.contains("*") || $0.contains("?") }) else {
            throw invalid("needs a value of \(Self.name(key)) without wildcards")
        }
    }

    private func invalid(_ what: String) -> DICOMError {
        DICOMError(.invalidQuery, "A query at the level \(level.rawValue) \(what).")
    }

    private static func name(_ tag: DICOMTag) -> String { DICOMDictionary.entry(for: tag)?.keyword ?? tag.description }
}

extension Query.Root {
    /// The SOP class for C-FIND (PS3.4 C.6).
    public var findSOPClassUID: UID {
        switch self {
        case .patient: .patientRootQueryRetrieveInformationModelFind
        case .study: .studyRootQueryRetrieveInformationModelFind
        }
    }
    /// The SOP class for C-MOVE.
    public var moveSOPClassUID: UID {
        switch self {
        case .patient: .patientRootQueryRetrieveInformationModelMove
        case .study: .studyRootQueryRetrieveInformationModelMove
        }
    }
    /// The SOP class for C-GET.
    public var getSOPClassUID: UID {
        switch self {
        case .patient: .patientRootQueryRetrieveInformationModelGet
        case .study: .studyRootQueryRetrieveInformationModelGet
        }
    }
}

extension UID {
    /// Whether the SOP class is one of C-FIND.
    var isFind: Bool {
        Query.Root.allCases.contains { $0.findSOPClassUID == self } || self == .modalityWorklistInformationModelFind
    }
    var isMove: Bool { Query.Root.allCases.contains { $0.moveSOPClassUID == self } }
    var isGet: Bool { Query.Root.allCases.contains { $0.getSOPClassUID == self } }
    /// The root of a SOP class of C-FIND, C-MOVE or C-GET.
    var isPatientRoot: Bool {
        let root = Query.Root.patient
        return [root.findSOPClassUID, root.moveSOPClassUID, root.getSOPClassUID].contains(self)
    }
}

extension DICOMError.Code {
    /// A query lacks what its level needs.
    public static let invalidQuery = Self("invalidQuery")
    /// The peer answered an operation with a failure status: the message has it.
    public static let operationFailed = Self("operationFailed")
}
