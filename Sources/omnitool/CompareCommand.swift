import ArgumentParser
import DICOMCoding
import DICOMCore
import DICOMDictionary

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Print how two DICOM files differ.",
        discussion:
            "In the order of the tags, '<' before what the first file has and '>' before what the second has. Of two "
            + "folders the files with the same names are compared. The exit status is 1 if there is a difference, 2 if a file "
            + "could not be read.")

    @Argument(help: "The first file or folder.") var first: String
    @Argument(help: "The second file or folder.") var second: String
    @Flag(help: "Compare values too, not only which elements there are.") var values = false
    @Option(
        name: .customLong("ignore"), parsing: .singleValue,
        help: ArgumentHelp(
            "Leave out this element, at all depths: a keyword or a tag. May be given several times.",
            valueName: "keyword"))
    var ignored: [String] = []

    func validate() throws { _ = try ignoredTags() }

    func run() throws {
        let tags = try ignoredTags()
        var output = StandardOutput()
        defer { output.flush() }
        var isDifferent = false
        do {
            for (left, right, title) in try pairs(&output, &isDifferent) {
                if title != nil, !isDICOM(left), !isDICOM(right) {
                    report("'\(left)' and '\(right)' are skipped: they are no DICOM files.")
                    continue
                }
                let a = try DICOMFile.read(left)
                let b = try DICOMFile.read(right)
                for (path, file) in [(left, a), (right, b)] {
                    for warning in file.warnings { report("'\(path)': \(warning)") }
                }
                let found =
                    b.meta.differences(from: a.meta, ignoring: tags, comparingValues: values)
                    + b.dataSet.differences(from: a.dataSet, ignoring: tags, comparingValues: values)
                guard !found.isEmpty else { continue }
                isDifferent = true
                if let title { output.write("# \(title)\n") }
                for difference in found { show(difference, &output) }
            }
        } catch {
            report("\(error)")
            output.flush()
            throw ExitCode(2)
        }
        output.flush()
        if isDifferent { throw ExitCode(1) }
    }

    /// The files to compare, and a title where there are several.
    private func pairs(
        _ output: inout StandardOutput, _ isDifferent: inout Bool
    ) throws -> [(String, String, String?)] {
        guard FileSystem.isDirectory(first), FileSystem.isDirectory(second) else {
            guard !FileSystem.isDirectory(first), !FileSystem.isDirectory(second) else {
                throw Failure("One is a folder and the other is not: give two files or two folders.")
            }
            return [(first, second, nil)]
        }
        func names(_ folder: String) throws -> Set<String> {
            let base = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
            return Set(try FileSystem.files(below: [base]).map { String($0.dropFirst(base.count + 1)) })
        }
        let (left, right) = (try names(first), try names(second))
        for name in left.symmetricDifference(right).sorted() {
            isDifferent = true
            output.write("\(left.contains(name) ? "<" : ">") file \(name)\n")
        }
        return left.intersection(right).sorted().map { (first + "/" + $0, second + "/" + $0, $0) }
    }

    private func isDICOM(_ path: String) -> Bool {
        DICOMFile.isPart10(path) || (try? DICOMFile.readHeader(path)) != nil
    }

    private func ignoredTags() throws -> Set<DICOMTag> {
        Set(
            try ignored.map { text in
                do {
                    let path = try ElementPath(text)
                    guard path.items.isEmpty else {
                        throw ValidationError("'\(text)' is a path; give a keyword or a tag.")
                    }
                    return path.tag
                } catch let error as DICOMError { throw ValidationError("\(error)") }
            })
    }

    private func show(_ difference: DataSet.Difference, _ output: inout StandardOutput) {
        for (mark, element) in [("<", difference.before), (">", difference.after)] {
            guard let element else { continue }
            let place = difference.path.items.isEmpty ? "" : " - \(difference.path.keywords)"
            let name =
                DICOMDictionary.entry(for: element.tag)?.keyword ?? (element.tag.isPrivate ? "Private" : "Unknown")
            output.write(
                "\(mark) \(element.tag) - \(name)\(place) - \(element.vr) \(element.text(maximumLength: 80))\n")
        }
    }
}
