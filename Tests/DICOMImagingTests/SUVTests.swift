import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Foundation
import Testing

extension PrivateAttribute where Value == String {
    fileprivate static var suvScaleFactor: Self { .init(creator: "Philips PET Private Group", 0x7053, 0x00, .ds) }
    fileprivate static var activityScaleFactor: Self { .init(creator: "Philips PET Private Group", 0x7053, 0x09, .ds) }
    fileprivate static var scanDateTime: Self { .init(creator: "GEMS_PETD_01", 0x0009, 0x0D, .dt) }
}

/// Computed by hand: 70 kg, 370 MBq of F-18 (half-life 6,586.2 s), injected at 12:00.
///
/// The formula is SUV = C / (D / W) (Kinahan and Fletcher, Semin Ultrasound CT MR 2010), D decayed by 2^(−Δt / T½) to the time
/// that C is corrected to.
struct SUVTests {
    private let halfLife = 6586.2

    private func pet(_ change: (inout DataSet) -> Void = { _ in }) -> DataSet {
        var drug = DataSet()
        drug[.radiopharmaceuticalStartTime] = "120000.00"
        drug[.radionuclideTotalDose] = 370_000_000
        drug[.radionuclideHalfLife] = halfLife
        var dataSet = DataSet()
        dataSet[.radiopharmaceuticalInformationSequence] = [drug]
        dataSet[.units] = "BQML"
        dataSet[.decayCorrection] = "START"
        dataSet[.patientWeight] = 70
        dataSet[.seriesDate] = "20260102"
        dataSet[.seriesTime] = "130000"
        dataSet[.acquisitionDate] = "20260102"
        dataSet[.acquisitionTime] = "130500"
        change(&dataSet)
        return dataSet
    }

    private func factor(_ dataSet: DataSet, _ type: SUVType = .bodyWeight) throws -> Double {
        try SUVConversion(type).factor(for: dataSet)
    }

    private func isNear(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-6 * abs(b) }

    /// START: an hour, 3,600 s: 2^(−3600 / 6586.2) = 0.684633; 370 MBq have become 253.3142 MBq;
    /// 70,000 g / 253,314,180 Bq = 2.763367e-4.
    @Test func startIsTheSeriesTime() throws {
        let value = try factor(pet())
        #expect(isNear(value, 70_000 / (370e6 * pow(2, -3600 / 6586.2))))
        #expect(abs(value - 2.763367e-4) < 1e-9)
    }

    /// ADMIN: the pixels are corrected to the injection: 70,000 g / 370 MBq = 1.891892e-4.
    @Test func adminNeedsNoTime() throws {
        let value = try factor(pet { $0[.decayCorrection] = "ADMIN" })
        #expect(isNear(value, 70_000 / 370e6) && abs(value - 1.891892e-4) < 1e-10)
    }

    /// NONE: the slice's own acquisition, 3,900 s after the injection; a frame of 600 s has λΔ = 0.0631453, and its mean is
    /// (1 − e^−λΔ) / λΔ = 0.969081 of its start.
    @Test func noneIsTheAcquisitionOfTheSlice() throws {
        let short = try factor(pet { $0[.decayCorrection] = "NONE" })
        #expect(isNear(short, 70_000 / (370e6 * pow(2, -3900 / 6586.2))))
        let long = try factor(
            pet {
                $0[.decayCorrection] = "NONE"
                $0[.actualFrameDuration] = 600_000
            })
        let decay = log(2) / 6586.2 * 600
        #expect(isNear(long, short * decay / (1 - exp(-decay))))
        #expect(abs(short / long - 0.969081) < 1e-6)
    }

    @Test func aSeriesThatWasMadeLaterHasTheScansTimeElsewhere() throws {
        let expected = 70_000 / (370e6 * pow(2, -3600 / 6586.2))
        let ge = pet {
            $0[.seriesTime] = "180000"
            $0[.scanDateTime] = "20260102130000.00"
        }
        #expect(isNear(try factor(ge), expected))
        // The frame began 300 s after the scan did: mean time of a 120 s frame from its start is 59.87 s.
        let siemens = pet {
            $0[.seriesTime] = "180000"
            $0[.frameReferenceTime] = 359_873.7
            $0[.actualFrameDuration] = 120_000
        }
        #expect(abs(try factor(siemens) / expected - 1) < 1e-4)
        #expect(code { _ = try factor(pet { $0[.seriesTime] = "180000" }) } == .invalidQuantity)
    }

