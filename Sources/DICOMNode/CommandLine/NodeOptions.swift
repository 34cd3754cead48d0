import ArgumentParser
import Configuration
import DICOMCore
import DICOMNetwork
import Foundation
import SystemPackage

/// The options that change a node's configuration. What the command line does not say is taken from the environment
/// (`DICOMNODE_PORT`), then from the file, then from the pipeline's code.
struct NodeOptions: ParsableArguments {
    @Option(help: "The name that peers call the node by, at most 16 characters.") var aeTitle: String?
    @Option(help: "The port to listen on; 0 lets the system choose one.") var port: Int?
    @Option(help: "The address to listen on.") var address: String?
    @Option(help: "The folder for ledger, images and jobs; private to the user.") var stateDirectory: String?
    @Option(help: "Where every result goes, as AE@HOST:PORT, instead of what the pipeline says.") var destination:
        String?
    @Option(help: "How safe an instance is before it is acknowledged: process or power.") var durability: String?
    @Option(help: "Seconds after a patient's last image before the inputs are looked at anyway.") var quietPeriod:
        Double?
    @Option(help: "Seconds before a failed delivery is tried again; doubles with each attempt.") var retryInterval:
        Double?
    @Option(help: "How images are answered that no input accepts: warn (B007H), lenient or strict (A900H).")
    var unmatched: String?
    @Option(help: "Where process runs: childProcess or inProcess.") var isolation: String?
    @Option(help: "A JSON file with these options, such as {\"dicomnode\": {\"port\": 104}}.") var config: String?

    /// The configuration of the code with what is set outside of it.
    func apply(to defaults: NodeConfiguration) async throws -> NodeConfiguration {
        var configuration = defaults
        let reader = try await reader()
        configuration.aeTitle = aeTitle ?? reader.string(forKey: "aeTitle") ?? configuration.aeTitle
        configuration.port = port ?? reader.int(forKey: "port") ?? configuration.port
        configuration.address = address ?? reader.string(forKey: "address") ?? configuration.address
        configuration.stateDirectory =
            stateDirectory ?? reader.string(forKey: "stateDirectory") ?? configuration.stateDirectory
        if let text = destination ?? reader.string(forKey: "destination") {
            configuration.destination = try Endpoint(parsing: text)
        }
        if let seconds = quietPeriod ?? reader.double(forKey: "quietPeriod") {
            configuration.quietPeriod = try duration(seconds, "quiet period")
        }
        if let seconds = retryInterval ?? reader.double(forKey: "retryInterval") {
            configuration.retryInterval = try duration(seconds, "retry interval")
        }
        try set(\.durability, durability ?? reader.string(forKey: "durability"), in: &configuration)
        try set(\.unmatched, unmatched ?? reader.string(forKey: "unmatched"), in: &configuration)
        try set(\.isolation, isolation ?? reader.string(forKey: "isolation"), in: &configuration)
        return configuration
    }

    private func reader() async throws -> ConfigReader {
        let environment = EnvironmentVariablesProvider()
        guard let config else { return ConfigReader(provider: environment).scoped(to: "dicomnode") }
        let file = try await FileProvider<JSONSnapshot>(filePath: FilePath(config))
        return ConfigReader(providers: [environment, file]).scoped(to: "dicomnode")
    }

    private func duration(_ seconds: Double, _ name: String) throws -> Duration {
        guard seconds.isFinite, (0...1e8).contains(seconds) else {
            throw ValidationError("The \(name) has to be a number of seconds that is not negative.")
        }
        return .seconds(seconds)
    }

    private func set<Choice: RawRepresentable<String> & CaseIterable>(
        _ path: WritableKeyPath<NodeConfiguration, Choice>, _ text: String?, in configuration: inout NodeConfiguration
    ) throws {
        guard let text else { return }
        guard let choice = Choice(rawValue: text) else {
            let choices = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("'\(text)' is none of: \(choices).")
        }
        configuration[keyPath: path] = choice
    }
}
