public import DICOMCore
import DICOMDictionary

/// What distinguishes the volumes of a four-dimensional series.
public enum SequenceKey: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// Temporal Position Index or Identifier: 1, 2, …
    case temporalPosition
    /// Trigger Time or Nominal Cardiac Trigger Delay Time, ms: gates.
    case triggerTime
    /// Diffusion b-value, s/mm²; Siemens', GE's and Philips' private attributes too.
    case bValue
    /// Echo Time or Effective Echo Time, ms.
    case echoTime
    /// Frame Reference Time, ms: the time points of a dynamic PET.
    case frameReferenceTime
    /// Acquisition Number.
    case acquisitionNumber
    /// The first item of Dimension Index Values that is no place: neither stack, nor position in it, nor segment.
    case dimensionIndex
    /// Acquisition Date and Time, s since 1970.
    case acquisitionTime
    /// Content Date and Time, s since 1970.
    case contentTime
    /// The order of acquisition and instance numbers at each position: 1, 2, … The last resort.
    case instanceOrder

    public var description: String {
        switch self {
        case .temporalPosition: "temporal position"
        case .triggerTime: "trigger time"
        case .bValue: "b-value"
        case .echoTime: "echo time"
        case .frameReferenceTime: "frame reference time"
        case .acquisitionNumber: "acquisition number"
        case .dimensionIndex: "dimension index"
        case .acquisitionTime: "acquisition time"
        case .contentTime: "content time"
        case .instanceOrder: "instance order"
        }
    }

    /// The key's value for a slice; nil where it has none.
    func value(of attributes: DataSet) -> Double? {
        switch self {
        case .temporalPosition:
            (attributes[.temporalPositionIndex] ?? attributes[.temporalPositionIdentifier]).map(Double.init)
        case .triggerTime: attributes[.triggerTime] ?? attributes[.nominalCardiacTriggerDelayTime]
        case .bValue:
            attributes[.diffusionBValue] ?? attributes[.siemensBValue].flatMap { Double($0) }
                ?? attributes[.geBValue]?.first.map { Double($0 % 100_000) } ?? attributes[.philipsBValue]
        case .echoTime: attributes[.effectiveEchoTime] ?? attributes[.echoTime]
        case .frameReferenceTime: attributes[.frameReferenceTime]
        case .acquisitionNumber:
            (attributes[.frameAcquisitionNumber] ?? attributes[.acquisitionNumber]).map(Double.init)
        case .dimensionIndex: Self.dimensionIndex(of: attributes)
        case .acquisitionTime:
            (attributes[.frameAcquisitionDateTime].flatMap { DICOMDateTime($0) }
                ?? attributes[.acquisitionDateTime].flatMap { DICOMDateTime($0) }
                ?? attributes.dateTime(.acquisitionDate, .acquisitionTime)
                ?? attributes[.acquisitionTime].flatMap { Self.onUnknownDay($0) })?.secondsSinceEpoch
        case .contentTime:
            (attributes.dateTime(.contentDate, .contentTime)
                ?? attributes[.contentTime].flatMap { Self.onUnknownDay($0) })?
                .secondsSinceEpoch
        case .instanceOrder: nil
        }
    }

    /// Dimension Index Sequence says what each of Dimension Index Values is (PS3.3 C.7.6.17).
    private static func dimensionIndex(of attributes: DataSet) -> Double? {
        let places: Set<DICOMTag> = [
            Attribute<String>.stackID.tag, Attribute<Int>.inStackPositionNumber.tag,
            Attribute<[Double]>.imagePositionPatient.tag, Attribute<[Int]>.referencedSegmentNumber.tag,
        ]
        guard let values = attributes[.dimensionIndexValues],
            let index = attributes[.dimensionIndexSequence]?.firstIndex(where: { dimension in
                dimension[.dimensionIndexPointer].map { !places.contains($0) } ?? false
            }), index < values.count
        else { return nil }
        return Double(values[index])
    }

    private static func onUnknownDay(_ time: String) -> DICOMDateTime? {
        guard let day = DICOMDate(year: 1970, month: 1, day: 1), let time = DICOMTime(time) else { return nil }
        return DICOMDateTime(day, time)
    }
}

