import DICOMCore

/// Where the three indices of a volume (column, row, slice) grow to, as three letters: R or L, A or P, I or S.
///
/// `LPS` is the order of an axial CT: columns to the patient's left, rows to the back (posterior), slices to the head
/// (superior). The letters name the direction of growth, as nibabel and FreeSurfer do.
public struct AxisCodes: Hashable, Sendable, CustomStringConvertible {
    /// For each index the patient's axis (0: left, 1: posterior, 2: superior) and whether it grows along it.
    let axes: [(direction: Int, isPositive: Bool)]

    /// Axial.
    public static let lps = AxisCodes(axes: [(0, true), (1, true), (2, true)])
    /// NIfTI's.
    public static let ras = AxisCodes(axes: [(0, false), (1, false), (2, true)])

    private static let letters: [(positive: Character, negative: Character)] = [("L", "R"), ("P", "A"), ("S", "I")]

    /// Reads three letters; nil unless they name each of the patient's axes once.
    public init?(_ text: String) {
        var axes: [(Int, Bool)] = []
        for letter in text.uppercased() {
            guard let direction = Self.letters.firstIndex(where: { $0.positive == letter || $0.negative == letter })
            else { return nil }
            axes.append((direction, Self.letters[direction].positive == letter))
        }
        guard axes.count == 3, Set(axes.map(\.0)).count == 3 else { return nil }
        self.init(axes: axes)
    }

    init(axes: [(direction: Int, isPositive: Bool)]) { self.axes = axes }

    /// The codes that fit a space best, whatever its obliquity.
    public init(of space: Space) {
        let steps = [space.columnStep, space.rowStep, space.sliceStep]
        let closest = space.closestAxes
        axes = (0..<3).map { index in
            let direction = closest.firstIndex(of: index) ?? index
            return (direction, steps[index][direction] >= 0)
        }
    }

    public var description: String {
        String(axes.map { $0.isPositive ? Self.letters[$0.direction].positive : Self.letters[$0.direction].negative })
    }

    public static func == (first: AxisCodes, second: AxisCodes) -> Bool { first.description == second.description }
    public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}

extension Space {
    /// For each direction of the patient (left, posterior, superior) the index (0: column, 1: row, 2: slice) that runs along
    /// it, so that all three fit best.
    package var closestAxes: [Int] {
        let units = [columnStep, rowStep, sliceStep].map { $0 / length($0) }
        let permutations = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
        func fit(_ permutation: [Int]) -> Double { (0..<3).reduce(0) { $0 + abs(units[permutation[$1]][$1]) } }
        return permutations.max { fit($0) < fit($1) } ?? [0, 1, 2]
    }

    /// The same places with other indices: index `axis` of the new space is index `order[axis]` of this one, from its end where
    /// it is reversed.
    func permuted(_ order: [Int], reversed: [Bool]) throws(DICOMError) -> Space {
        let steps = [columnStep, rowStep, sliceStep]
        let directions = [columnDirection, rowDirection, sliceStep / sliceSpacing]
        let spacings = [columnSpacing, rowSpacing, sliceSpacing]
        let counts = [columns, rows, slices]
        var start = origin
        for (axis, index) in order.enumerated() where reversed[axis] {
            start += steps[index] * Double(counts[index] - 1)
        }
        func sign(_ axis: Int) -> Double { reversed[axis] ? -1 : 1 }
        return try Space(
            origin: start, columnDirection: directions[order[0]] * sign(0),
            rowDirection: directions[order[1]] * sign(1),
            rowSpacing: spacings[order[1]], columnSpacing: spacings[order[0]], sliceStep: steps[order[2]] * sign(2),
            columns: counts[order[0]], rows: counts[order[1]], slices: counts[order[2]],
            frameOfReferenceUID: frameOfReferenceUID, isSliceStepAssumed: isSliceStepAssumed)
    }
}

/// One of the three indices of a volume.
public enum VolumeAxis: Int, Hashable, Sendable, CaseIterable {
    case column, row, slice
}

extension Volume {
    /// The volume with its indices along other directions of the patient, the closest there are: each voxel stays where it is
    /// in the patient, nothing is interpolated.
    ///
    /// ```swift
    /// let ras = volume.reoriented(to: .ras)
    /// ```
    public func reoriented(to codes: AxisCodes) -> Volume<Scalar> {
        let closest = space.closestAxes
        let steps = [space.columnStep, space.rowStep, space.sliceStep]
        let order = codes.axes.map { closest[$0.direction] }
        let reversed = codes.axes.map { axis in (steps[closest[axis.direction]][axis.direction] >= 0) != axis.isPositive
        }
        return permuted(order, reversed: reversed)
    }

    /// The volume with one index counted from the other end: each voxel stays where it is in the patient.
    public func flipped(_ axis: VolumeAxis) -> Volume<Scalar> {
        permuted([0, 1, 2], reversed: VolumeAxis.allCases.map { $0 == axis })
    }

    /// The mirror image: what was on the one side is on the other, in the same space.
    public func mirrored(_ axis: VolumeAxis) -> Volume<Scalar> {
        let flipped = flipped(axis)
        return Volume(space: space, unit: unit, padding: flipped.padding, storage: flipped.storage)
    }

    func permuted(_ order: [Int], reversed: [Bool]) -> Volume<Scalar> {
        // A permutation of a space that is sound is sound.
        guard let target = try? space.permuted(order, reversed: reversed) else { return self }
        let strides = [1, columns, columns * rows]
        let counts = [columns, rows, slices]
        let step = (0..<3).map { strides[order[$0]] * (reversed[$0] ? -1 : 1) }
        let start = (0..<3).reduce(0) { $0 + (reversed[$1] ? strides[order[$1]] * (counts[order[$1]] - 1) : 0) }
        let result = VoxelStorage<Scalar>.allocated(count: count)
        withUnsafeBuffer { source in
            nonisolated(unsafe) let (source, output) = (source, result.buffer)
            concurrently(target.slices, work: count) { slices in
                for slice in slices {
                    for row in 0..<target.rows {
                        let line = start + slice * step[2] + row * step[1]
                        let place = (slice * target.rows + row) * target.columns
                        for column in 0..<target.columns { output[place + column] = source[line + column * step[0]] }
                    }
                }
            }
        }
        return Volume(
            space: target, unit: unit,
            padding: padding.map { mask in
                mask.rearranged(to: target) { slice, row, column in
                    let source = start + slice * step[2] + row * step[1] + column * step[0]
                    return mask[source / (rows * columns), source % (rows * columns)]
                }
            }, storage: result)
    }
}

extension PaddingMask {
    /// A mask of another shape, bit by bit.
    func rearranged(to space: Space, _ bit: (_ slice: Int, _ row: Int, _ column: Int) -> Bool) -> PaddingMask {
        var result = PaddingMask(slices: space.slices, voxelsPerSlice: space.rows * space.columns, value: value)
        for slice in 0..<space.slices {
            for row in 0..<space.rows {
                for column in 0..<space.columns where bit(slice, row, column) {
                    result[slice, row * space.columns + column] = true
                }
            }
        }
        return result
    }
}
