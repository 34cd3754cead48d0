extension RegionOfInterest {
    /// How a hole in a region is written.
    public enum HoleStyle: String, Sendable, CaseIterable {
        /// The contour runs to the hole and back along a channel without width (PS3.3 C.8.8.6.3): CLOSED_PLANAR, as ever.
        case keyhole
        /// The hole is a contour of its own, and all contours of the region are CLOSEDPLANAR_XOR. Older software
        /// does not know that type.
        case xor
    }

    /// The region that a mask marks, as contours along the edges of its voxels.
    ///
    /// Each boundary of the marked voxels of a slice becomes one contour, whose corners are corners of voxels: the areas are
    /// those of the voxels, and ``mask(on:policy:)`` on the same space gives the same mask, voxel by voxel. Voxels that touch
    /// at a corner only are in different contours.
    ///
    /// - Parameters:
    ///   - mask: What is not 0 is in the region.
    ///   - holes: How holes are written; a region without them has CLOSED_PLANAR contours in either case.
    ///   - keepsCollinearPoints: Whether every corner of a voxel on the boundary is a point, and not only where it turns.
    public init(
        number: Int, name: String, color: RGBVoxel? = nil, interpretedType: String? = nil, mask: Volume<UInt8>,
        holes: HoleStyle = .keyhole, keepsCollinearPoints: Bool = false
    ) {
        let space = mask.space
        var contours: [Contour] = []
        var hasHoles = false
        var tracer = BoundaryTracer(columns: space.columns, rows: space.rows)
        mask.withUnsafeBuffer { voxels in
            for slice in 0..<space.slices {
                var loops = tracer.loops(UnsafeBufferPointer(rebasing: voxels[mask.range(ofSlice: slice)]))
                if loops.contains(where: \.isHole) {
                    hasHoles = true
                    if holes == .keyhole { loops = KeyholeJoining(loops).joined() }
                }
                for loop in loops {
                    let corners = keepsCollinearPoints ? loop.corners : loop.turns
                    let points = corners.map {
                        space.point(at: SIMD3(Double($0.x) - 0.5, Double($0.y) - 0.5, Double(slice)))
                    }
                    contours.append(Contour(number: contours.count + 1, points: points))
                }
            }
        }
        if hasHoles, holes == .xor {
            for index in contours.indices { contours[index].geometry = .closedPlanarXOR }
        }
        self.init(
            number: number, name: name, color: color, interpretedType: interpretedType,
            frameOfReferenceUID: space.frameOfReferenceUID, contours: contours)
    }
}
