import DICOMCore
import Glibc

/// The value of pixel data, in a file or in memory. Positions count from its first byte.
protocol PixelSource: Sendable {
    var length: Int { get }
    /// The bytes of a range within the source; the caller has checked that it is.
    func bytes(_ range: Range<Int>) throws(DICOMError) -> [UInt8]
    /// Lends the bytes of a range within the source, read into `buffer` where they are not in memory already.
    func lend(
        _ range: Range<Int>, buffer: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) throws(DICOMError) -> Void
    ) throws(DICOMError)
    /// What stands at a position of encapsulated pixel data, which may be any.
    func item(at position: Int) throws(DICOMError) -> PixelItem
}

/// What stands at a position of encapsulated pixel data (PS3.5 A.4).
enum PixelItem {
    /// An item with these bytes, which may go on beyond the end of a file that is cut off.
    case fragment(Range<Int>)
    case delimitation
    /// The source ends here.
    case end
    case other
}

extension PixelSource {
    /// The bytes of a range.
    ///
    /// - Throws: ``DICOMError`` when the source ends before the range does; nothing is allocated then.
    func read(_ range: Range<Int>) throws(DICOMError) -> [UInt8] {
        let bytes = range.lowerBound >= 0 && range.upperBound <= length ? try bytes(range) : []
        guard bytes.count == range.count else { throw truncated(range) }
        return bytes
    }

    func truncated(_ range: Range<Int>) -> DICOMError {
        DICOMError(
            .truncatedDataSet,
            "The frame goes on to byte \(range.upperBound) of the pixel data, which have \(length): the file is incomplete, or Rows, Columns, Bits Allocated or Number of Frames are wrong. Send or copy it again.",
            at: [.pixelData])
    }

    func lend(
        _ range: Range<Int>, buffer: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) throws(DICOMError) -> Void
    ) throws(DICOMError) {
        try unsafe Self.lend(try read(range)[...], body)
    }

    /// Typed throws through a closure of the standard library.
    static func lend(
        _ bytes: ArraySlice<UInt8>, _ body: (UnsafeRawBufferPointer) throws(DICOMError) -> Void
    ) throws(DICOMError) {
        let failure: DICOMError? = unsafe bytes.withUnsafeBytes { source in
            do throws(DICOMError) { unsafe try body(source) } catch { return error }
            return nil
        }
        if let failure { throw failure }
    }
}

/// Pixel data in a file.
///
/// It is read with `pread` at the place that is wanted, not mapped: a file that is truncated while it is mapped would end
/// the process with SIGBUS.
final class FilePixels: PixelSource {
    private let file: PosixFile
    private let start: Int
    let length: Int

    /// The bytes of a value, or all that follows where its length is undefined.
    init(_ location: DICOMFile.PixelDataLocation) throws(DICOMError) {
        file = try PosixFile(location.path, O_RDONLY)
        start = location.offset
        let rest = max(0, try file.size() - start)
        length = min(location.length ?? rest, rest)
    }

    func bytes(_ range: Range<Int>) throws(DICOMError) -> [UInt8] {
        try file.read(at: start + range.lowerBound, count: range.count)
    }

    func lend(
        _ range: Range<Int>, buffer: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) throws(DICOMError) -> Void
    ) throws(DICOMError) {
        guard range.lowerBound >= 0, range.upperBound <= length else { throw truncated(range) }
        guard range.count <= buffer.count else { return try unsafe Self.lend(try read(range)[...], body) }
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<range.count])
        guard try unsafe file.read(into: target, at: start + range.lowerBound) == range.count else {
            throw truncated(range)
        }
        unsafe try body(UnsafeRawBufferPointer(target))
    }

    func item(at position: Int) throws(DICOMError) -> PixelItem {
        guard position >= 0, position < length, length - position >= 8 else { return .end }
        let header = try read(position..<position + 8)[...]
        let tag = DICOMTag(
            UInt16(truncatingIfNeeded: loadLittleEndian(header, at: 0, count: 2)),
            UInt16(truncatingIfNeeded: loadLittleEndian(header, at: 2, count: 2)))
        if tag == .sequenceDelimitation { return .delimitation }
        let count = Int(loadLittleEndian(header, at: 4, count: 4))
        guard tag == .item, count != 0xFFFF_FFFF else { return .other }
        return .fragment(position + 8..<position + 8 + count)
    }
}

/// Native pixel data in memory.
struct NativePixels: PixelSource {
    let value: ArraySlice<UInt8>

    var length: Int { value.count }
    func bytes(_ range: Range<Int>) -> [UInt8] { Array(value.dropFirst(range.lowerBound).prefix(range.count)) }
    func item(at position: Int) -> PixelItem { .other }

    func lend(
        _ range: Range<Int>, buffer: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) throws(DICOMError) -> Void
    ) throws(DICOMError) {
        guard range.lowerBound >= 0, range.upperBound <= length else { throw truncated(range) }
        try unsafe Self.lend(value.dropFirst(range.lowerBound).prefix(range.count), body)
    }
}

/// Encapsulated pixel data in memory, at the positions where they would be written.
struct FragmentPixels: PixelSource {
    private let fragments: [ArraySlice<UInt8>]
    /// Where the items begin.
    private var starts: [Int] = []
    private(set) var length = 0

    /// - Parameter fragments: The basic offset table, then the fragments.
    init(_ fragments: [ArraySlice<UInt8>]) {
        self.fragments = fragments
        for fragment in fragments {
            starts.append(length)
            length += 8 + fragment.count + fragment.count & 1
        }
    }

    /// - Parameter range: Of bytes of one fragment.
    func bytes(_ range: Range<Int>) -> [UInt8] {
        guard let index = lastItem(notAfter: range.lowerBound - 8) else { return [] }
        let bytes = fragments[index].dropFirst(range.lowerBound - 8 - starts[index]).prefix(range.count)
        // A fragment of odd length is written with a padding byte, which reading from a file gives too.
        return bytes.count == range.count - 1 ? bytes + [0] : Array(bytes)
    }

    func lend(
        _ range: Range<Int>, buffer: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) throws(DICOMError) -> Void
    ) throws(DICOMError) {
        guard let index = lastItem(notAfter: range.lowerBound - 8), range.lowerBound - 8 == starts[index],
            fragments[index].count == range.count
        else { return try unsafe Self.lend(try read(range)[...], body) }
        try unsafe Self.lend(fragments[index], body)
    }

    func item(at position: Int) -> PixelItem {
        if position == length { return .delimitation }
        guard let index = lastItem(notAfter: position), starts[index] == position else { return .other }
        let count = fragments[index].count
        return .fragment(position + 8..<position + 8 + count + count & 1)
    }

    private func lastItem(notAfter position: Int) -> Int? {
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= position { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? low - 1 : nil
    }
}
