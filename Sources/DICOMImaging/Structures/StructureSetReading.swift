import DICOMCore
import DICOMDictionary

/// The steps by which an ``RTStructureSet`` is read.
struct StructureSetReading {
    private(set) var findings: [StructureFinding] = []
    private static var mostFindings: Int { 100 }

    mutating func regions(of dataSet: DataSet) -> [RegionOfInterest] {
        var regions: [RegionOfInterest] = []
        var places: [Int: Int] = [:]
        for item in dataSet[.structureSetROISequence] ?? [] {
            guard let number = item[.roiNumber] else {
                find(
                    .inconsistentRegions, nil, "A region has no ROI Number, so nothing can refer to it; it is left out."
                )
                continue
            }
            guard places[number] == nil else {
                find(.inconsistentRegions, number, "Several regions have the ROI Number \(number); the first is taken.")
                continue
            }
            places[number] = regions.count
            regions.append(
                RegionOfInterest(
                    number: number, name: item[.roiName] ?? "",
                    frameOfReferenceUID: item[.referencedFrameOfReferenceUID], contours: []))
        }
        for item in dataSet[.roiContourSequence] ?? [] {
            guard let place = place(of: item, in: places, "contours") else { continue }
            readContours(of: item, into: &regions[place])
        }
        for item in dataSet[.rtroiObservationsSequence] ?? [] {
            guard let place = place(of: item, in: places, "observations") else { continue }
            if let type = item[.rtroiInterpretedType] { regions[place].interpretedType = type }
        }
        return regions
    }

    private mutating func place(of item: DataSet, in places: [Int: Int], _ what: String) -> Int? {
        guard let number = item[.referencedROINumber], let place = places[number] else {
            let name = item[.referencedROINumber].map { "\($0)" } ?? "none"
            find(
                .inconsistentRegions, item[.referencedROINumber],
                "There are \(what) of a region that is not in the Structure Set ROI Sequence (number: \(name)); they are "
                    + "left out.")
            return nil
        }
        return place
    }

    private mutating func readContours(of item: DataSet, into region: inout RegionOfInterest) {
        if let color = item[.roiDisplayColor], color.count == 3, color.allSatisfy({ (0...255).contains($0) }) {
            region.color = RGBVoxel(red: UInt8(color[0]), green: UInt8(color[1]), blue: UInt8(color[2]))
        }
        // A second item for one region goes on counting where the first ended.
        let start = region.contours.count + region.damagedContours.count
        var contours: [Contour] = []
        var damaged: [Int] = []
        for (index, item) in (item[.contourSequence] ?? []).enumerated() {
            let number = start + index + 1
            do throws(DICOMError) {
                contours.append(try contour(item, number: number))
            } catch {
                damaged.append(number)
                find(
                    .damagedContour, region.number, contours: [number],
                    "Contour \(number) of the region with ROI Number \(region.number) cannot be read: \(error.message)."
                )
            }
        }
        region.add(contours, damaged: damaged)
    }

    private func contour(_ item: DataSet, number: Int) throws(DICOMError) -> Contour {
        guard let geometry = item[.contourGeometricType].flatMap({ Contour.Geometry(rawValue: $0) }) else {
            throw DICOMError(
                .invalidStructureSet, "its Contour Geometric Type (3006,0042) is missing or not of PS3.3 C.8.8.6")
        }
        guard let element = item[element: Attribute<[Double]>.contourData.tag] else {
            throw DICOMError(.invalidStructureSet, "it has no Contour Data (3006,0050)")
        }
        let points = try Self.points(element)
        if let declared = item[.numberOfContourPoints], declared != points.count {
            throw DICOMError(
                .invalidStructureSet,
                "Number of Contour Points (3006,0046) is \(declared), and Contour Data (3006,0050) has \(points.count)")
        }
        return Contour(
            number: number, geometry: geometry, points: points,
            referencedSOPInstanceUID: item[.contourImageSequence]?.first?[.referencedSOPInstanceUID])
    }

    private static func points(_ element: DataElement) throws(DICOMError) -> [SIMD3<Double>] {
        let texts = element.strings(as: .ds)
        guard !texts.isEmpty, texts.count % 3 == 0 else {
            throw DICOMError(
                .invalidStructureSet,
                "Contour Data (3006,0050) has \(texts.count) numbers, which is not three for a point")
        }
        var points: [SIMD3<Double>] = []
        points.reserveCapacity(texts.count / 3)
        for index in stride(from: 0, to: texts.count, by: 3) {
            guard let x = Double(texts[index]), let y = Double(texts[index + 1]), let z = Double(texts[index + 2]),
                x.isFinite, y.isFinite, z.isFinite
            else {
                throw DICOMError(
                    .invalidStructureSet,
                    "point \(index / 3 + 1) of Contour Data (3006,0050) is not three finite numbers")
            }
            points.append(SIMD3(x, y, z))
        }
        return points
    }

    private mutating func find(
        _ kind: StructureFinding.Kind, _ region: Int?, contours: [Int] = [], _ text: String
    ) {
        guard findings.count < Self.mostFindings else { return }
        findings.append(StructureFinding(kind, region: region, contours: contours, text))
    }
}
