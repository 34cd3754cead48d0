public import DICOMCore
import DICOMDictionary

extension PixelData {
    /// The stored values of a frame: rows × columns × samples.
    ///
    /// ```swift
    /// let stored = try pixels.storedValues(of: UInt16.self)
    /// ```
    ///
    /// - Throws: ``DICOMError``: what ``frame(_:)`` throws; `valueOutOfRange` when the type cannot hold a value exactly.
    public func storedValues<Scalar: VoxelScalar>(
        _ frame: Int = 0, of type: Scalar.Type = Scalar.self
    ) throws(DICOMError) -> [Scalar] {
        try values(frame, of: type, by: .identity)
    }

    /// The modality's values of a frame, such as HU: rows × columns × samples.
    ///
    /// - Parameter transform: From stored values to those of the modality; nil takes that of the data set's top level, which
    ///   enhanced multi-frame images do not have (it is in their functional groups).
    /// - Throws: ``DICOMError``: what ``frame(_:)`` throws; `valueOutOfRange` when the type cannot hold a value exactly;
    ///   `invalidPixelDescription` for a damaged transform.
    public func values<Scalar: VoxelScalar>(
        _ frame: Int = 0, of type: Scalar.Type = Scalar.self, by transform: ModalityTransform? = nil
    ) throws(DICOMError) -> [Scalar] {
        let transform = if let transform { transform } else { try ModalityTransform(dataSet: header, format: format) }
        let frame = try self.frame(frame).interleaved()
        let decoder = FrameDecoder(format: frame.format, transform: transform)
        return try filled(frame.format.sampleCount) { (target: UnsafeMutableBufferPointer<Scalar>) throws(DICOMError) in
            try frame.withBytes { (bytes) throws(DICOMError) in try decoder.decode(bytes, into: target) }
        }
    }

    /// The colours of a frame of an RGB, PALETTE COLOR or YBR image: rows × columns.
    ///
    /// - Throws: ``DICOMError``: what ``frame(_:)`` throws; `unsupportedPixelData` for what is no colour;
    ///   `invalidPixelDescription` for a damaged palette.
    public func colors(_ frame: Int = 0) throws(DICOMError) -> [RGBVoxel] {
        let decoder = try ColorDecoder(dataSet: header, format: format)
        let frame = try self.frame(frame)
        return try filled(format.rows * format.columns) {
            (target: UnsafeMutableBufferPointer<RGBVoxel>) throws(DICOMError) in
            try frame.withBytes { (bytes) throws(DICOMError) in try decoder.decode(bytes, frame.format, into: target) }
        }
    }

    /// A monochrome frame as it is shown: rows × columns grey levels, 0 is black.
    ///
    /// - Parameter transform: Nil takes the first view that the data set recommends, else all values from the smallest to
    ///   the largest, padding left out.
    /// - Throws: What ``values(_:of:by:)`` throws; `unsupportedPixelData` for colours.
    public func gray8(_ frame: Int = 0, by transform: DisplayTransform? = nil) throws(DICOMError) -> [UInt8] {
        guard format.samplesPerPixel == 1 else {
            throw DICOMError(
                .unsupportedPixelData, "an image of three samples for each pixel has colours, no grey levels")
        }
        let modality = try ModalityTransform(dataSet: header, format: format)
        let recommended = if let transform { transform } else { try DisplayTransform(dataSet: header) }
        let padding = PixelPadding(dataSet: header, format: format).map { padding in
            let ends = (modality(padding.range.lowerBound), modality(padding.range.upperBound))
            return min(ends.0, ends.1)...max(ends.0, ends.1)
        }
        let values = try self.values(frame, of: Double.self, by: modality)
        return values.withUnsafeBufferPointer { values in
            let transform =
                recommended ?? DisplayTransform(fitting: values, without: padding, isInverted: format.isInverted)
            return transform?.gray8(values) ?? [UInt8](repeating: 0, count: values.count)
        }
    }

    /// Smallest to Largest Image Pixel Value, stored values (PS3.3 C.7.6.3.1); nil where they are absent or impossible.
    ///
    /// They are US or SS by Pixel Representation, which files get wrong: the 16 bits are taken as they are. They are what
    /// the data set says: the pixels may be others.
    public var declaredRange: ClosedRange<Int>? {
        let ends = [DICOMTag(0x0028, 0x0106), DICOMTag(0x0028, 0x0107)].map { tag -> Int? in
            header.int(tag).map {
                format.isSigned ? Int(Int16(truncatingIfNeeded: $0)) : Int(UInt16(truncatingIfNeeded: $0))
            }
        }
        guard format.sampleType == .signed || format.sampleType == .unsigned, let low = ends[0], let high = ends[1],
            low <= high, format.storedRange.contains(low), format.storedRange.contains(high)
        else { return nil }
        return low...high
    }
}

extension DecodedFrame {
    /// Lends the bytes; typed throws through a closure of the standard library.
    func withBytes(_ body: (UnsafeRawBufferPointer) throws(DICOMError) -> Void) throws(DICOMError) {
        let failure: DICOMError? = bytes.withUnsafeBytes { bytes in
            do throws(DICOMError) { try body(bytes) } catch { return error }
            return nil
        }
        if let failure { throw failure }
    }
}

/// An array whose elements are all written by `body`.
private func filled<Element>(
    _ count: Int, _ body: (UnsafeMutableBufferPointer<Element>) throws(DICOMError) -> Void
) throws(DICOMError) -> [Element] {
    var failure: DICOMError?
    let array = [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
        do throws(DICOMError) {
            try body(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initialized = count
        } catch { failure = error }
    }
    if let failure { throw failure }
    return array
}
