public import DICOMCore
import DICOMDictionary

/// How the samples of a frame are stored (Image Pixel Module, PS3.3 C.7.6.3; float and double: C.7.6.24, C.7.6.25).
public struct PixelFormat: Hashable, Sendable {
    /// What kind of number a sample is.
    public enum SampleType: Hashable, Sendable {
        case unsigned
        /// Two's complement (Pixel Representation 1).
        case signed
        /// IEEE 754 of 32 bits (Float Pixel Data).
        case float
        /// IEEE 754 of 64 bits (Double Float Pixel Data).
        case double
    }

    public private(set) var rows: Int
    public private(set) var columns: Int
    /// 1, or 3 for colour.
    public let samplesPerPixel: Int
    public package(set) var photometricInterpretation: PhotometricInterpretation
    /// Whether all samples of one kind come before those of the next (Planar Configuration 1), frame by frame.
    public package(set) var isPlanar: Bool
    /// 1, 8, 16 or 32; 64 for double. Whole numbers of 64 bits, which no SOP class has, are refused.
    public let bitsAllocated: Int
    /// How many bits of a cell belong to the sample, at most ``bitsAllocated``.
    public let bitsStored: Int
    /// The place of the sample's most significant bit in its cell. Bits above it and below the sample are ignored: old
    /// images have overlays there.
    public let highBit: Int
    public let sampleType: SampleType

    /// Whether samples are two's complement (Pixel Representation 1).
    public var isSigned: Bool { sampleType == .signed }
    /// MONOCHROME1 shows the smallest value white. It does not change the values.
    public var isInverted: Bool { photometricInterpretation == .monochrome1 }

    /// The samples of a frame.
    public var sampleCount: Int { rows * columns * samplesPerPixel }

    /// The bytes that a native frame takes; samples of one bit are packed, lowest bit first.
    public var frameLength: Int { (sampleCount * bitsAllocated + 7) / 8 }

    /// The values that a sample can have, where samples are whole numbers.
    public var storedRange: ClosedRange<Int> {
        isSigned ? -(1 << (bitsStored - 1))...(1 << (bitsStored - 1)) - 1 : 0...(1 << bitsStored) - 1
    }

    /// Reads the description and checks that it agrees with itself.
    ///
    /// - Throws: ``DICOMError`` with the code `invalidPixelDescription`.
    public init(dataSet: DataSet) throws(DICOMError) {
        let vr: VR =
            dataSet.contains(.floatPixelData) ? .of : dataSet.contains(.doubleFloatPixelData) ? .od : .ow
        try self.init(dataSet: dataSet, pixelVR: vr)
    }

    /// - Parameter pixelVR: That of the pixel data, which a header alone does not say: OF and OD hold real numbers.
    init(dataSet: DataSet, pixelVR: VR) throws(DICOMError) {
        rows = try Self.required(dataSet, .rows, "Rows", 1...65_535)
        columns = try Self.required(dataSet, .columns, "Columns", 1...65_535)
        samplesPerPixel = dataSet[.samplesPerPixel] ?? 1
        guard samplesPerPixel == 1 || samplesPerPixel == 3 else {
            throw DICOMError(
                .invalidPixelDescription, "Samples per Pixel is \(samplesPerPixel); it has to be 1 or 3",
                at: [Attribute<Int>.samplesPerPixel.tag])
        }
        photometricInterpretation = PhotometricInterpretation(
            rawValue: dataSet[.photometricInterpretation] ?? (samplesPerPixel == 1 ? "MONOCHROME2" : "RGB"))
        isPlanar = samplesPerPixel > 1 && dataSet[.planarConfiguration] == 1
        bitsAllocated = try Self.required(dataSet, .bitsAllocated, "Bits Allocated", 1...64)
        let widths = pixelVR == .of ? [32] : pixelVR == .od ? [64] : [1, 8, 16, 32]
        guard widths.contains(bitsAllocated) else {
            throw DICOMError(
                .invalidPixelDescription,
                "Bits Allocated is \(bitsAllocated); it has to be 1, 8, 16 or 32, in Float Pixel Data 32, in Double "
                    + "Float Pixel Data 64", at: [Attribute<Int>.bitsAllocated.tag])
        }
        if pixelVR == .of || pixelVR == .od {
            sampleType = pixelVR == .of ? .float : .double
            bitsStored = bitsAllocated
            highBit = bitsAllocated - 1
            return
        }
        bitsStored = try Self.required(dataSet, .bitsStored, "Bits Stored", 1...bitsAllocated)
        highBit = dataSet[.highBit] ?? bitsStored - 1
        guard (bitsStored - 1..<bitsAllocated).contains(highBit) else {
            throw DICOMError(
                .invalidPixelDescription,
                "High Bit is \(highBit), but \(bitsStored) bits stored in \(bitsAllocated) ask for "
                    + "\(bitsStored - 1) to \(bitsAllocated - 1)", at: [Attribute<Int>.highBit.tag])
        }
        let isSigned = try Self.required(dataSet, .pixelRepresentation, "Pixel Representation", 0...1) == 1
        sampleType = isSigned ? .signed : .unsigned
    }

