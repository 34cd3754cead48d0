public import DICOMCore
import DICOMDictionary
import Glibc

/// By what a standardized uptake value relates the uptake to the patient.
public enum SUVType: String, Hashable, Sendable, CaseIterable {
    /// Patient's Weight.
    case bodyWeight
    /// Lean body mass by the formula of Janmahasatian et al. 2005, from weight, height and sex.
    case leanBodyMass
    /// Lean body mass by the formula of James and Waterlow (1.10 W − 128 (W/H)² for men, 1.07 W − 148 (W/H)² for women).
    case leanBodyMassJames
    /// Body surface area by the formula of Du Bois: 0.007184 × kg^0.425 × cm^0.725 m².
    case bodySurfaceArea

    /// The unit of the values.
    public var unit: VoxelUnit {
        switch self {
        case .bodyWeight: .suvBodyWeight
        case .leanBodyMass, .leanBodyMassJames: .suvLeanBodyMass
        case .bodySurfaceArea: .suvBodySurfaceArea
        }
    }
}

/// From the values of a PET image to standardized uptake values.
///
/// The method is that of the QIBA profile for FDG-PET/CT (vendor-neutral pseudo-code), and goes beyond it for images without
/// decay correction. Units are the image's:
/// - **BQML**: SUV = activity × mass / (injected dose, decayed to the time that the image is corrected to). That time is, for
///   Decay Correction START, the start of the scan: Series Time, or GE's private scan time, or where Series Time is later than
///   the acquisition, computed from Frame Reference Time; for ADMIN, the injection. For NONE it is the acquisition of each
///   slice, whose mean over Actual Frame Duration is brought to its start.
/// - **CNTS** of Philips: by the private SUV Scale Factor (7053,xx00), or by the Activity Concentration Scale Factor
///   (7053,xx09) to Bq/ml and on.
/// - **GML**: is SUV already, by SUV Type, body weight where that is absent.
public struct SUVConversion: Sendable {
    /// Which SUV is wanted.
    public let type: SUVType

    public init(_ type: SUVType = .bodyWeight) { self.type = type }

    /// What the values of a slice, after rescaling, have to be multiplied by.
    ///
    /// - Parameter attributes: Those of the slice, such as ``Series/Slice/attributes``.
    /// - Throws: ``DICOMError`` with the code `invalidQuantity`; it names the attribute that is absent or impossible.
    public func factor(for attributes: DataSet) throws(DICOMError) -> Double {
        switch attributes[.units] {
        case "BQML": return try factorOfActivity(attributes)
        case "CNTS":
            if let factor = attributes[.philipsSUVScaleFactor].flatMap({ Double($0) }), factor > 0 {
                return factor * (try ratio(to: .bodyWeight, attributes))
            }
            if let factor = attributes[.philipsActivityScaleFactor].flatMap({ Double($0) }), factor > 0 {
                return factor * (try factorOfActivity(attributes))
            }
            throw Self.invalid(
                "the image has counts (Units CNTS) and neither Philips' SUV Scale Factor (7053,xx00) nor Activity "
                    + "Concentration Scale Factor (7053,xx09)", .units)
        case "GML", "CM2ML":
            return try ratio(to: Self.storedType(attributes), attributes)
        case let units:
            throw Self.invalid(
                "an image in \(units ?? "no unit") cannot be brought to SUV; Units has to be BQML, GML or CNTS", .units)
        }
    }

    /// From one type of SUV to the one that is wanted; the patient is not asked about where both are the same.
    private func ratio(to stored: SUVType, _ attributes: DataSet) throws(DICOMError) -> Double {
        stored == type ? 1 : try mass(attributes) / SUVConversion(stored).mass(attributes)
    }

    private static func storedType(_ attributes: DataSet) -> SUVType {
        switch attributes[.suvType] {
        case "LBM", "LBMJANMA": .leanBodyMass
        case "LBMJAMES128": .leanBodyMassJames
        case "BSA": .bodySurfaceArea
        default: .bodyWeight
        }
    }

    // MARK: - Activity

