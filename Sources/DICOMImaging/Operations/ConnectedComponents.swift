/// Which voxels touch each other.
public enum Connectivity: Sendable, CaseIterable {
    /// In each slice by itself, by edges: 4 neighbours.
    case fourInSlice
    /// In each slice by itself, by edges and corners: 8 neighbours.
    case eightInSlice
    /// By faces: 6 neighbours.
    case six
    /// By faces and edges: 18 neighbours.
    case eighteen
    /// By faces, edges and corners: 26 neighbours.
    case twentySix

    /// How far runs of the neighbouring row of the same slice reach.
    fileprivate var inSlice: Int { self == .fourInSlice || self == .six ? 0 : 1 }
    /// How far those of the same row of the next slice reach; nil when slices are apart.
    fileprivate var sameRow: Int? {
        switch self {
        case .fourInSlice, .eightInSlice: nil
        case .six: 0
        case .eighteen, .twentySix: 1
        }
    }
    /// How far those of the neighbouring rows of the next slice reach; nil when they do not touch.
    fileprivate var diagonalRow: Int? {
        switch self {
        case .fourInSlice, .eightInSlice, .six: nil
        case .eighteen: 0
        case .twentySix: 1
        }
    }
}

/// The parts of a mask that hang together.
public struct ConnectedComponents: Sendable {
    /// 0 outside; inside the number of the component, 1 for the one whose first voxel comes first, and so on.
    public let labels: Volume<Int32>
    /// How many voxels each component has; that of label 1 is the first.
    public let sizes: [Int]

    /// How many components there are.
    public var count: Int { sizes.count }
    /// The label of the largest component, the first of several; nil when there is none.
    public var largest: Int? {
        sizes.indices.max { sizes[$0] == sizes[$1] ? $0 > $1 : sizes[$0] < sizes[$1] }.map { $0 + 1 }
    }

    /// One component.
    public func mask(_ label: Int) -> Mask { mask { $0 == label } }

    /// The components of at least so many voxels.
    public func mask(ofSize minimum: Int) -> Mask {
        let isKept = [false] + sizes.map { $0 >= minimum }
        return mask { isKept[$0] }
    }

    private func mask(_ isInside: (Int) -> Bool) -> Mask { labels.map { isInside(Int($0)) ? 1 : 0 } }
}

extension Volume where Scalar: VoxelScalar {
    /// The connected components of the voxels that are not 0. Padding counts as it is stored: make a mask of the volume first.
    ///
    /// Rows are taken as runs of voxels, so the work grows with the runs and the painting of labels. Besides the labels, 12
    /// bytes for each run are taken: in the worst case, every second voxel, six for each voxel.
    public func connectedComponents(_ connectivity: Connectivity = .six) -> ConnectedComponents {
        let finder = RunFinder(columns: columns, rows: rows, slices: slices, connectivity: connectivity)
        withUnsafeBuffer { source in
            nonisolated(unsafe) let source = source
            concurrently(slices, work: count) { part in
                perform(
                    RunTask(source: UnsafeRawPointer(source.baseAddress), finder: finder, slices: part),
                    for: Scalar.scalarType)
            }
        }
        let storage = VoxelStorage<Int32>.allocated(count: count)
        let sizes = finder.label(storage.buffer)
        return ConnectedComponents(
            labels: Volume<Int32>(space: space, unit: nil, padding: nil, storage: storage), sizes: sizes)
    }
}

/// A run of voxels in a row, its end not included.
private struct Run: BitwiseCopyable {
    let start, end: Int32
}

/// Finds the runs of some slices.
private struct RunTask: ScalarTask {
    let source: UnsafeRawPointer?
    let finder: RunFinder
    let slices: Range<Int>

    func run<Scalar: ComputedScalar>(_ type: Scalar.Type) {
        guard let source else { return }
        let voxels = source.assumingMemoryBound(to: Scalar.self)
        var capacity = 0
        for slice in slices {
            var runs: [Run] = []
            runs.reserveCapacity(capacity)
            var firsts = [Int32](repeating: 0, count: finder.rows + 1)
            for row in 0..<finder.rows {
                append(voxels + (slice * finder.rows + row) * finder.columns, &runs)
                firsts[row + 1] = Int32(truncatingIfNeeded: runs.count)
            }
            finder.set(runs, firsts, slice)
            // Slices resemble each other.
            capacity = runs.count + runs.count / 8
        }
    }

