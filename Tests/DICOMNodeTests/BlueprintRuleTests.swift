import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMNode
import DICOMTesting
import Testing

struct BlueprintRuleTests {
    private func headers(
        _ rules: Blueprint, _ change: (inout DataSet) -> Void = { _ in }
    ) throws -> [DataSet] {
        let parent = try BlueprintTesting.parent(change: change)
        let blueprint: Blueprint = [.include(.imageOfParent), .include(rules)]
        return try blueprint.makeSeries(from: parent.volume(of: Int16.self), derivedFrom: parent).headers
    }

    @Test func laterRulesOverrideEarlierOnes() throws {
        let header = try headers([
            .set(.seriesDescription, to: "first"), .include([.set(.seriesDescription, to: "second")]),
            .perInstance(.imageComments) { "\($0.index)" }, .discard(.kvp), .empty(.accessionNumber),
            .perSeries(.seriesNumber) { $0.count }, .perSeries(.protocolName) { _ in nil },
        ])[1]
        #expect(header[.seriesDescription] == "second" && header[.imageComments] == "1" && !header.contains(.kvp))
        #expect(header.contains(.accessionNumber) && header[.accessionNumber] == nil)
        #expect(header[.seriesNumber] == 3 && !header.contains(.protocolName))
    }

    @Test func copyingFollowsItsKind() throws {
        let all = try headers([.copyIfPresent(.imageComments), .copyOrEmpty(.studyComments), .copy(.patientID)])
        #expect(!all[0].contains(.imageComments) && all[0].contains(.studyComments))
        do {
            _ = try headers([.copy(.imageComments)])
            Issue.record("a required attribute was missing")
        } catch let error as DICOMError {
            #expect(error.code == .missingParentAttribute && error.message.contains("ImageComments"))
        }
        // A rule that is overridden asks for nothing.
        #expect(try headers([.copy(.imageComments), .set(.imageComments, to: "x")])[0][.imageComments] == "x")
    }

    @Test func valuesComeFromTheNearestSliceOrTheFirst() throws {
        var number = 0
        let all = try headers([.copy(.acquisitionNumber), .copy(.seriesTime, from: .series)]) { dataSet in
            number += 1
            dataSet[.acquisitionNumber] = number * 10
            dataSet[.seriesTime] = "10000\(number)"
        }
        #expect(all.map { $0[.acquisitionNumber] } == [10, 20, 30])
        #expect(Set(all.map { $0[.seriesTime] }) == ["100001"])
    }

    @Test func sequencesAreBuiltByRules() throws {
        let header = try headers([
            .sequence(
                .requestAttributesSequence,
                [
                    [.set(.requestedProcedureID, to: "7"), .copy(.accessionNumber)],
                    [.set(.requestedProcedureID, to: "8")],
                ])
        ]) { $0[.accessionNumber] = "A1" }[0]
        let items = try #require(header[.requestAttributesSequence])
        #expect(items.map { $0[.requestedProcedureID] } == ["7", "8"] && items[0][.accessionNumber] == "A1")
    }

    @Test func copiedSequencesLosePrivateElements() throws {
        let header = try headers([.copy(.requestAttributesSequence)]) { dataSet in
            var item = DataSet()
            item[.requestedProcedureID] = "7"
            item[element: DICOMTag(0x0009, 0x0010)] = DataElement(DICOMTag(0x0009, 0x0010), .lo, .text("MINE"))
            dataSet[.requestAttributesSequence] = [item]
        }[0]
        let item = try #require(header[.requestAttributesSequence]?.first)
        #expect(item[.requestedProcedureID] == "7" && !item.contains { $0.tag.isPrivate })
    }

    @Test func rulesThatContradictThePixelsAreRefused() throws {
        for rule: Blueprint.Rule in [
            .set(.rescaleSlope, to: 2), .set(.rows, to: 7), .discard(.bitsStored), .discard(.rescaleIntercept),
            .discard(.sopInstanceUID), .set(.sopInstanceUID, to: "1.2.3"), .discard(.seriesInstanceUID),
            .set(.studyInstanceUID, to: "not a UID"),
        ] {
            #expect(BlueprintTesting.code { _ = try headers([rule]) } == .invalidBlueprint)
        }
    }

    @Test func otherKindsOfParentsAreNamed() throws {
        do {
            _ = try headers([]) { $0[.sopClassUID] = .positronEmissionTomographyImageStorage }
            Issue.record("there is no blueprint for PET")
        } catch let error as DICOMError {
            #expect(error.code == .unsupportedPixelData && error.message.contains("Positron"))
        }
    }

    // MARK: - Identity

