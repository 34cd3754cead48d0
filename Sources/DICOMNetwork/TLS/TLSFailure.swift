import DICOMCore
import NIOCore
import NIOSSL

/// Says in words why a connection failed, above all in TLS's handshake.
enum TLSFailure {
    static func error(for error: any Error, _ context: ChannelHandlerContext) -> DICOMError {
        if let error = error as? DICOMError { return error }
        // A refusal of this side's certificate comes as an alert after the handshake in TLS 1.3.
        var isHandshake = error is BoringSSLError
        if case .handshakeFailed? = error as? NIOSSLError { isHandshake = true }
        if isHandshake {
            let certificate = try? context.channel.pipeline.syncOperations.nioSSL_peerCertificate()
            return DICOMError(.tlsFailed, message("\(error)", certificate), underlying: nil)
        }
        if let error = error as? NIOSSLError {
            switch error {
            case .uncleanShutdown:
                return DICOMError(.connectionLost, "The connection ended within TLS, without its closing message.")
            case .unableToValidateCertificate:
                return DICOMError(.tlsFailed, "The peer's certificate could not be checked.")
            default: break
            }
        }
        if "\(error)".contains("failedToValidateHostname") || "\(error)".contains("NIOSSLExtraError.failedToValidate") {
            return DICOMError(
                .tlsFailed,
                "The server's certificate is not for the host that was connected to. Use a name that is in the certificate."
            )
        }
        return DICOMError(.connectionLost, "The connection failed.", underlying: error)
    }

    /// What BoringSSL calls a failure, and what it means for who has to mend it.
    private static let meanings: [(String, String)] = [
        ("WRONG_VERSION_NUMBER", notTLS), ("HTTP_REQUEST", notTLS), ("HTTPS_PROXY_REQUEST", notTLS),
        ("UNEXPECTED_MESSAGE", notTLS), ("UNKNOWN_PROTOCOL", notTLS), ("BAD_PROTOCOL_VERSION", notTLS),
        (
            "PEER_DID_NOT_RETURN_A_CERTIFICATE",
            "The client showed no certificate, but one is required. Give it one that the trusted authority has signed."
        ),
        (
            "ALERT_CERTIFICATE_REQUIRED",
            "The server requires a client certificate and got none. Set certificate and private key."
        ),
        (
            "ALERT_UNKNOWN_CA",
            "The peer does not know the authority that signed this side's certificate. Add it to what the peer trusts."
        ),
        ("ALERT_CERTIFICATE_EXPIRED", "The peer refuses this side's certificate because it has expired. Renew it."),
        ("ALERT_CERTIFICATE_REVOKED", "The peer refuses this side's certificate because it was revoked. Renew it."),
        (
            "ALERT_BAD_CERTIFICATE", "The peer refuses this side's certificate."
        ),
        ("ALERT_CERTIFICATE_UNKNOWN", "The peer refuses this side's certificate."),
        ("ALERT_HANDSHAKE_FAILURE", noCommonGround + " The peer may also want a certificate of this side."),
        ("ALERT_PROTOCOL_VERSION", noCommonGround),
        ("UNSUPPORTED_PROTOCOL", noCommonGround), ("NO_SHARED_CIPHER", noCommonGround),
        (
            "EOF during handshake",
            "The peer closed the connection while TLS was set up; does it speak TLS on this port?"
        ),
    ]

    private static let notTLS =
        "The peer does not speak TLS: it sent something else where TLS should begin. Is this a port for plain DICOM, or does the peer lack its TLS setting?"
    private static let noCommonGround =
        "The peer has no TLS version and cipher suite in common with this side, which takes TLS 1.2 and 1.3 with ephemeral keys and authenticated encryption (BCP 195)."

    private static func message(_ text: String, _ certificate: NIOSSLCertificate?) -> String {
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            if let problem = certificate?.dateProblem {
                return "The peer's certificate \(problem). It has to be renewed."
            }
            return
                "The peer's certificate was not signed by a trusted authority, or is not valid now. Add its authority to the trusted certificates, or renew it."
        }
        if let meaning = meanings.first(where: { text.contains($0.0) }) { return meaning.1 }
        return "TLS could not be agreed upon with the peer: \(text)"
    }
}
