import DICOMCore

/// The header of a NIfTI-1 or NIfTI-2 file (nifti1.h, nifti2.h), in the names of its fields.
public struct NIfTIHeader: Sendable, Equatable {
    /// The type of a stored number.
    public enum DataType: Int, Sendable, CaseIterable {
        case uint8 = 2
        case int16 = 4
        case int32 = 8
        case float = 16
        case double = 64
        case rgb = 128
        case int8 = 256
        case uint16 = 512
        case uint32 = 768
        case int64 = 1024
        case uint64 = 1280
        case rgba = 2304

        /// Bytes of a voxel.
        public var size: Int {
            switch self {
            case .uint8, .int8: 1
            case .int16, .uint16: 2
            case .rgb: 3
            case .int32, .uint32, .float, .rgba: 4
            case .double, .int64, .uint64: 8
            }
        }
    }

    /// 1 or 2.
    public var version = 1
    /// The extents, 1 to 7 of them, the one of the index that runs fastest first.
    public var dimensions: [Int] = []
    public var dataType = DataType.float
    /// The grid spacings of the dimensions, mm and s.
    public var spacings: [Double] = []
    /// 1 or −1: whether the third axis of the quaternion is turned round (pixdim[0]).
    public var qfac = 1.0
    /// value = stored × slope + intercept; a slope of 0 means that values are as stored.
    public var slope = 0.0
    public var intercept = 0.0
    /// What is shown black and white; both 0: not given.
    public var calMin = 0.0
    public var calMax = 0.0
    /// At most 79 characters.
    public var description = ""
    /// At most 23 characters.
    public var auxiliaryFile = ""
    /// At most 15 characters.
    public var intentName = ""
    public var intentCode = 0
    public var intentParameters = [0.0, 0.0, 0.0]
    /// The units of space (2: mm) and, eightfold, of time (8: s, 16: ms).
    public var units = 2 | 8
    public var sliceCode = 0
    public var sliceStart = 0
    public var sliceEnd = 0
    public var sliceDuration = 0.0
    public var timeOffset = 0.0
    public var dimensionInfo = 0
    /// 0: there is none; 1: scanner coordinates; 2: aligned to another image.
    public var qformCode = 0
    /// b, c and d; a is what is missing to 1.
    public var quaternion = [0.0, 0.0, 0.0]
    public var quaternionOffset = [0.0, 0.0, 0.0]
    public var sformCode = 0
    /// Three rows of four: from indices to mm, RAS.
    public var sform = [Double](repeating: 0, count: 12)
    /// Where the voxels begin in the file.
    public var voxelOffset = 352

    public init() {}

    /// How many voxels there are.
    var voxelCount: Int? {
        dimensions.reduce(1) { product, extent in
            guard let product else { return nil }
            let (next, overflow) = product.multipliedReportingOverflow(by: extent)
            return overflow ? nil : next
        }
    }

    // MARK: - Reading

    /// How long the header is by its first four bytes, and whether it is big endian; nil when it is none.
    static func layout(_ bytes: [UInt8]) -> (length: Int, isBigEndian: Bool)? {
        guard bytes.count >= 4 else { return nil }
        for isBigEndian in [false, true] {
            let number = (0..<4).reduce(0) { $0 | Int(bytes[$1]) << (8 * (isBigEndian ? 3 - $1 : $1)) }
            if number == 348 || number == 540 { return (number, isBigEndian) }
        }
        return nil
    }

    /// - Parameter bytes: 348 or 540 of them.
    /// - Throws: ``DICOMError`` with the code `invalidFile`, with the byte offset of what is wrong.
    init(_ bytes: [UInt8]) throws(DICOMError) {
        guard let (length, isBigEndian) = Self.layout(bytes), bytes.count >= length else {
            throw DICOMError(.invalidFile, "the file does not begin with a NIfTI header of 348 or 540 bytes", offset: 0)
        }
        let fields = NIfTIFields(bytes: bytes, isBigEndian: isBigEndian)
        if length == 348 { try readFirst(fields) } else { try readSecond(fields) }
        try validate()
    }

