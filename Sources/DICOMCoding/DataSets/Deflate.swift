import CZlib
package import DICOMCore

/// The deflate compression of deflated transfer syntaxes (PS3.5 A.5, RFC 1951), by zlib.
package enum Deflate {
    /// One deflated stream of all chunks, padded to an even length.
    package static func compress(_ chunks: [ArraySlice<UInt8>]) throws(DICOMError) -> [UInt8] {
        var stream = unsafe z_stream()
        // Negative window bits: no zlib header (PS3.5 A.5).
        guard
            unsafe deflateInit2_(
                &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                CInt(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw DICOMError(.unencodableValue, "zlib could not be started: is there enough memory?") }
        defer { unsafe _ = deflateEnd(&stream) }
        var output: [UInt8] = []
        for chunk in chunks.filter({ !$0.isEmpty }) + [[]] {
            let flush = chunk.isEmpty ? Z_FINISH : Z_NO_FLUSH
            let status = unsafe run(&stream, chunk, into: &output) { unsafe deflate(&$0, flush) }
            guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
                throw DICOMError(.unencodableValue, "zlib could not deflate the data set (\(status)).")
            }
        }
        if output.count & 1 == 1 { output.append(0) }
        return output
    }

    /// Runs zlib over all of `input`; appends what comes out.
    fileprivate static func run(
        _ stream: inout z_stream, _ input: ArraySlice<UInt8>, into output: inout [UInt8],
        limit: Int = .max, _ step: (inout z_stream) -> CInt
    ) -> CInt {
        var space = [UInt8](repeating: 0, count: 64 * 1024)
        return unsafe input.withUnsafeBufferPointer { source in
            unsafe stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
            unsafe stream.avail_in = 0
            var given = 0
            var status = Z_OK
            repeat {
                if unsafe stream.avail_in == 0 {
                    // avail_in has 32 bits.
                    let part = min(source.count - given, 1 << 30)
                    unsafe stream.avail_in = uInt(part)
                    given += part
                }
                let count = unsafe space.withUnsafeMutableBufferPointer { target in
                    unsafe stream.next_out = target.baseAddress
                    unsafe stream.avail_out = uInt(target.count)
                    status = unsafe step(&stream)
                    return unsafe target.count - Int(stream.avail_out)
                }
                output.append(contentsOf: space.prefix(count))
                if status != Z_OK || output.count > limit { break }
            } while unsafe stream.avail_out == 0 || stream.avail_in > 0 || given < source.count
            return status
        }
    }
}

/// Inflates a deflated data set piece by piece.
///
/// It is a class because zlib's state points into itself and must not move.
@safe package final class Inflater {
    private var stream = unsafe z_stream()
    private let limit: Int
    private var output: [UInt8] = []
    private var total = 0
    package private(set) var isFinished = false
    private var isStarted = false

    /// - Parameter limit: How many bytes may come out.
    package init(limit: Int) { self.limit = limit }

    deinit { if isStarted { unsafe _ = inflateEnd(&stream) } }

    /// What comes out of more input; what follows the end of the stream is ignored, as the padding byte has to be.
    package func inflated(_ bytes: ArraySlice<UInt8>, at offset: Int) throws(DICOMError) -> [UInt8] {
        guard !isFinished, let first = bytes.first else { return [] }
        output = []
        if !isStarted { try start(first) }
        let status = unsafe Deflate.run(&stream, bytes, into: &output, limit: limit - total) {
            unsafe inflate(&$0, Z_NO_FLUSH)
        }
        total += output.count
        guard total <= limit else {
            throw DICOMError(
                .inflationLimit,
                "The deflated data set inflates to more than \(limit) bytes; raise ParsingOptions.inflationLimit if that is right.",
                offset: offset)
        }
        switch status {
        case Z_STREAM_END: isFinished = true
        case Z_OK, Z_BUF_ERROR: break
        default:
            throw DICOMError(
                .malformedDataSet,
                "The deflated data set is damaged: zlib says \(status) after \(total) bytes. Copy or send it again.",
                offset: offset)
        }
        return output
    }

    /// Some writers put a zlib header before the stream, which PS3.5 A.5 does not have: 78H cannot begin a raw stream
    /// that zlib makes.
    private func start(_ first: UInt8) throws(DICOMError) {
        let windowBits = first == 0x78 ? MAX_WBITS : -MAX_WBITS
        guard unsafe inflateInit2_(&stream, windowBits, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw DICOMError(.malformedDataSet, "zlib could not be started: is there enough memory?")
        }
        isStarted = true
    }
}