    @Test func theSameRunMakesTheSameUIDs() throws {
        let parent = try BlueprintTesting.parent()
        let volume = try parent.volume(of: Int16.self)
        func run(_ seed: DerivationSeed, label: String = "") throws -> [DerivedSeries] {
            try DerivationSeed.$current.withValue(seed) {
                try (0..<2).map { _ in
                    try Blueprint.imageOfParent.makeSeries(from: volume, derivedFrom: parent, label: label)
                }
            }
        }
        let first = try run(DerivationSeed(pipeline: "P", version: "1", configuration: "c"))
        let again = try run(DerivationSeed(pipeline: "P", version: "1", configuration: "c"))
        #expect(first.map(\.sopInstanceUIDs) == again.map(\.sopInstanceUIDs))
        #expect(first.map(\.seriesInstanceUID) == again.map(\.seriesInstanceUID))
        // Two series of one run, other versions, configurations, pipelines and labels: UIDs of their own.
        let others = try [
            run(DerivationSeed(pipeline: "P", version: "2", configuration: "c")),
            run(DerivationSeed(pipeline: "P", version: "1", configuration: "d")),
            run(DerivationSeed(pipeline: "Q", version: "1", configuration: "c")),
            run(DerivationSeed(pipeline: "P", version: "1", configuration: "c"), label: "x"),
        ]
        let all = (first + others.flatMap(\.self)).map(\.seriesInstanceUID)
        #expect(Set(all).count == all.count && all.allSatisfy { $0.isValid && $0.string.hasPrefix("2.25.") })
        let instances = first.flatMap(\.sopInstanceUIDs)
        #expect(Set(instances).count == 6 && instances.allSatisfy(\.isValid))
    }

    @Test func anInstanceSaysWhoMadeIt() throws {
        let parent = try BlueprintTesting.parent {
            $0[.manufacturer] = "Scanners"
            $0[.softwareVersions] = ["a", "b"]
        }
        let seed = DerivationSeed(pipeline: "PLUS\\ONE", version: "1")
        let made = try DerivationSeed.$current.withValue(seed) {
            try Blueprint.imageOfParent.makeSeries(from: parent.volume(of: Int16.self), derivedFrom: parent).headers[0]
        }
        #expect(made[.manufacturer] == "DICOMNode" && made[.manufacturerModelName] == "PLUS/ONE")
        let items = try #require(made[.contributingEquipmentSequence])
        #expect(items.map { $0[.manufacturer] } == ["Scanners", "DICOMNode"])
        #expect(items[0][.softwareVersions] == ["a", "b"])
        #expect(seed.made(made) && !seed.made(parent.header))
        #expect(!DerivationSeed(pipeline: "OTHER", version: "1").made(made))
    }

    // MARK: - Text

    /// "Grün" in Latin 1, as bytes of the parent.
    private func latin1(_ dataSet: inout DataSet) {
        dataSet[.specificCharacterSet] = ["ISO_IR 100"]
        let tag = Attribute<String>.patientName.tag
        dataSet[element: tag] = DataElement(tag, .pn, .bytes([0x47, 0x72, 0xFC, 0x6E]))
    }

    private func encoded(_ dataSet: DataSet) throws -> DataSet {
        try DataSet(parsing: dataSet.encoded(as: .explicitVRLittleEndian))
    }

    @Test func copiedTextStaysRightInTheParentsCharacterSet() throws {
        let header = try encoded(headers([.set(.seriesDescription, to: "Größer")], latin1)[0])
        #expect(header[.specificCharacterSet] == ["ISO_IR 100"])
        #expect(header[.patientName] == "Grün" && header[.seriesDescription] == "Größer")
        #expect(Array(header[element: Attribute<String>.patientName.tag]?.bytes ?? []) == [0x47, 0x72, 0xFC, 0x6E])
    }

    @Test func textThatTheParentsCharacterSetLacksMakesItUTF8() throws {
        let header = try encoded(
            headers([.set(.seriesDescription, to: "大きい")]) {
                latin1(&$0)
                $0[.institutionName] = "Klinik Süd"
            }[0])
        #expect(header[.specificCharacterSet] == ["ISO_IR 192"])
        #expect(header[.patientName] == "Grün" && header[.seriesDescription] == "大きい")
        #expect(header[.contributingEquipmentSequence]?[0][.institutionName] == "Klinik Süd")
    }

    @Test func textWithCodeExtensionsIsCarriedAsBytesOrBecomesUTF8() throws {
        let bytes: [UInt8] = [0x1B, 0x24, 0x42, 0x3B, 0x33, 0x1B, 0x28, 0x42]
        let change: (inout DataSet) -> Void = { dataSet in
            dataSet[.specificCharacterSet] = ["", "ISO 2022 IR 87"]
            let tag = Attribute<String>.patientName.tag
            dataSet[element: tag] = DataElement(tag, .pn, .bytes(bytes[...]))
        }
        let header = try encoded(headers([], change)[0])
        #expect(header[.specificCharacterSet] == ["", "ISO 2022 IR 87"])
        #expect(Array(header[element: Attribute<String>.patientName.tag]?.bytes ?? []) == bytes)
        let converted = try encoded(headers([.set(.seriesDescription, to: "Größer")], change)[0])
        #expect(converted[.specificCharacterSet] == ["ISO_IR 192"])
        #expect(converted[.patientName] == "山" && converted[.seriesDescription] == "Größer")
    }

    @Test func textOfUnknownCharacterSetsIsCarriedAsBytes() throws {
        let bytes: [UInt8] = [0x41, 0xB3]
        let change: (inout DataSet) -> Void = { dataSet in
            dataSet[.specificCharacterSet] = ["ISO_IR 999"]
            let tag = Attribute<String>.patientName.tag
            dataSet[element: tag] = DataElement(tag, .pn, .bytes(bytes[...]))
        }
        let header = try encoded(headers([], change)[0])
        #expect(header[.specificCharacterSet] == ["ISO_IR 999"])
        #expect(Array(header[element: Attribute<String>.patientName.tag]?.bytes ?? []) == bytes)
        #expect(
            BlueprintTesting.code { _ = try headers([.set(.seriesDescription, to: "Größer")], change) }
                == .unencodableText)
    }
}
