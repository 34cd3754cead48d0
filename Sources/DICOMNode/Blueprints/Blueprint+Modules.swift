import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging

// The modules of PS3.3 that every image has. What the standard makes type 1 is required of the parent, type 2 is written
// empty where the parent has nothing, type 3 is copied if present.

extension Blueprint {
    /// The Patient and Clinical identity (PS3.3 C.7.1.1), and what says whether it was removed.
    public static let patient: Blueprint = [
        .copyOrEmpty(.patientName, from: .series),
        .copyOrEmpty(.patientID, from: .series),
        .copyIfPresent(.issuerOfPatientID, from: .series),
        .copyIfPresent(.issuerOfPatientIDQualifiersSequence, from: .series),
        .copyOrEmpty(.patientBirthDate, from: .series),
        .copyOrEmpty(.patientSex, from: .series),
        .copyIfPresent(.patientIdentityRemoved, from: .series),
        .copyIfPresent(.deidentificationMethod, from: .series),
        .copyIfPresent(.deidentificationMethodCodeSequence, from: .series),
    ]

    /// General Study and Patient Study (PS3.3 C.7.2.1, C.7.2.2).
    public static let study: Blueprint = [
        .copy(.studyInstanceUID, from: .series),
        .copyOrEmpty(.studyDate, from: .series),
        .copyOrEmpty(.studyTime, from: .series),
        .copyOrEmpty(.referringPhysicianName, from: .series),
        .copyOrEmpty(.studyID, from: .series),
        .copyOrEmpty(.accessionNumber, from: .series),
        .copyIfPresent(.issuerOfAccessionNumberSequence, from: .series),
        .copyIfPresent(.studyDescription, from: .series),
        .copyIfPresent(.procedureCodeSequence, from: .series),
        .copyIfPresent(.patientAge, from: .series),
        .copyIfPresent(.patientSize, from: .series),
        .copyIfPresent(.patientWeight, from: .series),
        .copyIfPresent(.longitudinalTemporalInformationModified, from: .series),
    ]

    /// General Series (PS3.3 C.7.3.1): a series of its own, described by the pipeline's name and numbered 1000 above the
    /// parent.
    public static let series: Blueprint = [
        .copy(.modality, from: .series),
        .perSeries(.seriesInstanceUID) { $0.seriesInstanceUID },
        .element(perSeries: Attribute<Int>.seriesNumber.tag) { context in
            let tag = Attribute<Int>.seriesNumber.tag
            guard let number = context.parentHeader[.seriesNumber], (0..<1 << 30).contains(number) else {
                return Rule.emptyElement(tag, .is)
            }
            return DataElement(tag, .is, .text("\(number + 1000)"))
        },
        .perSeries(.seriesDescription) { $0.seed.modelName },
        .copyIfPresent(.seriesDate, from: .series),
        .copyIfPresent(.seriesTime, from: .series),
        .copyIfPresent(.timezoneOffsetFromUTC, from: .series),
        .copyIfPresent(.protocolName, from: .series),
        .copyIfPresent(.bodyPartExamined, from: .series),
        .copyIfPresent(.anatomicalOrientationType, from: .series),
        .copyOrEmpty(.patientPosition, from: .series),
        // Type 2C: required where the body part is one of a pair, which an absent body part may be.
        .element(perSeries: Attribute<String>.laterality.tag) { context in
            let tag = Attribute<String>.laterality.tag
            if let element = context.parentHeader[element: tag] { return element }
            return context.parentHeader[.bodyPartExamined] == nil ? Rule.emptyElement(tag, .cs) : nil
        },
    ]

    /// Frame of Reference (PS3.3 C.7.4.1): the volume's.
    public static let frameOfReference: Blueprint = [
        .perSeries(.frameOfReferenceUID) { $0.frameOfReferenceUID },
        .copyOrEmpty(.positionReferenceIndicator, from: .series),
    ]