    /// A description that the program makes itself: samples that fill their cells' lower bits.
    package init(
        rows: Int, columns: Int, samplesPerPixel: Int = 1, bitsAllocated: Int, bitsStored: Int, isSigned: Bool,
        photometricInterpretation: PhotometricInterpretation = .monochrome2, isPlanar: Bool = false
    ) {
        precondition([1, 8, 16, 32].contains(bitsAllocated) && (1...bitsAllocated).contains(bitsStored))
        self.rows = rows
        self.columns = columns
        self.samplesPerPixel = samplesPerPixel
        self.photometricInterpretation = photometricInterpretation
        self.isPlanar = isPlanar
        self.bitsAllocated = bitsAllocated
        self.bitsStored = bitsStored
        highBit = bitsStored - 1
        sampleType = isSigned ? .signed : .unsigned
    }

    /// Whether frames of both take the same bytes and mean the same samples.
    func isStoredLike(_ other: PixelFormat) -> Bool {
        rows == other.rows && columns == other.columns && samplesPerPixel == other.samplesPerPixel
            && bitsAllocated == other.bitsAllocated && sampleType == other.sampleType
    }

    /// The format of a part of the frame.
    func resized(rows: Int, columns: Int) -> PixelFormat {
        var format = self
        (format.rows, format.columns) = (rows, columns)
        return format
    }

    private static func required(
        _ dataSet: DataSet, _ attribute: Attribute<Int>, _ name: String, _ range: ClosedRange<Int>
    ) throws(DICOMError) -> Int {
        guard let value = dataSet[attribute] else {
            throw DICOMError(
                .invalidPixelDescription, "\(name) is missing, so the pixel data cannot be read", at: [attribute.tag])
        }
        guard range.contains(value) else {
            throw DICOMError(
                .invalidPixelDescription,
                "\(name) is \(value); it has to be \(range.lowerBound) to \(range.upperBound)",
                at: [attribute.tag])
        }
        return value
    }
}

/// The linear map from stored to real-world values of one instance (PS3.3 C.11.1.1.2, C.8.2.1).
public struct Rescale: Hashable, Sendable {
    public let slope: Double
    public let intercept: Double

    /// Stored values are the values.
    public static let identity = Rescale(slope: 1, intercept: 0)

    package init(slope: Double, intercept: Double) {
        self.slope = slope
        self.intercept = intercept
    }

    /// Reads Rescale Slope and Rescale Intercept; a missing one is 1 or 0.
    ///
    /// - Throws: ``DICOMError`` with the code `invalidPixelDescription` when one is no number or the slope is zero.
    public init(dataSet: DataSet) throws(DICOMError) {
        slope = try Self.number(dataSet, .rescaleSlope, "Rescale Slope", absent: 1)
        intercept = try Self.number(dataSet, .rescaleIntercept, "Rescale Intercept", absent: 0)
        guard slope != 0 else {
            throw DICOMError(
                .invalidPixelDescription, "Rescale Slope is 0, which maps every stored value to the same",
                at: [Attribute<Double>.rescaleSlope.tag])
        }
    }

    private static func number(
        _ dataSet: DataSet, _ attribute: Attribute<Double>, _ name: String, absent: Double
    ) throws(DICOMError) -> Double {
        guard let element = dataSet[element: attribute.tag], !element.isEmpty else { return absent }
        guard let number = dataSet[attribute], number.isFinite else {
            throw DICOMError(.invalidPixelDescription, "\(name) is not a finite number", at: [attribute.tag])
        }
        return number
    }
}

/// The stored values that mean "no measurement here" (Pixel Padding Value and Range Limit, PS3.3 C.7.5.1.1.2).
struct PixelPadding: Hashable {
    let range: ClosedRange<Double>

    /// Reads the padding values; nil where the data set declares none.
    ///
    /// The attributes of whole numbers are US or SS by Pixel Representation. Files get that wrong, so the 16 bits are taken
    /// as they are.
    init?(dataSet: DataSet, format: PixelFormat) {
        let ends: (Double, Double?)?
        switch format.sampleType {
        case .float:
            ends = dataSet[.floatPixelPaddingValue].map {
                (Double($0), dataSet[.floatPixelPaddingRangeLimit].map { Double($0) })
            }
        case .double:
            ends = dataSet[.doubleFloatPixelPaddingValue].map { ($0, dataSet[.doubleFloatPixelPaddingRangeLimit]) }
        case .signed, .unsigned:
            func interpreted(_ value: Int) -> Double {
                format.isSigned ? Double(Int16(truncatingIfNeeded: value)) : Double(UInt16(truncatingIfNeeded: value))
            }
            ends = dataSet[.pixelPaddingValue].map {
                (interpreted($0), dataSet[.pixelPaddingRangeLimit].map(interpreted))
            }
        }
        guard let (first, last) = ends, !first.isNaN, last?.isNaN != true else { return nil }
        range = min(first, last ?? first)...max(first, last ?? first)
    }
}
