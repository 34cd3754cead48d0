import COpenJPEG

/// Decodes, and survives what OpenJPEG asserts of codestreams.
///
/// The C functions share variables, of which each file that calls them could get its own: only this one does.
enum GuardedDecoding {
    static func run(
        _ codec: UnsafeMutablePointer<opj_codec_t?>, _ stream: UnsafeMutablePointer<opj_stream_t?>?,
        _ image: inout UnsafeMutablePointer<opj_image_t>?
    ) -> Bool {
        dicomnode_opj_decode(codec, stream, &image) == 1
    }
}
