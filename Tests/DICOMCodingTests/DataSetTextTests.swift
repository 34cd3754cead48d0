import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMTesting
import Testing

struct DataSetTextTests {
    private func element(_ tag: UInt32, _ vr: VR, _ bytes: [UInt8]) -> DataElement {
        DataElement(DICOMTag(rawValue: tag), vr, .bytes(bytes[...]))
    }

    private func dataSet(_ elements: [DataElement]) -> DataSet {
        var dataSet = DataSet()
        for element in elements { dataSet[element: element.tag] = element }
        return dataSet
    }

    /// The lines of DCMTK 3.6.7's dcmdump for the same values, but for the sequences (it says which lengths they had, and
    /// lists delimitations), the names of private elements, and OL and OV (numbers there, words here).
    @Test func linesLookLikeThoseOfDcmdump() {
        var item = DataSet()
        item[element: Attribute.patientID.tag] = element(0x0010_0020, .lo, Array("X ".utf8))
        var sample = dataSet([
            element(0x0008_0016, .ui, Array("1.2.840.10008.5.1.4.1.1.2\0".utf8)),
            element(0x0008_0018, .ui, Array("1.2.3\0".utf8)),
            element(0x0009_0010, .lo, Array("GEMS_IDEN_01".utf8)),
            element(0x0009_1001, .of, [0, 0, 0, 0x3F, 0, 0, 0x80, 0xBF]),
            element(0x0009_1005, .un, [1, 2, 0x61, 0x62]),
            element(0x0009_1006, .sv, [0xFB, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
            element(0x0009_1007, .uv, Array(repeating: 0xFF, count: 8)),
            element(0x0010_0010, .pn, Array("Doe^John".utf8)),
            element(0x0010_0020, .lo, []),
            element(0x0018_0050, .ds, Array("1.5\\2 ".utf8)),
            element(0x0018_6020, .sl, [0xFB, 0xFF, 0xFF, 0xFF, 7, 0, 0, 0]),
            element(0x0018_6028, .fd, [0, 0, 0, 0, 0, 0, 0xE4, 0x3F]),
            element(0x0028_0009, .at, [0x54, 0, 0x10, 0, 0x54, 0, 0x20, 0]),
            element(0x0028_0010, .us, [0, 2, 3, 0]),
            element(0x7FE0_0010, .ow, Array(0..<100)),
        ])
        sample[.requestAttributesSequence] = [item, DataSet()]
        let expected = """
            (0008,0016) UI =CTImageStorage                          #  26, 1 SOPClassUID
            (0008,0018) UI [1.2.3]                                  #   6, 1 SOPInstanceUID
            (0009,0010) LO [GEMS_IDEN_01]                           #  12, 1 PrivateCreator
            (0009,1001) OF 0.5\\-1                                   #   8, 1 Full fidelity
            (0009,1005) UN 01\\02\\61\\62                              #   4, 1 Unknown
            (0009,1006) SV -5                                       #   8, 1 Unknown
            (0009,1007) UV 18446744073709551615                     #   8, 1 Unknown
            (0010,0010) PN [Doe^John]                               #   8, 1 PatientName
            (0010,0020) LO (no value available)                     #   0, 0 PatientID
            (0018,0050) DS [1.5\\2]                                  #   6, 2 SliceThickness
            (0018,6020) SL -5\\7                                     #   8, 2 ReferencePixelX0
            (0018,6028) FD 0.625                                    #   8, 1 ReferencePixelPhysicalValueX
            (0028,0009) AT (0054,0010)\\(0054,0020)                  #   8, 2 FrameIncrementPointer
            (0028,0010) US 512\\3                                    #   4, 2 Rows
            (0040,0275) SQ (Sequence #=2)                           # u/l, 1 RequestAttributesSequence
              (fffe,e000) na (Item #=1)                               # u/l, 1 Item
                (0010,0020) LO [X]                                      #   2, 1 PatientID
              (fffe,e000) na (Item #=0)                               # u/l, 1 Item
            (7fe0,0010) OW 0100\\0302\\0504\\0706\\0908\\0b0a\\0d0c\\0f0e\\1110\\1312\\1514\\1716\\1918... # 100, 1 PixelData

            """
        let lines = sample.text().split(separator: "\n")
        for (line, expected) in zip(lines, expected.split(separator: "\n")) { #expect(line == expected) }
        #expect(lines.count == 19)
    }

    @Test func valuesAreCutWhereTheCallerSays() {
        let sample = dataSet([
            element(0x0010_4000, .lt, Array("0123456789".utf8)), element(0x7FE0_0010, .ow, [1, 0, 2, 0, 3, 0, 4]),
        ])
        func values(_ limit: Int?) -> [Substring] {
            sample.text(maximumValueLength: limit).split(separator: "\n").map { $0.dropFirst(15).prefix(22) }
        }
        #expect(values(4).map { $0.prefix(8) } == ["[0123...", "0001... "])
        #expect(values(nil) == ["[0123456789]          ", "0001\\0002\\0003\\04     "])
        #expect(values(-1).map { $0.prefix(4) } == ["[...", "... "])
    }

    @Test func fragmentsAreListedWithTheirLengths() {
        var sample = DataSet()
        let fragments: [ArraySlice<UInt8>] = [[], [0xFF, 0xD8, 1, 2]]
        sample[element: Attribute.pixelData.tag] = DataElement(Attribute.pixelData.tag, .ob, .fragments(fragments))
        #expect(
            sample.text() == """
                (7fe0,0010) OB (PixelSequence #=2)                      # u/l, 1 PixelData
                  (fffe,e000) pi (no value available)                     #   0, 1 Item
                  (fffe,e000) pi ff\\d8\\01\\02                              #   4, 1 Item

                """)
    }

    @Test func nothingInAValueActsOnATerminal() {
        let escapes = "a\u{1B}[31m\r\nb\u{9B}\u{202E}\u{7F}\u{2028}\u{0}c"
        var sample = DataSet()
        sample[.specificCharacterSet] = ["ISO_IR 192"]
        sample[.patientComments] = escapes
        let lines = sample.text().split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[1].contains("[a<1B>[31m<0D><0A>b<9B><202E><7F><2028><00>c]"))
    }

    @Test func theTextIsWrittenLineByLineAndCanBeStopped() {
        struct Stop: Error {}
        var lines = 0
        let sample = dataSet([element(0x0010_0010, .pn, [65]), element(0x0010_0020, .lo, [65])])
        #expect(throws: Stop.self) {
            try sample.writeText { _ in
                lines += 1
                throw Stop()
            }
        }
        #expect(lines == 1)
    }

    /// Any bytes in any VR, in whole units or not.
    @Test func noValueTraps() {
        var generator = SeededGenerator(seed: 77)
        let codes =
            "AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV"
        for vr in codes.split(separator: " ").compactMap({ VR(code: String($0)) }) {
            for length in 0..<40 {
                let bytes = (0..<length).map { _ in UInt8.random(in: 0 ... .max, using: &generator) }
                for tag in [0x0010_0010, 0x0009_1001, 0x0000_0000, 0xFFFF_FFFF, 0xFFFE_E000] as [UInt32] {
                    let text = dataSet([element(tag, vr, bytes)]).text(maximumValueLength: length % 7 == 0 ? nil : 20)
                    #expect(text.utf8.count(where: { $0 == 0x0A }) == 1)
                }
            }
        }
    }
}
