public import ArgumentParser
import DICOMCoding
import DICOMImaging
public import DICOMNetwork
import DICOMUpperLayer
import Logging

/// The peer, as DicomNode's users name it.
struct PeerArguments: ParsableArguments {
    @Argument(help: "The peer's host name or address.") var host: String
    @Argument(help: "The peer's port.") var port: Int
    @Argument(help: "The AE title that this side calls itself.") var callingAE: String
    @Argument(help: "The AE title that the peer is called by.") var calledAE: String
    @Option(help: ArgumentHelp("How long the peer may take for each response.", valueName: "seconds"))
    var timeout = 120
    @OptionGroup var tls: ClientTLSOptions
    @Flag(help: "Print what goes over the association, PDU by PDU, without patient data, on standard error.")
    var trace = false

    func validate() throws {
        guard (1...65535).contains(port) else { throw ValidationError("The port has to be between 1 and 65535.") }
        guard (1...86_400).contains(timeout) else {
            throw ValidationError("The timeout has to be between 1 and 86400 seconds.")
        }
        try checkAETitle(callingAE)
        try checkAETitle(calledAE)
    }

    var endpoint: Endpoint { Endpoint(host: host, port: port, aeTitle: calledAE) }
    var options: AssociationClientOptions {
        var options = AssociationClientOptions(callingAETitle: callingAE)
        options.responseTimeout = .seconds(timeout)
        options.acceptTimeout = .seconds(min(timeout, 30))
        options.tls = tls.settings
        options.tracesPDUs = trace
        options.transcoder = { try DICOMFile.read($0).transcoded(to: $1) }
        return options
    }
    var logger: Logger { makeLogger(trace ? .trace : .error) }
}

/// TLS where this side opens the connection.
struct ClientTLSOptions: ParsableArguments {
    @Flag(help: "Use TLS 1.2 or 1.3.") var tls = false
    @OptionGroup var files: TLSFileOptions
    @Flag(help: "Do not check that the peer's certificate is for its host name.") var tlsAnyHostName = false
    @Flag(help: "Do not check the peer's certificate at all: for tests only.") var tlsNoVerification = false

    func validate() throws { try files.validate(isUsed: tls) }

    /// TLS where the peer calls back: with the same files.
    ///
    /// - Throws: `ValidationError` when there is no certificate to show.
    func listening() throws -> ServerTLS? {
        guard tls else { return nil }
        guard let certificate = files.tlsCertificate, let key = files.tlsKey else {
            throw ValidationError("--listen with --tls needs --tls-certificate and --tls-key.")
        }
        return ServerTLS(
            certificate: certificate, privateKey: key, trusted: files.tlsCA,
            clientCertificate: files.tlsCA == nil ? .ignored : .required)
    }

    var settings: ClientTLS? {
        guard tls else { return nil }
        var settings = ClientTLS(
            trusted: files.tlsCA, certificate: files.tlsCertificate, privateKey: files.tlsKey)
        settings.verifiesHostName = !tlsAnyHostName
        settings.verifiesServer = !tlsNoVerification
        return settings
    }
}

/// TLS where peers open the connection.
struct ServerTLSOptions: ParsableArguments {
    @Flag(help: "Use TLS 1.2 or 1.3; plain connections are refused.") var tls = false
    @OptionGroup var files: TLSFileOptions
    @Option(help: "What clients have to show, signed by the authority of --tls-ca: required, optional or ignored.")
    var tlsClientCertificate: ServerTLS.ClientCertificate = .required
    @Option(
        help: ArgumentHelp(
            "How often the files are looked at; changed ones are used without a restart.", valueName: "seconds"))
    var tlsReloadInterval = 10

    func validate() throws {
        try files.validate(isUsed: tls)
        guard (1...86_400).contains(tlsReloadInterval) else {
            throw ValidationError("--tls-reload-interval has to be between 1 and 86400 seconds.")
        }
        guard tls else { return }
        guard files.tlsCertificate != nil else {
            throw ValidationError("--tls needs --tls-certificate and --tls-key here.")
        }
        guard files.tlsCA != nil || tlsClientCertificate == .ignored else {
            throw ValidationError(
                "--tls needs --tls-ca to check clients with, or --tls-client-certificate ignored.")
        }
    }

    /// TLS where this side calls its peers, as a server does for C-MOVE and for reports: with the same files.
    var calling: ClientTLS? {
        guard tls else { return nil }
        return ClientTLS(trusted: files.tlsCA, certificate: files.tlsCertificate, privateKey: files.tlsKey)
    }

    var settings: ServerTLS? {
        guard tls, let certificate = files.tlsCertificate, let key = files.tlsKey else { return nil }
        var settings = ServerTLS(
            certificate: certificate, privateKey: key, trusted: files.tlsCA, clientCertificate: tlsClientCertificate)
        settings.reloadInterval = .seconds(tlsReloadInterval)
        return settings
    }
}

/// The files of TLS, all PEM.
struct TLSFileOptions: ParsableArguments {
    @Option(
        name: .customLong("tls-ca"),
        help: ArgumentHelp("The certificates of the authorities that are trusted, PEM.", valueName: "file"))
    var tlsCA: String?
    @Option(help: ArgumentHelp("This side's certificate, PEM.", valueName: "file")) var tlsCertificate: String?
    @Option(help: ArgumentHelp("The private key of the certificate, PEM.", valueName: "file")) var tlsKey: String?

    func validate(isUsed: Bool) throws {
        guard isUsed || (tlsCA == nil && tlsCertificate == nil && tlsKey == nil) else {
            throw ValidationError("The files of TLS are given, but not --tls.")
        }
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key belong together.")
        }
    }
}

extension ServerTLS.ClientCertificate: ExpressibleByArgument {}

func checkAETitle(_ aeTitle: String) throws {
    do { _ = try AETitle(validating: aeTitle) } catch { throw ValidationError("\(error)") }
}
