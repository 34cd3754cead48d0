/// What the samples of a pixel mean (Photometric Interpretation, PS3.3 C.7.6.3.1.2).
public struct PhotometricInterpretation: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    /// One sample; the smallest value is shown white.
    public static let monochrome1 = Self(rawValue: "MONOCHROME1")
    /// One sample; the smallest value is shown black.
    public static let monochrome2 = Self(rawValue: "MONOCHROME2")
    /// One sample, an index into the palette of the data set.
    public static let paletteColor = Self(rawValue: "PALETTE COLOR")
    /// Red, green, blue.
    public static let rgb = Self(rawValue: "RGB")
    /// Luminance and two chrominances in full range, one of each for every pixel.
    public static let ybrFull = Self(rawValue: "YBR_FULL")
    /// The same with one pair of chrominances for two neighbouring pixels of a row.
    public static let ybrFull422 = Self(rawValue: "YBR_FULL_422")
    /// The irreversible colour transform of JPEG 2000; frames are RGB once they are decoded.
    public static let ybrICT = Self(rawValue: "YBR_ICT")
    /// The reversible colour transform of JPEG 2000; frames are RGB once they are decoded.
    public static let ybrRCT = Self(rawValue: "YBR_RCT")
}
