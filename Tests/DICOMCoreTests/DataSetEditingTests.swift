import DICOMCore
import DICOMDictionary
import Testing

struct DataSetEditingTests {
    private let private1 = DICOMTag(0x0009, 0x1001)

    /// A data set with two items in a sequence, one of them with a sequence of its own, and private and unknown elements.
    private var sample: DataSet {
        var code = DataSet()
        code[.codeValue] = "C"
        put(&code, private1, .un, [1, 2, 3])
        var first = DataSet()
        first[.scheduledProcedureStepID] = "X"
        first[.scheduledProtocolCodeSequence] = [code]
        var second = DataSet()
        second[.scheduledProcedureStepID] = "Y"
        var dataSet = DataSet()
        dataSet[.patientID] = "4711"
        dataSet[.rows] = 2
        dataSet[.requestAttributesSequence] = [first, second, DataSet()]
        put(&dataSet, private1, .ob, [0xFF, 0x00, 0x80])
        put(&dataSet, DICOMTag(0x0010, 0x9999), .un, [0xE9])
        return dataSet
    }

    private func put(_ dataSet: inout DataSet, _ tag: DICOMTag, _ vr: VR, _ bytes: [UInt8]) {
        dataSet[element: tag] = DataElement(tag, vr, .bytes(bytes[...]))
    }

    @Test func theWalkTellsEveryElementWithItsPath() {
        let paths = sample.allElements.map { $0.path.description }
        #expect(
            paths == [
                "(0009,1001)", "(0010,0020)", "(0010,9999)", "(0028,0010)", "(0040,0275)",
                "(0040,0275)[0].(0040,0008)", "(0040,0275)[0].(0040,0008)[0].(0008,0100)",
                "(0040,0275)[0].(0040,0008)[0].(0009,1001)", "(0040,0275)[0].(0040,0009)", "(0040,0275)[1].(0040,0009)",
            ])
        let sample = sample
        for (path, element) in sample.allElements { #expect(sample[path] == element) }
        #expect(Array(DataSet().allElements).isEmpty)
    }

    @Test func theWalkTakesNoStack() {
        var dataSet = DataSet()
        dataSet[.patientID] = "in the middle"
        for _ in 0..<2000 {
            var outer = DataSet()
            outer[.requestAttributesSequence] = [dataSet]
            dataSet = outer
        }
        #expect(dataSet.allElements.reduce(0) { count, _ in count + 1 } == 2001)
    }

    @Test func filteringWorksAtAllDepthsAndKeepsTheNesting() {
        let filtered = sample.filtered { !$0.tag.isPrivate }
        #expect(filtered.allElements.allSatisfy { !$0.element.tag.isPrivate })
        #expect(filtered.allElements.map(\.path) == sample.allElements.map(\.path).filter { !$0.tag.isPrivate })
        #expect(filtered[.requestAttributesSequence]?.count == 3)
        #expect(sample.filtered { _ in true } == sample)
        #expect(sample.filtered { _ in false }.isEmpty)
        #expect(sample.filtered { $0.vr != .sq }[.requestAttributesSequence] == nil)

        var copy = sample
        copy.removeAllRecursively { $0.tag.isPrivate }
        #expect(copy == filtered)
    }

    @Test func filteringKeepsWhatTextIsReadBy() {
        var dataSet = DataSet()
        dataSet[.specificCharacterSet] = ["ISO_IR 192"]
        put(&dataSet, Attribute.patientName.tag, .pn, Array("Müller".utf8))
        dataSet[.rows] = 1
        let names = dataSet.filtered { $0.tag.group == 0x0010 }
        #expect(names.map(\.tag) == [.init(0x0008, 0x0005), Attribute.patientName.tag])
        #expect(names[.patientName] == "Müller")
        #expect(dataSet.filtered { $0.tag.group == 0x0099 }.isEmpty)
    }

    @Test func mergingTakesTheOthersOrWhatTheCallerSays() {
        var left = DataSet()
        left[.patientID] = "left"
        left[.rows] = 1
        var right = DataSet()
        right[.patientID] = "right"
        right[.columns] = 2
        right[.requestAttributesSequence] = [DataSet()]
        #expect(left.merging(right)[.patientID] == "right")
        #expect(left.merging(right) { current, _ in current }[.patientID] == "left")
        #expect(left.merging(right).map(\.tag.rawValue) == [0x0010_0020, 0x0028_0010, 0x0028_0011, 0x0040_0275])
        #expect(left.merging(DataSet()) == left)
        #expect(DataSet().merging(left) == left)
    }

