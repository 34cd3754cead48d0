public import DICOMCore
import Synchronization

/// The numbers that describe a set of voxels.
public struct Statistics: Hashable, Sendable {
    /// How many voxels were counted: padding and what is not a number are not.
    public let count: Int
    public let sum: Double
    public let minimum: Double
    public let maximum: Double
    /// The sum of squared distances from the mean.
    let squares: Double

    public var mean: Double { sum / Double(count) }
    /// Of the voxels as the whole population (divided by n).
    public var variance: Double { squares / Double(count) }
    public var standardDeviation: Double { variance.squareRoot() }
    /// Of the voxels as a sample of a larger population (divided by n − 1).
    public var sampleStandardDeviation: Double { count > 1 ? (squares / Double(count - 1)).squareRoot() : 0 }
}

/// How many voxels have values within equal intervals of a range.
public struct Histogram: Hashable, Sendable {
    /// The intervals' edges, one more than there are counts. Each interval includes its lower edge, the last both.
    public let edges: [Double]
    public let counts: [Int]
}

extension Volume where Scalar: VoxelScalar {
    /// Count, sum, mean, standard deviation, minimum and maximum. Padding and what is not a number are left out.
    ///
    /// - Parameter mask: Where; nil: everywhere.
    /// - Returns: Nil when no voxel counts.
    /// - Throws: ``DICOMError`` with the code `mismatchedVolumes` unless the mask has the same voxels.
    public func statistics(in mask: Mask? = nil) throws(DICOMError) -> Statistics? {
        let first = try gather(mask, from: Moments()) { moments, value in
            moments.count += 1
            moments.sum += value
            moments.minimum = Swift.min(moments.minimum, value)
            moments.maximum = Swift.max(moments.maximum, value)
        }.reduce(Moments()) { $0.merged($1) }
        guard first.count > 0 else { return nil }
        let mean = first.sum / Double(first.count)
        let squares = try gather(mask, from: 0.0) { sum, value in
            sum += (value - mean) * (value - mean)
        }.reduce(0, +)
        return Statistics(
            count: first.count, sum: first.sum, minimum: first.minimum, maximum: first.maximum, squares: squares)
    }

    /// The values below which a share of the voxels lies, interpolated linearly between two of them, as NumPy does by default.
    ///
    /// Padding and what is not a number are left out. Nothing is sorted: the values are found by counting their leading bits,
    /// 16 at a time.
    ///
    /// - Parameters:
    ///   - percents: 0 to 100; 50 is the median.
    ///   - mask: Where; nil: everywhere.
    /// - Returns: One for each percent; nil when no voxel counts.
    /// - Throws: ``DICOMError`` with the code `mismatchedVolumes` unless the mask has the same voxels.
    public func percentiles(_ percents: [Double], in mask: Mask? = nil) throws(DICOMError) -> [Double]? {
        let count = try gather(mask, from: 0) { count, _ in count += 1 }.reduce(0, +)
        guard count > 0 else { return nil }
        var found: [Int: Double] = [:]
        func value(ofRank rank: Int) throws(DICOMError) -> Double {
            if let known = found[rank] { return known }
            let value = try self.value(ofRank: rank, in: mask)
            found[rank] = value
            return value
        }
        var result: [Double] = []
        for percent in percents {
            let place = Swift.max(0, Swift.min(100, percent)) / 100 * Double(count - 1)
            let lower = Int(place)
            let (low, high) = (try value(ofRank: lower), try value(ofRank: Swift.min(lower + 1, count - 1)))
            result.append(low + (high - low) * (place - Double(lower)))
        }
        return result
    }

    /// The median; nil when no voxel counts.
    public func median(in mask: Mask? = nil) throws(DICOMError) -> Double? { try percentiles([50], in: mask)?.first }

    /// Counts values in equal intervals. Padding, what is not a number and values outside of the range are left out.
    ///
    /// - Parameters:
    ///   - bins: How many intervals.
    ///   - range: Nil: from the smallest value to the largest.
    ///   - mask: Where; nil: everywhere.
    /// - Returns: Nil when no voxel counts.
    /// - Throws: ``DICOMError`` with the code `mismatchedVolumes` unless the mask has the same voxels.
    public func histogram(
        bins: Int, range: ClosedRange<Double>? = nil, in mask: Mask? = nil
    ) throws(DICOMError) -> Histogram? {
        precondition(bins > 0, "a histogram needs an interval")
        var range = range
        if range == nil {
            guard let statistics = try statistics(in: mask) else { return nil }
            range = statistics.minimum...statistics.maximum
        }
        guard var bounds = range, bounds.lowerBound.isFinite, bounds.upperBound.isFinite else { return nil }
        if bounds.lowerBound == bounds.upperBound { bounds = bounds.lowerBound - 0.5...bounds.upperBound + 0.5 }
        let (low, high) = (bounds.lowerBound, bounds.upperBound)
        let width = (high - low) / Double(bins)
        guard width > 0, width.isFinite else { return nil }
        let edges = (0...bins).map { $0 == bins ? high : low + Double($0) * width }
        let counts = try gather(mask, from: [Int](repeating: 0, count: bins)) { counts, value in
            guard value >= low, value <= high else { return }
            // Rounding may put a value that lies on an edge into the interval before or after it.
            var bin = Swift.min(bins - 1, Int((value - low) / width))
            if value < edges[bin] { bin -= 1 } else if bin + 1 < bins, value >= edges[bin + 1] { bin += 1 }
            counts[bin] += 1
        }
        return Histogram(
            edges: edges, counts: (0..<bins).map { bin in counts.reduce(0) { $0 + $1[bin] } })
    }

