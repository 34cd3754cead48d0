import DICOMCodecJPEG2000
import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Foundation
import Testing

/// High-Throughput JPEG 2000, of which pydicom's files have none: codestreams of Debian's openjph-tools 0.9.0
/// (`ojph_compress -reversible true`, the lossy one `-qstep 0.01`) of an image whose samples are known.
struct HTJ2KTests {
    init() { CodecCase.registerCodecs() }

    struct Image: Sendable {
        let name: String
        let syntax: UID
        let (rows, columns, bits, samples, tolerance): (Int, Int, Int, Int, Int)
        let codestream: [UInt8]

        init(
            _ name: String, _ syntax: UID, rows: Int, columns: Int, bits: Int, samples: Int, tolerance: Int,
            _ base64: String
        ) {
            self.name = name
            self.syntax = syntax
            (self.rows, self.columns, self.bits) = (rows, columns, bits)
            (self.samples, self.tolerance) = (samples, tolerance)
            codestream = [UInt8](Data(base64Encoded: base64, options: .ignoreUnknownCharacters) ?? Data())
        }

        /// What was encoded.
        var values: [Int] {
            (0..<rows * columns * samples).map { index in
                let (row, column, sample) = (
                    index / samples / columns, index / samples % columns, index % samples
                )
                return (row * row * 37 + column * 91 + row * column % 11 * 5 + sample * 50 * (row + 1)) % (1 << bits)
            }
        }

        func pixels(_ codestream: [UInt8]) throws -> PixelData {
            var dataSet = DataSet()
            dataSet[.samplesPerPixel] = samples
            dataSet[.photometricInterpretation] = samples == 3 ? "YBR_RCT" : "MONOCHROME2"
            if samples == 3 { dataSet[.planarConfiguration] = 0 }
            dataSet[.rows] = rows
            dataSet[.columns] = columns
            dataSet[.bitsAllocated] = bits > 8 ? 16 : 8
            dataSet[.bitsStored] = bits
            dataSet[.highBit] = bits - 1
            dataSet[.pixelRepresentation] = 0
            dataSet[element: .pixelData] = DataElement(.pixelData, .ob, .fragments([[], codestream[...]]))
            return try PixelData(dataSet, transferSyntax: TransferSyntax(uid: syntax))
        }
    }

    @Test func samplesAreThoseThatWereEncoded() throws {
        for image in Self.images {
            let pixels = try image.pixels(image.codestream)
            let found = try pixels.samples()
            let error = zip(found, image.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(found.count == image.values.count && error <= image.tolerance, "\(image.name): \(error)")
            #expect(try pixels.frame(0).format.photometricInterpretation == (image.samples == 3 ? .rgb : .monochrome2))
        }
    }

    /// OpenJPEG 2.5.0 asserts that FFH is not followed by more than 8FH where a code-block's run lengths begin.
    @Test func assertionsOfOpenJPEGAreErrors() throws {
        let image = Self.images[0]
        for place in [149, 154] {
            var codestream = image.codestream
            codestream.replaceSubrange(place..<place + 2, with: [0xFF, 0x95])
            let error = #expect(throws: DICOMError.self) { try image.pixels(codestream).frame(0) }
            #expect(error?.code == .invalidCodestream)
        }
        #expect(try image.pixels(image.codestream).samples() == image.values)
    }

    @Test func damagedOnesAreErrorsOrSamples() throws {
        var generator = SeededGenerator(seed: 201)
        var (answers, errors) = (0, 0)
        for image in Self.images {
            for _ in 0..<1000 {
                var codestream = image.codestream
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    CodecMutationTests.mutate(&codestream, using: &generator)
                }
                do {
                    _ = try image.pixels(codestream).frame(0)
                    answers += 1
                } catch { errors += 1 }
            }
        }
        #expect(answers > 50 && errors > 50)
    }

