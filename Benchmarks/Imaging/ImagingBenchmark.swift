import DICOMImaging

/// What Benchmarks/imaging.sh measures.
@main
enum ImagingBenchmark {
    static func main() {}
}
