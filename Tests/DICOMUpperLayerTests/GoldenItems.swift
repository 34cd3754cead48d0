import DICOMCore
import DICOMDictionary
import DICOMUpperLayer

extension GoldenPDU {
    /// A request or an acceptance for each item and sub-item of PS3.8 9.3.2 and 9.3.3 and PS3.7 D.3.3, as small as it can be
    /// around it; lengths are written out, not computed.
    static let items = requests + accepts

    // MARK: - A-ASSOCIATE-RQ

    private static let requests: [GoldenPDU] = [
        request("maximum length: no limit", "0000009B", "0008", "", maximumLength: "00000000") {
            $0.maximumPDULength = 0
        },
        request("maximum length: the highest", "0000009B", "0008", "", maximumLength: "FFFFFFFF") {
            $0.maximumPDULength = .max
        },
        request("implementation class UID", "000000A6", "0013", "52 00 0007 '1.2.3.4'") {
            $0.implementationClassUID = "1.2.3.4"
        },
        request("implementation version name of 1 character", "000000A0", "000D", "55 00 0001 'A'") {
            $0.implementationVersionName = "A"
        },
        request(
            "implementation version name of 16 characters", "000000AF", "001C", "55 00 0010 'SIXTEEN LETTERS!'"
        ) { $0.implementationVersionName = "SIXTEEN LETTERS!" },
        request("asynchronous operations: any number", "000000A3", "0010", "53 00 0004 0000 0000") {
            $0.asynchronousOperations = .init(maximumInvoked: 0, maximumPerformed: 0)
        },
        request("asynchronous operations: 2 invoked, 65535 performed", "000000A3", "0010", "53 00 0004 0002 FFFF") {
            $0.asynchronousOperations = .init(maximumInvoked: 2, maximumPerformed: 65535)
        },
        request(
            "role selection: SCU and SCP", "000000BC", "0029", "54 00 001D 0019 '1.2.840.10008.5.1.4.1.1.2' 01 01"
        ) { $0.roleSelections = [.init(sopClassUID: .ctImageStorage, isSCU: true, isSCP: true)] },
        request(
            "role selection: SCU", "000000BC", "0029", "54 00 001D 0019 '1.2.840.10008.5.1.4.1.1.2' 01 00"
        ) { $0.roleSelections = [.init(sopClassUID: .ctImageStorage, isSCU: true, isSCP: false)] },
        request(
            "role selection: SCP", "000000BC", "0029", "54 00 001D 0019 '1.2.840.10008.5.1.4.1.1.2' 00 01"
        ) { $0.roleSelections = [.init(sopClassUID: .ctImageStorage, isSCU: false, isSCP: true)] },
        request(
            "role selections of two SOP classes, one with no role", "000000DD", "004A",
            """
            54 00 001D 0019 '1.2.840.10008.5.1.4.1.1.2' 00 00
            54 00 001D 0019 '1.2.840.10008.5.1.4.1.1.4' 00 01
            """
        ) {
            $0.roleSelections = [
                .init(sopClassUID: .ctImageStorage, isSCU: false, isSCP: false),
                .init(sopClassUID: .mrImageStorage, isSCU: false, isSCP: true),
            ]
        },
        request(
            "extended negotiation without information", "000000BA", "0027",
            "56 00 001B 0019 '1.2.840.10008.5.1.4.1.1.2'"
        ) { $0.extendedNegotiations = [.init(sopClassUID: .ctImageStorage, information: [])] },
        request(
            "extended negotiations of two SOP classes", "000000DD", "004A",
            """
            56 00 001E 0019 '1.2.840.10008.5.1.4.1.1.2' 020003
            56 00 001C 0019 '1.2.840.10008.5.1.4.1.1.4' FF
            """
        ) {
            $0.extendedNegotiations = [
                .init(sopClassUID: .ctImageStorage, information: [2, 0, 3]),
                .init(sopClassUID: .mrImageStorage, information: [255]),
            ]
        },
        request(
            "common extended negotiation without related SOP classes", "000000CF", "003C",
            "57 00 0030 0019 '1.2.840.10008.5.1.4.1.1.2' 0011 '1.2.840.10008.4.2' 0000"
        ) {
            $0.commonExtendedNegotiations = [
                .init(sopClassUID: .ctImageStorage, serviceClassUID: "1.2.840.10008.4.2")
            ]
        },
        request(
            "common extended negotiation with two related SOP classes", "00000105", "0072",
            """
            57 00 0066 0019 '1.2.840.10008.5.1.4.1.1.2' 0011 '1.2.840.10008.4.2'
              0036 0019 '1.2.840.10008.5.1.4.1.1.4' 0019 '1.2.840.10008.5.1.4.1.1.7'
            """
        ) {
            $0.commonExtendedNegotiations = [
                .init(
                    sopClassUID: .ctImageStorage, serviceClassUID: "1.2.840.10008.4.2",
                    relatedGeneralSOPClassUIDs: [.mrImageStorage, .secondaryCaptureImageStorage])
            ]
        },
        request("user identity: name", "000000A9", "0016", "58 00 000A 01 00 0004 'user' 0000") {
            $0.userIdentity = .init(type: 1, primaryField: Array("user".utf8))
        },
        request("user identity: name, response wanted", "000000A9", "0016", "58 00 000A 01 01 0004 'user' 0000") {
            $0.userIdentity = .init(type: 1, isResponseRequested: true, primaryField: Array("user".utf8))
        },
        request("user identity: name and passcode", "000000AD", "001A", "58 00 000E 02 00 0004 'user' 0004 'pass'") {
            $0.userIdentity = .init(
                type: 2, primaryField: Array("user".utf8), secondaryField: Array("pass".utf8))
        },
        request("user identity: Kerberos ticket", "000000A7", "0014", "58 00 0008 03 01 0002 6E82 0000") {
            $0.userIdentity = .init(type: 3, isResponseRequested: true, primaryField: [0x6E, 0x82])
        },
        request("user identity: SAML assertion", "000000AC", "0019", "58 00 000D 04 01 0007 '<saml/>' 0000") {
            $0.userIdentity = .init(type: 4, isResponseRequested: true, primaryField: Array("<saml/>".utf8))
        },
        request("user identity: JSON web token", "000000AA", "0017", "58 00 000B 05 00 0005 'a.b.c' 0000") {
            $0.userIdentity = .init(type: 5, primaryField: Array("a.b.c".utf8))
        },
        .init(
            description: "context 255 with three transfer syntaxes",
            pdu: .associateRequest(
                .init(
                    calledAETitle: "SIXTEEN LETTERS!", callingAETitle: "A",
                    presentationContexts: [
                        .init(
                            id: 255, abstractSyntax: .verification,
                            transferSyntaxes: [
                                .explicitVRBigEndian, .explicitVRLittleEndian, .implicitVRLittleEndian,
                            ])
                    ], userInformation: .init(maximumPDULength: 16384))),
            bytes: DICOMUpperLayerTests.bytes(
                """
                01 00 000000C9 0001 0000 'SIXTEEN LETTERS!' 'A               '  # 68 + 25 + 96 + 12 = 201
                0000000000000000 0000000000000000 0000000000000000 0000000000000000
                10 00 0015 '1.2.840.10008.3.1.1.1'
                20 00 005C FF 000000                        # 4 + 21 + 23 + 23 + 21 = 92
                  30 00 0011 '1.2.840.10008.1.1'
                  40 00 0013 '1.2.840.10008.1.2.2'
                  40 00 0013 '1.2.840.10008.1.2.1'
                  40 00 0011 '1.2.840.10008.1.2'
                50 00 0008 51 00 0004 00004000
                """)),
    ]

