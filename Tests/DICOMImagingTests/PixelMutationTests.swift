import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Testing

/// Spoilt descriptions of pixels: whatever the header says, there is an error or an answer, and never a trap.
struct PixelMutationTests {
    private static let images = ImageCase.modality + ImageCase.views + ImageCase.colors + ImageCase.overlays

    /// Every reading of a frame that there is; returns how many gave an answer.
    private func exercise(_ dataSet: DataSet, _ syntax: TransferSyntax, frame: Int) -> Int {
        guard let pixels = try? PixelData(dataSet, transferSyntax: syntax) else { return 0 }
        var answers = 0
        func run(_ body: () throws -> Void) { if (try? body()) != nil { answers += 1 } }
        run { _ = try pixels.storedValues(frame, of: UInt8.self) }
        run { _ = try pixels.storedValues(frame, of: Int16.self) }
        run { _ = try pixels.values(frame, of: Int32.self) }
        run { _ = try pixels.values(frame, of: UInt32.self) }
        run { _ = try pixels.values(frame, of: Float.self) }
        run { _ = try pixels.colors(frame) }
        run { _ = try pixels.gray8(frame) }
        run { _ = try pixels.frames() }
        _ = pixels.declaredRange
        let decoded = try? pixels.frame(frame)
        for overlay in (try? Overlay.overlays(in: dataSet)) ?? [] { _ = overlay.mask(frame: frame, pixels: decoded) }
        return answers
    }

    private func spoil(_ dataSet: inout DataSet, using generator: inout SeededGenerator) {
        let small = [0, 1, 2, 3, 7, 8, 9, 12, 16, 31, 32, 33, 64, 255, 32_767, 32_768, 65_535]
        let numbers: [Attribute<Int>] = [
            .rows, .columns, .bitsAllocated, .bitsStored, .highBit, .pixelRepresentation, .samplesPerPixel,
            .planarConfiguration, .pixelPaddingValue, .pixelPaddingRangeLimit,
        ]
        switch Int.random(in: 0..<10, using: &generator) {
        case 0...4:
            guard let attribute = numbers.randomElement(using: &generator) else { return }
            dataSet[attribute] = small.randomElement(using: &generator)
        case 5:
            let names = ["MONOCHROME1", "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "X"]
            dataSet[.photometricInterpretation] = names.randomElement(using: &generator)
        case 6:
            dataSet[.numberOfFrames] = [-1, 0, 1, 2, 3, 1000, 2_147_483_647].randomElement(using: &generator)
        case 7:
            let reals: [Attribute<Double>] = [.rescaleSlope, .rescaleIntercept]
            let values = [0, -1, 1e-300, 1e300, 2_147_483_647, -2_147_483_648, 65_536, 0.5]
            guard let attribute = reals.randomElement(using: &generator) else { return }
            dataSet[attribute] = values.randomElement(using: &generator)
        default: spoilBytes(&dataSet, using: &generator)
        }
    }

    /// Changes bytes of one value, or cuts it off: tables, descriptors, overlays, windows, pixels.
    private func spoilBytes(_ dataSet: inout DataSet, using generator: inout SeededGenerator) {
        guard let element = Array(dataSet).randomElement(using: &generator) else { return }
        if case .sequence(var items) = element.value, !items.isEmpty {
            spoilBytes(&items[0], using: &generator)
            dataSet[element: element.tag] = DataElement(element.tag, element.vr, .sequence(items))
        }
        guard var bytes = element.bytes.map(Array.init), !bytes.isEmpty else { return }
        if Bool.random(using: &generator) {
            bytes.removeLast(Int.random(in: 0...min(bytes.count, 40), using: &generator))
        } else {
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<min(bytes.count, 64), using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
        }
        dataSet[element: element.tag] = DataElement(element.tag, element.vr, .bytes(bytes[...]))
    }

    @Test(arguments: 0..<4) func spoiltDescriptionsNeverTrap(seed: UInt64) {
        var generator = SeededGenerator(seed: 4711 + seed)
        var answers = 0
        for image in Self.images {
            for _ in 0..<12 {
                var dataSet = image.dataSet
                for _ in 0..<Int.random(in: 1...4, using: &generator) { spoil(&dataSet, using: &generator) }
                answers += exercise(dataSet, .explicitVRLittleEndian, frame: Int.random(in: 0...1, using: &generator))
            }
        }
        #expect(answers > 100)
    }

    @Test(arguments: 0..<4) func spoiltCompressedFramesNeverTrap(seed: UInt64) throws {
        var generator = SeededGenerator(seed: 42 + seed)
        var answers = 0
        for uid in [UID.rleLossless, .deflatedImageFrameCompression, .encapsulatedUncompressedExplicitVRLittleEndian] {
            let syntax = TransferSyntax(uid: uid)
            for image in Self.images where image.name.hasPrefix("rgb") || image.name.hasPrefix("s") {
                let original = try? DICOMFile(dataSet: image.dataSet).transcoded(to: syntax).dataSet
                guard let original, case .fragments(let fragments)? = original[element: .pixelData]?.value else {
                    continue
                }
                for _ in 0..<15 {
                    var (dataSet, spoilt) = (original, fragments.map(Array.init))
                    for _ in 0..<Int.random(in: 0...3, using: &generator) {
                        let place = Int.random(in: 0..<spoilt.count, using: &generator)
                        guard !spoilt[place].isEmpty else { continue }
                        let byte = Int.random(in: 0..<spoilt[place].count, using: &generator)
                        spoilt[place][byte] = UInt8.random(in: 0...255, using: &generator)
                    }
                    dataSet[element: .pixelData] = DataElement(.pixelData, .ob, .fragments(spoilt.map { $0[...] }))
                    spoil(&dataSet, using: &generator)
                    answers += exercise(dataSet, syntax, frame: Int.random(in: 0...1, using: &generator))
                }
            }
        }
        #expect(answers > 100)
    }
}
