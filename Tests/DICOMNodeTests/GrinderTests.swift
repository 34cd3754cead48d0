import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Foundation
import Testing

@testable import DICOMNode

struct GrinderTests {
    @Test func theSameFilesAsSeveralValues() throws {
        try withPhantom { phantom, instances in
            let grinder: Grinder<(Volume<Int16>, DataSet, [Int?])> = .several(
                .volume(of: Int16.self), .tags([Attribute.patientID.tag, Attribute.rows.tag]),
                .values(of: .instanceNumber))
            let (volume, tags, numbers) = try grinder.grind(instances)
            #expect(volume[2, 3, 4] == Int16(phantom.value(slice: 2, row: 3, column: 4)))
            #expect(volume.unit == .hounsfield)
            #expect(tags.map(\.tag) == [Attribute.patientID.tag, Attribute.rows.tag])
            #expect(numbers == phantom.instanceNumbers)
        }
    }

    @Test func seriesAndDataSets() throws {
        try withPhantom { phantom, instances in
            let series: Grinder<Series> = .series
            let uids = try series.grind(instances).instances.map { $0.header[.sopInstanceUID] }
            #expect(uids == (0..<5).map { phantom.sopInstanceUID(slice: $0) })
            let dataSets: Grinder<[DataSet]> = .dataSets
            let ground = try dataSets.grind(instances)
            #expect(ground.count == 5 && ground.allSatisfy { $0.contains(.pixelData) })
        }
    }

    private func withPhantom(_ body: (PhantomSeries, InputInstances) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "/dicomnode-grinder-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let phantom = try PhantomSeries(slices: 5, shufflesInstanceNumbers: true)
        try body(phantom, InputInstances(paths: phantom.write(to: folder)))
    }
}

/// The digest that output UIDs depend on.
struct InputDigestTests {
    @Test func dependsOnContentAndInputAlone() async throws {
        let folder = NSTemporaryDirectory() + "/dicomnode-digest-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let paths = try PhantomSeries(slices: 5).write(to: folder)
        let digest = try await InputDigest.make(["a": paths])
        #expect(try await InputDigest.make(["a": paths.reversed()]) == digest)
        #expect(try await InputDigest.make(["b": paths]) != digest)
        #expect(try await InputDigest.make(["a": Array(paths.dropLast())]) != digest)
        var changed = try DICOMFile.read(paths[0])
        changed.dataSet[.seriesDescription] = "corrected"
        try changed.write(to: paths[0])
        #expect(try await InputDigest.make(["a": paths]) != digest)
    }
}