    /// A request with one sub-item of `n` bytes behind the maximum length.
    ///
    /// - Parameters:
    ///   - length: Of the PDU: 68 + 25 + 50 + 4 + 8 + `n` = 155 (9BH) + `n`.
    ///   - informationLength: Of the user information item: 8 + `n`.
    private static func request(
        _ description: String, _ length: String, _ informationLength: String, _ item: String,
        maximumLength: String = "00004000", _ change: (inout UserInformation) -> Void
    ) -> GoldenPDU {
        var information = UserInformation(maximumPDULength: 16384)
        change(&information)
        let request = AssociateRequest(
            calledAETitle: "ARCHIVE", callingAETitle: "PLUSONE",
            presentationContexts: [
                .init(id: 1, abstractSyntax: .verification, transferSyntaxes: [.implicitVRLittleEndian])
            ], userInformation: information)
        return .init(
            description: "A-ASSOCIATE-RQ, \(description)", pdu: .associateRequest(request),
            bytes: DICOMUpperLayerTests.bytes(
                """
                01 00 \(length) 0001 0000 'ARCHIVE         ' 'PLUSONE         '
                0000000000000000 0000000000000000 0000000000000000 0000000000000000
                10 00 0015 '1.2.840.10008.3.1.1.1'
                20 00 002E 01 000000 30 00 0011 '1.2.840.10008.1.1' 40 00 0011 '1.2.840.10008.1.2'
                50 00 \(informationLength) 51 00 0004 \(maximumLength)
                \(item)
                """))
    }

