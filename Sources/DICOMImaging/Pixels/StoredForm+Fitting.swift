package import DICOMCore
import Glibc

/// What to do with values that 16 bits without rescale cannot hold.
public enum OutOfRangePolicy: Sendable, Hashable {
    /// Refuse to make the series.
    case reject
    /// Store the nearest value that can be stored.
    case clamp
}

extension StoredForm {
    /// The form for an object with Rescale Slope and Intercept (CT).
    ///
    /// Whole numbers whose range fits into 16 bits are stored exactly: slope 1 and a whole intercept, the parent's where
    /// it can be kept. Other values get the least slope with which 16 unsigned bits cover their range; what is read back
    /// then differs from the volume by at most half that slope, (largest − smallest) / 131,070 (131,068 with padding).
    ///
    /// - Throws: ``DICOMError`` with the code `valueOutOfRange` for values that are not finite or whose range is not.
    package static func rescaled(
        _ statistics: VoxelStatistics, padding: Double?, parent: (format: PixelFormat, rescale: Rescale), rows: Int,
        columns: Int
    ) throws(DICOMError) -> StoredForm {
        try refuseNonFinite(statistics)
        let range = statistics.range ?? 0...0
        func form(signed: Bool, _ rescale: Rescale, _ padding: Int?) -> StoredForm {
            StoredForm(
                format: PixelFormat(
                    rows: rows, columns: columns, bitsAllocated: 16, bitsStored: 16, isSigned: signed,
                    photometricInterpretation: parent.format.photometricInterpretation), rescale: rescale,
                padding: padding)
        }
        if statistics.isIntegral, let exact = exactForm(range, padding, parent) {
            return form(signed: exact.isSigned, Rescale(slope: 1, intercept: exact.intercept), exact.padding)
        }
        let levels = padding == nil ? 65_535.0 : 65_534.0
        let slope = try leastSlope(range, levels: levels)
        let intercept = Double(decimalString(range.lowerBound - (padding == nil ? 0 : slope))) ?? 0
        return form(signed: false, Rescale(slope: slope, intercept: intercept), padding == nil ? nil : 0)
    }

    /// Slope 1 and a whole intercept with which the range, and padding beside it, fit into 16 bits; nil where none does.
    private static func exactForm(
        _ range: ClosedRange<Double>, _ padding: Double?, _ parent: (format: PixelFormat, rescale: Rescale)
    ) -> (isSigned: Bool, intercept: Double, padding: Int?)? {
        var candidates = [(isSigned: true, intercept: 0.0), (false, range.lowerBound - (padding == nil ? 0 : 1))]
        let kept = parent.rescale.intercept
        if parent.rescale.slope == 1, kept == kept.rounded(.toNearestOrEven) {
            candidates.insert((parent.format.isSigned, kept), at: 0)
        }
        // First where padding keeps its own value, then wherever it finds a place.
        for keepsPadding in padding == nil ? [false] : [true, false] {
            for (isSigned, intercept) in candidates where isExactDecimal(intercept) {
                let possible = isSigned ? -32_768.0...32_767.0 : 0.0...65_535.0
                let stored = range.lowerBound - intercept...range.upperBound - intercept
                guard possible.contains(stored.lowerBound), possible.contains(stored.upperBound) else { continue }
                guard let padding else { return (isSigned, intercept, nil) }
                let own = padding - intercept
                guard let place = placeForPadding(own, beside: stored, in: possible),
                    !keepsPadding || Double(place) == own
                else { continue }
                return (isSigned, intercept, place)
            }
        }
        return nil
    }

    /// The form for an object without rescale (classic MR): each value is rounded to the nearest whole number.
    ///
    /// Unsigned where nothing is negative, signed otherwise.
    /// - Throws: ``DICOMError`` with the code `valueOutOfRange` for values that are not finite and, under
    ///   ``OutOfRangePolicy/reject``, for those that 16 bits cannot hold.
    package static func whole(
        _ statistics: VoxelStatistics, padding: Double?, outOfRange: OutOfRangePolicy, isInverted: Bool, rows: Int,
        columns: Int
    ) throws(DICOMError) -> StoredForm {
        try refuseNonFinite(statistics)
        let range = statistics.range ?? 0...0
        var (low, high) = (
            range.lowerBound.rounded(.toNearestOrEven), range.upperBound.rounded(.toNearestOrEven)
        )
        if low < 0 ? low < -32_768 || high > 32_767 : high > 65_535, outOfRange == .reject {
            throw DICOMError(
                .valueOutOfRange,
                "the values go from \(range.lowerBound) to \(range.upperBound), which 16 bits without rescale cannot "
                    + "hold; scale the volume, or clamp it with outOfRange: .clamp")
        }
        for signed in low < 0 ? [true] : [false, true] {
            let possible = signed ? -32_768.0...32_767.0 : 0.0...65_535.0
            if outOfRange == .clamp, signed == (low < 0) {
                (low, high) = (max(low, possible.lowerBound), min(high, possible.upperBound))
            }
            guard possible.contains(low), possible.contains(high) else { continue }
            let place = padding.flatMap { placeForPadding($0, beside: low...high, in: possible) }
            if padding != nil, place == nil { continue }
            return StoredForm(
                format: PixelFormat(
                    rows: rows, columns: columns, bitsAllocated: 16, bitsStored: 16, isSigned: signed,
                    photometricInterpretation: isInverted ? .monochrome1 : .monochrome2), padding: place)
        }
        throw DICOMError(
            .valueOutOfRange, "the values use all that 16 bits can hold and leave none for padding; scale the volume")
    }

    /// The stored value of padding: its own where no voxel can have it, else one beside the voxels'; nil without room.
    private static func placeForPadding(
        _ wanted: Double, beside stored: ClosedRange<Double>, in possible: ClosedRange<Double>
    ) -> Int? {
        for place in [wanted, stored.lowerBound - 1, stored.upperBound + 1]
        where possible.contains(place) && !stored.contains(place) && place == place.rounded(.toNearestOrEven) {
            return Int(place)
        }
        return nil
    }

    /// The least slope, as a decimal string can say it, with which so many levels cover the range.
    private static func leastSlope(_ range: ClosedRange<Double>, levels: Double) throws(DICOMError) -> Double {
        let extent = range.upperBound - range.lowerBound
        guard extent.isFinite else {
            throw DICOMError(.valueOutOfRange, "the values' range is too wide for a rescale slope; scale the volume")
        }
        let exact = extent / levels
        // A decimal string has 16 characters: round up, so that the largest value is still covered.
        for factor in [1, 1 + 1e-13, 1 + 1e-11, 1 + 1e-9, 1 + 1e-7] {
            if let slope = Double(decimalString(exact * factor)), slope >= exact, slope > 1e-300 { return slope }
        }
        return 1
    }

    private static func refuseNonFinite(_ statistics: VoxelStatistics) throws(DICOMError) {
        guard statistics.hasNonFinite else { return }
        throw DICOMError(
            .valueOutOfRange,
            "the volume has voxels that are infinite or not a number, which no image can store; replace them first")
    }

    private static func isExactDecimal(_ value: Double) -> Bool {
        Double(decimalString(value)) == value
    }
}
