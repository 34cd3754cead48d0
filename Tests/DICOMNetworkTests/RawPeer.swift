import DICOMCore
import DICOMNetwork
import DICOMUpperLayer
import Glibc
import NIOCore
import NIOPosix

/// A peer that sends what bytes the test likes, over a blocking socket; its calls run on threads that may block.
final class RawPeer: Sendable {
    struct Failure: Error { let text: String }

    private let socket: CInt

    private init(socket: CInt) { self.socket = socket }
    deinit { close(socket) }

    static func connect(to port: Int) async throws -> RawPeer {
        try await blocking {
            let socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
            var limit = timeval(tv_sec: 20, tv_usec: 0)
            setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
            let failed = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) != 0
                }
            }
            if failed {
                close(socket)
                throw Failure(text: "connect: errno \(errno)")
            }
            return RawPeer(socket: socket)
        }
    }

    private static func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws
        -> Result
    {
        try await NIOThreadPool.singleton.runIfActive(body)
    }

    func send(_ bytes: [UInt8]) async throws {
        try await Self.blocking { [socket] in
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    Glibc.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
                }
                if count <= 0 { throw Failure(text: "send: errno \(errno)") }
                sent += count
            }
        }
    }

    /// Sends bytes again and again until the peer takes no more for a second, or `limit` is reached.
    /// - Returns: How many bytes were sent.
    func flood(_ bytes: [UInt8], limit: Int) async throws -> Int {
        try await Self.blocking { [socket] in
            var total = 0
            while total < limit {
                var waiting = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
                guard poll(&waiting, 1, 1000) == 1 else { break }
                let position = total % bytes.count
                let count = bytes[position...].withUnsafeBytes {
                    Glibc.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
                }
                if count <= 0 { break }
                total += count
            }
            return total
        }
    }

    /// Whether something has come, or the connection has ended.
    func isReadable() async -> Bool {
        let socket = socket
        let ready = try? await Self.blocking {
            var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            return poll(&waiting, 1, 0) == 1
        }
        return ready ?? true
    }

    func send(_ pdu: PDU) async throws { try await send(try pdu.bytes()) }

    /// The next PDU: its type and body; `nil` at the end of the connection, a reset included.
    func receive() async throws -> (type: UInt8, body: [UInt8])? {
        guard let header = try await read(6), header.count == 6 else { return nil }
        let length = header[2...].reduce(0) { $0 << 8 | Int($1) }
        return (header[0], try await read(length) ?? [])
    }

    /// Reads until so many bytes are there or the connection ends; `nil` when it ends before the first.
    private func read(_ count: Int) async throws -> [UInt8]? {
        try await Self.blocking { [socket] in
            var bytes = [UInt8](repeating: 0, count: count)
            var done = 0
            while done < count {
                let got = bytes[done...].withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, 0) }
                if got < 0, errno == EAGAIN { throw Failure(text: "nothing came in time") }
                if got <= 0 { return done == 0 ? nil : Array(bytes[..<done]) }
                done += got
            }
            return bytes
        }
    }

    /// Opens an association as a well-behaved peer does; returns the type of the answer.
    @discardableResult
    func associate(
        called: String = "SERVER", calling: String = "RAW",
        proposing proposals: [PresentationContextProposal] = [ctStorage, verification]
    ) async throws -> (type: UInt8, body: [UInt8])? {
        let offer = try RequestorOffer(
            calledAETitle: AETitle(validating: called), callingAETitle: AETitle(validating: calling),
            proposals: proposals, maximumPDULength: 16_384,
            implementationClassUID: "1.2.3", implementationVersionName: nil)
        try await send(.associateRequest(offer.request))
        return try await receive()
    }

    /// Encoded PDUs of a command, on the presentation context of that number.
    static func bytes(_ command: DIMSECommand, contextID: UInt8 = 1) throws -> [UInt8] {
        var buffer = ByteBuffer()
        try DIMSEFragmenter(peerMaximumPDULength: 16_384).write(command, contextID: contextID, into: &buffer)
        return Array(buffer.readableBytesView)
    }

    /// One P-DATA-TF PDU with one PDV of a data set.
    static func data(_ payload: [UInt8], contextID: UInt8 = 1, isLast: Bool) -> [UInt8] {
        func length(_ count: Int) -> [UInt8] { (0..<4).reversed().map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } }
        return [4, 0] + length(payload.count + 6) + length(payload.count + 2) + [contextID, isLast ? 2 : 0] + payload
    }

    /// The status of the response that comes next.
    func receiveStatus() async throws -> DIMSEStatus? { try await receiveResponse()?.status }

    func receiveResponse() async throws -> DIMSECommand? {
        guard let pdu = try await receive(), pdu.type == 4, pdu.body.count > 6 else { return nil }
        return try DIMSECommand(parsing: Array(pdu.body[6...]))
    }
}

extension PDU {
    func bytes() throws -> [UInt8] {
        var buffer = ByteBuffer()
        try write(into: &buffer)
        return Array(buffer.readableBytesView)
    }
}

/// A socket that accepts one connection at a time and does what the test says with it.
final class RawListener: Sendable {
    let port: Int
    private let channel: any Channel

    /// - Parameter onConnection: Called on the event loop for each connection.
    init(_ onConnection: @escaping @Sendable (any Channel) -> Void) async throws {
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                onConnection(channel)
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    func stop() async { try? await channel.close() }
}