    // MARK: - A-ASSOCIATE-AC

    private static let accepts: [GoldenPDU] = [
        accept("user identity, empty response", "0000008C", "000E", "59 00 0002 0000") {
            $0.userIdentityResponse = []
        },
        accept("user identity, response", "0000008E", "0010", "59 00 0004 0002 6F01") {
            $0.userIdentityResponse = [0x6F, 0x01]
        },
        accept(
            "asynchronous operations, role selection, extended negotiation", "000000D1", "0053",
            """
            53 00 0004 0001 0001
            54 00 001D 0019 '1.2.840.10008.5.1.4.1.1.2' 01 00
            56 00 001E 0019 '1.2.840.10008.5.1.4.1.1.2' 010203
            """
        ) {
            $0.asynchronousOperations = .init(maximumInvoked: 1, maximumPerformed: 1)
            $0.roleSelections = [.init(sopClassUID: .ctImageStorage, isSCU: true, isSCP: false)]
            $0.extendedNegotiations = [.init(sopClassUID: .ctImageStorage, information: [1, 2, 3])]
        },
        .init(
            description: "A-ASSOCIATE-AC, each result of a context",
            pdu: .associateAccept(
                .init(
                    calledAETitle: "ARCHIVE", callingAETitle: "PLUSONE",
                    presentationContexts: [
                        .init(id: 1, result: .acceptance, transferSyntax: .implicitVRLittleEndian),
                        .init(id: 3, result: .userRejection, transferSyntax: .implicitVRLittleEndian),
                        .init(id: 5, result: .noReason, transferSyntax: .implicitVRLittleEndian),
                        .init(id: 7, result: .abstractSyntaxNotSupported, transferSyntax: .implicitVRLittleEndian),
                        .init(id: 9, result: .transferSyntaxesNotSupported, transferSyntax: .implicitVRLittleEndian),
                    ], userInformation: .init(maximumPDULength: 16384))),
            bytes: DICOMUpperLayerTests.bytes(
                """
                02 00 000000FA 0001 0000 'ARCHIVE         ' 'PLUSONE         '  # 68 + 25 + 5 x 29 + 12 = 250
                0000000000000000 0000000000000000 0000000000000000 0000000000000000
                10 00 0015 '1.2.840.10008.3.1.1.1'
                21 00 0019 01 00 00 00 40 00 0011 '1.2.840.10008.1.2'   # acceptance
                21 00 0019 03 00 01 00 40 00 0011 '1.2.840.10008.1.2'   # user rejection
                21 00 0019 05 00 02 00 40 00 0011 '1.2.840.10008.1.2'   # no reason
                21 00 0019 07 00 03 00 40 00 0011 '1.2.840.10008.1.2'   # abstract syntax not supported
                21 00 0019 09 00 04 00 40 00 0011 '1.2.840.10008.1.2'   # transfer syntaxes not supported
                50 00 0008 51 00 0004 00004000
                """)),
    ]

    /// An acceptance with sub-items of `n` bytes behind the maximum length; its length is 68 + 25 + 29 + 4 + 8 + `n` = 134
    /// (86H) + `n`.
    private static func accept(
        _ description: String, _ length: String, _ informationLength: String, _ items: String,
        _ change: (inout UserInformation) -> Void
    ) -> GoldenPDU {
        var information = UserInformation(maximumPDULength: 16384)
        change(&information)
        let accept = AssociateAccept(
            calledAETitle: "ARCHIVE", callingAETitle: "PLUSONE",
            presentationContexts: [.init(id: 1, result: .acceptance, transferSyntax: .implicitVRLittleEndian)],
            userInformation: information)
        return .init(
            description: "A-ASSOCIATE-AC, \(description)", pdu: .associateAccept(accept),
            bytes: DICOMUpperLayerTests.bytes(
                """
                02 00 \(length) 0001 0000 'ARCHIVE         ' 'PLUSONE         '
                0000000000000000 0000000000000000 0000000000000000 0000000000000000
                10 00 0015 '1.2.840.10008.3.1.1.1'
                21 00 0019 01 00 00 00 40 00 0011 '1.2.840.10008.1.2'
                50 00 \(informationLength) 51 00 0004 00004000
                \(items)
                """))
    }
}
