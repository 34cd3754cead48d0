import DICOMCore
import DICOMDictionary

/// A type of directory record and the keys that it must have (PS3.3 Table F.4-1, F.5).
struct RecordKind: Sendable {
    /// Directory Record Type (0004,1430).
    let type: String
    /// Keys that must have a value (type 1).
    let required: [DICOMTag]
    /// Keys that may be empty (type 2).
    let present: [DICOMTag]
    /// Keys that are there when the instance has them (types 1C and 3).
    let optional: [DICOMTag]

    /// - Parameters: Keywords of PS3.6, separated by spaces.
    private init(_ type: String, _ required: String, present: String = "", optional: String = "") {
        func tags(_ keywords: String) -> [DICOMTag] {
            let words = keywords.split(separator: " ")
            let tags = words.compactMap { DICOMDictionary.tag(forKeyword: String($0)) }
            assert(tags.count == words.count, "misspelt keyword in: \(keywords)")
            return tags
        }
        self.type = type
        self.required = tags(required)
        self.present = tags(present)
        self.optional = tags(optional)
    }

    var keys: [DICOMTag] { required + present + optional }

    static let patient = RecordKind("PATIENT", "PatientID", present: "PatientName")
    static let study = RecordKind(
        "STUDY", "StudyDate StudyTime StudyInstanceUID StudyID", present: "StudyDescription AccessionNumber")
    static let series = RecordKind("SERIES", "Modality SeriesInstanceUID SeriesNumber", optional: "SeriesDescription")
    private static let image = RecordKind("IMAGE", "InstanceNumber", optional: "ImageType NumberOfFrames")

    /// The kinds of the instances themselves, apart from images. Content Identification Macro: PS3.3 Table 10-12.
    private static let leaves: [RecordKind] = [
        RecordKind("RT DOSE", "InstanceNumber DoseSummationType"),
        RecordKind(
            "RT STRUCTURE SET", "InstanceNumber StructureSetLabel", present: "StructureSetDate StructureSetTime"),
        RecordKind("RT PLAN", "InstanceNumber RTPlanLabel", present: "RTPlanDate RTPlanTime"),
        RecordKind("RT TREAT RECORD", "InstanceNumber", present: "TreatmentDate TreatmentTime"),
        RecordKind(
            "PRESENTATION", "PresentationCreationDate PresentationCreationTime InstanceNumber ContentLabel",
            present: "ContentDescription ContentCreatorName", optional: "ReferencedSeriesSequence BlendingSequence"),
        RecordKind("WAVEFORM", "InstanceNumber ContentDate ContentTime"),
        RecordKind(
            "SR DOCUMENT",
            "InstanceNumber CompletionFlag VerificationFlag ContentDate ContentTime ConceptNameCodeSequence",
            optional: "VerificationDateTime ContentSequence"),
        RecordKind(
            "KEY OBJECT DOC", "InstanceNumber ContentDate ContentTime ConceptNameCodeSequence",
            optional: "ContentSequence"),
        RecordKind(
            "SPECTROSCOPY",
            "ImageType ContentDate ContentTime InstanceNumber NumberOfFrames Rows Columns DataPointRows DataPointColumns",
            optional: "ReferencedImageEvidenceSequence"),
        RecordKind("RAW DATA", "ContentDate ContentTime", present: "InstanceNumber"),
        identified("REGISTRATION"), identified("FIDUCIAL"), identified("VALUE MAP"), identified("MEASUREMENT"),
        identified("SURFACE"), identified("TRACT"), identified("ANNOTATION"),
        RecordKind(
            "ENCAP DOC", "InstanceNumber MIMETypeOfEncapsulatedDocument",
            present: "ContentDate ContentTime DocumentTitle ConceptNameCodeSequence", optional: "HL7InstanceIdentifier"),
        RecordKind("STEREOMETRIC", ""),
        RecordKind("PLAN", ""),
        RecordKind("SURFACE SCAN", "ContentDate ContentTime"),
        RecordKind("ASSESSMENT", "InstanceNumber InstanceCreationDate", present: "InstanceCreationTime"),
        RecordKind(
            "RADIOTHERAPY", "InstanceNumber", present: "ContentDescription ContentCreatorName",
            optional: "UserContentLabel UserContentLongLabel"),
    ]

    /// The kinds of instances that belong to no patient: their records stand in the root directory entity.
    private static let roots: [RecordKind] = [
        RecordKind(
            "HANGING PROTOCOL",
            "HangingProtocolName HangingProtocolDescription HangingProtocolLevel HangingProtocolCreator HangingProtocolCreationDateTime HangingProtocolDefinitionSequence NumberOfPriorsReferenced",
            present: "HangingProtocolUserIdentificationCodeSequence"),
        RecordKind("PALETTE", "ContentLabel", present: "ContentDescription"),
        RecordKind("IMPLANT", "Manufacturer ImplantName ImplantPartNumber", optional: "ImplantSize"),
        RecordKind("IMPLANT ASSY", "ImplantAssemblyTemplateName Manufacturer ProcedureTypeCodeSequence"),
        RecordKind("IMPLANT GROUP", "ImplantTemplateGroupName ImplantTemplateGroupIssuer"),
    ]

