import DICOMCore
import DICOMNetwork
import Testing

struct EndpointTests {
    @Test(arguments: [
        ("ARCHIVE@10.0.0.4:104", "10.0.0.4", 104, "ARCHIVE"),
        ("A B@pacs.example.org:11112", "pacs.example.org", 11112, "A B"),
        ("NODE@[::1]:4242", "::1", 4242, "NODE"),
    ])
    func endpointsAreReadAndWritten(text: String, host: String, port: Int, title: String) throws {
        let endpoint = try Endpoint(parsing: text)
        #expect(endpoint == Endpoint(host: host, port: port, aeTitle: title))
        #expect(endpoint.description == text)
    }

    @Test(arguments: [
        "", "@", "host:104", "AE@host", "AE@host:", "AE@host:x", "AE@host:0", "AE@host:65536", "AE@:104", "@host:104",
        "AE@::1:104", "ATITLETHATISTOOLONG@host:104", "AE@ho st:104", "A\\E@host:104", "AE@host:99999999999999999999",
    ])
    func wrongEndpointsAreRefused(text: String) {
        let error = #expect(throws: DICOMError.self) { try Endpoint(parsing: text) }
        #expect(error?.code == .invalidValue)
    }
}
