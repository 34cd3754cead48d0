import DICOMUpperLayer

extension GoldenPDU {
    /// A-ASSOCIATE-RJ with each result, source and reason of PS3.8 Table 9-21, and A-ABORT with each source and reason of
    /// Table 9-26: a type, a reserved byte, a length of 4, and four bytes.
    static let short =
        rejections.map { line in
            let (result, source, reason, text) = line
            return GoldenPDU(
                description: "A-ASSOCIATE-RJ \(result)/\(source)/\(reason)",
                pdu: .associateReject(.init(result: result, source: source, reason: reason)),
                bytes: DICOMUpperLayerTests.bytes(text))
        }
        + aborts.map { line in
            let (source, reason, text) = line
            return GoldenPDU(
                description: "A-ABORT \(source)/\(reason)",
                pdu: .abort(.init(source: source, reason: .init(rawValue: reason))),
                bytes: DICOMUpperLayerTests.bytes(text))
        }

    /// Result, source and reason, and the bytes.
    private static let rejections: [(UInt8, UInt8, UInt8, String)] = [
        // Permanent, by the service user.
        (1, 1, 1, "03 00 00000004 00 01 01 01"),  // no reason given
        (1, 1, 2, "03 00 00000004 00 01 01 02"),  // application context name not supported
        (1, 1, 3, "03 00 00000004 00 01 01 03"),  // calling AE title not recognized
        (1, 1, 7, "03 00 00000004 00 01 01 07"),  // called AE title not recognized
        // By the service provider, ACSE.
        (1, 2, 1, "03 00 00000004 00 01 02 01"),  // no reason given
        (1, 2, 2, "03 00 00000004 00 01 02 02"),  // protocol version not supported
        // By the service provider, presentation.
        (1, 3, 1, "03 00 00000004 00 01 03 01"),  // temporary congestion
        (1, 3, 2, "03 00 00000004 00 01 03 02"),  // local limit exceeded
        // Transient.
        (2, 1, 1, "03 00 00000004 00 02 01 01"),
        (2, 1, 2, "03 00 00000004 00 02 01 02"),
        (2, 1, 3, "03 00 00000004 00 02 01 03"),
        (2, 1, 7, "03 00 00000004 00 02 01 07"),
        (2, 2, 1, "03 00 00000004 00 02 02 01"),
        (2, 2, 2, "03 00 00000004 00 02 02 02"),
        (2, 3, 1, "03 00 00000004 00 02 03 01"),
        (2, 3, 2, "03 00 00000004 00 02 03 02"),
    ]

    /// Source and reason, and the bytes.
    private static let aborts: [(UInt8, UInt8, String)] = [
        (0, 0, "07 00 00000004 00 00 00 00"),  // by the service user
        (2, 0, "07 00 00000004 00 00 02 00"),  // by the service provider, not specified
        (2, 1, "07 00 00000004 00 00 02 01"),  // unrecognized PDU
        (2, 2, "07 00 00000004 00 00 02 02"),  // unexpected PDU
        (2, 4, "07 00 00000004 00 00 02 04"),  // unrecognized PDU parameter
        (2, 5, "07 00 00000004 00 00 02 05"),  // unexpected PDU parameter
        (2, 6, "07 00 00000004 00 00 02 06"),  // invalid PDU parameter value
    ]
}
