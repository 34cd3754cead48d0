/// The loops of ``Volume/resampled(to:interpolation:outside:)``.
struct ResamplingTask: ScalarTask, @unchecked Sendable {
    let source: UnsafeRawPointer?
    let target: UnsafeMutableRawPointer?
    let from: Space
    let to: Space
    let map: IndexMap
    let interpolation: Interpolation
    let outside: Double

    func run<Scalar: ComputedScalar>(_ type: Scalar.Type) {
        guard let source, let target else { return }
        let voxels = source.assumingMemoryBound(to: Scalar.self)
        let result = target.assumingMemoryBound(to: Scalar.self)
        let fill = Scalar(rounding: Scalar.Real(outside))
        switch interpolation {
        case .linear where map.isAligned: aligned(voxels, result, fill)
        case .linear: oblique(voxels, result, fill)
        case .nearest: nearest(voxels, result, fill)
        case .cubic:
            cubic(Array(UnsafeBufferPointer(start: voxels, count: from.voxelCount)).map(\.real), result, fill)
        }
    }

    // MARK: - Axes that run alike

    /// Where the indices of one axis lie between those of the other; outside of it, nowhere.
    private struct AxisTable<Real: BinaryFloatingPoint & Sendable>: Sendable {
        var lower: [Int] = []
        /// One more, but for a single voxel.
        var upper: [Int] = []
        var weight: [Real] = []
        /// The indices that lie within the other axis: one run of them.
        var inside: Range<Int>

        init(start: Double, step: Double, count: Int, size: Int) {
            var first: Int?
            var end = 0
            for index in 0..<count {
                let place = start + step * Double(index)
                let bounded = max(0, min(Double(size - 1), place))
                let base = min(Int(bounded), max(0, size - 2))
                lower.append(base)
                upper.append(min(base + 1, size - 1))
                weight.append(Real(bounded - Double(base)))
                guard place >= -0.5 - 1e-9, place <= Double(size) - 0.5 + 1e-9 else { continue }
                first = first ?? index
                end = index + 1
            }
            inside = (first ?? 0)..<(first == nil ? 0 : end)
        }
    }

    /// Four rows are blended into one, which the compiler vectorises, and that is interpolated along its columns.
    private func aligned<Scalar: ComputedScalar>(
        _ source: UnsafePointer<Scalar>, _ target: UnsafeMutablePointer<Scalar>, _ fill: Scalar
    ) {
        typealias Real = Scalar.Real
        let x = AxisTable<Real>(start: map.origin.x, step: map.column.x, count: to.columns, size: from.columns)
        let y = AxisTable<Real>(start: map.origin.y, step: map.row.y, count: to.rows, size: from.rows)
        let z = AxisTable<Real>(start: map.origin.z, step: map.slice.z, count: to.slices, size: from.slices)
        nonisolated(unsafe) let (source, target) = (source, target)
        concurrently(to.slices, work: to.voxelCount) { slices in
            let row = UnsafeMutablePointer<Real>.allocate(capacity: from.columns)
            defer { row.deallocate() }
            for slice in slices {
                for line in 0..<to.rows {
                    let output = target + (slice * to.rows + line) * to.columns
                    guard z.inside.contains(slice), y.inside.contains(line), !x.inside.isEmpty else {
                        output.update(repeating: fill, count: to.columns)
                        continue
                    }
                    let (v, w) = (y.weight[line], z.weight[slice])
                    let (top, bottom) = (z.lower[slice] * from.rows, z.upper[slice] * from.rows)
                    blend(
                        source + (top + y.lower[line]) * from.columns, source + (top + y.upper[line]) * from.columns,
                        source + (bottom + y.lower[line]) * from.columns,
                        source + (bottom + y.upper[line]) * from.columns, v, w, from.columns, row)
                    interpolate(row, x, output, fill)
                }
            }
        }
    }

    @inline(__always)
    private func blend<Scalar: ComputedScalar>(
        _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ c: UnsafePointer<Scalar>, _ d: UnsafePointer<Scalar>,
        _ v: Scalar.Real, _ w: Scalar.Real, _ count: Int, _ row: UnsafeMutablePointer<Scalar.Real>
    ) {
        let (wa, wb, wc, wd) = ((1 - v) * (1 - w), v * (1 - w), (1 - v) * w, v * w)
        for index in 0..<count {
            row[index] = a[index].real * wa + b[index].real * wb + c[index].real * wc + d[index].real * wd
        }
    }