    private static let images: [Image] = [
        Image(
            "gray of 8 bits", .htj2kLossless, rows: 13, columns: 17, bits: 8, samples: 1, tolerance: 0,
            """
            /0//UQApQAAAAAARAAAADQAAAAAAAAAAAAAAEQAAAA0AAAAAAAAAAAABBwEB/1AACAACAAAABP9SAAwAAgABAAUEBEAB/1wAEyBQWFhg
            WFhgWFhgWFhYUFBY/2QAFgABT3BlbkpQSCBWZXIgMC45LjAu/5AACgAAAAABaAAB/5PAEYAAYwAAwAlgBNABKPQAx3QA4PwAAXQA8AAH
            dADACeAFVABUAIjzKAAjlAAGn/WF1QERezUAnB3v8gBDlADAC1oAWvAC0wpFHT6QL+lIKc2quE3A/gVaAEBTNwASRjEEkcJhk8xHI4PF
            GF73MQXwwLM6AALMlRExuqtFmMTDlRfcwBAxlwDAF6RAF6HAC78/3n+0sK4v+m8A0+kr/RuYJ4dDdA4uGLhDRWWAozGH9THEHGw4Lhde
            VRb4H264Db+P7x/pz98AWtZ1KVnF4QguAICXABAikgGJJHXqGBcTSxmCz2cKQ5NxSZQEGwcfI2NwESByYa5VPw3FKSrwvvXj9qCJSjNd
            38UIFxCE+ZqCVQo4wvAACNQQYzMB/3+VzVo/Gw2b/Tb8kTf/GHoEEuso/xCN+/kfb6z+/xPX/Ef60/Dz8/dL+pPB3wFF85cN5KuSwhA5
            SEADWHEB/9k=
            """),
        Image(
            "gray of 12 bits, LRCP", .htj2k, rows: 11, columns: 9, bits: 12, samples: 1, tolerance: 0,
            """
            /0//UQApQAAAAAAJAAAACwAAAAAAAAAAAAAACQAAAAsAAAAAAAAAAAABCwEB/1AACAACAAAAB/9SAAwAAAABAAIEBEAB/1wACiBweHh4
            cHB4/2QAFgABT3BlbkpQSCBWZXIgMC45LjAu/5AACgAAAAAAuQAB/5PAAWqAuXC9xd2V5wo1dE3q7gUFuIUBezgAwACrgAFqwACuCVx4
            ELT4GfwhlQAxK81L1bInmmTqmvwA8Qv+IQG/mQAZFCIEBKAx/gAB/GGWAMABbMABdJAALUDUACvutRkpwAY2CBEDw37sAFFyPIWkP9kA
            ySSZn/uKovFKyn1/glL8JxEEr+Yv/AYFhie5f/hDhG/kVz4A0lbb2223o9H4tfYBQHHn+2TX2QD/2Q==
            """),
        Image(
            "gray of 16 bits, RPCL", .htj2kLosslessRPCL, rows: 9, columns: 10, bits: 16, samples: 1, tolerance: 0,
            """
            /0//UQApQAAAAAAKAAAACQAAAAAAAAAAAAAACgAAAAkAAAAAAAAAAAABDwEB/1AACAACAAAADP9SAAwAAgABAAUEBEAB/1wAEyCQmJig
            mJigmJigmJiYkJCY/2QAFgABT3BlbkpQSCBWZXIgMC45LjAu/5AACgAAAAAAwwAB/5PAABMAt/YFB3QAAMAACaAABNAAASjw/QKHdACg
            8gOHdAD7AMd0AMAACWAABPAAARihAMN0AJMs5ACiNAAXcwDAAAqIAAFbAAAlCay37DgBlAAxI+u9jHT8ACEA+bYAGa9hswDAABbkAAFs
            QAALTNQAo1mLe20GoQByw21O1WQBAvZ/5wLEL6Q/3ADJJJmf+4qi8UrKfX+C0ho/+EOEb+RXOQDSVtt0u+12NKr0H/n+wB1k19kA/9k=
            """),
        Image(
            "colour", .htj2kLossless, rows: 8, columns: 11, bits: 8, samples: 3, tolerance: 0,
            """
            /0//UQAvQAAAAAALAAAACAAAAAAAAAAAAAAACwAAAAgAAAAAAAAAAAADBwEBBwEBBwEB/1AACAACAAAABf9SAAwAAgABAQMEBEAB/1wA
            DSBYYGBoYGBgWFhg/2QAFgABT3BlbkpQSCBWZXIgMC45LjAu/5AACgAAAAAB+wAB/5PACQD+CTMAwAkAlRIzAMAJQAsAwXQAwARwASQA
            JSdzABUyMwD8AMd0AMAEsAE0ACP5AAd0AET9AIF0ACdzAMAEkAE0ACX+F3MAhtMBAXQA+wBHdADABVQAVMAFUJyL7SQuIIF7NQAY8TLA
            QGD5tQC4bqn/XQBBvZUAwAVkAFVABWA/KbMQx9gAAQF7NgCGFsFF+AGTebUAHxLGB69XABCAv5YAwAVUAFXABWio60s+VxBBvpUAEBwd
            gJzzIYN7NQD7NLxnbbn4ACCBvZYAwAtqAFuQAW0AzssjADdu+kOOP2PUCYxWxQJNk4HRfBBqmgCEZEp3XxGXE1pYOYwsYFmcrjgcHkEi
            D2CDmzkA3u9dNxA+D7yDnT5GoNvia+oP+FRDeGJmuQDAC3YAXQQAW8Cfv7z9+Pj/fP354OPPjx8vDw+vB2kiMbwhASy6AP8+nq/f18e3
            5+PzbfwQ9d34RB6bfuIBS3K4hgQARzoA/3/5+8/vz9//T5//f7//P/7+/P0mdVvGF4RAapoAwAtyAF0MAFugv75/Pj/fz5+/t4/f308f
            358Ak/2CMLwBA+q7AL8+3t9e7/9z68fP7zf+jr81vEY0/TX+Bd/MRiqAIAM6AH/5+fevP379/33/ePfH/3//fPsAUw4QPiEAjNoA/9k=
            """),
        Image(
            "lossy", .htj2k, rows: 12, columns: 12, bits: 8, samples: 1, tolerance: 3,
            """
            /0//UQApQAAAAAAMAAAADAAAAAAAAAAAAAAADAAAAAwAAAAAAAAAAAABBwEB/1AACAACAAAAIP9SAAwAAgABAAMEBEAA/1wAFyJRvFHL
            UctR2kpCSkJKlkIgQiBB2P9kABYAAU9wZW5KUEggVmVyIDAuOS4wLv+QAAoAAAAAAN0AAf+TwBOAKaTgAAa0AMASwBNAEoCNAEt0AAD8
            AAF0AP4AR3QAwCugFdALQPSzcOTExfwARbuTezcAAlQBIjbtAACXmCN7OAAPEJPGEyyy4AAILdBBvZgAwF08BdHAXUjUkI2ZsSZT61Kf
            mDhceAtTfIMRe3Dv4DTQNfMBBxxe9FoIVBBDvADh0Lse0mE7xwiG5FaxCAKAN4B/EKAd4gETHcKO6KOAAzGcAFHcurYmpihUAufFvFD0
            VRLT42mSClIVuw1gMA/d5AVKGlXM4hFI1psA/9k=
            """),
    ]
}
