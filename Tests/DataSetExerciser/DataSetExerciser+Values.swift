import DICOMCoding
import DICOMCore

extension DataSetExerciser {
    /// Decodes a value in every way there is.
    func use(_ element: DataElement) {
        _ = (element.strings, element.ints, element.doubles, element.items.count, element.isEmpty)
        _ = (element.textProblem?.description, element.text(maximumLength: 64))
        do { try element.validate() } catch { use(errors: [error]) }
        // There are dozens of ways to decode, and a mistake shows in the begin of a long value as well.
        let start = element.bytes?.prefix(Self.longestValue)
        let short = start.map { DataElement(element.tag, element.vr, .bytes($0)) } ?? element
        use(element.bytes?.count == start?.count ? element : short, as: element.vr)
        if element.vr == .un { useUnknown(short) }
    }

    /// Bytes of unknown VR are decoded as what the caller takes them for.
    private func useUnknown(_ element: DataElement) {
        decode(PersonName.self, element, .pn)
        decode(DecimalString.self, element, .ds)
        decode(IntegerString.self, element, .is)
        decode(DICOMRange<DICOMDateTime>.self, element, .dt)
        decode(UID.self, element, .ui)
        decode(String.self, element, .ut)
        decode(DICOMTag.self, element, .at)
        decode(Int.self, element, .ss)
        decode(UInt64.self, element, .uv)
        decode(Double.self, element, .fd)
        decode(Float.self, element, .of)
    }

    private static let longestValue = 1024
    /// Longer values of numbers are not turned into text nine times.
    private static let textLimit = 256

    private func use(_ element: DataElement, as vr: VR) {
        decode(Int.self, element, vr)
        decode(UInt64.self, element, vr)
        decode(Double.self, element, vr)
        decode(Float.self, element, vr)
        decode(DICOMTag.self, element, vr)
        _ = (DataSet(element, vr: vr), ArraySlice<UInt8>(element, vr: vr)?.count)
        guard vr.isText || element.bytes?.count ?? 0 <= Self.textLimit else { return }
        decode(String.self, element, vr)
        decode(UID.self, element, vr) { _ = $0.isValid }
        decode(PersonName.self, element, vr) { use($0) }
        decode(DecimalString.self, element, vr) { _ = ($0.double, $0.isValid, $0.hashValue) }
        decode(IntegerString.self, element, vr) { _ = ($0.int, $0.isValid, $0.hashValue) }
        decode(DICOMAge.self, element, vr) { _ = ($0.number, $0.isValid, $0.hashValue) }
        decode(UTCOffset.self, element, vr) { _ = ($0.minutes, $0.hashValue) }
        decode(DICOMDate.self, element, vr) { date in
            _ = (date.isValid, DICOMDate(daysSinceEpoch: date.daysSinceEpoch))
            _ = DICOMDateTime(date, nil).sinceEpoch
        }
        decode(DICOMTime.self, element, vr) { _ = ($0.isValid, $0.span) }
        decode(DICOMDateTime.self, element, vr) { use($0) }
        useRanges(of: DICOMDate.self, element, vr)
        useRanges(of: DICOMTime.self, element, vr)
        useRanges(of: DICOMDateTime.self, element, vr)
    }

    private func decode<Scalar: AttributeScalar>(
        _ type: Scalar.Type, _ element: DataElement, _ vr: VR, _ use: (Scalar) -> Void = { _ in }
    ) {
        _ = Scalar(element, vr: vr)
        let values = Scalar.values(of: element, vr: vr)
        values.forEach(use)
        _ = DataElement(element.tag, vr, Scalar.elementValue(values, vr: vr)).strings.count
    }

    private func use(_ name: PersonName) {
        _ = (name.formatted, name.isValid, name.isEmpty, name == PersonName(name.description), name.hashValue)
        for group in [name.alphabetic, name.ideographic, name.phonetic] {
            _ = (group.familyName, group.givenName, group.middleName, group.prefix, group.suffix)
        }
    }

    private func use(_ moment: DICOMDateTime) {
        _ = (moment.isValid, moment.span, moment.date, moment.sinceEpoch, moment.hashValue)
        _ = DICOMDateTime(sinceEpoch: moment.sinceEpoch, offset: moment.offset ?? .utc)
        _ = moment.assuming(UTCOffset(minutes: 90)).span
    }

    private func useRanges<Bound: DICOMRangeBound>(of type: Bound.Type, _ element: DataElement, _ vr: VR) {
        decode(DICOMRange<Bound>.self, element, vr) { range in
            for bound in [range.lower, range.upper] { _ = bound.map { range.contains($0) } }
            _ = range.hashValue
        }
    }
}
