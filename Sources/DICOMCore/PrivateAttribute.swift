/// An attribute of an implementor, found by the creator that reserved its block (PS3.5 7.8).
///
/// ```swift
/// extension PrivateAttribute where Value == String {
///     static var scanMode: Self { .init(creator: "ACME 1.1", 0x0029, 0x10, .lo) }
/// }
/// dataSet[.scanMode] = "fast"  // (0029,1010), and (0029,0010) with the creator where ACME has no block yet
/// ```
public struct PrivateAttribute<Value: AttributeValue>: Sendable, Hashable {
    /// The value of the Private Creator that reserves its block.
    public let creator: String
    /// The group number, which is odd.
    public let group: UInt16
    /// The lower byte of the element number; the upper one is the block.
    public let element: UInt8
    /// The VR that a new element gets, and that UN values are decoded by.
    public let vr: VR

    /// - Parameters:
    ///   - creator: The value of the Private Creator, at most 64 characters, without spaces around it.
    ///   - group: An odd number from 0009 to FFFD.
    public init(creator: String, _ group: UInt16, _ element: UInt8, _ vr: VR) {
        self.creator = creator
        self.group = group
        self.element = element
        self.vr = vr
    }
}

extension DataSet {
    /// The value of a private attribute; `nil` when its creator has no block here, or the element is absent or, for a
    /// single value, empty.
    ///
    /// A value is written into the block that the creator has, or into a newly reserved one; where none can be reserved
    /// nothing is written: ``reservePrivateBlock(creator:group:)`` says why. Setting `nil` removes the element.
    public subscript<Value>(_ attribute: PrivateAttribute<Value>) -> Value? {
        get { tag(of: attribute).flatMap { self[element: $0] }.flatMap { Value($0, vr: attribute.vr) } }
        set {
            guard let newValue else {
                if let tag = tag(of: attribute) { remove(tag) }
                return
            }
            let reserved = try? reservePrivateBlock(creator: attribute.creator, group: attribute.group)
            guard let tag = tag(of: attribute) ?? reserved.map({ attribute.tag(block: $0) }) else { return }
            self[element: tag] = DataElement(tag, attribute.vr, newValue.elementValue(vr: attribute.vr))
        }
    }

    /// Where a private attribute is in this data set; `nil` when it is not.
    ///
    /// A creator may have several blocks of a group: the first that holds the element counts.
    public func tag<Value>(of attribute: PrivateAttribute<Value>) -> DICOMTag? {
        let creator = trimmedCreator(attribute.creator)
        return privateBlocks(attribute.group).lazy
            .filter { $0.creator == creator }.map { attribute.tag(block: $0.block) }.first { contains($0) }
    }

    /// The blocks of a group that are reserved, and for whom, in ascending order (PS3.5 7.8.1).
    public func privateBlocks(_ group: UInt16) -> [(block: UInt8, creator: String)] {
        guard group & 1 == 1 else { return [] }
        return tags(in: DICOMTag(group, 0x10)...DICOMTag(group, 0xFF)).compactMap { tag in
            creator(at: tag).map { (UInt8(truncatingIfNeeded: tag.element), $0) }
        }
    }

    /// The creator of a private element: the value of (gggg,00bb) for (gggg,bbxx), without padding (PS3.5 7.8.1).
    ///
    /// `nil` for standard elements, for creators themselves, and where nobody reserved the block.
    public func privateCreator(of tag: DICOMTag) -> String? {
        guard tag.isPrivate, tag.element >= 0x1000 else { return nil }
        return creator(at: DICOMTag(tag.group, tag.element >> 8))
    }

    /// The block that a creator has in a group; where it has none, the lowest free one is reserved for it.
    ///
    /// A block is free when it has no creator and no elements.
    /// - Returns: The upper byte of the element numbers of the block, 10 to FF.
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/invalidValue`` when the group is not private, the creator is not
    ///   one LO value of text, or all 240 blocks are taken.
    @discardableResult
    public mutating func reservePrivateBlock(creator: String, group: UInt16) throws(DICOMError) -> UInt8 {
        let creator = trimmedCreator(creator)
        guard group & 1 == 1, group > 0x0008, group != 0xFFFF else {
            throw DICOMError(
                .invalidValue,
                "\(hexadecimal(group)) is not a private group: use an odd number from 0009 to FFFD (PS3.5 7.8.1).")
        }
        guard (1...64).contains(creator.unicodeScalars.count),
            !creator.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F || $0 == "\\" })
        else {
            throw DICOMError(
                .invalidValue, "A private creator has 1 to 64 characters, no control characters and no backslash.")
        }
        if let own = privateBlocks(group).first(where: { $0.creator == creator }) { return own.block }
        // Elements without a creator break the rule, but they are somebody's: their block is not free either.
        var taken = Set(tags(in: DICOMTag(group, 0x10)...DICOMTag(group, 0xFF)).map(\.element))
        taken.formUnion(tags(in: DICOMTag(group, 0x1000)...DICOMTag(group, 0xFFFF)).map { $0.element >> 8 })
        guard let free = (UInt16(0x10)...0xFF).first(where: { !taken.contains($0) }) else {
            throw DICOMError(
                .invalidValue, "All 240 blocks of group \(hexadecimal(group)) are taken: use another odd group.")
        }
        let tag = DICOMTag(group, free)
        self[element: tag] = DataElement(tag, .lo, .text(creator))
        return UInt8(truncatingIfNeeded: free)
    }

    private func creator(at tag: DICOMTag) -> String? { self[element: tag]?.privateCreator }
}

extension DataElement {
    /// The text of a Private Creator, without padding; files have it in other VRs than LO, too. `nil` for none.
    package var privateCreator: String? {
        let text = trimmedCreator(strings(as: .lo).joined(separator: "\\"))
        return text.isEmpty ? nil : text
    }
}

private func trimmedCreator(_ text: String) -> String {
    var utf8 = text.utf8[...]
    while let last = utf8.last, last == 0x20 || last == 0 { utf8.removeLast() }
    while utf8.first == 0x20 { utf8.removeFirst() }
    return String(Substring(utf8))
}

extension PrivateAttribute {
    fileprivate func tag(block: UInt8) -> DICOMTag { DICOMTag(group, UInt16(block) << 8 | UInt16(element)) }
}
