import DICOMCore
import Foundation
import Testing

@testable import DICOMNode

struct LedgerTests {
    private let order = DeliveryOrder(
        target: .endpoint(host: "127.0.0.1", port: 104, aeTitle: "ARCHIVE"), files: [.init(path: "1/1.dcm", name: nil)])

    private func job() -> JobRecord {
        JobRecord(
            patientFolder: "f", identifier: "i", state: .received, created: Date(), respondingAETitle: nil,
            respondingHost: nil, inputs: Data("{}".utf8))
    }

    @Test func aJobGoesThroughItsStates() async throws {
        try await withLedger { path in
            let ledger = try Ledger(path: path)
            try ledger.addPatient(PatientRecord(folder: "f", identifier: "i", created: Date()))
            let id = try #require(try ledger.addJob(job(), series: ["1.2"]).id)
            #expect(try await ledger.patients().isEmpty)
            #expect(try await !ledger.beginProcessing(id))
            try ledger.markReady(id)
            #expect(try await ledger.beginProcessing(id))
            #expect(try await ledger.job(id)?.attempts == 1)
            try await ledger.beginExporting(id, deliveries: [order], madeSeries: ["2.25.1"])
            #expect(try await ledger.job(id)?.state == .exporting)
            var delivery = try #require(try await ledger.dueDeliveries(Date()).first)
            #expect(try delivery.decodedOrder() == order)
            delivery.state = .refused
            try await ledger.update(delivery)
            #expect(try await ledger.dueDeliveries(Date()).isEmpty)
            #expect(try await ledger.retry(job: id))
            #expect(try await ledger.dueDeliveries(Date()).count == 1)
            #expect(try await !ledger.retry(job: 99))
            #expect(try ledger.noteLateInstance(series: "1.2") == id)
            #expect(try ledger.noteLateInstance(series: "1.3") == nil)
            #expect(try await ledger.job(id)?.lateInstances == 1)

            try ledger.raiseJobNumbers(above: 41)
            #expect(try ledger.addJob(job(), series: []).id == 42)

            // Another process, or the next start, sees the same.
            let again = try Ledger(path: path)
            #expect(try await again.madeSeries() == ["2.25.1"])
            #expect(try await again.jobs(in: [.exporting]).map(\.id) == [id])
        }
    }

    @Test func aDamagedLedgerIsAnError() async throws {
        try await withLedger { path in
            try Data(repeating: 7, count: 10_000).write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: DICOMError.self) { try Ledger(path: path) }
            #expect(error?.description.contains("ledger") == true)
        }
    }

    private func withLedger(_ body: (String) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "/dicomnode-ledger-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder + "/ledger.sqlite")
    }
}
