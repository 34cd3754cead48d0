import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Testing

/// Spoilt images: whatever bytes a data set has, imaging throws or gives a volume, and never traps.
struct MutationTests {
    @Test(arguments: 0..<8) func mutatedInstancesNeverTrap(seed: UInt64) throws {
        let phantom = try PhantomSeries(modality: seed % 2 == 0 ? .ct : .mr, slices: 3, rows: 4, columns: 3)
        let originals = try phantom.dataSets.map { try $0.encoded(as: .explicitVRLittleEndian) }
        var generator = SeededGenerator(seed: seed)
        var volumes = 0
        for _ in 0..<150 {
            var bytes = originals
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let slice = Int.random(in: 0..<3, using: &generator)
                // Rather in the later half, where geometry and pixel description are.
                let position = Int.random(in: bytes[slice].count / 3..<bytes[slice].count, using: &generator)
                bytes[slice][position] = UInt8.random(in: 0...255, using: &generator)
            }
            guard let dataSets = try? bytes.map({ try DataSet(parsing: $0) }) else { continue }
            let series = try Series(dataSets: dataSets)
            #expect(series.instances.count == 3)
            if (try? series.volume(of: Float.self)) != nil { volumes += 1 }
            _ = try? series.volume(of: Int16.self)
        }
        #expect(volumes > 0)
    }

    /// Numbers as text, replaced by extreme ones.
    @Test func extremeNumbersNeverTrap() throws {
        let extremes = ["1e308", "-1e308", "nan", "inf", "0", "-0", "1e-320", "99999999999999", "", "-1"]
        let attributes: [Attribute<[Double]>] = [.imagePositionPatient, .imageOrientationPatient, .pixelSpacing]
        let singles: [Attribute<Double>] = [.sliceThickness, .rescaleSlope, .rescaleIntercept, .spacingBetweenSlices]
        for text in extremes {
            for attribute in attributes.map(\.tag) + singles.map(\.tag) {
                for slices in 1...3 {
                    var dataSets = try PhantomSeries(slices: slices, rows: 2, columns: 2).dataSets
                    for index in dataSets.indices where index != 1 {
                        let count = max(1, dataSets[index].strings(attribute).count)
                        let value = [String](repeating: text, count: count).joined(separator: "\\")
                        dataSets[index][element: attribute] = DataElement(attribute, .ds, .text(value))
                    }
                    let series = try Series(dataSets: dataSets)
                    _ = try? series.volume(of: Float.self, policy: .acceptSheared)
                    _ = try? series.volume(of: Int32.self)
                }
            }
        }
    }
}
