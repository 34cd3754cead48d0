import Crypto
import DICOMCoding
import DICOMCore
import DICOMNetwork
import Foundation
import Glibc

/// What the UIDs of results depend on besides the pipeline: the content of all its inputs. The same inputs give the same
/// UIDs, and another content never goes under a UID that is out already.
enum InputDigest {
    /// SHA-256 over the names of the inputs and the digests of their data sets, in hexadecimal; the order of the files and
    /// their names do not count.
    static func make(_ inputs: [String: [String]]) async throws -> String {
        var all = SHA256()
        for (name, paths) in inputs.sorted(by: { $0.key < $1.key }) {
            all.update(data: Data("\(name) \(paths.count) ".utf8))
            for digest in try await digests(of: paths).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
                all.update(data: digest)
            }
        }
        return all.finalize().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// On two threads: hashing is bound by the processor.
    private static func digests(of paths: [String]) async throws -> [[UInt8]] {
        try await withThrowingTaskGroup(of: [[UInt8]].self) { group in
            for half in 0..<2 {
                group.addTask { try stride(from: half, to: paths.count, by: 2).map { try digest(of: paths[$0]) } }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private static func digest(of path: String) throws -> [UInt8] {
        let instance = try OutgoingInstance(path: path)
        let file = try PosixFile(path, O_RDONLY)
        var hash = SHA256()
        let step = 1 << 20
        for offset in stride(from: 0, to: instance.dataSetLength, by: step) {
            let count = min(step, instance.dataSetLength - offset)
            try file.read(at: instance.dataSetOffset + offset, count: count).withUnsafeBytes {
                hash.update(bufferPointer: $0)
            }
        }
        return Array(hash.finalize())
    }
}
