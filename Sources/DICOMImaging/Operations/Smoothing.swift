import Glibc

/// What lies beyond the edge of a volume when it is smoothed.
public enum Boundary: Hashable, Sendable {
    /// The volume mirrored at its edge: d c b a | a b c d | d c b a.
    case reflect
    /// The outermost voxels go on.
    case nearest
    /// A value.
    case constant(Double)
}

extension Volume where Scalar: VoxelScalar {
    /// The volume convolved with a Gaussian, axis by axis.
    ///
    /// The kernel is cut off at four standard deviations and made to sum to 1, as scipy.ndimage does. Values are computed in
    /// Float for types of up to 16 bits and Float, else in Double; whole numbers are rounded. Padding does not count: a voxel's
    /// neighbours are weighted anew without it, and it stays padding. In a sheared space the axes are those of the indices.
    ///
    /// - Parameters:
    ///   - sigma: The standard deviation along the columns' index, the rows' and the slices', mm; 0 leaves an axis as it is.
    ///   - boundary: What lies beyond the edge.
    public func smoothed(sigma: SIMD3<Double>, boundary: Boundary = .reflect) -> Volume<Scalar> {
        let voxels = sigma / SIMD3(space.columnSpacing, space.rowSpacing, space.sliceSpacing)
        let kernels = [voxels.x, voxels.y, voxels.z].map(Self.kernel)
        guard let padding else { return convolved(kernels, boundary) }
        return convolvedWithout(padding, kernels, boundary)
    }

    /// The same with one standard deviation in every direction, mm.
    public func smoothed(sigma: Double, boundary: Boundary = .reflect) -> Volume<Scalar> {
        smoothed(sigma: SIMD3(repeating: sigma), boundary: boundary)
    }

    /// The same by the full width at half maximum, mm.
    public func smoothed(fullWidthHalfMaximum width: Double, boundary: Boundary = .reflect) -> Volume<Scalar> {
        smoothed(sigma: width / (8 * log(2)).squareRoot(), boundary: boundary)
    }

    /// Half of the kernel, the middle first.
    private static func kernel(_ sigma: Double) -> [Double] {
        guard sigma > 1e-6, sigma.isFinite else { return [1] }
        let radius = Int(min(4 * sigma, 1e5) + 0.5)
        let weights = (0...radius).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }
        let sum = weights[0] + 2 * weights.dropFirst().reduce(0, +)
        return weights.map { $0 / sum }
    }

    private func convolved(_ kernels: [[Double]], _ boundary: Boundary) -> Volume<Scalar> {
        let result = VoxelStorage<Scalar>.allocated(count: count)
        withUnsafeBuffer { source in
            perform(
                SmoothingTask(
                    source: UnsafeRawPointer(source.baseAddress),
                    target: UnsafeMutableRawPointer(result.buffer.baseAddress),
                    columns: columns, rows: rows, slices: slices, kernels: kernels, boundary: boundary),
                for: Scalar.scalarType)
        }
        return Volume(space: space, unit: unit, padding: padding, storage: result)
    }

    /// Values without padding and the weights of what is no padding are smoothed both; their quotient is the mean.
    private func convolvedWithout(
        _ mask: PaddingMask, _ kernels: [[Double]], _ boundary: Boundary
    ) -> Volume<Scalar> {
        let area = rows * columns
        var values = map { $0.doubleValue }
        values.padding = nil
        var weights = Volume<Double>(space: space, repeating: 1)
        for slice in 0..<slices {
            for voxel in 0..<area where mask[slice, voxel] {
                values.withUnsafeMutableBuffer { $0[slice * area + voxel] = 0 }
                weights.withUnsafeMutableBuffer { $0[slice * area + voxel] = 0 }
            }
        }
        let (sums, shares) = (values.convolved(kernels, boundary), weights.convolved(kernels, boundary))
        var result = self
        result.withUnsafeMutableBuffer { output in
            sums.withUnsafeBuffer { sums in
                shares.withUnsafeBuffer { shares in
                    for index in output.indices where shares[index] > 0 && !mask[index / area, index % area] {
                        output[index] = Scalar(nearest: sums[index] / shares[index])
                    }
                }
            }
        }
        return result
    }
}

extension VoxelScalar {
    /// The nearest value of this type, half to even.
    init(nearest value: Double) {
        switch Self.scalarType {
        case .float: self = unsafeBitCast(Float(value), to: Self.self)
        case .double: self = unsafeBitCast(value, to: Self.self)
        case .uint8: self = unsafeBitCast(UInt8(rounding: Float(value)), to: Self.self)
        case .int8: self = unsafeBitCast(Int8(rounding: Float(value)), to: Self.self)
        case .uint16: self = unsafeBitCast(UInt16(rounding: Float(value)), to: Self.self)
        case .int16: self = unsafeBitCast(Int16(rounding: Float(value)), to: Self.self)
        case .uint32: self = unsafeBitCast(UInt32(rounding: value), to: Self.self)
        case .int32: self = unsafeBitCast(Int32(rounding: value), to: Self.self)
        }
    }
}

