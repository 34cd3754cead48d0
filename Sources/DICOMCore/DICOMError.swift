/// What went wrong, where, and how to mend it.
///
/// Errors of every layer are of this type; ``code-swift.property`` tells them apart, and each module adds codes of its
/// own. Neither the message nor the description holds patient data.
public struct DICOMError: Error, Sendable, CustomStringConvertible {
    /// A kind of error. More kinds may come: a `switch` over them needs a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// What tells it from other codes.
        public let name: String
        /// A code of a module's or a program's own.
        public init(_ name: String) { self.name = name }
        public var description: String { name }

        /// A value, a UID or an argument is not as the standard asks.
        public static let invalidValue = Code("invalidValue")
        /// A character cannot be written in the data set's Specific Character Set (0008,0005).
        public static let unencodableText = Code("unencodableText")
        /// The bytes of a text are not in the data set's Specific Character Set (0008,0005).
        public static let undecodableText = Code("undecodableText")
        /// A file could not be opened, read or written; ``DICOMError/message`` has the system's reason.
        public static let inputOutput = Code("inputOutput")
    }

    /// What kind of error it is.
    public let code: Code
    /// What is wrong and how to mend it.
    public private(set) var message: String
    /// The element, from the outermost sequence inwards.
    public var tagPath: [DICOMTag]
    /// The position in the file or data set, bytes from its begin.
    public let byteOffset: Int?
    /// The peer, as `AE@host:port` or less where less is known.
    public let peer: String?
    /// The error that it came from.
    public let underlying: (any Error)?
    /// Where in the source the error was made.
    public let location: String

    /// The same error, with the file that it is about named in front.
    package func located(in path: String) -> DICOMError {
        var error = self
        error.message = "'\(path)': \(message)"
        return error
    }

    /// An error; the message says what is wrong and how to mend it, without patient data.
    @inline(never) public init(
        _ code: Code, _ message: String, at path: [DICOMTag] = [], offset: Int? = nil, peer: String? = nil,
        underlying: (any Error)? = nil, file: StaticString = #fileID, line: UInt = #line
    ) {
        self.code = code
        self.message = message
        tagPath = path
        byteOffset = offset
        self.peer = peer
        self.underlying = underlying
        location = "\(file):\(line)"
    }

    public var description: String {
        var text = message
        if !tagPath.isEmpty { text += " At " + tagPath.map(\.description).joined(separator: " > ") + "." }
        if let byteOffset { text += " Byte offset \(byteOffset)." }
        if let peer { text += " Peer \(peer)." }
        if let underlying { text += " Cause: \(underlying)" }
        return text
    }
}
