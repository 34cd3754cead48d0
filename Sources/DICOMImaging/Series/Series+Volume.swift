import DICOMCoding
public import DICOMCore
import DICOMDictionary
import Dispatch
import Glibc
import Synchronization

extension Series {
    /// The voxels of the series after rescaling, in one contiguous block.
    ///
    /// Slice by slice, each file is read into one reused buffer and decoded straight into the volume's memory, by two
    /// threads where there is enough to do. Each instance is rescaled by its own slope and intercept. Integer voxel types
    /// get exact values or an error, never rounded ones. The call blocks: keep it off event loops.
    ///
    /// - Parameter policy: Which geometric irregularities are accepted.
    /// - Throws: ``DICOMError``: `unacceptableGeometry`, `invalidPixelDescription`, `unsupportedPixelData`,
    ///   `missingPixelData`, `valueOutOfRange`, `mismatchedVolumes` for instances of different units, or that of a file.
    public func volume<Scalar: VoxelScalar>(
        of type: Scalar.Type = Scalar.self, policy: GeometryPolicy = .reject
    ) throws(DICOMError) -> Volume<Scalar> {
        let space = try geometry.space(acceptedBy: policy)
        let slices = try describeSlices(space)
        let unit = try commonUnit()
        guard let storage = VoxelStorage<Scalar>(count: space.voxelCount) else {
            throw DICOMError(
                .missingPixelData, "there is no memory for \(space.voxelCount) voxels of type \(Scalar.self)")
        }
        let mask = try SliceDecoding(slices: slices, space: space).decode(into: storage)
        return Volume(space: space, unit: unit, padding: mask, storage: storage)
    }

    /// Checks, before any memory is taken, that every slice can be decoded and has the bytes it needs.
    private func describeSlices(_ space: Space) throws(DICOMError) -> [SliceSource] {
        var slices: [SliceSource] = []
        slices.reserveCapacity(instances.count)
        for instance in instances {
            do throws(DICOMError) {
                slices.append(try SliceSource(instance))
            } catch {
                throw DICOMError(
                    error.code, "\(capitalised(instance.geometry.name)): \(error.message)", at: error.tagPath)
            }
        }
        return slices
    }

    private func commonUnit() throws(DICOMError) -> VoxelUnit? {
        let units = Set(instances.map { VoxelUnit(dataSet: $0.header) })
        guard units.count <= 1 else {
            let names = units.map { $0?.rawValue ?? "no unit" }.sorted()
            throw DICOMError(
                .mismatchedVolumes, "the instances have different units (\(enumerated(names))) and make no volume")
        }
        return units.first ?? nil
    }
}

/// One slice that is to be decoded: checked, so that only reading its file can still fail.
struct SliceSource: Sendable {
    let name: String
    let decoder: FrameDecoder
    let padding: PixelPadding?
    let pixels: Series.Instance.Pixels

    init(_ instance: Series.Instance) throws(DICOMError) {
        name = instance.geometry.name
        let format = try PixelFormat(dataSet: instance.header)
        try Self.refuseUnsupported(instance.header, format)
        decoder = FrameDecoder(format: format, transform: try ModalityTransform(dataSet: instance.header, format: format))
        padding = PixelPadding(dataSet: instance.header, format: format)
        pixels = instance.pixels
        guard !instance.transferSyntax.isEncapsulated else {
            throw DICOMError(
                .unsupportedPixelData,
                "pixel data in \(instance.transferSyntax) are compressed; this release decodes native ones only, "
                    + "a later release adds codecs")
        }
        guard instance.transferSyntax.isLittleEndian else {
            throw DICOMError(
                .unsupportedPixelData,
                "pixel data in the retired \(instance.transferSyntax) are not decoded by this release")
        }
        let available: Int
        switch pixels {
        case .absent: throw DICOMError(.missingPixelData, "the instance has no pixel data")
        case .encapsulated: throw DICOMError(.unsupportedPixelData, "the pixel data are compressed")
        case .memory(let bytes): available = bytes.count
        case .file(_, _, let length): available = length
        }
        guard available >= format.frameLength else {
            throw DICOMError(
                .missingPixelData,
                "\(format.rows) × \(format.columns) samples need \(format.frameLength) bytes, but Pixel Data has "
                    + "\(available)")
        }
    }

