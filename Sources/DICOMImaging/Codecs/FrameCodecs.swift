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
        if codecs.isEmpty { throw missing(transferSyntax, "decodes") }
        return codecs
    }

    /// The codec that encodes frames in a transfer syntax.
    ///
    /// - Throws: ``DICOMError`` with the code `unsupportedPixelData` when there is none; it names the product to add.
    public static func encoder(for transferSyntax: UID) throws(DICOMError) -> any FrameCodec {
        let codec = registered.withLock { $0.first { $0.encodableTransferSyntaxes.contains(transferSyntax) } }
        guard let codec else { throw missing(transferSyntax, "encodes") }
        return codec
    }

    /// The transfer syntaxes of encapsulated pixel data that this program decodes.
    public static var decodableTransferSyntaxes: Set<UID> {
        registered.withLock { Set($0.flatMap(\.decodableTransferSyntaxes)) }
    }

    /// The products that have codecs for a transfer syntax, by the start of its UID.
    private static let products: [(prefix: String, product: String)] = [
        ("1.2.840.10008.1.2.4.50", "DICOMCodecJPEG"),
        ("1.2.840.10008.1.2.4.51", "DICOMCodecJPEG (8 bits) or DICOMCodecJPEGLossless (12 bits)"),
        ("1.2.840.10008.1.2.4.57", "DICOMCodecJPEGLossless"),
        ("1.2.840.10008.1.2.4.70", "DICOMCodecJPEGLossless"),
        ("1.2.840.10008.1.2.4.80", "DICOMCodecJPEGLS"),
        ("1.2.840.10008.1.2.4.81", "DICOMCodecJPEGLS"),
        ("1.2.840.10008.1.2.4.90", "DICOMCodecJPEG2000"),
        ("1.2.840.10008.1.2.4.91", "DICOMCodecJPEG2000"),
        ("1.2.840.10008.1.2.4.201", "DICOMCodecJPEG2000"),
        ("1.2.840.10008.1.2.4.202", "DICOMCodecJPEG2000"),
        ("1.2.840.10008.1.2.4.203", "DICOMCodecJPEG2000"),
    ]

    private static func missing(_ transferSyntax: UID, _ verb: String) -> DICOMError {
        let name = "\(TransferSyntax(uid: transferSyntax)) (\(transferSyntax))"
        guard let product = products.first(where: { $0.prefix == transferSyntax.string })?.product else {
            return DICOMError(.unsupportedPixelData, "there is no codec that \(verb) frames in \(name)")
        }
        return DICOMError(
            .unsupportedPixelData,
            "no codec that \(verb) frames in \(name) is registered: add the product \(product) to the program and "
                + "register its codec at the start")
    }
}
