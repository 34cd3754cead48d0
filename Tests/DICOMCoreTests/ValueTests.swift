import DICOMCore
import DICOMDictionary
import Testing

struct PersonNameTests {
    /// The examples of PS3.5 6.2.1.2, and what they mean.
    @Test func theExamplesOfTheStandardAreReadAsItSays() {
        let reverend = PersonName("Adams^John Robert Quincy^^Rev.^B.A. M.Div.")
        #expect(reverend.alphabetic.familyName == "Adams" && reverend.alphabetic.givenName == "John Robert Quincy")
        #expect(reverend.alphabetic.middleName == "" && reverend.alphabetic.prefix == "Rev.")
        #expect(reverend.alphabetic.suffix == "B.A. M.Div.")
        #expect(reverend.formatted == "Rev. John Robert Quincy Adams, B.A. M.Div.")

        let married = PersonName("Morrison-Jones^Susan^^^Ph.D., Chief Executive Officer")
        #expect(married.alphabetic.suffix == "Ph.D., Chief Executive Officer")
        #expect(PersonName("Doe^John").formatted == "John Doe")
        #expect(PersonName("Smith^Fluffy").alphabetic.givenName == "Fluffy")
        #expect(PersonName("ABC Farms^Running on Water").formatted == "Running on Water ABC Farms")

        let japanese = PersonName("Yamada^Tarou=山田^太郎=やまだ^たろう")
        #expect(japanese.alphabetic.formattedParts == ["Yamada", "Tarou"])
        #expect(japanese.ideographic.formattedParts == ["山田", "太郎"])
        #expect(japanese.phonetic.formattedParts == ["やまだ", "たろう"])
        #expect(PersonName("=山田^太郎").formatted == "山田 太郎" && japanese.formatted == "Tarou Yamada")
    }

    @Test(arguments: [
        "", "Doe", "Doe^John^^^", "Doe^John==", "=", "==", "a^b^c^d^e^f^g", "a=b=c=d", " Doe ^ John ", "^^^^",
        "Doe,John",
        "Doe^^", "=^=^",
    ]) func theExactTextComesBack(text: String) { #expect(PersonName(text).description == text) }

    @Test func emptyComponentsAtTheEndMakeNoDifference() {
        #expect(PersonName("Doe^John") == PersonName("Doe^John^^^=="))
        #expect(PersonName("Doe^John").hashValue == PersonName("Doe^John^^^==").hashValue)
        #expect(PersonName("Doe^John") != PersonName("Doe^^John") && PersonName("=Doe") != PersonName("Doe"))
        #expect(PersonName("^^=").isEmpty && !PersonName("^^=a").isEmpty)
    }

    @Test func changesLeaveTheRestAsItWas() {
        var name = PersonName("Doe^John^^^Jr.=山田")
        name.alphabetic.givenName = "Jane"
        name.phonetic.familyName = "やまだ"
        #expect(name.description == "Doe^Jane^^^Jr.=山田=やまだ")
        #expect(PersonName(familyName: "Doe", suffix: "Jr.").description == "Doe^^^^Jr.")
        #expect(PersonName(familyName: "", givenName: "Jane").description == "^Jane")
        #expect(PersonName(familyName: "Doe").description == "Doe")
    }

    @Test func namesAreReadAndSetAsAttributes() {
        var dataSet = DataSet()
        dataSet[.patientName, as: PersonName.self] = "Doe^John"
        #expect(dataSet[.patientName] == "Doe^John")
        #expect(dataSet[.patientName, as: PersonName.self]?.alphabetic.familyName == "Doe")
        dataSet[.patientName, as: PersonName.self]?.alphabetic.prefix = "Dr."
        #expect(dataSet[.patientName] == "Doe^John^^Dr.")
        dataSet[.operatorsName, as: [PersonName].self] = ["Doe^John", "", "Roe"]
        #expect(dataSet[.operatorsName] == ["Doe^John", "", "Roe"])
        #expect(dataSet[.operatorsName, as: [PersonName].self]?.count == 3)
        dataSet.setEmpty(.patientName)
        #expect(dataSet[.patientName, as: PersonName.self] == nil)
    }
}

extension PersonName.ComponentGroup {
    fileprivate var formattedParts: [String] { [familyName, givenName] }
}

struct NumberStringTests {
    @Test(arguments: [("1.0", 1), ("-1.50E+3", -1500), ("+.5", 0.5), ("5.", 5), (" 2 ", 2), ("1e-400", 0)])
    func decimalStringsKeepTheirText(text: String, number: Double) {
        #expect(DecimalString(text)?.double == number && DecimalString(text)?.description == text)
    }

