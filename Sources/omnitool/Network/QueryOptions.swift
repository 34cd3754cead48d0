public import ArgumentParser
import DICOMCoding
import DICOMCore
import DICOMDictionary
public import DICOMNetwork

/// The keys of a query.
struct KeyOptions: ParsableArguments {
    @Option(
        name: [.customShort("k"), .customLong("key")], parsing: .singleValue,
        help: ArgumentHelp(
            "An attribute that has to have a value, with * and ? for any text, a-b for a range of dates; without value one "
                + "that is wanted in the answers. A keyword, a tag such as 0010,0020, or a path such as "
                + "ScheduledProcedureStepSequence[0].Modality. May be given several times.",
            valueName: "keyword[=value]"))
    var keys: [String] = []

    func validate() throws { _ = try dataSet() }

    func dataSet() throws -> DataSet {
        var dataSet = DataSet()
        let text = keys.joined()
        if !text.utf8.allSatisfy({ $0 < 0x80 }) { dataSet.setCharacterSet(.utf8) }
        for key in keys {
            let parts = key.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            do {
                let path = try ElementPath(String(parts[0]))
                let value = parts.count == 2 ? String(parts[1]) : ""
                try dataSet.set(Self.element(path.tag, value), at: path)
            } catch {
                throw ValidationError("\(error)")
            }
        }
        return dataSet
    }

    private static func element(_ tag: DICOMTag, _ value: String) throws -> DataElement {
        let vr = DICOMDictionary.entry(for: tag).flatMap { VR(code: String($0.vr.prefix(2))) } ?? .un
        guard !value.isEmpty else { return DataElement(tag, vr, vr == .sq ? .sequence([]) : .bytes([])) }
        switch vr.kind {
        case .text, .uid, .decimal: return DataElement(tag, vr, .text(value))
        case .integer:
            guard let number = Int(value) else {
                throw ValidationError("'\(value)' is no whole number, which \(tag) has to be.")
            }
            return DataElement(tag, vr, [number].elementValue(vr: vr))
        case .real, .tag, .stream, .sequence:
            throw ValidationError("\(tag) cannot be searched for by a value: it is \(vr).")
        }
    }
}

/// Level and keys.
struct QueryOptions: ParsableArguments {
    @Option(help: "The level: patient, study, series or image.") var level: QueryLevel = .study
    @Option(help: "The information model: study or patient.") var root: Query.Root?
    @OptionGroup var keys: KeyOptions

    /// The level `patient` is in the patient root model only.
    func query() throws -> Query {
        Query(level.level, root: root ?? (level == .patient ? .patient : .study)).adding(try keys.dataSet())
    }
}

/// The names of the levels on the command line.
enum QueryLevel: String, CaseIterable, ExpressibleByArgument {
    case patient, study, series, image

    var level: Query.Level {
        switch self {
        case .patient: .patient
        case .study: .study
        case .series: .series
        case .image: .image
        }
    }
}

extension Query.Root: ExpressibleByArgument {}

/// Prints matches: as text, a blank line between them, or an array in the DICOM JSON model.
struct MatchPrinter {
    private let isJSON: Bool
    private var output = StandardOutput()
    private(set) var count = 0

    init(json: Bool) { isJSON = json }

    mutating func add(_ match: DataSet) {
        if isJSON {
            output.write(count == 0 ? "[\n" : ",\n")
            output.write(match.json())
        } else {
            output.write("\(count == 0 ? "" : "\n")# Match \(count + 1)\n")
            match.writeText(maximumValueLength: 64) { output.write($0 + "\n") }
        }
        count += 1
    }

    mutating func end() {
        if isJSON { output.write(count == 0 ? "[]\n" : "\n]\n") }
        output.flush()
    }
}
