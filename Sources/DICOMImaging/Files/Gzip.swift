import CZlib
import DICOMCore

/// The gzip format (RFC 1952), by zlib.
enum Gzip {
    /// Inflates up to `limit` bytes.
    ///
    /// - Throws: ``DICOMError`` with the code `invalidFile` and the offset in the compressed bytes when they are damaged.
    static func inflated(_ bytes: [UInt8], limit: Int) throws(DICOMError) -> [UInt8] {
        var stream = z_stream()
        guard inflateInit2_(&stream, MAX_WBITS + 16, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw DICOMError(.invalidFile, "zlib could not be started: is there enough memory?")
        }
        defer { inflateEnd(&stream) }
        var status = Z_OK
        var consumed = 0
        // A stream cannot hold more than 1,032 times its length: a header that promises more is not believed.
        let most = bytes.count.multipliedReportingOverflow(by: 1040)
        let capacity = min(limit, most.overflow ? limit : most.partialValue + 64)
        let result = bytes.withUnsafeBufferPointer { source in
            [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                var given = 0
                stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                repeat {
                    if stream.avail_in == 0 {
                        let part = min(source.count - given, 1 << 30)
                        stream.avail_in = uInt(part)
                        given += part
                    }
                    let room = min(capacity - count, 1 << 30)
                    stream.next_out = buffer.baseAddress.map { $0 + count }
                    stream.avail_out = uInt(room)
                    status = inflate(&stream, Z_NO_FLUSH)
                    count += room - Int(stream.avail_out)
                } while status == Z_OK && count < capacity && (stream.avail_in > 0 || given < source.count)
                consumed = given - Int(stream.avail_in)
            }
        }
        guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
            throw DICOMError(.invalidFile, "the gzip stream is damaged (zlib \(status))", offset: consumed)
        }
        return result
    }

    /// Deflates chunks into one gzip file.
    static func deflated(_ chunks: [ArraySlice<UInt8>]) throws(DICOMError) -> [UInt8] {
        var stream = z_stream()
        guard
            deflateInit2_(
                &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                CInt(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw DICOMError(.invalidFile, "zlib could not be started: is there enough memory?") }
        defer { deflateEnd(&stream) }
        var output: [UInt8] = []
        var space = [UInt8](repeating: 0, count: 1 << 18)
        for (index, chunk) in chunks.enumerated() {
            let isLast = index == chunks.count - 1
            chunk.withUnsafeBufferPointer { source in
                stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                var given = 0
                repeat {
                    if stream.avail_in == 0 {
                        let part = min(source.count - given, 1 << 30)
                        stream.avail_in = uInt(part)
                        given += part
                    }
                    let flush = isLast && given == source.count ? Z_FINISH : Z_NO_FLUSH
                    space.withUnsafeMutableBufferPointer { target in
                        stream.next_out = target.baseAddress
                        stream.avail_out = uInt(target.count)
                        _ = deflate(&stream, flush)
                        output.append(contentsOf: target.prefix(target.count - Int(stream.avail_out)))
                    }
                } while stream.avail_out == 0 || stream.avail_in > 0 || given < source.count
            }
        }
        return output
    }
}
