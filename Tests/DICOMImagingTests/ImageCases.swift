import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMTesting

/// Small images with every meaning that samples can have, made from fixed seeds.
struct ImageCase {
    let name: String
    var dataSet: DataSet

    /// An image whose samples are random bits.
    init(
        _ name: String, rows: Int = 6, columns: Int = 10, samples: Int = 1, allocated: Int = 16, stored: Int? = nil,
        signed: Bool = false, photometric: String = "MONOCHROME2", frames: Int = 1, bytesPerFrame: Int? = nil
    ) {
        self.name = name
        var generator = SeededGenerator(seed: name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
        var dataSet = DataSet()
        dataSet[.sopClassUID] = .secondaryCaptureImageStorage
        dataSet[.sopInstanceUID] = UID("1.2.3.4")
        dataSet[.samplesPerPixel] = samples
        dataSet[.photometricInterpretation] = photometric
        if samples > 1 { dataSet[.planarConfiguration] = 0 }
        dataSet[.rows] = rows
        dataSet[.columns] = columns
        dataSet[.bitsAllocated] = allocated
        dataSet[.bitsStored] = stored ?? allocated
        dataSet[.highBit] = (stored ?? allocated) - 1
        dataSet[.pixelRepresentation] = signed ? 1 : 0
        if frames > 1 { dataSet[.numberOfFrames] = frames }
        let length = (bytesPerFrame ?? (rows * columns * samples * allocated + 7) / 8) * frames
        let bytes = (0..<length + length % 2).map { _ in UInt8.random(in: 0...255, using: &generator) }
        dataSet[element: .pixelData] = DataElement(.pixelData, allocated > 8 ? .ow : .ob, .bytes(bytes[...]))
        self.dataSet = dataSet
    }

    func changed(_ change: (inout DataSet) -> Void) -> ImageCase {
        var copy = self
        change(&copy.dataSet)
        return copy
    }

    static func words(_ numbers: [Int]) -> ArraySlice<UInt8> {
        numbers.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }[...]
    }

    static func set(_ dataSet: inout DataSet, _ tag: DICOMTag, _ vr: VR, _ bytes: ArraySlice<UInt8>) {
        dataSet[element: tag] = DataElement(tag, vr, .bytes(bytes))
    }

    /// An item of Modality LUT Sequence or VOI LUT Sequence with a curved table.
    static func table(entries: Int, first: Int, bits: Int, packed: Bool = false) -> DataSet {
        var item = DataSet()
        set(&item, Attribute.lutDescriptor.tag, first < 0 ? .ss : .us, words([entries & 0xFFFF, first, bits]))
        let numbers = (0..<entries).map { ($0 * $0 * 7 + 13 * $0) % (1 << bits) }
        set(&item, Attribute.lutData.tag, .ow, packed ? numbers.map { UInt8($0) }[...] : words(numbers))
        return item
    }

    static let modality: [ImageCase] =
        [
            ImageCase("u8", allocated: 8), ImageCase("s8", allocated: 8, signed: true), ImageCase("u16"),
            ImageCase("s16", signed: true), ImageCase("u12", stored: 12), ImageCase("s12", stored: 12, signed: true),
            ImageCase("u32", allocated: 32), ImageCase("s32", allocated: 32, signed: true),
        ].flatMap { image in
            [
                image,
                ImageCase(image.name + "-rescaled", image).changed {
                    $0[.rescaleSlope] = 0.75
                    $0[.rescaleIntercept] = -1024.5
                },
            ]
        } + [
            ImageCase("lut-u12", stored: 12).changed {
                $0[.modalityLUTSequence] = [table(entries: 3000, first: 500, bits: 16)]
            },
            ImageCase("lut-s12", stored: 12, signed: true).changed {
                $0[.modalityLUTSequence] = [table(entries: 4096, first: -2048, bits: 16)]
            },
            ImageCase("lut-8", allocated: 8).changed {
                $0[.modalityLUTSequence] = [table(entries: 200, first: 20, bits: 8)]
            },
            ImageCase("lut-full").changed { $0[.modalityLUTSequence] = [table(entries: 65_536, first: 0, bits: 16)] },
        ]

    static let views: [ImageCase] =
        ["LINEAR", "LINEAR_EXACT", "SIGMOID"].flatMap { function in
            [("u12", false, 1.0, 0.0), ("s12", true, 1, 0), ("ct", false, 1, -1024), ("pet", true, 0.37, 12.5)].map {
                (name, signed, slope, intercept) in
                ImageCase("\(function)-\(name)", rows: 16, columns: 20, stored: 12, signed: signed).changed {
                    $0[.windowCenter] = [300, 40.5]
                    $0[.windowWidth] = [900, 401]
                    $0[.voilutFunction] = function
                    $0[.rescaleSlope] = slope
                    $0[.rescaleIntercept] = intercept
                }
            }
        } + [
            ImageCase("voi-lut-u", stored: 12).changed {
                $0[.voilutSequence] = [table(entries: 3000, first: 500, bits: 12)]
            },
            ImageCase("voi-lut-s", stored: 12, signed: true).changed {
                $0[.voilutSequence] = [table(entries: 3000, first: -1000, bits: 16)]
            },
            ImageCase("voi-lut-8", allocated: 8).changed {
                $0[.voilutSequence] = [table(entries: 256, first: 0, bits: 8)]
            },
        ]

