import Glibc
import MutationTools
import PDUExerciser

/// Spoils conversations of PDUs and uses what can be read of them in every way, in one thread:
///
///     PDUMutations --mutations N [--seed S] [--part K/N] [--only I [--save PATH]]
///
/// Ends with 0 when there was no trap, no hang, not too much memory, none that was kept, and no contradiction in what was
/// read.
@main
struct PDUMutations {
    /// So many streams are measured at a time.
    private static let batch = 100
    /// Processor seconds and bytes of memory that they may take.
    private static let secondsLimit = 4.0
    private static let memoryLimit = 4 << 20
    /// Bytes that the process may have grown by at its end.
    private static let growthLimit = 2 << 20
    private static let maximumFindings = 20

    private let options: MutationOptions
    private var bytes = 0
    private var steps = 0
    private var refused = 0
    private var findings = 0
    private var worstSeconds = 0.0
    private var worstMemory = 0

    static func main() {
        guard let options = MutationOptions("PDUMutations", CommandLine.arguments.dropFirst()), options.paths.isEmpty
        else {
            print("usage: PDUMutations --mutations N [--seed S] [--part K/N] [--only I [--save PATH]]")
            exit(64)
        }
        var mutations = PDUMutations(options)
        mutations.run()
    }

    private init(_ options: MutationOptions) { self.options = options }

    private mutating func run() {
        if let only = options.only {
            save(only)
        } else {
            Watch.start()
            // What is made once, such as dictionaries and tables, is not what a stream takes.
            for mutation in 0..<20 * Self.batch { use(mutation) }
            (bytes, steps, refused) = (0, 0, 0)
        }
        let before = Memory.resident()
        var rest = options.range
        while !rest.isEmpty {
            measure(rest.prefix(Self.batch))
            rest = rest.dropFirst(Self.batch)
        }
        report(growth: Memory.resident() - before)
        exit(findings == 0 ? 0 : 1)
    }

    private func stream(_ mutation: Int) -> [UInt8] { mutatedStream(seed: options.seed &+ UInt64(mutation)) }

    private mutating func measure(_ mutations: Range<Int>) {
        let cost = Watch.measure { for mutation in mutations { use(mutation) } }
        worstSeconds = max(worstSeconds, cost.seconds)
        worstMemory = max(worstMemory, cost.memory)
        let which = "mutations \(mutations.lowerBound) to \(mutations.upperBound - 1) take"
        if cost.seconds > Self.secondsLimit { find("\(which) \(cost.seconds) s", mutations.lowerBound) }
        if cost.memory > Self.memoryLimit {
            find("\(which) \(cost.memory) bytes, of \(Self.memoryLimit)", mutations.lowerBound)
        }
    }

    private mutating func use(_ mutation: Int) {
        Watch.note("mutation \(mutation) of seed \(options.seed)")
        let stream = stream(mutation)
        bytes += stream.count
        do {
            let outcome = try PDUExerciser.use(stream, seed: options.seed &+ UInt64(mutation))
            steps += outcome.steps.count
            if outcome.failure != nil { refused += 1 }
        } catch {
            find("\(error)", mutation)
        }
    }

    private func save(_ mutation: Int) {
        guard let path = options.saved else { return }
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        let stream = stream(mutation)
        guard file >= 0, write(file, stream, stream.count) == stream.count, close(file) == 0 else {
            print("The stream could not be written to \(path).")
            exit(1)
        }
    }

    // MARK: - Reports

    private mutating func find(_ what: String, _ mutation: Int) {
        findings += 1
        print("FOUND: \(what)")
        print("  again: \(options.command(only: mutation))")
        guard findings < Self.maximumFindings else { exit(1) }
    }

    private mutating func report(growth: Int) {
        if growth > Self.growthLimit, options.only == nil {
            find("\(growth) bytes of memory are kept, of \(Self.growthLimit)", 0)
        }
        if !Memory.isMeasured { print("SKIPPED: memory is not measured, /proc/self/clear_refs cannot be written here") }
        print(
            "\(options.range.count) streams of \(bytes) bytes: \(steps) PDUs, commands and data sets, \(refused) refused, \(findings) found; worst of \(Self.batch): \((worstSeconds * 1000).rounded() / 1000) s, \(worstMemory / 1024) KiB; \(growth / 1024) KiB kept"
        )
    }
}
