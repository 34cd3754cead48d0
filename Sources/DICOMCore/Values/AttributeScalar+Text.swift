/// Types whose values are the text of an element: dates, times, names, and those of a program's own.
extension AttributeScalar where Self: LosslessStringConvertible {
    /// The values that are of this type; what cannot be read as one is left out.
    public static func values(of element: DataElement, vr: VR) -> [Self] {
        element.strings(as: vr).compactMap { Self($0) }
    }

    public static func elementValue(_ values: [Self], vr: VR) -> DataElement.Value {
        .text(values.map(\.description).joined(separator: "\\"))
    }
}

extension DataSet {
    /// The value of an attribute as a type that says more than the attribute's own; `nil` when the element is absent,
    /// empty or not of this type. Setting `nil` removes it.
    ///
    /// ```swift
    /// let birth = dataSet[.patientBirthDate, as: DICOMDate.self]
    /// dataSet[.otherPatientNames, as: [PersonName].self] = ["Adams^John", "Adams^J."]
    /// ```
    public subscript<Value, Other: AttributeValue>(_ attribute: Attribute<Value>, as type: Other.Type) -> Other? {
        get { self[Attribute<Other>(attribute.tag, attribute.vr)] }
        set { self[Attribute<Other>(attribute.tag, attribute.vr)] = newValue }
    }
}