    private mutating func readFirst(_ fields: NIfTIFields) throws(DICOMError) {
        version = 1
        try checkMagic(fields.text(344, 4), single: "n+1", pair: "ni1", at: 344)
        dimensionInfo = Int(fields.bytes[39])
        let dim = (0..<8).map { fields.integer(40 + 2 * $0, 2) }
        try setDimensions(dim, at: 40)
        intentParameters = (0..<3).map { fields.float(56 + 4 * $0) }
        intentCode = fields.integer(68, 2)
        try setDataType(fields.integer(70, 2), at: 70)
        let pixdim = (0..<8).map { fields.float(76 + 4 * $0) }
        setSpacings(pixdim)
        voxelOffset = try wholeOffset(fields.float(108))
        (slope, intercept) = (fields.float(112), fields.float(116))
        (sliceStart, sliceEnd, sliceCode) = (fields.integer(74, 2), fields.integer(120, 2), Int(fields.bytes[122]))
        units = Int(fields.bytes[123])
        (calMax, calMin) = (fields.float(124), fields.float(128))
        (sliceDuration, timeOffset) = (fields.float(132), fields.float(136))
        description = fields.text(148, 80)
        auxiliaryFile = fields.text(228, 24)
        (qformCode, sformCode) = (fields.integer(252, 2), fields.integer(254, 2))
        quaternion = (0..<3).map { fields.float(256 + 4 * $0) }
        quaternionOffset = (0..<3).map { fields.float(268 + 4 * $0) }
        sform = (0..<12).map { fields.float(280 + 4 * $0) }
        intentName = fields.text(328, 16)
    }

    private mutating func readSecond(_ fields: NIfTIFields) throws(DICOMError) {
        version = 2
        try checkMagic(fields.text(4, 4), single: "n+2", pair: "ni2", at: 4)
        try setDataType(fields.integer(12, 2), at: 12)
        try setDimensions((0..<8).map { fields.integer(16 + 8 * $0, 8) }, at: 16)
        intentParameters = (0..<3).map { fields.double(80 + 8 * $0) }
        setSpacings((0..<8).map { fields.double(104 + 8 * $0) })
        voxelOffset = fields.integer(168, 8)
        (slope, intercept) = (fields.double(176), fields.double(184))
        (calMax, calMin) = (fields.double(192), fields.double(200))
        (sliceDuration, timeOffset) = (fields.double(208), fields.double(216))
        (sliceStart, sliceEnd) = (fields.integer(224, 8), fields.integer(232, 8))
        description = fields.text(240, 80)
        auxiliaryFile = fields.text(320, 24)
        (qformCode, sformCode) = (fields.integer(344, 4), fields.integer(348, 4))
        quaternion = (0..<3).map { fields.double(352 + 8 * $0) }
        quaternionOffset = (0..<3).map { fields.double(376 + 8 * $0) }
        sform = (0..<12).map { fields.double(400 + 8 * $0) }
        (sliceCode, units, intentCode) = (fields.integer(496, 4), fields.integer(500, 4), fields.integer(504, 4))
        intentName = fields.text(508, 16)
        dimensionInfo = Int(fields.bytes[524])
    }

    private func checkMagic(_ magic: String, single: String, pair: String, at offset: Int) throws(DICOMError) {
        guard magic == single else {
            throw DICOMError(
                .invalidFile,
                magic == pair
                    ? "the file is the header of a NIfTI pair (.hdr and .img); convert it to a single .nii file first"
                    : "the NIfTI header has no magic '\(single)'", offset: offset)
        }
    }

    private mutating func setDimensions(_ dim: [Int], at offset: Int) throws(DICOMError) {
        guard (1...7).contains(dim[0]), dim[1...dim[0]].allSatisfy({ $0 > 0 }) else {
            throw DICOMError(.invalidFile, "the dimensions of the NIfTI image are impossible", offset: offset)
        }
        dimensions = Array(dim[1...dim[0]])
    }

    private mutating func setDataType(_ code: Int, at offset: Int) throws(DICOMError) {
        guard let type = DataType(rawValue: code) else {
            throw DICOMError(.invalidFile, "NIfTI images of data type \(code) are not read", offset: offset)
        }
        dataType = type
    }

    private mutating func setSpacings(_ pixdim: [Double]) {
        qfac = pixdim[0] < 0 ? -1 : 1
        spacings = Array(pixdim[1...dimensions.count])
    }

    private func wholeOffset(_ value: Double) throws(DICOMError) -> Int {
        guard let offset = Int(exactly: value) else {
            throw DICOMError(.invalidFile, "the place of the voxels is no whole number", offset: 108)
        }
        return offset
    }

    private func validate() throws(DICOMError) {
        let header = version == 1 ? 348 : 540
        guard voxelOffset >= header, voxelOffset <= 1 << 40 else {
            throw DICOMError(.invalidFile, "the voxels begin at byte \(voxelOffset), which is within the header")
        }
        guard voxelCount.map({ !$0.multipliedReportingOverflow(by: dataType.size).overflow }) == true else {
            throw DICOMError(.invalidFile, "the NIfTI image has more voxels than can be counted")
        }
    }

    // MARK: - Writing

