import NIOCore
import NIOHTTP1
import NIOPosix

/// A small web server for one person on this machine: it listens on 127.0.0.1 at a free port, and answers only below a
/// path that nobody can guess, because other users of the machine can reach the port too.
struct LocalPage: Sendable {
    /// What is answered to a path (without the secret) and its query.
    struct Answer: Sendable {
        var contentType: String
        var body: [UInt8]
    }

    private typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    private let secret: String
    private let answer: @Sendable (_ path: String, _ query: [String: String]) throws -> Answer?

    /// - Parameter answer: What a request gets; nil: not found; an error: its text, with status 500.
    init(answer: @escaping @Sendable (_ path: String, _ query: [String: String]) throws -> Answer?) {
        self.answer = answer
        var generator = SystemRandomNumberGenerator()
        secret = String(generator.next() as UInt64, radix: 36) + String(generator.next() as UInt64, radix: 36)
    }

    /// Serves until the task is cancelled or the program ends.
    ///
    /// - Parameter started: Is told the address once the server listens.
    func run(started: @Sendable (_ address: String) -> Void) async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 16)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    return try Connection(wrappingChannelSynchronously: channel)
                }
            }
        try await listener.executeThenClose { connections in
            started("http://127.0.0.1:\(listener.channel.localAddress?.port ?? 0)/\(secret)/")
            try await withThrowingDiscardingTaskGroup { group in
                for try await connection in connections {
                    group.addTask { try? await serve(connection) }
                }
            }
        }
    }

    private func serve(_ connection: Connection) async throws {
        try await connection.executeThenClose { requests, responses in
            var head: HTTPRequestHead?
            for try await part in requests {
                switch part {
                case .head(let received): head = received
                case .body: break
                case .end:
                    guard let request = head else { return }
                    try await respond(to: request, responses)
                    guard request.isKeepAlive else { return }
                }
            }
        }
    }

    private func respond(
        to request: HTTPRequestHead, _ responses: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>
    ) async throws {
        let (status, content) = content(for: request)
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: content.contentType)
        headers.add(name: "Content-Length", value: "\(content.body.count)")
        // The pictures are of patients: nothing of them stays in a cache.
        headers.add(name: "Cache-Control", value: "no-store")
        try await responses.write(.head(HTTPResponseHead(version: request.version, status: status, headers: headers)))
        if request.method != .HEAD { try await responses.write(.body(.byteBuffer(ByteBuffer(bytes: content.body)))) }
        try await responses.write(.end(nil))
    }

    private func content(for request: HTTPRequestHead) -> (HTTPResponseStatus, Answer) {
        func text(_ text: String) -> Answer { Answer(contentType: "text/plain; charset=utf-8", body: Array(text.utf8)) }
        guard request.method == .GET || request.method == .HEAD else { return (.methodNotAllowed, text("GET only")) }
        let parts = request.uri.split(separator: "?", maxSplits: 1)
        let prefix = "/\(secret)/"
        guard let path = parts.first, path.hasPrefix(prefix) else { return (.notFound, text("not found")) }
        var query: [String: String] = [:]
        for pair in parts.dropFirst().joined().split(separator: "&") {
            let field = pair.split(separator: "=", maxSplits: 1)
            if field.count == 2 { query[String(field[0])] = String(field[1]) }
        }
        do {
            guard let answer = try answer(String(path.dropFirst(prefix.count)), query) else {
                return (.notFound, text("not found"))
            }
            return (.ok, answer)
        } catch {
            return (.internalServerError, text("\(error)"))
        }
    }
}
