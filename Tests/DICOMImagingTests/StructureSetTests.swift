import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Foundation
import ReferenceTools
import Testing

/// Structure sets read and written.
struct StructureSetTests {
    static func randomMask(_ space: Space, density: Double, seed: UInt64) -> Volume<UInt8> {
        var generator = SeededGenerator(seed: seed)
        return Volume(space: space) { _, _, _ in Double.random(in: 0..<1, using: &generator) < density ? 1 : 0 }
    }

    static func isEqual(_ a: Volume<UInt8>, _ b: Volume<UInt8>) -> Bool {
        a.withUnsafeBuffer { first in b.withUnsafeBuffer { second in first.elementsEqual(second) } }
    }

    static func write(_ mask: Volume<UInt8>, to path: String) throws {
        try mask.withUnsafeBuffer { try Data($0).write(to: URL(filePath: path)) }
    }

    // MARK: - Writing

    /// Noise has every corner there is: holes, holes in holes' islands, voxels that touch at corners, single voxels.
    @Test(arguments: PhantomSeries.Orientation.allCases) func masksComeBackExactly(
        orientation: PhantomSeries.Orientation
    )
        throws
    {
        let phantom = try PhantomSeries(orientation: orientation, slices: 4, rows: 19, columns: 23)
        let series = try Series(dataSets: phantom.dataSets)
        let space = try series.geometry.space(acceptedBy: .reject)
        for (index, density) in [0, 0.03, 0.3, 0.5, 0.7, 0.97, 1].enumerated() {
            let mask = Self.randomMask(space, density: density, seed: UInt64(index + 1))
            for keepsCollinearPoints in [false, true] {
                let region = RegionOfInterest(
                    number: 5, name: "noise", mask: mask, keepsCollinearPoints: keepsCollinearPoints)
                let direct = try region.mask(on: space)
                #expect(Self.isEqual(direct.volume, mask))
                let dataSet = try RTStructureSet.dataSet(label: "TEST", regions: [region], on: series)
                let read = try RTStructureSet(dataSet: DataSet(parsing: dataSet.encoded(as: .explicitVRLittleEndian)))
                #expect(read.findings.isEmpty)
                let again = try #require(read.region(number: 5)).mask(on: space)
                #expect(Self.isEqual(again.volume, mask))
                #expect(again.findings.allSatisfy { $0.kind == .missingSlices })
            }
        }
    }

    @Test func contoursRunAlongTheEdgesOfVoxels() throws {
        let phantom = try PhantomSeries(slices: 2, rows: 8, columns: 9)
        var mask = Volume<UInt8>(space: phantom.space, repeating: 0)
        mask[1, 3, 4] = 1
        let single = RegionOfInterest(number: 1, name: "one voxel", mask: mask)
        let expected = [(3.5, 2.5), (4.5, 2.5), (4.5, 3.5), (3.5, 3.5)].map {
            phantom.space.point(at: SIMD3($0.0, $0.1, 1))
        }
        #expect(single.contours.count == 1 && single.contours[0].geometry == .closedPlanar)
        #expect(zip(single.contours[0].points, expected).allSatisfy { isClose($0, $1) })
        for row in 1..<7 { for column in 1..<8 { mask[1, row, column] = 1 } }
        mask[1, 3, 3] = 0
        let ring = RegionOfInterest(number: 1, name: "ring", mask: mask)
        #expect(ring.contours.map(\.geometry) == [.closedPlanarXOR, .closedPlanarXOR])
        #expect(ring.contours.map(\.points.count) == [4, 4])
        let full = RegionOfInterest(number: 1, name: "ring", mask: mask, keepsCollinearPoints: true)
        #expect(full.contours.map(\.points.count) == [26, 4])
    }

