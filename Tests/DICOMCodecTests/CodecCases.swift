import DICOMCodecJPEG
import DICOMCodecJPEG2000
import DICOMCodecJPEGLS
import DICOMCodecJPEGLossless
import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting

/// Small images of every form that samples have: anatomy-like ramps with noise in it, from a fixed seed.
struct CodecCase {
    let name: String
    let dataSet: DataSet
    let file: DICOMFile

    /// Bits around the samples are random where `dirty`, else the sign's extension.
    init(
        _ name: String, rows: Int = 19, columns: Int = 23, samples: Int = 1, allocated: Int = 16, stored: Int? = nil,
        high: Int? = nil, signed: Bool = false, photometric: String = "MONOCHROME2", planar: Bool = false,
        frames: Int = 1, dirty: Bool = false
    ) {
        self.name = name
        let stored = stored ?? allocated
        var generator = SeededGenerator(seed: name.utf8.reduce(11) { $0 &* 31 &+ UInt64($1) })
        var dataSet = DataSet()
        dataSet[.sopClassUID] =
            samples == 1
            ? .multiFrameGrayscaleWordSecondaryCaptureImageStorage
            : .multiFrameTrueColorSecondaryCaptureImageStorage
        dataSet[.sopInstanceUID] = UID("1.2.3.4.5")
        dataSet[.studyInstanceUID] = UID("1.2.3.4")
        dataSet[.seriesInstanceUID] = UID("1.2.3.4.1")
        dataSet[.modality] = "OT"
        dataSet[.samplesPerPixel] = samples
        dataSet[.photometricInterpretation] = photometric
        if samples > 1 { dataSet[.planarConfiguration] = planar ? 1 : 0 }
        dataSet[.numberOfFrames] = frames
        dataSet[.rows] = rows
        dataSet[.columns] = columns
        dataSet[.bitsAllocated] = allocated
        dataSet[.bitsStored] = stored
        dataSet[.highBit] = high ?? stored - 1
        dataSet[.pixelRepresentation] = signed ? 1 : 0
        let count = rows * columns * samples * frames
        var bytes: [UInt8] = []
        if allocated == 1 {
            bytes = (0..<(count + 7) / 8).map { _ in UInt8.random(in: 0...255, using: &generator) }
        } else {
            let shift = (high ?? stored - 1) + 1 - stored
            let mask: UInt64 = (1 << UInt64(stored)) - 1
            for index in 0..<count {
                var sample = UInt64(truncatingIfNeeded: index / 3 * (1 << max(0, stored - 7)))
                if index % 5 == 0 || count < 40 { sample = generator.next() }
                sample &= mask
                let foreign = (dirty ? generator.next() : signed && sample >> UInt64(stored - 1) == 1 ? .max : 0)
                let cell = (sample << UInt64(shift)) | (foreign & ~(mask << UInt64(shift)))
                for byte in 0..<allocated / 8 { bytes.append(UInt8(truncatingIfNeeded: cell >> UInt64(8 * byte))) }
            }
        }
        if bytes.count % 2 == 1 { bytes.append(0) }
        dataSet[element: .pixelData] = DataElement(.pixelData, allocated > 8 ? .ow : .ob, .bytes(bytes[...]))
        self.dataSet = dataSet
        file = DICOMFile(dataSet: dataSet, transferSyntax: .explicitVRLittleEndian)
    }

    static let all: [CodecCase] = [
        CodecCase("u8", allocated: 8), CodecCase("s8", allocated: 8, signed: true),
        CodecCase("u7of8", rows: 1, columns: 17, allocated: 8, stored: 7, dirty: true),
        CodecCase("s5of8", rows: 33, columns: 1, allocated: 8, stored: 5, signed: true),
        CodecCase("u2of8", allocated: 8, stored: 2), CodecCase("u1of8", rows: 9, columns: 5, allocated: 8, stored: 1),
        CodecCase("u16"), CodecCase("s16", signed: true), CodecCase("u12", stored: 12),
        CodecCase("s12", rows: 7, columns: 64, stored: 12, signed: true),
        CodecCase("s12dirty", rows: 31, columns: 5, stored: 12, signed: true, dirty: true),
        CodecCase("u10high15", stored: 10, high: 15, dirty: true),
        CodecCase("s12high13", stored: 12, high: 13, signed: true, dirty: true),
        CodecCase("u9", rows: 3, columns: 3, stored: 9), CodecCase("s15", stored: 15, signed: true),
        CodecCase("u8of16", stored: 8), CodecCase("s6of16", stored: 6, signed: true),
        CodecCase("u16one", rows: 1, columns: 1), CodecCase("u8one", rows: 1, columns: 1, allocated: 8),
        CodecCase("u16frames", rows: 5, columns: 7, frames: 3),
        CodecCase("u8frames", rows: 5, columns: 5, allocated: 8, frames: 4),
        CodecCase("rgb8", samples: 3, allocated: 8, photometric: "RGB"),
        CodecCase("rgb8planar", samples: 3, allocated: 8, photometric: "RGB", planar: true),
        CodecCase("rgb16planar", samples: 3, photometric: "RGB", planar: true, frames: 2),
        CodecCase("rgb12", rows: 4, columns: 9, samples: 3, stored: 12, photometric: "RGB"),
        CodecCase("ybr8", samples: 3, allocated: 8, photometric: "YBR_FULL"),
        CodecCase("u32", allocated: 32), CodecCase("s32", allocated: 32, signed: true),
        CodecCase("u1", rows: 3, columns: 7, allocated: 1, frames: 3), CodecCase("u1one", allocated: 1),
    ]

    /// Whether a transfer syntax can hold the samples, as far as it is encoded here.
    func isEncoded(in syntax: UID) -> Bool {
        let (allocated, stored) = (dataSet[.bitsAllocated] ?? 0, dataSet[.bitsStored] ?? 0)
        switch syntax {
        case .jpeglsLossless: return (8...16).contains(allocated) && stored >= 2
        case .jpeg2000Lossless: return (8...16).contains(allocated)
        case .rleLossless: return allocated >= 8
        default: return true
        }
    }

    static let syntaxes: [UID] = [
        .rleLossless, .jpeglsLossless, .jpeg2000Lossless, .deflatedImageFrameCompression,
        .encapsulatedUncompressedExplicitVRLittleEndian,
    ]

    static func registerCodecs() {
        FrameCodecs.register([JPEGCodec(), JPEGLosslessCodec(), JPEGLSCodec(), JPEG2000Codec()])
    }
}

extension PixelData {
    /// The samples of all frames as numbers, pixel by pixel, whatever surrounds them in their cells.
    func samples() throws -> [Int] {
        let frames = try frames()
        let format = frames.format
        let size = max(1, format.bitsAllocated / 8)
        return (0..<frameCount).flatMap { frame in
            (0..<format.sampleCount).map { index in
                var place = index
                if format.isPlanar {
                    place =
                        index % format.samplesPerPixel * format.rows * format.columns + index / format.samplesPerPixel
                }
                let start = frame * format.frameLength
                if format.bitsAllocated == 1 { return Int(frames.bytes[start + place / 8] >> UInt8(place % 8) & 1) }
                var cell = 0
                for byte in 0..<size { cell |= Int(frames.bytes[start + place * size + byte]) << (8 * byte) }
                let value = cell << (63 - format.highBit)
                let shift = 64 - format.bitsStored
                return format.isSigned
                    ? value >> shift : Int(truncatingIfNeeded: UInt(bitPattern: value) >> UInt(shift))
            }
        }
    }
}
