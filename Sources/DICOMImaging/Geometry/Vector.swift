/// The scalar product of two vectors.
func dot(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> Double {
    (a * b).sum()
}

/// The vector product of two vectors.
func cross(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> SIMD3<Double> {
    SIMD3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
}

/// The Euclidean length of a vector.
func length(_ a: SIMD3<Double>) -> Double {
    dot(a, a).squareRoot()
}

extension SIMD3<Double> {
    var isFinite: Bool {
        x.isFinite && y.isFinite && z.isFinite
    }
}
