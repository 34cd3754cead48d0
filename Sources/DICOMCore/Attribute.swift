/// A data element's tag with the Swift type of its value; DICOMDictionary has one for every keyword of PS3.6.
///
/// ```swift
/// dataSet[.patientID] = "4711"
/// let spacing = dataSet[.pixelSpacing]  // [Double]?, mm
/// ```
@frozen public struct Attribute<Value: AttributeValue>: Sendable, Hashable {
    /// The tag of the element.
    public let tag: DICOMTag
    /// The VR that a new element gets, and that UN values are decoded by.
    public let vr: VR

    /// An attribute with this tag and VR; `Value` has to suit the VR.
    @inlinable public init(_ tag: DICOMTag, _ vr: VR) {
        self.tag = tag
        self.vr = vr
    }

    /// An attribute with a tag of eight hexadecimal digits, such as `0x00100020`.
    @inlinable public init(_ tag: UInt32, _ vr: VR) {
        self.init(DICOMTag(rawValue: tag), vr)
    }
}

/// A type that a data element's whole value can be read as and set from.
public protocol AttributeValue: Sendable, Equatable {
    /// The value of `element`; `nil` when it has none of this type. `vr` is used where the element's own is UN.
    init?(_ element: DataElement, vr: VR)
    /// The value to be stored in an element with this VR.
    func elementValue(vr: VR) -> DataElement.Value
}

/// A type of single values; arrays of it are attribute values too.
public protocol AttributeScalar: AttributeValue {
    /// The values of `element` that are of this type; `vr` is used where the element's own is UN.
    static func values(of element: DataElement, vr: VR) -> [Self]
    /// The values to be stored in an element with this VR.
    static func elementValue(_ values: [Self], vr: VR) -> DataElement.Value
}

extension AttributeScalar {
    public init?(_ element: DataElement, vr: VR) {
        guard let first = Self.values(of: element, vr: vr).first else { return nil }
        self = first
    }

    public func elementValue(vr: VR) -> DataElement.Value { Self.elementValue([self], vr: vr) }
}

extension Array: AttributeValue where Element: AttributeScalar {
    public init?(_ element: DataElement, vr: VR) { self = Element.values(of: element, vr: vr) }
    public func elementValue(vr: VR) -> DataElement.Value { Element.elementValue(self, vr: vr) }
}

extension String: AttributeScalar {
    /// A single value is the first that is not empty text.
    public init?(_ element: DataElement, vr: VR) {
        guard let first = element.firstASCII(as: vr) ?? element.strings(as: vr).first, !first.isEmpty else {
            return nil
        }
        self = first
    }
    public static func values(of element: DataElement, vr: VR) -> [String] { element.strings(as: vr) }
    public static func elementValue(_ values: [String], vr: VR) -> DataElement.Value {
        .text(values.joined(separator: "\\"))
    }
}

extension UID: AttributeScalar {
    public init?(_ element: DataElement, vr: VR) {
        if let text = element.firstASCII(as: vr), !text.isEmpty {
            string = text
        } else if let first = Self.values(of: element, vr: vr).first {
            self = first
        } else {
            return nil
        }
    }
    public static func values(of element: DataElement, vr: VR) -> [UID] {
        element.strings(as: vr).filter { !$0.isEmpty }.map { UID($0) }
    }
    /// The identifiers, checked when they are written; those which break PS3.5 9.1 are written as they are, because they
    /// name instances of others. ``UID/init(validating:)`` is for a program's own.
    public static func elementValue(_ values: [UID], vr: VR) -> DataElement.Value {
        let text = values.map(\.string).joined(separator: "\\")
        let isForeign = values.contains { !$0.isValid } && text.utf8.allSatisfy { $0 < 0x80 }
        return isForeign ? .bytes(Array(text.utf8)[...]) : .text(text)
    }
}

extension DICOMTag: AttributeScalar {
    public static func values(of element: DataElement, vr: VR) -> [DICOMTag] { element.tags(as: vr) }
    public static func elementValue(_ values: [DICOMTag], vr: VR) -> DataElement.Value {
        .bytes(littleEndianBytes(values.map { UInt64($0.element) << 16 | UInt64($0.group) }, size: 4))
    }
}

extension DataSet: AttributeScalar {
    public static func values(of element: DataElement, vr: VR) -> [DataSet] { element.items }
    public static func elementValue(_ values: [DataSet], vr: VR) -> DataElement.Value { .sequence(values) }
}

extension ArraySlice: AttributeValue where Element == UInt8 {
    public init?(_ element: DataElement, vr: VR) {
        guard let bytes = element.bytes else { return nil }
        self = bytes
    }
    public func elementValue(vr: VR) -> DataElement.Value { .bytes(self) }
}