    @Test func mergedTextMeansWhatItMeant() {
        var latin = DataSet()
        latin[.specificCharacterSet] = ["ISO_IR 100"]
        put(&latin, Attribute.patientName.tag, .pn, [0x4D, 0xFC])
        var item = DataSet()
        put(&item, Attribute.codeMeaning.tag, .lo, [0xE9])
        var plain = DataSet()
        plain[.codeMeaning] = "plain"
        latin[.requestAttributesSequence] = [item, plain]

        var target = DataSet()
        target[.specificCharacterSet] = ["ISO_IR 192"]
        put(&target, Attribute.patientComments.tag, .lt, Array("ø".utf8))
        let merged = target.merging(latin)
        #expect(merged[.specificCharacterSet] == ["ISO_IR 192"])
        #expect(merged[.patientName] == "Mü")
        #expect(merged[.patientComments] == "ø")
        // The item's bytes stay; it says itself what they are in. The other item needs nothing.
        let items = merged[.requestAttributesSequence]
        #expect(items?.first?[.codeMeaning] == "é")
        #expect(items?.first?[element: Attribute.codeMeaning.tag]?.bytes == [0xE9])
        #expect(items?.first?[.specificCharacterSet] == ["ISO_IR 100"])
        #expect(items?.last?.contains(.specificCharacterSet) == false)
        // Without a character set of its own a data set takes the other's.
        #expect(DataSet().merging(latin)[.patientName] == "Mü")
        #expect(DataSet().merging(latin)[element: Attribute.patientName.tag]?.bytes == [0x4D, 0xFC])
    }

    @Test func differencesAreAddedRemovedAndChangedElementsAtAllDepths() throws {
        let before = sample
        var after = before
        after[.rows] = nil
        after[.columns] = 3
        after[.patientID] = "4712"
        try after.set("Z", at: ElementPath("RequestAttributesSequence[1].ScheduledProcedureStepID"))
        after.remove(at: try ElementPath("RequestAttributesSequence[0].ScheduledProtocolCodeSequence[0].CodeValue"))

        let differences = after.differences(from: before)
        #expect(
            differences.map { "\($0.kind) \($0.path.keywords)" } == [
                "changed PatientID", "removed Rows", "added Columns",
                "removed RequestAttributesSequence[0].ScheduledProtocolCodeSequence[0].CodeValue",
                "changed RequestAttributesSequence[1].ScheduledProcedureStepID",
            ])
        #expect(differences[0].before?.strings == ["4711"] && differences[0].after?.strings == ["4712"])
        #expect(differences[2].before == nil && differences[2].after?.ints == [3])
        let structure = after.differences(from: before, comparingValues: false).map(\.path.tag)
        #expect(structure == [Attribute.rows.tag, Attribute.columns.tag, Attribute.codeValue.tag])
        let ignored = after.differences(from: before, ignoring: Set(structure + [Attribute.patientID.tag]))
        #expect(ignored.map(\.path.keywords) == ["RequestAttributesSequence[1].ScheduledProcedureStepID"])
        #expect(before.differences(from: before).isEmpty)
    }

    @Test func textIsComparedDecodedAndItemsByTheirPlace() {
        var latin = DataSet()
        latin[.specificCharacterSet] = ["ISO_IR 100"]
        put(&latin, Attribute.patientName.tag, .pn, [0x4D, 0xFC])
        put(&latin, Attribute.pixelData.tag, .ow, [1, 2])
        var utf8 = DataSet()
        utf8[.specificCharacterSet] = ["ISO_IR 192"]
        put(&utf8, Attribute.patientName.tag, .pn, Array("Mü ".utf8))
        put(&utf8, Attribute.pixelData.tag, .ow, [1, 2])
        #expect(utf8.differences(from: latin).map(\.path.tag) == [Attribute.specificCharacterSet.tag])

        var more = sample
        more[.requestAttributesSequence]?.append(DataSet())
        #expect(more.differences(from: sample).map(\.path.keywords) == ["RequestAttributesSequence"])
    }

    @Test func whatCannotBeDecodedIsComparedAsBytes() {
        func undecodable(_ byte: UInt8, padding: [UInt8] = []) -> DataSet {
            var dataSet = DataSet()
            dataSet[.specificCharacterSet] = ["ISO_IR 192"]
            put(&dataSet, Attribute.patientName.tag, .pn, [0x41, byte] + padding)
            return dataSet
        }
        #expect(undecodable(0xFE).differences(from: undecodable(0xFF)).count == 1)
        #expect(undecodable(0xFE).differences(from: undecodable(0xFE, padding: [0x20, 0x20])).isEmpty)
    }
}

/// The text of group 0028 is in the character set of the data set, as any other text is.
struct ImagePixelTextTests {
    @Test func explanationsOfTablesAreDecoded() {
        let utf8 = Array("Lünge".utf8)
        func explained(_ attribute: DICOMTag) -> DataElement { DataElement(attribute, .lo, .bytes(utf8[...])) }
        var item = DataSet()
        item[element: Attribute.lutExplanation.tag] = explained(Attribute.lutExplanation.tag)
        var dataSet = DataSet()
        dataSet[.specificCharacterSet] = ["ISO_IR 192"]
        dataSet[.voilutSequence] = [item]
        let explanation = Attribute.windowCenterWidthExplanation.tag
        dataSet[element: explanation] = explained(explanation)
        #expect(dataSet[.windowCenterWidthExplanation] == ["Lünge"])
        #expect(dataSet[.voilutSequence]?.first?[.lutExplanation] == "Lünge")
    }
}
