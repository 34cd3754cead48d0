import DICOMCoding
public import DICOMCore
import DICOMDictionary
import Glibc

extension RTStructureSet {
    /// A new RT Structure Set (PS3.3 A.19.3) of regions on a series.
    ///
    /// Patient and study are those of the series; each contour refers to the image whose slice is nearest to its plane.
    /// Structure Set Date and Time, Operators' Name and others that PS3.3 wants present but not known are empty: set what you
    /// know in the result.
    ///
    /// ```swift
    /// let region = RegionOfInterest(number: 1, name: "Liver", color: RGBVoxel(red: 255, green: 0, blue: 0), mask: mask)
    /// let dataSet = try RTStructureSet.dataSet(label: "AUTO", regions: [region], on: series)
    /// try DICOMFile(dataSet: dataSet).write(to: "rtstruct.dcm")
    /// ```
    ///
    /// - Parameters:
    ///   - label: Structure Set Label, at most 16 characters.
    ///   - regions: Their numbers must differ, and they must be in the frame of reference of the series.
    ///   - series: The images; they need a regular geometry, which may be sheared.
    ///   - sopInstanceUID: That of the new instance; by default a new random one. Give one that follows from the input where
    ///     a repeated run must make the same instance.
    ///   - seriesInstanceUID: That of the new series; likewise.
    /// - Throws: ``DICOMError``: `mismatchedVolumes` for another frame of reference, `invalidStructureSet` for numbers that
    ///   occur twice and points that are not finite, `invalidValue` for a name or label that cannot be written,
    ///   `unacceptableGeometry` for an irregular series.
    public static func dataSet(
        label: String, regions: [RegionOfInterest], on series: Series, sopInstanceUID: UID? = nil,
        seriesInstanceUID: UID? = nil
    ) throws(DICOMError) -> DataSet {
        let writing = StructureSetWriting(series: series, space: try series.geometry.space(acceptedBy: .acceptSheared))
        guard let frame = writing.space.frameOfReferenceUID else {
            throw DICOMError(
                .mismatchedVolumes, "the images have no Frame of Reference UID, which a structure set must refer to",
                at: [Attribute<UID>.frameOfReferenceUID.tag])
        }
        guard series.header[.studyInstanceUID] != nil, series.header[.seriesInstanceUID] != nil else {
            throw DICOMError(
                .invalidStructureSet,
                "the images have no Study or no Series Instance UID, so nothing can refer to them",
                at: [Attribute<UID>.seriesInstanceUID.tag])
        }
        try check(regions, frame: frame)
        var dataSet = writing.header()
        dataSet[.sopInstanceUID] = sopInstanceUID ?? UID.random()
        dataSet[.seriesInstanceUID] = seriesInstanceUID ?? UID.random()
        dataSet[.frameOfReferenceUID] = frame
        dataSet[.structureSetLabel] = try checked(label, "the label", longest: 16, at: .structureSetLabel)
        dataSet[.referencedFrameOfReferenceSequence] = [writing.reference(to: frame)]
        dataSet[.structureSetROISequence] = regions.map { region in
            var item = DataSet()
            item[.roiNumber] = region.number
            item[.referencedFrameOfReferenceUID] = frame
            item[.roiName] = region.name
            item.setEmpty(Attribute<String>.roiGenerationAlgorithm)
            return item
        }
        var contours: [DataSet] = []
        for region in regions { contours.append(writing.contours(of: region)) }
        dataSet[.roiContourSequence] = contours
        dataSet[.rtroiObservationsSequence] = regions.enumerated().map { index, region in
            var item = DataSet()
            item[.observationNumber] = index + 1
            item[.referencedROINumber] = region.number
            item.setEmpty(Attribute<String>.rtroiInterpretedType)
            if let type = region.interpretedType { item[.rtroiInterpretedType] = type }
            item.setEmpty(Attribute<String>.roiInterpreter)
            return item
        }
        return dataSet
    }

    private static func check(_ regions: [RegionOfInterest], frame: UID) throws(DICOMError) {
        guard !regions.isEmpty else {
            throw DICOMError(.invalidStructureSet, "a structure set needs at least one region")
        }
        var numbers: Set<Int> = []
        for region in regions {
            guard numbers.insert(region.number).inserted else {
                throw DICOMError(
                    .invalidStructureSet,
                    "several regions have the ROI Number \(region.number); give each one of its own",
                    at: [Attribute<Int>.roiNumber.tag])
            }
            guard region.frameOfReferenceUID == frame else {
                throw DICOMError(
                    .mismatchedVolumes,
                    "the region with ROI Number \(region.number) is not in the frame of reference of the series",
                    at: [Attribute<UID>.referencedFrameOfReferenceUID.tag])
            }
            _ = try checked(region.name, "the name of ROI Number \(region.number)", longest: 64, at: .roiName)
            for contour in region.contours
            where contour.points.isEmpty || !contour.points.allSatisfy(\.isFinite) {
                throw DICOMError(
                    .invalidStructureSet,
                    "contour \(contour.number) of the region with ROI Number \(region.number) has no points, or points that "
                        + "are not finite", at: [Attribute<[Double]>.contourData.tag])
            }
        }
    }