    private func factorOfActivity(_ attributes: DataSet) throws(DICOMError) -> Double {
        guard let drug = attributes[.radiopharmaceuticalInformationSequence]?.first else {
            throw Self.invalid(
                "Radiopharmaceutical Information Sequence is absent", .radiopharmaceuticalInformationSequence)
        }
        let dose = try Self.positive(drug[.radionuclideTotalDose], "Radionuclide Total Dose", .radionuclideTotalDose)
        guard dose >= 1e4 else {
            throw Self.invalid(
                "Radionuclide Total Dose is \(dose) Bq, too little to be measured; is it in MBq?",
                .radionuclideTotalDose)
        }
        let halfLife = try Self.positive(drug[.radionuclideHalfLife], "Radionuclide Half Life", .radionuclideHalfLife)
        let mass = try mass(attributes)
        switch attributes[.decayCorrection] {
        case "ADMIN": return mass / dose
        case "START":
            let start = try scanStart(attributes, halfLife)
            return mass / (dose * exp2(-(try seconds(from: drug, to: start, attributes)) / halfLife))
        case "NONE":
            guard let acquisition = attributes.acquisitionMoment else {
                throw Self.invalid("Acquisition Date or Acquisition Time is absent", .acquisitionTime)
            }
            let elapsed = try seconds(from: drug, to: acquisition, attributes)
            // The mean over the frame, which is less than at its start.
            let decay = log(2) / halfLife * Double(attributes[.actualFrameDuration] ?? 0) / 1000
            let meanToStart = decay > 1e-9 ? decay / (1 - exp(-decay)) : 1
            return mass * meanToStart / (dose * exp2(-elapsed / halfLife))
        case let correction:
            throw Self.invalid(
                "Decay Correction is \(correction ?? "absent"); it has to be START, ADMIN or NONE", .decayCorrection)
        }
    }

    /// When the scan began that the image is decay-corrected to.
    private func scanStart(_ attributes: DataSet, _ halfLife: Double) throws(DICOMError) -> DICOMDateTime {
        let series = attributes.dateTime(.seriesDate, .seriesTime)
        let acquisition = attributes.acquisitionMoment
        if let series, let acquisition, series.secondsSinceEpoch <= acquisition.secondsSinceEpoch { return series }
        // A series that was computed later carries the time of that.
        if let scan = attributes[.gePETScanDateTime].flatMap({ DICOMDateTime($0) }) {
            return scan.assuming(acquisition?.offset)
        }
        guard let acquisition else {
            guard let series else {
                throw Self.invalid(
                    "neither Series Time nor Acquisition Time says when the scan began", .acquisitionTime)
            }
            return series
        }
        guard let reference = attributes[.frameReferenceTime], reference > 0,
            let duration = attributes[.actualFrameDuration], duration > 0
        else {
            throw Self.invalid(
                "Series Time is later than Acquisition Time, and Frame Reference Time or Actual Frame Duration is absent, so "
                    + "the start of the scan is not known", .seriesTime)
        }
        let rate = log(2) / halfLife
        let decay = rate * Double(duration) / 1000
        let meanTime = log(decay / (1 - exp(-decay))) / rate
        let start = acquisition.secondsSinceEpoch - reference / 1000 + meanTime
        guard start.isFinite, abs(start) < 1e11 else {
            throw Self.invalid("Frame Reference Time is \(reference) ms, which cannot be", .frameReferenceTime)
        }
        return DICOMDateTime(sinceEpoch: .seconds(start), offset: acquisition.offset ?? .utc) ?? acquisition
    }

    /// From the injection to a moment, s.
    private func seconds(
        from drug: DataSet, to moment: DICOMDateTime, _ attributes: DataSet
    ) throws(DICOMError) -> Double {
        if let injection = drug[.radiopharmaceuticalStartDateTime].flatMap({ DICOMDateTime($0) }), injection.time != nil
        {
            let local = injection.assuming(moment.offset)
            let elapsed = moment.assuming(local.offset).secondsSinceEpoch - local.secondsSinceEpoch
            guard elapsed >= 0 else { throw Self.injectionAfterScan }
            return elapsed
        }
        guard let time = drug[.radiopharmaceuticalStartTime].flatMap({ DICOMTime($0) }), let day = moment.date else {
            throw Self.invalid(
                "Radiopharmaceutical Start DateTime and Start Time are absent", .radiopharmaceuticalStartTime)
        }
        let injection = DICOMDateTime(day, time, offset: moment.offset)
        let elapsed = moment.secondsSinceEpoch - injection.secondsSinceEpoch
        if elapsed >= 0 { return elapsed }
        // Without a date: the day before, if the scan was soon after midnight.
        guard elapsed + 86_400 < 43_200 else { throw Self.injectionAfterScan }
        return elapsed + 86_400
    }

    private static var injectionAfterScan: DICOMError {
        invalid(
            "the injection is later than the scan; Radiopharmaceutical Start DateTime or Time, or the times of the series, are "
                + "wrong, or are in different time zones", .radiopharmaceuticalStartDateTime)
    }

