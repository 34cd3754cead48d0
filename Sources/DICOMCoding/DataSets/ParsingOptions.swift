/// How a data set or a file is read.
///
/// By default reading is lenient: what a reader can make sense of is taken, and reported as a warning that says where it
/// stands. ``isStrict`` makes an error of each.
///
/// ```swift
/// let file = try DICOMFile.read("slice.dcm")
/// for warning in file.warnings { print(warning) }
/// let strict = try DICOMFile.read("slice.dcm", options: ParsingOptions(isStrict: true))
/// ```
public struct ParsingOptions: Sendable {
    /// Whether every departure from the standard is an error.
    public var isStrict: Bool
    /// Whether the rest of a data set that ends within an element is taken. Files are read so by default, data sets that
    /// are handed over in memory are not: who receives one must not take a part for the whole.
    public var acceptsTruncation: Bool
    /// How many sequences may be nested in one another.
    public var maximumDepth: Int
    /// How many bytes a deflated data set may have when it is inflated.
    public var inflationLimit: Int
    /// Whether to leave out the pixel data and what follows it.
    public var stopBeforePixelData: Bool
    /// Whether elements of VR UN that a dictionary knows get its VR, sequences included. Without it they stay UN, and are
    /// written so again.
    public var resolvesUnknownVRs: Bool

    /// The defaults, and what differs from them.
    public init(
        isStrict: Bool = false, acceptsTruncation: Bool = false, maximumDepth: Int = 64,
        inflationLimit: Int = 1 << 30, stopBeforePixelData: Bool = false, resolvesUnknownVRs: Bool = false
    ) {
        self.isStrict = isStrict
        self.acceptsTruncation = acceptsTruncation
        self.maximumDepth = maximumDepth
        self.inflationLimit = inflationLimit
        self.stopBeforePixelData = stopBeforePixelData
        self.resolvesUnknownVRs = resolvesUnknownVRs
    }

    /// How files are read.
    public static let file = ParsingOptions(acceptsTruncation: true)
}
