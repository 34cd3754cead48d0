import DICOMCoding
import DICOMCore
import DICOMNetwork
import NIOCore

/// An instance on its way to the disk: its fragments wait until the header is known and the instance is wanted, then
/// each is written as it arrives.
struct IncomingInstance: ~Copyable {
    /// The longest header that is waited for.
    private static let maximumHeaderLength = 64 * 1024 * 1024
    private static let firstLook = 8 * 1024

    let path: String
    private let request: StoreRequest
    private var waiting: [ByteBuffer] = []
    private var waitingBytes = 0
    private var nextLook = firstLook
    private var file: ReceivedFile?
    /// The open file, for synchronizing it elsewhere while this instance waits.
    private(set) var descriptor: CInt?

    init(_ request: StoreRequest, path: String) {
        self.request = request
        self.path = path
    }

    /// Takes the next fragment; it is written at once when the file was begun.
    mutating func append(_ fragment: ByteBuffer) throws(DICOMError) {
        if file == nil {
            waiting.append(fragment)
            waitingBytes += fragment.readableBytes
        } else {
            try file?.append(fragment)
        }
    }

    /// The data set before the pixel data; `nil` while more bytes are needed for it.
    ///
    /// Looks at the first 8 KiB, and while that is not enough, at four times as much.
    mutating func header(isComplete: Bool) throws(DICOMError) -> DataSet? {
        while isComplete || waitingBytes >= nextLook {
            let count = isComplete ? waitingBytes : min(nextLook, waitingBytes)
            let header = try DataSet.header(
                of: prefix(count), transferSyntax: request.transferSyntax, isComplete: isComplete)
            if header != nil || isComplete { return header }
            guard nextLook < Self.maximumHeaderLength else {
                throw DICOMError(
                    .malformedDataSet,
                    "The data set has no pixel data within \(Self.maximumHeaderLength) bytes; it cannot be received.")
            }
            nextLook *= 4
        }
        return nil
    }

    /// Begins the file with what has arrived so far.
    mutating func beginFile() throws(DICOMError) {
        let received = try ReceivedFile.begin(request, at: path)
        descriptor = received.file.descriptor
        for fragment in waiting { try received.append(fragment) }
        waiting = []
        file = consume received
    }

    /// The file has another name now: it is not removed.
    mutating func keep() { file?.committed() }

    private func prefix(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for fragment in waiting where bytes.count < count {
            bytes.append(contentsOf: fragment.readableBytesView.prefix(count - bytes.count))
        }
        return bytes
    }
}
