public import DICOMCore
import DICOMDictionary

/// Which instances belong to an input. Conditions combine with `&&`, `||` and ``not(_:)``.
///
/// ```swift
/// .modality("CT") && .not(.localizer) && .value(.seriesDescription, like: "*thorax*")
/// ```
///
/// The data set that is judged has no pixel data.
public struct Acceptance: Sendable, CustomStringConvertible {
    /// What is accepted, in words, for `check` and for the log.
    public let description: String
    private let predicate: @Sendable (DataSet) throws -> Bool

    /// A condition of the user's own.
    public init(_ description: String, _ predicate: @escaping @Sendable (DataSet) throws -> Bool) {
        self.description = description
        self.predicate = predicate
    }

    /// Whether the instance is accepted.
    public func accepts(_ dataSet: DataSet) throws -> Bool { try predicate(dataSet) }

    /// Every instance.
    public static let any = Acceptance("anything") { _ in true }

    /// The element is present, with any value or none.
    public static func required<Value>(_ attribute: Attribute<Value>) -> Acceptance { required(attribute.tag) }

    /// The elements are present, with any value or none.
    public static func required(_ tags: DICOMTag...) -> Acceptance {
        Acceptance("has " + tags.map(name).joined(separator: ", ")) { dataSet in tags.allSatisfy(dataSet.contains) }
    }

    /// The attribute has this value.
    public static func value<Value>(_ attribute: Attribute<Value>, equals value: Value) -> Acceptance {
        Acceptance("\(name(attribute.tag)) = \(value)") { $0[attribute] == value }
    }

    /// The attribute has one of these values.
    public static func value<Value>(_ attribute: Attribute<Value>, in values: [Value]) -> Acceptance {
        let list = values.map { "\($0)" }.joined(separator: ", ")
        return Acceptance("\(name(attribute.tag)) in \(list)") { dataSet in
            dataSet[attribute].map(values.contains) ?? false
        }
    }

    /// One of the attribute's values is this one, whatever their upper and lower case.
    public static func value(_ attribute: Attribute<String>, caseless value: String) -> Acceptance {
        Acceptance("\(name(attribute.tag)) = \(value) in any case") { dataSet in
            dataSet.strings(attribute.tag).contains { $0.lowercased() == value.lowercased() }
        }
    }

    /// One of the attribute's values matches a pattern with `*` (any characters) and `?` (one), as in C-FIND.
    public static func value(_ attribute: Attribute<String>, like pattern: String) -> Acceptance {
        let wildcard = Wildcard(pattern)
        return Acceptance("\(name(attribute.tag)) like \(pattern)") { dataSet in
            dataSet.strings(attribute.tag).contains(where: wildcard.matches)
        }
    }

    /// A regular expression is found in one of the attribute's values. It is made anew in the closure, because a
    /// `Regex` cannot be shared between threads: `.value(.seriesDescription) { /thorax|chest/ }`.
    public static func value<Output>(
        _ attribute: Attribute<String>, matching regex: @escaping @Sendable () -> Regex<Output>
    ) -> Acceptance {
        Acceptance("\(name(attribute.tag)) matches a regular expression") { dataSet in
            let regex = regex()
            return dataSet.strings(attribute.tag).contains { $0.firstMatch(of: regex) != nil }
        }
    }

    /// The modality is one of these (PS3.3 C.7.3.1.1.1).
    public static func modality(_ modalities: String...) -> Acceptance {
        value(.modality, in: modalities)
    }

    /// The instance is of one of these SOP classes.
    public static func sopClass(_ uids: UID...) -> Acceptance { value(.sopClassUID, in: uids) }

    /// Image Type says LOCALIZER: a topogram, scout or survey (PS3.3 C.7.6.1.1.2).
    public static let localizer = Acceptance("localizer") { $0[.imageType]?.contains("LOCALIZER") ?? false }

    /// The instance belongs to this series.
    public static func series(_ uid: UID) -> Acceptance { value(.seriesInstanceUID, equals: uid) }

    /// The instance belongs to this study.
    public static func study(_ uid: UID) -> Acceptance { value(.studyInstanceUID, equals: uid) }

    public static func not(_ condition: Acceptance) -> Acceptance {
        Acceptance("not (\(condition.description))") { try !condition.accepts($0) }
    }

    public static func && (lhs: Acceptance, rhs: Acceptance) -> Acceptance {
        Acceptance("\(lhs.description) and \(rhs.description)") { try lhs.accepts($0) && rhs.accepts($0) }
    }

    public static func || (lhs: Acceptance, rhs: Acceptance) -> Acceptance {
        Acceptance("(\(lhs.description) or \(rhs.description))") { try lhs.accepts($0) || rhs.accepts($0) }
    }

    public static prefix func ! (condition: Acceptance) -> Acceptance { not(condition) }

    private static func name(_ tag: DICOMTag) -> String {
        DICOMDictionary.entry(for: tag)?.keyword ?? tag.description
    }
}

/// A pattern with `*` and `?` (PS3.4 C.2.2.2.4).
struct Wildcard: Sendable {
    private let pattern: [Character]

    init(_ pattern: String) { self.pattern = Array(pattern) }

    /// Compares in time proportional to pattern × text, whatever the pattern.
    func matches(_ text: String) -> Bool {
        let text = Array(text)
        var position = 0
        var index = 0
        var star: (pattern: Int, text: Int)?
        while position < text.count {
            if index < pattern.count, pattern[index] == "*" {
                star = (index, position)
                index += 1
            } else if index < pattern.count, pattern[index] == "?" || pattern[index] == text[position] {
                index += 1
                position += 1
            } else if let last = star {
                index = last.pattern + 1
                position = last.text + 1
                star = (last.pattern, position)
            } else {
                return false
            }
        }
        return pattern[index...].allSatisfy { $0 == "*" }
    }
}
