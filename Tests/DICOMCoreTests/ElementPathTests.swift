import DICOMCore
import DICOMDictionary
import Testing

struct ElementPathTests {
    private let step = Attribute.scheduledProcedureStepID.tag
    private let requests = Attribute.requestAttributesSequence.tag

    @Test func pathsAreReadFromKeywordsAndTags() throws {
        let path = ElementPath(step, in: [.init(requests, 3)])
        for text in [
            "RequestAttributesSequence[3].ScheduledProcedureStepID", "(0040,0275)[3].(0040,0009)",
            "00400275[3].00400009",
            "(0040,0275)[3].ScheduledProcedureStepID",
        ] {
            #expect(try ElementPath(text) == path)
        }
        #expect(path.description == "(0040,0275)[3].(0040,0009)")
        #expect(path.keywords == "RequestAttributesSequence[3].ScheduledProcedureStepID")
        #expect(try ElementPath(path.description) == path)
        #expect(try ElementPath("(0029,10ab)") == ElementPath(DICOMTag(0x0029, 0x10AB)))
        #expect(ElementPath(DICOMTag(0x0029, 0x10AB)).keywords == "(0029,10AB)")
        // The keyword stands for the first of a repeating group only.
        #expect(ElementPath(DICOMTag(0x6000, 0x0010)).keywords == "OverlayRows")
        #expect(ElementPath(DICOMTag(0x6002, 0x0010)).keywords == "(6002,0010)")
    }

    @Test(arguments: [
        ("", "''"), (".", "''"), ("PatientId", "'PatientId'"), ("PatientID.", "'PatientID'"),
        ("RequestAttributesSequence.PatientID", "RequestAttributesSequence[0]"),
        ("RequestAttributesSequence[0]", "'RequestAttributesSequence[0]'"),
        ("RequestAttributesSequence[-1].PatientID", "'RequestAttributesSequence[-1]'"),
        ("RequestAttributesSequence[].PatientID", "'RequestAttributesSequence[]'"),
        ("RequestAttributesSequence[1.PatientID", "'RequestAttributesSequence[1'"),
        ("RequestAttributesSequence[99999999999999999999].PatientID", "'RequestAttributesSequence[9999"),
        ("(0010,002)", "'(0010,002)'"), ("(0010,002g)", "'(0010,002g)'"), ("0010002", "'0010002'"),
        ("PatientID[0].Ädler", "'Ädler'"),
    ])
    func aWrongPathNamesThePartThatIsWrong(text: String, part: String) {
        let error = #expect(throws: DICOMError.self) { try ElementPath(text) }
        #expect(error?.code == .invalidValue)
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    @Test func elementsAreReachedByPath() throws {
        var dataSet = DataSet()
        try dataSet.set("X", at: ElementPath("RequestAttributesSequence[0].ScheduledProcedureStepID"))
        try dataSet.set("Y", at: ElementPath("RequestAttributesSequence[1].ScheduledProcedureStepID"))
        try dataSet.set(512, at: ElementPath("Rows"))
        try dataSet.set(
            "CODE", at: ElementPath("RequestAttributesSequence[1].ScheduledProtocolCodeSequence[0].CodeValue"))
        #expect(dataSet[.requestAttributesSequence]?.map { $0[.scheduledProcedureStepID] } == ["X", "Y"])
        #expect(dataSet["RequestAttributesSequence[1].ScheduledProtocolCodeSequence[0].CodeValue"]?.strings == ["CODE"])
        #expect(dataSet["RequestAttributesSequence[1].ScheduledProtocolCodeSequence[0].CodeValue"]?.vr == .sh)
        #expect(dataSet["Rows"]?.ints == [512])
        #expect(dataSet["RequestAttributesSequence[2].ScheduledProcedureStepID"] == nil)
        #expect(dataSet["Rows[0].PatientID"] == nil)
        #expect(dataSet["no such thing"] == nil)
        #expect(dataSet[ElementPath(step, in: [.init(requests, -1)])] == nil)

        #expect(dataSet.remove(at: ElementPath(step, in: [.init(requests, 0)]))?.strings == ["X"])
        #expect(dataSet.remove(at: ElementPath(step, in: [.init(requests, 0)])) == nil)
        #expect(dataSet.remove(at: ElementPath(step, in: [.init(requests, 9)])) == nil)
        #expect(dataSet[.requestAttributesSequence]?.count == 2)
        #expect(dataSet[.requestAttributesSequence]?.first?.isEmpty == true)
    }

    @Test func whatCannotBeSetIsAnErrorAndChangesNothing() throws {
        var dataSet = DataSet()
        dataSet[.patientID] = "1"
        let before = dataSet
        for text in ["RequestAttributesSequence[1].PatientID", "PatientID[0].PatientID"] {
            #expect(throws: DICOMError.self) { try dataSet.set("A", at: ElementPath(text)) }
        }
        // No VR is known, text is no US, and the tag of the element is another one.
        #expect(throws: DICOMError.self) { try dataSet.set("A", at: ElementPath("(0029,1010)")) }
        #expect(throws: DICOMError.self) { try dataSet.set("512", at: ElementPath("Rows")) }
        #expect(throws: DICOMError.self) {
            try dataSet.set(DataElement(step, .sh, .text("A")), at: ElementPath(requests))
        }
        let deep = ElementPath(step, in: Array(repeating: .init(requests, 0), count: 10_000))
        #expect(throws: DICOMError.self) { try dataSet.set(DataElement(step, .sh, .text("A")), at: deep) }
        #expect(dataSet[deep] == nil && dataSet.remove(at: deep) == nil)
        #expect(dataSet == before)
    }
}