    @inline(__always)
    private func interpolate<Scalar: ComputedScalar>(
        _ row: UnsafeMutablePointer<Scalar.Real>, _ x: AxisTable<Scalar.Real>, _ output: UnsafeMutablePointer<Scalar>,
        _ fill: Scalar
    ) {
        output.update(repeating: fill, count: x.inside.lowerBound)
        (output + x.inside.upperBound).update(repeating: fill, count: to.columns - x.inside.upperBound)
        x.lower.withUnsafeBufferPointer { lower in
            x.upper.withUnsafeBufferPointer { upper in
                x.weight.withUnsafeBufferPointer { weight in
                    for column in x.inside {
                        let (a, b) = (row[lower[column]], row[upper[column]])
                        output[column] = Scalar(rounding: a + (b - a) * weight[column])
                    }
                }
            }
        }
    }

    // MARK: - Any direction

    /// The columns of a row for which `start + column × step` lies in every axis's range; rounding may misjudge the ends by
    /// one, so they are looked at one by one.
    private func run(
        _ start: SIMD3<Double>, _ count: Int, low: SIMD3<Double>, high: SIMD3<Double>
    ) -> Range<Int> {
        var (first, last) = (0.0, Double(count - 1))
        for axis in 0..<3 {
            let step = map.column[axis]
            if step == 0 {
                if start[axis] < low[axis] || start[axis] > high[axis] { return 0..<0 }
                continue
            }
            let (one, two) = ((low[axis] - start[axis]) / step, (high[axis] - start[axis]) / step)
            first = max(first, min(one, two))
            last = min(last, max(one, two))
        }
        guard first <= last else { return 0..<0 }
        let (lower, upper) = (Int(first.rounded(.up)), Int(last.rounded(.down)))
        return lower <= upper ? lower..<upper + 1 : 0..<0
    }

    private func oblique<Scalar: ComputedScalar>(
        _ source: UnsafePointer<Scalar>, _ target: UnsafeMutablePointer<Scalar>, _ fill: Scalar
    ) {
        nonisolated(unsafe) let (source, target) = (source, target)
        let edge = SIMD3(repeating: 1e-6)
        // Fixed-point numbers reach so far.
        let isFine = max(abs(map.column.x), abs(map.column.y), abs(map.column.z)) < 1e6 && map.last.max() < 1e9
        concurrently(to.slices, work: to.voxelCount) { slices in
            for slice in slices {
                for line in 0..<to.rows {
                    let output = target + (slice * to.rows + line) * to.columns
                    let start = map.origin + map.row * Double(line) + map.slice * Double(slice)
                    // Where all eight neighbours exist, nothing has to be checked.
                    let inner = isFine ? run(start, to.columns, low: edge, high: map.last - edge) : 0..<0
                    for column in 0..<inner.lowerBound { output[column] = careful(source, start, column, fill) }
                    fast(source, start, inner, output)
                    for column in inner.upperBound..<to.columns {
                        output[column] = careful(source, start, column, fill)
                    }
                }
            }
        }
    }

    @inline(__always)
    private func fast<Scalar: ComputedScalar>(
        _ source: UnsafePointer<Scalar>, _ start: SIMD3<Double>, _ columns: Range<Int>,
        _ output: UnsafeMutablePointer<Scalar>
    ) {
        typealias Real = Scalar.Real
        let (rowStride, sliceStride) = (from.columns, from.columns * from.rows)
        // Places as 64-bit numbers of which the lower 32 are the fraction: a step is an addition, the index a shift.
        let first = start + map.column * Double(columns.lowerBound)
        var (px, py, pz) = (Self.fixed(first.x), Self.fixed(first.y), Self.fixed(first.z))
        let (dx, dy, dz) = (Self.fixed(map.column.x), Self.fixed(map.column.y), Self.fixed(map.column.z))
        let unit = Real(1) / 4_294_967_296
        for column in columns {
            let (ix, iy, iz) = (px >> 32, py >> 32, pz >> 32)
            let (x, y, z) = (
                Real(px & 0xFFFF_FFFF) * unit, Real(py & 0xFFFF_FFFF) * unit, Real(pz & 0xFFFF_FFFF) * unit
            )
            (px, py, pz) = (px &+ dx, py &+ dy, pz &+ dz)
            let base = source + (iz &* sliceStride &+ iy &* rowStride &+ ix)
            let upper = base + sliceStride
            let (a, b) = (base[0].real, base[rowStride].real)
            let (c, d) = (upper[0].real, upper[rowStride].real)
            let e = a + (base[1].real - a) * x
            let f = b + (base[rowStride &+ 1].real - b) * x
            let g = c + (upper[1].real - c) * x
            let h = d + (upper[rowStride &+ 1].real - d) * x
            let top = e + (f - e) * y
            output[column] = Scalar(rounding: top + ((g + (h - g) * y) - top) * z)
        }
    }

