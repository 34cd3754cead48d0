import DICOMCore
import Testing

extension PrivateAttribute where Value == String {
    fileprivate static var mode: Self { .init(creator: "ACME 1.1", 0x0029, 0x10, .lo) }
}
extension PrivateAttribute where Value == [Double] {
    fileprivate static var gains: Self { .init(creator: "ACME 1.1", 0x0029, 0x11, .fd) }
}
extension PrivateAttribute where Value == Int {
    fileprivate static var count: Self { .init(creator: "OTHER", 0x0029, 0x10, .us) }
}

/// PS3.5 7.8.1: (gggg,0010-00FF) reserves (gggg,1000-10FF) to (gggg,FF00-FFFF).
struct PrivateAttributeTests {
    @Test func valuesGoIntoTheBlockOfTheirCreator() {
        var dataSet = DataSet()
        dataSet[.mode] = "fast"
        dataSet[.count] = 7
        dataSet[.gains] = [0.5, 2]
        #expect(dataSet.string(DICOMTag(0x0029, 0x0010)) == "ACME 1.1")
        #expect(dataSet.string(DICOMTag(0x0029, 0x0011)) == "OTHER")
        #expect(dataSet.string(DICOMTag(0x0029, 0x1010)) == "fast")
        #expect(dataSet.ints(DICOMTag(0x0029, 0x1110)) == [7])
        #expect(dataSet[.gains] == [0.5, 2])
        #expect(dataSet[.mode] == "fast" && dataSet[.count] == 7)
        #expect(dataSet.privateCreator(of: DICOMTag(0x0029, 0x1110)) == "OTHER")
        #expect(dataSet.privateCreator(of: DICOMTag(0x0029, 0x1210)) == nil)
        #expect(dataSet.privateCreator(of: DICOMTag(0x0029, 0x0010)) == nil)
        #expect(dataSet.privateCreator(of: DICOMTag(0x0028, 0x1010)) == nil)
        #expect(dataSet.privateBlocks(0x0029).map(\.block) == [0x10, 0x11])
        #expect(dataSet.privateBlocks(0x0029).map(\.creator) == ["ACME 1.1", "OTHER"])
        dataSet[.mode] = nil
        #expect(dataSet[.mode] == nil && dataSet.privateBlocks(0x0029).count == 2)
    }

    @Test func unknownValuesAreDecodedByTheVROfTheAttribute() {
        var dataSet = DataSet()
        // Another block, padding around the creator, a second block of the same creator, and VR UN throughout.
        put(&dataSet, 0x0011, " OTHER \0")
        put(&dataSet, 0x0020, "ACME 1.1  ")
        put(&dataSet, 0x0021, "ACME 1.1")
        put(&dataSet, 0x2110, "slow ")
        put(&dataSet, 0x1110, "\u{5}\0")
        #expect(dataSet[.mode] == "slow")
        #expect(dataSet.tag(of: .mode) == DICOMTag(0x0029, 0x2110))
        #expect(dataSet[.count] == 5)
        dataSet[.mode] = "fast"
        #expect(dataSet.string(DICOMTag(0x0029, 0x2110)) == "fast")
        dataSet[.gains] = [1]
        #expect(dataSet.contains(DICOMTag(0x0029, 0x2011)))
    }

    @Test func aFreeBlockHasNeitherCreatorNorElements() throws {
        var dataSet = DataSet()
        put(&dataSet, 0x0010, "A")
        put(&dataSet, 0x1234, "elements without a creator")
        put(&dataSet, 0x1134, "elements without a creator")
        #expect(try dataSet.reservePrivateBlock(creator: "B", group: 0x0029) == 0x13)
        #expect(try dataSet.reservePrivateBlock(creator: "B", group: 0x0029) == 0x13)
        #expect(try dataSet.reservePrivateBlock(creator: "B", group: 0x0031) == 0x10)
    }

    @Test func whatCannotBeReservedIsAnError() throws {
        var dataSet = DataSet()
        for block in 0x10...0xFF { put(&dataSet, UInt16(block), "C\(block)") }
        let full = #expect(throws: DICOMError.self) { try dataSet.reservePrivateBlock(creator: "D", group: 0x0029) }
        #expect(full?.code == .invalidValue)
        #expect(try dataSet.reservePrivateBlock(creator: "C255", group: 0x0029) == 0xFF)
        dataSet[.mode] = "nowhere"
        #expect(dataSet[.mode] == nil)
        for group in [0x0028, 0x0007, 0xFFFF] as [UInt16] {
            #expect(throws: DICOMError.self) { try dataSet.reservePrivateBlock(creator: "D", group: group) }
        }
        for creator in ["", " ", "a\\b", "a\nb", String(repeating: "a", count: 65)] {
            #expect(throws: DICOMError.self) { try dataSet.reservePrivateBlock(creator: creator, group: 0x0031) }
        }
    }

    private func put(_ dataSet: inout DataSet, _ element: UInt16, _ text: String) {
        let tag = DICOMTag(0x0029, element)
        dataSet[element: tag] = DataElement(tag, .un, .bytes(Array(text.utf8)[...]))
    }
}
