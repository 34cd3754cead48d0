import DICOMCoding
import DICOMCore
import DICOMDictionary
import Glibc

/// This project's side of `datasets.sh`, in one thread:
///
///     DataSetBenchmark headers|parse|write FOLDER ROUNDS [OUTPUT]
///
/// Prints the number of files, their bytes, seconds, and a check sum of what was read, which the other sides print too.
@main
enum DataSetBenchmark {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 4, let rounds = Int(arguments[3]) else {
            print("usage: DataSetBenchmark headers|parse|write FOLDER ROUNDS [OUTPUT]")
            exit(64)
        }
        let paths = try FileSystem.files(below: [arguments[2]])
        switch arguments[1] {
        case "headers": try headers(paths, rounds)
        case "parse": try parse(paths, rounds)
        default: try write(paths, to: arguments.count > 4 ? arguments[4] : ".")
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
}