    /// Voxels become bits, 64 at a time; where a bit differs from the one before, a run starts or ends. Noise would cost a
    /// branch that cannot be foreseen for every voxel otherwise.
    @inline(__always)
    private func append<Scalar: ComputedScalar>(_ line: UnsafePointer<Scalar>, _ runs: inout [Run]) {
        let count = finder.columns
        var carry: UInt64 = 0
        var start = -1
        for base in stride(from: 0, to: count, by: 64) {
            var bits: UInt64 = 0
            for offset in 0..<min(64, count - base) {
                bits |= (line[base + offset] != 0 ? 1 : 0) &<< UInt64(truncatingIfNeeded: offset)
            }
            var edges = bits ^ (bits << 1 | carry)
            carry = bits >> 63
            while edges != 0 {
                let place = base + edges.trailingZeroBitCount
                edges &= edges &- 1
                if start < 0 {
                    start = place
                } else {
                    runs.append(Run(start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: place)))
                    start = -1
                }
            }
        }
        if start >= 0 {
            runs.append(Run(start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: count)))
        }
    }
}

/// Joins runs that touch (union-find, the first run of a component being its root) and paints their labels.
///
/// `@unchecked Sendable`: each thread writes to slices, and to parents of runs in slices, that no other does.
private final class RunFinder: @unchecked Sendable {
    let columns, rows, slices: Int
    private let connectivity: Connectivity
    /// The runs of each slice, and for each of its rows the first one.
    private let runs: UnsafeMutablePointer<[Run]>
    private let firsts: UnsafeMutablePointer<[Int32]>
    /// The number of the first run of each slice.
    private var offsets: [Int] = []
    private var parentStorage = VoxelStorage<Int32>.allocated(count: 0)
    private var parents: UnsafeMutableBufferPointer<Int32> { parentStorage.buffer }

    init(columns: Int, rows: Int, slices: Int, connectivity: Connectivity) {
        self.columns = columns
        self.rows = rows
        self.slices = slices
        self.connectivity = connectivity
        runs = .allocate(capacity: slices)
        runs.initialize(repeating: [], count: slices)
        firsts = .allocate(capacity: slices)
        firsts.initialize(repeating: [], count: slices)
    }

    deinit {
        runs.deinitialize(count: slices)
        runs.deallocate()
        firsts.deinitialize(count: slices)
        firsts.deallocate()
    }

    func set(_ runs: [Run], _ firsts: [Int32], _ slice: Int) {
        self.runs[slice] = runs
        self.firsts[slice] = firsts
    }

    /// - Returns: The sizes of the components.
    func label(_ labels: UnsafeMutableBufferPointer<Int32>) -> [Int] {
        var total = 0
        for slice in 0..<slices {
            offsets.append(total)
            total += runs[slice].count
        }
        // A label is a 32-bit number, and so is a run's.
        precondition(total < Int32.max, "there are more runs of voxels than can be numbered")
        parentStorage = VoxelStorage.allocated(count: total)
        join()
        let (numbers, sizes) = number(total)
        paint(labels, numbers)
        return sizes
    }

    private func join() {
        // Within a part of the slices side by side; then across the seams of the parts.
        let parts = min(slices, 8)
        @Sendable func bounds(_ part: Int) -> Range<Int> { slices * part / parts..<slices * (part + 1) / parts }
        concurrently(parts, work: rows * columns * slices) { some in
            for part in some {
                self.separate(bounds(part))
                for slice in bounds(part) {
                    self.joinRows(of: slice)
                    if slice > bounds(part).lowerBound { self.join(slice, with: slice - 1) }
                }
            }
        }
        for part in 1..<max(1, parts) { join(bounds(part).lowerBound, with: bounds(part).lowerBound - 1) }
    }

    /// Every run is a component of its own at first.
    private func separate(_ slices: Range<Int>) {
        let parents = parents
        let end = slices.upperBound < self.slices ? offsets[slices.upperBound] : parents.count
        for index in offsets[slices.lowerBound]..<end { parents[index] = Int32(truncatingIfNeeded: index) }
    }

    private func joinRows(of slice: Int) {
        guard rows > 1 else { return }
        for row in 1..<rows { join((slice, row), (slice, row - 1), reach: connectivity.inSlice) }
    }

