import DICOMCore
import DICOMDictionary
import DICOMImaging

/// What is looked at: a volume, or frames that have no place in a patient, one behind the other.
struct ImageStack: Sendable {
    private enum Voxels: Sendable {
        case gray(Volume<Float>)
        case color(Volume<RGBVoxel>)
    }

    private let voxels: Voxels
    /// Why axial, coronal and sagittal planes cannot be shown; nil when they can.
    let lacksPlanes: String?
    /// The view that the images recommend, or all values; nil for colours.
    let display: DisplayTransform?
    /// One line that says what it is, without data of the patient.
    let title: String

    var space: Space {
        switch voxels {
        case .gray(let volume): volume.space
        case .color(let volume): volume.space
        }
    }

    init(_ series: Series, policy: GeometryPolicy) throws {
        do throws(DICOMError) {
            try self.init(volumeOf: series, policy)
        } catch {
            guard error.code == .unacceptableGeometry || error.code == .unsupportedPixelData else { throw error }
            try self.init(framesOf: series, error.message)
        }
    }

    private init(volumeOf series: Series, _ policy: GeometryPolicy) throws(DICOMError) {
        let format = try PixelFormat(dataSet: series.header)
        if format.samplesPerPixel > 1 || format.photometricInterpretation == .paletteColor {
            voxels = .color(try series.colorVolume(policy: policy))
            display = nil
        } else {
            let isRepeated = series.geometry.findings.contains { $0.kind == .duplicatePosition }
            let volume =
                isRepeated
                ? try series.volumeSequence(of: Float.self, policy: policy)[0]
                : try series.volume(of: Float.self, policy: policy)
            voxels = .gray(volume)
            display = try Self.display(series, volume)
        }
        lacksPlanes = nil
        title = Self.title(series)
    }

    /// The frames as they are stored, for images without geometry: at distances of one millimetre where none is stated.
    private init(framesOf series: Series, _ reason: String) throws(DICOMError) {
        let spacing = series.header[.pixelSpacing] ?? series.header[.imagerPixelSpacing] ?? [1, 1]
        let isSound = spacing.count == 2 && spacing.allSatisfy { $0 > 0 && $0 < 1e6 }
        let pixels = try Self.frames(of: series)
        let format = pixels[0].pixels.format
        let space = try Space(
            origin: .zero, columnDirection: SIMD3(1, 0, 0), rowDirection: SIMD3(0, 1, 0),
            rowSpacing: isSound ? spacing[0] : 1, columnSpacing: isSound ? spacing[1] : 1, sliceStep: SIMD3(0, 0, 1),
            columns: format.columns, rows: format.rows, slices: pixels.count)
        let area = format.rows * format.columns
        if format.samplesPerPixel > 1 || format.photometricInterpretation == .paletteColor {
            voxels = .color(
                try Volume<RGBVoxel>(space: space) { target throws(DICOMError) in
                    for (index, item) in pixels.enumerated() {
                        for (pixel, color) in try item.pixels.colors(item.frame).enumerated() {
                            target[index * area + pixel] = color
                        }
                    }
                })
            display = nil
        } else {
            let volume = try Volume<Float>(space: space) { target throws(DICOMError) in
                for (index, item) in pixels.enumerated() {
                    for (pixel, value) in try item.pixels.values(item.frame, of: Float.self).enumerated() {
                        target[index * area + pixel] = value
                    }
                }
            }
            voxels = .gray(volume)
            display = try Self.display(series, volume)
        }
        lacksPlanes = reason
        title = Self.title(series)
    }

    /// All frames of the size of the first.
    private static func frames(of series: Series) throws(DICOMError) -> [(pixels: PixelData, frame: Int)] {
        var result: [(PixelData, Int)] = []
        for instance in series.instances {
            let pixels = try instance.pixelData()
            if let first = result.first?.0.format, first != pixels.format { continue }
            guard result.count + pixels.frameCount <= 65_536 else {
                throw DICOMError(.unsupportedPixelData, "there are more than 65,536 frames to be shown")
            }
            for frame in 0..<pixels.frameCount { result.append((pixels, frame)) }
        }
        return result
    }

    private static func display(_ series: Series, _ volume: Volume<Float>) throws(DICOMError) -> DisplayTransform {
        let attributes = series.slices[series.slices.count / 2].attributes
        if let stated = try DisplayTransform(dataSet: attributes) { return stated }
        let isInverted = attributes[.photometricInterpretation] == PhotometricInterpretation.monochrome1.rawValue
        return DisplayTransform(showing: volume.valueRange ?? 0...1, isInverted: isInverted)
    }

    private static func title(_ series: Series) -> String {
        let number = series.header[.seriesNumber].map { "series \($0), " } ?? ""
        return "\(series.header[.modality] ?? "image"), \(number)\(series.slices.count) slices"
    }

    // MARK: - Pictures

    /// A window over all values, to begin with where a VOI LUT is recommended instead of one.
    var wholeWindow: (center: Double, width: Double) {
        guard case .gray(let volume) = voxels, let range = volume.valueRange else { return (0, 1) }
        return ((range.lowerBound + range.upperBound) / 2, max(1e-6, range.upperBound - range.lowerBound))
    }

    /// How many slices a plane has.
    func count(_ plane: Plane) -> Int { PlaneView(plane, of: space).deep.count }

    /// One slice, or the maximum intensity projection, as a picture.
    ///
    /// - Parameter slice: Nil: the projection.
    func picture(_ plane: Plane, slice: Int?, _ transform: DisplayTransform?, atMost longest: Int) throws -> Picture {
        let view = PlaneView(plane, of: space)
        switch voxels {
        case .color(let volume):
            guard let slice else { throw Failure("Colours have no maximum intensity projection; choose a --slice.") }
            return Picture(view.slice(slice, of: volume), atMost: longest, samples: 3) { color, shades in
                shades += [Float(color.red), Float(color.green), Float(color.blue)]
            }
        case .gray(let volume):
            let raster = slice.map { view.slice($0, of: volume) } ?? view.maximumIntensityProjection(of: volume)
            let transform = transform ?? display
            return Picture(raster, atMost: longest, samples: 1) { value, shades in
                shades.append(Float((transform?.brightness(of: Double(value)) ?? 0) * 255))
            }
        }
    }
}
