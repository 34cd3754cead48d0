import DICOMCore
import DICOMDictionary

/// Which fragments of encapsulated pixel data are a frame's (PS3.5 A.4).
///
/// An offset table leads to a frame without reading what lies before it. Without one, or when it is wrong, the item
/// headers are walked once, 8 bytes each.
struct FragmentIndex: Sendable {
    private let frameCount: Int
    private let isRLE: Bool
    /// Where the item of the first fragment stands; the offset tables count from here.
    private let first: Int
    /// Where the items of the frames begin, by an offset table that has not proved wrong.
    private var table: [Int]?
    private var walked: Result<Walk, DICOMError>?
    private(set) var warnings: [DICOMError] = []

    /// All fragments, and for each frame the index of its first one.
    private struct Walk: Sendable {
        var fragments: [Range<Int>] = []
        var firsts: [Int] = []
    }

    init(
        _ source: any PixelSource, header: DataSet, transferSyntax: TransferSyntax, frameCount: Int
    ) throws(DICOMError) {
        self.frameCount = frameCount
        isRLE = transferSyntax.uid == .rleLossless
        guard case .fragment(let basic) = try source.item(at: 0) else {
            throw DICOMError(
                .malformedDataSet,
                "The pixel data do not begin with an item for the basic offset table (PS3.5 A.4). The file is damaged.",
                at: [.pixelData])
        }
        first = basic.upperBound
        if let extended = header[element: Attribute.extendedOffsetTable.tag]?.bytes, !extended.isEmpty {
            adopt(extended, size: 8, source, "Extended Offset Table (7FE0,0001)")
        } else if !basic.isEmpty, basic.count / 4 != frameCount {
            // It is not read, whatever its length is.
            warn("The basic offset table does not have one entry a frame; item headers are walked instead.")
        } else if !basic.isEmpty {
            adopt(try source.read(basic)[...], size: 4, source, "basic offset table")
        }
    }

    /// Takes an offset table, if it can be one: offsets from 0 on, ascending, within the pixel data, one for each frame.
    private mutating func adopt(_ bytes: ArraySlice<UInt8>, size: Int, _ source: any PixelSource, _ name: String) {
        let room = source.length - first
        var positions: [Int] = []
        positions.reserveCapacity(bytes.count / size)
        for start in stride(from: bytes.startIndex, to: bytes.endIndex - size + 1, by: size) {
            let offset = Int(clamping: loadLittleEndian(bytes, at: start, count: size))
            guard offset <= room, positions.count < frameCount,
                positions.last.map({ first + offset > $0 }) ?? (offset == 0)
            else { break }
            positions.append(first + offset)
        }
        if positions.count == frameCount, bytes.count / size == frameCount {
            table = positions
        } else {
            warn("The \(name) is not in ascending order with one entry a frame; item headers are walked instead.")
        }
    }

    /// Where the bytes of a frame's fragments stand. `index` is below the number of frames.
    mutating func fragments(of index: Int, in source: any PixelSource) throws(DICOMError) -> [Range<Int>] {
        if let table {
            let next = index + 1 < table.count ? table[index + 1] : nil
            if let found = try Self.run(from: table[index], to: next, in: source) { return found }
            self.table = nil
            warn("The offset table does not point at items; item headers are walked instead.")
        }
        if walked == nil {
            do throws(DICOMError) { walked = .success(try walk(source)) } catch { walked = .failure(error) }
        }
        guard let walk = try walked?.get(), index < walk.firsts.count else {
            throw DICOMError(
                .truncatedDataSet,
                "The pixel data end before frame \(index), of \(frameCount) by Number of Frames. Send or copy the file again.",
                at: [.pixelData])
        }
        let end = index + 1 < walk.firsts.count ? walk.firsts[index + 1] : walk.fragments.count
        return Array(walk.fragments[walk.firsts[index]..<end])
    }

    /// The fragments of a frame from its first item up to that of the next frame, or for the last one to the end; `nil`
    /// when there are no such items.
    private static func run(
        from start: Int, to next: Int?, in source: any PixelSource
    ) throws(DICOMError) -> [Range<Int>]? {
        var found: [Range<Int>] = []
        var position = start
        while position != next {
            switch try source.item(at: position) {
            case .fragment(let range):
                if let next, range.upperBound > next { return nil }
                found.append(range)
                position = range.upperBound
            case .delimitation, .end: return next == nil && !found.isEmpty ? found : nil
            case .other: return nil
            }
        }
        return found
    }

    // MARK: - Without a table

    private mutating func walk(_ source: any PixelSource) throws(DICOMError) -> Walk {
        var walk = Walk()
        var position: Int? = first
        while let here = position {
            switch try source.item(at: here) {
            case .fragment(let range):
                walk.fragments.append(range)
                position = range.upperBound
            case .delimitation: position = nil
            case .end, .other:
                warn("No sequence delimitation follows the last fragment: the pixel data may be cut off.")
                position = nil
            }
        }
        walk.firsts = try firsts(walk.fragments, source)
        return walk
    }

    /// Which fragments begin a frame.
    private mutating func firsts(
        _ fragments: [Range<Int>], _ source: any PixelSource
    ) throws(DICOMError) -> [Int] {
        // All of them are the one frame's, or each of them is one (RLE: PS3.5 A.4.2).
        if fragments.isEmpty { return [] }
        if frameCount == 1 { return [0] }
        var firsts = Array(fragments.indices)
        if fragments.count != frameCount, !isRLE {
            firsts = []
            for (index, fragment) in fragments.enumerated() where try Self.beginsCodestream(fragment, source) {
                firsts.append(index)
            }
        }
        guard firsts.first == 0, firsts.count <= frameCount else {
            throw DICOMError(
                .malformedDataSet,
                "There is no telling which of the \(fragments.count) fragments are which of the \(frameCount) frames: there is no valid offset table, and they do not begin one image each. Decode the pixel data as a whole, as for video, or write them again with an offset table.",
                at: [.pixelData])
        }
        if firsts.count < frameCount {
            warn("There are \(firsts.count) frames in the pixel data, \(frameCount) by Number of Frames.")
        }
        return firsts
    }

    /// Whether a fragment begins with the first marker of a JPEG or JPEG-LS (SOI), JPEG 2000 (SOC, SIZ) or JPEG XL image.
    private static func beginsCodestream(
        _ fragment: Range<Int>, _ source: any PixelSource
    ) throws(DICOMError) -> Bool {
        guard fragment.count >= 4, fragment.upperBound <= source.length else { return false }
        let start = try source.read(fragment.lowerBound..<fragment.lowerBound + 4)
        return start.starts(with: [0xFF, 0xD8, 0xFF]) || start == [0xFF, 0x4F, 0xFF, 0x51]
            || start.starts(with: [0xFF, 0x0A]) || start == [0, 0, 0, 0x0C]
    }

    private mutating func warn(_ text: String) {
        warnings.append(DICOMError(.malformedDataSet, text, at: [.pixelData]))
    }
}
