import COpenJPEG

/// A stream of OpenJPEG over memory: a frame to be read, or a codestream that grows.
///
/// OpenJPEG is given a pointer to it, so it has to outlive the stream.
final class MemoryStream {
    private let source: UnsafeRawBufferPointer
    private(set) var written: [UInt8] = []
    private var position = 0
    let stream: UnsafeMutablePointer<opj_stream_t?>?

    init(reading source: UnsafeRawBufferPointer) {
        self.source = source
        stream = opj_stream_create(1 << 16, OPJ_BOOL(OPJ_TRUE))
        connect()
        opj_stream_set_user_data_length(stream, UInt64(source.count))
    }

    init(writingAbout capacity: Int) {
        source = UnsafeRawBufferPointer(start: nil, count: 0)
        stream = opj_stream_create(1 << 16, OPJ_BOOL(OPJ_FALSE))
        written.reserveCapacity(capacity)
        connect()
    }

    deinit { opj_stream_destroy(stream) }

    private func connect() {
        opj_stream_set_user_data(stream, Unmanaged.passUnretained(self).toOpaque(), nil)
        opj_stream_set_read_function(stream) { buffer, count, user in
            guard let buffer, let stream = MemoryStream.from(user) else { return -1 }
            return stream.read(buffer, count)
        }
        opj_stream_set_write_function(stream) { buffer, count, user in
            guard let buffer, let stream = MemoryStream.from(user) else { return -1 }
            return stream.write(buffer, count)
        }
        opj_stream_set_skip_function(stream) { count, user in
            guard let stream = MemoryStream.from(user) else { return -1 }
            return stream.seek(to: stream.position + Int(clamping: count)) ? count : -1
        }
        opj_stream_set_seek_function(stream) { offset, user in
            guard let stream = MemoryStream.from(user) else { return OPJ_BOOL(OPJ_FALSE) }
            return OPJ_BOOL(stream.seek(to: Int(clamping: offset)) ? OPJ_TRUE : OPJ_FALSE)
        }
    }

    private static func from(_ user: UnsafeMutableRawPointer?) -> MemoryStream? {
        user.map { Unmanaged<MemoryStream>.fromOpaque($0).takeUnretainedValue() }
    }

    private func read(_ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
        // The end is -1, the largest size in C, not 0.
        guard position < source.count, let base = source.baseAddress else { return -1 }
        let available = min(count, source.count - position)
        buffer.copyMemory(from: base + position, byteCount: available)
        position += available
        return available
    }

    private func write(_ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
        let bytes = UnsafeRawBufferPointer(start: buffer, count: count)
        let overlap = min(count, written.count - position)
        for index in 0..<overlap { written[position + index] = bytes[index] }
        written.append(contentsOf: bytes[overlap...])
        position += count
        return count
    }

    private func seek(to target: Int) -> Bool {
        let end = source.baseAddress == nil ? written.count : source.count
        guard target >= 0, target <= end else { return false }
        position = target
        return true
    }
}
