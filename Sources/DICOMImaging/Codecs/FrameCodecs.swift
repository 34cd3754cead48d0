import DICOMCoding
public import DICOMCore
import DICOMDictionary
import Synchronization

/// The codecs that this program has: RLE, deflated image frames and encapsulated uncompressed ones always.
///
/// Those on C libraries are products of their own, so that nobody needs a header that they do not use:
///
/// ```swift
/// import DICOMCodecJPEG2000
///
/// FrameCodecs.register([JPEG2000Codec()])
/// ```
public enum FrameCodecs {
    private static let registered = Mutex<[any FrameCodec]>([
        RLECodec(), DeflatedFrameCodec(), EncapsulatedUncompressedCodec(),
    ])

    /// Adds codecs; of several for one transfer syntax, the one that was added last is asked first.
    /// One of a type that is there already takes its place.
    public static func register(_ codecs: [any FrameCodec]) {
        registered.withLock { registered in
            registered.removeAll { old in codecs.contains { type(of: $0) == type(of: old) } }
            registered.insert(contentsOf: codecs, at: 0)
        }
    }

    /// The codecs that decode frames in a transfer syntax, in the order in which they are asked.
    ///
    /// - Throws: ``DICOMError`` with the code `unsupportedPixelData` when there is none; it names the product to add.
    public static func decoders(for transferSyntax: UID) throws(DICOMError) -> [any FrameCodec] {
        let codecs = registered.withLock { $0.filter { $0.decodableTransferSyntaxes.contains(transferSyntax) } }
        if codecs.isEmpty { throw missing(transferSyntax, encodes: false) }
        return codecs
    }

    /// The codec that encodes frames in a transfer syntax.
    ///
    /// - Throws: ``DICOMError`` with the code `unsupportedPixelData` when there is none; it names the product to add.
    public static func encoder(for transferSyntax: UID) throws(DICOMError) -> any FrameCodec {
        let codec = registered.withLock { $0.first { $0.encodableTransferSyntaxes.contains(transferSyntax) } }
        guard let codec else { throw missing(transferSyntax, encodes: true) }
        return codec
    }

    /// The transfer syntaxes of encapsulated pixel data that this program decodes.
    public static var decodableTransferSyntaxes: Set<UID> {
        registered.withLock { Set($0.flatMap(\.decodableTransferSyntaxes)) }
    }

    /// The products that have codecs for transfer syntaxes, and those among these that they encode too.
    private static let products: [(product: String, decoded: Set<UID>, encoded: Set<UID>)] = [
        ("DICOMCodecJPEG", [.jpegBaseline8Bit], []),
        ("DICOMCodecJPEG (8 bits) or DICOMCodecJPEGLossless (12 bits)", [.jpegExtended12Bit], []),
        ("DICOMCodecJPEGLossless", [.jpegLossless, .jpegLosslessSV1], []),
        ("DICOMCodecJPEGLS", [.jpeglsLossless, .jpeglsNearLossless], [.jpeglsLossless]),
        (
            "DICOMCodecJPEG2000", [.jpeg2000Lossless, .jpeg2000, .htj2kLossless, .htj2kLosslessRPCL, .htj2k],
            [.jpeg2000Lossless]
        ),
    ]

    private static func missing(_ transferSyntax: UID, encodes: Bool) -> DICOMError {
        let what =
            "codec that \(encodes ? "encodes" : "decodes") frames in \(TransferSyntax(uid: transferSyntax)) (\(transferSyntax))"
        let product = products.first { (encodes ? $0.encoded : $0.decoded).contains(transferSyntax) }?.product
        guard let product else { return DICOMError(.unsupportedPixelData, "there is no \(what)") }
        return DICOMError(
            .unsupportedPixelData,
            "no \(what) is registered: add the product \(product) to the program and register its codec at the start")
    }
}
