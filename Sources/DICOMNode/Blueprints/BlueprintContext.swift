public import DICOMCore
import DICOMDictionary
public import DICOMImaging

/// What a rule knows about the series that is being made.
public struct SeriesContext: Sendable {
    /// The series that the volume was computed from, sorted along its normal.
    public let parent: Series
    /// Where the new voxels are.
    public let space: Space
    /// What their numbers mean.
    public let unit: VoxelUnit?
    /// Who makes the series.
    public let seed: DerivationSeed
    /// The UID of the new series.
    public let seriesInstanceUID: UID
    /// The frame of reference of the new series: the volume's, else the parent's, else a new one.
    public let frameOfReferenceUID: UID
    /// How the pixels are stored; nil while the rules are being gathered.
    var form: StoredForm?

    /// The header of the parent's first instance, for what is the same in all of them.
    public var parentHeader: DataSet { parent.header }
    /// How many instances are made: one for each slice.
    public var count: Int { space.slices }
}

/// What a rule knows about the instance that is being made.
public struct InstanceContext: Sendable {
    public let series: SeriesContext
    /// The slice of the volume, from 0.
    public let index: Int
    /// The parent's instance that is nearest to this slice.
    public let parent: Series.Instance
    /// The UID of the new instance.
    public let sopInstanceUID: UID
    /// The smallest and the largest stored value that is not padding; nil where there is padding only.
    var storedRange: ClosedRange<Int>?

    /// Image Position (Patient) of the slice, mm.
    public var imagePosition: SIMD3<Double> { series.space.imagePosition(slice: index) }
}
