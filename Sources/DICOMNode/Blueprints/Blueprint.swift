public import DICOMCore

/// Rules that build a new DICOM series from a volume and the series it was computed from.
///
/// Nothing is in the result but what a rule names: no private elements, windows, overlays, icons or signatures come along
/// unless they are asked for. A rule overrides the earlier ones for the same attribute, those of included blueprints too.
///
/// ```swift
/// let derived: Blueprint = [
///     .include(.imageOfParent),
///     .set(.seriesDescription, to: "CT plus one"),
///     .perInstance(.instanceNumber) { $0.index + 1 },
/// ]
/// ```
public struct Blueprint: ExpressibleByArrayLiteral, Sendable {
    /// The rules, the later ones overriding the earlier ones.
    public let rules: [Rule]

    public init(arrayLiteral elements: Rule...) { rules = elements }

    /// A blueprint of rules that were put together at run time.
    public init(_ rules: [Rule]) { self.rules = rules }

    /// What happens to one attribute, or the inclusion of other rules.
    public struct Rule: Sendable {
        enum Kind: Sendable {
            case element(DICOMTag, Source)
            case discard(DICOMTag)
            case include(@Sendable (SeriesContext) throws -> Blueprint)
        }

        /// Where the element of an attribute comes from.
        enum Source: Sendable {
            case copied(CopySource, Absence)
            case perSeries(@Sendable (SeriesContext) throws -> DataElement?)
            case perInstance(@Sendable (InstanceContext) throws -> DataElement?)
        }

        /// What happens when the parent lacks an attribute that is to be copied.
        enum Absence: Sendable {
            /// The series cannot be made (type 1).
            case refused
            /// An empty element is written (type 2).
            case empty
            /// The attribute is left out (type 3).
            case absent
        }

        let kind: Kind
    }

    /// Which instance of the parent series a value is copied from.
    public enum CopySource: Sendable, Hashable {
        /// The one whose slice is nearest to the new instance's.
        case instance
        /// The first one: for what is the same throughout a series, so that it is the same in the new one.
        case series
    }
}

extension Blueprint.Rule {
    /// Copies a value that the parent must have; making a series fails, and names the attribute, where it has none.
    public static func copy<Value>(
        _ attribute: Attribute<Value>, from source: Blueprint.CopySource = .instance
    ) -> Self {
        Self(kind: .element(attribute.tag, .copied(source, .refused)))
    }

    /// Copies a value, or leaves the attribute out where the parent has none (type 3).
    public static func copyIfPresent<Value>(
        _ attribute: Attribute<Value>, from source: Blueprint.CopySource = .instance
    ) -> Self {
        Self(kind: .element(attribute.tag, .copied(source, .absent)))
    }

    /// Copies a value, or writes the attribute without one where the parent has none (type 2).
    public static func copyOrEmpty<Value>(
        _ attribute: Attribute<Value>, from source: Blueprint.CopySource = .instance
    ) -> Self {
        Self(kind: .element(attribute.tag, .copied(source, .empty)))
    }

    /// Writes the same value into every instance.
    public static func set<Value>(_ attribute: Attribute<Value>, to value: Value) -> Self {
        .perSeries(attribute) { _ in value }
    }

    /// Writes the attribute without a value (type 2).
    public static func empty<Value>(_ attribute: Attribute<Value>) -> Self {
        element(perSeries: attribute.tag) { _ in emptyElement(attribute.tag, attribute.vr) }
    }

    /// Writes a value that is computed once for the series; nil leaves the attribute out.
    public static func perSeries<Value>(
        _ attribute: Attribute<Value>, _ value: @escaping @Sendable (SeriesContext) throws -> Value?
    ) -> Self {
        element(perSeries: attribute.tag) { context in
            try value(context).map { element(attribute.tag, attribute.vr, $0) }
        }
    }

    /// Writes a value that is computed for each instance; nil leaves the attribute out.
    public static func perInstance<Value>(
        _ attribute: Attribute<Value>, _ value: @escaping @Sendable (InstanceContext) throws -> Value?
    ) -> Self {
        element(perInstance: attribute.tag) { context in
            try value(context).map { element(attribute.tag, attribute.vr, $0) }
        }
    }

    /// Writes a sequence, each item by rules of its own, which copy from the parent's data set, not from its sequences.
    public static func sequence(_ attribute: Attribute<[DataSet]>, _ items: [Blueprint]) -> Self {
        element(perInstance: attribute.tag) { context in
            let built = try items.map {
                try ResolvedBlueprint($0, context.series).prepared(context.series).dataSet(context)
            }
            return DataElement(attribute.tag, .sq, .sequence(built))
        }
    }

    /// Leaves an attribute out that an earlier rule names.
    public static func discard<Value>(_ attribute: Attribute<Value>) -> Self {
        Self(kind: .discard(attribute.tag))
    }

    /// All rules of another blueprint.
    public static func include(_ blueprint: Blueprint) -> Self {
        Self(kind: .include { _ in blueprint })
    }

    /// All rules of a blueprint that is chosen by the series.
    public static func include(_ choose: @escaping @Sendable (SeriesContext) throws -> Blueprint) -> Self {
        Self(kind: .include(choose))
    }

    static func element(
        perSeries tag: DICOMTag, _ make: @escaping @Sendable (SeriesContext) throws -> DataElement?
    ) -> Self {
        Self(kind: .element(tag, .perSeries(make)))
    }

    static func element(
        perInstance tag: DICOMTag, _ make: @escaping @Sendable (InstanceContext) throws -> DataElement?
    ) -> Self {
        Self(kind: .element(tag, .perInstance(make)))
    }

    private static func element<Value: AttributeValue>(_ tag: DICOMTag, _ vr: VR, _ value: Value) -> DataElement {
        DataElement(tag, vr, value.elementValue(vr: vr))
    }

    static func emptyElement(_ tag: DICOMTag, _ vr: VR) -> DataElement {
        DataElement(tag, vr, vr == .sq ? .sequence([]) : .bytes([]))
    }
}

extension DICOMError.Code {
    /// The parent series lacks an attribute that the blueprint copies and the standard asks for.
    public static let missingParentAttribute = Self("missingParentAttribute")
    /// The blueprint's rules contradict the pixels or the place of the volume, or do not make an instance.
    public static let invalidBlueprint = Self("invalidBlueprint")
}
