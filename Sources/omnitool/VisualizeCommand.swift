import ArgumentParser
import DICOMCoding
import DICOMCore
import DICOMImaging

struct VisualizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "visualize", abstract: "Look at images: a page to scroll through, or a PNG picture.",
        discussion: """
            Without --output, a page is served on 127.0.0.1 until Ctrl-C, under an address that nobody else can guess.

            Axial and coronal pictures have the patient's right on the left, sagittal ones the front; the head is on top. \
            Oblique volumes are shown along their own axes. Images that have no place in a patient are shown as stored.
            """)

    @Argument(help: "A DICOM file, or a folder with a series.") var input: String
    @Option(name: .shortAndLong, help: "The PNG file to be written.") var output: String?
    @Option(help: "axial, coronal, sagittal, three (of each the middle), or stored.") var plane: Plane?
    @Option(help: "Which slice, counted from 1; the middle one by default.") var slice: Int?
    @Flag(help: "The maximum intensity projection.") var mip = false
    @Flag(help: "Slices beside and below each other, at most 36.") var montage = false
    @Option(help: ArgumentHelp("Centre and width of the grey window, such as 40,400.", valueName: "C,W")) var window:
        String?
    @Option(help: "Which of the folder's series, counted from 1.") var series: Int?
    @Option(help: ArgumentHelp("What to do with irregular slices: \(PolicyArgument.all).")) var policy =
        PolicyArgument.reject

    func validate() throws {
        guard [slice != nil, mip, montage].count(where: { $0 }) <= 1 else {
            throw ValidationError("Choose one of --slice, --mip and --montage.")
        }
        if window != nil, parsedWindow == nil {
            throw ValidationError("--window is a centre and a width above 0, such as 40,400.")
        }
        if slice != nil || mip || montage, output == nil {
            throw ValidationError("--slice, --mip and --montage are for pictures: name one with --output.")
        }
    }

    private var parsedWindow: DisplayTransform? {
        let numbers = (window ?? "").split(separator: ",").compactMap { Double($0) }
        guard numbers.count == 2, numbers[0].isFinite, numbers[1].isFinite, numbers[1] > 0 else { return nil }
        return DisplayTransform(center: numbers[0], width: numbers[1])
    }

    func run() async throws {
        guard FileSystem.exists(input) else { throw Failure("'\(input)' does not exist.") }
        let stack = try ImageStack(try ImageInput.series(in: input, number: series), policy: policy.policy)
        if let reason = stack.lacksPlanes {
            guard plane == nil || plane == .stored else {
                throw Failure("There are no planes of the patient: \(reason)")
            }
            report("Shown as stored: \(reason)")
        }
        var transform = parsedWindow
        if let isInverted = stack.display?.isInverted { transform?.isInverted = isInverted }
        let plane = plane ?? (stack.lacksPlanes == nil ? (output == nil ? .three : .axial) : .stored)
        if let output {
            try FileSystem.write([try picture(stack, plane, transform).png()[...]], to: output)
        } else {
            try await serve(stack, plane, transform)
        }
    }

    // MARK: - A picture

    private func picture(_ stack: ImageStack, _ plane: Plane, _ transform: DisplayTransform?) throws -> Picture {
        let planes: [Plane] = plane == .three ? [.axial, .coronal, .sagittal] : [plane]
        if montage { return try montage(stack, planes[0], transform) }
        let pictures = try planes.map { plane in
            let count = stack.count(plane)
            if let slice, !(1...count).contains(slice) {
                throw Failure("There is no slice \(slice): the \(plane.rawValue) plane has \(count).")
            }
            return try stack.picture(plane, slice: mip ? nil : (slice ?? count / 2 + 1) - 1, transform, atMost: 2048)
        }
        return pictures.count == 1 ? pictures[0] : Picture(grid: pictures, columns: 3)
    }

    private func montage(_ stack: ImageStack, _ plane: Plane, _ transform: DisplayTransform?) throws -> Picture {
        let count = stack.count(plane)
        let shown = min(36, count)
        let pictures = try (0..<shown).map { number in
            try stack.picture(plane, slice: (2 * number + 1) * count / (2 * shown), transform, atMost: 384)
        }
        var columns = 1
        while columns * columns < shown { columns += 1 }
        return Picture(grid: pictures, columns: columns)
    }

    // MARK: - A page

    private func serve(_ stack: ImageStack, _ plane: Plane, _ transform: DisplayTransform?) async throws {
        let planes: [Plane] = plane == .three ? [.axial, .coronal, .sagittal] : [plane]
        let page = LocalPage { path, query in
            switch path {
            case "":
                let window = transform?.window ?? stack.display.map { $0.window ?? stack.wholeWindow }
                let html = ViewerPage.html(
                    title: stack.title,
                    planes: planes.map { ($0.rawValue, stack.count($0), stack.count($0) / 2) }, window: window)
                return LocalPage.Answer(contentType: "text/html; charset=utf-8", body: Array(html.utf8))
            case "image":
                guard let plane = query["plane"].flatMap(Plane.init(rawValue:)), planes.contains(plane),
                    let slice = query["slice"].flatMap({ Int($0) }), (0..<stack.count(plane)).contains(slice)
                else { return nil }
                var chosen: DisplayTransform?
                if let center = query["c"].flatMap({ Double($0) }), let width = query["w"].flatMap({ Double($0) }),
                    center.isFinite, width.isFinite
                {
                    chosen = DisplayTransform(
                        center: center, width: max(1e-6, width), function: .linearExact,
                        isInverted: stack.display?.isInverted ?? false)
                }
                let picture = try stack.picture(plane, slice: slice, chosen, atMost: 1024)
                return LocalPage.Answer(contentType: "image/png", body: try picture.png())
            default: return nil
            }
        }
        try await page.run { address in
            var output = StandardOutput()
            output.write("\(stack.title): \(address)\nCtrl-C ends it.\n")
            output.flush()
        }
    }
}
