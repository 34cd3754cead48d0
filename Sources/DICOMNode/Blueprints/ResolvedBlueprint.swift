import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging

/// A blueprint with its inclusions followed: one source for each attribute, the last rule's.
struct ResolvedBlueprint {
    private var sources: [DICOMTag: Blueprint.Rule.Source] = [:]
    private let tags: [DICOMTag]

    init(_ blueprint: Blueprint, _ context: SeriesContext) throws {
        var sources: [DICOMTag: Blueprint.Rule.Source] = [:]
        try Self.gather(blueprint, context, depth: 0, into: &sources)
        self.sources = sources
        tags = sources.keys.sorted()
    }

    private static func gather(
        _ blueprint: Blueprint, _ context: SeriesContext, depth: Int,
        into sources: inout [DICOMTag: Blueprint.Rule.Source]
    ) throws {
        guard depth < 32 else {
            throw DICOMError(.invalidBlueprint, "the blueprint includes itself; remove the inclusion that leads back")
        }
        for rule in blueprint.rules {
            switch rule.kind {
            case .element(let tag, let source): sources[tag] = source
            case .discard(let tag): sources[tag] = nil
            case .include(let choose): try gather(try choose(context), context, depth: depth + 1, into: &sources)
            }
        }
    }

    /// Whether a rule writes the attribute.
    func names(_ tag: DICOMTag) -> Bool { sources[tag] != nil }

    /// The elements that are the same in the whole series made, and the sources of the others.
    func prepared(_ context: SeriesContext) throws -> PreparedBlueprint {
        var entries: [PreparedBlueprint.Entry] = []
        for tag in tags {
            guard let source = sources[tag] else { continue }
            switch source {
            case .copied(.series, let absence):
                if let element = try copied(tag, context.parentHeader, absence) { entries.append(.fixed(element)) }
            case .perSeries(let make):
                if let element = try make(context) { entries.append(.fixed(.made(try checked(element, tag)))) }
            case .copied(.instance, let absence):
                entries.append(.varying { try copied(tag, $0.parent.header, absence) })
            case .perInstance(let make):
                entries.append(.varying { context in try make(context).map { .made(try checked($0, tag)) } })
            }
        }
        return PreparedBlueprint(entries: entries)
    }

    private func checked(_ element: DataElement, _ tag: DICOMTag) throws -> DataElement {
        guard element.tag == tag else {
            throw DICOMError(.invalidBlueprint, "a rule for \(tag) makes an element \(element.tag)", at: [tag])
        }
        return element
    }

    private func copied(
        _ tag: DICOMTag, _ parent: DataSet, _ absence: Blueprint.Rule.Absence
    ) throws -> BlueprintElement? {
        if let element = parent[element: tag], !element.isEmpty {
            return .copied(element, parent.characterSet)
        }
        switch absence {
        case .absent: return nil
        case .empty:
            let vr = DICOMDictionary.entry(for: tag).flatMap { VR(code: $0.vr) } ?? .un
            return .made(Blueprint.Rule.emptyElement(tag, vr))
        case .refused:
            let keyword = DICOMDictionary.entry(for: tag)?.keyword ?? "attribute"
            throw DICOMError(
                .missingParentAttribute,
                "the parent series lacks \(keyword), which the blueprint copies; set it with a rule of its own, or copy "
                    + "it if present where the standard allows that", at: [tag])
        }
    }
}

/// The rules of a series, of which those are done that give the same element for every instance.
struct PreparedBlueprint {
    enum Entry {
        case fixed(BlueprintElement)
        case varying((InstanceContext) throws -> BlueprintElement?)
    }

    let entries: [Entry]

    /// The data set of one instance.
    func dataSet(_ context: InstanceContext) throws -> DataSet {
        var elements: [BlueprintElement] = []
        elements.reserveCapacity(entries.count)
        for entry in entries {
            switch entry {
            case .fixed(let element): elements.append(element)
            case .varying(let make):
                if let element = try make(context) { elements.append(element) }
            }
        }
        return try BlueprintElement.dataSet(elements)
    }
}

