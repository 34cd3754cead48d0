import DICOMCore
import DICOMDictionary
import DICOMUpperLayer

/// PDUs with their bytes, written by hand from PS3.8 9.3 and PS3.7 D.3.3.
struct GoldenPDU: Sendable, CustomStringConvertible {
    let description: String
    let pdu: PDU
    let bytes: [UInt8]

    static let all = whole + items + short

    /// A request and an acceptance with all that they can hold, and the PDUs of a release.
    private static let whole: [GoldenPDU] = [
        .init(description: "A-ASSOCIATE-RQ", pdu: .associateRequest(request), bytes: requestBytes),
        .init(description: "A-ASSOCIATE-AC", pdu: .associateAccept(accept), bytes: acceptBytes),
        .init(
            description: "A-RELEASE-RQ", pdu: .releaseRequest,
            bytes: DICOMUpperLayerTests.bytes("05 00 00000004 00000000")),
        .init(
            description: "A-RELEASE-RP", pdu: .releaseReply,
            bytes: DICOMUpperLayerTests.bytes("06 00 00000004 00000000")),
    ]

    static let request: AssociateRequest = {
        var information = UserInformation(
            maximumPDULength: 131072, implementationClassUID: "1.2.3.4", implementationVersionName: "SWIFT_01")
        information.asynchronousOperations = .init(maximumInvoked: 1, maximumPerformed: 3)
        information.roleSelections = [.init(sopClassUID: .ctImageStorage, isSCU: false, isSCP: true)]
        information.extendedNegotiations = [.init(sopClassUID: .ctImageStorage, information: [2, 0, 3])]
        information.commonExtendedNegotiations = [
            .init(
                sopClassUID: .ctImageStorage, serviceClassUID: "1.2.840.10008.4.2",
                relatedGeneralSOPClassUIDs: [.mrImageStorage])
        ]
        information.userIdentity = .init(
            type: 2, isResponseRequested: true, primaryField: Array("user".utf8), secondaryField: Array("pass".utf8))
        return AssociateRequest(
            calledAETitle: "ARCHIVE", callingAETitle: "PLUSONE",
            presentationContexts: [
                .init(
                    id: 1, abstractSyntax: .verification,
                    transferSyntaxes: [.implicitVRLittleEndian, .explicitVRLittleEndian]),
                .init(id: 3, abstractSyntax: .ctImageStorage, transferSyntaxes: [.explicitVRLittleEndian]),
            ], userInformation: information)
    }()

    static let requestBytes = DICOMUpperLayerTests.bytes(
        """
        01 00 000001B1                              # A-ASSOCIATE-RQ; 68 + 25 + 73 + 60 + 207 = 433 bytes follow
        0001 0000                                   # protocol version 1
        'ARCHIVE         ' 'PLUSONE         '       # called, calling AE title
        0000000000000000 0000000000000000 0000000000000000 0000000000000000
        10 00 0015 '1.2.840.10008.3.1.1.1'          # application context, 4 + 21
        20 00 0045 01 000000                        # context 1, 4 + 69
          30 00 0011 '1.2.840.10008.1.1'            #   Verification
          40 00 0011 '1.2.840.10008.1.2'            #   implicit VR little endian
          40 00 0013 '1.2.840.10008.1.2.1'          #   explicit VR little endian
        20 00 0038 03 000000                        # context 3, 4 + 56
          30 00 0019 '1.2.840.10008.5.1.4.1.1.2'    #   CT Image Storage
          40 00 0013 '1.2.840.10008.1.2.1'
        50 00 00CB                                  # user information, 4 + 8 + 11 + 8 + 33 + 12 + 34 + 79 + 18
          51 00 0004 00020000                       #   maximum length 131072
          52 00 0007 '1.2.3.4'                      #   implementation class UID
          53 00 0004 0001 0003                      #   asynchronous operations: invoked 1, performed 3
          54 00 001D 0019 '1.2.840.10008.5.1.4.1.1.2' 00 01             # roles: not SCU, SCP
          55 00 0008 'SWIFT_01'                     #   implementation version name
          56 00 001E 0019 '1.2.840.10008.5.1.4.1.1.2' 020003            # extended negotiation
          57 00 004B 0019 '1.2.840.10008.5.1.4.1.1.2' 0011 '1.2.840.10008.4.2'
            001B 0019 '1.2.840.10008.5.1.4.1.1.4'   #   common extended negotiation, related: MR
          58 00 000E 02 01 0004 'user' 0004 'pass'  #   user identity: name and passcode, response requested
        """)

    static let accept: AssociateAccept = {
        var information = UserInformation(
            maximumPDULength: 16384, implementationClassUID: "1.2.3.4", implementationVersionName: "SWIFT_01")
        information.userIdentityResponse = Array("OK".utf8)
        return AssociateAccept(
            calledAETitle: "ARCHIVE", callingAETitle: "PLUSONE",
            presentationContexts: [
                .init(id: 1, result: .acceptance, transferSyntax: .implicitVRLittleEndian),
                .init(id: 3, result: .abstractSyntaxNotSupported, transferSyntax: .explicitVRLittleEndian),
            ], userInformation: information)
    }()

    static let acceptBytes = DICOMUpperLayerTests.bytes(
        """
        02 00 000000C4                              # A-ASSOCIATE-AC; 68 + 25 + 29 + 31 + 43 = 196 bytes follow
        0001 0000
        'ARCHIVE         ' 'PLUSONE         '
        0000000000000000 0000000000000000 0000000000000000 0000000000000000
        10 00 0015 '1.2.840.10008.3.1.1.1'
        21 00 0019 01 00 00 00                      # context 1: acceptance
          40 00 0011 '1.2.840.10008.1.2'
        21 00 001B 03 00 03 00                      # context 3: abstract syntax not supported
          40 00 0013 '1.2.840.10008.1.2.1'
        50 00 0027                                  # user information, 4 + 8 + 11 + 12 + 8
          51 00 0004 00004000                       #   maximum length 16384
          52 00 0007 '1.2.3.4'
          55 00 0008 'SWIFT_01'
          59 00 0004 0002 'OK'                      #   user identity: the server's response
        """)

    /// A message in three P-DATA-TF: a command in two values of one PDU, and a data set of 5 bytes in two PDUs.
    static let dataBytes = DICOMUpperLayerTests.bytes(
        """
        04 00 00000010                              # P-DATA-TF, 16 bytes
          00000004 03 01 A1A2                       #   context 3, command, not the last
          00000004 03 03 A3A4                       #   context 3, command, last
        04 00 00000008
          00000004 03 00 D1D2                       #   data set, not the last
        04 00 0000000F
          00000005 03 00 D3D4D5                     #   data set, not the last
          00000002 03 02                            #   data set, last and empty
        """)
    static let data: [Found] = [
        .value(contextID: 3, isCommand: true, isLast: true, [0xA1, 0xA2, 0xA3, 0xA4]),
        .value(contextID: 3, isCommand: false, isLast: true, [0xD1, 0xD2, 0xD3, 0xD4, 0xD5]),
    ]
}
