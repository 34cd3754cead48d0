/// A person's name, the value of a PN element: up to three component groups of up to five components
/// (PS3.5 6.2.1).
///
/// Any text is a name; ``description`` gives it back exactly. Names are equal when their components are, however many
/// empty ones follow.
///
/// ```swift
/// let name = dataSet[.patientName, as: PersonName.self]  // "Yamada^Tarou=山田^太郎=やまだ^たろう"
/// print(name?.alphabetic.familyName ?? "")               // Yamada
/// dataSet[.operatorsName, as: [PersonName].self] = [PersonName(familyName: "Adams", givenName: "John")]
/// ```
public struct PersonName: AttributeScalar, Hashable, LosslessStringConvertible, ExpressibleByStringLiteral {
    /// The groups as they were written, whatever their number.
    private var groups: [ComponentGroup]

    /// The name that `text`, a single value, says.
    public init(_ text: String) { groups = split(text[...], "=").map { ComponentGroup(String($0)) } }

    public init(stringLiteral text: String) { self.init(text) }

    /// A name with an alphabetic group only.
    public init(
        familyName: String, givenName: String = "", middleName: String = "", prefix: String = "", suffix: String = ""
    ) {
        var group = ComponentGroup("")
        for (position, component) in [familyName, givenName, middleName, prefix, suffix].enumerated()
        where !component.isEmpty {
            group[position] = component
        }
        groups = [group]
    }

    /// The exact text.
    public var description: String { groups.map(\.description).joined(separator: "=") }

    /// Whether nothing is known of the name.
    public var isEmpty: Bool { groups.allSatisfy(\.isEmpty) }

    /// The group in single-byte characters.
    public var alphabetic: ComponentGroup {
        get { self[0] }
        set { self[0] = newValue }
    }
    /// The group in ideographic characters, such as Kanji or Hanja.
    public var ideographic: ComponentGroup {
        get { self[1] }
        set { self[1] = newValue }
    }
    /// The group that says how the name is pronounced, such as in Hiragana or Hangul.
    public var phonetic: ComponentGroup {
        get { self[2] }
        set { self[2] = newValue }
    }

    /// The name as people write it: `Rev. John Robert Quincy Adams, B.A. M.Div.`, from the first group that is not
    /// empty. In the other two groups, the family name comes first.
    public var formatted: String {
        guard let position = groups.firstIndex(where: { !$0.isEmpty }) else { return "" }
        return groups[position].formatted(familyNameFirst: position > 0)
    }

    private subscript(position: Int) -> ComponentGroup {
        get { position < groups.count ? groups[position] : ComponentGroup("") }
        set {
            while groups.count <= position { groups.append(ComponentGroup("")) }
            groups[position] = newValue
        }
    }

    /// The value of an element is the first of its names that is not empty.
    public init?(_ element: DataElement, vr: VR) {
        guard let first = Self.values(of: element, vr: vr).first, !first.isEmpty else { return nil }
        self = first
    }

    /// At most three groups of at most 64 characters and five components, without control characters (PS3.5 6.2.1).
    public var isValid: Bool {
        groups.count <= 3
            && groups.allSatisfy { group in
                group.count <= 5 && group.description.unicodeScalars.count <= 64
                    && !group.description.unicodeScalars.contains(where: \.isForbiddenControl)
            }
    }

    public static func == (lhs: PersonName, rhs: PersonName) -> Bool { lhs.significant == rhs.significant }
    public func hash(into hasher: inout Hasher) { hasher.combine(significant) }

    private var significant: ArraySlice<ComponentGroup> {
        groups[..<((groups.lastIndex { !$0.isEmpty } ?? -1) + 1)]
    }
}

extension PersonName {
    /// The components of a name in one script.
    public struct ComponentGroup: Sendable, Hashable, LosslessStringConvertible, ExpressibleByStringLiteral {
        /// The components as they were written, whatever their number.
        private var components: [String]

        /// The group that `text`, components with `^` between them, says.
        public init(_ text: String) { components = split(text[...], "^").map(String.init) }

        public init(stringLiteral text: String) { self.init(text) }

        /// The exact text.
        public var description: String { components.joined(separator: "^") }

        /// Whether no component has a character other than spaces.
        public var isEmpty: Bool { components.allSatisfy { withoutPadding($0[...]).isEmpty } }

        /// The family name, or a name that is not split into components.
        public var familyName: String {
            get { self[0] }
            set { self[0] = newValue }
        }
        public var givenName: String {
            get { self[1] }
            set { self[1] = newValue }
        }
        public var middleName: String {
            get { self[2] }
            set { self[2] = newValue }
        }
        /// What stands before the name, such as `Dr.`
        public var prefix: String {
            get { self[3] }
            set { self[3] = newValue }
        }
        /// What follows the name, such as `Jr.`
        public var suffix: String {
            get { self[4] }
            set { self[4] = newValue }
        }

        fileprivate var count: Int { components.count }

        /// A component without the spaces around it, which mean nothing (PS3.5 6.2.1.1).
        fileprivate subscript(position: Int) -> String {
            get { position < components.count ? String(withoutPadding(components[position][...])) : "" }
            set {
                while components.count <= position { components.append("") }
                components[position] = newValue
            }
        }

        fileprivate func formatted(familyNameFirst: Bool) -> String {
            let names = familyNameFirst ? [familyName, givenName, middleName] : [givenName, middleName, familyName]
            let name = ([prefix] + names).filter { !$0.isEmpty }.joined(separator: " ")
            return [name, suffix].filter { !$0.isEmpty }.joined(separator: ", ")
        }

        public static func == (lhs: ComponentGroup, rhs: ComponentGroup) -> Bool { lhs.significant == rhs.significant }
        public func hash(into hasher: inout Hasher) { hasher.combine(significant) }

        private var significant: ArraySlice<String> {
            components[..<((components.lastIndex { !$0.isEmpty } ?? -1) + 1)]
        }
    }
}

private func split(_ text: Substring, _ separator: Unicode.Scalar) -> [Substring] {
    text.utf8.split(separator: UInt8(ascii: separator), omittingEmptySubsequences: false).map { Substring($0) }
}
