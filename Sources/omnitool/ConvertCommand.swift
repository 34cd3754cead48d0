import ArgumentParser
import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging

struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Write images as NumPy, NIfTI or PNG files, or as DICOM in another transfer syntax.",
        discussion: """
            What is written follows from the output's name:
              .npy           frames × rows × columns × samples of a file; slices × rows × columns of a folder's series, before
                             them the volumes where there are several
              .nii, .nii.gz  the series as NIfTI; several volumes (time points, b-values) become the fourth dimension
              .png           a picture; of several frames or slices, numbered ones: NAME-0001.png, …
              anything else  DICOM: a file, or of a folder a folder of files

            Numbers are those of the modality (HU, Bq/ml), as 32-bit floats, with --stored the stored ones in their type. \
            A folder with several series needs --series; `omnitool geometry FOLDER` numbers them.

            DICOM is decoded and encoded as --transfer-syntax asks: uncompressed, RLELossless, JPEGLSLossless, \
            JPEG2000Lossless, DeflatedImageFrameCompression and others. Values and the order of elements stay; group lengths \
            outside of the meta group are left out, as they would be wrong.
            """)

    @Argument(help: "A DICOM file, or a folder of them.") var input: String
    @Argument(help: "The file to be written; for DICOM a folder where the input is one.") var output: String
    @Option(
        name: [.customLong("transfer-syntax"), .customShort("t")],
        help: ArgumentHelp(
            "The transfer syntax by UID or name, such as JPEG2000Lossless; that of the input by default.",
            valueName: "name|UID"))
    var transferSyntax: String?
    @Flag(help: "Stored values, not those of the modality.") var stored = false
    @Option(help: "Which of the folder's series, counted from 1.") var series: Int?
    @Option(help: ArgumentHelp("What to do with irregular slices: \(PolicyArgument.all).")) var policy =
        PolicyArgument.reject

    func validate() throws {
        if let transferSyntax, TransferSyntax(named: transferSyntax) == nil {
            throw ValidationError(
                "'\(transferSyntax)' is no transfer syntax: give a UID, or a name such as ImplicitVRLittleEndian, "
                    + "ExplicitVRLittleEndian, RLELossless, JPEGLSLossless or JPEG2000Lossless.")
        }
        if OutputKind(output) != .dicom, transferSyntax != nil {
            throw ValidationError("--transfer-syntax is for DICOM files, and '\(output)' is to be none.")
        }
    }

    func run() throws {
        guard FileSystem.exists(input) else { throw Failure("'\(input)' does not exist.") }
        switch OutputKind(output) {
        case .dicom: try convertToDICOM()
        case .numPy: try numPyArray().write(to: output)
        case .nifti: try niftiImage().write(to: output)
        case .png: try writePictures()
        }
    }

    private var values: PixelValues { stored ? .stored : .modality }

    // MARK: - Arrays

    private func numPyArray() throws -> NumPyArray {
        guard FileSystem.isDirectory(input) else { return try NumPyArray(PixelData(path: input), values: values) }
        let series = try ImageInput.series(in: input, number: series)
        if try ImageInput.isColor(series) { return NumPyArray(try series.colorVolume(policy: policy.policy)) }
        return try ImageInput.withScalar(
            of: series, values, ToNumPy(series: series, policy: policy.policy, values: values))
    }

    private func niftiImage() throws -> NIfTIImage {
        let series = try ImageInput.series(in: input, number: series)
        if try ImageInput.isColor(series) { return NIfTIImage(try series.colorVolume(policy: policy.policy)) }
        return try ImageInput.withScalar(
            of: series, values, ToNIfTI(series: series, policy: policy.policy, values: values))
    }

    // MARK: - Pictures

    private func writePictures() throws {
        let pixels: [(PixelData, Int)]
        if FileSystem.isDirectory(input) {
            pixels = try ImageInput.series(in: input, number: series).slices.map { ($0.instance, $0.index) }
                .map { (try $0.pixelData(), $1) }
        } else {
            let image = try PixelData(path: input)
            pixels = (0..<image.frameCount).map { (image, $0) }
        }
        for (number, (image, frame)) in pixels.enumerated() {
            let path = pixels.count == 1 ? output : "\(output.dropLast(4))-\(fourDigits(number + 1)).png"
            try FileSystem.write([try ImageInput.png(image, frame, stored: stored)[...]], to: path)
        }
        if pixels.count > 1 { print("\(pixels.count) pictures") }
    }

    private func fourDigits(_ number: Int) -> String {
        String(repeating: "0", count: max(0, 4 - "\(number)".count)) + "\(number)"
    }

    // MARK: - DICOM

    private func convertToDICOM() throws {
        guard FileSystem.isDirectory(input) else { return try convert(input, to: output) }
        let base = input.hasSuffix("/") ? String(input.dropLast()) : input
        var failed = 0
        for path in try FileSystem.files(below: [base]) {
            let target = output + path.dropFirst(base.count)
            do {
                try FileSystem.createFolder(FileSystem.folder(of: target))
                try convert(path, to: target)
            } catch let error as DICOMError where error.code == .notPart10 {
                report("'\(path)' is skipped: it is no DICOM file.")
            } catch {
                failed += 1
                report("'\(path)' was not converted: \(error)")
            }
        }
        if failed > 0 { throw ExitCode(1) }
    }

    private func convert(_ source: String, to target: String) throws {
        let file = try DICOMFile.read(source)
        for warning in file.warnings { report("'\(source)': \(warning)") }
        if file.meta[.mediaStorageSOPClassUID] == .mediaStorageDirectoryStorage {
            report(
                "'\(source)' is a DICOMDIR: the byte offsets in it do not hold for the new file. Make it anew instead.")
        }
        let syntax = transferSyntax.flatMap { TransferSyntax(named: $0) } ?? file.transferSyntax
        try file.transcoded(to: syntax).write(to: target)
    }
}

/// What a file's name says that is written into it.
private enum OutputKind {
    case dicom, numPy, nifti, png

    init(_ path: String) {
        let name = path.lowercased()
        self =
            name.hasSuffix(".npy")
            ? .numPy
            : name.hasSuffix(".nii") || name.hasSuffix(".nii.gz") ? .nifti : name.hasSuffix(".png") ? .png : .dicom
    }
}

private struct ToNumPy: ScalarBody {
    let series: Series
    let policy: GeometryPolicy
    let values: PixelValues

    func call<Scalar: VoxelScalar>(_ type: Scalar.Type) throws -> NumPyArray {
        let sequence = try ImageInput.volumes(of: type, series, policy, values)
        return sequence.count == 1 ? NumPyArray(sequence[0]) : NumPyArray(sequence)
    }
}

private struct ToNIfTI: ScalarBody {
    let series: Series
    let policy: GeometryPolicy
    let values: PixelValues

    func call<Scalar: VoxelScalar>(_ type: Scalar.Type) throws -> NIfTIImage {
        let sequence = try ImageInput.volumes(of: type, series, policy, values)
        let version = max(sequence.space.columns, sequence.space.rows, sequence.space.slices) > 32_767 ? 2 : 1
        guard sequence.count > 1 else { return NIfTIImage(sequence[0], version: version) }
        return NIfTIImage(sequence, timeStep: ImageInput.timeStep(series, sequence.keys), version: version)
    }
}
