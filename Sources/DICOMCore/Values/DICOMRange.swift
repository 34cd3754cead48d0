/// A value that a range can begin or end with: a date, a time or both.
///
/// Two of them are equal when they stand for the same span of time, however they are written. They are ordered by the
/// first moment of it, then the longer span comes first.
public protocol DICOMRangeBound: AttributeScalar, Comparable, Hashable, LosslessStringConvertible {
    /// The first and the last unit of time that the value stands for: days, or µs where there is a time.
    var span: ClosedRange<Int> { get }
}

extension DICOMRangeBound {
    public static func == (lhs: Self, rhs: Self) -> Bool { lhs.span == rhs.span }

    public static func < (lhs: Self, rhs: Self) -> Bool {
        let (left, right) = (lhs.span, rhs.span)
        return left.lowerBound == right.lowerBound
            ? left.upperBound > right.upperBound : left.lowerBound < right.lowerBound
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(span) }
}

/// What a query asks of a DA, TM or DT attribute: `a-b`, `a-`, `-b` or a single value, ends included
/// (PS3.4 C.2.2.2.5).
///
/// An end that is only known to the hour or day stands for all of it: `-1030` ends at 10:30:59.999999. A value that is
/// not precise itself matches when some moment of it lies in the range.
///
/// ```swift
/// identifier[.studyDate, as: DICOMRange<DICOMDate>.self] = DICOMRange(from...)
/// let asked = identifier[.studyTime, as: DICOMRange<DICOMTime>.self]
/// ```
public struct DICOMRange<Bound: DICOMRangeBound>: AttributeScalar, Hashable, LosslessStringConvertible {
    /// `nil` when the range has no begin; never both are.
    public let lower: Bound?
    public let upper: Bound?
    /// The exact text.
    public let description: String

    /// The range that `text` says; `nil` when it says none.
    public init?(_ text: String) {
        if let single = Bound(text) {
            self.init(single, single, text)
            return
        }
        // A hyphen may also be the sign of a DT value's offset: the right one is that with a value on either side.
        // Where two are, that whose ends are in order.
        let utf8 = text.utf8
        guard utf8.count <= Self.maximumLength else { return nil }
        var found: DICOMRange?
        for hyphen in utf8.indices where utf8[hyphen] == UInt8(ascii: "-") {
            guard let lower = Self.bound(text[..<hyphen]), let upper = Self.bound(text[utf8.index(after: hyphen)...]),
                lower != nil || upper != nil
            else { continue }
            let range = DICOMRange(lower, upper, text)
            if found == nil || range.isOrdered { found = range }
            if range.isOrdered { break }
        }
        guard let found else { return nil }
        self = found
    }

    /// A single value, which matches itself.
    public init(_ value: Bound) { self.init(value, value, value.description) }

    public init(_ range: ClosedRange<Bound>) {
        self.init(range.lowerBound, range.upperBound, "\(range.lowerBound)-\(range.upperBound)")
    }
    public init(_ range: PartialRangeFrom<Bound>) { self.init(range.lowerBound, nil, "\(range.lowerBound)-") }
    public init(_ range: PartialRangeThrough<Bound>) { self.init(nil, range.upperBound, "-\(range.upperBound)") }

    private init(_ lower: Bound?, _ upper: Bound?, _ text: String) {
        self.lower = lower
        self.upper = upper
        description = text
    }

    /// Two DT values of 26 characters, the hyphen, and spaces; there is no longer range.
    private static var maximumLength: Int { 64 }

    /// The end that `text` says: one of `nil` for none, and no result for what is not a value.
    private static func bound(_ text: Substring) -> Bound?? {
        let text = withoutPadding(text)
        guard !text.isEmpty else { return .some(nil) }
        return Bound(String(text)).map { .some($0) }
    }

    private var isOrdered: Bool {
        guard let lower, let upper else { return true }
        return lower.span.lowerBound <= upper.span.upperBound
    }

    /// Whether some moment of `value` lies in the range.
    public func contains(_ value: Bound) -> Bool {
        let span = value.span
        if let lower, span.upperBound < lower.span.lowerBound { return false }
        if let upper, span.lowerBound > upper.span.upperBound { return false }
        return true
    }
}

extension DICOMRange where Bound == DICOMDateTime {
    /// The same with this zone for the ends that have no offset of their own: Timezone Offset From UTC (0008,0201) of
    /// the query, or the zone that one's own machine is in.
    public func assuming(_ offset: UTCOffset?) -> DICOMRange {
        DICOMRange(lower?.assuming(offset), upper?.assuming(offset), description)
    }
}
