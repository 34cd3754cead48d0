import Glibc

/// `number` as a DS value: at most 16 characters (PS3.5 6.2), the closest that fits.
///
/// What is not finite has no decimal string and gives an empty one, which strict writing refuses where a value is needed.
package func decimalString(_ number: Double) -> String {
    guard number.isFinite else { return "" }
    if let integer = Int(exactly: number), abs(number) < 1e15 { return String(integer) }
    let shortest = "\(number)"
    if shortest.utf8.count <= 16 { return shortest }
    // The most significant digits whose text still fits: 17 suffice for every Double, 9 always fit (-1.23456789e-300).
    for precision in stride(from: 16, through: 9, by: -1) {
        let text = formatted(number, precision)
        if text.utf8.count <= 16 { return text }
    }
    return formatted(number, 8)
}

private func formatted(_ number: Double, _ precision: Int) -> String {
    var buffer = [CChar](repeating: 0, count: 40)
    let count = unsafe withVaList([precision, number]) { arguments in
        unsafe vsnprintf(&buffer, 40, "%.*g", arguments)
    }
    return String(decoding: buffer.prefix(Int(max(0, count))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