extension DICOMDateTime {
    var secondsSinceEpoch: Double {
        let (seconds, attoseconds) = sinceEpoch.components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}

extension PrivateAttribute where Value == String {
    fileprivate static var siemensBValue: Self { .init(creator: "SIEMENS MR HEADER", 0x0019, 0x0C, .is) }
}
extension PrivateAttribute where Value == Double {
    fileprivate static var philipsBValue: Self { .init(creator: "Philips Imaging DD 001", 0x2001, 0x03, .fl) }
}
extension PrivateAttribute where Value == [Int] {
    fileprivate static var geBValue: Self { .init(creator: "GEMS_PARM_01", 0x0043, 0x39, .is) }
}

/// A part of a four-dimensional series: the slices of one time point, gate, b-value or echo.
public struct SeriesPart: Sendable {
    /// The values of the keys that the series was split by.
    public let values: [Double]
    public let series: Series
}

extension Series {
    /// The parts of a series that has several slices at each position, by what distinguishes them.
    ///
    /// Detected is the first key, or pair of keys, by which every part has each position once. A part's own geometry says
    /// whether it is a regular volume. A series whose positions occur once is one part.
    ///
    /// - Parameter keys: What to split by; nil: what is found.
    /// - Returns: The keys that were used, and the parts in ascending order of their values.
    /// - Throws: ``DICOMError`` with the code `unacceptableGeometry` when a declared key is missing from an instance, nothing
    ///   splits the series, or all that does is that instances are in it twice.
    public func parts(by keys: [SequenceKey]? = nil) throws(DICOMError) -> (keys: [SequenceKey], parts: [SeriesPart]) {
        let places = placeOfEachSlice()
        if let keys { return (keys, try split(by: keys, places)) }
        let repetitions = Dictionary(grouping: places, by: \.self).mapValues(\.count)
        guard let most = repetitions.values.max(), most > 1 else { return ([], [SeriesPart(values: [], series: self)]) }
        let candidates = detectableKeys()
        let pairs = candidates.indices.flatMap { first in
            candidates[(first + 1)...].map { [candidates[first], $0] }
        }
        for keys in candidates.map({ [$0] }) + pairs {
            guard let parts = try? split(by: keys, places), parts.count == most,
                parts.allSatisfy({ $0.series.slices.count == repetitions.count })
            else { continue }
            let isSound = parts.allSatisfy { part in
                !part.series.geometry.findings.contains { $0.kind == .duplicatePosition }
            }
            if isSound { return (keys, parts) }
        }
        guard repetitions.values.allSatisfy({ $0 == most }) else {
            throw DICOMError(
                .unacceptableGeometry,
                "the slice positions do not occur equally often, and no attribute takes the series apart. "
                    + geometry.explanation)
        }
        try refuseCopies()
        return ([.instanceOrder], try split(by: [.instanceOrder], places))
    }

    /// Where nothing else tells slices apart, a file that is there twice would make a second time point.
    private func refuseCopies() throws(DICOMError) {
        var seen: Set<[String]> = []
        for slice in slices {
            guard let uid = slice.geometry.sopInstanceUID else { continue }
            guard seen.insert([uid.string, "\(slice.index)"]).inserted else {
                throw DICOMError(
                    .unacceptableGeometry,
                    "\(slice.geometry.name) is in the series more than once (the same SOP Instance UID); leave the copies out"
                )
            }
        }
    }

    /// The keys whose values differ within the series, each slice having one.
    private func detectableKeys() -> [SequenceKey] {
        let attributes = slices.map(\.attributes)
        return SequenceKey.allCases.filter { key in
            let values = attributes.map { key.value(of: $0) }
            return !values.contains(nil) && Set(values).count > 1
        }
    }

    /// Which position along the normal each slice is at: 0, 1, …; slices within 0.01 mm share one.
    private func placeOfEachSlice() -> [Int] {
        var place = -1
        var last: SIMD3<Double>?
        return slices.map { slice in
            guard let position = slice.geometry.position else {
                place += 1
                return place
            }
            if let previous = last, length(position - previous) <= 0.01 { return place }
            last = position
            place += 1
            return place
        }
    }