private struct SmoothingTask: ScalarTask, @unchecked Sendable {
    let source: UnsafeRawPointer?
    let target: UnsafeMutableRawPointer?
    let columns, rows, slices: Int
    /// Of the column's index, the row's and the slice's.
    let kernels: [[Double]]
    let boundary: Boundary

    private var area: Int { rows * columns }

    func run<Scalar: ComputedScalar>(_ type: Scalar.Type) {
        guard let source, let target else { return }
        nonisolated(unsafe) let voxels = source.assumingMemoryBound(to: Scalar.self)
        nonisolated(unsafe) let output = target.assumingMemoryBound(to: Scalar.self)
        let between = VoxelStorage<Scalar.Real>.allocated(count: area * slices)
        guard let base = between.buffer.baseAddress else { return }
        nonisolated(unsafe) let middle = base
        concurrently(slices, work: area * slices) { part in
            let slice = UnsafeMutablePointer<Scalar.Real>.allocate(capacity: area)
            defer { slice.deallocate() }
            for index in part {
                alongColumns(voxels + index * area, slice)
                alongRows(slice, middle + index * area)
            }
        }
        concurrently(slices, work: area * slices) { part in
            let line = UnsafeMutablePointer<Scalar.Real>.allocate(capacity: columns)
            defer { line.deallocate() }
            for index in part {
                for row in 0..<rows {
                    blend(kernels[2], at: index, of: slices, line) { middle + $0 * area + row * columns }
                    let result = output + index * area + row * columns
                    for column in 0..<columns { result[column] = Scalar(rounding: line[column]) }
                }
            }
        }
        withExtendedLifetime(between) {}
    }

    /// Each row with its borders on both sides, then one weight after the other over the whole row.
    private func alongColumns<Scalar: ComputedScalar>(
        _ slice: UnsafePointer<Scalar>, _ target: UnsafeMutablePointer<Scalar.Real>
    ) {
        typealias Real = Scalar.Real
        let kernel = kernels[0].map { Real($0) }
        let radius = kernel.count - 1
        let extended = UnsafeMutablePointer<Real>.allocate(capacity: columns + 2 * radius)
        defer { extended.deallocate() }
        let places = (0..<columns + 2 * radius).map { place($0 - radius, columns) }
        for row in 0..<rows {
            let line = slice + row * columns
            for (index, place) in places.enumerated() { extended[index] = place.map { line[$0].real } ?? Real(outside) }
            accumulate(kernel, extended + radius, target + row * columns)
        }
    }

    @inline(__always)
    private func accumulate<Real: BinaryFloatingPoint>(
        _ kernel: [Real], _ line: UnsafeMutablePointer<Real>, _ target: UnsafeMutablePointer<Real>
    ) {
        for column in 0..<columns { target[column] = line[column] * kernel[0] }
        for offset in 1..<max(1, kernel.count) {
            let weight = kernel[offset]
            for column in 0..<columns { target[column] += (line[column - offset] + line[column + offset]) * weight }
        }
    }

    private func alongRows<Real: BinaryFloatingPoint>(
        _ slice: UnsafeMutablePointer<Real>, _ target: UnsafeMutablePointer<Real>
    ) {
        for row in 0..<rows {
            blend(kernels[1], at: row, of: rows, target + row * columns) { slice + $0 * columns }
        }
    }

    /// A row that is the weighted sum of rows before and after it.
    @inline(__always)
    private func blend<Real: BinaryFloatingPoint>(
        _ kernel: [Double], at index: Int, of count: Int, _ target: UnsafeMutablePointer<Real>,
        _ line: (Int) -> UnsafeMutablePointer<Real>
    ) {
        let middle = line(index)
        let weight = Real(kernel[0])
        for column in 0..<columns { target[column] = middle[column] * weight }
        for offset in 1..<max(1, kernel.count) {
            let weight = Real(kernel[offset])
            for side in [index - offset, index + offset] {
                if let place = place(side, count) {
                    let other = line(place)
                    for column in 0..<columns { target[column] += other[column] * weight }
                } else {
                    let constant = Real(outside) * weight
                    for column in 0..<columns { target[column] += constant }
                }
            }
        }
    }

    private var outside: Double {
        if case .constant(let value) = boundary { value } else { 0 }
    }

    /// Where an index beyond the edge is taken from; nil: it is a constant.
    private func place(_ index: Int, _ count: Int) -> Int? {
        if index >= 0, index < count { return index }
        switch boundary {
        case .constant: return nil
        case .nearest: return index < 0 ? 0 : count - 1
        case .reflect:
            let folded = ((index % (2 * count)) + 2 * count) % (2 * count)
            return folded < count ? folded : 2 * count - 1 - folded
        }
    }
}
