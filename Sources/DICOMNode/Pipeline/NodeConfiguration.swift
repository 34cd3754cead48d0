public import DICOMCoding
public import DICOMCore
public import DICOMNetwork
import DICOMUpperLayer

/// How a node is reached, what it keeps where, and how long it waits.
public struct NodeConfiguration: Sendable {
    /// The name that peers call it by, at most 16 characters (PS3.5 6.2).
    public var aeTitle: String
    /// The port that it listens on; 0 lets the system choose one.
    public var port: Int
    /// The address that it listens on.
    public var address: String
    /// The folder of its state: ledger, received images, jobs. `nil`: `$XDG_STATE_HOME/dicomnode/<ae-title>`, or
    /// `~/.local/state/dicomnode/<ae-title>`. Private to the user.
    public var stateDirectory: String?
    /// The calling AE titles that are accepted; empty accepts all.
    public var acceptedCallingAETitles: Set<String> = []
    /// The most associations at a time.
    public var maximumAssociations = 64
    /// How safe an instance is before it is answered with Success.
    public var durability: Durability = .power
    /// The attribute that tells patients apart.
    public var patientIdentifier: Attribute<String> = .patientID
    /// The transfer syntaxes that are accepted, the most wanted first. `nil`: explicit and implicit VR little endian, and
    /// after them those that the pipeline's codecs and the library's own decode.
    public var transferSyntaxes: [TransferSyntax]?
    /// How long an association may be silent.
    public var idleTimeout: Duration = .seconds(300)
    /// Whether the node takes what it has made itself; archives route results back.
    public var acceptsOwnResults = false
    /// How an instance is answered that no input accepts or that lacks the identifier.
    public var unmatched: UnmatchedPolicy = .warn
    /// How long after a patient's last instance the inputs are looked at, even when an association is still open or
    /// was lost.
    public var quietPeriod: Duration = .seconds(60)
    /// How long an incomplete patient is kept, and then kept again in quarantine.
    public var studyExpiration: Duration = .seconds(14 * 24 * 3600)
    /// Where `process` runs.
    public var isolation: Isolation = .childProcess
    /// How many jobs run at a time.
    public var maximumConcurrentJobs = 1
    /// The limits of one job.
    public var jobLimits = JobLimits()
    /// How long after a failed delivery the next one is tried; doubles up to ``maximumRetryInterval``.
    public var retryInterval: Duration = .seconds(5)
    public var maximumRetryInterval: Duration = .seconds(300)
    /// Peers by AE title, for answers to who sent the images.
    public var knownEndpoints: [Endpoint] = []
    /// The port of a peer that is not among the known endpoints.
    public var defaultResponsePort = 104
    /// Replaces the endpoints of every delivery: `--destination` of the command line.
    public var destination: Endpoint?
    /// The AE titles of destinations that mean refused by the warnings B000H, B006H and B007H, as a node does.
    public var warningsMeanRefused: Set<String> = []
    /// How long a stopping node lets associations and jobs finish.
    public var shutdownGracePeriod: Duration = .seconds(30)

    public init(aeTitle: String, port: Int, address: String = "0.0.0.0") {
        self.aeTitle = aeTitle
        self.port = port
        self.address = address
    }

    /// What an instance is answered that no input accepts, or that lacks the identifier.
    public enum UnmatchedPolicy: String, Sendable, CaseIterable {
        /// B007H, a warning: senders count it as stored although it is not.
        case warn
        /// Success: for senders that stop at a warning.
        case lenient
        /// A900H, a failure: for senders that take a warning for stored.
        case strict
    }

    /// Where `process` runs.
    public enum Isolation: String, Sendable, CaseIterable {
        /// In a process of its own: it may trap, be killed or leak, and the node goes on.
        case childProcess
        /// In the node: faster by the start of a process, and a trap ends the node.
        case inProcess
    }

    /// What one job may use.
    public struct JobLimits: Sendable, Codable, Hashable {
        /// Wall-clock seconds.
        public var seconds: Int
        /// Address space in bytes; `nil`: no limit.
        public var memory: Int?

        public init(seconds: Int = 3600, memory: Int? = nil) {
            self.seconds = seconds
            self.memory = memory
        }
    }

    /// Checks what can be checked without a peer.
    ///
    /// - Throws: `DICOMError` that says what to change.
    public func validate() throws(DICOMError) {
        guard try AETitle(validating: aeTitle).string == aeTitle else {
            throw DICOMError(.invalidValue, "The AE title has spaces around it; remove them.")
        }
        guard (0...65535).contains(port) else {
            throw DICOMError(.invalidValue, "The port \(port) is not between 0 and 65535.")
        }
        guard maximumAssociations > 0, maximumConcurrentJobs > 0, jobLimits.seconds > 0 else {
            throw DICOMError(.invalidValue, "The limits of associations, jobs and seconds have to be at least 1.")
        }
        guard durability != .none else {
            throw DICOMError(.invalidValue, "A node acknowledges what is safe: choose the durability process or power.")
        }
        guard jobLimits.memory ?? 1 > 0, (1...65535).contains(defaultResponsePort), transferSyntaxes?.isEmpty != true
        else {
            throw DICOMError(
                .invalidValue, "The memory limit, the response port or the list of transfer syntaxes is not possible.")
        }
        guard retryInterval > .zero, maximumRetryInterval >= retryInterval, quietPeriod >= .zero else {
            throw DICOMError(
                .invalidValue,
                "The retry interval has to be positive and not above its maximum, the quiet period not negative.")
        }
    }
}
