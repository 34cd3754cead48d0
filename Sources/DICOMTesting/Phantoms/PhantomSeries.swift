import DICOMCoding
public import DICOMCore
import DICOMDictionary
public import DICOMImaging
import Glibc

/// A synthetic, valid series whose value at each voxel is known from its indices.
///
/// The stored value at (slice, row, column), all counted from zero, slices along the normal, is
/// `(101 × slice + 17 × row + 3 × column + seed) mod 4096`. A CT image rescales it to Hounsfield units by −1024; an MR image
/// has no rescale. Everything else, UIDs included, follows from the parameters: the same phantom is the same bytes.
///
/// ```swift
/// let phantom = try PhantomSeries(modality: .ct, orientation: .oblique, slices: 30, rows: 60, columns: 80)
/// try phantom.write(to: "phantom")
/// ```
public struct PhantomSeries: Sendable {
    /// What made the images.
    public enum Modality: String, Sendable, CaseIterable {
        case ct = "CT"
        case mr = "MR"
    }

    /// How the slices lie in the patient.
    public enum Orientation: String, Sendable, CaseIterable {
        case axial, sagittal, coronal, oblique
    }

    public let modality: Modality
    public let orientation: Orientation
    /// Where the voxels are.
    public let space: Space
    public let patientID: String
    public let patientName: String
    public let seed: Int
    /// The instance number of each slice.
    public let instanceNumbers: [Int]

    /// Describes a phantom.
    ///
    /// - Parameters:
    ///   - rowSpacing: The distance between the centres of rows, mm.
    ///   - columnSpacing: The distance between the centres of columns, mm.
    ///   - sliceSpacing: The distance between the centres of slices, mm. Slice Thickness is 0.8 of it, so that software which
    ///     takes the one for the other is found out.
    ///   - seed: Part of every value and UID: another seed makes another series of another study.
    ///   - shufflesInstanceNumbers: Whether instance numbers and file names follow a random order instead of the position.
    /// - Throws: ``DICOMError`` when a count or a spacing is impossible or a text does not fit its attribute.
    public init(
        modality: Modality = .ct, orientation: Orientation = .axial, slices: Int = 20, rows: Int = 64,
        columns: Int = 48,
        rowSpacing: Double = 0.9, columnSpacing: Double = 0.7, sliceSpacing: Double = 2.5,
        patientID: String = "PHANTOM-1",
        patientName: String = "Phantom^One", seed: Int = 1, shufflesInstanceNumbers: Bool = false
    ) throws(DICOMError) {
        guard (1...65_535).contains(rows), (1...65_535).contains(columns), (1...100_000).contains(slices) else {
            throw DICOMError(
                .invalidValue,
                "a phantom has 1 to 65535 rows and columns and 1 to 100000 slices, not \(rows) × "
                    + "\(columns) × \(slices)")
        }
        for text in [patientID, patientName] where text.utf8.count > 64 || text.contains("\\") {
            throw DICOMError(.invalidValue, "patient ID and name have at most 64 bytes and no backslash")
        }
        self.modality = modality
        self.orientation = orientation
        self.patientID = patientID
        self.patientName = patientName
        self.seed = seed
        let key =
            "\(modality) \(orientation) \(slices) \(rows) \(columns) \(rowSpacing) \(columnSpacing) \(sliceSpacing)"
        seriesKey = "\(key) \(shufflesInstanceNumbers) \(patientID.utf8.count):\(patientID) \(patientName) \(seed)"
        instanceNumbers = Self.numbers(slices, shuffled: shufflesInstanceNumbers, seed: seed)
        let (column, row) = Self.directions(orientation)
        let normal = SIMD3(
            column.y * row.z - column.z * row.y, column.z * row.x - column.x * row.z,
            column.x * row.y - column.y * row.x)
        space = try Space(
            origin: SIMD3(-101.25, -87.5, 33.75), columnDirection: column, rowDirection: row, rowSpacing: rowSpacing,
            columnSpacing: columnSpacing, sliceStep: normal * sliceSpacing, columns: columns, rows: rows,
            slices: slices,
            frameOfReferenceUID: PhantomUID.make("frame of reference", patientID, "\(seed)"))
    }