    private static func checked(
        _ text: String, _ what: String, longest: Int, at attribute: Attribute<String>
    ) throws(DICOMError) -> String {
        guard !text.isEmpty, text.unicodeScalars.count <= longest,
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F && $0 != "\\" })
        else {
            throw DICOMError(
                .invalidValue,
                "\(what) must have 1 to \(longest) characters, none of them a backslash or control character",
                at: [attribute.tag])
        }
        return text
    }
}

/// The parts of a new structure set that come from its images.
private struct StructureSetWriting {
    let series: Series
    let space: Space

    /// Patient, Study, RT Series, Equipment, Structure Set and SOP Common without what is the caller's.
    func header() -> DataSet {
        var dataSet = DataSet()
        // Names of regions may be in any script.
        dataSet[.specificCharacterSet] = ["ISO_IR 192"]
        dataSet[.sopClassUID] = .rtStructureSetStorage
        let required: [Attribute<String>] = [
            .patientName, .patientID, .patientBirthDate, .patientSex, .studyDate, .studyTime, .referringPhysicianName,
            .studyID, .accessionNumber,
        ]
        let optional: [Attribute<String>] = [
            .issuerOfPatientID, .patientIdentityRemoved, .studyDescription, .patientAge, .positionReferenceIndicator,
        ]
        let source = series.header
        for attribute in required { dataSet.setEmpty(attribute) }
        for attribute in required + optional {
            guard let text = source[attribute] else { continue }
            dataSet[attribute] = text
        }
        dataSet[.deidentificationMethod] = source[.deidentificationMethod]
        dataSet[.studyInstanceUID] = source[.studyInstanceUID]
        dataSet[.modality] = "RTSTRUCT"
        dataSet.setEmpty(Attribute<Int>.seriesNumber)
        dataSet.setEmpty(Attribute<[String]>.operatorsName)
        dataSet[.manufacturer] = "DICOMNode"
        dataSet[.softwareVersions] = [Implementation.version]
        dataSet.setEmpty(Attribute<String>.structureSetDate)
        dataSet.setEmpty(Attribute<String>.structureSetTime)
        dataSet[.approvalStatus] = "UNAPPROVED"
        if dataSet[.positionReferenceIndicator] == nil {
            dataSet.setEmpty(Attribute<String>.positionReferenceIndicator)
        }
        return dataSet
    }

    /// Referenced Frame of Reference Sequence: the study, the series and its images.
    func reference(to frame: UID) -> DataSet {
        var images = DataSet()
        images[.seriesInstanceUID] = series.header[.seriesInstanceUID]
        images[.contourImageSequence] = series.instances.compactMap { instance in
            var item = DataSet()
            guard let uid = instance.geometry.sopInstanceUID else { return nil }
            item[.referencedSOPClassUID] = instance.header[.sopClassUID]
            item[.referencedSOPInstanceUID] = uid
            return item
        }
        var study = DataSet()
        // PS3.3 C.8.8.5 names no class for a study; the one of Detached Study Management is what is usual.
        study[.referencedSOPClassUID] = .detachedStudyManagement
        study[.referencedSOPInstanceUID] = series.header[.studyInstanceUID]
        study[.rtReferencedSeriesSequence] = [images]
        var item = DataSet()
        item[.frameOfReferenceUID] = frame
        item[.rtReferencedStudySequence] = [study]
        return item
    }

    /// An item of the ROI Contour Sequence.
    func contours(of region: RegionOfInterest) -> DataSet {
        var item = DataSet()
        item[.referencedROINumber] = region.number
        if let color = region.color { item[.roiDisplayColor] = [Int(color.red), Int(color.green), Int(color.blue)] }
        guard !region.contours.isEmpty else { return item }
        item[.contourSequence] = region.contours.enumerated().map { index, contour in
            var item = DataSet()
            item[.contourNumber] = index + 1
            item[.contourGeometricType] = contour.geometry.rawValue
            item[.numberOfContourPoints] = contour.points.count
            // To a millionth of a millimetre: 16 digits would only be noise, and a longer file.
            item[.contourData] = contour.points.flatMap { point in
                [point.x, point.y, point.z].map { ($0 * 1e6).rounded() / 1e6 }
            }
            if let image = image(of: contour) { item[.contourImageSequence] = [image] }
            return item
        }
        return item
    }

    /// The image that a contour lies on: that of the nearest slice, at most half a slice step away.
    private func image(of contour: Contour) -> DataSet? {
        guard let first = contour.points.first else { return nil }
        let place = (space.index(of: first).z + 0.5).rounded(.down)
        guard place >= 0, place < Double(series.slices.count) else { return nil }
        let slice = series.slices[Int(place)]
        guard let uid = slice.geometry.sopInstanceUID else { return nil }
        var item = DataSet()
        item[.referencedSOPClassUID] = slice.instance.header[.sopClassUID]
        item[.referencedSOPInstanceUID] = uid
        if let frame = slice.geometry.frame { item[.referencedFrameNumber] = [frame + 1] }
        return item
    }
}
