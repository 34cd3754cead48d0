public import DICOMCore
import DICOMUpperLayer

/// A DICOM application entity and where it listens.
///
/// ```swift
/// let archive = try Endpoint(parsing: "ARCHIVE@[::1]:11112")
/// ```
public struct Endpoint: Hashable, Sendable, Codable, CustomStringConvertible {
    /// A host name, or an IPv4 or IPv6 address; the latter without brackets.
    public var host: String
    public var port: Int
    /// The application entity title, at most 16 characters (PS3.5 6.2, AE).
    public var aeTitle: String

    public init(host: String, port: Int, aeTitle: String) {
        self.host = host
        self.port = port
        self.aeTitle = aeTitle
    }

    /// Reads `AE@HOST:PORT`; an IPv6 address stands in brackets.
    ///
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/invalidValue`` that says which part is wrong.
    public init(parsing text: String) throws(DICOMError) {
        func refused(_ reason: String) -> DICOMError {
            DICOMError(.invalidValue, "'\(text.prefix(100))' is no endpoint: \(reason) Write AE@HOST:PORT.")
        }
        guard let at = text.firstIndex(of: "@") else { throw refused("The @ after the AE title is missing.") }
        let title = text[..<at]
        let address = text[text.index(after: at)...]
        guard let colon = address.lastIndex(of: ":") else { throw refused("The : before the port is missing.") }
        guard let port = Int(address[address.index(after: colon)...]) else { throw refused("The port is no number.") }
        var host = address[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw refused("An IPv6 address stands in brackets.")
        }
        self.init(host: String(host), port: port, aeTitle: String(title))
        try validate()
    }

    /// Checks that host, port and AE title can be used.
    ///
    /// - Throws: ``DICOMError`` with ``DICOMError/Code/invalidValue`` that says which one cannot.
    public func validate() throws(DICOMError) {
        guard !host.isEmpty, !host.contains(where: \.isWhitespace) else {
            throw DICOMError(.invalidValue, "The host of the endpoint '\(description)' is empty or has a space.")
        }
        guard (1...65535).contains(port) else {
            throw DICOMError(.invalidValue, "The port \(port) of '\(description)' is not between 1 and 65535.")
        }
        _ = try AETitle(validating: aeTitle)
    }

    /// As ``init(parsing:)`` reads it.
    public var description: String { "\(aeTitle)@\(Self.address(host: host, port: port))" }

    /// `host:port`, with brackets around an IPv6 address.
    static func address(host: String, port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
