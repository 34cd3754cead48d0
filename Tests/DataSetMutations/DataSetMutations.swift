import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMTesting
import DataSetExerciser
import Glibc
import MutationTools

/// Spoils files and uses what can be read of them in every way, in one thread:
///
///     DataSetMutations FILE… --mutations N [--seed S] [--part K/N] [--only I [--save PATH]]
///
/// Mutation I of a seed is always the same; part K of N are those from I = K/N of all on. Ends with 0 when there was no
/// trap, no hang, not too much memory and no contradiction in what was read.
@main
struct DataSetMutations {
    /// Processor seconds that one mutation may take.
    private static let secondsLimit = 1.0
    /// Bytes that deflated data may inflate to.
    private static let inflationLimit = 4 << 20
    private static let maximumFindings = 20

    private let samples: [Sample]
    private let options: MutationOptions
    /// A file without a name, which ends with the process.
    private let scratch: CInt
    private var read = 0
    private var refused = 0
    private var findings = 0
    private var worstSeconds = (value: 0.0, mutation: 0)
    private var worstMemory = (share: 0.0, ratio: 0.0, mutation: 0)

    static func main() throws {
        guard let options = MutationOptions("DataSetMutations", CommandLine.arguments.dropFirst()),
            !options.paths.isEmpty
        else {
            print("usage: DataSetMutations FILE... --mutations N [--seed S] [--part K/N] [--only I [--save PATH]]")
            exit(64)
        }
        var mutations = try DataSetMutations(options)
        try mutations.run()
    }

    private init(_ options: MutationOptions) throws {
        self.options = options
        var samples: [Sample] = []
        for path in try FileSystem.files(below: options.paths) {
            let file = try PosixFile(path, O_RDONLY)
            let name = path.split(separator: "/").last.map(String.init) ?? path
            samples += Sample.samples(name, try file.read(at: 0, count: try file.size()))
        }
        guard !samples.isEmpty else { throw DICOMError(.invalidValue, "There are no files; name some.") }
        self.samples = samples
        var name = Array("/tmp/DataSetMutations-XXXXXX".utf8CString)
        scratch = mkstemp(&name)
        guard scratch >= 0, unlink(name) == 0 else { throw DICOMError.system("create", "a temporary file") }
    }

    private mutating func run() throws {
        try checkInflationLimit()
        // What is made once, such as dictionaries and tables, is not what a mutation takes.
        for sample in samples { _ = try? use(sample, sample.bytes, seed: 0) }
        (read, refused) = (0, 0)
        if options.only == nil { Watch.start() }
        for mutation in options.range { try check(mutation) }
        report()
        exit(findings == 0 ? 0 : 1)
    }

    // MARK: - One mutation

    private mutating func check(_ mutation: Int) throws {
        let sample = samples[mutation % samples.count]
        // Mixed twice, because generators whose seeds are near would be parts of one sequence.
        var seeds = SeededGenerator(seed: options.seed &+ UInt64(mutation))
        let bytes = Mutator.mutated(sample, of: samples, seed: seeds.next())
        Watch.note("mutation \(mutation) of seed \(options.seed), which is of \(sample.name)")
        if options.only != nil, let path = options.saved {
            try PosixFile(path, O_WRONLY | O_CREAT, mode: 0o644).write(sample.file(bytes)[...])
        }
        let seed = seeds.next()
        var expanded = 0
        var contradiction: String?
        let cost = Watch.measure {
            do { expanded = try use(sample, bytes, seed: seed) } catch { contradiction = "\(error)" }
        }
        let size = max(sample.file(bytes).count, expanded)
        let limit = 16 * size + 64 << 20
        if cost.seconds > worstSeconds.value { worstSeconds = (cost.seconds, mutation) }
        let share = Double(cost.memory) / Double(limit)
        if share > worstMemory.share { worstMemory = (share, Double(cost.memory) / Double(max(1, size)), mutation) }
        if let contradiction { find(contradiction, mutation, sample) }
        if cost.seconds > Self.secondsLimit { find("it takes \(cost.seconds) s", mutation, sample) }
        if cost.memory > limit { find("it takes \(cost.memory) bytes of memory, of \(limit)", mutation, sample) }
    }

