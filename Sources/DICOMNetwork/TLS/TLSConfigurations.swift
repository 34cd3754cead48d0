public import DICOMCore
import NIOCore
import NIOSSL

/// How an ``AssociationServer`` speaks TLS (PS3.15 annex B, BCP 195).
///
/// ```swift
/// var configuration = AssociationServerConfiguration(host: "0.0.0.0", port: 2762, aeTitle: "ARCHIVE")
/// configuration.tls = ServerTLS(certificate: "node.crt", privateKey: "node.key", trusted: "ca.crt")
/// ```
public struct ServerTLS: Sendable, Hashable {
    /// What a client has to show.
    public enum ClientCertificate: String, Sendable, CaseIterable {
        /// A certificate that an authority in ``TLSFiles/trusted`` has signed.
        case required
        /// Such a certificate, or none.
        case optional
        /// Clients are not asked.
        case ignored
    }

    public var files: TLSFiles
    public var clientCertificate: ClientCertificate
    /// How often the files are looked at; when one has changed, new connections use what it holds then. What cannot be
    /// used is logged, and the files that were read before stay in use.
    public var reloadInterval: Duration = .seconds(10)

    public init(
        certificate: String, privateKey: String, trusted: String? = nil,
        clientCertificate: ClientCertificate = .required
    ) {
        files = TLSFiles(certificate: certificate, privateKey: privateKey, trusted: trusted)
        self.clientCertificate = clientCertificate
    }

    /// Reads the files.
    ///
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/tlsConfiguration``.
    func context() throws(DICOMError) -> NIOSSLContext {
        guard clientCertificate == .ignored || files.trusted != nil else {
            throw DICOMError(
                .tlsConfiguration,
                "Client certificates are to be checked, but no file of trusted certificates is given to check them against."
            )
        }
        guard let identity = try files.identity() else {
            throw DICOMError(.tlsConfiguration, "A server needs a certificate and its private key for TLS.")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: identity.chain, privateKey: identity.key)
        try files.apply(to: &configuration)
        configuration.certificateVerification =
            switch clientCertificate {
            case .required: .noHostnameVerification
            case .optional: .optionalVerification
            case .ignored: .none
            }
        return try makeContext(configuration)
    }
}

/// How a service class user speaks TLS (PS3.15 annex B, BCP 195).
///
/// ```swift
/// var options = AssociationClientOptions(callingAETitle: "NODE")
/// options.tls = ClientTLS(trusted: "ca.crt", certificate: "node.crt", privateKey: "node.key")
/// ```
public struct ClientTLS: Sendable, Hashable {
    public var files: TLSFiles
    /// Whether the server's certificate has to be for the host that is connected to.
    public var verifiesHostName = true
    /// Whether the server's certificate is checked at all. Without it anybody can read what is sent: for tests only.
    public var verifiesServer = true

    /// - Parameters:
    ///   - trusted: The authorities that the server's certificate may come from; `nil`: those of the system.
    ///   - certificate: What is shown to a server that asks for it.
    public init(trusted: String? = nil, certificate: String? = nil, privateKey: String? = nil) {
        files = TLSFiles(certificate: certificate, privateKey: privateKey, trusted: trusted)
    }

    /// Reads the files.
    ///
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/tlsConfiguration``.
    func context() throws(DICOMError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let identity = try files.identity() {
            configuration.certificateChain = identity.chain
            configuration.privateKey = identity.key
        }
        try files.apply(to: &configuration)
        configuration.certificateVerification =
            !verifiesServer ? .none : verifiesHostName ? .fullVerification : .noHostnameVerification
        return try makeContext(configuration)
    }

    /// The handler for one connection.
    func handler(_ context: NIOSSLContext, for host: String) throws(DICOMError) -> NIOSSLClientHandler {
        // An address cannot be a server name (RFC 6066 3), but is compared with the certificate all the same.
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        do {
            return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
        } catch {
            throw DICOMError(.tlsConfiguration, "The host name cannot be used with TLS.", underlying: error)
        }
    }
}

private func makeContext(_ configuration: TLSConfiguration) throws(DICOMError) -> NIOSSLContext {
    do {
        return try NIOSSLContext(configuration: configuration)
    } catch {
        throw DICOMError(
            .tlsConfiguration,
            "TLS cannot be set up with these files; does the private key belong to the certificate?", underlying: error)
    }
}

extension DICOMError.Code {
    /// The files or settings of TLS cannot be used.
    public static let tlsConfiguration = Self("tlsConfiguration")
    /// TLS could not be agreed upon with the peer: the message says what failed.
    public static let tlsFailed = Self("tlsFailed")
}
