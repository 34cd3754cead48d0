import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Foundation
import ReferenceTools
import Testing

/// Spoilt bytes in what says where the slices of one image are: functional groups, CSA headers, frame offsets.
struct VolumeMutationTests {
    /// Everything that makes volumes of an image; how much of it gave an answer.
    private func exercise(_ dataSet: DataSet) -> Int {
        guard let series = try? Series(dataSets: [dataSet]) else { return 0 }
        var answers = 0
        func run(_ body: () throws -> Void) { if (try? body()) != nil { answers += 1 } }
        for policy in [GeometryPolicy.reject, .acceptSheared, .resample, .largestStack] {
            run { _ = try series.volume(of: Float.self, policy: policy) }
        }
        run { _ = try series.volume(of: Int16.self, values: .stored) }
        run { _ = try series.volumeSequence(of: Double.self) }
        run { _ = try series.volumeSequence(of: Double.self, by: [.dimensionIndex, .bValue]) }
        run { _ = try series.colorVolume() }
        run {
            let segmentation = try Segmentation(series.instances[0])
            for segment in segmentation.segments.prefix(3) {
                _ = try segmentation.mask(of: segment.number, on: series.geometry.space ?? segmentation.space)
                _ = try segmentation.fraction(of: segment.number)
            }
        }
        _ = series.stacks()
        return answers
    }

    private func spoil(_ bytes: inout [UInt8], using generator: inout SeededGenerator) {
        let vrs = ["SV", "UV", "SL", "US", "FD", "FL", "DS", "IS", "UN", "SQ", "AT", "OB"].map { Array($0.utf8) }
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let position = Int.random(in: 0..<bytes.count - 8, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                // The next VR in the data, by what it looks like.
                guard
                    let place = (position..<min(bytes.count - 2, position + 200)).first(where: { index in
                        vrs.contains(Array(bytes[index...index + 1]))
                    })
                else { continue }
                bytes.replaceSubrange(place...place + 1, with: vrs.randomElement(using: &generator) ?? [])
            case 1:
                for index in position..<position + 8 { bytes[index] = [0, 0x80, 0xFF, 0x7F][index % 4] }
            case 2:
                // A digit, a sign or an exponent.
                guard let place = bytes[position...].firstIndex(where: { (0x30...0x39).contains($0) }) else { continue }
                bytes[place] = Array("0123456789-.e".utf8).randomElement(using: &generator) ?? 0
            default: bytes[position] = .random(in: 0...255, using: &generator)
            }
        }
    }

    @Test func spoiltPlacesNeverTrap() throws {
        try withTemporaryFolder { folder in
            let programs = [
                VolumePeerTests.enhanced, VolumeFormTests.mosaics, VolumeFormTests.doses, VolumeFormTests.segmentations,
            ]
            for program in programs { try PythonReference.run(VolumePeer.common + program, [folder]) }
            let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".dcm") }
                .sorted()
            #expect(names.count > 20)
            var generator = SeededGenerator(seed: 4)
            var answers = 0
            for name in names {
                let original = try DICOMFile.read(folder + "/" + name).dataSet.encoded(as: .explicitVRLittleEndian)
                for _ in 0..<40 {
                    var bytes = original
                    spoil(&bytes, using: &generator)
                    guard let dataSet = try? DataSet(parsing: bytes) else { continue }
                    answers += exercise(dataSet)
                }
            }
            #expect(answers > 1000)
        }
    }

    /// Numbers of 64 bits where the standard has small ones.
    @Test func extremeWholeNumbersNeverTrap() throws {
        let phantom = try PhantomSeries(slices: 2, rows: 2, columns: 2)
        let pixels = phantom.dataSets.flatMap { $0[element: .pixelData]?.bytes ?? [] }
        for extreme in [Int64.min, .max, -1, 0] {
            var image = phantom.dataSet(slice: 0)
            image[.pixelData] = pixels[...]
            image[.numberOfFrames] = 2
            image[.spacingBetweenSlices] = 3
            image[.frameIncrementPointer] = [Attribute<[Int]>.sliceVector.tag]
            func bytes(_ numbers: [Int64]) -> [UInt8] {
                numbers.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
            }
            let vector = Attribute<[Int]>.sliceVector.tag
            image[element: vector] = DataElement(vector, .sv, .bytes(bytes([1, extreme])[...]))
            _ = exercise(image)
            for attribute in [Attribute<Int>.numberOfFrames, .rows, .columns, .instanceNumber, .acquisitionNumber] {
                var spoilt = image
                spoilt[element: attribute.tag] = DataElement(attribute.tag, .sv, .bytes(bytes([extreme])[...]))
                _ = exercise(spoilt)
            }
        }
    }
}
