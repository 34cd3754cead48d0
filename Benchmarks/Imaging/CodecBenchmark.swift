import DICOMCodecJPEG
import DICOMCodecJPEG2000
import DICOMCodecJPEGLS
import DICOMCodecJPEGLossless
import DICOMImaging
import Dispatch
import Foundation
import Synchronization

/// Decodes every frame of every file of a folder, the files two at a time, as often as asked.
enum CodecBenchmark {
    /// Prints the seconds of the fastest run, and the sum of all bytes that came out, by which results are compared.
    static func run(_ folder: String, repeats: Int) throws {
        FrameCodecs.register([JPEGCodec(), JPEGLosslessCodec(), JPEGLSCodec(), JPEG2000Codec()])
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { folder + "/" + $0 }
        var best = Double.infinity
        var sum: UInt64 = 0
        for _ in 0..<repeats {
            let start = DispatchTime.now().uptimeNanoseconds
            sum = try decode(files)
            best = min(best, Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
        }
        print(best, sum)
    }

    private static func decode(_ files: [String]) throws -> UInt64 {
        let state = Mutex<(sum: UInt64, failure: String?)>((0, nil))
        DispatchQueue.concurrentPerform(iterations: files.count) { index in
            do {
                let sum = Self.sum(try PixelData(path: files[index]).frames().bytes)
                state.withLock { $0.sum &+= sum }
            } catch {
                state.withLock { $0.failure = "\(files[index]): \(error)" }
            }
        }
        let result = state.withLock { $0 }
        if let failure = result.failure { throw BenchmarkFailure(description: failure) }
        return result.sum
    }

    private static func sum(_ bytes: [UInt8]) -> UInt64 {
        var sum: UInt64 = 0
        for byte in bytes { sum &+= UInt64(byte) }
        return sum
    }
}

/// Why there is no measurement.
struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String
}