    /// - Parameter segments: Expand to as many entries as the descriptor says.
    private static func palette(
        _ dataSet: inout DataSet, entries: Int, first: Int, bits: Int, segments: ArraySlice<UInt8>? = nil
    ) {
        for color in UInt16(0)..<3 {
            set(&dataSet, DICOMTag(0x0028, 0x1101 + color), .us, words([entries & 0xFFFF, first, bits]))
            let numbers = (0..<entries).map { ($0 * (257 + Int(color) * 100) + 999 * Int(color)) & ((1 << bits) - 1) }
            let table = bits == 8 ? numbers.map { UInt8($0) }[...] : words(numbers)
            set(&dataSet, DICOMTag(0x0028, (segments == nil ? 0x1201 : 0x1221) + color), .ow, segments ?? table)
        }
    }

    static let colors: [ImageCase] = [
        ImageCase("rgb", samples: 3, allocated: 8, photometric: "RGB", frames: 2),
        ImageCase("rgb-planar", samples: 3, allocated: 8, photometric: "RGB", frames: 2).changed {
            $0[.planarConfiguration] = 1
        },
        ImageCase("rgb16", samples: 3, photometric: "RGB"),
        ImageCase("ybr", rows: 32, columns: 64, samples: 3, allocated: 8, photometric: "YBR_FULL"),
        ImageCase("ybr-planar", samples: 3, allocated: 8, photometric: "YBR_FULL").changed {
            $0[.planarConfiguration] = 1
        },
        ImageCase("ybr422", samples: 3, allocated: 8, photometric: "YBR_FULL_422", frames: 3, bytesPerFrame: 120),
        ImageCase("palette-8", allocated: 8, photometric: "PALETTE COLOR").changed {
            palette(&$0, entries: 256, first: 0, bits: 8)
        },
        ImageCase("palette-16", allocated: 8, photometric: "PALETTE COLOR").changed {
            palette(&$0, entries: 200, first: 20, bits: 16)
        },
        ImageCase("palette-65536", photometric: "PALETTE COLOR").changed {
            palette(&$0, entries: 65_536, first: 0, bits: 16)
        },
        // Discrete, linear up, linear down.
        ImageCase("segmented-8", allocated: 8, photometric: "PALETTE COLOR").changed {
            palette(&$0, entries: 256, first: 0, bits: 8, segments: [0, 3, 1, 2, 3, 1, 250, 255, 1, 3, 7, 0])
        },
        // The second half copies both segments of the first: byte offset 0.
        ImageCase("segmented-8-indirect", allocated: 8, photometric: "PALETTE COLOR").changed {
            palette(&$0, entries: 256, first: 0, bits: 8, segments: [0, 2, 9, 90, 1, 126, 255, 2, 2, 0, 0, 0, 0, 0])
        },
        ImageCase("segmented-16-indirect", allocated: 8, photometric: "PALETTE COLOR").changed {
            palette(
                &$0, entries: 256, first: 0, bits: 16, segments: words([0, 2, 9, 9000, 1, 126, 65_535, 2, 2, 0, 0]))
        },
    ]

    static let overlays: [ImageCase] = [
        ImageCase("overlay", stored: 12).changed { overlay(&$0, group: 0x6000, rows: 6, columns: 10, frames: 1) },
        ImageCase("overlays", stored: 12, frames: 3).changed {
            overlay(&$0, group: 0x6000, rows: 7, columns: 9, frames: 3)
            overlay(&$0, group: 0x6004, rows: 5, columns: 3, frames: 1)
        },
    ]

    private static func overlay(_ dataSet: inout DataSet, group: UInt16, rows: Int, columns: Int, frames: Int) {
        var generator = SeededGenerator(seed: UInt64(group))
        set(&dataSet, DICOMTag(group, 0x0010), .us, words([rows]))
        set(&dataSet, DICOMTag(group, 0x0011), .us, words([columns]))
        dataSet[element: DICOMTag(group, 0x0015)] = DataElement(DICOMTag(group, 0x0015), .is, .text("\(frames)"))
        dataSet[element: DICOMTag(group, 0x0040)] = DataElement(DICOMTag(group, 0x0040), .cs, .text("G"))
        set(&dataSet, DICOMTag(group, 0x0050), .ss, words([1, -3]))
        set(&dataSet, DICOMTag(group, 0x0100), .us, words([1]))
        set(&dataSet, DICOMTag(group, 0x0102), .us, words([0]))
        let length = (rows * columns * frames + 15) / 16 * 2
        set(
            &dataSet, DICOMTag(group, 0x3000), .ow,
            (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }[...])
        dataSet[element: DICOMTag(group, 0x1500)] = DataElement(DICOMTag(group, 0x1500), .lo, .text("A line"))
    }

    private init(_ name: String, _ image: ImageCase) {
        self.name = name
        dataSet = image.dataSet
    }
}
