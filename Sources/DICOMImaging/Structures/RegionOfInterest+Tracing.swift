extension RegionOfInterest {
    /// The region that a mask marks, as contours along the edges of its voxels.
    ///
    /// Each boundary of the marked voxels of a slice becomes one contour, whose corners are corners of voxels: the areas are
    /// those of the voxels, and ``mask(on:policy:)`` on the same space gives the same mask, voxel by voxel. Voxels that touch
    /// at a corner only are in different contours. A region with a hole in any slice has contours of type CLOSEDPLANAR_XOR
    /// only (PS3.3 C.8.8.6.3), others have CLOSED_PLANAR.
    ///
    /// - Parameters:
    ///   - mask: What is not 0 is in the region.
    ///   - keepsCollinearPoints: Whether every corner of a voxel on the boundary is a point, and not only where it turns.
    public init(
        number: Int, name: String, color: RGBVoxel? = nil, interpretedType: String? = nil, mask: Volume<UInt8>,
        keepsCollinearPoints: Bool = false
    ) {
        let space = mask.space
        var loops: [(slice: Int, loop: BoundaryTracer.Loop)] = []
        var tracer = BoundaryTracer(
            columns: space.columns, rows: space.rows, keepsCollinearPoints: keepsCollinearPoints)
        mask.withUnsafeBuffer { voxels in
            for slice in 0..<space.slices {
                let traced = tracer.loops(UnsafeBufferPointer(rebasing: voxels[mask.range(ofSlice: slice)]))
                loops += traced.map { (slice, $0) }
            }
        }
        let hasHoles = loops.contains { $0.loop.isHole }
        let contours = loops.enumerated().map { index, traced in
            Contour(
                number: index + 1, geometry: hasHoles ? .closedPlanarXOR : .closedPlanar,
                points: traced.loop.corners.map { corner in
                    space.point(at: SIMD3(Double(corner.x) - 0.5, Double(corner.y) - 0.5, Double(traced.slice)))
                })
        }
        self.init(
            number: number, name: name, color: color, interpretedType: interpretedType,
            frameOfReferenceUID: space.frameOfReferenceUID, contours: contours)
    }
}

/// Walks along the edges between marked and other voxels of a slice, marked ones on the right.
private struct BoundaryTracer {
    struct Loop {
        /// Corners of voxels, (0, 0) being the corner before the first voxel.
        var corners: [SIMD2<Int32>]
        /// Whether it goes around voxels that are not marked.
        var isHole: Bool
    }

    private enum Direction: Int {
        case right, down, left, up

        var turnedRight: Direction { Direction(rawValue: (rawValue + 1) & 3) ?? self }
        var turnedLeft: Direction { Direction(rawValue: (rawValue + 3) & 3) ?? self }
    }

    let columns: Int
    let rows: Int
    let keepsCollinearPoints: Bool
    /// Voxels whose upper edge was walked along.
    private var walked: [Bool]

    init(columns: Int, rows: Int, keepsCollinearPoints: Bool) {
        self.columns = columns
        self.rows = rows
        self.keepsCollinearPoints = keepsCollinearPoints
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
        // The first upper edge that the search meets begins at a corner: before it, the loop came from another direction.
        var corners = [SIMD2(Int32(truncatingIfNeeded: x), Int32(truncatingIfNeeded: y))]
        var area = 0
        while true {
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
            let next = turn(x, y, direction, slice)
            if x == column, y == row, next == .right { break }
            if next != direction || keepsCollinearPoints {
                corners.append(SIMD2(Int32(truncatingIfNeeded: x), Int32(truncatingIfNeeded: y)))
            }
            direction = next
        }
        return Loop(corners: corners, isHole: area < 0)
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
