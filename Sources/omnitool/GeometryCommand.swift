import ArgumentParser
import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging

struct GeometryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "geometry", abstract: "Show the series in a folder and where their voxels are.",
        discussion: """
            For each series: modality and number, matrix (columns × rows × slices), spacing, orientation (where the indices \
            grow to: L or R, P or A, S or I), the affine map from indices to millimetres (LPS), and every irregularity in a \
            sentence. The exit status is 1 when a series is no regular stack of slices.
            """)

    @Argument(help: "A folder, or files.") var paths: [String]

    func run() throws {
        for path in paths where !FileSystem.exists(path) { throw Failure("'\(path)' does not exist.") }
        let (series, skipped) = try Series.found(in: paths)
        for (path, reason) in skipped {
            report("'\(path)' is skipped: \(reason.code == .notPart10 ? "it is no DICOM file." : reason.message)")
        }
        guard !series.isEmpty else { throw Failure("There is no image.") }
        var output = StandardOutput()
        var irregular = 0
        for (index, one) in series.enumerated() {
            if !one.geometry.isUniform { irregular += 1 }
            output.write((index == 0 ? "" : "\n") + Self.description(of: one, number: index + 1))
        }
        output.flush()
        if irregular > 0 { throw ExitCode(1) }
    }

    private static func description(of series: Series, number: Int) -> String {
        let header = series.header
        var lines = [
            "\(number): \(header[.modality] ?? "?"), series \(header[.seriesNumber].map { "\($0)" } ?? "without number"), "
                + "\(series.instances.count) instance\(series.instances.count == 1 ? "" : "s")"
                + ", \(header[.seriesInstanceUID]?.string ?? "without Series Instance UID")"
        ]
        if let space = series.geometry.space {
            lines += describe(space)
        } else if let parts = try? series.parts(), parts.parts.count > 1,
            let space = parts.parts[0].series.geometry.space
        {
            let keys = parts.keys.map(\.description).joined(separator: " and ")
            lines.append("  \(parts.parts.count) volumes, told apart by \(keys)")
            lines += describe(space)
        } else {
            let stacks = series.stacks()
            for (index, stack) in stacks.enumerated() where stacks.count > 1 {
                guard let space = stack.geometry.space else { continue }
                lines.append("  stack \(index + 1)")
                lines += describe(space)
            }
        }
        lines += (series.geometry.findings + series.geometry.notes).map { "  ! \($0.description)" }
        if series.geometry.isUniform { lines.append("  regular") }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func describe(_ space: Space) -> [String] {
        func number(_ value: Double) -> String {
            let rounded = (value * 10_000).rounded() / 10_000
            return rounded == 0 ? "0" : rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
        }
        let columns = [space.columnStep, space.rowStep, space.sliceStep, space.origin]
        var lines = [
            "  matrix       \(space.columns) × \(space.rows) × \(space.slices)",
            "  spacing      \(number(space.columnSpacing)) × \(number(space.rowSpacing)) × \(number(space.sliceSpacing)) mm",
            "  orientation  \(AxisCodes(of: space))" + (space.isSheared ? ", sheared" : ""),
        ]
        for row in 0..<3 {
            let numbers = columns.map { number($0[row]) }.map {
                String(repeating: " ", count: max(0, 11 - $0.count)) + $0
            }
            lines.append((row == 0 ? "  affine     " : "             ") + numbers.joined())
        }
        return lines
    }
}
