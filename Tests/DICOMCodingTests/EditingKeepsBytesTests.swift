import DICOMCoding
import DICOMCore
import DICOMDictionary
import Testing

/// What nobody touched is written as it was read, whatever it is.
struct EditingKeepsBytesTests {
    private static let privateTag = DICOMTag(0x0009, 0x1001)

    /// Explicit VR LE. The text is said to be UTF-8 and is not.
    private static let elements: [UInt8] =
        [0x08, 0, 0x05, 0, 0x43, 0x53, 10, 0] + Array("ISO_IR 192".utf8)
        + [0x09, 0, 0x10, 0, 0x4C, 0x4F, 4, 0] + Array("ACME".utf8)
        + [0x09, 0, 0x01, 0x10, 0x55, 0x4E, 0, 0, 3, 0, 0, 0, 1, 2, 0xFF]  // odd length
        + [0x09, 0, 0x02, 0x10, 0x50, 0x4E, 4, 0, 0xFE, 0x5C, 0xFF, 0x20]  // PN, not UTF-8
        + [0x10, 0, 0x10, 0, 0x50, 0x4E, 4, 0, 0x4D, 0xFC, 0x20, 0x20]  // PN, Latin 1, padded twice
        + [0x10, 0, 0x99, 0x99, 0x55, 0x53, 3, 0, 7, 0, 1]  // unknown, US of three bytes
        + [0x18, 0, 0x50, 0, 0x44, 0x53, 6, 0] + Array(" x1.50".utf8)  // DS that is none
        + [0x28, 0, 0x10, 0, 0x55, 0x53, 2, 0, 1, 0]

    private var sample: DataSet {
        get throws {
            let length = UInt8(Self.elements.count)
            let item: [UInt8] = [0xFE, 0xFF, 0x00, 0xE0, length, 0, 0, 0] + Self.elements
            let sequence: [UInt8] = [0x40, 0, 0x75, 2, 0x53, 0x51, 0, 0, length + 8, 0, 0, 0] + item
            return try DataSet(parsing: Self.elements + sequence)
        }
    }

    /// What each value is in bytes, by path, with the padding that makes its length even.
    private func bytes(_ dataSet: DataSet) throws -> [ElementPath: [UInt8]] {
        let read = try DataSet(parsing: dataSet.encoded(as: .explicitVRLittleEndian))
        var found: [ElementPath: [UInt8]] = [:]
        for (path, element) in read.allElements where element.vr != .sq {
            found[path] = Array(element.bytes ?? []) + (element.bytes.map { $0.count & 1 == 1 } == true ? [0] : [])
        }
        return found
    }

    private func expectKept(
        except touched: [String] = [], added: [String] = [], _ edit: (inout DataSet) throws -> Void
    ) throws {
        var edited = try sample
        try edit(&edited)
        var expected = try bytes(sample)
        for text in touched { #expect(expected.removeValue(forKey: try ElementPath(text)) != nil) }
        var actual = try bytes(edited)
        for text in touched + added { actual[try ElementPath(text)] = nil }
        #expect(actual == expected)
    }

    @Test func unrelatedChangesKeepEverythingElse() throws {
        try expectKept { _ in }
        try expectKept(except: ["Rows"]) { $0[.rows] = 2 }
        try expectKept(except: ["RequestAttributesSequence[0].Rows"]) {
            try $0.set(7, at: ElementPath("RequestAttributesSequence[0].Rows"))
        }
        try expectKept(added: ["RequestAttributesSequence[1].PatientID"]) {
            try $0.set("new", at: ElementPath("RequestAttributesSequence[1].PatientID"))
        }
        try expectKept(except: ["RequestAttributesSequence[0].(0010,9999)"]) {
            $0.remove(at: try ElementPath("RequestAttributesSequence[0].(0010,9999)"))
        }
    }

    @Test func filteringAndMergingKeepBytes() throws {
        try expectKept(except: ["Rows", "RequestAttributesSequence[0].Rows"]) {
            $0.removeAllRecursively { $0.tag == Attribute.rows.tag }
        }
        try expectKept(except: ["Rows", "RequestAttributesSequence[0].Rows"]) {
            $0 = $0.filtered { $0.tag != Attribute.rows.tag }
        }
        try expectKept(added: ["Columns"]) {
            var other = DataSet()
            other[.columns] = 3
            $0.merge(other)
        }
        // Into an empty data set, and into one in another character set: what cannot be decoded stays as it is.
        try expectKept { $0 = DataSet().merging($0) }
        try expectKept(except: ["SpecificCharacterSet"]) {
            var other = DataSet()
            other[.specificCharacterSet] = ["ISO_IR 100"]
            $0 = other.merging($0)
        }
    }

    @Test func privateAttributesKeepWhatIsAroundThem() throws {
        let other = PrivateAttribute<String>(creator: "OTHER", 0x0009, 0x01, .lo)
        try expectKept(added: ["(0009,0011)", "(0009,1101)"]) { $0[other] = "new" }
        #expect(try sample[PrivateAttribute<ArraySlice<UInt8>>(creator: "ACME", 0x0009, 0x01, .ob)] == [1, 2, 0xFF])
    }

    @Test func comparingAndWalkingSeeThemAll() throws {
        let sample = try sample
        #expect(sample.differences(from: try self.sample).isEmpty)
        #expect(sample.differences(from: DataSet()).count == 9)
        #expect(sample.allElements.reduce(0) { count, _ in count + 1 } == 17)
        var changed = sample
        changed[element: Self.privateTag] = DataElement(Self.privateTag, .un, .bytes([1, 2, 0xFE]))
        #expect(changed.differences(from: sample).map(\.path) == [ElementPath(Self.privateTag)])
    }
}
