/// Where things stand in PDUs that are whole: so that a mutator can aim. It is written apart from `PDUDecoder`.
enum PDUStructure {
    struct LengthField: Equatable {
        var offset: Int
        /// 2 or 4 bytes.
        var size: Int
        var isBigEndian: Bool
        var value: UInt32
    }

    /// The PDUs of a stream that ends with one.
    static func pdus(in stream: [UInt8]) -> [[UInt8]] {
        var pdus: [[UInt8]] = []
        var rest = stream[...]
        while rest.count >= 6 {
            let pdu = rest.prefix(6 + Int(number(rest, 2, 4)))
            pdus.append(Array(pdu))
            rest = rest.dropFirst(pdu.count)
        }
        return pdus
    }

    /// The length fields of a PDU, of its items and of what is in those, and of the elements of a command.
    static func lengthFields(of pdu: [UInt8]) -> [LengthField] {
        guard pdu.count >= 6 else { return [] }
        var fields = [field(pdu[...], 2, 4)]
        switch pdu[0] {
        case 1, 2: addItems(pdu.dropFirst(74), &fields)
        case 4: addValues(pdu.dropFirst(6), &fields)
        default: break
        }
        return fields
    }

    /// The number of `size` bytes after `offset` bytes of a slice; 0 beyond its end.
    private static func number(_ bytes: ArraySlice<UInt8>, _ offset: Int, _ size: Int) -> UInt32 {
        bytes.dropFirst(offset).prefix(size).reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func field(_ bytes: ArraySlice<UInt8>, _ offset: Int, _ size: Int) -> LengthField {
        .init(
            offset: bytes.startIndex + offset, size: size, isBigEndian: true, value: number(bytes, offset, size))
    }

    private static func addItems(_ items: ArraySlice<UInt8>, _ fields: inout [LengthField]) {
        var rest = items
        while rest.count >= 4, let type = rest.first {
            fields.append(field(rest, 2, 2))
            let content = rest.dropFirst(4).prefix(Int(number(rest, 2, 2)))
            switch type {
            case 0x20, 0x21: addItems(content.dropFirst(4), &fields)
            case 0x50: addItems(content, &fields)
            case 0x54, 0x56, 0x57, 0x59: addCounted(content, &fields)
            case 0x58: addCounted(content.dropFirst(2), &fields)
            default: break
            }
            rest = rest.dropFirst(4 + content.count)
        }
    }

    /// 16-bit lengths and what they count; of a list in which lengths stand again only the outer one.
    private static func addCounted(_ content: ArraySlice<UInt8>, _ fields: inout [LengthField]) {
        var rest = content
        while rest.count >= 2 {
            fields.append(field(rest, 0, 2))
            rest = rest.dropFirst(2 + Int(number(rest, 0, 2)))
        }
    }

    private static func addValues(_ values: ArraySlice<UInt8>, _ fields: inout [LengthField]) {
        var rest = values
        while rest.count >= 6 {
            fields.append(field(rest, 0, 4))
            let content = rest.dropFirst(4).prefix(Int(number(rest, 0, 4)))
            // A whole command: tag, little-endian length, value.
            if content.dropFirst().first == 3 {
                var elements = content.dropFirst(2)
                while elements.count >= 8 {
                    let length = elements.dropFirst(4).prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
                    fields.append(
                        .init(offset: elements.startIndex + 4, size: 4, isBigEndian: false, value: length))
                    elements = elements.dropFirst(8 + Int(length))
                }
            }
            rest = rest.dropFirst(4 + content.count)
        }
    }
}
