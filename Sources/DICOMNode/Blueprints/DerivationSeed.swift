import Crypto
import DICOMCoding
public import DICOMCore
import DICOMDictionary
import Synchronization

/// Who makes a derived series: with the input's UIDs, what the new UIDs follow from.
///
/// The same pipeline, version and configuration give the same UIDs for the same input, so that a job that is run again
/// makes the same instances and not copies under other names. A node binds the seed around the call of a processor:
///
/// ```swift
/// let seed = DerivationSeed(pipeline: "PLUSONE", version: "1.2", configuration: digest)
/// try await DerivationSeed.$current.withValue(seed) { try await pipeline.process(inputs, context: context) }
/// ```
///
/// Within one binding, the first, second, … series made from the same parent under the same label get UIDs of their own, in
/// the order of the calls; give concurrent calls different labels.
public struct DerivationSeed: Sendable {
    /// The pipeline's name; also its Manufacturer's Model Name in what it makes.
    public let pipeline: String
    public let version: String
    /// Whatever else decides the result: parameters, or a digest of them.
    public let configuration: String
    private let calls: Calls?

    /// The seed that a processor runs under; nil outside of a node, where the library's name stands in and calls are not
    /// counted.
    @TaskLocal public static var current: DerivationSeed?

    /// A seed for one run of a processor.
    public init(pipeline: String, version: String, configuration: String = "") {
        self.pipeline = pipeline
        self.version = version
        self.configuration = configuration
        calls = Calls()
    }

    private init(unbound: Void) {
        pipeline = "DICOMNode"
        version = Implementation.version
        configuration = ""
        calls = nil
    }

    static let unbound = DerivationSeed(unbound: ())

    /// The identity of the next series made from these instances.
    func identity(label: String, parents: [UID]) -> DerivedIdentity {
        let own = ["DICOMNode derivation 1", pipeline, version, configuration, label]
        let digest = DerivedIdentity.digest(own + parents.map(\.string).sorted())
        let ordinal = calls?.next(digest) ?? 0
        return DerivedIdentity(key: DerivedIdentity.digest([digest, "\(ordinal)"]))
    }

    /// Counts the calls for each parent and label.
    private final class Calls: Sendable {
        private let counts = Mutex<[String: Int]>([:])

        func next(_ key: String) -> Int {
            counts.withLock { counts in
                defer { counts[key, default: 0] += 1 }
                return counts[key, default: 0]
            }
        }
    }
}

/// The UIDs of one derived series.
struct DerivedIdentity: Sendable {
    let key: String

    /// The UID of something in the series: UUID-derived (PS3.5 B.2), of version 8 (RFC 9562), its bits from SHA-256.
    func uid(_ role: String) -> UID {
        let bytes = Self.hash([key, role])
        var value: UInt128 = 0
        for byte in bytes.prefix(16) { value = value << 8 | UInt128(byte) }
        value = value & ~(0xF << 76) | 8 << 76
        value = value & ~(3 << 62) | 2 << 62
        return UID("2.25.\(value)")
    }

    static func digest(_ parts: [String]) -> String {
        hash(parts).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// Each part preceded by its length, so that no two lists of parts are the same bytes.
    private static func hash(_ parts: [String]) -> [UInt8] {
        var hash = SHA256()
        for part in parts {
            hash.update(data: Array("\(part.utf8.count):".utf8))
            hash.update(data: Array(part.utf8))
        }
        return Array(hash.finalize())
    }
}

extension DerivationSeed {
    /// The manufacturer that this software names as the one of what it makes.
    static let manufacturer = "DICOMNode"

    /// Whether an instance says that this pipeline made it: Contributing Equipment Sequence (PS3.3 C.12.1.1.5) names
    /// software and pipeline. A node uses it to refuse its own results when an archive sends them back.
    public func made(_ dataSet: DataSet) -> Bool {
        (dataSet[.contributingEquipmentSequence] ?? []).contains { item in
            item[.manufacturer] == Self.manufacturer && item[.manufacturerModelName] == modelName
        }
    }

    /// The pipeline's name as a value of Manufacturer's Model Name (LO).
    var modelName: String { longString(pipeline) }
}

/// The text as an LO value: no backslash or control characters, at most 64 characters, and no spaces around it.
func longString(_ text: String) -> String {
    let scalars = text.unicodeScalars.map { $0 == "\\" ? "/" : $0.value < 0x20 ? " " : Character($0) }
    var result = String(scalars.prefix(64))
    while result.first == " " { result.removeFirst() }
    while result.last == " " { result.removeLast() }
    return result
}