    private func split(by keys: [SequenceKey], _ places: [Int]) throws(DICOMError) -> [SeriesPart] {
        var groups: [[Double]: [Slice]] = [:]
        let order = keys.contains(.instanceOrder) ? orderAtEachPlace(places) : []
        for (index, slice) in slices.enumerated() {
            let attributes = slice.attributes
            var values: [Double] = []
            for key in keys {
                guard let value = key == .instanceOrder ? Double(order[index]) : key.value(of: attributes), !value.isNaN
                else {
                    throw DICOMError(
                        .unacceptableGeometry,
                        "\(slice.geometry.name) has no \(key), so the series cannot be split by it")
                }
                values.append(value)
            }
            groups[values, default: []].append(slice)
        }
        var parts: [SeriesPart] = []
        for values in groups.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            parts.append(SeriesPart(values: values, series: try Series(slices: groups[values] ?? [])))
        }
        return parts
    }

    /// 1, 2, … among the slices of the same place, by acquisition number, instance number and frame.
    private func orderAtEachPlace(_ places: [Int]) -> [Int] {
        let keys = slices.map { slice -> [Int] in
            let header = slice.instance.header
            return [header[.acquisitionNumber] ?? 0, header[.instanceNumber] ?? 0, slice.index]
        }
        var order = [Int](repeating: 0, count: slices.count)
        for (_, indices) in Dictionary(grouping: slices.indices, by: { places[$0] }) {
            let sorted = indices.sorted {
                keys[$0] == keys[$1] ? $0 < $1 : keys[$0].lexicographicallyPrecedes(keys[$1])
            }
            for (number, index) in sorted.enumerated() { order[index] = number + 1 }
        }
        return order
    }

    /// The volumes of a four-dimensional series: time points, gates, b-values or echoes.
    ///
    /// - Parameters:
    ///   - keys: What to split by; nil: what ``parts(by:)`` finds.
    ///   - policy: Which irregularities a volume may have.
    /// - Throws: ``DICOMError`` as ``parts(by:)`` and ``volume(of:policy:values:)``; `mismatchedVolumes` when the volumes do not
    ///   have the same space.
    public func volumeSequence<Scalar: VoxelScalar>(
        of type: Scalar.Type = Scalar.self, by keys: [SequenceKey]? = nil, policy: GeometryPolicy = .reject,
        values: PixelValues = .modality
    ) throws(DICOMError) -> VolumeSequence<Scalar> {
        let (keys, parts) = try parts(by: keys)
        var volumes: [Volume<Scalar>] = []
        for part in parts { volumes.append(try part.series.volume(of: type, policy: policy, values: values)) }
        return try VolumeSequence(keys: keys, values: parts.map(\.values), volumes: volumes)
    }
}

/// A four-dimensional image: volumes of one space, in the order of their keys.
public struct VolumeSequence<Scalar: Voxel>: Sendable {
    /// What the volumes differ by.
    public let keys: [SequenceKey]
    /// The keys' values of each volume.
    public let values: [[Double]]
    /// Each slices × rows × columns.
    public let volumes: [Volume<Scalar>]

    /// - Throws: ``DICOMError`` with the code `mismatchedVolumes` unless all have one shape and place, or there is none.
    public init(keys: [SequenceKey], values: [[Double]], volumes: [Volume<Scalar>]) throws(DICOMError) {
        guard let first = volumes.first, volumes.allSatisfy({ $0.space.hasVoxels(of: first.space) }),
            values.count == volumes.count
        else {
            throw DICOMError(.mismatchedVolumes, "the volumes of a sequence need the same voxels in the same places")
        }
        self.keys = keys
        self.values = values
        self.volumes = volumes
    }

    /// The space of all volumes.
    public var space: Space { volumes[0].space }
    public var count: Int { volumes.count }
    public subscript(index: Int) -> Volume<Scalar> { volumes[index] }
}
