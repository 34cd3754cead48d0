import DICOMCoding
import DICOMCore
import DICOMDictionary
import DataSetExerciser
import Glibc
import Testing

/// What was found by spoiling files, and data sets that would take very long if something were done for each element.
struct HostileDataSetTests {
    /// The files that once broke a reader; `Fuzz/FailCases/README.md` says how they get there.
    @Test(arguments: FuzzTarget.allCases) func failCasesAreMended(target: FuzzTarget) throws {
        let checkout = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let folder = "/\(checkout)/Fuzz/FailCases"
        try #require(FileSystem.isDirectory(folder))
        for path in try FileSystem.files(below: [folder]) where path.hasPrefix("\(folder)/\(target.rawValue)/") {
            let file = try PosixFile(path, O_RDONLY)
            let bytes = try file.read(at: 0, count: try file.size())
            #expect(throws: Never.self, "\(path)") { try target.use(bytes) }
        }
    }

    /// What departs from the standard is read from single bytes as it is from all of them.
    @Test(arguments: ToleranceTests.departures) func streamsTolerateTheSame(
        departure: ToleranceTests.Departure
    ) throws {
        let isBigEndian = !departure.transferSyntax.isLittleEndian
        for end in [[], Encoded.explicit(0x0020_0010, "SH", "STUDY ", big: isBigEndian)] {
            let bytes = departure.bytes + end
            let whole = try? DataSet(parsing: bytes, transferSyntax: departure.transferSyntax)
            var stream = DICOMStream(transferSyntax: departure.transferSyntax)
            var found: DataSet?
            do {
                for byte in bytes { try stream.append([byte]) }
                found = try stream.finish().dataSet
            } catch { #expect(whole == nil, "\(error)") }
            #expect(found == whole)
        }
    }

    /// Bytes in place of the two reserved ones are a length only where the right one goes beyond the end, which a stream
    /// does not know yet.
    @Test func streamsWaitForWhatDecides() throws {
        var bytes = Encoded.explicit(0x0009_1010, "OB", [UInt8](repeating: 1, count: 100))
        bytes[6] = 2
        bytes += Encoded.explicit(0x0010_0020, "LO", "AB")
        let (whole, _) = try parsed(bytes)
        var stream = DICOMStream(transferSyntax: .explicitVRLittleEndian)
        for byte in bytes { try stream.append([byte]) }
        #expect(try stream.finish().dataSet == whole)
        #expect(whole[.patientID] == "AB")
    }

    /// An element of group 0002 in the data set would become a part of the meta group when the file is read.
    @Test func elementsOfTheMetaGroupAreNotWrittenIntoTheDataSet() throws {
        var dataSet = DataSet()
        dataSet[.transferSyntaxUID] = UID.explicitVRBigEndian
        let error = #expect(throws: DICOMError.self) { try DICOMFile(dataSet: dataSet).encodedChunks() }
        #expect(error?.tagPath == [Attribute.transferSyntaxUID.tag])
    }

    /// Zeros that something follows: each eight of them are an element, and might be padding.
    @Test func zerosInTheMiddleAreLookedAtOnce() throws {
        let id = Encoded.explicit(0x0010_0020, "LO", "AB")
        let (dataSet, warnings) = try parsed(id + [UInt8](repeating: 0, count: 4 << 20) + id)
        #expect(dataSet[.patientID] == "AB")
        #expect(!warnings.isEmpty)
    }

    /// Many private elements, each in a block of its own: text and merging are linear in their number.
    @Test func manyPrivateElementsAreNamedAndMerged() throws {
        var bytes: [UInt8] = []
        for group in stride(from: 0x0009_0000, to: 0x0209_0000 as UInt32, by: 0x2_0000) {
            bytes += Encoded.explicit(group | 0x10, "LO", "GEMS_IDEN_01")
            for block in 0x10...0xFF as ClosedRange<UInt32> {
                bytes += Encoded.explicit(group | block << 8 | 1, "LO", "")
            }
        }
        let (dataSet, _) = try parsed(bytes)
        // (gggg,bb01) of that creator is Full fidelity, but only group 0009 has a creator that is in its dictionary.
        var named = 0
        dataSet.writeText { named += $0.hasSuffix(" Full fidelity") ? 1 : 0 }
        #expect(named == 1)
        let merged = dataSet.merging(dataSet)
        #expect(merged.count { _ in true } == 256 * 241)
    }
}