    private static func identified(_ type: String) -> RecordKind {
        RecordKind(
            type, "ContentDate ContentTime InstanceNumber ContentLabel",
            present: "ContentDescription ContentCreatorName")
    }

    /// Whether the record belongs to no patient.
    var isRoot: Bool { Self.level(of: type) == 0 && type != Self.patient.type }

    /// How far below the root directory entity a type of record stands: 0 to 3.
    static func level(of type: String) -> Int {
        switch type {
        case patient.type: 0
        case study.type: 1
        case series.type: 2
        default: roots.contains { $0.type == type } ? 0 : 3
        }
    }

    // MARK: - By SOP class

    /// The kind of record for an instance; an image's for classes that are not listed.
    init(sopClass: UID) {
        self = Self.type(of: sopClass).flatMap { Self.kinds[$0] } ?? Self.image
    }

    private static let kinds = Dictionary(
        (leaves + roots).map { ($0.type, $0) }, uniquingKeysWith: { first, _ in first })

    private static func type(of sopClass: UID) -> String? {
        let root = "1.2.840.10008.5.1.4."
        guard sopClass.string.hasPrefix(root) else { return nil }
        let rest = String(sopClass.string.dropFirst(root.count))
        if let type = types[rest] { return type }
        guard let dot = rest.lastIndex(of: ".") else { return nil }
        return types[String(rest[...dot])] ?? nestedTypes.first { rest.hasPrefix($0.prefix) }?.type
    }

    /// Types by what follows 1.2.840.10008.5.1.4. in the SOP class; of a whole family where it ends with a dot.
    private static let types: [String: String] = [
        "1.1.481.2": "RT DOSE", "1.1.481.3": "RT STRUCTURE SET", "1.1.481.5": "RT PLAN", "1.1.481.8": "RT PLAN",
        "1.1.481.4": "RT TREAT RECORD", "1.1.481.6": "RT TREAT RECORD", "1.1.481.7": "RT TREAT RECORD",
        "1.1.481.9": "RT TREAT RECORD", "1.1.481.10": "RADIOTHERAPY", "1.1.481.11": "RADIOTHERAPY",
        "1.1.481.12": "RADIOTHERAPY", "1.1.481.13": "RADIOTHERAPY", "1.1.481.14": "RADIOTHERAPY",
        "1.1.481.15": "RADIOTHERAPY", "1.1.481.16": "RADIOTHERAPY", "1.1.481.17": "RADIOTHERAPY",
        "1.1.481.18": "RADIOTHERAPY", "1.1.481.19": "RADIOTHERAPY", "1.1.481.20": "RADIOTHERAPY",
        "1.1.481.21": "RADIOTHERAPY", "1.1.481.22": "RADIOTHERAPY", "1.1.481.25": "RADIOTHERAPY",
        "34.1": "PLAN", "34.7": "PLAN", "34.10": "PLAN",
        "1.1.11.": "PRESENTATION", "1.1.131": "PRESENTATION",
        "1.1.88.": "SR DOCUMENT", "1.1.88.59": "KEY OBJECT DOC", "1.1.78.6": "SR DOCUMENT", "1.1.79.1": "SR DOCUMENT",
        "1.1.4.2": "SPECTROSCOPY", "1.1.66": "RAW DATA", "1.1.66.1": "REGISTRATION", "1.1.66.2": "FIDUCIAL",
        "1.1.66.3": "REGISTRATION", "1.1.66.5": "SURFACE", "1.1.66.6": "TRACT", "1.1.67": "VALUE MAP",
        "1.1.68.1": "SURFACE SCAN", "1.1.68.2": "SURFACE SCAN", "1.1.77.1.5.3": "STEREOMETRIC",
        "1.1.78.": "MEASUREMENT", "1.1.80.1": "MEASUREMENT", "1.1.90.1": "ASSESSMENT", "1.1.91.1": "ANNOTATION",
        "1.1.104.": "ENCAP DOC",
        "38.1": "HANGING PROTOCOL", "39.1": "PALETTE", "43.1": "IMPLANT", "44.1": "IMPLANT ASSY",
        "45.1": "IMPLANT GROUP",
    ]

    /// Families with more than one component below their own.
    private static let nestedTypes: [(prefix: String, type: String)] = [("1.1.9.", "WAVEFORM")]
}
