import DICOMCore
import DICOMUpperLayer
import Logging

extension AssociationServer {
    /// How long after a report could not be delivered the next attempt comes, and how many there are.
    private static let reportIntervals: [Duration] = [
        .seconds(1), .seconds(5), .seconds(30), .seconds(120), .seconds(600),
    ]

    /// Has a service commit to instances, and delivers its report to the peer, over an association of this side.
    func reportCommitment(
        _ request: CommitmentRequest, by service: any StorageCommitmentService, to endpoint: Endpoint,
        _ info: AssociationInfo, _ logger: Logger
    ) throws(ServiceFailure) {
        try later { [configuration] in
            do {
                let report = try await service.commit(request, association: info)
                for interval in [.zero] + Self.reportIntervals {
                    try await Task.sleep(for: interval)
                    do {
                        return try await Self.deliver(report, to: endpoint, configuration.client, logger)
                    } catch {
                        logger.notice(
                            "A report of storage commitment could not be delivered yet.",
                            metadata: ["destination": "\(endpoint)", "reason": "\(DICOMError.publicText(error))"])
                    }
                }
                logger.error("A report of storage commitment is given up.", metadata: ["destination": "\(endpoint)"])
            } catch {
                logger.error(
                    "A storage commitment failed.", metadata: ["reason": "\(DICOMError.publicText(error))"])
            }
        }
    }

    private static func deliver(
        _ report: CommitmentReport, to endpoint: Endpoint, _ options: AssociationClientOptions, _ logger: Logger
    ) async throws {
        let status = try await withAssociation(
            to: endpoint, proposing: [.commitmentReport], options: options, logger: logger
        ) { try await $0.report(report) }
        if status.category != .success {
            logger.notice("A report of storage commitment was refused.", metadata: ["status": "\(status)"])
        }
    }
}
