import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMTesting
import Testing

/// The DICOM JSON model (PS3.18 Annex F).
struct DICOMJSONTests {
    private func json(_ dataSet: DataSet) -> String { String(decoding: dataSet.json(), as: UTF8.self) }

    /// A data set of one element with these bytes.
    private func dataSet(_ tag: UInt32, _ vr: VR, _ bytes: [UInt8]) -> DataSet {
        var dataSet = DataSet()
        let tag = DICOMTag(rawValue: tag)
        dataSet[element: tag] = DataElement(tag, vr, .bytes(bytes[...]))
        return dataSet
    }

    private func text(_ tag: UInt32, _ vr: VR, _ text: String) -> DataSet { dataSet(tag, vr, Array(text.utf8)) }

    // MARK: - Writing

    /// Values as pydicom 3.0.2 has them in `Dataset.to_json_dict`; DS and IS with their text (PS3.18 F.2.3 note), empty
    /// component groups left out (F.2.2).
    @Test(arguments: [
        ("AE", "  ARCHIVE ", #""ARCHIVE""#), ("AS", "045Y", #""045Y""#),
        ("CS", "ORIGINAL\\PRIMARY ", #""ORIGINAL","PRIMARY""#),
        ("DA", "20240229", #""20240229""#), ("DT", "20240229103000.5+0100", #""20240229103000.5+0100""#),
        ("TM", "103000.25 ", #""103000.25""#), ("SH", "a\\\\b", #""a",null,"b""#),
        ("LO", "é\"/\t\u{1}", #""é\"/\t\u0001""#),
        ("LT", " a\\b\r\n ", #"" a\\b\r\n""#), ("ST", "a\\b", #""a\\b""#), ("UT", "a\u{7F} ", "\"a\u{7F}\""),
        ("UC", " a\\b", #"" a","b""#), ("UR", "http://a/b?c=\\d ", #""http://a/b?c=\\d""#),
        ("UI", "1.2.3\0", #""1.2.3""#),
        ("DS", " 1.50\\+1\\.5\\5.\\1e5\\-0\\-1.5E-03\\007\\ ", #"1.50,"+1",".5","5.",1e5,-0,-1.5E-03,"007",null"#),
        ("DS", "1,5 ", #""1,5""#), ("DS", "0.3000000000000000444", "0.3000000000000000444"),
        ("IS", "-12\\+3\\1.0\\04\\1e3\\99999999999999999999", #"-12,"+3","1.0","04","1e3",99999999999999999999"#),
        ("PN", "A^B", #"{"Alphabetic":"A^B"}"#),
        ("PN", "A^B^^^=C=D ", #"{"Alphabetic":"A^B^^^","Ideographic":"C","Phonetic":"D"}"#),
        ("PN", "==D", #"{"Phonetic":"D"}"#), ("PN", "A==", #"{"Alphabetic":"A"}"#),
        ("PN", "=\\A", #"null,{"Alphabetic":"A"}"#),
        ("PN", "A\\\\=B", #"{"Alphabetic":"A"},null,{"Ideographic":"B"}"#),
        ("PN", "A=B=C=D", #"{"Alphabetic":"A","Ideographic":"B","Phonetic":"C"}"#),
    ]) func writesText(code: String, value: String, expected: String) throws {
        var dataSet = DataSet()
        dataSet[.specificCharacterSet] = ["ISO_IR 192"]
        let vr = try #require(VR(code: code))
        let tag = DICOMTag(0x0009, 0x1001)
        dataSet[element: tag] = DataElement(tag, vr, .bytes(Array(value.utf8)[...]))
        let start = #"{"00080005":{"vr":"CS","Value":["ISO_IR 192"]},"00091001":{"vr":""#
        #expect(json(dataSet) == start + "\(code)\",\"Value\":[\(expected)]}}")
        // What the program has set is written as what was read.
        dataSet[element: tag] = DataElement(tag, vr, .text(value))
        #expect(json(dataSet) == start + "\(code)\",\"Value\":[\(expected)]}}")
    }

    @Test(
        arguments: [
            ("US", [0, 0, 0xFF, 0xFF, 7], "0,65535"), ("SS", [0xFF, 0xFF, 0, 0x80], "-1,-32768"),
            ("UL", [0xFF, 0xFF, 0xFF, 0xFF], "4294967295"), ("SL", [0, 0, 0, 0x80, 1, 0, 0], "-2147483648"),
            ("UV", [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "18446744073709551615"),
            ("SV", [0, 0, 0, 0, 0, 0, 0, 0x80], "-9223372036854775808"),
            ("AT", [0x10, 0, 0x20, 0, 0xFE, 0xFF, 0x0D, 0xE0], #""00100020","FFFEE00D""#),
            // json.dumps(float(numpy.float32(0.1))), the smallest and the largest float
            ("FL", [0xCD, 0xCC, 0xCC, 0x3D, 1, 0, 0, 0], "0.10000000149011612,1.401298464324817e-45"),
            ("FL", [0xFF, 0xFF, 0x7F, 0x7F, 0, 0, 0, 0x80], "3.4028234663852886e+38,-0.0"),
            ("FL", [0, 0, 0xC0, 0x7F, 0, 0, 0x80, 0x7F, 0, 0, 0x80, 0xFF], #""NaN","Infinity","-Infinity""#),
            ("FD", [0x9A, 0x99, 0x99, 0x99, 0x99, 0x99, 0xB9, 0x3F], "0.1"),
            ("FD", [0, 0, 0, 0, 0, 0, 0xF0, 0xFF], #""-Infinity""#),
        ] as [(String, [UInt8], String)]) func writesNumbers(code: String, bytes: [UInt8], expected: String) throws
    {
        let dataSet = dataSet(0x0009_1001, try #require(VR(code: code)), bytes)
        #expect(json(dataSet) == #"{"00091001":{"vr":"\#(code)","Value":[\#(expected)]}}"#)
    }

    @Test func emptyElementsHaveNoValue() throws {
        for vr in [VR.lo, .ds, .pn, .us, .sq, .ob, .un, .at, .fl] {
            #expect(json(dataSet(0x0009_1001, vr, [])) == #"{"00091001":{"vr":"\#(vr)"}}"#)
        }
        #expect(json(text(0x0010_0020, .lo, "  ")) == #"{"00100020":{"vr":"LO"}}"#)
        #expect(json(text(0x0010_0020, .lo, "\\")) == #"{"00100020":{"vr":"LO","Value":[null,null]}}"#)
        #expect(json(text(0x0010_0010, .pn, "==")) == #"{"00100010":{"vr":"PN"}}"#)
        // No whole number, no value.
        #expect(json(dataSet(0x0028_0010, .us, [1])) == #"{"00280010":{"vr":"US"}}"#)
        #expect(json(DataSet()) == "{}")
    }

    @Test func sequencesAndBinaryValues() throws {
        var item = DataSet()
        item[.rows] = 2
        var dataSet = dataSet(0x7FE0_0010, .ow, [1, 2, 3, 4])
        dataSet[.requestAttributesSequence] = [item, DataSet()]
        dataSet.setEmpty(.iconImageSequence)
        let expected =
            #"{"00400275":{"vr":"SQ","Value":[{"00280010":{"vr":"US","Value":[2]}},{}]},"00880200":{"vr":"SQ"},"#
            + #""7FE00010":{"vr":"OW","InlineBinary":"AQIDBA=="}}"#
        #expect(json(dataSet) == expected)
        #expect(String(decoding: DataSet.json([item, item]), as: UTF8.self) == "[\(json(item)),\(json(item))]")
        #expect(try DataSet.array(json: DataSet.json([item, dataSet])) == [item, dataSet])
        #expect(try DataSet(json: dataSet.json()) == dataSet)
    }

    @Test func prettyTextIsTheSame() throws {
        let dataSet = try DataSet(json: Self.rich.utf8)
        let pretty = dataSet.json(isPretty: true)
        #expect(try DataSet(json: pretty) == dataSet)
        var item = DataSet()
        item[.patientID] = "1"
        var small = DataSet()
        small[.requestAttributesSequence] = [item]
        let expected = """
            {
              "00400275": {"vr": "SQ", "Value": [
                {
                  "00100020": {"vr": "LO", "Value": ["1"]}
                }
              ]}
            }
            """
        #expect(String(decoding: small.json(isPretty: true), as: UTF8.self) == expected)
    }

    @Test func encapsulatedPixelDataAreARunOfItems() throws {
        let fragments: [[UInt8]] = [[], [1, 2, 3, 4], [5, 6]]
        var dataSet = DataSet()
        let tag = Attribute.pixelData.tag
        dataSet[element: tag] = DataElement(tag, .ob, .fragments(fragments.map { $0[...] }))
        #expect(json(dataSet) == #"{"7FE00010":{"vr":"OB","InlineBinary":"/v8A4AAAAAD+/wDgBAAAAAECAwT+/wDgAgAAAAUG"}}"#)
        let read = try DataSet(json: dataSet.json())
        #expect(read == dataSet)
        guard case .fragments(let found) = read[element: tag]?.value else {
            Issue.record("no fragments")
            return
        }
        #expect(found.map(Array.init) == fragments)
        // A byte less, and it is no run of items.
        let native = try DataSet(json: #"{"7FE00010":{"vr":"OB","InlineBinary":"/v8A4AAAAAD+/wDgBAAAAAECAw=="}}"#.utf8)
        #expect(native[element: tag]?.bytes?.count == 19)
    }

    @Test func bulkDataAreLeftOutOnRequest() throws {
        var item = dataSet(0x0042_0011, .ob, [1, 2, 3, 4])
        item[.patientComments] = "éé"
        var dataSet = dataSet(0x7FE0_0010, .ow, [UInt8](repeating: 7, count: 10))
        dataSet[.rows] = 4
        dataSet[.patientID] = "12345"
        dataSet[.requestAttributesSequence] = [DataSet(), item]
        var paths: [String] = []
        let json = dataSet.json(bulkDataThreshold: 4) { path, element in
            paths.append(path)
            return element.vr == .ow ? nil : "bulk/\(path)"
        }
        #expect(paths == ["00400275/1/00104000", "00400275/1/00420011", "7FE00010"])
        #expect(throws: DICOMError.self) { try DataSet(json: json) }
        let read = try DataSet(json: json) { uri, tag, vr in
            #expect(uri.hasSuffix("00400275/1/00420011") == (tag == DICOMTag(0x0042, 0x0011)))
            return vr == .lt ? Array("éé".utf8) : [1, 2, 3, 4]
        }
        dataSet[.specificCharacterSet] = ["ISO_IR 192"]
        #expect(read == dataSet)
        let header = try DataSet(json: json) { _, _, _ in nil }
        #expect(header[.requestAttributesSequence] == [DataSet(), DataSet()])
        let error = #expect(throws: DICOMError.self) {
            try DataSet(json: json) { _, _, _ in throw CancellationError() }
        }
        #expect(error?.underlying is CancellationError)
        #expect(error?.tagPath.map(\.rawValue) == [0x0040_0275, 0x0010_4000])
    }

    // MARK: - Both ways

    /// Every VR, with a value and without.
    private static let rich = #"""
        {"00080005":{"vr":"CS","Value":["ISO_IR 192"]},"00080008":{"vr":"CS","Value":["ORIGINAL",null,"AXIAL"]},
        "00091001":{"vr":"AE","Value":["ARCHIVE"]},"00091002":{"vr":"AS","Value":["045Y"]},
        "00091003":{"vr":"AT","Value":["00100020","7FE00010"]},"00091004":{"vr":"DA","Value":["20240229"]},
        "00091005":{"vr":"DS","Value":[1.50,"+1",null,"0.1 2",-0.0,"5."]},"00091006":{"vr":"DT","Value":["2024"]},
        "00091007":{"vr":"FL","Value":[0.10000000149011612,"NaN","-Infinity",-0.0,16777216.0]},
        "00091008":{"vr":"FD","Value":[0.1,"Infinity",5e-324,1e+22]},"00091009":{"vr":"IS","Value":[1,"007","1.5"]},
        "0009100A":{"vr":"LO","Value":["Grüße \"x\" /\t","b"]},"0009100B":{"vr":"LT","Value":["a\\b\r\nc"]},
        "0009100C":{"vr":"OB","InlineBinary":"AQIDBA=="},"0009100D":{"vr":"OD","InlineBinary":"AAAAAAAA8D8="},
        "0009100E":{"vr":"OF","InlineBinary":"AACAPw=="},"0009100F":{"vr":"OL","InlineBinary":"AQAAAA=="},
        "00091010":{"vr":"OV","InlineBinary":"AQAAAAAAAAA="},"00091011":{"vr":"OW","InlineBinary":"AQA="},
        "00091012":{"vr":"PN","Value":[{"Alphabetic":"Wang^XiaoDong","Ideographic":"王^小東"},null,{"Phonetic":"ワン"}]},
        "00091013":{"vr":"SH","Value":["a"]},"00091014":{"vr":"SL","Value":[-2147483648,2147483647]},
        "00091015":{"vr":"SQ","Value":[{},{"00100010":{"vr":"PN","Value":[{"Alphabetic":"Ü"}]},"0040A730":{"vr":"SQ","Value":[{}]}}]},
        "00091016":{"vr":"SS","Value":[-32768,32767]},"00091017":{"vr":"ST","Value":["a"]},
        "00091018":{"vr":"SV","Value":[-9223372036854775808]},"00091019":{"vr":"TM","Value":["10"]},
        "0009101A":{"vr":"UC","Value":["a","b"]},"0009101B":{"vr":"UI","Value":["1.2.3"]},
        "0009101C":{"vr":"UL","Value":[0,4294967295]},"0009101D":{"vr":"UN","InlineBinary":"//8="},
        "0009101E":{"vr":"UR","Value":["http://a/b"]},"0009101F":{"vr":"US","Value":[0,65535]},
        "00091020":{"vr":"UT","Value":["😀"]},"00091021":{"vr":"UV","Value":[18446744073709551615]},
        "00092001":{"vr":"AT"},"00092002":{"vr":"DS"},"00092003":{"vr":"PN"},"00092004":{"vr":"SQ"},"00092005":{"vr":"OW"},
        "00092006":{"vr":"UV"},"00092007":{"vr":"UN"}}
        """#.filter { $0 != "\n" }

    @Test func everyVRComesBackExactly() throws {
        let dataSet = try DataSet(json: Self.rich.utf8)
        #expect(json(dataSet) == Self.rich)
        // Without the values that strict writing refuses it is encoded and parsed, and the same still.
        #expect(throws: DICOMError.self) { try dataSet.encoded(as: .explicitVRLittleEndian) }
        let valid = Self.rich.replacing(#""0.1 2","#, with: "").replacing(#","1.5""#, with: "").replacing(
            #"\t""#, with: #"""#)
        let parsed = try DataSet(parsing: DataSet(json: valid.utf8).encoded(as: .explicitVRLittleEndian))
        #expect(json(parsed) == valid)
    }

    /// Group lengths, private elements and wrong values of a data set that was read are not lost.
    @Test func dataSetsOfFilesComeBack() throws {
        var dataSet = dataSet(0x0008_0000, .ul, [4, 0, 0, 0])
        for (tag, vr, value) in [
            (0x0009_0010, VR.lo, "ACME"), (0x0009_1001, .un, "\u{1}"), (0x0020_0013, .is, "no number"),
            (0x0018_0050, .ds, "1,5"),
        ] as [(UInt32, VR, String)] {
            dataSet[element: DICOMTag(rawValue: tag)] = text(tag, vr, value)[element: DICOMTag(rawValue: tag)]
        }
        #expect(try DataSet(json: dataSet.json()) == dataSet)
    }

    // MARK: - Reading

    /// A search result with what the example of PS3.18 F.4 has: InlineBinary in an array, a number for IS, sequences.
    @Test func readsASearchResult() throws {
        let text = #"""
            [{
                "00080005": { "vr": "CS", "Value": [ "ISO_IR 192" ] },
                "00080020": { "vr": "DA", "Value": [ "20130409" ] },
                "00080030": { "vr": "TM", "Value": [ "131600.0000" ] },
                "00080061": { "vr": "CS", "Value": [ "CT", "PET" ] },
                "00080090": { "vr": "PN", "Value": [ { "Alphabetic": "^Bob^^Dr." } ] },
                "00081190": { "vr": "UR", "Value": [ "http://wado.nema.org/studies/1.2.392.200036" ] },
                "00090010": { "vr": "LO", "Value": [ "Vendor A" ] },
                "00091002": { "vr": "UN", "InlineBinary": [ "z0x9c8v7" ] },
                "00100010": { "vr": "PN", "Value": [ { "Alphabetic": "Wang^XiaoDong", "Ideographic": "王^小東" } ] },
                "00101002": { "vr": "SQ", "Value": [
                    { "00100020": { "vr": "LO", "Value": [ "54321" ] }, "00100022": { "vr": "CS", "Value": [ "TEXT" ] } },
                    { "00100020": { "vr": "LO", "Value": [ "24680" ] }, "00100022": { "vr": "CS", "Value": [ "TEXT" ] } }
                ] },
                "00201206": { "vr": "IS", "Value": [ 4 ] },
                "00201208": { "vr": "IS", "Value": [ 942 ] }
            }]
            """#
        let dataSets = try DataSet.array(json: text.utf8)
        let dataSet = try #require(dataSets.first)
        #expect(dataSets.count == 1)
        #expect(dataSet[.patientName] == "Wang^XiaoDong=王^小東")
        #expect(dataSet[.referringPhysicianName] == "^Bob^^Dr.")
        #expect(dataSet[.modalitiesInStudy] == ["CT", "PET"])
        #expect(dataSet[element: DICOMTag(0x0009, 0x1002)]?.bytes == [0xCF, 0x4C, 0x7D, 0x73, 0xCB, 0xFB])
        #expect(dataSet["OtherPatientIDsSequence"]?.items.map { $0[.patientID] } == ["54321", "24680"])
        #expect(dataSet.ints(DICOMTag(0x0020, 0x1208)) == [942])
        #expect(try DataSet.array(json: [UInt8]()) == [])
        #expect(throws: DICOMError.self) { try DataSet(json: text.utf8) }
    }

    @Test func orderDuplicatesAndEscapesDoNotMatter() throws {
        let text = #"""
            {"00280011":{"Value":[4],"vr":"US"},"00280010":{"vr":"US","Value":[1]},"0010\u00320":{},"00100020":{"Value":["\u0041"],"\u0076r":"LO",
            "BulkDataURI":null,"other":[{}]},"00280010":{"vr":"US","Value":[3],"Value":[2]},"7fe00010":{"vr":"OW","InlineBinary":"AQ\u003d="}}
            """#.replacing("\"0010\\u00320\":{},", with: "")
        let dataSet = try DataSet(json: text.utf8)
        #expect(dataSet.map(\.tag.rawValue) == [0x0010_0020, 0x0028_0010, 0x0028_0011, 0x7FE0_0010])
        #expect(dataSet[.patientID] == "A" && dataSet[.rows] == 2 && dataSet[.columns] == 4)
        #expect(dataSet[element: Attribute.pixelData.tag]?.bytes == [1])
    }

    @Test func theDictionaryHasTheVRThatIsMissing() throws {
        let text =
            #"{"00100020":{"Value":["1"]},"00280010":{"vr":"??","Value":[2]},"00091001":{"InlineBinary":"AQI="},"00400275":{}}"#
        let dataSet = try DataSet(json: text.utf8)
        #expect(dataSet.map(\.vr) == [.un, .lo, .us, .sq])
        #expect(dataSet[.rows] == 2 && dataSet[.requestAttributesSequence] == [])
    }

    @Test(arguments: [
        ("DS", "0.30000000000000004", "0.3"), ("DS", "\"-1234567.123456789012\"", "-1234567.1234568"),
        ("DS", "1e3", "1e3"),
        ("DS", "\"no number, but long\"", "no number, but long"), ("DS", "-0.00000000000000000001", "-1e-20"),
        ("IS", "1e3", "1000"), ("IS", "5.0", "5"), ("IS", "1.5", "1.5"), ("IS", "\"5.0\"", "5.0"), ("IS", "-0", "-0"),
        ("PN", "\"A^B=C\"", "A^B=C"), ("PN", #"{"Phonetic":"C","Alphabetic":"","Ideographic":null}"#, "==C"),
        ("PN", "{}", ""),
    ]) func readsText(code: String, value: String, expected: String) throws {
        let text = #"{"00091001":{"vr":"\#(code)","Value":[\#(value)]}}"#
        let element = try #require(try DataSet(json: text.utf8)[element: DICOMTag(0x0009, 0x1001)])
        #expect(element.strings == (expected.isEmpty ? [] : [expected]))
    }

    @Test func numbersMayBeStringsOrHaveAFraction() throws {
        let text = #"""
            {"00091001":{"vr":"UV","Value":["18446744073709551615",5.0,1e3]},"00091002":{"vr":"SV","Value":["-9223372036854775808"]},
            "00091003":{"vr":"FD","Value":["inf","-inf","-Infinity","nan","1.5",1]},"00091004":{"vr":"US","Value":[null]},
            "00091005":{"vr":"SL","Value":[-2147483648.0]},"00091006":{"vr":"SQ","Value":[null]},"00091007":{"vr":"US","Value":[]}}
            """#
        let dataSet = try DataSet(json: text.utf8)
        #expect(
            dataSet.doubles(DICOMTag(0x0009, 0x1003)).map { "\($0)" } == ["inf", "-inf", "-inf", "nan", "1.5", "1.0"])
        #expect(json(dataSet).hasPrefix(#"{"00091001":{"vr":"UV","Value":[18446744073709551615,5,1000]}"#))
        #expect(
            dataSet.ints(DICOMTag(0x0009, 0x1002)) == [.min]
                && dataSet.ints(DICOMTag(0x0009, 0x1005)) == [-2_147_483_648])
        #expect(dataSet[element: DICOMTag(0x0009, 0x1004)]?.isEmpty == true)
        #expect(dataSet[element: DICOMTag(0x0009, 0x1006)]?.items == [DataSet()])
    }

    @Test(arguments: [
        #"{"vr":"US","Value":["1"]}"#, #"{"vr":"US","Value":[65536]}"#, #"{"vr":"US","Value":[-1]}"#,
        #"{"vr":"US","Value":[1.5]}"#,
        #"{"vr":"US","Value":[1e99]}"#, #"{"vr":"US","Value":[1,null]}"#, #"{"vr":"US","Value":[null,1]}"#,
        #"{"vr":"US","Value":1}"#,
        #"{"vr":"SS","Value":[-32769]}"#, #"{"vr":"SS","Value":[32768]}"#,
        #"{"vr":"SV","Value":[9223372036854775808]}"#,
        #"{"vr":"UV","Value":["0x10"]}"#, #"{"vr":"UL","Value":[true]}"#, #"{"vr":"FL","Value":[1e39]}"#,
        #"{"vr":"FD","Value":[1e999]}"#,
        #"{"vr":"FD","Value":["0x1p3"]}"#, #"{"vr":"FD","Value":[""]}"#, #"{"vr":"AT","Value":[1048608]}"#,
        #"{"vr":"AT","Value":["0010002"]}"#,
        #"{"vr":"LO","Value":[1]}"#, #"{"vr":"LO","Value":[{}]}"#, #"{"vr":"LO","Value":"a"}"#,
        #"{"vr":"LO","Value":[false]}"#,
        #"{"vr":"PN","Value":[{"Alphabetic":1}]}"#, #"{"vr":"DS","Value":[[1]]}"#,
        #"{"vr":"DS","Value":[1000000000000000000e999]}"#,
        #"{"vr":"SQ","Value":["a"]}"#, #"{"vr":"SQ","InlineBinary":"AA=="}"#, #"{"vr":"OB","Value":[1]}"#,
        #"{"vr":"OB","InlineBinary":"A"}"#,
        #"{"vr":"OB","InlineBinary":1}"#, #"{"vr":"OB","InlineBinary":["AA==","AA=="]}"#,
        #"{"vr":"OB","InlineBinary":"AA==","BulkDataURI":"a"}"#,
        #"{"vr":"OB","BulkDataURI":"a"}"#, #"{"vr":1}"#, "[]", "1", "null",
    ]) func refusesValuesOfAnotherType(element: String) {
        let start = #"{"00400275":{"vr":"SQ","Value":[{"00091001":"#
        let text = start + element + "}]}}"
        let error = #expect(throws: DICOMError.self) { try DataSet(json: text.utf8) }
        #expect(error?.code == .malformedJSON)
        #expect(error?.tagPath == [DICOMTag(0x0040, 0x0275), DICOMTag(0x0009, 0x1001)])
        #expect(error?.byteOffset.map { $0 >= start.utf8.count && $0 < text.utf8.count } == true)
    }

    @Test(arguments: [
        #"{"PatientID":{"vr":"LO","Value":["1"]}}"#, #"{"0010002":{}}"#, #"{"001000200":{}}"#, #"{"0010002G":{}}"#,
        #"{"(0010,0020)":{}}"#,
        #"{"FFFEE000":{}}"#, "1", "null", "[[]]", "[1]",
    ]) func refusesOtherKeysAndRoots(text: String) {
        let error = #expect(throws: DICOMError.self) { try DataSet.array(json: text.utf8) }
        #expect(error?.code == .malformedJSON && error?.tagPath == [])
    }

    // MARK: - Character sets

    @Test func theCharacterSetIsKeptWhereItSuffices() throws {
        func read(_ terms: String, _ name: String) throws -> DataSet {
            try DataSet(
                json:
                    #"{"00080005":{"vr":"CS","Value":[\#(terms)]},"00100010":{"vr":"PN","Value":[{"Alphabetic":"\#(name)"}]}}"#
                    .utf8)
        }
        #expect(try read(#""ISO_IR 100""#, "Müller")[.specificCharacterSet] == ["ISO_IR 100"])
        #expect(try read(#""ISO_IR 100""#, "王")[.specificCharacterSet] == ["ISO_IR 192"])
        #expect(try read(#""","ISO 2022 IR 87""#, "Yamada")[.specificCharacterSet] == ["", "ISO 2022 IR 87"])
        #expect(try read(#""no such set""#, "王")[.specificCharacterSet] == ["ISO_IR 192"])
        #expect(try read("", "é")[.specificCharacterSet] == ["ISO_IR 192"])
        #expect(try read("", "e")[.specificCharacterSet] == [])
    }

    @Test func itemsDecideForThemselvesWhereTheyHaveACharacterSet() throws {
        let text = #"""
            {"00100010":{"vr":"PN","Value":[{"Alphabetic":"e"}]},"00400275":{"vr":"SQ","Value":[
            {"00100010":{"vr":"PN","Value":[{"Alphabetic":"é"}]},"00080005":{"vr":"CS","Value":["ISO_IR 100"]}},
            {"00080005":{"vr":"CS","Value":["ISO_IR 100"]},"0040A730":{"vr":"SQ","Value":[{"00100010":{"vr":"PN","Value":["王"]}}]}}]}}
            """#
        let dataSet = try DataSet(json: text.utf8)
        #expect(!dataSet.contains(.specificCharacterSet))
        let items = try #require(dataSet[.requestAttributesSequence])
        #expect(items.map { $0[.specificCharacterSet] } == [["ISO_IR 100"], ["ISO_IR 192"]])
        #expect(try DataSet(parsing: dataSet.encoded(as: .explicitVRLittleEndian)) == dataSet)
        let inherited = try DataSet(json: text.replacing("00080005", with: "00081030").replacing("CS", with: "LO").utf8)
        #expect(inherited[.specificCharacterSet] == ["ISO_IR 192"])
        #expect(try DataSet(parsing: inherited.encoded(as: .explicitVRLittleEndian)) == inherited)
    }

    // MARK: - Hostile text

    @Test func nestingIsBounded() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: #"{"00400275":{"vr":"SQ","Value":["#, count: depth)
                + #"{"00100010":{"vr":"PN","Value":[{"Alphabetic":"A"}]}}"# + String(repeating: "]}}", count: depth)
        }
        let deepest = try DataSet(json: nested(64).utf8)
        #expect(json(deepest) == nested(64))
        #expect(try DataSet.array(json: "[\(nested(64))]".utf8) == [deepest])
        #expect(throws: DICOMError.self) { try DataSet(json: nested(65).utf8) }
        #expect(throws: DICOMError.self) { try DataSet(json: nested(20_000).utf8) }
        #expect(throws: DICOMError.self) { try DataSet(json: nested(2).utf8, maximumDepth: 1) }
        _ = try DataSet(json: nested(100).utf8, maximumDepth: 100)
        _ = try DataSet(json: nested(0).utf8, maximumDepth: -1)
    }

    @Test func everyTruncationIsAnError() throws {
        let bytes = Array(Self.rich.utf8)
        for count in 0..<bytes.count {
            let error = #expect(throws: DICOMError.self) { try DataSet(json: bytes.prefix(count)) }
            #expect(error?.code == .malformedJSON)
        }
    }

    /// Time in proportion to the text: keys in descending order, a key a hundred thousand times, many values and escapes.
    @Test func longTextsAreRead() throws {
        let keys = (0..<60_000).reversed().map { #""\#(String(0x0011_0000 + $0, radix: 16))":{"vr":"US","Value":[1]}"# }
        let many = "{" + keys.map { $0.replacing("\"11", with: "\"0011") }.joined(separator: ",") + "}"
        #expect(try DataSet(json: many.utf8).map(\.tag.rawValue).first == 0x0011_0000)
        let same =
            "{" + repeatElement(#""00280010":{"vr":"US","Value":[1]}"#, count: 100_000).joined(separator: ",") + "}"
        #expect(try DataSet(json: same.utf8)[.rows] == 1)
        let values =
            #"{"00091001":{"vr":"LO","Value":["# + repeatElement(#""\u00e9""#, count: 300_000).joined(separator: ",")
            + "]}}"
        #expect(try DataSet(json: values.utf8).strings(DICOMTag(0x0009, 0x1001)).count == 300_000)
        let items =
            #"{"00091001":{"vr":"SQ","Value":["# + repeatElement("{}", count: 300_000).joined(separator: ",") + "]}}"
        #expect(try DataSet(json: items.utf8)[element: DICOMTag(0x0009, 0x1001)]?.items.count == 300_000)
    }

    /// 20,000 damaged texts: each is read, written as JSON and encoded, or refused with an error.
    @Test func damagedTextsNeverTrap() throws {
        var generator = SeededGenerator(seed: 18)
        let original = Array(Self.rich.utf8)
        let pieces = [
            "\"", "\\", "\\u", "\\ud800", "{", "}", "[", "]", ",", ":", "null", "true", "1e999", "-", "0", "\u{0}",
            "{\"", "É", "SQ", "UN", "US",
        ]
        var read = 0
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                case 1: bytes[place] = .random(in: 0 ... .max, using: &generator)
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...8, using: &generator)))
                case 3:
                    bytes.insert(
                        contentsOf: pieces[Int.random(in: 0..<pieces.count, using: &generator)].utf8, at: place)
                default:
                    let other = Int.random(in: 0..<bytes.count, using: &generator)
                    bytes.replaceSubrange(
                        place..<min(bytes.count, place + 2), with: bytes[other..<min(bytes.count, other + 2)])
                }
            }
            guard let dataSet = try? DataSet(json: bytes) else { continue }
            read += 1
            let again = try DataSet(json: dataSet.json())
            #expect(again.json() == dataSet.json())
            _ = try? dataSet.encoded(as: .implicitVRLittleEndian)
        }
        #expect((1_000..<19_000).contains(read))
    }
}
