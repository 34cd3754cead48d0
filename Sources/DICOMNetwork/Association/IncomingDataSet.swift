import DICOMCoding
import DICOMCore
import DICOMUpperLayer
public import NIOCore

/// A data set while it arrives: fragments in order, each once, without a copy.
///
/// It is valid within the call of ``StorageService/store(_:dataSet:)`` only.
public struct IncomingDataSet {
    private let channel: AssociationChannel
    private let limit: Int
    /// How many bytes were received so far.
    public private(set) var byteCount = 0
    /// Whether the last fragment was received.
    private(set) var isComplete = false
    /// Fragments that came together with the one returned last, and whether the last of all is among them.
    private var waiting: ArraySlice<ByteBuffer> = []
    private var endsWithWaiting = false

    init(_ channel: AssociationChannel, limit: Int, isEmpty: Bool = false) {
        self.channel = channel
        self.limit = limit
        isComplete = isEmpty
    }

    /// Whether the data set is longer than the configuration allows.
    var isTooLarge: Bool { byteCount > limit }

    /// The next fragment, of any length; `nil` after the last.
    ///
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/associationAborted`` or ``DICOMError/Code/connectionLost`` when the
    ///   association ended before the data set did, or with ``DICOMError/Code/instanceTooLarge``: the instance must not be
    ///   kept then. `CancellationError` when the server stops.
    public mutating func next() async throws -> ByteBuffer? {
        if isComplete { return nil }
        if waiting.isEmpty { try await receive() }
        guard let bytes = waiting.popFirst() else { return nil }
        if waiting.isEmpty {
            // The socket's buffer is used again as soon as nobody holds a slice of it.
            waiting = []
            isComplete = endsWithWaiting
        }
        try count(bytes)
        return bytes
    }

    /// All fragments that are there, at least one; `nil` after the last. Throws as ``next()`` does.
    package mutating func nextFragments() async throws -> [ByteBuffer]? {
        if isComplete { return nil }
        if waiting.isEmpty { try await receive() }
        let fragments = waiting
        waiting = []
        isComplete = endsWithWaiting
        for fragment in fragments { try count(fragment) }
        return Array(fragments)
    }

    private mutating func count(_ bytes: ByteBuffer) throws {
        byteCount = byteCount.addingReportingOverflow(bytes.readableBytes).partialValue
        guard !isTooLarge else {
            throw DICOMError(.instanceTooLarge, "The data set is longer than the \(limit) bytes that are allowed.")
        }
    }

    private mutating func receive() async throws {
        switch try await channel.next() {
        case .fragments(let fragments, let isLast):
            waiting = fragments[...]
            endsWithWaiting = isLast
        case .ended(let end, let error):
            throw error
                ?? DICOMError(
                    end == .aborted ? .associationAborted : .connectionLost,
                    "The association ended before the data set did.")
        case .requested, .opened, .command, .releaseRequested:
            throw DICOMError(.protocolViolation, "Another message came within a data set.")
        }
    }

    /// All of what is left, decoded; held in memory, which the limit bounds.
    mutating func dataSet(_ transferSyntax: TransferSyntax) async throws -> DataSet {
        let bytes = try await rest()
        return try DataSet(parsing: Array(buffer: bytes), transferSyntax: transferSyntax, options: Self.parsing)
    }

    /// Apart from ``dataSet(_:)``: Swift 6.3's optimizer crashes when it splits the two as one coroutine.
    @inline(never)
    private mutating func rest() async throws -> ByteBuffer {
        var bytes = ByteBuffer()
        while let fragment = try await next() { bytes.writeImmutableBuffer(fragment) }
        return bytes
    }

    private static let parsing = ParsingOptions(inflationLimit: 256 << 20)

    /// Reads and drops the rest; ends early, incomplete, where the peer sends more than twice of what is allowed.
    mutating func drain() async throws {
        while !isComplete, byteCount / 2 <= limit {
            do {
                _ = try await next()
            } catch let error as DICOMError where error.code == .instanceTooLarge {
                continue
            }
        }
    }
}
