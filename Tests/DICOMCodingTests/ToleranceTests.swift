import DICOMCoding
import DICOMCore
import DICOMDictionary
import Testing

/// What departs from the standard, can be understood, and is reported; a strict reader refuses it.
struct ToleranceTests {
    struct Departure: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        /// Where the warning says that it is.
        let offset: Int
        var transferSyntax = TransferSyntax.explicitVRLittleEndian
        /// What must be found all the same: Patient ID, at the top level or in the first item.
        var patientID = "AB"
        let testDescription: String

        init(
            _ name: String, _ bytes: [UInt8], at offset: Int, _ syntax: TransferSyntax = .explicitVRLittleEndian,
            patientID: String = "AB"
        ) {
            self.name = name
            self.bytes = bytes
            self.offset = offset
            transferSyntax = syntax
            self.patientID = patientID
            testDescription = name
        }
    }

    private static let id = Encoded.explicit(0x0010_0020, "LO", "AB")
    private static let sequence: UInt32 = 0x0040_0275
    private static func sq(_ content: [UInt8], length: Int? = nil) -> [UInt8] {
        Encoded.explicit(sequence, "SQ", content, length: length)
    }

    static let departures: [Departure] = [
        .init("odd length", Encoded.explicit(0x0010_0010, "PN", "X^Y") + id, at: 8),
        .init("unordered", Encoded.explicit(0x0010_0030, "DA", "") + id, at: 18),
        .init("twice", Encoded.explicit(0x0010_0020, "LO", "ZZ") + id, at: 20),
        .init("zeros behind", id + [UInt8](repeating: 0, count: 20), at: 10),
        .init("few zeros behind", id + [0, 0, 0], at: 10),
        .init(
            "unknown VR with a long length",
            Encoded.tag(0x0010_0010) + Array("ZZ".utf8) + [0, 0, 2, 0, 0, 0, 88, 32] + id, at: 4),
        .init(
            "unknown VR with a short length", Encoded.tag(0x0010_0010) + Array("Z1".utf8) + [2, 0, 88, 32] + id, at: 4),
        .init("VR of spaces", Encoded.tag(0x0010_0010) + Array("  ".utf8) + [2, 0, 88, 32] + id, at: 4),
        .init(
            "one element in implicit VR",
            Encoded.explicit(0x0008_0060, "CS", "CT") + Encoded.implicit(0x0010_0020, [65, 66]), at: 14),
        .init("implicit instead of explicit", Encoded.implicit(0x0010_0020, [65, 66]), at: 0),
        .init("explicit instead of implicit", id, at: 0, .implicitVRLittleEndian),
        .init("an item in implicit VR", sq(Encoded.item(Encoded.implicit(0x0010_0020, [65, 66]))), at: 20),
        .init(
            "no item delimitation",
            sq(Encoded.item(id, length: Encoded.undefined) + Encoded.sequenceEnd, length: Encoded.undefined), at: 30),
        .init(
            "an item in place of its delimitation",
            sq(
                Encoded.item(id, length: Encoded.undefined) + Encoded.item([]) + Encoded.sequenceEnd,
                length: Encoded.undefined), at: 30),
        .init("an item delimitation too much", sq(Encoded.item(id) + Encoded.itemEnd), at: 30),
        .init("a sequence delimitation too much", sq(Encoded.item(id) + Encoded.sequenceEnd), at: 30),
        .init(
            "no sequence delimitation",
            sq(Encoded.item(id), length: Encoded.undefined) + Encoded.explicit(0x0040_0280, "ST", "x "), at: 30),
        .init("a delimitation at the top", id + Encoded.sequenceEnd, at: 10),
        .init(
            "a value longer than its item",
            sq(Encoded.item(Encoded.explicit(0x0010_0020, "LO", [65, 66], length: 200)))
                + Encoded.explicit(0x0040_0280, "ST", "x "), at: 28),
        .init(
            "an item longer than its sequence",
            sq(Encoded.item(id, length: 200)) + Encoded.explicit(0x0040_0280, "ST", "x "), at: 20),
        .init(
            "undefined length of a text",
            Encoded.explicit(0x0008_0104, "UT", Encoded.sequenceEnd, length: Encoded.undefined) + id, at: 8),
        .init(
            "a 16-bit length where there are 32",
            Encoded.tag(0x0010_0010) + Array("UN".utf8) + [2, 0, 88, 32] + Encoded.explicit(0x0010_0020, "LO", "AB"),
            at: 6),
        .init(
            "no items in a sequence", sq([1, 2, 3, 4, 5, 6, 7, 8]) + Encoded.explicit(0x0040_0280, "ST", "x "), at: 12,
            patientID: ""),
    ]

    @Test(arguments: departures) func isUnderstoodAndReported(_ departure: Departure) throws {
        let (dataSet, warnings) = try parsed(departure.bytes, departure.transferSyntax)
        let found = dataSet[.patientID] ?? dataSet[.requestAttributesSequence]?.first?[.patientID] ?? ""
        #expect(found == departure.patientID)
        let warning = try #require(warnings.first)
        #expect(warning.byteOffset == departure.offset, "\(warning)")
        #expect(warning.code == .toleratedDeparture)
        // What was read can be written, and is then without fault.
        let (again, none) = try parsed(dataSet.encoded(as: .explicitVRLittleEndian))
        #expect(none.isEmpty, "\(none)")
        #expect(again.map(\.tag) == dataSet.map(\.tag))
        let error = #expect(throws: DICOMError.self) {
            try parsed(departure.bytes, departure.transferSyntax, ParsingOptions(isStrict: true))
        }
        #expect(error?.byteOffset == departure.offset)
    }

    @Test func aTagPathLeadsToTheDeparture() throws {
        let inner = Encoded.explicit(0x0008_1110, "SQ", Encoded.item(Encoded.explicit(0x0008_1150, "UI", "1.2")))
        let (_, warnings) = try parsed(Self.sq(Encoded.item(inner)))
        #expect(warnings.first?.tagPath == [DICOMTag(0x0040, 0x0275), DICOMTag(0x0008, 0x1110)])
    }

    @Test func aBoundedNumberOfWarnings() throws {
        var bytes: [UInt8] = []
        for number in 0..<5000 { bytes += Encoded.explicit(0x0009_1000 + UInt32(number), "LO", "abc") }
        let (dataSet, warnings) = try parsed(bytes)
        #expect(dataSet.reduce(0) { count, _ in count + 1 } == 5000)
        #expect(warnings.count == 101)
        #expect(warnings.last?.message.contains("4900") == true)
    }

    /// A truncated data set in memory is refused, unless a part of it is wanted.
    @Test func aTruncatedDataSetIsTakenOnRequestOnly() throws {
        let whole = Self.id + Self.sq(Encoded.item(Self.id + Encoded.explicit(0x0010_0021, "LO", "hospital")))
        var elements = 0
        for count in 0..<whole.count {
            let bytes = Array(whole.prefix(count))
            if count != 0, count != Self.id.count {
                let error = #expect(throws: DICOMError.self) { try parsed(bytes) }
                #expect(error?.code == .truncatedDataSet)
            }
            let (dataSet, warnings) = try parsed(
                bytes, .explicitVRLittleEndian, ParsingOptions(acceptsTruncation: true))
            #expect(warnings.isEmpty == (count == 0 || count == Self.id.count))
            var found = 0
            for element in dataSet { found += 1 + element.items.reduce(0) { $0 + $1.reduce(0) { n, _ in n + 1 } } }
            #expect(found >= elements)
            elements = max(elements, found)
        }
        #expect(elements == 4)
    }

    @Test func theDepthIsConfigurable() throws {
        var bytes: [UInt8] = []
        for _ in 0..<8 { bytes = Self.sq(Encoded.item(bytes)) }
        #expect(throws: Never.self) { try parsed(bytes, .explicitVRLittleEndian, ParsingOptions(maximumDepth: 8)) }
        #expect(throws: DICOMError.self) { try parsed(bytes, .explicitVRLittleEndian, ParsingOptions(maximumDepth: 7)) }
    }
}
