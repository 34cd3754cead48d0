import DICOMCoding
import DICOMCore
import DICOMNetwork
import NIOCore

/// An instance on its way to the disk: its fragments wait until the header is known and the instance is wanted, then
/// each is written as it arrives.
struct IncomingInstance: ~Copyable {
    /// The longest header that is waited for.
    private static let maximumHeaderLength = 32 * 1024 * 1024
    private static let firstLook = 8 * 1024

    let path: String
    private let request: StoreRequest
    /// What arrived before the header was known, in one piece: slices of receive buffers would hold far more memory.
    private var waiting = ByteBuffer()
    private var nextLook = firstLook
    private var file: ReceivedFile?
    /// The open file, for synchronizing it elsewhere while this instance waits.
    private(set) var descriptor: CInt?

    init(_ request: StoreRequest, path: String) {
        self.request = request
        self.path = path
    }

    /// Takes the next fragments; they are written at once when the file was begun.
    mutating func append(_ fragments: [ByteBuffer]) throws(DICOMError) {
        if file == nil {
            for fragment in fragments {
                if waiting.readableBytes == 0 { waiting = fragment } else { waiting.writeImmutableBuffer(fragment) }
            }
        } else {
            try file?.append(fragments)
        }
    }

    /// The data set before the pixel data; `nil` while more bytes are needed for it.
    ///
    /// Looks at the first 8 KiB, and while that is not enough, at four times as much.
    mutating func header(isComplete: Bool) throws(DICOMError) -> DataSet? {
        while isComplete || waiting.readableBytes >= nextLook {
            let count = isComplete ? waiting.readableBytes : nextLook
            let header = try DataSet.header(
                of: Array(waiting.readableBytesView.prefix(count)), transferSyntax: request.transferSyntax,
                isComplete: isComplete)
            if header != nil || isComplete { return header }
            guard nextLook < Self.maximumHeaderLength else {
                throw DICOMError(
                    .malformedDataSet,
                    "The data set has no pixel data within \(Self.maximumHeaderLength) bytes; it cannot be received.")
            }
            nextLook = min(nextLook * 4, Self.maximumHeaderLength)
        }
        return nil
    }

    /// Begins the file with what has arrived so far.
    mutating func beginFile() throws(DICOMError) {
        let received = try ReceivedFile.begin(request, at: path, with: [waiting])
        descriptor = received.file.descriptor
        waiting = ByteBuffer()
        file = consume received
    }

    /// The file has another name now: it is not removed.
    mutating func keep() { file?.committed() }
}
