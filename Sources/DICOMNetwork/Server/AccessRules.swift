public import DICOMCore
import Glibc
import NIOCore

/// Who may have an association with a server, by address, AE title and certificate.
///
/// What is denied is refused whatever is allowed; an empty list of what is allowed allows all. AE titles and addresses are
/// claims of the peer's network: only certificates prove who a peer is.
///
/// ```swift
/// configuration.access.allowedAddresses = [try AddressRange("10.20.0.0/16")]
/// configuration.access.deniedCallingAETitles = ["OLD_CT"]
/// configuration.access.allowedCertificates = ["9f:86:d0:…"]  // SHA-256 of the certificate, as openssl prints it
/// ```
public struct AccessRules: Sendable {
    /// Rejected with 1/1/3, calling AE title not recognized (PS3.8 9.3.4).
    public var allowedCallingAETitles: Set<String> = []
    public var deniedCallingAETitles: Set<String> = []
    /// The connection is closed before anything is read.
    public var allowedAddresses: [AddressRange] = []
    public var deniedAddresses: [AddressRange] = []
    /// SHA-256 fingerprints of client certificates, hexadecimal, with or without colons. Rejected with 1/1/1.
    public var allowedCertificates: Set<String> = [] {
        didSet { allowedCertificates = Set(allowedCertificates.map(Self.plain)) }
    }
    public var deniedCertificates: Set<String> = [] {
        didSet { deniedCertificates = Set(deniedCertificates.map(Self.plain)) }
    }

    public init() {}

    func allows(_ address: SocketAddress?) -> Bool {
        if allowedAddresses.isEmpty, deniedAddresses.isEmpty { return true }
        guard let bytes = address?.addressBytes else { return false }
        if deniedAddresses.contains(where: { $0.contains(bytes) }) { return false }
        return allowedAddresses.isEmpty || allowedAddresses.contains { $0.contains(bytes) }
    }

    /// - Parameter fingerprint: `nil`: the client showed no certificate.
    func allowsCertificate(_ fingerprint: String?) -> Bool {
        if let fingerprint, deniedCertificates.contains(fingerprint) { return false }
        return allowedCertificates.isEmpty || fingerprint.map(allowedCertificates.contains) ?? false
    }

    private static func plain(_ fingerprint: String) -> String {
        fingerprint.filter { $0 != ":" && !$0.isWhitespace }.lowercased()
    }
}

/// An address, or all that begin with the same bits: `192.168.7.0/24`, `fd00::/8`, `10.1.2.3`.
public struct AddressRange: Sendable, Hashable {
    private let bytes: [UInt8]
    private let prefixLength: Int

    /// - Throws: ``DICOMError`` with ``DICOMError/Code/invalidValue``.
    public init(_ text: String) throws(DICOMError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = try? SocketAddress(ipAddress: String(parts[0]), port: 0), let bytes = address.addressBytes
        else { throw DICOMError(.invalidValue, "'\(text.prefix(60))' is no IPv4 or IPv6 address or range.") }
        let length = parts.count == 2 ? Int(parts[1]) : bytes.count * 8
        guard let length, (0...bytes.count * 8).contains(length) else {
            throw DICOMError(
                .invalidValue, "'\(text.prefix(60))' is no range: after the slash comes 0 to \(bytes.count * 8).")
        }
        self.bytes = bytes
        prefixLength = length
    }

    func contains(_ address: [UInt8]) -> Bool {
        guard address.count == bytes.count else { return false }
        return zip(bytes, address).enumerated().allSatisfy { index, pair in
            let bits = min(8, max(0, prefixLength - 8 * index))
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> bits)
            return pair.0 & mask == pair.1 & mask
        }
    }
}

extension SocketAddress {
    /// 4 bytes of IPv4, also where it is mapped into IPv6, or 16 of IPv6.
    fileprivate var addressBytes: [UInt8]? {
        guard let text = ipAddress else { return nil }
        if let v4 = Self.bytes(of: text, family: AF_INET, count: 4) { return v4 }
        // A scope, as in fe80::1%eth0, is no part of the address.
        let unscoped = String(text.prefix { $0 != "%" })
        guard let bytes = Self.bytes(of: unscoped, family: AF_INET6, count: 16) else { return nil }
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        return isMapped ? Array(bytes[12...]) : bytes
    }

    private static func bytes(of text: String, family: Int32, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}