    /// Reads the spoilt bytes as a file and, in one of four cases, from a file system or as a bare data set too.
    ///
    /// - Returns: The bytes of the data set when it was deflated.
    @discardableResult
    private mutating func use(_ sample: Sample, _ bytes: [UInt8], seed: UInt64) throws -> Int {
        var exerciser = DataSetExerciser(inflationLimit: Self.inflationLimit, seed: seed)
        let file = sample.file(bytes)
        var expanded = 0
        switch try exerciser.useFile(file) {
        case .success(let found):
            read += 1
            if found.transferSyntax.isDeflated {
                expanded = (try? found.dataSet.encoded(as: .explicitVRLittleEndian).count) ?? 0
            }
        case .failure: refused += 1
        }
        if seed % 4 == 0 { try useOnDisk(file) }
        if seed % 4 == 1 {
            let body = Array(bytes.dropFirst(sample.dataSetOffset))
            let isOwn = seed % 8 == 1
            let others = DataSetExerciser.transferSyntaxes
            let transferSyntax = isOwn ? sample.transferSyntax : others[Int(seed / 8 % UInt64(others.count))]
            try exerciser.useDataSet(body, transferSyntax: transferSyntax)
        }
        return expanded
    }

    /// Reads a file that has a name.
    private func useOnDisk(_ bytes: [UInt8]) throws {
        guard ftruncate(scratch, 0) == 0 else { throw DICOMError.system("empty", "a temporary file") }
        let path = "/proc/self/fd/\(scratch)"
        try PosixFile(path, O_WRONLY).write(bytes[...])
        let options = ParsingOptions(acceptsTruncation: true, inflationLimit: Self.inflationLimit)
        let whole = try? DICOMFile.read(path, options: options)
        guard let header = try? DICOMFile.readHeader(path, options: options) else {
            if whole != nil { throw DataSetExerciser.Contradiction("the header of a readable file is refused") }
            return
        }
        _ = (DICOMFile.isPart10(path), header.pixelData)
        let onDisk = try? FrameReader(path: path).frame(0)
        // In big endian the length of samples and the VR may disagree about what is to be swapped.
        guard let whole, whole.warnings.isEmpty, whole.transferSyntax.isLittleEndian,
            !whole.dataSet.contains(.floatPixelData), !whole.dataSet.contains(.doubleFloatPixelData),
            let inMemory = try? FrameReader(whole).frame(0)
        else { return }
        guard onDisk == inMemory else {
            throw DataSetExerciser.Contradiction("the first frame of a file differs from that in memory")
        }
    }

    /// A small file that inflates to more than is allowed is refused for that.
    private func checkInflationLimit() throws {
        var dataSet = DataSet()
        dataSet[.patientID] = "BOMB"
        let zeros = [UInt8](repeating: 0, count: Self.inflationLimit + 2)
        dataSet[element: Attribute.pixelData.tag] = DataElement(Attribute.pixelData.tag, .ob, .bytes(zeros[...]))
        let chunks = try DICOMFile(dataSet: dataSet, transferSyntax: .deflatedExplicitVRLittleEndian).encodedChunks()
        var exerciser = DataSetExerciser(inflationLimit: Self.inflationLimit, seed: 0)
        guard case .failure(let error) = try exerciser.useFile(Array(chunks.joined())), error.code == .inflationLimit
        else { throw DataSetExerciser.Contradiction("a data set may inflate to more than the limit") }
    }

    // MARK: - Reports

    private mutating func find(_ what: String, _ mutation: Int, _ sample: Sample) {
        findings += 1
        print("FOUND in \(sample.name): \(what)")
        print("  again: \(options.command(only: mutation))")
        guard findings < Self.maximumFindings else {
            report()
            exit(1)
        }
    }

    private func report() {
        if !Memory.isMeasured { print("SKIPPED: memory is not measured, /proc/self/clear_refs cannot be written here") }
        let seconds = "\((worstSeconds.value * 1000).rounded() / 1000) s (mutation \(worstSeconds.mutation))"
        let memory =
            "\(Int(worstMemory.share * 100)) % of the limit, \(Int(worstMemory.ratio)) times the file (mutation \(worstMemory.mutation))"
        print(
            "\(samples.count) samples, \(options.range.count) mutations: \(read) read, \(refused) refused, \(findings) found; worst time \(seconds), worst memory \(memory)"
        )
    }
}