    // MARK: - The patient

    private func weight(_ attributes: DataSet) throws(DICOMError) -> Double {
        let weight = try Self.positive(attributes[.patientWeight], "Patient's Weight", .patientWeight)
        guard weight <= 1000 else {
            throw Self.invalid("Patient's Weight is \(weight) kg; is it in g?", .patientWeight)
        }
        return weight
    }

    private func height(_ attributes: DataSet) throws(DICOMError) -> Double {
        let height = try Self.positive(attributes[.patientSize], "Patient's Size", .patientSize)
        guard height <= 3 else { throw Self.invalid("Patient's Size is \(height) m; is it in cm?", .patientSize) }
        return height
    }

    /// What the activity is related to: g, or for the surface cm².
    private func mass(_ attributes: DataSet) throws(DICOMError) -> Double {
        let weight = try weight(attributes)
        if type == .bodyWeight { return weight * 1000 }
        let height = try height(attributes)
        if type == .bodySurfaceArea { return 0.007184 * pow(weight, 0.425) * pow(height * 100, 0.725) * 10_000 }
        let isMale = attributes[.patientSex] == "M"
        guard isMale || attributes[.patientSex] == "F" else {
            throw Self.invalid("lean body mass needs Patient's Sex, M or F", .patientSex)
        }
        if type == .leanBodyMassJames {
            let ratio = weight / (height * 100)
            let mass = isMale ? 1.10 * weight - 128 * ratio * ratio : 1.07 * weight - 148 * ratio * ratio
            return try Self.positive(mass, "the lean body mass by James' formula", .patientWeight) * 1000
        }
        let bodyMassIndex = weight / (height * height)
        return 9270 * weight / (isMale ? 6680 + 216 * bodyMassIndex : 8780 + 244 * bodyMassIndex) * 1000
    }

    private static func positive<Value>(
        _ value: Double?, _ name: String, _ attribute: Attribute<Value>
    ) throws(DICOMError) -> Double {
        guard let value, value.isFinite, value > 0 else {
            throw invalid("\(name) is \(value.map { "\($0)" } ?? "absent"); it has to be more than 0", attribute)
        }
        return value
    }

    private static func invalid<Value>(_ what: String, _ attribute: Attribute<Value>) -> DICOMError {
        DICOMError(.invalidQuantity, "no SUV can be computed: \(what)", at: [attribute.tag])
    }
}

extension DataSet {
    /// When a slice's acquisition began.
    fileprivate var acquisitionMoment: DICOMDateTime? {
        self[.acquisitionDateTime].flatMap { DICOMDateTime($0) } ?? dateTime(.acquisitionDate, .acquisitionTime)
    }
}

extension PrivateAttribute where Value == String {
    fileprivate static var philipsSUVScaleFactor: Self {
        .init(creator: "Philips PET Private Group", 0x7053, 0x00, .ds)
    }
    fileprivate static var philipsActivityScaleFactor: Self {
        .init(creator: "Philips PET Private Group", 0x7053, 0x09, .ds)
    }
    fileprivate static var gePETScanDateTime: Self { .init(creator: "GEMS_PETD_01", 0x0009, 0x0D, .dt) }
}

extension Series {
    /// A PET series as standardized uptake values; each slice has its own factor.
    ///
    /// - Returns: slices × rows × columns, in the unit of the SUV type.
    /// - Throws: ``DICOMError`` with the code `invalidQuantity`, or as ``volume(of:policy:values:)``.
    public func suvVolume(_ type: SUVType = .bodyWeight, policy: GeometryPolicy = .reject) throws(DICOMError) -> Volume<
        Float
    > {
        let conversion = SUVConversion(type)
        var factors: [Float] = []
        for slice in slices {
            do throws(DICOMError) {
                factors.append(Float(try conversion.factor(for: slice.attributes)))
            } catch {
                throw DICOMError(error.code, "\(capitalised(slice.geometry.name)): \(error.message)", at: error.tagPath)
            }
        }
        guard !policy.resamples, !policy.takesLargestStack else {
            throw DICOMError(
                .unacceptableGeometry,
                "SUV is computed slice by slice; make the series regular before, then ask for its SUV")
        }
        var volume = try volume(of: Float.self, policy: policy)
        let area = volume.rows * volume.columns
        volume.withUnsafeMutableBuffer { voxels in
            for (slice, factor) in factors.enumerated() {
                for index in slice * area..<(slice + 1) * area { voxels[index] *= factor }
            }
        }
        volume.unit = type.unit
        return volume
    }
}