    private let seriesKey: String

    private static func directions(_ orientation: Orientation) -> (column: SIMD3<Double>, row: SIMD3<Double>) {
        switch orientation {
        case .axial: return ([1, 0, 0], [0, 1, 0])
        case .sagittal: return ([0, 1, 0], [0, 0, -1])
        case .coronal: return ([1, 0, 0], [0, 0, -1])
        case .oblique:
            // The axial directions, turned by 25° about the x axis and then by 15° about the z axis.
            let (a, b) = (25 * Double.pi / 180, 15 * Double.pi / 180)
            return ([cos(b), sin(b), 0], [-sin(b) * cos(a), cos(b) * cos(a), sin(a)])
        }
    }

    private static func numbers(_ count: Int, shuffled: Bool, seed: Int) -> [Int] {
        let numbers = Array(1...count)
        guard shuffled else { return numbers }
        var generator = SeededGenerator(seed: UInt64(bitPattern: Int64(seed)))
        return numbers.shuffled(using: &generator)
    }

    // MARK: - Values

    /// The stored value of a voxel, 0 to 4095.
    public func storedValue(slice: Int, row: Int, column: Int) -> Int {
        let (value, overflow) = (101 &* slice &+ 17 &* row &+ 3 &* column).addingReportingOverflow(seed)
        return (overflow ? 0 : value) & 4095
    }

    /// The value of a voxel after rescaling: Hounsfield units for CT, the stored value for MR.
    public func value(slice: Int, row: Int, column: Int) -> Int {
        storedValue(slice: slice, row: row, column: column) - (modality == .ct ? 1024 : 0)
    }

    // MARK: - Identity

    public var sopClassUID: UID { modality == .ct ? .ctImageStorage : .mrImageStorage }
    /// The same for all phantoms of one patient and seed.
    public var studyInstanceUID: UID { PhantomUID.make("study", patientID, "\(seed)") }
    public var seriesInstanceUID: UID { PhantomUID.make("series", seriesKey) }

    /// The SOP Instance UID of a slice.
    public func sopInstanceUID(slice: Int) -> UID {
        PhantomUID.make("instance \(slice)", seriesKey)
    }

    // MARK: - Files

    /// The name that ``write(to:)`` gives a slice: by its instance number.
    public func fileName(slice: Int) -> String {
        let digits = String(instanceNumbers[slice])
        return "IMG" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".dcm"
    }

    /// Writes the series as Part 10 files, explicit VR little endian, into a folder, which is made if necessary.
    ///
    /// - Returns: The paths, in the order of the slices.
    @discardableResult
    public func write(to folder: String) throws(DICOMError) -> [String] {
        try FileSystem.createFolder(folder)
        var paths: [String] = []
        for slice in 0..<space.slices {
            let path = folder + "/" + fileName(slice: slice)
            try DICOMFile(dataSet: dataSet(slice: slice), transferSyntax: .explicitVRLittleEndian).write(to: path)
            paths.append(path)
        }
        return paths
    }
}

/// UIDs that follow from a text: 2.25 and a version 8 UUID (RFC 9562) whose bits are a hash of it. Not for patients' images:
/// the hash is quick, not strong.
enum PhantomUID {
    static func make(_ parts: String...) -> UID {
        let text = parts.joined(separator: "\u{1F}")
        var high = hash(text, 0xCBF2_9CE4_8422_2325)
        var low = hash(text, 0x8422_2325_CBF2_9CE4 ^ high)
        high = high & ~0xF000 | 0x8000
        low = low & ~(3 << 62) | 2 << 62
        return UID("2.25.\(UInt128(high) << 64 | UInt128(low))")
    }

    /// FNV-1a, finished by the mixing step of SplitMix64.
    private static func hash(_ text: String, _ basis: UInt64) -> UInt64 {
        let value = text.utf8.reduce(basis) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return SeededGenerator.mixed(value)
    }
}

/// Random numbers that are the same for the same seed (SplitMix64).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mixed(state)
    }

    static func mixed(_ value: UInt64) -> UInt64 {
        let first = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        let second = (first ^ first >> 27) &* 0x94D0_49BB_1331_11EB
        return second ^ second >> 31
    }
}
