public import DICOMCore

extension NumPyArray {
    /// The frames of an image, as pydicom and NumPy shape them: frames × rows × columns × samples, without the frames where
    /// there is one, and without the samples where there is one.
    ///
    /// - Parameter values: Stored values in the type that they are stored in, one bit as a byte; or those of the modality, as
    ///   Float. Colours have stored values only, red, green and blue where the image is RGB.
    /// - Throws: ``DICOMError`` as ``PixelData/frames()``.
    public init(_ pixels: PixelData, values: PixelValues = .modality) throws(DICOMError) {
        let format = pixels.format
        let type: ElementType =
            values == .modality && format.samplesPerPixel == 1 ? .float : ElementType(format.unpacked.cell)
        let (count, overflow) = (format.sampleCount * type.size).multipliedReportingOverflow(by: pixels.frameCount)
        guard !overflow, count <= PhysicalMemory.size else {
            throw DICOMError(.missingPixelData, "there is no memory for \(pixels.frameCount) frames")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        let attributes = ImageFrames(header: pixels.header)
        for index in 0..<pixels.frameCount {
            let frame = try pixels.frame(index).interleaved()
            let decoder = FrameDecoder(
                format: frame.format,
                transform: type == .float && values == .modality
                    ? try ModalityTransform(dataSet: attributes.attributes(of: index), format: format) : .identity)
            let task = AppendTask(decoder: decoder, frame: frame.bytes)
            switch type {
            case .uint8, .bool: bytes += try task.values(of: UInt8.self)
            case .int8: bytes += try task.values(of: Int8.self)
            case .uint16: bytes += try task.values(of: UInt16.self)
            case .int16: bytes += try task.values(of: Int16.self)
            case .uint32, .uint64: bytes += try task.values(of: UInt32.self)
            case .int32, .int64: bytes += try task.values(of: Int32.self)
            case .float: bytes += try task.values(of: Float.self)
            case .double: bytes += try task.values(of: Double.self)
            }
        }
        var shape = [format.rows, format.columns]
        if pixels.frameCount > 1 { shape.insert(pixels.frameCount, at: 0) }
        if format.samplesPerPixel > 1 { shape.append(format.samplesPerPixel) }
        self.init(shape: shape, type: type, bytes: bytes)
    }

    /// The voxels of all volumes: volumes × slices × rows × columns.
    public init<Scalar: VoxelScalar>(_ sequence: VolumeSequence<Scalar>) {
        let arrays = sequence.volumes.map { NumPyArray($0) }
        self.init(
            shape: [sequence.count] + arrays[0].shape, type: arrays[0].type, bytes: Array(arrays.map(\.bytes).joined()))
    }
}

/// The values of a frame as bytes.
private struct AppendTask {
    let decoder: FrameDecoder
    let frame: [UInt8]

    func values<Scalar: VoxelScalar>(of type: Scalar.Type) throws(DICOMError) -> [UInt8] {
        var failure: DICOMError?
        let size = MemoryLayout<Scalar>.stride
        let bytes = [UInt8](unsafeUninitializedCapacity: decoder.format.sampleCount * size) { buffer, count in
            frame.withUnsafeBytes { source in
                let target = UnsafeMutableRawBufferPointer(buffer).bindMemory(to: Scalar.self)
                do throws(DICOMError) {
                    try decoder.decode(
                        source, into: UnsafeMutableBufferPointer(rebasing: target[..<decoder.format.sampleCount]))
                    count = decoder.format.sampleCount * size
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
        return bytes
    }
}