    // MARK: -

    /// Runs through the voxels that count, by parts of the slices, several at a time.
    private func gather<Result: Sendable>(
        _ mask: Mask?, from start: @escaping @autoclosure @Sendable () -> Result,
        _ add: @escaping @Sendable (inout Result, Double) -> Void
    ) throws(DICOMError) -> [Result] {
        if let mask { try requireSameVoxels(mask.space) }
        let results = Mutex<[(slice: Int, result: Result)]>([])
        withUnsafeBuffer { voxels in
            nonisolated(unsafe) let voxels = UnsafeRawPointer(voxels.baseAddress)
            concurrently(slices, work: count) { part in
                let task = GatherTask(
                    source: voxels, area: rows * columns, slices: part, padding: padding, mask: mask, start: start,
                    add: add)
                perform(task, for: Scalar.scalarType)
                guard let result = task.result.value else { return }
                results.withLock { $0.append((part.lowerBound, result)) }
            }
        }
        // In the order of the slices, so that sums are the same every time.
        return results.withLock { $0.sorted { $0.slice < $1.slice }.map(\.result) }
    }

    /// The value that has so many smaller or equal ones before it: its bits are found 16 at a time, the leading ones first.
    private func value(ofRank rank: Int, in mask: Mask?) throws(DICOMError) -> Double {
        var (prefix, rest) = (UInt64(0), rank)
        for shift in stride(from: UInt64(48), through: 0, by: -16) {
            let (wanted, above) = (prefix, shift == 48 ? UInt64(64) : shift + 16)
            let counts = try gather(mask, from: [Int](repeating: 0, count: 65_536)) { counts, value in
                let key = value.orderedBits
                if above == 64 || key >> above == wanted { counts[Int(key >> shift & 0xFFFF)] += 1 }
            }
            var digit = 0
            while digit < 65_535 {
                let count = counts.reduce(0) { $0 + $1[digit] }
                if rest < count { break }
                rest -= count
                digit += 1
            }
            prefix = prefix << 16 | UInt64(digit)
        }
        return Double(orderedBits: prefix)
    }
}

/// Runs through the voxels of some slices that count.
private struct GatherTask<Result>: ScalarTask {
    let source: UnsafeRawPointer?
    let area: Int
    let slices: Range<Int>
    let padding: PaddingMask?
    let mask: Mask?
    let start: () -> Result
    let add: (inout Result, Double) -> Void
    let result = Outcome<Result?>(nil)

    func run<Scalar: ComputedScalar>(_ type: Scalar.Type) {
        guard let source else { return }
        let voxels = source.assumingMemoryBound(to: Scalar.self)
        // The mask lives as long as the task; asking for it voxel by voxel would count its references each time.
        let inside = mask?.storage.buffer.baseAddress
        var result = start()
        for slice in slices {
            for index in 0..<area {
                let value = voxels[slice * area + index].doubleValue
                guard value == value, inside.map({ $0[slice * area + index] != 0 }) ?? true else { continue }
                if let padding, padding[slice, index] { continue }
                add(&result, value)
            }
        }
        self.result.value = result
    }
}

private struct Moments: Sendable {
    var count = 0
    var sum = 0.0
    var minimum = Double.infinity
    var maximum = -Double.infinity

    func merged(_ other: Moments) -> Moments {
        Moments(
            count: count + other.count, sum: sum + other.sum, minimum: min(minimum, other.minimum),
            maximum: max(maximum, other.maximum))
    }
}

extension Double {
    /// Bits that are ordered as the numbers are.
    fileprivate var orderedBits: UInt64 {
        let bits = bitPattern
        return bits >> 63 == 1 ? ~bits : bits | 1 << 63
    }

    fileprivate init(orderedBits bits: UInt64) {
        self.init(bitPattern: bits >> 63 == 1 ? bits & ~(1 << 63) : ~bits)
    }
}