    @Test(arguments: ["", " ", "nan", "inf", "0x10", "1,5", "1e999", "1 2", "e", "１"])
    func whatIsNoDecimalIsNone(text: String) {
        #expect(DecimalString(text) == nil && IntegerString(text) == nil)
    }

    @Test func integerStringsKeepTheirText() {
        #expect(IntegerString("007")?.int == 7 && IntegerString("007")?.description == "007")
        #expect(IntegerString("5.0")?.int == 5 && IntegerString("5.0")?.isValid == false)
        #expect(IntegerString("5.5") == nil && IntegerString("99999999999999999999") == nil)
        #expect(IntegerString(3_000_000_000).isValid == false && IntegerString(-5).description == "-5")
        #expect(DecimalString(1.0 / 3)?.description == "0.33333333333333" && DecimalString(.nan) == nil)
    }

    @Test func bothAreReadAndSetAsAttributes() {
        var dataSet = DataSet()
        dataSet[.rescaleSlope, as: DecimalString.self] = DecimalString("1.50")
        dataSet[.pixelSpacing, as: [DecimalString].self] = ["0.70", "1"].compactMap { DecimalString($0) }
        dataSet[.instanceNumber, as: IntegerString.self] = IntegerString("007")
        #expect(dataSet[element: Attribute.rescaleSlope.tag]?.strings == ["1.50"])
        #expect(dataSet[.rescaleSlope] == 1.5 && dataSet[.pixelSpacing] == [0.7, 1] && dataSet[.instanceNumber] == 7)
        #expect(dataSet[.pixelSpacing, as: [DecimalString].self]?.map(\.description) == ["0.70", "1"])
        #expect(dataSet[.instanceNumber, as: IntegerString.self]?.description == "007")
    }

    @Test(arguments: [
        ("045Y", 45, DICOMAge.Unit.years), ("3D", 3, .days), ("012m", 12, .months), ("99W ", 99, .weeks),
    ]) func agesAreReadWithTheirUnit(text: String, number: Int, unit: DICOMAge.Unit) {
        let age = DICOMAge(text)
        #expect(age?.number == number && age?.unit == unit && age?.description == text)
    }

    @Test func agesAreMadeOfNumberAndUnit() {
        #expect(
            DICOMAge(45, .years)?.description == "045Y" && DICOMAge(1000, .days) == nil && DICOMAge(-1, .days) == nil)
        for text in ["", "Y", "45", "0045Y", "4 Y", "45YY", "45X"] { #expect(DICOMAge(text) == nil) }
        var dataSet = DataSet()
        dataSet[.patientAge, as: DICOMAge.self] = DICOMAge(6, .weeks)
        #expect(dataSet[.patientAge] == "006W" && dataSet[.patientAge, as: DICOMAge.self] == DICOMAge("6w"))
    }
}

struct BinaryNumberTests {
    private let tag = DICOMTag(0x0011, 0x1001)

    private func element(_ vr: VR, _ bytes: [UInt8]) -> DataElement { DataElement(tag, vr, .bytes(bytes[...])) }

