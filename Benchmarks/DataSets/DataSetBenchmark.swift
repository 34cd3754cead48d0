import DICOMCoding
import DICOMCore
import DICOMDictionary
import Glibc

/// This project's side of `datasets.sh`, in one thread:
///
///     DataSetBenchmark headers|parse FOLDER ROUNDS
///     DataSetBenchmark write FOLDER OUTPUT
///     DataSetBenchmark frame FILE NUMBER
///
/// Prints the number of files, their bytes, seconds, and a check sum of what was read, which the other sides print too; of
/// a frame what it took to read the header, and to read the frame alone.
@main
enum DataSetBenchmark {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4 else {
            print("usage: DataSetBenchmark headers|parse FOLDER ROUNDS, write FOLDER OUTPUT, frame FILE NUMBER")
            exit(64)
        }
        let (path, number) = (arguments[2], Int(arguments[3]) ?? 1)
        switch arguments[1] {
        case "headers": try headers(FileSystem.files(below: [path]), number)
        case "parse": try parse(FileSystem.files(below: [path]), number)
        case "write": try write(FileSystem.files(below: [path]), to: arguments[3])
        default: try frame(path, number)
        }
    }

    static func report(_ files: Int, _ bytes: Int, _ duration: Duration, _ check: UInt64) {
        print(#"{"files": \#(files), "bytes": \#(bytes), "seconds": \#(duration / .seconds(1)), "check": \#(check)}"#)
    }

    /// Ten values of each file: text, UIDs and numbers.
    static func headers(_ paths: [String], _ rounds: Int) throws {
        var check: UInt64 = 0
        let duration = try ContinuousClock().measure {
            for _ in 0..<rounds {
                check = 0
                for path in paths {
                    let dataSet = try DICOMFile.readHeader(path).dataSet
                    check &+= UInt64(dataSet[.sopClassUID]?.string.utf8.count ?? 0)
                    check &+= UInt64(dataSet[.sopInstanceUID]?.string.utf8.count ?? 0)
                    check &+= UInt64(dataSet[.modality]?.utf8.count ?? 0)
                    check &+= UInt64(dataSet[.patientName]?.unicodeScalars.count ?? 0)
                    check &+= UInt64(dataSet[.patientID]?.unicodeScalars.count ?? 0)
                    check &+= UInt64(dataSet[.studyInstanceUID]?.string.utf8.count ?? 0)
                    check &+= UInt64(dataSet[.seriesInstanceUID]?.string.utf8.count ?? 0)
                    check &+= UInt64(truncatingIfNeeded: dataSet[.instanceNumber] ?? 0)
                    check &+= UInt64(truncatingIfNeeded: dataSet[.rows] ?? 0)
                    check &+= UInt64(((dataSet[.pixelSpacing]?.first ?? 0) * 1000).rounded())
                }
            }
        }
        report(paths.count * rounds, 0, duration, check)
    }

    /// The whole file, every element looked at, the bytes of the pixel data summed.
    static func parse(_ paths: [String], _ rounds: Int) throws {
        var check: UInt64 = 0
        var bytes = 0
        let duration = try ContinuousClock().measure {
            for _ in 0..<rounds {
                check = 0
                for path in paths {
                    for element in try DICOMFile.read(path).dataSet where element.tag == Attribute.pixelData.tag {
                        guard case .bytes(let pixels) = element.value else { continue }
                        bytes += pixels.count
                        check &+= sum(pixels)
                    }
                }
            }
        }
        report(paths.count * rounds, bytes, duration, check)
    }

    static func sum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.withUnsafeBufferPointer { $0.reduce(0 as UInt64) { $0 &+ UInt64($1) } }
    }

    /// Files that were read before the clock starts, changed in one attribute, written under new names.
    static func write(_ paths: [String], to output: String) throws {
        var files: [DICOMFile] = []
        for path in paths { files.append(try DICOMFile.read(path)) }
        let duration = try ContinuousClock().measure {
            for index in files.indices {
                files[index].dataSet[.seriesDescription] = "written"
                try files[index].write(to: "\(output)/\(index).dcm")
            }
        }
        report(files.count, 0, duration, 0)
    }

    /// The header of a huge file, and one of its frames.
    static func frame(_ path: String, _ number: Int) throws {
        let clock = ContinuousClock()
        let start = clock.now
        let file = try DICOMFile.readHeader(path)
        let afterHeader = clock.now
        let headerBytes = status("/proc/self/io", "rchar:")
        let headerPeak = status("/proc/self/status", "VmHWM:")
        let reader = try FrameReader(file)
        let frame = try reader.frame(number)
        let end = clock.now
        print(
            """
            {"rows": \(file.dataSet[.rows] ?? 0), "headerSeconds": \((afterHeader - start) / .seconds(1)), \
            "headerBytes": \(headerBytes), "headerPeakKiB": \(headerPeak), "frames": \(reader.frameCount), \
            "frameSeconds": \((end - afterHeader) / .seconds(1)), "frameLength": \(frame.count), \
            "frameBytes": \(status("/proc/self/io", "rchar:") - headerBytes), \
            "peakKiB": \(status("/proc/self/status", "VmHWM:")), "check": \(sum(frame[...]))}
            """)
    }

    /// A number that the system keeps of this process.
    static func status(_ path: String, _ name: String) -> Int {
        guard let bytes = try? PosixFile(path, O_RDONLY).read(at: 0, count: 8192) else { return 0 }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        let line = lines.first { $0.hasPrefix(name) }
        return line.flatMap { Int($0.dropFirst(name.count).filter { ("0"..."9").contains($0) }) } ?? 0
    }
}
