public import DICOMCore
import DICOMDictionary

/// Decodes one native frame into colours of 8 bits for each component.
///
/// YBR is converted by the inverse of PS3.3 C.7.6.3.1.2 (ITU-R BT.601, full range), rounded: R = Y + 1.402 Cr,
/// G = Y − 0.344136 Cb − 0.714136 Cr, B = Y + 1.772 Cb, where 128 is taken from the chrominances before.
/// Components of more than 8 bits lose their lower bits.
struct ColorDecoder {
    let palette: ColorPalette?

    /// - Throws: ``DICOMError`` with the code `invalidPixelDescription` when a palette is needed and damaged or absent.
    init(dataSet: DataSet, format: PixelFormat) throws(DICOMError) {
        palette = format.photometricInterpretation == .paletteColor ? try ColorPalette(dataSet: dataSet) : nil
    }

    /// - Throws: ``DICOMError`` with the code `unsupportedPixelData` for what is no colour.
    func decode(
        _ source: UnsafeRawBufferPointer, _ format: PixelFormat, into target: UnsafeMutableBufferPointer<RGBVoxel>
    ) throws(DICOMError) {
        precondition(source.count >= format.frameLength && target.count == format.rows * format.columns)
        if let palette, format.samplesPerPixel == 1 {
            switch (format.bitsAllocated, format.sampleType) {
            case (8, .unsigned): palette.apply(Samples<UInt8>(source, format), target)
            case (16, .unsigned): palette.apply(Samples<UInt16>(source, format), target)
            default:
                throw DICOMError(
                    .unsupportedPixelData, "palette colours are numbered by 8 or 16 unsigned bits",
                    at: [Attribute<Int>.bitsAllocated.tag])
            }
            return
        }
        guard format.samplesPerPixel == 3, [8, 16].contains(format.bitsAllocated), !format.isSigned else {
            throw DICOMError(
                .unsupportedPixelData,
                "an image of \(format.samplesPerPixel) samples of \(format.bitsAllocated) bits for each pixel "
                    + "(\(format.photometricInterpretation)) is not shown in colours")
        }
        if format.bitsAllocated == 8 {
            gather(Samples<UInt8>(source, format), format, target)
        } else {
            gather(Samples<UInt16>(source, format), format, target)
        }
        try convert(target, from: format.photometricInterpretation)
    }

    /// Brings the components of each pixel together, and to 8 bits.
    private func gather<Stored: UnsignedInteger>(
        _ samples: Samples<Stored>, _ format: PixelFormat, _ target: UnsafeMutableBufferPointer<RGBVoxel>
    ) {
        let (step, offset) = format.isPlanar ? (1, target.count) : (3, 1)
        let shift = Stored(truncatingIfNeeded: max(0, format.bitsStored - 8))
        for pixel in target.indices {
            let place = pixel * step
            target[pixel] = RGBVoxel(
                red: UInt8(truncatingIfNeeded: samples[place] &>> shift),
                green: UInt8(truncatingIfNeeded: samples[place + offset] &>> shift),
                blue: UInt8(truncatingIfNeeded: samples[place + 2 * offset] &>> shift))
        }
    }

    private func convert(
        _ pixels: UnsafeMutableBufferPointer<RGBVoxel>, from photometric: PhotometricInterpretation
    ) throws(DICOMError) {
        switch photometric {
        case .rgb, .ybrICT, .ybrRCT: return
        case .ybrFull, .ybrFull422:
            for index in pixels.indices {
                let pixel = pixels[index]
                // In units of 1 / 65536, and half of one more to round.
                let y = Int32(pixel.red) &<< 16 &+ 32_768
                let (cb, cr) = (Int32(pixel.green) &- 128, Int32(pixel.blue) &- 128)
                func byte(_ value: Int32) -> UInt8 { UInt8(truncatingIfNeeded: max(0, min(255, value &>> 16))) }
                pixels[index] = RGBVoxel(
                    red: byte(y &+ 91_881 &* cr), green: byte(y &- 22_553 &* cb &- 46_802 &* cr),
                    blue: byte(y &+ 116_130 &* cb))
            }
        default:
            throw DICOMError(
                .unsupportedPixelData, "colours in \(photometric) are not converted to red, green and blue",
                at: [Attribute<String>.photometricInterpretation.tag])
        }
    }
}

/// The colours of PALETTE COLOR images: Red, Green and Blue Palette Color Lookup Tables, whole or in segments
/// (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6, C.7.9.2).
public struct ColorPalette: Sendable {
    private let firstMapped: Int
    private let colors: [RGBVoxel]