    /// General Equipment (PS3.3 C.7.5.1) names this software and the pipeline as what made the series; the Contributing
    /// Equipment Sequence (PS3.3 C.12.1.1.5) names them again, after the equipment that the parent names.
    public static let equipment: Blueprint = [
        .set(.manufacturer, to: DerivationSeed.manufacturer),
        .perSeries(.manufacturerModelName) { $0.seed.modelName },
        .perSeries(.softwareVersions) { ContributingEquipment.versions($0.seed) },
        .copyIfPresent(.institutionName, from: .series),
        .element(perSeries: Attribute<[DataSet]>.contributingEquipmentSequence.tag) { context in
            ContributingEquipment.element(context)
        },
    ]

    /// General Image and General Acquisition for a derived image (PS3.3 C.7.6.1, C.7.6.12, C.7.10.1), with a reference to
    /// the parent's slice.
    public static let generalImage: Blueprint = [
        .perInstance(.imageType) { context in
            let parent = context.parent.header[.imageType] ?? []
            return ["DERIVED", "SECONDARY"] + (parent.count > 2 && !parent[2].isEmpty ? [parent[2]] : [])
        },
        .perInstance(.instanceNumber) { $0.index + 1 },
        .copyIfPresent(.contentDate),
        .copyIfPresent(.contentTime),
        .copyIfPresent(.acquisitionDate),
        .copyIfPresent(.acquisitionTime),
        .copyIfPresent(.acquisitionDateTime),
        .copyIfPresent(.acquisitionNumber),
        .perSeries(.derivationDescription) { "Computed by \($0.seed.modelName) \(longString($0.seed.version))" },
        .perInstance(.sourceImageSequence) { context in [sourceImage(context.parent.header)] },
        .copyIfPresent(.burnedInAnnotation),
        .copyIfPresent(.recognizableVisualFeatures),
        // What was once compressed with loss stays so (PS3.3 C.7.6.1.1.5).
        .copyIfPresent(.lossyImageCompression),
        .copyIfPresent(.lossyImageCompressionRatio),
        .copyIfPresent(.lossyImageCompressionMethod),
    ]

    /// Image Plane (PS3.3 C.7.6.2): where the volume's space says; Slice Thickness is the parent's.
    public static let imagePlane: Blueprint = [
        .perInstance(.imagePositionPatient) { context in
            let position = context.imagePosition
            return [position.x, position.y, position.z]
        },
        .perSeries(.imageOrientationPatient) { $0.space.imageOrientation },
        .perSeries(.pixelSpacing) { $0.space.pixelSpacing },
        .copyOrEmpty(.sliceThickness),
        .perSeries(.spacingBetweenSlices) { context in
            // Along the normal (PS3.3 C.7.6.2), and only where it was measured.
            context.space.isSliceStepAssumed ? nil : (context.space.sliceStep * context.space.normal).sum()
        },
        .perInstance(.sliceLocation) { ($0.imagePosition * $0.series.space.normal).sum() },
    ]

    /// Image Pixel (PS3.3 C.7.6.3) for 16-bit samples, with the smallest and largest value and, where the volume has
    /// padding, the value that stands for it.
    public static let imagePixel: Blueprint = [
        .set(.samplesPerPixel, to: 1),
        .perSeries(.photometricInterpretation) { $0.format?.isInverted == true ? "MONOCHROME1" : "MONOCHROME2" },
        .perSeries(.rows) { $0.format?.rows },
        .perSeries(.columns) { $0.format?.columns },
        .perSeries(.bitsAllocated) { $0.format?.bitsAllocated },
        .perSeries(.bitsStored) { $0.format?.bitsStored },
        .perSeries(.highBit) { $0.format?.highBit },
        .perSeries(.pixelRepresentation) { $0.format.map { $0.isSigned ? 1 : 0 } },
        .element(perInstance: Attribute<Int>.smallestImagePixelValue.tag) { context in
            context.series.stored(.smallestImagePixelValue, context.storedRange?.lowerBound)
        },
        .element(perInstance: Attribute<Int>.largestImagePixelValue.tag) { context in
            context.series.stored(.largestImagePixelValue, context.storedRange?.upperBound)
        },
        .element(perSeries: Attribute<Int>.pixelPaddingValue.tag) { context in
            context.stored(.pixelPaddingValue, context.form?.padding)
        },
    ]