    private static func fixed(_ place: Double) -> Int { Int((place * 4_294_967_296).rounded()) }

    /// One voxel near the edge, or outside.
    private func careful<Scalar: ComputedScalar>(
        _ source: UnsafePointer<Scalar>, _ start: SIMD3<Double>, _ column: Int, _ fill: Scalar
    ) -> Scalar {
        typealias Real = Scalar.Real
        let place = start + map.column * Double(column)
        guard map.contains(place) else { return fill }
        let bounded = pointwiseMax(SIMD3(repeating: 0), pointwiseMin(map.last, place))
        let low = SIMD3(Int(bounded.x), Int(bounded.y), Int(bounded.z))
        let high = SIMD3(
            min(low.x + 1, from.columns - 1), min(low.y + 1, from.rows - 1), min(low.z + 1, from.slices - 1))
        func at(_ x: Int, _ y: Int, _ z: Int) -> Real { source[(z * from.rows + y) * from.columns + x].real }
        func mix(_ a: Real, _ b: Real, _ weight: Real) -> Real { a + (b - a) * weight }
        let (x, y, z) = (
            Real(bounded.x - Double(low.x)), Real(bounded.y - Double(low.y)), Real(bounded.z - Double(low.z))
        )
        let top = mix(
            mix(at(low.x, low.y, low.z), at(high.x, low.y, low.z), x),
            mix(at(low.x, high.y, low.z), at(high.x, high.y, low.z), x), y)
        let bottom = mix(
            mix(at(low.x, low.y, high.z), at(high.x, low.y, high.z), x),
            mix(at(low.x, high.y, high.z), at(high.x, high.y, high.z), x), y)
        return Scalar(rounding: mix(top, bottom, z))
    }

    private func nearest<Scalar: ComputedScalar>(
        _ source: UnsafePointer<Scalar>, _ target: UnsafeMutablePointer<Scalar>, _ fill: Scalar
    ) {
        nonisolated(unsafe) let (source, target) = (source, target)
        concurrently(to.slices, work: to.voxelCount) { slices in
            for slice in slices {
                for line in 0..<to.rows {
                    let output = target + (slice * to.rows + line) * to.columns
                    let start = map.origin + map.row * Double(line) + map.slice * Double(slice)
                    for column in 0..<to.columns {
                        let place = start + map.column * Double(column)
                        guard map.contains(place) else {
                            output[column] = fill
                            continue
                        }
                        // Half-way goes up, as SimpleITK rounds; the sum is positive, so Int rounds down.
                        let x = min(from.columns - 1, Int(max(0, place.x) + 0.5))
                        let y = min(from.rows - 1, Int(max(0, place.y) + 0.5))
                        let z = min(from.slices - 1, Int(max(0, place.z) + 0.5))
                        output[column] = source[(z * from.rows + y) * from.columns + x]
                    }
                }
            }
        }
    }

    // MARK: - Cubic B-splines

    private func cubic<Scalar: ComputedScalar>(
        _ values: [Scalar.Real], _ target: UnsafeMutablePointer<Scalar>, _ fill: Scalar
    ) {
        let coefficients = SplineCoefficients(
            values, columns: from.columns, rows: from.rows, slices: from.slices)
        nonisolated(unsafe) let target = target
        concurrently(to.slices, work: to.voxelCount) { slices in
            for slice in slices {
                for line in 0..<to.rows {
                    let output = target + (slice * to.rows + line) * to.columns
                    let start = map.origin + map.row * Double(line) + map.slice * Double(slice)
                    for column in 0..<to.columns {
                        let place = start + map.column * Double(column)
                        guard map.contains(place) else {
                            output[column] = fill
                            continue
                        }
                        let bounded = pointwiseMax(SIMD3(repeating: 0), pointwiseMin(map.last, place))
                        output[column] = Scalar(rounding: coefficients.value(at: bounded))
                    }
                }
            }
        }
    }
}