    /// - Throws: ``DICOMError`` with the code `invalidPixelDescription` when a table is absent or damaged.
    public init(dataSet: DataSet) throws(DICOMError) {
        let red = try Self.table(
            dataSet, .redPaletteColorLookupTableDescriptor, Attribute.redPaletteColorLookupTableData.tag,
            Attribute.segmentedRedPaletteColorLookupTableData.tag)
        let green = try Self.table(
            dataSet, .greenPaletteColorLookupTableDescriptor, Attribute.greenPaletteColorLookupTableData.tag,
            Attribute.segmentedGreenPaletteColorLookupTableData.tag)
        let blue = try Self.table(
            dataSet, .bluePaletteColorLookupTableDescriptor, Attribute.bluePaletteColorLookupTableData.tag,
            Attribute.segmentedBluePaletteColorLookupTableData.tag)
        firstMapped = red.firstMapped
        let count = min(red.entries.count, green.entries.count, blue.entries.count)
        // Tables that say 16 bits and use 8 are common.
        let isNarrow = [red, green, blue].allSatisfy { $0.range.upperBound < 256 }
        func byte(_ table: LookupTable, _ index: Int) -> UInt8 {
            let entry = table.entries[index]
            return UInt8(truncatingIfNeeded: isNarrow ? entry : entry >> UInt16(max(0, table.bits - 8)))
        }
        colors = (0..<count).map { RGBVoxel(red: byte(red, $0), green: byte(green, $0), blue: byte(blue, $0)) }
    }

    /// The colour of a stored value.
    public subscript(stored: Int) -> RGBVoxel {
        let (place, overflow) = stored.subtractingReportingOverflow(firstMapped)
        return colors[overflow ? 0 : max(0, min(colors.count - 1, place))]
    }

    func apply<Stored>(_ samples: Samples<Stored>, _ target: UnsafeMutableBufferPointer<RGBVoxel>) {
        for index in 0..<samples.count { target[index] = self[Int(samples[index])] }
    }

    private static func table(
        _ dataSet: DataSet, _ descriptor: Attribute<[Int]>, _ data: DICOMTag, _ segmented: DICOMTag
    ) throws(DICOMError) -> LookupTable {
        let description = dataSet[element: descriptor.tag]?.bytes
        guard dataSet[element: data] == nil, let segments = dataSet[element: segmented]?.bytes else {
            return try LookupTable(
                descriptor: description, data: dataSet[element: data]?.bytes, isInputSigned: false, at: [descriptor.tag]
            )
        }
        let (count, first, bits) = try LookupTable.descriptor(description, isInputSigned: false, at: [descriptor.tag])
        var expansion = SegmentExpansion(segments, isWide: bits > 8, limit: count)
        return LookupTable(firstMapped: first, entries: try expansion.expand(at: [segmented]), bits: bits)
    }
}

/// Segmented lookup tables: discrete, linear and indirect segments (PS3.3 C.7.9.2).
private struct SegmentExpansion {
    private let words: [UInt16]
    private let isWide: Bool
    private let limit: Int
    private var entries: [UInt16] = []

    init(_ bytes: ArraySlice<UInt8>, isWide: Bool, limit: Int) {
        self.isWide = isWide
        self.limit = limit
        let bytes = Array(bytes)
        words =
            isWide
            ? (0..<bytes.count / 2).map { UInt16(bytes[2 * $0]) | UInt16(bytes[2 * $0 + 1]) << 8 }
            : bytes.map { UInt16($0) }
    }

    mutating func expand(at path: [DICOMTag]) throws(DICOMError) -> [UInt16] {
        var position = 0
        // A padding byte may follow the last segment.
        while position + 1 < words.count, entries.count < limit {
            guard let next = segment(at: position, isNested: false) else {
                throw DICOMError(
                    .invalidPixelDescription, "the segments of the palette are damaged at word \(position)", at: path)
            }
            position = next
        }
        guard !entries.isEmpty else {
            throw DICOMError(.invalidPixelDescription, "the segmented palette is empty", at: path)
        }
        return entries
    }

    /// Expands the segment at a word; returns where the next one begins, or nil when it is damaged.
    private mutating func segment(at start: Int, isNested: Bool) -> Int? {
        guard start + 1 < words.count else { return nil }
        let length = Int(words[start + 1])
        // Each segment gives an entry, so that the expansion ends.
        guard length > 0 else { return nil }
        switch words[start] {
        case 0:
            guard start + 2 + length <= words.count else { return nil }
            entries += words[start + 2..<start + 2 + length].prefix(limit - entries.count)
            return start + 2 + length
        case 1:
            guard let last = entries.last, start + 2 < words.count else { return nil }
            let (from, to) = (Double(last), Double(words[start + 2]))
            for step in 1...length where entries.count < limit {
                let value = from + (to - from) * Double(step) / Double(length)
                entries.append(UInt16(value.rounded(.toNearestOrEven)))
            }
            return start + 3
        case 2:
            // The offset, of 32 bits, counts bytes from the first segment; a copied segment may not copy others.
            let size = isWide ? 2 : 4
            guard !isNested, start + 1 + size < words.count else { return nil }
            let offset = words[start + 2..<start + 2 + size].reversed().reduce(0) { $0 << (isWide ? 16 : 8) | Int($1) }
            var position = isWide ? offset / 2 : offset
            for _ in 0..<length where entries.count < limit {
                guard let next = segment(at: position, isNested: true) else { return nil }
                position = next
            }
            return start + 2 + size
        default: return nil
        }
    }
}