    /// SOP Common (PS3.3 C.12.1): the parent's SOP class, an instance UID of its own. Specific Character Set follows by
    /// itself from the text.
    public static let sopCommon: Blueprint = [
        .copy(.sopClassUID, from: .series),
        .perInstance(.sopInstanceUID) { $0.sopInstanceUID },
    ]

    private static func sourceImage(_ parent: DataSet) -> DataSet {
        var item = DataSet()
        item[.referencedSOPClassUID] = parent[.sopClassUID]
        item[.referencedSOPInstanceUID] = parent[.sopInstanceUID]
        item[.purposeOfReferenceCodeSequence] = [
            codeItem("121322", "Source image for image processing operation")
        ]
        return item
    }

    /// An item of a code sequence of the DICOM Controlled Terminology (PS3.16).
    static func codeItem(_ value: String, _ meaning: String) -> DataSet {
        var item = DataSet()
        item[.codeValue] = value
        item[.codingSchemeDesignator] = "DCM"
        item[.codeMeaning] = meaning
        return item
    }
}

extension SeriesContext {
    var format: PixelFormat? { form?.format }

    /// A stored value, US or SS by Pixel Representation.
    func stored(_ attribute: Attribute<Int>, _ value: Int?) -> DataElement? {
        guard let value, let format else { return nil }
        let vr: VR = format.isSigned ? .ss : .us
        return DataElement(attribute.tag, vr, value.elementValue(vr: vr))
    }
}

/// The items of the Contributing Equipment Sequence (PS3.3 C.12.1.1.5).
enum ContributingEquipment {
    static func versions(_ seed: DerivationSeed) -> [String] {
        [longString(seed.version), "DICOMNode " + Implementation.version].filter { !$0.isEmpty }
    }

    static func element(_ context: SeriesContext) -> DataElement {
        let tag = Attribute<[DataSet]>.contributingEquipmentSequence.tag
        let parent = context.parentHeader
        var items = (parent[.contributingEquipmentSequence] ?? []).map(withoutPrivateElements)
        if items.isEmpty, let acquisition = acquisition(parent) { items.append(acquisition) }
        return DataElement(tag, .sq, .sequence(items + [processing(context.seed)]))
    }

    private static func withoutPrivateElements(_ item: DataSet) -> DataSet {
        var item = item
        item.removeAll { $0.tag.isPrivate || $0.tag.isGroupLength }
        return item
    }

    /// What the parent's General Equipment names; nil where it names no manufacturer, which an item must have.
    private static func acquisition(_ parent: DataSet) -> DataSet? {
        guard parent[.manufacturer] != nil else { return nil }
        // The elements are copied as they are, so the item's text is in the parent's character set.
        var item = DataSet().inheriting(parent.characterSet)
        item[.purposeOfReferenceCodeSequence] = [Blueprint.codeItem("109101", "Acquisition Equipment")]
        let tags = [
            Attribute<String>.manufacturer.tag, Attribute<String>.institutionName.tag,
            Attribute<String>.stationName.tag,
            Attribute<String>.manufacturerModelName.tag, Attribute<String>.deviceSerialNumber.tag,
            Attribute<[String]>.softwareVersions.tag,
        ]
        for tag in tags {
            if let element = parent[element: tag], !element.isEmpty { item[element: tag] = element }
        }
        return item
    }

    private static func processing(_ seed: DerivationSeed) -> DataSet {
        var item = DataSet()
        item[.purposeOfReferenceCodeSequence] = [Blueprint.codeItem("109102", "Processing Equipment")]
        item[.manufacturer] = DerivationSeed.manufacturer
        item[.manufacturerModelName] = seed.modelName
        item[.softwareVersions] = versions(seed)
        item[.contributionDescription] = "Computed the series"
        return item
    }
}
