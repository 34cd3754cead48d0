import ArgumentParser
import DICOMCoding
import DICOMCore
import DICOMDictionary

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print the elements of DICOM files.",
        discussion:
            "A line for each element: tag, VR, value, then length, number of values and keyword; with --json the "
            + "DICOM JSON model (PS3.18 annex F), an array where there are several files. What departs from the standard in "
            + "a file is said on standard error. The exit status is 1 if a file could not be read.")

    @Argument(help: "Files or folders.") var paths: [String]
    @Flag(help: "Print the DICOM JSON model, values in full.") var json = false
    @Option(
        name: .customLong("tag"), parsing: .singleValue,
        help: ArgumentHelp(
            "Print only this element: a keyword, a tag such as 0010,0020, or a path such as "
                + "RequestAttributesSequence[0].ScheduledProcedureStepID. May be given several times.",
            valueName: "keyword"))
    var tags: [String] = []
    @Option(
        name: .customLong("max-length"),
        help: ArgumentHelp("Cut values longer than so many characters; 0 shows all.", valueName: "n"))
    var maximumLength = 64
    @Flag(help: "Refuse files that depart from the standard.") var strict = false

    func validate() throws {
        guard maximumLength >= 0 else { throw ValidationError("--max-length has to be 0 or more.") }
        _ = try elementPaths()
    }

    func run() throws {
        let wanted = try elementPaths()
        let isSeveral = paths.count > 1 || paths.contains(where: FileSystem.isDirectory)
        var output = StandardOutput()
        var shown = 0
        var failed = 0
        if json, isSeveral { output.write("[") }
        for path in try FileSystem.files(below: paths) {
            do {
                let file = try DICOMFile.read(path, options: options)
                for warning in file.warnings { report("'\(path)': \(warning)") }
                let problems = file.dataSet.textProblems
                for problem in problems { report("'\(path)': \(problem)") }
                if strict, !problems.isEmpty {
                    failed += 1
                    continue
                }
                if json {
                    if isSeveral { output.write(shown == 0 ? "\n" : ",\n") }
                    output.write(wanted.isEmpty ? file.dataSet.json() : file.selecting(wanted).json())
                } else {
                    if isSeveral { output.write("\(shown == 0 ? "" : "\n")# \(path)\n") }
                    show(file, wanted, &output)
                }
                shown += 1
            } catch  where error.code == .notPart10 && !paths.contains(path) {
                report("'\(path)' is skipped: it is no DICOM file.")
            } catch {
                failed += 1
                report("\(error)")
            }
        }
        if json { output.write(isSeveral ? "\n]\n" : shown == 0 ? "" : "\n") }
        output.flush()
        if failed > 0 { throw ExitCode(1) }
    }

    private var options: ParsingOptions {
        var options = ParsingOptions.file
        options.isStrict = strict
        return options
    }

    private func elementPaths() throws -> [ElementPath] {
        try tags.map { tag in
            do { return try ElementPath(tag) } catch { throw ValidationError("\(error)") }
        }
    }

    /// The element at a path alone, after the creator of its block where it has one; `nil` when there is none.
    private func element(_ file: DICOMFile, _ path: ElementPath) -> (dataSet: DataSet, hasCreator: Bool)? {
        guard let element = file.dataSet[path] ?? file.meta[path] else { return nil }
        var alone = DataSet().inheriting(element.characterSet)
        let block = DICOMTag(element.tag.group, element.tag.element >> 8)
        let creator = element.tag.isPrivate ? file.dataSet[ElementPath(block, in: path.items)] : nil
        if let creator { alone[element: creator.tag] = creator }
        alone[element: element.tag] = element
        return (alone, creator != nil)
    }

    private func show(_ file: DICOMFile, _ wanted: [ElementPath], _ output: inout StandardOutput) {
        let limit = maximumLength == 0 ? nil : maximumLength
        if wanted.isEmpty {
            output.write("# Meta group\n")
            file.meta.writeText(maximumValueLength: limit) { output.write($0 + "\n") }
            output.write("# Data set, \(file.transferSyntax)\n")
            file.dataSet.writeText(maximumValueLength: limit) { output.write($0 + "\n") }
        } else {
            for path in wanted {
                // Without the creator that a private element's name is looked up by.
                guard let found = element(file, path) else { continue }
                var isCreator = found.hasCreator
                found.dataSet.writeText(maximumValueLength: limit) { line in
                    if !isCreator { output.write(line + "\n") }
                    isCreator = false
                }
            }
        }
    }
}

extension DICOMFile {
    /// The elements at these paths, in sequences as they stand, with empty items in place of the others.
    fileprivate func selecting(_ paths: [ElementPath]) -> DataSet {
        var selected = DataSet().inheriting(.utf8)
        for path in paths {
            guard let element = dataSet[path] ?? meta[path] else { continue }
            selected.insert(element.moved(to: .utf8), path.items[...])
        }
        return selected
    }
}

extension DataSet {
    fileprivate mutating func insert(_ element: DataElement, _ items: ArraySlice<ElementPath.Item>) {
        guard let first = items.first else {
            self[element: element.tag] = element
            return
        }
        var all = self[element: first.sequence]?.items ?? []
        while all.count <= first.index { all.append(DataSet()) }
        all[first.index].insert(element, items.dropFirst())
        self[element: first.sequence] = DataElement(first.sequence, .sq, .sequence(all))
    }

    /// What is wrong with the encoding of text, at all depths; the first hundred.
    fileprivate var textProblems: [DICOMError] {
        var problems = [characterSet.problem].compactMap { $0 }
        for (path, element) in allElements {
            guard problems.count < 100 else { break }
            guard var problem = element.textProblem else { continue }
            problem.tagPath = path.tags
            problems.append(problem)
        }
        return problems
    }
}
