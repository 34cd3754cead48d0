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

    @Test func aVolumeInTheUnitThatIsAskedFor() throws {
        try withPhantom { _, instances in
            let right: Grinder<Volume<Int16>> = .volume(unit: .hounsfield)
            let unit = try right.grind(instances).unit
            #expect(unit == .hounsfield)
            let wrong: Grinder<Volume<Int16>> = .volume(unit: .becquerelPerMillilitre)
            #expect(throws: DICOMError.self) { () throws in _ = try wrong.grind(instances) }
        }
    }

    @Test func aNIfTIFileInTheWorkingDirectory() throws {
        try withPhantom { phantom, instances in
            let folder = FileSystem.folder(of: instances.paths[0])
            let placed = InputInstances(paths: instances.paths, name: "ct", workingDirectory: folder)
            let grinder: Grinder<NIfTIFile> = .nifti()
            let file = try grinder.grind(placed)
            #expect(file.path == folder + "/ct.nii.gz" && file.space.coincides(with: phantom.space))
            let volume = try NIfTIImage(path: file.path).volume(of: Float.self)
            #expect(Int(volume[2, 3, 4]) == phantom.value(slice: 2, row: 3, column: 4))
            let elsewhere: Grinder<NIfTIFile> = .nifti(named: "../ct.nii")
            #expect(throws: DICOMError.self) { () throws in _ = try elsewhere.grind(placed) }
        }
    }

    @Test func framesOfADynamicSeries() throws {
        try withPhantom { phantom, instances in
            var paths: [String] = []
            for time in 1...3 {
                for path in instances.paths {
                    var file = try DICOMFile.read(path)
                    file.dataSet[.temporalPositionIdentifier] = time
                    file.dataSet[.sopInstanceUID] = UID("\(file.dataSet[.sopInstanceUID]?.string ?? "1").\(time)")
                    paths.append(path + ".\(time)")
                    try file.write(to: paths[paths.count - 1])
                }
            }
            let dynamic = InputInstances(paths: paths)
            let volumes: Grinder<VolumeSequence<Int16>> = .volumes()
            let sequence = try volumes.grind(dynamic)
            #expect(sequence.count == 3 && sequence.keys == [.temporalPosition] && sequence.values == [[1], [2], [3]])
            #expect(Int(sequence[2][2, 3, 4]) == phantom.value(slice: 2, row: 3, column: 4))
            let parts: Grinder<[SeriesPart]> = .parts()
            #expect(try parts.grind(dynamic).map(\.series.slices.count) == [5, 5, 5])
        }
    }

    @Test func treeAndStructures() throws {
        try withPhantom { phantom, instances in
            let other = try PhantomSeries(modality: .mr, slices: 2, seed: 5)
            let folder = FileSystem.folder(of: instances.paths[0])
            let volume = try instances.series().volume(of: Int16.self)
            let region = RegionOfInterest(number: 1, name: "all", mask: volume.mask(above: -2000))
            let structures = try RTStructureSet.dataSet(label: "test", regions: [region], on: instances.series())
            try DICOMFile(dataSet: structures).write(to: folder + "/rt.dcm")
            let all = InputInstances(
                paths: instances.paths + (try other.write(to: folder + "/mr")) + [folder + "/rt.dcm"])
            let tree: Grinder<InstanceTree> = .tree
            let patients = try tree.grind(all).patients
            #expect(patients.flatMap(\.studies).flatMap(\.series).map(\.instances.count).sorted() == [1, 2, 5])
            let ct = try #require(patients.flatMap(\.studies).flatMap(\.series).first { $0.modality == "CT" })
            #expect(ct.instances.compactMap { $0.header[.instanceNumber] } == [1, 2, 3, 4, 5])
            #expect(try ct.images().volume(of: Int16.self).space.coincides(with: phantom.space))
            let grinder: Grinder<RTStructureSet> = .structures
            let mask = try grinder.grind(all).regions[0].mask(on: phantom.space)
            #expect(mask.voxelCount == phantom.space.voxelCount)
            #expect(throws: DICOMError.self) { () throws in _ = try grinder.grind(instances) }
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
