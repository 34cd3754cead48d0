import DICOMCoding
public import DICOMCore
public import DICOMImaging

/// When an input has all it needs. Conditions combine with `&&` and `||`; each says what is missing.
///
/// It is asked when an association that added to the patient is released, and after the quiet period.
public struct Readiness: Sendable, CustomStringConvertible {
    /// The condition in words.
    public let description: String
    private let judge: @Sendable (InputState) throws -> Verdict

    /// Whether an input is ready, and what it lacks.
    public enum Verdict: Sendable, Hashable {
        case ready
        /// What is missing, as a sentence without patient data.
        case waiting(String)
        /// Ready at this time, when nothing more arrives until then.
        case settling(ContinuousClock.Instant)
    }

    /// A condition of the user's own, over the count, the geometry and the data sets of the instances.
    public init(_ description: String, _ judge: @escaping @Sendable (InputState) throws -> Verdict) {
        self.description = description
        self.judge = judge
    }

    /// What the condition says of the instances that are there.
    public func verdict(_ state: InputState) throws -> Verdict { try judge(state) }

    /// At least so many instances. Cannot see whether more are to come.
    public static func minimumInstances(_ count: Int) -> Readiness {
        Readiness("at least \(count) instances") { state in
            state.count >= count ? .ready : .waiting("\(state.count) of at least \(count) instances are there.")
        }
    }

    /// At least one instance.
    public static let anyInstance = minimumInstances(1)

    /// The slice positions are uniform: one orientation and matrix size, equal steps, no gap, no duplicate. Cannot see
    /// missing slices at the two ends: add ``minimumInstances(_:)`` or ``settled(_:)``.
    public static let uniformSlices = Readiness("uniform slice positions") { state in
        guard state.count > 0 else { return .waiting("No instance is there.") }
        let geometry = state.geometry
        return geometry.isUniform ? .ready : .waiting(geometry.explanation)
    }

    /// The instance numbers of this range are all there.
    public static func instanceNumbers(_ range: ClosedRange<Int>) -> Readiness {
        Readiness("instance numbers \(range.lowerBound) to \(range.upperBound)") { state in
            let present = Set(state.instanceNumbers)
            let missing = range.lazy.filter { !present.contains($0) }.prefix(5)
            if missing.isEmpty { return .ready }
            return .waiting("Instance number \(missing.map(String.init).joined(separator: ", ")) is missing.")
        }
    }

    /// Nothing has arrived for the patient for so long.
    public static func settled(_ duration: Duration) -> Readiness {
        Readiness("nothing new for \(duration)") { state in
            let due = state.lastArrival + duration
            return due <= .now ? .ready : .settling(due)
        }
    }

    /// A condition over the data sets (without pixel data) of the instances.
    public static func dataSets(_ description: String, _ isReady: @escaping @Sendable ([DataSet]) throws -> Bool)
        -> Readiness
    {
        Readiness(description) { state in
            try isReady(state.dataSets()) ? .ready : .waiting("The condition '\(description)' does not hold yet.")
        }
    }

    public static func && (lhs: Readiness, rhs: Readiness) -> Readiness {
        Readiness("\(lhs.description) and \(rhs.description)") { state in
            switch (try lhs.verdict(state), try rhs.verdict(state)) {
            case (.waiting(let left), .waiting(let right)): .waiting(left + " " + right)
            case (.waiting(let reason), _), (_, .waiting(let reason)): .waiting(reason)
            case (.settling(let left), .settling(let right)): .settling(max(left, right))
            case (.settling(let due), .ready), (.ready, .settling(let due)): .settling(due)
            case (.ready, .ready): .ready
            }
        }
    }

    public static func || (lhs: Readiness, rhs: Readiness) -> Readiness {
        Readiness("\(lhs.description) or \(rhs.description)") { state in
            switch (try lhs.verdict(state), try rhs.verdict(state)) {
            case (.ready, _), (_, .ready): .ready
            case (.settling(let left), .settling(let right)): .settling(min(left, right))
            case (.settling(let due), .waiting), (.waiting, .settling(let due)): .settling(due)
            case (.waiting(let left), .waiting(let right)): .waiting(left + " " + right)
            }
        }
    }
}

/// The instances of an input at the time it is asked whether it is ready.
public struct InputState: Sendable {
    let instances: [StoredInstance]
    /// When the patient's last instance arrived, for whichever input.
    public let lastArrival: ContinuousClock.Instant

    public var count: Int { instances.count }
    public var instanceNumbers: [Int] { instances.compactMap { $0.slices.first?.instanceNumber } }
    /// Their geometry as a series, with every irregularity found.
    public var geometry: SeriesGeometry { SeriesGeometry(instances.flatMap(\.slices)) }

    /// Their data sets without pixel data, read from the disk.
    ///
    /// - Throws: `DICOMError` when a file cannot be read.
    public func dataSets() throws(DICOMError) -> [DataSet] {
        var dataSets: [DataSet] = []
        for instance in instances { dataSets.append(try DICOMFile.readHeader(instance.path).dataSet) }
        return dataSets
    }
}
