import DICOMCore
import DICOMDictionary
import DICOMImaging

extension Blueprint {
    /// The image of the parent's kind: ``ct`` or ``mr``, by its SOP class.
    public static let imageOfParent: Blueprint = [
        .include { context in
            switch context.parentHeader[.sopClassUID] {
            case UID.ctImageStorage: return .ct
            case UID.mrImageStorage: return .mr
            case let other:
                let name = other.map { DICOMDictionary.name(of: $0) ?? $0.string } ?? "no SOP class"
                throw DICOMError(
                    .unsupportedPixelData,
                    "there is a ready-made blueprint for CT Image Storage and MR Image Storage, not for \(name); a later "
                        + "release adds others, and .ct, .mr or rules of your own can be named instead")
            }
        }
    ]

    /// A whole CT Image (PS3.3 A.3): values are stored with Rescale Slope and Intercept.
    public static let ct: Blueprint = [
        .include(.image), .include(.ctModule), .set(.sopClassUID, to: .ctImageStorage), .set(.modality, to: "CT"),
    ]

    /// A whole MR Image (PS3.3 A.4). It has no rescale, so that values are rounded to whole numbers; only where the parent's
    /// images have one all the same (as a Standard Extended SOP Class), so have these.
    public static let mr: Blueprint = [
        .include(.image), .include(.mrModule), .set(.sopClassUID, to: .mrImageStorage), .set(.modality, to: "MR"),
    ]

    /// The modules that CT and MR images share.
    static let image: Blueprint = [
        .include(.patient), .include(.study), .include(.series), .include(.frameOfReference), .include(.equipment),
        .include(.generalImage), .include(.imagePlane), .include(.imagePixel), .include(.contrast),
        .include(.sopCommon),
    ]

    /// Contrast/Bolus (PS3.3 C.7.6.4), for parents that have it.
    static let contrast: Blueprint = [
        .copyIfPresent(.contrastBolusAgent), .copyIfPresent(.contrastBolusAgentSequence),
        .copyIfPresent(.contrastBolusRoute), .copyIfPresent(.contrastBolusVolume),
        .copyIfPresent(.contrastBolusStartTime), .copyIfPresent(.contrastBolusStopTime),
        .copyIfPresent(.contrastBolusTotalDose), .copyIfPresent(.contrastBolusIngredient),
        .copyIfPresent(.contrastBolusIngredientConcentration),
    ]

    /// CT Image (PS3.3 C.8.2.1).
    static let ctModule: Blueprint = [
        // Value 3 is AXIAL or LOCALIZER (C.8.2.1.1.1); what became a volume is no localizer.
        .set(.imageType, to: ["DERIVED", "SECONDARY", "AXIAL"]),
        .include(.rescale),
        .copyOrEmpty(.kvp),
        .copyOrEmpty(.acquisitionNumber),
        .copyIfPresent(.scanOptions),
        .copyIfPresent(.dataCollectionDiameter),
        .copyIfPresent(.reconstructionDiameter),
        .copyIfPresent(.distanceSourceToDetector),
        .copyIfPresent(.distanceSourceToPatient),
        .copyIfPresent(.gantryDetectorTilt),
        .copyIfPresent(.tableHeight),
        .copyIfPresent(.rotationDirection),
        .copyIfPresent(.exposureTime),
        .copyIfPresent(.xRayTubeCurrent),
        .copyIfPresent(.exposure),
        .copyIfPresent(.exposureInuAs),
        .copyIfPresent(.filterType),
        .copyIfPresent(.generatorPower),
        .copyIfPresent(.focalSpots),
        .copyIfPresent(.convolutionKernel),
        .copyIfPresent(.revolutionTime),
        .copyIfPresent(.singleCollimationWidth),
        .copyIfPresent(.totalCollimationWidth),
        .copyIfPresent(.tableSpeed),
        .copyIfPresent(.tableFeedPerRotation),
        .copyIfPresent(.spiralPitchFactor),
        .copyIfPresent(.exposureModulationType),
    ]

    /// The map from stored to real values, chosen for the volume.
    static let rescale: Blueprint = [
        .perSeries(.rescaleIntercept) { $0.form?.rescale.intercept },
        .perSeries(.rescaleSlope) { $0.form?.rescale.slope },
        .perSeries(.rescaleType) { $0.unit?.rawValue ?? "US" },
    ]

    /// MR Image (PS3.3 C.8.3.1).
    static let mrModule: Blueprint = [
        .include { $0.parentHeader[.rescaleSlope] == nil ? [] : .rescale },
        .perInstance(.imageType) { context in
            let parent = context.parent.header[.imageType] ?? []
            return ["DERIVED", "SECONDARY", parent.count > 2 && !parent[2].isEmpty ? parent[2] : "OTHER"]
        },
        .copy(.scanningSequence),
        .copy(.sequenceVariant),
        .copyOrEmpty(.scanOptions),
        .copyOrEmpty(.mrAcquisitionType),
        .copyOrEmpty(.repetitionTime),
        .copyOrEmpty(.echoTime),
        .copyOrEmpty(.echoTrainLength),
        .copyIfPresent(.inversionTime),
        .copyIfPresent(.triggerTime),
        .copyIfPresent(.sequenceName),
        .copyIfPresent(.angioFlag),
        .copyIfPresent(.numberOfAverages),
        .copyIfPresent(.imagingFrequency),
        .copyIfPresent(.imagedNucleus),
        .copyIfPresent(.echoNumbers),
        .copyIfPresent(.magneticFieldStrength),
        .copyIfPresent(.numberOfPhaseEncodingSteps),
        .copyIfPresent(.percentSampling),
        .copyIfPresent(.percentPhaseFieldOfView),
        .copyIfPresent(.pixelBandwidth),
        .copyIfPresent(.reconstructionDiameter),
        .copyIfPresent(.receiveCoilName),
        .copyIfPresent(.transmitCoilName),
        .copyIfPresent(.acquisitionMatrix),
        .copyIfPresent(.inPlanePhaseEncodingDirection),
        .copyIfPresent(.flipAngle),
        .copyIfPresent(.variableFlipAngleFlag),
        .copyIfPresent(.sar),
        .copyIfPresent(.dBdt),
        .copyIfPresent(.temporalPositionIdentifier),
        .copyIfPresent(.numberOfTemporalPositions),
        .copyIfPresent(.temporalResolution),
    ]
}
