import ArgumentParser
import DICOMCodecPNG
import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging

/// A geometry policy by its name.
enum PolicyArgument: String, CaseIterable, ExpressibleByArgument {
    case reject
    case sheared
    case resample
    case largestStack = "largest-stack"

    static var all: String { allCases.map(\.rawValue).joined(separator: ", ") }

    var policy: GeometryPolicy {
        switch self {
        case .reject: .reject
        case .sheared: .acceptSheared
        case .resample: .resample
        case .largestStack: .largestStack
        }
    }
}

/// What is done with volumes of a type that is found out as the program runs.
protocol ScalarBody {
    associatedtype Result
    func call<Scalar: VoxelScalar>(_ type: Scalar.Type) throws -> Result
}

/// What the commands for images read.
enum ImageInput {
    /// The series of a file or a folder.
    ///
    /// - Parameter number: Which of several, from 1.
    static func series(in path: String, number: Int? = nil) throws -> Series {
        guard FileSystem.isDirectory(path) else { return try Series([Series.Instance(path: path)]) }
        let (series, skipped) = try Series.found(in: [path])
        guard !series.isEmpty else {
            throw Failure("There is no image below '\(path)' (\(skipped.count) other files).")
        }
        if let number {
            guard series.indices.contains(number - 1) else {
                throw Failure("There is no series \(number) below '\(path)': there are \(series.count).")
            }
            return series[number - 1]
        }
        guard series.count == 1 else {
            throw Failure(
                "There are \(series.count) series below '\(path)': choose one with --series; `omnitool geometry` lists them."
            )
        }
        return series[0]
    }

    static func isColor(_ series: Series) throws -> Bool {
        let format = try PixelFormat(dataSet: series.header)
        return format.samplesPerPixel > 1 || format.photometricInterpretation == .paletteColor
    }

    /// The volumes of a series: one, or those of its time points, gates, b-values or echoes.
    static func volumes<Scalar: VoxelScalar>(
        of type: Scalar.Type, _ series: Series, _ policy: GeometryPolicy, _ values: PixelValues
    ) throws -> VolumeSequence<Scalar> {
        let isRepeated = series.geometry.findings.contains { $0.kind == .duplicatePosition }
        if isRepeated { return try series.volumeSequence(of: type, policy: policy, values: values) }
        let volume = try series.volume(of: type, policy: policy, values: values)
        return try VolumeSequence(keys: [], values: [[]], volumes: [volume])
    }

    /// Calls with the type that holds the values: Float for those of the modality, else the stored one of all slices.
    static func withScalar<Body: ScalarBody>(
        of series: Series, _ values: PixelValues, _ body: Body
    ) throws -> Body.Result {
        guard values == .stored else { return try body.call(Float.self) }
        let format = try series.slices[0].instance.pixelData().format
        switch (format.sampleType, format.bitsAllocated) {
        case (.float, _): return try body.call(Float.self)
        case (.double, _): return try body.call(Double.self)
        case (.unsigned, ...8): return try body.call(UInt8.self)
        case (.signed, ...8): return try body.call(Int8.self)
        case (.unsigned, 16): return try body.call(UInt16.self)
        case (.signed, 16): return try body.call(Int16.self)
        case (.unsigned, _): return try body.call(UInt32.self)
        case (.signed, _): return try body.call(Int32.self)
        }
    }

    /// Between the volumes of a series, s; 0 where they are no time points.
    static func timeStep(_ series: Series, _ keys: [SequenceKey]) -> Double {
        guard
            keys.contains(where: { [.temporalPosition, .acquisitionTime, .contentTime, .instanceOrder].contains($0) }),
            series.header[.modality] == "MR"
        else { return 0 }
        return (series.header[.repetitionTime] ?? 0) / 1000
    }

    /// A frame as a PNG image: as it is shown, or its stored values.
    static func png(_ pixels: PixelData, _ frame: Int, stored: Bool) throws -> [UInt8] {
        let format = pixels.format
        if format.samplesPerPixel > 1 || format.photometricInterpretation == .paletteColor && !stored {
            let colors = try pixels.colors(frame)
            return try PNG.encode(
                rgb: colors.flatMap { [$0.red, $0.green, $0.blue] }, rows: format.rows, columns: format.columns)
        }
        guard stored else {
            return try PNG.encode(gray: try pixels.gray8(frame), rows: format.rows, columns: format.columns)
        }
        guard format.sampleType == .unsigned, format.bitsAllocated <= 16 else {
            throw Failure(
                "A PNG picture holds whole numbers from 0 to 65,535; write stored values of this image as .npy.")
        }
        if format.bitsAllocated <= 8 {
            return try PNG.encode(
                gray: try pixels.storedValues(frame, of: UInt8.self), rows: format.rows, columns: format.columns)
        }
        return try PNG.encode(
            gray: try pixels.storedValues(frame, of: UInt16.self), rows: format.rows, columns: format.columns)
    }
}
