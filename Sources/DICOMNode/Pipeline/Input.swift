import DICOMCore
public import DICOMImaging
import Synchronization

/// One series, or group of series, that a pipeline needs: which instances it accepts, when it is complete, and what it
/// is turned into.
///
/// ```swift
/// @Input(accepting: .modality("CT"), readyWhen: .minimumInstances(150), as: .volume(of: Float.self))
/// var ct: Volume<Float>
/// ```
///
/// Inside `process`, `inputs.ct` is the value and `inputs.$ct` the source series.
@propertyWrapper
public struct Input<Value: Sendable>: Sendable {
    let definition: InputDefinition
    private let slot = Slot()

    /// - Parameters:
    ///   - acceptance: Which instances belong to the input.
    ///   - readiness: When it has all it needs.
    ///   - grouping: What its instances have to share; others hold the patient until someone decides.
    ///   - grinder: What its instances are turned into.
    public init(
        accepting acceptance: Acceptance, readyWhen readiness: Readiness, sharing grouping: InputGrouping = .series,
        as grinder: Grinder<Value>
    ) {
        definition = InputDefinition(
            acceptance: acceptance, readiness: readiness, grouping: grouping,
            grind: { instances in try grinder.grind(instances) })
    }

    /// The ground value.
    public var wrappedValue: Value {
        slot.content.withLock { content in
            guard let value = content?.value as? Value else {
                preconditionFailure("An input has a value only inside process(_:context:).")
            }
            return value
        }
    }

    /// The series that the value was made from, sorted along its normal.
    public var projectedValue: Series {
        slot.content.withLock { content in
            guard let content else { preconditionFailure("An input has a series only inside process(_:context:).") }
            return content.series
        }
    }

    /// Holds what the framework fills in after a fresh `Inputs()` was made.
    fileprivate final class Slot: Sendable {
        let content = Mutex<(value: any Sendable, series: Series)?>(nil)
    }
}

/// What the instances of an input have to have in common.
public enum InputGrouping: String, Sendable, Codable {
    /// One Series Instance UID in one Study Instance UID.
    case series
    /// One Study Instance UID.
    case study
    /// Nothing but the patient.
    case patient
}

/// An input without its type: what the engine works on.
struct InputDefinition: Sendable {
    var acceptance: Acceptance
    var readiness: Readiness
    var grouping: InputGrouping
    var grind: @Sendable (InputInstances) throws -> any Sendable
}

/// What lets the engine fill the inputs that it finds by reflection.
protocol AnyInput {
    var definition: InputDefinition { get }
    func fill(_ value: any Sendable, series: Series)
}

extension Input: AnyInput {
    func fill(_ value: any Sendable, series: Series) { slot.content.withLock { $0 = (value, series) } }
}

extension PipelineInputs {
    /// The inputs by the names of their properties, in the order in which they are declared.
    var declared: [(name: String, input: any AnyInput)] {
        Mirror(reflecting: self).children.compactMap { child in
            guard let input = child.value as? any AnyInput, let label = child.label else { return nil }
            return (label.hasPrefix("_") ? String(label.dropFirst()) : label, input)
        }
    }
}
