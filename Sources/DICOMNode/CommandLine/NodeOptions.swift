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
        configuration.aeTitle = try aeTitle ?? text("aeTitle", reader) ?? configuration.aeTitle
        configuration.port = try port ?? number("port", reader).map(wholeNumber) ?? configuration.port
        configuration.address = try address ?? text("address", reader) ?? configuration.address
        configuration.stateDirectory =
            try stateDirectory ?? text("stateDirectory", reader) ?? configuration.stateDirectory
        if let text = try destination ?? text("destination", reader) {
            configuration.destination = try Endpoint(parsing: text)
        }
        if let seconds = try quietPeriod ?? number("quietPeriod", reader) {
            configuration.quietPeriod = try duration(seconds, "quiet period")
        }
        if let seconds = try retryInterval ?? number("retryInterval", reader) {
            configuration.retryInterval = try duration(seconds, "retry interval")
        }
        try set(\.durability, durability ?? text("durability", reader), in: &configuration)
        try set(\.unmatched, unmatched ?? text("unmatched", reader), in: &configuration)
        try set(\.isolation, isolation ?? text("isolation", reader), in: &configuration)
        return configuration
    }

    private func reader() async throws -> ConfigReader {
        let environment = EnvironmentVariablesProvider()
        guard let config else { return ConfigReader(provider: environment).scoped(to: "dicomnode") }
        let file = try await FileProvider<JSONSnapshot>(filePath: FilePath(config))
        return ConfigReader(providers: [environment, file]).scoped(to: "dicomnode")
    }

    /// The text of a setting; an error when it is there and no text, lest it is silently left out.
    private func text(_ key: ConfigKey, _ reader: ConfigReader) throws -> String? {
        if let text = reader.string(forKey: key) { return text }
        guard reader.double(forKey: key) == nil, reader.int(forKey: key) == nil, reader.bool(forKey: key) == nil else {
            throw ValidationError("The setting '\(key)' has to be a text: write it in quotation marks.")
        }
        return nil
    }

    /// The number of a setting; an error when it is there and no number.
    private func number(_ key: ConfigKey, _ reader: ConfigReader) throws -> Double? {
        if let number = reader.double(forKey: key) ?? reader.int(forKey: key).map(Double.init) { return number }
        guard reader.string(forKey: key) == nil, reader.bool(forKey: key) == nil else {
            throw ValidationError("The setting '\(key)' has to be a number.")
        }
        return nil
    }

    private func wholeNumber(_ number: Double) throws -> Int {
        guard let whole = Int(exactly: number) else { throw ValidationError("\(number) is not a whole number.") }
        return whole
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
