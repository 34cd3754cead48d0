import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMNode
import DICOMTesting
import Foundation
import Glibc
import Testing

/// What the tests of blueprints share.
enum BlueprintTesting {
    static let sharedData = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/data").path
    static let hasSharedData = FileManager.default.fileExists(atPath: sharedData + "/philips-ct")
    static let hasDciodvfy = FileManager.default.isExecutableFile(atPath: "/usr/bin/dciodvfy")

    static func philipsCT() throws -> Series { try series("philips-ct") }

    /// The series in a folder of ../shared/data, whose DICOMDIR is left out.
    static func series(_ folder: String) throws -> Series {
        let names = try FileManager.default.contentsOfDirectory(atPath: sharedData + "/" + folder)
        return try Series(
            files: names.filter { $0.hasSuffix(".dcm") }.sorted().map { sharedData + "/" + folder + "/" + $0 })
    }

    /// Writes a series as Part 10 files, hands them to `body` and removes them.
    static func withFiles<Result>(_ series: DerivedSeries, _ body: ([String]) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "blueprint-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let paths = try series.enumerated().map { index, dataSet in
            let path = folder.path + "/\(index).dcm"
            try DICOMFile(dataSet: dataSet, transferSyntax: .explicitVRLittleEndian).write(to: path)
            return path
        }
        return try body(paths)
    }

    /// The Error lines of dicom3tools' validator.
    static func validationErrors(_ file: String) throws -> [String] {
        let output = FileManager.default.temporaryDirectory.appending(path: "dciodvfy-" + UUID().uuidString).path
        defer { unlink(output) }
        // By the shell: Foundation's Process is not safe to run from many test threads at once.
        _ = system("/usr/bin/dciodvfy '\(file)' > '\(output)' 2>&1")
        return try String(contentsOfFile: output, encoding: .isoLatin1).split(separator: "\n").map(String.init)
            .filter { $0.contains("Error") }
    }

    static func code(_ body: () throws -> Void) -> DICOMError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? DICOMError)?.code
        }
    }

    /// A parent of a few small slices; `change` is applied to each.
    static func parent(
        _ modality: PhantomSeries.Modality = .ct, slices: Int = 3, change: (inout DataSet) -> Void = { _ in }
    ) throws -> Series {
        let phantom = try PhantomSeries(modality: modality, slices: slices, rows: 6, columns: 5)
        return try Series(
            dataSets: phantom.dataSets.map { dataSet in
                var dataSet = dataSet
                change(&dataSet)
                return dataSet
            })
    }
}

extension Trait where Self == ConditionTrait {
    /// For tests that validate with dicom3tools.
    static var needsValidator: Self {
        .enabled(if: BlueprintTesting.hasDciodvfy, "needs dciodvfy (apt-get install dicom3tools)")
    }

    /// For tests that read ../shared/data.
    static var needsSharedSeries: Self {
        .enabled(if: BlueprintTesting.hasSharedData, "../shared/data is absent")
    }
}
