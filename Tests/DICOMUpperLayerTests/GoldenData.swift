import DICOMUpperLayer
import NIOCore

/// P-DATA-TF PDUs with their bytes, written by hand from PS3.8 9.3.5 and annex E.
struct GoldenData: Sendable, CustomStringConvertible {
    let description: String
    let bytes: [UInt8]
    let values: [Found]
    /// How ``DIMSEFragmenter`` writes it; `nil` when it would not, because it puts one value into each PDU.
    var write: (@Sendable (DIMSEFragmenter, inout ByteBuffer) -> Void)?

    init(
        _ description: String, _ text: String, _ values: [Found],
        _ write: (@Sendable (DIMSEFragmenter, inout ByteBuffer) -> Void)? = nil
    ) {
        self.description = description
        bytes = DICOMUpperLayerTests.bytes(text)
        self.values = values
        self.write = write
    }

    static let all: [GoldenData] = [
        // Item length, context, message control header: bit 0 is command, bit 1 is last.
        .init(
            "a piece of a data set", "04 00 0000000A 00000006 01 00 D1D2D3D4",
            [.value(contextID: 1, isCommand: false, isLast: false, [0xD1, 0xD2, 0xD3, 0xD4])]
        ) { $0.writeData([0xD1, 0xD2, 0xD3, 0xD4], contextID: 1, isLast: false, into: &$1) },
        .init(
            "a piece of a command", "04 00 00000008 00000004 FF 01 C1C2",
            [.value(contextID: 255, isCommand: true, isLast: false, [0xC1, 0xC2])]),
        .init(
            "the end of a data set", "04 00 00000008 00000004 03 02 D1D2",
            [.value(contextID: 3, isCommand: false, isLast: true, [0xD1, 0xD2])]
        ) { $0.writeData([0xD1, 0xD2], contextID: 3, isLast: true, into: &$1) },
        .init(
            "the end of a command", "04 00 00000008 00000004 FF 03 C1C2",
            [.value(contextID: 255, isCommand: true, isLast: true, [0xC1, 0xC2])]
        ) { $0.writeCommand([0xC1, 0xC2], contextID: 255, into: &$1) },
        .init(
            "an empty end", "04 00 00000006 00000002 01 02",
            [.value(contextID: 1, isCommand: false, isLast: true, [])]
        ) { $0.writeData([], contextID: 1, isLast: true, into: &$1) },
        .init(
            "a command in two PDUs", "04 00 0000000C 00000008 01 01 C1C2C3C4C5C6 04 00 00000007 00000003 01 03 C7",
            [.value(contextID: 1, isCommand: true, isLast: true, [0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7])]
        ) { $0.writeCommand([0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7], contextID: 1, into: &$1) },
        .init(
            "two values in one PDU",
            """
            04 00 00000010                              # 8 + 8
              00000004 05 03 C1C2
              00000004 05 02 D1D2
            """,
            [
                .value(contextID: 5, isCommand: true, isLast: true, [0xC1, 0xC2]),
                .value(contextID: 5, isCommand: false, isLast: true, [0xD1, 0xD2]),
            ]),
        .init(
            "three values of two contexts in one PDU, one empty",
            """
            04 00 00000015                              # 7 + 6 + 8
              00000003 01 03 C1
              00000002 01 02
              00000004 03 00 D1D2
            """,
            [
                .value(contextID: 1, isCommand: true, isLast: true, [0xC1]),
                .value(contextID: 1, isCommand: false, isLast: true, []),
                .value(contextID: 3, isCommand: false, isLast: false, [0xD1, 0xD2]),
            ]),
    ]
}
