import DICOMCodecJPEG
import DICOMCodecJPEG2000
import DICOMCodecJPEGLS
import DICOMCodecJPEGLossless
import DICOMCoding
import DICOMCore
import DICOMDictionary
import DICOMImaging
import DICOMTesting
import Testing

/// The code of the articles on imaging: dev/check-examples compares it with them.
struct ImagingArticleTests {
    @Test func codecsAreRegistered() throws {
        FrameCodecs.register([JPEGCodec(), JPEGLosslessCodec(), JPEGLSCodec(), JPEG2000Codec()])
        #expect(
            FrameCodecs.decodableTransferSyntaxes.isSuperset(of: [
                .jpegBaseline8Bit, .jpegExtended12Bit, .jpegLossless, .jpegLosslessSV1, .jpeglsLossless,
                .jpeglsNearLossless, .jpeg2000Lossless, .jpeg2000, .htj2kLossless, .htj2kLosslessRPCL, .htj2k,
                .rleLossless, .deflatedImageFrameCompression, .encapsulatedUncompressedExplicitVRLittleEndian,
            ]))
    }

    @Test func geometry() throws {
        try withTemporaryFolder { folder in
            let phantom = try PhantomSeries(orientation: .oblique, slices: 6, rows: 30, columns: 40)
            let paths = try phantom.write(to: folder)

            let series = try Series(files: paths)
            let volume = try series.volume(of: Float.self)
            let place = volume.space.point(column: 10, row: 20, slice: 2)
            let index = volume.space.index(of: place)
            #expect(isClose(index, SIMD3(10, 20, 2)))

            for finding in series.geometry.findings { print(finding) }
            #expect(series.geometry.findings.isEmpty)

            let dynamic = try Series(
                dataSets: (1...3).flatMap { time in
                    phantom.dataSets.map { dataSet in
                        var dataSet = dataSet
                        dataSet[.temporalPositionIdentifier] = time
                        return dataSet
                    }
                })
            let sequence = try dynamic.volumeSequence(of: Int16.self)
            print(sequence.keys, sequence.values, sequence.count)
            #expect(sequence.count == 3)

            let coarse = try volume.resampled(spacing: SIMD3(2, 2, 2))
            let back = try coarse.resampled(to: volume.space, interpolation: .linear, outside: -1024)
            #expect(back.space == volume.space)

            let ras = volume.reoriented(to: .ras)
            print(AxisCodes(of: volume.space), AxisCodes(of: ras.space))
            #expect(AxisCodes(of: ras.space) == .ras)
        }
    }

    @Test func pixelData() throws {
        FrameCodecs.register([JPEG2000Codec()])
        try withTemporaryFolder { folder in
            let path = try PhantomSeries(slices: 1, rows: 30, columns: 40).write(to: folder)[0]

            let pixels = try PixelData(path: path)
            print(pixels.frameCount, pixels.format.rows, pixels.format.columns, pixels.transferSyntax)
            let stored = try pixels.storedValues(of: UInt16.self)
            let values = try pixels.values(of: Float.self)
            #expect(zip(stored, values).allSatisfy { Float($0) - 1024 == $1 })

            let recommended = try pixels.gray8()
            let bone = try pixels.gray8(by: DisplayTransform(center: 300, width: 1500))
            #expect(recommended.count == 1200 && bone.count == 1200)

            let smaller = try DICOMFile.read(path).transcoded(to: TransferSyntax(uid: .jpeg2000Lossless))
            try smaller.write(to: "\(folder)/smaller.dcm")
            #expect(try PixelData(path: "\(folder)/smaller.dcm").storedValues(of: UInt16.self) == stored)
        }
    }
}
