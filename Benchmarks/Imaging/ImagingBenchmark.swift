import Foundation

/// What Benchmarks/imaging.sh measures.
@main
enum ImagingBenchmark {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        switch arguments.first {
        case "codecs" where arguments.count >= 2:
            try CodecBenchmark.run(arguments[2], repeats: arguments.count > 2 ? Int(arguments[3]) ?? 1 : 1)
        default: throw BenchmarkFailure(description: "codecs FOLDER [REPEATS]")
        }
    }
}
