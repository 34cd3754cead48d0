import DICOMCore
import DICOMDictionary

extension Series {
    /// The stacks of the series: slices that share orientation, matrix, pixel spacing and frame of reference, the largest
    /// stack first. A regular series has one. What fits to none of a thousand stacks is a stack of its own, which is irregular.
    public func stacks() -> [Series] {
        var groups: [[Slice]] = []
        var rest: [Slice] = []
        for slice in slices {
            if let index = groups.firstIndex(where: { Self.areParallel($0[0].geometry, slice.geometry) }) {
                groups[index].append(slice)
            } else if groups.count < GeometryTolerance.mostStacks {
                groups.append([slice])
            } else {
                rest.append(slice)
            }
        }
        if !rest.isEmpty { groups.append(rest) }
        // Swift's sort does not promise to keep the order of equals.
        let order = groups.indices.sorted {
            groups[$0].count == groups[$1].count ? $0 < $1 : groups[$0].count > groups[$1].count
        }
        return order.compactMap { try? Series(slices: groups[$0]) }
    }

    private static func areParallel(_ first: InstanceGeometry, _ second: InstanceGeometry) -> Bool {
        guard let one = first.plane, let two = second.plane, one.defect == nil, two.defect == nil else {
            return first.plane == nil && second.plane == nil
        }
        return one.hasOrientation(of: two) && one.hasMatrix(of: two) && one.hasPixelSpacing(of: two)
            && first.frameOfReferenceUID == second.frameOfReferenceUID
    }

    /// The part of the series that a volume is made of under a policy.
    func partForVolume(_ policy: GeometryPolicy) throws(DICOMError) -> Series {
        policy.takesLargestStack ? stacks().first ?? self : self
    }

    /// A volume of slices that are not at equal distances along their normal: interpolated linearly between neighbours onto
    /// slices of the usual distance, into a box.
    func resampledVolume<Scalar: VoxelScalar>(
        of type: Scalar.Type, values: PixelValues
    ) throws(DICOMError) -> Volume<Scalar> {
        let mendable: Set<GeometryFinding.Kind> = [.missingSlice, .nonUniformSpacing, .sheared]
        let refused = geometry.findings.filter { !mendable.contains($0.kind) }
        guard refused.isEmpty else {
            throw DICOMError(
                .unacceptableGeometry,
                "the series cannot be resampled to a regular stack of slices. "
                    + refused.map(\.description).joined(separator: " "))
        }
        if let space = geometry.space {
            let box = try space.boxed()
            try box.requireMemory(for: Scalar.self)
            let volume: Volume<Scalar> = try decodedVolume(space, values)
            return try volume.boxed(in: box)
        }
        return try resampledAlongNormal(values)
    }

    private func resampledAlongNormal<Scalar: VoxelScalar>(_ values: PixelValues) throws(DICOMError) -> Volume<Scalar> {
        let planes = slices.compactMap(\.geometry.plane)
        guard planes.count == slices.count, planes.count > 1, let first = planes.first else {
            throw DICOMError(.unacceptableGeometry, "the series has too few slices to be resampled")
        }
        let line = planes[planes.count - 1].position - first.position
        let extent = length(line)
        let direction = line / extent
        let places = planes.map { dot($0.position - first.position, direction) }
        let gaps = zip(places.dropFirst(), places).map { $0 - $1 }.sorted()
        let usual = gaps[gaps.count / 2]
        guard extent > 0.01, gaps[0] > 0.01, extent / usual < 100_000 else {
            throw DICOMError(.unacceptableGeometry, "the slices lie too close to each other to be resampled")
        }
        let isStraight = zip(planes, places).allSatisfy { plane, place in
            length(plane.position - (first.position + direction * place)) <= GeometryTolerance.position(step: usual)
        }
        guard isStraight else {
            throw DICOMError(
                .unacceptableGeometry, "the slices do not lie on a line, so they cannot be resampled to a regular stack"
            )
        }
        let count = max(2, Int((extent / usual).rounded()) + 1)
        let step = extent / Double(count - 1)
        let space = try Space(
            origin: first.position, columnDirection: first.columnDirection, rowDirection: first.rowDirection,
            rowSpacing: first.rowSpacing, columnSpacing: first.columnSpacing, sliceStep: direction * step,
            columns: first.columns, rows: first.rows, slices: count,
            frameOfReferenceUID: slices[0].geometry.frameOfReferenceUID)
        let box = try space.boxed()
        try box.requireMemory(for: Scalar.self)
        // The slices as they are, in a space that only has their shape.
        let stored = try Space(
            origin: first.position, columnDirection: first.columnDirection, rowDirection: first.rowDirection,
            rowSpacing: first.rowSpacing, columnSpacing: first.columnSpacing, sliceStep: direction * step,
            columns: first.columns, rows: first.rows, slices: slices.count,
            frameOfReferenceUID: slices[0].geometry.frameOfReferenceUID)
        let volume: Volume<Scalar> = try decodedVolume(stored, values)
        let regular = volume.interpolated(at: places, in: space)
        return space.isSheared ? try regular.boxed(in: box) : regular
    }
}

