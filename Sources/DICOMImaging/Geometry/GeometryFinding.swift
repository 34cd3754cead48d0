/// One irregularity in the geometry of a series, in a sentence that a person can act upon.
///
/// Sentences name instances by number or UID and places in millimetres; they hold no data of the patient.
public struct GeometryFinding: Hashable, Sendable, CustomStringConvertible {
    /// What is irregular.
    public enum Kind: String, Sendable, CaseIterable {
        /// An attribute is absent without which an instance has no place.
        case missingAttribute
        /// The numbers of an instance are impossible.
        case invalidGeometry
        /// Instances lie in different directions.
        case mixedOrientation
        /// Instances have different numbers of rows or columns.
        case mixedMatrix
        /// Instances have different pixel spacings.
        case mixedPixelSpacing
        /// Instances have different Frame of Reference UIDs.
        case mixedFrameOfReference
        /// Several instances are in the same place.
        case duplicatePosition
        /// There is room for one or more slices between two neighbours.
        case missingSlice
        /// The distances of neighbours differ, and not by whole slices.
        case nonUniformSpacing
        /// The slices are stacked along another direction than their normal, as with a tilted gantry.
        case sheared
        /// Not irregular: there is one slice, and its extent was taken from Spacing Between Slices or Slice Thickness.
        case assumedSliceStep
        /// Not irregular: there are two slices, whose distance nothing confirms.
        case fewSlices
    }

    public let kind: Kind
    /// The instances concerned, as indices into the list that the geometry was made from.
    public let instances: [Int]
    /// The sentence.
    public let description: String

    /// Makes a finding; its description is a whole sentence.
    public init(_ kind: Kind, instances: [Int] = [], _ description: String) {
        self.kind = kind
        self.instances = instances
        self.description = description
    }
}

/// Which irregularities of a series a program takes responsibility for, and how they are mended.
public struct GeometryPolicy: Hashable, Sendable {
    /// The kinds of findings that do not keep a volume from being made.
    public let accepted: Set<GeometryFinding.Kind>
    /// Whether slices are interpolated where they are missing, at unequal distances or not along the normal.
    public let resamples: Bool
    /// Whether the largest stack is taken where there are several.
    public let takesLargestStack: Bool

    /// Only a regular series becomes a volume.
    public static let reject = GeometryPolicy()
    /// A series with a tilted gantry becomes a volume whose space is sheared: right in place, not a box.
    public static let acceptSheared = GeometryPolicy(accepted: [.sheared])
    /// Slices that are missing, at unequal distances or stacked along another direction than their normal (gantry tilt) are
    /// interpolated linearly onto a regular box: what was not measured is computed from its neighbours, and the corners of
    /// the box that lie beside a tilted stack are padding. It is for series of which one knows why they are so.
    public static let resample = GeometryPolicy(resamples: true)
    /// Of a series with several stacks, such as localizers in three directions, the largest one becomes the volume;
    /// ``Series/stacks()`` gives all of them.
    public static let largestStack = GeometryPolicy(takesLargestStack: true)

    private init(
        accepted: Set<GeometryFinding.Kind> = [], resamples: Bool = false, takesLargestStack: Bool = false
    ) {
        self.accepted = accepted
        self.resamples = resamples
        self.takesLargestStack = takesLargestStack
    }
}

/// A length as a sentence shows it: four decimals at most.
func millimetres(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e9 else { return "\(value) mm" }
    let scaled = Int(value * 10_000 + (value < 0 ? -0.5 : 0.5))
    let whole = abs(scaled) / 10_000
    var decimals = String(abs(scaled) % 10_000)
    decimals = String(repeating: "0", count: 4 - decimals.count) + decimals
    while decimals.last == "0" { decimals.removeLast() }
    return (scaled < 0 ? "-" : "") + "\(whole)" + (decimals.isEmpty ? "" : "." + decimals) + " mm"
}

/// Things named in a sentence: all of a few, or the first of many and how many more.
func enumerated(_ names: [String], atMost limit: Int = 5) -> String {
    let shown = names.prefix(limit)
    if names.count > limit { return shown.joined(separator: ", ") + " and \(names.count - limit) more" }
    guard shown.count > 1, let last = shown.last else { return shown.first ?? "" }
    return shown.dropLast().joined(separator: ", ") + " and " + last
}
