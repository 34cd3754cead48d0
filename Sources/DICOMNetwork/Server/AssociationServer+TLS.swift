import Crypto
import DICOMCore
import Logging
import NIOCore
import NIOSSL
import Synchronization

extension AssociationServer {
    func loadTLS(_ settings: ServerTLS) throws(DICOMError) {
        let context = try settings.context()
        tls.withLock { $0 = context }
    }

    /// Reads the files again when one has changed.
    func watchTLS() async {
        guard let settings = configuration.tls else { return }
        var stamp = TLSFiles.Stamp(settings.files)
        while (try? await Task.sleep(for: settings.reloadInterval)) != nil {
            let now = TLSFiles.Stamp(settings.files)
            guard now != stamp else { continue }
            stamp = now
            do {
                try loadTLS(settings)
                logger.info("The files of TLS have changed; new connections use them.")
            } catch {
                logger.error(
                    "The files of TLS have changed and cannot be used; what was read before stays in use.",
                    metadata: ["reason": "\(error)"])
            }
        }
    }

    /// SHA-256 of the certificate that the peer has shown.
    func fingerprint(of exchange: AssociationChannel) async -> String? {
        guard configuration.tls != nil,
            let certificate = try? await exchange.channel.nioSSL_peerCertificate().get(),
            let bytes = try? certificate.toDERBytes()
        else { return nil }
        return SHA256.hash(data: bytes).map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }
}
