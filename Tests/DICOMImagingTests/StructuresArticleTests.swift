import DICOMCoding
import DICOMCore
import DICOMImaging
import DICOMTesting
import Testing

/// The code of the article "RT Structure Sets": dev/check-examples compares it with Structures.md.
struct StructuresArticleTests {
    @Test func theArticleDoesWhatItSays() throws {
        try withTemporaryFolder { folder in
            let phantom = try PhantomSeries(slices: 5, rows: 20, columns: 30)
            let series = try Series(dataSets: phantom.dataSets)
            let bone = try series.volume(of: Int16.self).map { $0 > 0 ? UInt8(1) : 0 }
            let box = Volume<UInt8>(space: phantom.space) { slice, row, column in
                (1...3).contains(slice) && (4...9).contains(row) && (10...19).contains(column) ? 1 : 0
            }
            let drawn = RegionOfInterest(number: 4, name: "Liver", mask: box)
            try DICOMFile(dataSet: RTStructureSet.dataSet(label: "TEST", regions: [drawn], on: series))
                .write(to: "\(folder)/rtstruct.dcm")

            let structures = try RTStructureSet(path: "\(folder)/rtstruct.dcm")
            for region in structures.regions {
                print(region.number, region.name, region.interpretedType ?? "", region.contours.count)
            }

            let space = try series.geometry.space(acceptedBy: .reject)
            let liver = try structures.region(named: "Liver")?.mask(on: space)
            print(liver?.millilitres ?? 0, "mL around", liver?.centroid ?? .zero)
            #expect(abs((liver?.millilitres ?? 0) - 180 * 0.9 * 0.7 * 2.5 / 1000) < 1e-9)
            #expect(isClose(liver?.centroid ?? .zero, space.point(at: SIMD3(14.5, 6.5, 2))))

            let region = RegionOfInterest(
                number: 1, name: "Bone", color: RGBVoxel(red: 255, green: 240, blue: 200), mask: bone)
            let dataSet = try RTStructureSet.dataSet(label: "AUTO", regions: [region], on: series)
            try DICOMFile(dataSet: dataSet).write(to: "\(folder)/bone.dcm")

            let again = try RTStructureSet(path: "\(folder)/bone.dcm").regions[0].mask(on: space)
            #expect(StructureSetTests.isEqual(again.volume, bone))
        }
    }
}
