import DICOMCodecJPEG
import DICOMCodecJPEG2000
import DICOMCodecJPEGLS
import DICOMCodecJPEGLossless
import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import Dispatch
import Glibc
import Synchronization

/// What Benchmarks/imaging.sh measures: `ImagingBenchmark CASE ARGUMENTS…` in a fresh process.
///
/// Prints one line of JSON: the seconds of each round, a check sum that the other side has to agree with, and the peak of the
/// process's memory.
@main
enum ImagingBenchmark {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard let name = arguments.first, let run = cases[name] else {
            print("cases: " + cases.keys.sorted().joined(separator: " "))
            exit(64)
        }
        FrameCodecs.register([JPEGCodec(), JPEGLosslessCodec(), JPEGLSCodec(), JPEG2000Codec()])
        let result = try run(Array(arguments.dropFirst()))
        let seconds = result.seconds.map { "\($0)" }.joined(separator: ", ")
        print("{\"seconds\": [\(seconds)], \"check\": \(result.check), \"peak\": \(peakMemory())}")
    }

    struct Result {
        var seconds: [Double]
        var check: Double
    }

    static let cases: [String: @Sendable ([String]) throws -> Result] = [
        "series": series, "files": files, "resample": resample, "components": components, "box": box, "smooth": smooth,
        "decode": decode,
    ]

    /// Does it `rounds` times and keeps the last outcome.
    static func timed<Outcome>(_ rounds: Int, _ body: () throws -> Outcome) rethrows -> ([Double], Outcome) {
        var seconds: [Double] = []
        var last: Outcome?
        for _ in 0..<max(1, rounds) {
            last = nil
            let start = ContinuousClock.now
            let outcome = try body()
            let elapsed = (ContinuousClock.now - start).components
            seconds.append(Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18)
            last = outcome
        }
        return (seconds, last!)
    }

    /// VmHWM, bytes.
    static func peakMemory() -> Int {
        // Not getrusage, which remembers the process that this one was started from.
        guard let status = try? PosixFile("/proc/self/status", O_RDONLY).read(at: 0, count: 1 << 16) else { return 0 }
        let text = String(decoding: status, as: UTF8.self)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }) else { return 0 }
        return (Int(line.filter(\.isNumber)) ?? 0) * 1024
    }

    static func sum<Scalar: VoxelScalar>(_ volume: Volume<Scalar>) -> Double {
        (try? volume.statistics())??.sum ?? 0
    }

    // MARK: - Cases

    /// FOLDER ROUNDS: data sets in memory to a Float volume, sorting included.
    static func series(_ arguments: [String]) throws -> Result {
        let paths = try FileSystem.files(below: [arguments[0]])
        let dataSets = try paths.map { try DICOMFile.read($0).dataSet }
        let (seconds, volume) = try timed(Int(arguments[1]) ?? 1) {
            try Series(dataSets: dataSets).volume(of: Float.self)
        }
        return Result(seconds: seconds, check: sum(volume))
    }

    /// FOLDER ROUNDS: files to a Float volume.
    static func files(_ arguments: [String]) throws -> Result {
        let paths = try FileSystem.files(below: [arguments[0]])
        let (seconds, volume) = try timed(Int(arguments[1]) ?? 1) { try Series(files: paths).volume(of: Float.self) }
        return Result(seconds: seconds, check: Double(volume[volume.slices / 2, volume.rows / 2, volume.columns / 2]))
    }

    /// IN.npy OUT.npy aligned|oblique ROUNDS: 1 mm voxels to 0.7 × 0.7 × 0.8 mm, or turned about two axes.
    static func resample(_ arguments: [String]) throws -> Result {
        let array = try NumPyArray(path: arguments[0])
        let source = try space(array.shape)
        let volume = Volume<Float>(space: source) { target in
            array.bytes.withUnsafeBytes {
                target.baseAddress!.update(from: $0.bindMemory(to: Float.self).baseAddress!, count: target.count)
            }
        }
        let target = try target(of: source, isOblique: arguments[2] == "oblique")
        let (seconds, result) = try timed(Int(arguments[3]) ?? 1) { try volume.resampled(to: target, outside: -1000) }
        try NumPyArray(result).write(to: arguments[1])
        return Result(seconds: seconds, check: sum(result))
    }

    /// IN.npy (uint8) ROUNDS 6|26
    static func components(_ arguments: [String]) throws -> Result {
        let volume = try bytes(arguments[0])
        let (seconds, result) = timed(Int(arguments[1]) ?? 1) {
            volume.connectedComponents(arguments[2] == "26" ? .twentySix : .six)
        }
        return Result(
            seconds: seconds,
            check: Double(result.count) * 1e6 + sum(result.labels).truncatingRemainder(dividingBy: 1e6))
    }

    /// IN.npy (uint8) ROUNDS
    static func box(_ arguments: [String]) throws -> Result {
        let volume = try bytes(arguments[0])
        let (seconds, box) = timed(Int(arguments[1]) ?? 1) { volume.boundingBox() }
        let ends = box.map {
            [
                $0.slices.lowerBound, $0.slices.upperBound, $0.rows.lowerBound, $0.rows.upperBound,
                $0.columns.lowerBound, $0.columns.upperBound,
            ]
        }
        return Result(seconds: seconds, check: Double((ends ?? []).reduce(0) { $0 * 1000 + $1 } % 1_000_000_007))
    }

    /// IN.npy (float) OUT.npy ROUNDS: a standard deviation of two voxels.
    static func smooth(_ arguments: [String]) throws -> Result {
        let array = try NumPyArray(path: arguments[0])
        let volume = Volume<Float>(space: try space(array.shape)) { target in
            array.bytes.withUnsafeBytes {
                target.baseAddress!.update(from: $0.bindMemory(to: Float.self).baseAddress!, count: target.count)
            }
        }
        let (seconds, result) = timed(Int(arguments[2]) ?? 1) { volume.smoothed(sigma: 2) }
        try NumPyArray(result).write(to: arguments[1])
        return Result(seconds: seconds, check: sum(result))
    }

    /// FOLDER ROUNDS THREADS: every frame of every file, from the file.
    static func decode(_ arguments: [String]) throws -> Result {
        let paths = try FileSystem.files(below: [arguments[0]])
        let threads = Int(arguments[2]) ?? 1
        let (seconds, check) = timed(Int(arguments[1]) ?? 1) {
            let total = Mutex(0.0)
            DispatchQueue.concurrentPerform(iterations: threads) { thread in
                for index in stride(from: thread, to: paths.count, by: threads) {
                    guard let pixels = try? PixelData(path: paths[index]) else { continue }
                    for frame in 0..<pixels.frameCount {
                        guard let decoded = try? pixels.frame(frame) else { continue }
                        let sum = decoded.bytes.withUnsafeBytes { bytes in
                            bytes.bindMemory(to: UInt16.self).reduce(0) { $0 &+ Int($1) }
                        }
                        total.withLock { $0 += Double(sum) }
                    }
                }
            }
            return total.withLock { $0 }
        }
        return Result(seconds: seconds, check: check)
    }

    // MARK: -

    private static func bytes(_ path: String) throws -> Volume<UInt8> {
        let array = try NumPyArray(path: path)
        return Volume<UInt8>(space: try space(array.shape)) { target in
            _ = target.initialize(from: array.bytes)
        }
    }

    /// Voxels of 1 mm.
    private static func space(_ shape: [Int]) throws -> Space {
        try Space(
            origin: .zero, columnDirection: SIMD3(1, 0, 0), rowDirection: SIMD3(0, 1, 0), rowSpacing: 1,
            columnSpacing: 1,
            sliceStep: SIMD3(0, 0, 1), columns: shape[2], rows: shape[1], slices: shape[0])
    }

    /// The same as in imaging.py.
    private static func target(of source: Space, isOblique: Bool) throws -> Space {
        guard isOblique else {
            return try Space(
                origin: SIMD3(0.3, 0.2, 0.1), columnDirection: SIMD3(1, 0, 0), rowDirection: SIMD3(0, 1, 0),
                rowSpacing: 1.4, columnSpacing: 1.4, sliceStep: SIMD3(0, 0, 0.8), columns: source.columns * 10 / 14,
                rows: source.rows * 10 / 14, slices: source.slices * 10 / 8)
        }
        let (a, b) = (0.15, 0.1)
        let columns = SIMD3(cos(a), sin(a), 0)
        let rows = SIMD3(-sin(a) * cos(b), cos(a) * cos(b), sin(b))
        let normal = SIMD3(sin(a) * sin(b), -cos(a) * sin(b), cos(b))
        return try Space(
            origin: SIMD3(20, -10, 5), columnDirection: columns, rowDirection: rows, rowSpacing: 1, columnSpacing: 1,
            sliceStep: normal, columns: source.columns, rows: source.rows, slices: source.slices)
    }
}
