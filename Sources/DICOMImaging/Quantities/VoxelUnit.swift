import DICOMCore
import DICOMDictionary

/// What the numbers of a volume mean: the code of Rescale Type (PS3.3 C.11.1.1.2), of Units (PS3.3 C.8.9.1.1.3), or of the
/// unified code for units of measure (UCUM).
public struct VoxelUnit: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }

    /// The unit as one writes it for a person.
    public var description: String {
        switch self {
        case .becquerelPerMillilitre: "Bq/ml"
        case .counts: "counts"
        case .suvBodyWeight: "SUVbw (g/ml)"
        case .suvLeanBodyMass: "SUVlbm (g/ml)"
        case .suvBodySurfaceArea: "SUVbsa (cm²/ml)"
        case .squareMillimetresPerSecond: "mm²/s"
        default: rawValue
        }
    }

    /// Hounsfield units.
    public static let hounsfield: VoxelUnit = "HU"
    /// Becquerel for each millilitre.
    public static let becquerelPerMillilitre: VoxelUnit = "BQML"
    /// Counts of a detector.
    public static let counts: VoxelUnit = "CNTS"
    /// Proportional to counts.
    public static let proportionalToCounts: VoxelUnit = "PROPCNTS"
    /// Grams for each millilitre; of a PET image that does not say which SUV it is, by body weight (PS3.3 C.8.9.1.1.3).
    public static let gramsPerMillilitre: VoxelUnit = "GML"
    /// Standardized uptake value by body weight, g/ml.
    public static let suvBodyWeight: VoxelUnit = "{SUVbw}g/ml"
    /// Standardized uptake value by lean body mass, g/ml.
    public static let suvLeanBodyMass: VoxelUnit = "{SUVlbm}g/ml"
    /// Standardized uptake value by body surface area, cm²/ml.
    public static let suvBodySurfaceArea: VoxelUnit = "{SUVbsa}cm2/ml"
    /// Diffusion coefficients.
    public static let squareMillimetresPerSecond: VoxelUnit = "mm2/s"
    /// Absorbed dose.
    public static let gray: VoxelUnit = "Gy"
}

extension VoxelUnit {
    /// The unit that an instance states: Units (PET), Dose Units, Rescale Type, the measurement units of a real-world value
    /// map, or Hounsfield units for a CT image that states none.
    ///
    /// PS3.3 C.8.2.1.1.4: a CT image's Rescale Type may be absent only when it is HU; US means unspecified.
    init?(dataSet: DataSet) {
        if let units = dataSet[.units] {
            self = Self.petUnit(units, suvType: dataSet[.suvType])
        } else if let dose = dataSet[.doseUnits] {
            self = dose == "GY" ? .gray : VoxelUnit(rawValue: dose)
        } else if let type = dataSet[.rescaleType], type != "US" {
            self.init(rawValue: type)
        } else if dataSet[.realWorldValueSlope] != nil,
            let code = dataSet[.measurementUnitsCodeSequence]?.first?[.codeValue]
        {
            self.init(rawValue: code)
        } else if dataSet[.rescaleType] == nil, dataSet[.sopClassUID] == .ctImageStorage,
            dataSet[.imageType]?.contains("LOCALIZER") != true
        {
            self = .hounsfield
        } else {
            return nil
        }
    }

    private static func petUnit(_ units: String, suvType: String?) -> VoxelUnit {
        switch (units, suvType) {
        case ("GML", "BW"?): .suvBodyWeight
        case ("GML", "LBM"?), ("GML", "LBMJANMA"?), ("GML", "LBMJAMES128"?): .suvLeanBodyMass
        case ("CM2ML", "BSA"?): .suvBodySurfaceArea
        default: VoxelUnit(rawValue: units)
        }
    }
}
