import DICOMUpperLayer
import Foundation
import ReferenceTools
import Testing

/// pynetdicom judges the golden bytes and the table of states: our mistakes are not likely to be its own.
struct PynetdicomTests {
    private struct Question: Encodable {
        var bytes: String
        var fields: PeerPDU?
    }

    private struct Answer: Decodable {
        var decoded: PeerPDU?
        /// What it decoded, encoded again.
        var encoded: String?
        var error: String?
        /// What its primitives make of the fields.
        var made: String?
        var makingError: String?
    }

    @Test func controlPDUsAreReadAndWrittenTheSame() throws {
        let answers = try ask(GoldenPDU.all.map { .init(bytes: hexadecimal($0.bytes), fields: PeerPDU($0.pdu)) })
        try #require(answers.count == GoldenPDU.all.count)
        for (golden, answer) in zip(GoldenPDU.all, answers) {
            #expect(answer.decoded == PeerPDU(golden.pdu), "\(golden): \(answer.error ?? "")")
            #expect(answer.encoded == hexadecimal(golden.bytes), "\(golden)")
            // It refuses to make a role selection without a role, though it reads one.
            if answer.makingError?.contains("Roles cannot both be unsupported") == true {
                #expect(golden.description.hasSuffix("one with no role"))
            } else {
                #expect(answer.made == hexadecimal(golden.bytes), "\(golden): \(answer.makingError ?? "")")
            }
        }
    }

    /// Each P-DATA-TF of the golden ones by itself.
    @Test func dataIsReadAndWrittenTheSame() throws {
        let streams = GoldenData.all.map(\.bytes) + [GoldenPDU.dataBytes]
        let pdus = streams.flatMap { split($0).map(hexadecimal) }
        let decoded = try ask(pdus.map { .init(bytes: $0) })
        let values = try decoded.map { try #require($0.decoded?.values) }
        let made = try ask(zip(pdus, values).map { .init(bytes: $0, fields: PeerPDU(values: $1)) })
        #expect(decoded.map(\.encoded) == pdus)
        #expect(made.map(\.made) == pdus, "\(made.compactMap(\.makingError))")
        var found: [Found] = []
        for value in values.joined() {
            append(
                value.contextID, value.control & 1 == 1, value.control & 2 == 2,
                DICOMUpperLayerTests.bytes(value.bytes), to: &found)
        }
        #expect(try decode([streams.flatMap(\.self)]) == found)
    }

    @Test func statesHaveTheSameActions() throws {
        let text = try PythonReference.run(try program(), ["states"])
        let actions = try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
        for cell in StateTableCell.all {
            let action = cell.action?.split(separator: " ").first.map(String.init)
            #expect(actions["Evt\(cell.event) \(cell.state)"] == action, "\(cell)")
        }
    }

    private func program() throws -> String {
        try String(contentsOfFile: PythonReference.repository + "/Tests/Peers/pynetdicom_pdus.py", encoding: .utf8)
    }

    private func ask(_ questions: [Question]) throws -> [Answer] {
        let file = FileManager.default.temporaryDirectory.appending(path: "pdus-\(UUID().uuidString).json")
        try JSONEncoder().encode(questions).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let text = try PythonReference.run(try program(), ["pdus", file.path])
        return try JSONDecoder().decode([Answer].self, from: Data(text.utf8))
    }

    /// The PDUs of a stream that ends with one.
    private func split(_ stream: [UInt8]) -> [[UInt8]] {
        var pdus: [[UInt8]] = []
        var rest = stream[...]
        while rest.count >= 6 {
            let length = rest.dropFirst(2).prefix(4).reduce(0) { $0 << 8 | Int($1) }
            pdus.append(Array(rest.prefix(6 + length)))
            rest = rest.dropFirst(6 + length)
        }
        return pdus
    }
}