    /// The header's bytes, little endian, and the four that say that no extension follows.
    func encoded() -> [UInt8] {
        var writer = NIfTIWriter(count: version == 1 ? 352 : 544)
        let dim = [dimensions.count] + dimensions + [Int](repeating: 1, count: 7 - dimensions.count)
        let pixdim = [qfac] + spacings + [Double](repeating: 1, count: 7 - spacings.count)
        let form = quaternion + quaternionOffset + sform
        if version == 1 {
            writer.integer(348, 0, 4)
            writer.integer(dimensionInfo, 39, 1)
            for index in 0..<8 { writer.integer(dim[index], 40 + 2 * index, 2) }
            for index in 0..<3 { writer.float(intentParameters[index], 56 + 4 * index) }
            writer.integer(intentCode, 68, 2)
            writer.integer(dataType.rawValue, 70, 2)
            writer.integer(dataType.size * 8, 72, 2)
            writer.integer(sliceStart, 74, 2)
            for index in 0..<8 { writer.float(pixdim[index], 76 + 4 * index) }
            for (index, value) in [352, slope, intercept].enumerated() { writer.float(value, 108 + 4 * index) }
            writer.integer(sliceEnd, 120, 2)
            writer.integer(sliceCode, 122, 1)
            writer.integer(units, 123, 1)
            for (index, value) in [calMax, calMin, sliceDuration, timeOffset].enumerated() {
                writer.float(value, 124 + 4 * index)
            }
            writer.text(description, 148, 79)
            writer.text(auxiliaryFile, 228, 23)
            writer.integer(qformCode, 252, 2)
            writer.integer(sformCode, 254, 2)
            for (index, value) in form.enumerated() { writer.float(value, 256 + 4 * index) }
            writer.text(intentName, 328, 15)
            writer.text("n+1", 344, 3)
        } else {
            writer.integer(540, 0, 4)
            writer.text("n+2", 4, 3)
            writer.integer(0x0A1A_0A0D, 8, 4)
            writer.integer(dataType.rawValue, 12, 2)
            writer.integer(dataType.size * 8, 14, 2)
            for index in 0..<8 { writer.integer(dim[index], 16 + 8 * index, 8) }
            for index in 0..<3 { writer.double(intentParameters[index], 80 + 8 * index) }
            for index in 0..<8 { writer.double(pixdim[index], 104 + 8 * index) }
            writer.integer(544, 168, 8)
            for (index, value) in [slope, intercept, calMax, calMin, sliceDuration, timeOffset].enumerated() {
                writer.double(value, 176 + 8 * index)
            }
            writer.integer(sliceStart, 224, 8)
            writer.integer(sliceEnd, 232, 8)
            writer.text(description, 240, 79)
            writer.text(auxiliaryFile, 320, 23)
            writer.integer(qformCode, 344, 4)
            writer.integer(sformCode, 348, 4)
            for (index, value) in form.enumerated() { writer.double(value, 352 + 8 * index) }
            for (index, value) in [sliceCode, units, intentCode].enumerated() {
                writer.integer(value, 496 + 4 * index, 4)
            }
            writer.text(intentName, 508, 15)
            writer.integer(dimensionInfo, 524, 1)
        }
        return writer.bytes
    }
}

/// Numbers of a header in either byte order.
private struct NIfTIFields {
    let bytes: [UInt8]
    let isBigEndian: Bool

    private func pattern(_ offset: Int, _ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * (isBigEndian ? count - 1 - $1 : $1)) }
    }

    func integer(_ offset: Int, _ count: Int) -> Int {
        let shift = UInt64(64 - 8 * count)
        return Int(Int64(bitPattern: pattern(offset, count) << shift) >> Int64(shift))
    }

    func float(_ offset: Int) -> Double {
        Double(Float(bitPattern: UInt32(truncatingIfNeeded: pattern(offset, 4))))
    }

    func double(_ offset: Int) -> Double { Double(bitPattern: pattern(offset, 8)) }

    func text(_ offset: Int, _ count: Int) -> String {
        String(decoding: bytes[offset..<offset + count].prefix { $0 != 0 }, as: UTF8.self)
    }
}

private struct NIfTIWriter {
    var bytes: [UInt8]

    init(count: Int) { bytes = [UInt8](repeating: 0, count: count) }

    private mutating func pattern(_ pattern: UInt64, _ offset: Int, _ count: Int) {
        for index in 0..<count { bytes[offset + index] = UInt8(truncatingIfNeeded: pattern >> UInt64(8 * index)) }
    }

    mutating func integer(_ value: Int, _ offset: Int, _ count: Int) {
        pattern(UInt64(bitPattern: Int64(value)), offset, count)
    }

    mutating func float(_ value: Double, _ offset: Int) { pattern(UInt64(Float(value).bitPattern), offset, 4) }
    mutating func double(_ value: Double, _ offset: Int) { pattern(value.bitPattern, offset, 8) }

    mutating func text(_ text: String, _ offset: Int, _ longest: Int) {
        for (index, byte) in text.utf8.prefix(longest).enumerated() { bytes[offset + index] = byte }
    }
}
