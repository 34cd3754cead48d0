public import ArgumentParser
public import DICOMTesting

struct PhantomCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "phantom", abstract: "Make a synthetic series whose value at each voxel is known.",
        discussion:
            "The stored value at (slice, row, column), counted from 0, is (101 slice + 17 row + 3 column + seed) mod 4096; "
            + "CT images rescale it to HU by -1024.")

    @Argument(help: "The folder for the files.") var folder: String
    @Option(help: "CT or MR.") var modality: PhantomSeries.Modality = .ct
    @Option(help: "axial, sagittal, coronal or oblique.") var orientation: PhantomSeries.Orientation = .axial
    @Option(help: "How many slices.") var slices = 20
    @Option(help: "How many rows.") var rows = 64
    @Option(help: "How many columns.") var columns = 48
    @Option(help: "The distance between rows, mm.") var rowSpacing = 0.9
    @Option(help: "The distance between columns, mm.") var columnSpacing = 0.7
    @Option(help: "The distance between slices, mm.") var sliceSpacing = 2.5
    @Option(help: "The Patient ID.") var patientID = "PHANTOM-1"
    @Option(help: "The patient's name.") var patientName = "Phantom^One"
    @Option(help: "Another number makes another study.") var seed = 1
    @Flag(help: "Instance numbers and file names do not follow the position.") var shuffled = false

    func run() throws {
        let phantom = try PhantomSeries(
            modality: modality, orientation: orientation, slices: slices, rows: rows, columns: columns,
            rowSpacing: rowSpacing, columnSpacing: columnSpacing, sliceSpacing: sliceSpacing, patientID: patientID,
            patientName: patientName, seed: seed, shufflesInstanceNumbers: shuffled)
        let paths = try phantom.write(to: folder)
        print("\(paths.count) files in '\(folder)'")
    }
}

extension PhantomSeries.Modality: ExpressibleByArgument {}
extension PhantomSeries.Orientation: ExpressibleByArgument {}
