import CDICOMSystem
package import DICOMCoding
package import DICOMCore
import Glibc
package import NIOCore

/// A Part 10 file that is written while its data set arrives: under a temporary name, or without one, until it is complete.
///
/// The data set's bytes are written as they were received. What is neither published nor committed is removed.
package struct ReceivedFile: ~Copyable {
    package let temporaryPath: String
    package let file: PosixFile
    /// Whether the temporary path is its name.
    private var isNamed: Bool

    /// Begins the file with preamble, meta group (PS3.10 7.1) and what has arrived of the data set.
    ///
    /// - Parameter unnamed: A new file without a name; `nil`: one is made at the temporary path.
    package static func begin(
        _ request: StoreRequest, at temporaryPath: String, with fragments: [ByteBuffer],
        in unnamed: consuming PosixFile? = nil
    ) throws(DICOMError) -> ReceivedFile {
        let meta = try DICOMFile.metaGroup(
            sopClassUID: request.sopClassUID, sopInstanceUID: request.sopInstanceUID,
            transferSyntax: request.transferSyntax)
        let received = try ReceivedFile(unnamed, temporaryPath)
        try received.append(fragments, after: meta)
        return received
    }

    private init(_ unnamed: consuming PosixFile?, _ temporaryPath: String) throws(DICOMError) {
        self.temporaryPath = temporaryPath
        switch consume unnamed {
        case .some(let unnamed):
            file = unnamed
            isNamed = false
        case .none:
            file = try PosixFile(temporaryPath, O_WRONLY | O_CREAT | O_EXCL)
            isNamed = true
        }
    }

    deinit { if isNamed { unlink(temporaryPath) } }

    /// Writes what has arrived together with as few calls of the system as can be.
    package func append(_ fragments: [ByteBuffer], after head: [UInt8] = []) throws(DICOMError) {
        var rest = fragments[...]
        let failure: DICOMError? = head.withUnsafeBytes { bytes in
            var pieces = head.isEmpty ? [] : [bytes]
            repeat {
                if let failure = write(rest.prefix(Self.piecesAtOnce), after: pieces) { return failure }
                rest = rest.dropFirst(Self.piecesAtOnce)
                pieces = []
            } while !rest.isEmpty
            return nil
        }
        if let failure { throw failure }
    }

    /// Gathers the bytes of all fragments, which hold only within their closures, and writes them.
    private func write(_ fragments: ArraySlice<ByteBuffer>, after pieces: [UnsafeRawBufferPointer]) -> DICOMError? {
        if let fragment = fragments.first {
            return fragment.withUnsafeReadableBytes { write(fragments.dropFirst(), after: pieces + [$0]) }
        }
        do throws(DICOMError) { try file.write(pieces) } catch { return error }
        return nil
    }

    /// Enough for all that one read of the socket brings of a large instance; bounded, because each is a closure within that
    /// of the one before.
    private static let piecesAtOnce = 16

    /// Gives the file its name; another file of that name is replaced.
    package mutating func publish(as path: String) throws(DICOMError) {
        if !isNamed {
            if cdicom_name(file.descriptor, path) == 0 { return }
            guard errno == EEXIST else { throw DICOMError.system("name a file", path) }
            guard cdicom_name(file.descriptor, temporaryPath) == 0 else {
                throw DICOMError.system("name a file", temporaryPath)
            }
            isNamed = true
        }
        try FileSystem.rename(temporaryPath, to: path)
        committed()
    }

    /// The file has its own name now, or somebody else takes care of it.
    package mutating func committed() { isNamed = false }
}