    @Test(.needsDciodvfy) func writtenStructureSetsAreValid() throws {
        let phantom = try PhantomSeries(orientation: .oblique, slices: 4, rows: 24, columns: 20)
        let series = try Series(dataSets: phantom.dataSets)
        let space = try series.geometry.space(acceptedBy: .reject)
        let noise = Self.randomMask(space, density: 0.5, seed: 3)
        let box = Volume<UInt8>(space: space) { slice, row, column in slice > 0 && row > 3 && column < 9 ? 1 : 0 }
        let regions = [
            RegionOfInterest(
                number: 1, name: "Bläschen", color: RGBVoxel(red: 255, green: 0, blue: 7), interpretedType: "ORGAN",
                mask: box),
            RegionOfInterest(number: 2, name: "noise", mask: noise),
            RegionOfInterest(number: 9, name: "empty", mask: Volume(space: space, repeating: 0)),
        ]
        let dataSet = try RTStructureSet.dataSet(label: "TEST", regions: regions, on: series)
        #expect(dataSet[.studyInstanceUID] == phantom.studyInstanceUID)
        #expect(dataSet[.patientID] == phantom.patientID)
        try withTemporaryFolder { folder in
            try DICOMFile(dataSet: dataSet).write(to: folder + "/rt.dcm")
            #expect(try Dciodvfy.errors(folder + "/rt.dcm") == [])
            let read = try RTStructureSet(path: folder + "/rt.dcm")
            #expect(read.regions.map(\.name) == ["Bläschen", "noise", "empty"])
            #expect(read.regions.map(\.interpretedType) == ["ORGAN", nil, nil])
            #expect(read.regions[0].color == RGBVoxel(red: 255, green: 0, blue: 7))
            #expect(read.label == "TEST")
            #expect(read.frameOfReferenceUIDs == [space.frameOfReferenceUID])
            #expect(read.seriesInstanceUIDs == [phantom.seriesInstanceUID])
            #expect(
                read.regions[0].contours.compactMap(\.referencedSOPInstanceUID) == (1...3).map(phantom.sopInstanceUID))
            let other = try RTStructureSet.dataSet(label: "TEST", regions: regions, on: series)
            #expect(other[.sopInstanceUID] != dataSet[.sopInstanceUID])
        }
    }

    @Test func whatCannotBeWrittenIsRefused() throws {
        let phantom = try PhantomSeries(slices: 2, rows: 4, columns: 4)
        let series = try Series(dataSets: phantom.dataSets)
        let mask = Volume<UInt8>(space: phantom.space, repeating: 1)
        let good = RegionOfInterest(number: 1, name: "all", mask: mask)
        func refusal(_ regions: [RegionOfInterest], label: String = "TEST") -> DICOMError.Code? {
            code { _ = try RTStructureSet.dataSet(label: label, regions: regions, on: series) }
        }
        #expect(refusal([good]) == nil)
        #expect(refusal([good, good]) == .invalidStructureSet)
        #expect(refusal([]) == .invalidStructureSet)
        #expect(refusal([good], label: "A LABEL THAT IS TOO LONG") == .invalidValue)
        #expect(refusal([good], label: "") == .invalidValue)
        var other = good
        other.name = "a\\b"
        #expect(refusal([other]) == .invalidValue)
        other = good
        other.frameOfReferenceUID = "1.2.3"
        #expect(refusal([other]) == .mismatchedVolumes)
        other = good
        other.contours[0].points[0].x = .nan
        #expect(refusal([other]) == .invalidStructureSet)
    }

    // MARK: - Reading

    @Test func damagedContoursAreNamedByNumber() throws {
        let phantom = try PhantomSeries(slices: 2, rows: 8, columns: 8)
        let series = try Series(dataSets: phantom.dataSets)
        let mask = Self.randomMask(phantom.space, density: 0.2, seed: 8)
        let region = RegionOfInterest(number: 42, name: "Secret name", mask: mask)
        let sound = try RTStructureSet.dataSet(label: "TEST", regions: [region], on: series)
        func element(_ text: String) -> DataElement {
            DataElement(Attribute<[Double]>.contourData.tag, .ds, .text(text))
        }
        let damages: [(String, (inout DataSet) -> Void)] = [
            ("not three for a point", { $0[element: Attribute<[Double]>.contourData.tag] = element("1\\2\\3\\4") }),
            ("not three for a point", { $0[element: Attribute<[Double]>.contourData.tag] = element("") }),
            ("not three finite numbers", { $0[element: Attribute<[Double]>.contourData.tag] = element("1\\nan\\3") }),
            ("not three finite numbers", { $0[element: Attribute<[Double]>.contourData.tag] = element("1\\1e999\\3") }),
            ("not three finite numbers", { $0[element: Attribute<[Double]>.contourData.tag] = element("1\\2\\x") }),
            ("Number of Contour Points", { $0[.numberOfContourPoints] = 1000 }),
            ("no Contour Data", { $0[.contourData] = nil }),
            ("Contour Geometric Type", { $0[.contourGeometricType] = "CIRCLE" }),
            ("Contour Geometric Type", { $0[.contourGeometricType] = nil }),
        ]
        for (text, damage) in damages {
            var dataSet = sound
            var items = try #require(dataSet[.roiContourSequence])
            var contours = try #require(items[0][.contourSequence])
            damage(&contours[2])
            items[0][.contourSequence] = contours
            dataSet[.roiContourSequence] = items
            let read = try RTStructureSet(dataSet: dataSet)
            #expect(read.findings.map(\.kind) == [.damagedContour], "\(text)")
            let finding = try #require(read.findings.first)
            #expect(finding.region == 42 && finding.contours == [3])
            #expect(finding.description.contains("Contour 3 of the region with ROI Number 42"))
            #expect(finding.description.contains(text), "\(finding)")
            let damaged = try #require(read.region(named: "Secret name"))
            #expect(damaged.damagedContours == [3])
            #expect(damaged.contours.count == region.contours.count - 1)
            #expect(damaged.contours[2].number == 4)
            do {
                _ = try damaged.mask(on: phantom.space)
                Issue.record("a mask without one of its contours")
            } catch {
                #expect(error.code == .invalidStructureSet)
                #expect(!error.description.contains("Secret"))
            }
            let mask = try damaged.mask(on: phantom.space, policy: ContourPolicy(leavesOutUnusable: true))
            #expect(mask.findings.first?.kind == .damagedContour)
        }
        #expect(code { _ = try RTStructureSet(dataSet: phantom.dataSet(slice: 0)) } == .invalidStructureSet)
    }

    @Test func regionsThatContradictThemselvesAreTold() throws {
        let phantom = try PhantomSeries(slices: 2, rows: 8, columns: 8)
        let series = try Series(dataSets: phantom.dataSets)
        let mask = Self.randomMask(phantom.space, density: 0.2, seed: 8)
        let regions = (1...3).map { RegionOfInterest(number: $0, name: "R\($0)", mask: mask) }
        var dataSet = try RTStructureSet.dataSet(label: "TEST", regions: regions, on: series)
        var items = try #require(dataSet[.structureSetROISequence])
        items[1][.roiNumber] = 1
        items[2][.roiNumber] = nil
        dataSet[.structureSetROISequence] = items
        let read = try RTStructureSet(dataSet: dataSet)
        #expect(read.regions.map(\.number) == [1])
        #expect(read.findings.map(\.kind) == [StructureFinding.Kind](repeating: .inconsistentRegions, count: 6))
    }

    /// Whatever bytes a structure set has, it is read or refused, and its regions become masks or are refused.
    @Test(arguments: 0..<8) func mutatedStructureSetsNeverTrap(seed: UInt64) throws {
        let phantom = try PhantomSeries(slices: 3, rows: 9, columns: 7)
        let series = try Series(dataSets: phantom.dataSets)
        let regions = (1...3).map {
            RegionOfInterest(
                number: $0, name: "R\($0)", mask: Self.randomMask(phantom.space, density: 0.4, seed: seed + UInt64($0)))
        }
        let original = try RTStructureSet.dataSet(
            label: "TEST", regions: regions, on: series, sopInstanceUID: "1.2.3", seriesInstanceUID: "1.2.4"
        ).encoded(as: .explicitVRLittleEndian)
        let start = original.count / 8
        var generator = SeededGenerator(seed: seed)
        var masks = 0
        for _ in 0..<80 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                let position = Int.random(in: start..<bytes.count, using: &generator)
                // Rather what numbers are made of: other bytes mostly make no number at all.
                let digits = Array("0123456789+-.eE\\ ".utf8)
                bytes[position] =
                    Bool.random(using: &generator)
                    ? digits[Int.random(in: 0..<digits.count, using: &generator)]
                    : UInt8.random(in: 0...255, using: &generator)
            }
            if Int.random(in: 0..<10, using: &generator) == 0 {
                bytes.removeLast(Int.random(in: 1..<bytes.count / 2, using: &generator))
            }
            guard let dataSet = try? DataSet(parsing: bytes), let read = try? RTStructureSet(dataSet: dataSet) else {
                continue
            }
            for region in read.regions {
                let policy = ContourPolicy(
                    overlap: .union, leavesOutUnusable: true, requiresFrameOfReference: false)
                _ = try region.mask(on: phantom.space, policy: policy)
                if (try? region.mask(on: phantom.space)) != nil { masks += 1 }
                _ = region.contours.map { $0.area + $0.perimeter }
            }
            _ = try? RTStructureSet.dataSet(label: "AGAIN", regions: read.regions, on: series)
        }
        #expect(masks > 0)
    }

    /// Coordinates as text, extreme ones among them.
    @Test func extremeCoordinatesNeverTrap() throws {
        let phantom = try PhantomSeries(orientation: .oblique, slices: 3, rows: 9, columns: 7)
        let extremes = ["1e308", "-1e308", "0", "-0", "1e-320", "99999999999999", "1e6", "-7e5", "734003.1999", "12.5"]
        var generator = SeededGenerator(seed: 77)
        var dataSet = try RTStructureSet.dataSet(
            label: "TEST",
            regions: [RegionOfInterest(number: 1, name: "R", mask: Volume(space: phantom.space, repeating: 1))],
            on: Series(dataSets: phantom.dataSets))
        for _ in 0..<300 {
            let texts = (0..<3 * Int.random(in: 3...6, using: &generator)).map { _ in
                extremes[Int.random(in: 0..<extremes.count, using: &generator)]
            }
            var contour = DataSet()
            contour[.contourGeometricType] = "CLOSED_PLANAR"
            let tag = Attribute<[Double]>.contourData.tag
            contour[element: tag] = DataElement(tag, .ds, .text(texts.joined(separator: "\\")))
            var item = try #require(dataSet[.roiContourSequence])[0]
            item[.contourSequence] = [contour]
            dataSet[.roiContourSequence] = [item]
            let read = try RTStructureSet(dataSet: dataSet)
            _ = try read.regions[0].mask(on: phantom.space, policy: ContourPolicy(leavesOutUnusable: true))
        }
    }
}