    private static func refuseUnsupported(_ header: DataSet, _ format: PixelFormat) throws(DICOMError) {
        func refuse(_ what: String) -> DICOMError {
            DICOMError(
                .unsupportedPixelData,
                "\(what) is not decoded by this release, only native single-sample images; a later release adds it")
        }
        if let frames = header[.numberOfFrames], frames != 1 { throw refuse("a multi-frame image (\(frames) frames)") }
        if !format.photometricInterpretation.rawValue.hasPrefix("MONOCHROME") {
            throw refuse("the photometric interpretation \(format.photometricInterpretation)")
        }
        guard [8, 16].contains(format.bitsAllocated) else { throw refuse("an image of \(format.bitsAllocated) bits") }
        if let tables = header[.modalityLUTSequence], !tables.isEmpty {
            throw refuse("a Modality LUT Sequence, which maps the values by a table,")
        }
    }

    /// Lends the stored bytes, read into `buffer` where they are in a file.
    func withBytes(
        buffer: UnsafeMutableRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws(DICOMError) -> Void
    ) throws(DICOMError) {
        switch pixels {
        case .absent, .encapsulated:
            throw DICOMError(.missingPixelData, "\(name) has no native pixel data")
        case .memory(let bytes):
            let failure: DICOMError? = bytes.withUnsafeBytes { source in
                do throws(DICOMError) { try body(source) } catch { return error }
                return nil
            }
            if let failure { throw failure }
        case .file(let path, let offset, _):
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<decoder.format.frameLength])
            let count = try PosixFile(path, O_RDONLY).read(into: target, at: offset)
            guard count == target.count else {
                throw DICOMError(
                    .missingPixelData, "the file of \(name) ends within its pixel data; receive it again")
            }
            try body(UnsafeRawBufferPointer(target))
        }
    }
}

/// The decoding of all slices into one block of memory.
private struct SliceDecoding {
    let slices: [SliceSource]
    let space: Space

    private var area: Int { space.rows * space.columns }
    /// Below this many bytes a second thread costs more than it saves.
    private var isWorthTwoThreads: Bool { slices.count > 1 && space.voxelCount > 1 << 20 }

    func decode<Scalar: VoxelScalar>(into storage: VoxelStorage<Scalar>) throws(DICOMError) -> PaddingMask? {
        var mask = emptyMask()
        let failure = Mutex<DICOMError?>(nil)
        let workers = isWorthTwoThreads ? min(2, max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))) : 1
        mask.withWords { words in
            // Each worker writes to slices, and to mask words, that no other worker touches.
            nonisolated(unsafe) let words = words
            let run: @Sendable (Int) -> Void = { worker in
                do throws(DICOMError) {
                    try decode(every: workers, from: worker, into: storage.buffer, words: words)
                } catch {
                    failure.withLock { $0 = $0 ?? error }
                }
            }
            if workers == 1 { run(0) } else { DispatchQueue.concurrentPerform(iterations: workers, execute: run) }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        guard let mask, mask.count > 0 else { return nil }
        return mask
    }

    private func emptyMask() -> PaddingMask? {
        guard let first = slices.first(where: { $0.padding != nil }), let padding = first.padding else { return nil }
        let rescale = first.decoder.transform.rescale
        return PaddingMask(
            slices: slices.count, voxelsPerSlice: area,
            value: padding.range.lowerBound * rescale.slope + rescale.intercept)
    }

    private func decode<Scalar: VoxelScalar>(
        every step: Int, from first: Int, into voxels: UnsafeMutableBufferPointer<Scalar>,
        words: UnsafeMutableBufferPointer<UInt64>?
    ) throws(DICOMError) {
        let largest = slices.map(\.decoder.format.frameLength).max() ?? 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: largest, alignment: 64)
        defer { buffer.deallocate() }
        for index in stride(from: first, to: slices.count, by: step) {
            let slice = slices[index]
            let target = UnsafeMutableBufferPointer(rebasing: voxels[index * area..<(index + 1) * area])
            try slice.withBytes(buffer: buffer) { source throws(DICOMError) in
                do throws(DICOMError) {
                    try slice.decoder.decode(source, into: target)
                } catch {
                    throw DICOMError(error.code, "\(capitalised(slice.name)): \(error.message)")
                }
                if let words, let padding = slice.padding {
                    let count = (area + 63) / 64
                    let own = UnsafeMutableBufferPointer(rebasing: words[index * count..<(index + 1) * count])
                    slice.decoder.markPadding(padding, in: source, words: own)
                }
            }
        }
    }
}

extension PaddingMask? {
    /// Lends the bits for writing; nil where there is no mask.
    fileprivate mutating func withWords(_ body: (UnsafeMutableBufferPointer<UInt64>?) -> Void) {
        guard self != nil else { return body(nil) }
        self?.words.withUnsafeMutableBufferPointer { body($0) }
    }
}
