public import DICOMCore
import DICOMDictionary
import Glibc

/// From modality values to what is shown: a window or a VOI LUT, then black to white (PS3.3 C.11.2, C.11.6).
public struct DisplayTransform: Hashable, Sendable {
    /// VOI LUT Function (PS3.3 C.11.2.1.3).
    public enum Function: String, Hashable, Sendable {
        /// The width counts from centre − 0.5 − (width − 1) / 2 to centre − 0.5 + (width − 1) / 2.
        case linear = "LINEAR"
        /// The width counts from centre − width / 2 to centre + width / 2.
        case linearExact = "LINEAR_EXACT"
        case sigmoid = "SIGMOID"
    }

    private enum Curve: Hashable, Sendable {
        case window(center: Double, width: Double, Function)
        case table(LookupTable)
    }

    private let curve: Curve
    /// Whether the smallest value is white (MONOCHROME1).
    public var isInverted: Bool

    private init(_ curve: Curve, _ isInverted: Bool) {
        self.curve = curve
        self.isInverted = isInverted
    }

    /// A window.
    ///
    /// - Parameters:
    ///   - center: In modality values, such as HU.
    ///   - width: More than 0, and at least 1 where the function is linear; smaller ones are taken as these.
    public init(center: Double, width: Double, function: Function = .linear, isInverted: Bool = false) {
        curve = .window(
            center: center, width: function == .linear ? max(1, width) : max(.leastNormalMagnitude, width), function)
        self.isInverted = isInverted
    }

    /// Shows the values of a range from black to white.
    public init(showing range: ClosedRange<Double>, isInverted: Bool = false) {
        self.init(
            center: (range.lowerBound + range.upperBound) / 2, width: range.upperBound - range.lowerBound,
            function: .linearExact, isInverted: isInverted)
    }

    /// Shows the values that there are, from the smallest to the largest; nil when none is a finite number.
    ///
    /// - Parameters:
    ///   - values: Modality values.
    ///   - padding: Values that are no measurement, so that they do not count; that of the air outside of the field of
    ///     view would take most of the range.
    public init?<Scalar: VoxelScalar>(
        fitting values: UnsafeBufferPointer<Scalar>, without padding: ClosedRange<Double>? = nil,
        isInverted: Bool = false
    ) {
        var (low, high) = (Double.infinity, -Double.infinity)
        for value in values {
            let value = value.doubleValue
            guard value.isFinite, padding?.contains(value) != true else { continue }
            low = min(low, value)
            high = max(high, value)
        }
        guard low <= high else { return nil }
        self.init(showing: low...high, isInverted: isInverted)
    }

    /// The view that a data set recommends; nil when it has none.
    ///
    /// - Parameter index: Which, counted from 0: the VOI LUTs come first, then the windows.
    /// - Throws: ``DICOMError`` with the code `invalidPixelDescription` for a damaged table.
    public init?(dataSet: DataSet, index: Int = 0) throws(DICOMError) {
        let isInverted = dataSet[.photometricInterpretation] == PhotometricInterpretation.monochrome1.rawValue
        let tables = dataSet[.voilutSequence] ?? []
        if index >= 0, index < tables.count {
            // What is looked up has passed the modality transform, which can make it negative.
            let isSigned =
                dataSet[.pixelRepresentation] == 1 || dataSet[.rescaleIntercept].map { $0 < 0 } == true
            self.init(.table(try LookupTable(tables[index], isInputSigned: isSigned)), isInverted)
            return
        }
        let window = index - tables.count
        guard let centers = dataSet[.windowCenter], let widths = dataSet[.windowWidth], window >= 0,
            window < centers.count, window < widths.count, centers[window].isFinite, widths[window].isFinite,
            widths[window] > 0
        else { return nil }
        let function = dataSet[.voilutFunction].flatMap(Function.init(rawValue:)) ?? .linear
        self.init(center: centers[window], width: widths[window], function: function, isInverted: isInverted)
    }

    /// Centre and width where the transform is a window.
    public var window: (center: Double, width: Double)? {
        if case .window(let center, let width, _) = curve { (center, width) } else { nil }
    }

    /// How bright a value is shown: 0 is black, 1 white. What is not a number is black.
    public func brightness(of value: Double) -> Double {
        guard !value.isNaN else { return 0 }
        let brightness: Double
        switch curve {
        case .window(let center, let width, .linear):
            // A width of 1 is a threshold.
            let place =
                width > 1 ? (value - (center - 0.5)) / (width - 1) + 0.5 : (value > center - 0.5 ? 1 : 0)
            brightness = max(0, min(1, place))
        case .window(let center, let width, .linearExact):
            brightness = max(0, min(1, (value - center) / width + 0.5))
        case .window(let center, let width, .sigmoid):
            brightness = 1 / (1 + exp(-4 * (value - center) / width))
        case .table(let table):
            let entry = table[Int(max(-1e9, min(1e9, value.rounded(.down))))]
            brightness = min(1, Double(entry) / Double((1 << table.bits) - 1))
        }
        // Infinite windows have no place for a value.
        guard !brightness.isNaN else { return 0 }
        return isInverted ? 1 - brightness : brightness
    }

}