/// The coefficients of the cubic B-splines that go through the voxels, mirrored at the outermost ones.
private struct SplineCoefficients<Real: BinaryFloatingPoint & Sendable>: Sendable {
    private var values: [Real]
    private let sizes: [Int]

    init(_ values: [Real], columns: Int, rows: Int, slices: Int) {
        self.values = values
        sizes = [columns, rows, slices]
        for axis in 0..<3 where sizes[axis] > 1 { filter(axis) }
    }

    /// The recursive filter of the spline's inverse along every line of an axis (pole √3 − 2), in Double.
    private mutating func filter(_ axis: Int) {
        let step = axis == 0 ? 1 : axis == 1 ? sizes[0] : sizes[0] * sizes[1]
        let size = sizes[axis]
        let pole = 3.0.squareRoot() - 2
        var line = [Double](repeating: 0, count: size)
        for start in values.indices where start / step % size == 0 {
            for index in 0..<size { line[index] = Double(values[start + index * step]) * 6 }
            line[0] = Self.first(line, pole)
            for index in 1..<size { line[index] += pole * line[index - 1] }
            line[size - 1] = (pole / (pole * pole - 1)) * (line[size - 1] + pole * line[size - 2])
            for index in (0..<size - 1).reversed() { line[index] = pole * (line[index + 1] - line[index]) }
            for index in 0..<size { values[start + index * step] = Real(line[index]) }
        }
    }

    /// The sum over the mirrored line, to the end of its period.
    private static func first(_ line: [Double], _ pole: Double) -> Double {
        let size = line.count
        var power = pole
        let turn = exponentiate(pole, size - 1)
        var sum = line[0] + turn * line[size - 1]
        var back = turn * turn / pole
        for index in 1..<max(1, size - 1) {
            sum += (power + back) * line[index]
            power *= pole
            back /= pole
        }
        return sum / (1 - turn * turn)
    }

    private static func exponentiate(_ base: Double, _ exponent: Int) -> Double {
        (0..<exponent).reduce(1) { product, _ in product * base }
    }

    @inline(__always)
    func value(at place: SIMD3<Double>) -> Real {
        let (x, y, z) = (Support(place.x, sizes[0]), Support(place.y, sizes[1]), Support(place.z, sizes[2]))
        return values.withUnsafeBufferPointer { values in
            var sum: Real = 0
            for k in 0..<4 {
                var plane: Real = 0
                for j in 0..<4 {
                    let row = (z.indices[k] * sizes[1] + y.indices[j]) * sizes[0]
                    let line =
                        values[row + x.indices[0]] * x.weights[0] + values[row + x.indices[1]] * x.weights[1]
                        + values[row + x.indices[2]] * x.weights[2] + values[row + x.indices[3]] * x.weights[3]
                    plane += line * y.weights[j]
                }
                sum += plane * z.weights[k]
            }
            return sum
        }
    }

    /// The four coefficients that a place on an axis depends on, and how much.
    private struct Support {
        let indices: SIMD4<Int>
        let weights: InlineArray<4, Real>

        @inline(__always)
        init(_ place: Double, _ size: Int) {
            let base = Int(place)
            let t = place - Double(base)
            func mirrored(_ index: Int) -> Int {
                guard size > 1 else { return 0 }
                let period = 2 * (size - 1)
                let folded = ((index % period) + period) % period
                return folded < size ? folded : period - folded
            }
            indices = SIMD4(mirrored(base - 1), mirrored(base), mirrored(base + 1), mirrored(base + 2))
            guard size > 1 else {
                weights = [0, 1, 0, 0]
                return
            }
            let s = 1 - t
            weights = [
                Real(s * s * s / 6), Real(2.0 / 3 - t * t * (2 - t) / 2), Real(2.0 / 3 - s * s * (2 - s) / 2),
                Real(t * t * t / 6),
            ]
        }
    }
}