    private func join(_ slice: Int, with other: Int) {
        guard let reach = connectivity.sameRow else { return }
        for row in 0..<rows {
            join((slice, row), (other, row), reach: reach)
            guard let diagonal = connectivity.diagonalRow else { continue }
            if row > 0 { join((slice, row), (other, row - 1), reach: diagonal) }
            if row + 1 < rows { join((slice, row), (other, row + 1), reach: diagonal) }
        }
    }

    /// Joins the runs of two rows that overlap, or are at most `reach` apart.
    private func join(_ one: (slice: Int, row: Int), _ two: (slice: Int, row: Int), reach: Int) {
        let (firstsOne, firstsTwo) = (firsts[one.slice], firsts[two.slice])
        var (a, b) = (Int(firstsOne[one.row]), Int(firstsTwo[two.row]))
        let (endA, endB) = (Int(firstsOne[one.row + 1]), Int(firstsTwo[two.row + 1]))
        guard a < endA, b < endB else { return }
        let (offsetA, offsetB) = (offsets[one.slice], offsets[two.slice])
        // A class's property would be guarded against overlapping accesses each time.
        let parents = parents
        let reach = Int32(truncatingIfNeeded: reach)
        runs[one.slice].withUnsafeBufferPointer { runsA in
            runs[two.slice].withUnsafeBufferPointer { runsB in
                guard let runsA = runsA.baseAddress, let runsB = runsB.baseAddress else { return }
                while a < endA, b < endB {
                    let (first, second) = (runsA[a], runsB[b])
                    if (first.start < second.end &+ reach) && (second.start < first.end &+ reach) {
                        Self.unite(offsetA &+ a, offsetB &+ b, parents)
                    }
                    // Numbers instead of branches, which noise would make unforeseeable.
                    let isFirst = first.end < second.end ? 1 : 0
                    a &+= isFirst
                    b &+= 1 &- isFirst
                }
            }
        }
    }

    @inline(__always)
    private static func root(_ index: Int, _ parents: UnsafeMutableBufferPointer<Int32>) -> Int {
        var index = index
        while true {
            let parent = Int(parents[index])
            if parent == index { return index }
            let grandparent = parents[parent]
            parents[index] = grandparent
            index = Int(grandparent)
        }
    }

    @inline(__always)
    private static func unite(_ one: Int, _ two: Int, _ parents: UnsafeMutableBufferPointer<Int32>) {
        let (a, b) = (root(one, parents), root(two, parents))
        if a < b {
            parents[b] = Int32(truncatingIfNeeded: a)
        } else if b < a {
            parents[a] = Int32(truncatingIfNeeded: b)
        }
    }

    /// Numbers the components in the order of their first runs, and counts their voxels.
    private func number(_ total: Int) -> (numbers: VoxelStorage<Int32>, sizes: [Int]) {
        let storage = VoxelStorage<Int32>.allocated(count: total)
        let numbers = storage.buffer
        var sizes: [Int] = []
        var index = 0
        let parents = parents
        for slice in 0..<slices {
            for run in runs[slice] {
                let root = Self.root(index, parents)
                if root == index {
                    sizes.append(0)
                    numbers[index] = Int32(truncatingIfNeeded: sizes.count)
                } else {
                    numbers[index] = numbers[root]
                }
                sizes[Int(numbers[index]) - 1] += Int(run.end - run.start)
                index += 1
            }
        }
        return (storage, sizes)
    }

    private func paint(_ labels: UnsafeMutableBufferPointer<Int32>, _ numbers: VoxelStorage<Int32>) {
        nonisolated(unsafe) let labels = labels
        concurrently(slices, work: labels.count) { [self] part in
            guard let base = labels.baseAddress else { return }
            for slice in part {
                (base + slice * rows * columns).update(repeating: 0, count: rows * columns)
                paint(base + slice * rows * columns, runs[slice], firsts[slice], numbers.buffer[offsets[slice]...])
            }
        }
    }

    private func paint(
        _ slice: UnsafeMutablePointer<Int32>, _ runs: [Run], _ firsts: [Int32],
        _ numbers: Slice<UnsafeMutableBufferPointer<Int32>>
    ) {
        let first = numbers.startIndex
        for row in 0..<rows {
            let line = slice + row * columns
            for index in Int(firsts[row])..<Int(firsts[row + 1]) {
                let number = numbers[first + index]
                for column in Int(runs[index].start)..<Int(runs[index].end) { line[column] = number }
            }
        }
    }
}
