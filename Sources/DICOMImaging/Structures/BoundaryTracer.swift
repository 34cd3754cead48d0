/// Walks along the edges between marked and other voxels of a slice, marked ones on the right.
struct BoundaryTracer {
    /// Corners of voxels, (0, 0) being the corner before the first voxel.
    typealias Corner = SIMD2<Int32>

    /// A closed walk.
    struct Loop {
        /// Every corner along the way. A loop begins at its uppermost, there leftmost, corner.
        var corners: [Corner]
        /// Whether it goes around voxels that are not marked.
        var isHole: Bool

        /// The corners where the way turns.
        var turns: [Corner] {
            corners.indices.filter { index in
                let corner = corners[index]
                let before = corner &- corners[index == 0 ? corners.count - 1 : index - 1]
                let after = corners[index == corners.count - 1 ? 0 : index + 1] &- corner
                return before.x.signum() != after.x.signum() || before.y.signum() != after.y.signum()
            }.map { corners[$0] }
        }
    }

    private enum Direction: Int {
        case right, down, left, up

        var turnedRight: Direction { Direction(rawValue: (rawValue + 1) & 3) ?? self }
        var turnedLeft: Direction { Direction(rawValue: (rawValue + 3) & 3) ?? self }
    }

    let columns: Int
    let rows: Int
    /// Voxels whose upper edge was walked along.
    private var walked: [Bool]

    init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        walked = [Bool](repeating: false, count: columns * rows)
    }

    /// All boundaries of a slice. Each has an upper edge of a marked voxel: the search for those finds them all.
    mutating func loops(_ slice: UnsafeBufferPointer<UInt8>) -> [Loop] {
        var loops: [Loop] = []
        for row in 0..<rows {
            for place in row * columns..<(row + 1) * columns where slice[place] != 0 {
                guard row == 0 || slice[place - columns] == 0, !walked[place] else { continue }
                loops.append(loop(from: place - row * columns, row, slice))
            }
        }
        if !loops.isEmpty { for index in walked.indices { walked[index] = false } }
        return loops
    }

    private mutating func loop(from column: Int, _ row: Int, _ slice: UnsafeBufferPointer<UInt8>) -> Loop {
        var (x, y, direction) = (column, row, Direction.right)
        var corners: [Corner] = []
        var area = 0
        repeat {
            corners.append(Corner(Int32(truncatingIfNeeded: x), Int32(truncatingIfNeeded: y)))
            switch direction {
            case .right:
                walked[y * columns + x] = true
                area -= y
                x += 1
            case .down: y += 1
            case .left:
                area += y
                x -= 1
            case .up: y -= 1
            }
            direction = turn(x, y, direction, slice)
        } while x != column || y != row || direction != .right
        guard area < 0 else { return Loop(corners: corners, isHole: false) }
        // The search meets a hole from below.
        let first = corners.indices.min { (corners[$0].y, corners[$0].x) < (corners[$1].y, corners[$1].x) } ?? 0
        return Loop(corners: Array(corners[first...] + corners[..<first]), isHole: true)
    }

    /// Where the boundary goes on from a corner. Where two marked voxels touch at it only, it stays with the one it came
    /// along, so that loops never cross.
    private func turn(_ x: Int, _ y: Int, _ direction: Direction, _ slice: UnsafeBufferPointer<UInt8>) -> Direction {
        let (right, left): (Bool, Bool)
        switch direction {
        case .right: (right, left) = (isMarked(x, y, slice), isMarked(x, y - 1, slice))
        case .down: (right, left) = (isMarked(x - 1, y, slice), isMarked(x, y, slice))
        case .left: (right, left) = (isMarked(x - 1, y - 1, slice), isMarked(x - 1, y, slice))
        case .up: (right, left) = (isMarked(x, y - 1, slice), isMarked(x - 1, y - 1, slice))
        }
        if !right { return direction.turnedRight }
        return left ? direction.turnedLeft : direction
    }

    private func isMarked(_ x: Int, _ y: Int, _ slice: UnsafeBufferPointer<UInt8>) -> Bool {
        x >= 0 && y >= 0 && x < columns && y < rows && slice[y * columns + x] != 0
    }
}

/// Joins the holes of a slice to the boundaries around them.
///
/// From the uppermost, there leftmost, corner of a hole a channel runs to the left until it meets another boundary. To its
/// right that boundary has marked voxels above and below the channel, so that only one loop passes there, once. It cannot be
/// the hole itself, nor one joined to it: it reaches higher than the hole or, at the same height, farther to the left.
struct KeyholeJoining {
    private let loops: [BoundaryTracer.Loop]
    /// The hole whose channel ends at a corner.
    private var channels: [BoundaryTracer.Corner: Int] = [:]

    init(_ loops: [BoundaryTracer.Loop]) {
        self.loops = loops
        var columns: [Int32: [Int32]] = [:]
        let rows = Set(loops.filter(\.isHole).map { $0.corners[0].y })
        for corner in loops.lazy.flatMap(\.corners) where rows.contains(corner.y) {
            columns[corner.y, default: []].append(corner.x)
        }
        for row in columns.keys { columns[row]?.sort() }
        for (index, loop) in loops.enumerated() where loop.isHole {
            let start = loop.corners[0]
            guard let end = columns[start.y]?.nearest(below: start.x) else { continue }
            channels[BoundaryTracer.Corner(end, start.y)] = index
        }
    }

    /// The outer boundaries, with their holes.
    func joined() -> [BoundaryTracer.Loop] {
        loops.filter { !$0.isHole }.map { loop in
            var corners: [BoundaryTracer.Corner] = []
            // The loops being walked, innermost last, and how far each has been; a chain of holes may be long.
            var walks: [(corners: [BoundaryTracer.Corner], next: Int)] = [(loop.corners, 0)]
            while let walk = walks.last {
                guard walk.next < walk.corners.count else {
                    walks.removeLast()
                    // Out of the hole: close it, and back to where its channel began.
                    if let outer = walks.last { corners += [walk.corners[0], outer.corners[outer.next - 1]] }
                    continue
                }
                let corner = walk.corners[walk.next]
                corners.append(corner)
                walks[walks.count - 1].next += 1
                if let hole = channels[corner] { walks.append((loops[hole].corners, 0)) }
            }
            return BoundaryTracer.Loop(corners: corners, isHole: false)
        }
    }
}

extension [Int32] {
    /// The greatest element that is less than `limit`, of elements in ascending order.
    fileprivate func nearest(below limit: Int32) -> Int32? {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < limit { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? self[low - 1] : nil
    }
}