    @Test func valuesAboveTheLargestIntAreNotLost() {
        let large = element(.uv, [UInt8](repeating: 0xFF, count: 8) + [1, 0, 0, 0, 0, 0, 0, 0])
        #expect([UInt64](large, vr: .uv) == [.max, 1])
        #expect(large.strings == ["18446744073709551615", "1"] && large.doubles == [0x1p64, 1] && large.ints == [1])
        let value = UInt64.elementValue([.max, 1], vr: .uv)
        #expect(DataElement(tag, .uv, value) == large)
        #expect([UInt64](element(.sv, [UInt8](repeating: 0xFF, count: 8)), vr: .sv) == [])
        #expect(element(.sv, [UInt8](repeating: 0xFF, count: 8)).ints == [-1])
        #expect([UInt64](DataElement(tag, .is, .text("5\\-1\\18446744073709551615")), vr: .is) == [5, .max])
    }

    /// Little-endian bytes as PS3.5 7.3 has them.
    @Test func streamsOfNumbersAreRead() {
        #expect(element(.ow, [1, 0, 0xFF, 0xFF]).ints == [1, 65535])
        #expect(element(.ol, [1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 9]).ints == [1, 4_294_967_295])
        #expect(element(.ov, [2, 0, 0, 0, 0, 0, 0, 0x80]).doubles == [9.223372036854775810e18])
        #expect(element(.of, [0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0]).doubles == [1, -2.5])
        #expect([Float](element(.of, [0, 0, 0x80, 0x3F]), vr: .of) == [1])
        #expect(element(.od, [0, 0, 0, 0, 0, 0, 0xF0, 0x3F]).doubles == [1])
        #expect(element(.ob, [1, 2]).ints.isEmpty && element(.un, [1, 2]).doubles.isEmpty)
        #expect(element(.ow, [1, 0]).strings.isEmpty)
    }

    @Test func streamsOfNumbersAreWritten() {
        var dataSet = DataSet()
        dataSet[.floatingPointValues, as: [Float].self] = [1, -2.5]
        #expect(dataSet[.floatingPointValues] == [0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0])
        #expect(dataSet[.floatingPointValues, as: [Double].self] == [1, -2.5])
        dataSet[.trackPointIndexList, as: [Int].self] = [1, 4_294_967_295]
        #expect(dataSet[.trackPointIndexList] == [1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF])
        #expect(dataSet[.trackPointIndexList, as: [Int].self] == [1, 4_294_967_295])
    }

    @Test func numbersWithoutRoomAreRefusedInsteadOfCutOff() throws {
        var dataSet = DataSet()
        dataSet[.rows] = 65_535
        try dataSet.validate()
        dataSet[.pixelPaddingValue] = -2000
        try dataSet.validate()
        for number in [65_536, -32_769, .max, .min] {
            dataSet[.rows] = number
            #expect(dataSet[.rows] == number)
            let error = #expect(throws: DICOMError.self) { try dataSet.validate() }
            #expect(error?.code == .invalidValue && error?.tagPath == [Attribute.rows.tag])
        }
        dataSet[.rows, as: Double.self] = 512
        #expect(dataSet[.rows] == 512)
        dataSet[.rows, as: Double.self] = 0.5
        #expect(throws: DICOMError.self) { try dataSet.validate() }
        dataSet[.rows, as: UInt64.self] = .max
        #expect(throws: DICOMError.self) { try dataSet.validate() }
        for (vr, least, most) in [
            (VR.sl, -1 << 31, 1 << 31 - 1), (.ul, 0, 1 << 32 - 1), (.sv, .min, .max), (.uv, 0, .max),
        ] {
            let fitting = DataElement(tag, vr, Int.elementValue([least, most], vr: vr))
            #expect(fitting.bytes != nil && fitting.ints == [least, most])
            for outside in [least.subtractingReportingOverflow(1), most.addingReportingOverflow(1)]
            where !outside.overflow {
                let cut = Int.elementValue([outside.partialValue], vr: vr)
                #expect(DataElement(tag, vr, cut).bytes == nil || vr == .uv && outside.partialValue > 0)
            }
        }
        let inReal = DataElement(tag, .fl, Int.elementValue([3], vr: .fl))
        #expect(inReal.doubles == [3] && inReal.bytes?.count == 4)
    }
}