    @Test func leanBodyMassAndSurface() throws {
        let patient = pet {
            $0[.decayCorrection] = "ADMIN"
            $0[.patientSize] = 1.75
            $0[.patientSex] = "M"
        }
        // BMI 22.8571; 9270 × 70 / (6680 + 216 × 22.8571) = 55.8571 kg.
        #expect(abs(try factor(patient, .leanBodyMass) * 370e6 - 55_857.1) < 0.1)
        // 1.10 × 70 − 128 × (70 / 175)² = 77 − 20.48 = 56.52 kg.
        #expect(abs(try factor(patient, .leanBodyMassJames) * 370e6 - 56_520) < 1e-6)
        // 0.007184 × 70^0.425 × 175^0.725 = 1.848143 m².
        #expect(abs(try factor(patient, .bodySurfaceArea) * 370e6 - 18_481.43) < 0.05)
    }

    @Test func midnightAndZones() throws {
        let expected = 70_000 / (370e6 * pow(2, -3600 / 6586.2))
        let overMidnight = pet {
            var drug = $0[.radiopharmaceuticalInformationSequence]?.first ?? DataSet()
            drug[.radiopharmaceuticalStartTime] = "233000"
            $0[.radiopharmaceuticalInformationSequence] = [drug]
            $0[.seriesTime] = "003000"
            $0[.acquisitionTime] = "003000"
        }
        #expect(isNear(try factor(overMidnight), expected))
        let zoned = pet {
            var drug = $0[.radiopharmaceuticalInformationSequence]?.first ?? DataSet()
            drug[.radiopharmaceuticalStartDateTime] = "20260102110000+0000"
            $0[.radiopharmaceuticalInformationSequence] = [drug]
            $0[.timezoneOffsetFromUTC] = "+0100"
        }
        #expect(isNear(try factor(zoned), expected))
        let after = pet {
            $0[.seriesTime] = "113000"
            $0[.acquisitionTime] = "113500"
        }
        #expect(code { _ = try factor(after) } == .invalidQuantity)
    }

    @Test func philipsCountsAndGramsPerMillilitre() throws {
        let suv = pet {
            $0[.units] = "CNTS"
            $0[.suvScaleFactor] = "0.00025"
            $0[.activityScaleFactor] = "1.5"
        }
        #expect(try factor(suv) == 0.00025)
        let activity = pet {
            $0[.units] = "CNTS"
            $0[.activityScaleFactor] = "1.5"
        }
        #expect(isNear(try factor(activity), try 1.5 * factor(pet())))
        #expect(try factor(pet { $0[.units] = "GML" }) == 1)
        #expect(code { _ = try factor(pet { $0[.units] = "CNTS" }) } == .invalidQuantity)
        #expect(code { _ = try factor(pet { $0[.units] = "PROPCNTS" }) } == .invalidQuantity)
    }

    @Test func whatIsMissingIsNamed() throws {
        func message(_ change: (inout DataSet) -> Void) -> String {
            do {
                _ = try factor(pet(change))
                return ""
            } catch { return "\(error)" }
        }
        #expect(message { $0[.patientWeight] = 0 }.contains("Patient's Weight"))
        #expect(message { $0[.patientWeight] = nil }.contains("absent"))
        #expect(message { $0[.decayCorrection] = nil }.contains("Decay Correction"))
        #expect(message { $0[.radiopharmaceuticalInformationSequence] = nil }.contains("Radiopharmaceutical"))
        let wrongDose = message {
            var drug = $0[.radiopharmaceuticalInformationSequence]?.first ?? DataSet()
            drug[.radionuclideTotalDose] = 370
            $0[.radiopharmaceuticalInformationSequence] = [drug]
        }
        #expect(wrongDose.contains("MBq"))
    }

    /// Each slice has its own factor, and the volume its unit.
    @Test func aSeriesBecomesAVolume() throws {
        var dataSets = try PhantomSeries(modality: .mr, slices: 3, rows: 4, columns: 5).dataSets
        for index in dataSets.indices {
            for element in pet({ $0[.decayCorrection] = "NONE" }) { dataSets[index][element: element.tag] = element }
            dataSets[index][.acquisitionTime] = "1\(index + 2)0000"
            dataSets[index][.rescaleSlope] = 2
            dataSets[index][.rescaleIntercept] = 0
            dataSets[index][.rescaleType] = nil
        }
        let series = try Series(dataSets: dataSets)
        let suv = try series.suvVolume()
        let activity = try series.volume(of: Float.self)
        #expect(suv.unit == .suvBodyWeight && activity.unit == .becquerelPerMillilitre)
        for slice in 0..<3 {
            let expected = try Double(activity[slice, 1, 2]) * factor(series.slices[slice].attributes)
            #expect(abs(Double(suv[slice, 1, 2]) - expected) < 1e-5 * abs(expected))
        }
    }
}
