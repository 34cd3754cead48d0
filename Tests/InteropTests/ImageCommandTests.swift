import Foundation
import Testing

/// omnitool's commands for images, judged by pydicom, NumPy, nibabel and Pillow.
@Suite(.serialized) struct ImageCommandTests {
    /// Every file of pydicom and pydicom-data that a decoder of pydicom's or DCMTK's decodes gives the same array.
    @Test func storedPixelsAreThoseOfPydicom() async throws {
        try await withFolder { folder in
            let corpus = folder + "/corpus"
            let made = try await script("pydicom_corpus.py", [corpus])
            #expect(made.status == 0, "\(made.text)")
            let judged = try await script(
                "stored_pixels.py",
                [corpus, Place.program("omnitool"), "--exceptions", Place.peer("pydicom-exceptions.tsv")], within: 600)
            #expect(judged.status == 0, "\(judged.text)")
            // Files, arrays compared.
            #expect(judged.text.contains("0 with problems"), "\(judged.text)")
        }
    }

    /// A series as .npy, .nii.gz and .png; in each encoding that is made, pydicom finds the same pixels.
    @Test func convertsASeries() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "6", "--orientation", "oblique"])
            for (name, options) in [("a.npy", ["--stored"]), ("b.npy", []), ("a.nii.gz", []), ("a.nii", ["--stored"])] {
                let done = try await run(Place.program("omnitool"), ["convert", input, folder + "/" + name] + options)
                #expect(done.status == 0, "\(name): \(done.text)")
            }
            let judged = try await script("converted_series.py", [input, folder])
            #expect(judged.status == 0, "\(judged.text)")
            let pictures = try await omnitool("convert", input, folder + "/p.png")
            #expect(
                pictures.status == 0 && files(below: folder).contains { $0.hasSuffix("p-0006.png") }, "\(pictures.text)"
            )
            let several = try await omnitool("convert", folder, folder + "/c.npy")
            #expect(several.status == 0, "\(several.text)")
            #expect(try permissions(folder + "/a.npy") == 0o600)
        }
    }

    @Test(arguments: [
        "RLELossless", "JPEGLSLossless", "JPEG2000Lossless", "1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.1.98",
    ])
    func transcodesAndBack(name: String) async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "3", "--rows", "37", "--columns", "45"])
            let encoded = try await omnitool("convert", input, folder + "/encoded", "--transfer-syntax", name)
            #expect(encoded.status == 0, "\(encoded.text)")
            let decoded = try await omnitool(
                "convert", folder + "/encoded", folder + "/decoded", "--transfer-syntax", "ExplicitVRLittleEndian")
            #expect(decoded.status == 0, "\(decoded.text)")
            for path in files(below: input) {
                let other = path.replacing(input, with: folder + "/decoded")
                let same = try await omnitool("compare", "--values", path, other)
                #expect(same.status == 0 && same.text.isEmpty, "\(same.text)")
            }
            // The standard's youngest ones are known to no peer here.
            guard !name.hasSuffix(".98"), !name.hasSuffix("8.1") else { return }
            let judged = try await script("converted_series.py", [input, folder, "--encoded", folder + "/encoded"])
            #expect(judged.status == 0, "\(judged.text)")
            try await validate(folder + "/encoded")
        }
    }

    @Test func showsPicturesAndGeometry() async throws {
        try await withFolder { folder in
            let input = try await phantom(
                in: folder, "in", ["--slices", "7", "--rows", "30", "--columns", "40", "--orientation", "sagittal"])
            for options in [
                ["--plane", "three"], ["--plane", "coronal", "--mip"], ["--montage"],
                ["--plane", "sagittal", "--slice", "3", "--window", "0,500"],
            ] {
                let picture = folder + "/p.png"
                let done = try await run(Place.program("omnitool"), ["visualize", input, "-o", picture] + options)
                #expect(done.status == 0, "\(options): \(done.text)")
                let sizes = try await script("png_size.py", [picture])
                #expect(sizes.status == 0, "\(sizes.text)")
            }
            let beyond = try await omnitool("visualize", input, "-o", folder + "/p.png", "--slice", "99")
            #expect(beyond.status == 1 && beyond.text.contains("There is no slice 99"), "\(beyond.text)")
            let regular = try await omnitool("geometry", input)
            #expect(regular.status == 0 && regular.text.contains("40 × 30 × 7"), "\(regular.text)")
            try FileManager.default.removeItem(atPath: files(below: input)[3])
            let irregular = try await omnitool("geometry", input)
            #expect(irregular.status == 1 && irregular.text.contains("One slice is missing"), "\(irregular.text)")
        }
    }

    /// The page answers below its secret path only.
    @Test func servesAPageToOnePerson() async throws {
        try await withFolder { folder in
            let input = try await phantom(in: folder, "in", ["--slices", "5"])
            let viewer = try ChildProcess(Place.program("omnitool"), ["visualize", input])
            let address = try await viewer.line(matching: "(http://127.0.0.1:[0-9]+/[a-z0-9]+/)")
            let judged = try await script("viewer_page.py", [address])
            #expect(judged.status == 0, "\(judged.text)")
            try await viewer.stop()
        }
    }

    private func permissions(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0
    }
}
