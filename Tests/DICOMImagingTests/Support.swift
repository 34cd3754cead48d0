import DICOMCore
import DICOMImaging
import Foundation
import Glibc
import ReferenceTools
import Testing

/// The real series beside the checkout; a test that needs one is skipped where they are not.
enum SharedData {
    static let root = PythonReference.repository + "/../shared/data"

    static let isPresent = FileManager.default.fileExists(atPath: root + "/philips-ct")

    /// The Part 10 images of a folder, DICOMDIRs left out.
    static func images(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root + "/" + folder).sorted()
            .filter { $0 != "DICOMDIR" }.map { root + "/" + folder + "/" + $0 }
    }
}

extension Trait where Self == ConditionTrait {
    /// For tests that read ../shared/data.
    static var needsSharedData: Self {
        .enabled(if: SharedData.isPresent, "../shared/data is absent")
    }

    /// For tests that validate with dicom3tools.
    static var needsDciodvfy: Self {
        .enabled(if: Dciodvfy.isPresent, "needs dciodvfy (apt-get install dicom3tools)")
    }
}

/// The validator of dicom3tools.
enum Dciodvfy {
    static let path = "/usr/bin/dciodvfy"
    static let isPresent = FileManager.default.isExecutableFile(atPath: path)

    /// The Error lines that it prints for a file.
    static func errors(_ file: String) throws -> [String] {
        // By the shell: Foundation's Process is not safe to run from many test threads at once.
        _ = system("\(path) '\(file)' > '\(file).txt' 2>&1")
        return try String(contentsOfFile: file + ".txt", encoding: .isoLatin1).split(separator: "\n").map(String.init)
            .filter { $0.contains("Error") }
    }
}

/// A folder that is removed when the test is done with it.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "imaging-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
}

/// The code of the error that `body` throws; nil when it throws none.
func code(of body: () throws -> Void) -> DICOMError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? DICOMError)?.code
    }
}

/// Whether two vectors are the same to `tolerance` in each component.
func isClose(_ a: SIMD3<Double>, _ b: SIMD3<Double>, _ tolerance: Double = 1e-9) -> Bool {
    let d = a - b
    return abs(d.x) <= tolerance && abs(d.y) <= tolerance && abs(d.z) <= tolerance
}
