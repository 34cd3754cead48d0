public import DICOMCore
import DICOMDictionary

/// Matching of attributes by the keys of a C-FIND (PS3.4 C.2.2.2), for services that search data sets.
extension DataSet {
    /// Whether the attributes are as the keys of a query ask: single values, lists of UIDs, wildcards, ranges of dates and
    /// times, and sequences. An empty key asks for nothing.
    ///
    /// Names match without regard to case, in any of their component groups. A key with a value does not match an
    /// attribute that is missing or empty, except where the key is `*`. Query/Retrieve Level and Specific Character Set are
    /// no keys.
    ///
    /// ```swift
    /// for study in studies where study.matches(request.identifier) {
    ///     try await matches.yield(study.answer(to: request.identifier))
    /// }
    /// ```
    public func matches(_ keys: DataSet) -> Bool {
        keys.allSatisfy { key in
            guard !Self.isControl(key.tag), !key.isUniversal else { return true }
            return self[element: key.tag].map { $0.matches(key) } ?? false
        }
    }

    /// The attributes that a query asks for, as a match to be sent: what is not known is there and empty, and of sequences
    /// the items that match.
    public func answer(to keys: DataSet) -> DataSet {
        var answer = self
        answer.removeAll { !keys.contains($0.tag) && $0.tag != Self.characterSetTag }
        for key in keys where !Self.isControl(key.tag) {
            guard let element = answer[element: key.tag] else {
                answer[element: key.tag] = DataElement(key.tag, key.vr, key.vr == .sq ? .sequence([]) : .bytes([]))
                continue
            }
            guard let wanted = key.items.first, !wanted.isEmpty, case .sequence = element.value else { continue }
            let items = element.items.filter { $0.matches(wanted) }.map { $0.answer(to: wanted) }
            answer[element: key.tag] = DataElement(key.tag, .sq, .sequence(items))
        }
        return answer
    }

    private static let characterSetTag = Attribute<[String]>.specificCharacterSet.tag

    private static func isControl(_ tag: DICOMTag) -> Bool {
        // Group lengths say nothing of the patient either.
        tag == characterSetTag || tag == Attribute<String>.queryRetrieveLevel.tag || tag.element == 0
    }
}

extension DataElement {
    /// Longer keys match nothing: the longest text that is searched for is a description.
    private static let longestKey = 1024

    /// Whether the key has no value, or asks for any (PS3.4 C.2.2.2.3).
    fileprivate var isUniversal: Bool {
        switch value {
        case .sequence(let items): items.allSatisfy { $0.allSatisfy(\.isUniversal) }
        case .fragments: true
        case .text, .bytes: strings.allSatisfy { $0.isEmpty || $0 == "*" } && tags(as: vr).isEmpty
        }
    }

    fileprivate func matches(_ key: DataElement) -> Bool {
        if case .sequence(let wanted) = key.value {
            // A key has one item (PS3.4 C.2.2.2.6).
            guard let wanted = wanted.first else { return true }
            return items.contains { $0.matches(wanted) }
        }
        let wanted = key.strings.filter { !$0.isEmpty && $0.utf8.count <= Self.longestKey }
        let own = strings
        return wanted.contains { wanted in own.contains { matches($0, wanted) } }
    }

    private func matches(_ own: String, _ wanted: String) -> Bool {
        switch vr {
        case .da: Self.matches(own, wanted, DICOMDate.self)
        case .tm: Self.matches(own, wanted, DICOMTime.self)
        case .dt: Self.matches(own, wanted, DICOMDateTime.self)
        case .pn: Self.nameMatches(own, wanted)
        case .ui: own == wanted
        default:
            if case .text = vr.kind {
                WildcardPattern(wanted).matches(own)
            } else {
                own == wanted || Double(own).map { $0 == Double(wanted) } ?? false
            }
        }
    }

    private static func matches<Bound: DICOMRangeBound>(_ own: String, _ wanted: String, _: Bound.Type) -> Bool {
        guard let range = DICOMRange<Bound>(wanted), let value = Bound(own) else { return own == wanted }
        return range.contains(value)
    }

    private static func nameMatches(_ own: String, _ wanted: String) -> Bool {
        let pattern = WildcardPattern(plain(wanted.lowercased()[...]))
        let own = own.lowercased()
        if pattern.matches(plain(own[...])) { return true }
        return own.split(separator: "=").contains { pattern.matches(plain($0)) }
    }

    /// Without the delimiters of empty components at the end.
    private static func plain(_ name: Substring) -> String {
        String(name.reversed().drop { $0 == "^" || $0 == "=" || $0 == " " }.reversed())
    }
}

/// A text in which `*` stands for any characters, and `?` for one (PS3.4 C.2.2.2.4).
struct WildcardPattern {
    private let pattern: [Unicode.Scalar]

    init(_ text: String) { pattern = Array(text.unicodeScalars) }

    /// Looks at each place again for the last `*` only, so that the time is at most the product of both lengths.
    func matches(_ text: String) -> Bool {
        let text = Array(text.unicodeScalars)
        var (position, read) = (0, 0)
        var star: (position: Int, read: Int)?
        while read < text.count {
            if position < pattern.count, pattern[position] == "*" {
                star = (position, read)
                position += 1
            } else if position < pattern.count, pattern[position] == "?" || pattern[position] == text[read] {
                position += 1
                read += 1
            } else if let last = star {
                star = (last.position, last.read + 1)
                position = last.position + 1
                read = last.read + 1
            } else {
                return false
            }
        }
        return pattern[position...].allSatisfy { $0 == "*" }
    }
}