extension Space {
    /// The smallest box along the normal that holds all of a sheared space: the same rows and columns and as many more.
    func boxed() throws(DICOMError) -> Space {
        guard isSheared else { return self }
        let along = normal * dot(sliceStep, normal)
        let drift = sliceStep - along
        let (u, v) = (
            dot(drift, columnDirection) / columnSpacing * Double(slices - 1),
            dot(drift, rowDirection) / rowSpacing * Double(slices - 1)
        )
        guard abs(u) < 65_536, abs(v) < 65_536 else {
            throw DICOMError(.unacceptableGeometry, "the slices move sideways too far to be put into a box")
        }
        let (left, up) = (min(0, u.rounded(.down)), min(0, v.rounded(.down)))
        return try Space(
            origin: origin + columnStep * left + rowStep * up, columnDirection: columnDirection,
            rowDirection: rowDirection, rowSpacing: rowSpacing, columnSpacing: columnSpacing, sliceStep: along,
            columns: columns + Int(max(0, u.rounded(.up)) - left), rows: rows + Int(max(0, v.rounded(.up)) - up),
            slices: slices, frameOfReferenceUID: frameOfReferenceUID)
    }
}

extension Volume where Scalar: VoxelScalar {
    /// A sheared volume in the box around it. What is in the box and was not measured is padding: it has the value of the
    /// padding, or where there is none the smallest one.
    fileprivate func boxed(in box: Space) throws(DICOMError) -> Volume<Scalar> {
        guard space.isSheared else { return self }
        let outside = withUnsafeBuffer { voxels in
            let area = rows * columns
            let padded = padding == nil ? nil : voxels.indices.first { padding?[$0 / area, $0 % area] == true }
            return padded.map { voxels[$0] } ?? voxels.min() ?? 0
        }
        var result = try resampled(to: box, outside: outside)
        var mask =
            result.padding
            ?? PaddingMask(slices: box.slices, voxelsPerSlice: box.rows * box.columns, value: outside.doubleValue)
        let map = IndexMap(from: box, to: space)
        for slice in 0..<box.slices {
            for row in 0..<box.rows {
                for column in 0..<box.columns
                where !map.contains(map(SIMD3(Double(column), Double(row), Double(slice)))) {
                    mask[slice, row * box.columns + column] = true
                }
            }
        }
        result.padding = mask
        return result
    }

    /// The slices of `space` interpolated between those here, which lie at `places` along its step, ascending, in mm.
    fileprivate func interpolated(at places: [Double], in space: Space) -> Volume<Scalar> {
        let area = rows * columns
        let step = space.sliceSpacing
        var mask = padding.map {
            PaddingMask(slices: space.slices, voxelsPerSlice: area, value: $0.value)
        }
        var result = Volume(space: space, unit: unit, repeating: 0)
        withUnsafeBuffer { source in
            result.withUnsafeMutableBuffer { target in
                var upper = 1
                for slice in 0..<space.slices {
                    let place = min(Double(slice) * step, places[places.count - 1])
                    while upper < places.count - 1, places[upper] < place { upper += 1 }
                    let weight = (place - places[upper - 1]) / (places[upper] - places[upper - 1])
                    let task = BlendTask(
                        first: UnsafeRawPointer(source.baseAddress), second: UnsafeRawPointer(source.baseAddress),
                        target: UnsafeMutableRawPointer(target.baseAddress), firstOffset: (upper - 1) * area,
                        secondOffset: upper * area, targetOffset: slice * area, count: area,
                        weight: max(0, min(1, weight)))
                    perform(task, for: Scalar.scalarType)
                    for voxel in 0..<area where padding?[upper - 1, voxel] == true || padding?[upper, voxel] == true {
                        mask?[slice, voxel] = true
                    }
                }
            }
        }
        result.padding = mask?.count == 0 ? nil : mask
        return result
    }
}

/// Mixes two runs of voxels.
private struct BlendTask: ScalarTask {
    let first, second: UnsafeRawPointer?
    let target: UnsafeMutableRawPointer?
    let firstOffset, secondOffset, targetOffset, count: Int
    let weight: Double

    func run<Scalar: ComputedScalar>(_ type: Scalar.Type) {
        guard let first, let second, let target else { return }
        let a = first.assumingMemoryBound(to: Scalar.self) + firstOffset
        let b = second.assumingMemoryBound(to: Scalar.self) + secondOffset
        let output = target.assumingMemoryBound(to: Scalar.self) + targetOffset
        let weight = Scalar.Real(weight)
        for index in 0..<count {
            output[index] = Scalar(rounding: a[index].real + (b[index].real - a[index].real) * weight)
        }
    }
}
