public import DICOMCore
import DICOMDictionary

/// From stored values to those of the modality: HU, for example (PS3.3 C.11.1).
public enum ModalityTransform: Hashable, Sendable {
    /// Rescale Slope and Rescale Intercept, or Dose Grid Scaling.
    case linear(Rescale)
    /// Modality LUT Sequence.
    case table(LookupTable)

    /// Stored values are the values.
    public static let identity = ModalityTransform.linear(.identity)

    /// Reads the transform; without one, stored values are the values.
    ///
    /// - Throws: ``DICOMError`` with the code `invalidPixelDescription`.
    public init(dataSet: DataSet, format: PixelFormat) throws(DICOMError) {
        if let item = dataSet[.modalityLUTSequence]?.first {
            guard format.sampleType == .unsigned || format.sampleType == .signed else {
                throw DICOMError(
                    .invalidPixelDescription, "a Modality LUT Sequence cannot map floating-point pixel data",
                    at: [Attribute<[DataSet]>.modalityLUTSequence.tag])
            }
            self = .table(try LookupTable(item, isInputSigned: format.isSigned))
        } else if let scaling = dataSet[.doseGridScaling], dataSet[.rescaleSlope] == nil {
            guard scaling.isFinite, scaling != 0 else {
                throw DICOMError(
                    .invalidPixelDescription, "Dose Grid Scaling is \(scaling)",
                    at: [Attribute<Double>.doseGridScaling.tag])
            }
            self = .linear(Rescale(slope: scaling, intercept: 0))
        } else {
            self = .linear(try Rescale(dataSet: dataSet))
        }
    }

    /// The linear map; that of a table is none.
    var rescale: Rescale {
        switch self {
        case .linear(let rescale): rescale
        case .table: .identity
        }
    }

    /// The value that a stored one means.
    func callAsFunction(_ stored: Double) -> Double {
        switch self {
        case .linear(let rescale): stored * rescale.slope + rescale.intercept
        case .table(let table): Double(table[Int(clamping: Int64(max(-1e9, min(1e9, stored))))])
        }
    }
}

/// A table from whole numbers to whole numbers: LUT Descriptor and LUT Data (PS3.3 C.11.1.1.1, C.11.2.1.1).
public struct LookupTable: Hashable, Sendable {
    /// The number that the first entry is for; smaller ones get the first entry too, larger ones than the last the last.
    public let firstMapped: Int
    public let entries: [UInt16]
    /// How many bits an entry has.
    public let bits: Int

    public init(firstMapped: Int, entries: [UInt16], bits: Int) {
        precondition(!entries.isEmpty, "a table needs an entry")
        self.firstMapped = firstMapped
        self.entries = entries
        self.bits = bits
    }

    /// Reads LUT Descriptor and LUT Data of an item of Modality LUT Sequence or VOI LUT Sequence.
    ///
    /// - Parameter isInputSigned: Whether the numbers that are looked up can be negative.
    /// - Throws: ``DICOMError`` with the code `invalidPixelDescription`.
    public init(_ item: DataSet, isInputSigned: Bool) throws(DICOMError) {
        try self.init(
            descriptor: item[element: Attribute.lutDescriptor.tag]?.bytes,
            data: item[element: Attribute.lutData.tag]?.bytes, isInputSigned: isInputSigned,
            at: [Attribute.lutDescriptor.tag])
    }

    /// Both attributes have their VR by the other attributes of the image, and files get it wrong: the bytes are read.
    init(
        descriptor: ArraySlice<UInt8>?, data: ArraySlice<UInt8>?, isInputSigned: Bool, at path: [DICOMTag]
    ) throws(DICOMError) {
        let (count, first, bits) = try Self.descriptor(descriptor, isInputSigned: isInputSigned, at: path)
        guard let data, data.count >= count else {
            throw DICOMError(
                .invalidPixelDescription,
                "the table should have \(count) entries, but its data have \(data?.count ?? 0) bytes", at: path)
        }
        let isWide = data.count >= 2 * count
        self.init(
            firstMapped: first,
            entries: (0..<count).map { index in
                let low = UInt16(data[data.startIndex + (isWide ? 2 * index : index)])
                return isWide ? low | UInt16(data[data.startIndex + 2 * index + 1]) << 8 : low
            }, bits: bits)
    }

    /// The number of entries (0 means 65,536), the first number mapped, and the bits of an entry.
    static func descriptor(
        _ bytes: ArraySlice<UInt8>?, isInputSigned: Bool, at path: [DICOMTag]
    ) throws(DICOMError) -> (count: Int, firstMapped: Int, bits: Int) {
        guard let bytes, bytes.count >= 6 else {
            throw DICOMError(.invalidPixelDescription, "the table has no descriptor of three numbers", at: path)
        }
        func word(_ index: Int) -> UInt16 {
            UInt16(bytes[bytes.startIndex + 2 * index]) | UInt16(bytes[bytes.startIndex + 2 * index + 1]) << 8
        }
        let count = word(0) == 0 ? 65_536 : Int(word(0))
        let first = isInputSigned ? Int(Int16(bitPattern: word(1))) : Int(word(1))
        return (count, first, min(16, max(1, Int(word(2)))))
    }

    /// The entry for a number.
    @inline(__always)
    public subscript(number: Int) -> Int {
        let (offset, overflow) = number.subtractingReportingOverflow(firstMapped)
        return Int(entries[overflow ? 0 : max(0, min(entries.count - 1, offset))])
    }

    /// The smallest and the largest entry.
    var range: ClosedRange<Int> {
        Int(entries.min() ?? 0)...Int(entries.max() ?? 0)
    }
}
