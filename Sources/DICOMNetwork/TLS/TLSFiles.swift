import DICOMCore
import Glibc
import NIOSSL

/// The files that TLS needs, all PEM (RFC 7468).
///
/// ```swift
/// let files = TLSFiles(certificate: "node.crt", privateKey: "node.key", trusted: "hospital-ca.crt")
/// ```
public struct TLSFiles: Sendable, Hashable {
    /// This side's certificate, and after it those that lead to the root; needed by a server, and by a client whose peer
    /// asks for one.
    public var certificate: String?
    /// The private key of the certificate; not encrypted, and readable by the server's user only.
    public var privateKey: String?
    /// The certificates of the authorities that peers' certificates are checked against; `nil`: those of the system.
    public var trusted: String?

    public init(certificate: String? = nil, privateKey: String? = nil, trusted: String? = nil) {
        self.certificate = certificate
        self.privateKey = privateKey
        self.trusted = trusted
    }

    /// What changes when a file is replaced or written: device, file, size and time of each.
    struct Stamp: Equatable {
        private let values: [Int]

        init(_ files: TLSFiles) {
            values = [files.certificate, files.privateKey, files.trusted].flatMap { path -> [Int] in
                var status = stat()
                guard let path, stat(path, &status) == 0 else { return [-1] }
                return [
                    Int(truncatingIfNeeded: status.st_dev), Int(truncatingIfNeeded: status.st_ino),
                    Int(status.st_size), Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec),
                ]
            }
        }
    }

    /// The configuration that both roles share: BCP 195 (RFC 8996, RFC 9325) as PS3.15 annex B asks: TLS 1.2 or 1.3, ephemeral
    /// keys, authenticated encryption.
    ///
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/tlsConfiguration`` that names the file and what is wrong with it.
    func apply(to configuration: inout TLSConfiguration) throws(DICOMError) {
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuiteValues = [
            .TLS_AES_128_GCM_SHA256, .TLS_AES_256_GCM_SHA384, .TLS_CHACHA20_POLY1305_SHA256,
            .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ]
        configuration.renegotiationSupport = .none
        if let trusted {
            configuration.trustRoots = .certificates(try Self.certificates(trusted, "trusted certificates"))
        }
    }

    /// Certificate and private key; `nil` when there are none.
    func identity() throws(DICOMError) -> (chain: [NIOSSLCertificateSource], key: NIOSSLPrivateKeySource)? {
        guard let certificate else {
            guard privateKey == nil else {
                throw DICOMError(.tlsConfiguration, "A private key is given for TLS, but no certificate.")
            }
            return nil
        }
        guard let privateKey else {
            throw DICOMError(
                .tlsConfiguration, "The certificate '\(certificate)' is given for TLS without private key.")
        }
        let chain = try Self.certificates(certificate, "certificate")
        if let first = chain.first { try Self.checkDates(of: first, certificate) }
        return (chain.map { .certificate($0) }, .privateKey(try Self.key(privateKey)))
    }

    private static func certificates(_ path: String, _ what: String) throws(DICOMError) -> [NIOSSLCertificate] {
        let found: [NIOSSLCertificate]
        do { found = try NIOSSLCertificate.fromPEMFile(path) } catch {
            throw unreadable(path, what, "a PEM file of certificates (-----BEGIN CERTIFICATE-----)")
        }
        guard !found.isEmpty else {
            throw DICOMError(.tlsConfiguration, "'\(path)', given for TLS as \(what), has no certificate in it.")
        }
        return found
    }

    private static func key(_ path: String) throws(DICOMError) -> NIOSSLPrivateKey {
        do {
            return try NIOSSLPrivateKey(file: path, format: .pem)
        } catch {
            throw unreadable(path, "private key", "a PEM file of a key that is not encrypted")
        }
    }

    private static func unreadable(_ path: String, _ what: String, _ wanted: String) -> DICOMError {
        guard access(path, R_OK) == 0 else {
            return DICOMError(
                .tlsConfiguration,
                "'\(path)', given for TLS as \(what), cannot be read: \(String(cString: strerror(errno))).")
        }
        return DICOMError(.tlsConfiguration, "'\(path)', given for TLS as \(what), is not \(wanted).")
    }

    private static func checkDates(of certificate: NIOSSLCertificate, _ path: String) throws(DICOMError) {
        guard let problem = certificate.dateProblem else { return }
        throw DICOMError(.tlsConfiguration, "The certificate '\(path)' \(problem): peers would refuse it. Renew it.")
    }
}

extension NIOSSLCertificate {
    /// Why the certificate is not valid today; `nil` when it is.
    var dateProblem: String? {
        let now = time(nil)
        if notValidAfter < now { return "has expired" }
        if notValidBefore > now { return "is not valid yet" }
        return nil
    }
}