/// An element of an instance that is being made, and how its text is encoded.
enum BlueprintElement {
    /// Made by the program: its text is not encoded yet.
    case made(DataElement)
    /// Copied from a data set of this character set.
    case copied(DataElement, SpecificCharacterSet)

    private var element: DataElement {
        switch self {
        case .made(let element), .copied(let element, _): element
        }
    }

    /// The data set of these elements, with the Specific Character Set that all their text can be written in.
    ///
    /// The parent's character set is kept, and copied text with it, byte by byte. Where text of the program has characters
    /// that it lacks, or the parents differ, all text is converted to UTF-8.
    static func dataSet(_ elements: [BlueprintElement]) throws -> DataSet {
        let elements = elements.filter { $0.element.tag != Attribute<[String]>.specificCharacterSet.tag }
        let target = try targetCharacterSet(elements)
        var dataSet = DataSet()
        if !target.terms.isEmpty { dataSet[.specificCharacterSet] = target.terms }
        for item in elements {
            let (element, source, keepsPrivate) =
                switch item {
                case .made(let element): (element, SpecificCharacterSet.ascii, true)
                case .copied(let element, let source): (element, source, false)
                }
            dataSet[element: element.tag] = transcoded(element, from: source, to: target, keepsPrivate: keepsPrivate)
        }
        return dataSet
    }

    private static func targetCharacterSet(_ elements: [BlueprintElement]) throws -> SpecificCharacterSet {
        var sources: Set<SpecificCharacterSet> = []
        for item in elements {
            if case .copied(_, let source) = item { sources.insert(source) }
            addCharacterSets(of: item.element, to: &sources)
        }
        // ASCII text is the same bytes in all others.
        sources.remove(.ascii)
        let only = sources.count <= 1 ? sources.first ?? .ascii : nil
        if let only, elements.allSatisfy({ isEncodable($0.element, in: only) }) { return only }
        for source in sources where !source.isUnderstood {
            throw DICOMError(
                .unencodableText,
                "the blueprint has text that the parent's character set may lack, whose SpecificCharacterSet (0008,0005) "
                    + "is no defined term; use ASCII characters in its rules")
        }
        return .utf8
    }

    private static func addCharacterSets(of element: DataElement, to sources: inout Set<SpecificCharacterSet>) {
        for item in element.items where !item.contains(.specificCharacterSet) {
            sources.insert(item.characterSet)
            for inner in item { addCharacterSets(of: inner, to: &sources) }
        }
    }

    private static func isEncodable(_ element: DataElement, in characterSet: SpecificCharacterSet) -> Bool {
        switch element.value {
        case .text(let text): (try? characterSet.encode(text, as: element.vr)) != nil
        case .sequence(let items):
            items.allSatisfy { item in
                item.contains(.specificCharacterSet) || item.allSatisfy { isEncodable($0, in: characterSet) }
            }
        case .bytes, .fragments: true
        }
    }

    /// The element with its text in another character set. The items of a sequence know theirs; those which state it
    /// keep it, and their bytes.
    private static func transcoded(
        _ element: DataElement, from source: SpecificCharacterSet, to target: SpecificCharacterSet, keepsPrivate: Bool
    ) -> DataElement {
        switch element.value {
        case .fragments, .text: return element
        case .bytes(let bytes):
            guard source != target, case .text(repertoire: true, _) = element.vr.kind else { return element }
            // As bytes: what was copied may be longer than its VR allows, and need not be mended here.
            let text = source.decode(bytes, as: element.vr)
            guard let encoded = try? target.encode(text, as: element.vr) else {
                return DataElement(element.tag, element.vr, .text(text))
            }
            return DataElement(element.tag, element.vr, .bytes(encoded[...]))
        case .sequence(let items):
            let converted = items.map { item in
                let itemTarget = item.contains(.specificCharacterSet) ? item.characterSet : target
                var result = DataSet()
                for inner in item where keepsPrivate || !(inner.tag.isPrivate || inner.tag.isGroupLength) {
                    result[element: inner.tag] = transcoded(
                        inner, from: item.characterSet, to: itemTarget, keepsPrivate: keepsPrivate)
                }
                return result
            }
            return DataElement(element.tag, element.vr, .sequence(converted))
        }
    }
}
