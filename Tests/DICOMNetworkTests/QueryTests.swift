import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMNetwork
import Testing

/// The builder of queries (PS3.4 C.4), and the matching of attributes (PS3.4 C.2.2.2).
struct QueryTests {
    private func invalid(_ body: () throws(DICOMError) -> DataSet) -> String? {
        do {
            _ = try body()
            return nil
        } catch {
            return error.code == .invalidQuery ? error.message : nil
        }
    }

    @Test func theUniqueKeysAboveTheLevelAreChecked() throws {
        let study = try Query(.study).findIdentifier()
        #expect(study[.queryRetrieveLevel] == "STUDY")
        #expect(study.contains(.studyInstanceUID))
        #expect(invalid(Query(.series).findIdentifier)?.contains("StudyInstanceUID") == true)
        #expect(invalid(Query(.study, root: .patient).findIdentifier)?.contains("PatientID") == true)
        #expect(invalid(Query(.patient).findIdentifier)?.contains("patient root") == true)
        let many = Query(.series).matching(.studyInstanceUID, anyOf: ["1.2", "1.3"])
        #expect(invalid(many.findIdentifier) != nil)
        let wild = Query(.study, root: .patient).matching(.patientID, "47*")
        #expect(invalid(wild.findIdentifier)?.contains("wildcards") == true)
        let series = Query(.series).matching(.studyInstanceUID, "1.2").matching(.modality, "CT")
        #expect(try series.findIdentifier()[.modality] == "CT")
        var relational = Query(.series)
        relational.isRelational = true
        #expect(try relational.findIdentifier()[.queryRetrieveLevel] == "SERIES")
    }

    @Test func retrievalsNameWhatIsWanted() throws {
        #expect(invalid(Query(.study).retrieveIdentifier)?.contains("StudyInstanceUID") == true)
        let query = Query(.series).matching(.studyInstanceUID, "1.2").matching(
            .seriesInstanceUID, anyOf: ["1.3", "1.4"]
        )
        .matching(.modality, "CT").returning(.seriesDescription)
        let identifier = try query.retrieveIdentifier()
        #expect(identifier.map(\.tag.description) == ["(0008,0052)", "(0020,000D)", "(0020,000E)"])
        #expect(identifier[.seriesInstanceUID, as: [UID].self] == ["1.3", "1.4"])
    }

    private static let own: DataSet = {
        var dataSet = DataSet()
        dataSet.setCharacterSet(.utf8)
        dataSet[.patientName] = "Müller^Jörg^^Dr"
        dataSet[.patientID] = "4711"
        dataSet[.studyDate] = "20260228"
        dataSet[.studyTime] = "101530.25"
        dataSet[.studyInstanceUID] = "1.2.3"
        dataSet[.modality] = "CT"
        dataSet[.imageType, as: [String].self] = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataSet[.instanceNumber] = 7
        dataSet[.rows] = 512
        dataSet.setEmpty(.studyDescription)
        var step = DataSet()
        step[.scheduledStationAETitle, as: [String].self] = ["CT1"]
        step[.modality] = "CT"
        var other = DataSet()
        other[.scheduledStationAETitle, as: [String].self] = ["MR1"]
        other[.modality] = "MR"
        dataSet[.scheduledProcedureStepSequence] = [step, other]
        return dataSet
    }()

    /// Each key by its keyword, and whether it matches: read off PS3.4 C.2.2.2.1 to C.2.2.2.6.
    @Test(arguments: [
        ("PatientName", "müller^jörg^^dr", true), ("PatientName", "MÜLLER*", true), ("PatientName", "M?ller^J*", true),
        ("PatientName", "Müller^Jörg", false), ("PatientName", "Muller*", false), ("PatientID", "4711", true),
        ("PatientID", "47*", true), ("PatientID", "471", false), ("PatientID", "????", true),
        ("PatientID", "???", false), ("PatientID", "*1*1", true), ("PatientID", "*1*2", false),
        ("StudyDate", "20260228", true), ("StudyDate", "20260101-20260301", true), ("StudyDate", "-20260227", false),
        ("StudyDate", "20260228-", true), ("StudyTime", "10-11", true), ("StudyTime", "101530-101531", true),
        ("StudyTime", "1016-", false), ("StudyInstanceUID", "1.2.3", true), ("StudyInstanceUID", "1.2", false),
        ("StudyInstanceUID", "1.9\\1.2.3", true), ("StudyInstanceUID", "1.2.*", false), ("Modality", "ct", false),
        ("ImageType", "PRIMARY", true), ("ImageType", "SECONDARY", false), ("InstanceNumber", "07", true),
        ("InstanceNumber", "8", false), ("StudyDescription", "*", true), ("StudyDescription", "?*", false),
        ("StudyDescription", "head", false), ("AccessionNumber", "*", true), ("AccessionNumber", "1", false),
        ("PatientID", String(repeating: "*1", count: 400), false),
        ("PatientID", String(repeating: "*", count: 999), true),
    ]) func keys(keyword: String, value: String, matches: Bool) throws {
        let tag = try #require(DICOMDictionary.tag(forKeyword: keyword))
        let entry = try #require(DICOMDictionary.entry(for: tag))
        var keys = DataSet()
        keys.setCharacterSet(.utf8)
        keys[element: tag] = DataElement(tag, try #require(VR(code: entry.vr)), .text(value))
        #expect(Self.own.matches(keys) == matches)
    }

    @Test func emptyKeysAndSequences() {
        var keys = DataSet()
        keys[.queryRetrieveLevel] = "STUDY"
        keys.setEmpty(.patientName)
        keys.setEmpty(.otherPatientIDs)
        #expect(Self.own.matches(keys))
        var step = DataSet()
        step[.modality] = "MR"
        step.setEmpty(.scheduledStationAETitle)
        keys[.scheduledProcedureStepSequence] = [step]
        #expect(Self.own.matches(keys))
        let answer = Self.own.answer(to: keys)
        #expect(answer[.patientName] == "Müller^Jörg^^Dr")
        #expect(answer.contains(.otherPatientIDs) && !answer.contains(.patientID))
        let items = answer[.scheduledProcedureStepSequence] ?? []
        #expect(items.map { $0[.scheduledStationAETitle, as: [String].self] ?? [] } == [["MR1"]])
        // Both have to be of the same item (PS3.4 C.2.2.2.6).
        step[.scheduledStationAETitle, as: [String].self] = ["CT1"]
        keys[.scheduledProcedureStepSequence] = [step]
        #expect(!Self.own.matches(keys))
        step = DataSet()
        step.setEmpty(.modality)
        keys[.scheduledProcedureStepSequence] = [step]
        #expect(Self.own.matches(keys))
    }

    @Test func namesInSeveralWritings() {
        var dataSet = DataSet()
        dataSet.setCharacterSet(.utf8)
        dataSet[.patientName] = "Yamada^Tarou=山田^太郎=やまだ^たろう"
        for (key, matches) in [("yamada*", true), ("山田^太郎", true), ("やまだ*", true), ("tarou*", false)] {
            var keys = DataSet()
            keys.setCharacterSet(.utf8)
            keys[.patientName] = key
            #expect(dataSet.matches(keys) == matches, "\(key)")
        }
    }
}
