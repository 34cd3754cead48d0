public import DICOMCore

extension DICOMError.Code {
    /// The numbers that should span a ``Space`` do not.
    public static let invalidSpace = Self("invalidSpace")
    /// A series' geometry is irregular in a way that the policy does not accept.
    public static let unacceptableGeometry = Self("unacceptableGeometry")
    /// The description of the pixels lacks an attribute or contradicts itself.
    public static let invalidPixelDescription = Self("invalidPixelDescription")
    /// The pixels are stored in a form that this release does not decode.
    public static let unsupportedPixelData = Self("unsupportedPixelData")
    /// The bytes of a compressed frame are damaged, or are not what the data set says.
    public static let invalidCodestream = Self("invalidCodestream")
    /// There are fewer pixel bytes than the description asks for, or none.
    public static let missingPixelData = Self("missingPixelData")
    /// A quantity such as SUV cannot be computed from what the instances say.
    public static let invalidQuantity = Self("invalidQuantity")
    /// A file in another format than DICOM (NIfTI, NumPy) is damaged, or has what is not read.
    public static let invalidFile = Self("invalidFile")
    /// A value does not fit into the chosen voxel type or the stored form.
    public static let valueOutOfRange = Self("valueOutOfRange")
    /// Two volumes, or a volume and a series, do not belong together.
    public static let mismatchedVolumes = Self("mismatchedVolumes")
    /// A structure set, or a contour in it, is damaged or cannot be used as it is.
    public static let invalidStructureSet = Self("invalidStructureSet")
}
