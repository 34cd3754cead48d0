import ArgumentParser
import DICOMCore
import DICOMNetwork
import Foundation
import Logging

/// `check`: tests the configuration and whether the destination answers.
struct CheckCommand<P: Pipeline>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "check", abstract: "Test the configuration and the peers.")
    }

    @OptionGroup var options: NodeOptions

    @concurrent func run() async throws {
        let configuration = try await options.apply(to: P.configuration)
        try configuration.validate()
        let pipeline = try PipelineDefinition(P.self)
        print("\(configuration.aeTitle) on \(configuration.address):\(configuration.port)")
        for input in pipeline.inputs {
            print("input \(input.name): \(input.definition.acceptance); ready when: \(input.definition.readiness)")
        }
        var failed = false
        for endpoint in configuration.knownEndpoints + (configuration.destination.map { [$0] } ?? []) {
            do {
                let status = try await echo(endpoint, configuration.aeTitle)
                print("\(endpoint): \(status)")
            } catch {
                failed = true
                report("\(endpoint): \(error)")
            }
        }
        if failed { throw ExitCode(1) }
    }

    private func echo(_ endpoint: Endpoint, _ aeTitle: String) async throws -> String {
        try await withAssociation(
            to: endpoint, proposing: [.verification], options: AssociationClientOptions(callingAETitle: aeTitle),
            logger: Logger(label: "check")
        ) { "\(try await $0.echo())" }
    }
}

/// `status`: what patients wait for, the last jobs and what is on its way.
struct StatusCommand<P: Pipeline>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "status", abstract: "List what patients wait for, the last jobs and their deliveries.")
    }

    @OptionGroup var options: NodeOptions

    @concurrent func run() async throws {
        let ledger = try Ledger(path: try await ledgerPath(options, P.configuration))
        for patient in try await ledger.patients() {
            print("patient \(patient.folder.prefix(12)): \(patient.waitingFor ?? "Its images are arriving.")")
        }
        for job in try await ledger.recentJobs(50) {
            let late = job.lateInstances > 0 ? ", incomplete input: \(job.lateInstances) instances came late" : ""
            print("job \(job.id ?? 0): \(job.state.rawValue), attempts \(job.attempts)\(late) \(job.failure ?? "")")
            for delivery in try await ledger.deliveries(of: job.id ?? 0) {
                let target = try delivery.decodedOrder().target
                print(
                    "  to \(target): \(delivery.state.rawValue), attempts \(delivery.attempts) \(delivery.failure ?? "")"
                )
            }
        }
    }
}

/// `retry JOB`: a failed job, or a refused delivery, is tried again by the running node, or by the next start.
struct RetryCommand<P: Pipeline>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "retry", abstract: "Try a failed job or its refused deliveries again.")
    }

    @Argument(help: "The number of the job, as in status and in the log.") var job: Int64
    @OptionGroup var options: NodeOptions

    @concurrent func run() async throws {
        let ledger = try Ledger(path: try await ledgerPath(options, P.configuration))
        guard try await ledger.retry(job: job) else {
            throw Failure("Job \(job) has nothing to retry: it is not failed, and no delivery of it is left.")
        }
        print("Job \(job) is tried again.")
    }
}

private func ledgerPath(_ options: NodeOptions, _ defaults: NodeConfiguration) async throws -> String {
    let configuration = try await options.apply(to: defaults)
    let path =
        (configuration.stateDirectory ?? StateDirectory.defaultPath(aeTitle: configuration.aeTitle)) + "/ledger.sqlite"
    guard FileManager.default.fileExists(atPath: path) else {
        throw Failure("There is no ledger at '\(path)'; name the node's --state-directory.")
    }
    return path
}
