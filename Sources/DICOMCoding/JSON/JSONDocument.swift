public import DICOMCore

/// A JSON text (RFC 8259), checked as a whole and indexed without decoding a value.
///
/// Number tokens keep their text, which is the value of a DS or IS. The index takes eight bytes for each value, and
/// the parser works without recursion: time and memory are linear in the text, whatever it holds.
package struct JSONDocument: Sendable {
    /// What a node is, by the first byte of its text.
    package enum Kind: Sendable { case object, array, string, number, boolean, null }

    /// One value or key, in the order of the text. The nodes in an array or object follow its own, keys and values of an
    /// object in turns.
    private struct Node {
        /// Where the text of the node begins.
        var start: UInt32
        /// For arrays and objects the index of the node that follows, for others where the text ends.
        var end: UInt32
    }

    private let bytes: [UInt8]
    private let nodes: [Node]

    /// - Parameter maximumDepth: Arrays and objects nested deeper than this are refused.
    /// - Throws: ``DICOMError`` with `malformedJSON` and the byte offset of what is wrong.
    package init(_ bytes: [UInt8], maximumDepth: Int) throws(DICOMError) {
        guard bytes.count < UInt32.max else {
            throw DICOMError(.malformedJSON, "The JSON text has more than 4 GiB; use BulkDataURI for long values.")
        }
        var parser = Parser(bytes, maximumDepth: maximumDepth)
        try parser.parse()
        self.bytes = bytes
        nodes = parser.nodes
    }

    // MARK: - Access

    /// The node that everything else is in.
    package static let root = 0

    package func kind(_ node: Int) -> Kind {
        switch bytes[offset(node)] {
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .boolean
        case UInt8(ascii: "n"): .null
        default: .number
        }
    }

    /// Where the node stands in the text.
    package func offset(_ node: Int) -> Int { Int(nodes[node].start) }

    /// The nodes of the values in an array, or of the keys and values in turns of an object; none for other nodes.
    package func children(_ node: Int) -> Children { Children(document: self, node: node) }

    /// The text of a number, boolean or null as it stands; that of a string without quotes and escapes, in UTF-8.
    package func text(_ node: Int) -> ArraySlice<UInt8> {
        let range = offset(node)..<Int(nodes[node].end)
        guard kind(node) == .string else { return bytes[range] }
        let inner = bytes[range.lowerBound + 1..<range.upperBound - 1]
        guard let escape = inner.firstIndex(of: UInt8(ascii: "\\")) else { return inner }
        return JSONString.unescaped(inner, firstEscape: escape)[...]
    }

    package func string(_ node: Int) -> String { String(decoding: text(node), as: UTF8.self) }

    private func isContainer(_ node: Int) -> Bool {
        let first = bytes[offset(node)]
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }

    private func next(after node: Int) -> Int { isContainer(node) ? Int(nodes[node].end) : node + 1 }

    package struct Children: Sequence, IteratorProtocol {
        private let document: JSONDocument
        private var node: Int
        private let end: Int

        fileprivate init(document: JSONDocument, node: Int) {
            self.document = document
            self.node = node + 1
            end = document.next(after: node)
        }

        package mutating func next() -> Int? {
            guard node < end else { return nil }
            defer { node = document.next(after: node) }
            return node
        }
    }
}

// MARK: - Parser

extension JSONDocument {
    private struct Parser {
        private enum Expected { case value, valueOrEnd, key, keyOrEnd, commaOrEnd, nothing }

        private let bytes: [UInt8]
        private let maximumDepth: Int
        private var position = 0
        /// The arrays and objects around the position.
        private var open: [Int] = []
        private(set) var nodes: [Node] = []

        init(_ bytes: [UInt8], maximumDepth: Int) {
            self.bytes = bytes
            self.maximumDepth = maximumDepth
        }

        mutating func parse() throws(DICOMError) {
            // A byte order mark must not be written, but may be ignored (RFC 8259 8.1).
            if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
            var expected = Expected.value
            while true {
                skipSpace()
                guard position < bytes.count else { break }
                expected = try step(bytes[position], expected)
            }
            guard expected == .nothing else { throw malformed("it ends too early") }
        }

        private mutating func step(_ byte: UInt8, _ expected: Expected) throws(DICOMError) -> Expected {
            switch (expected, byte) {
            case (.valueOrEnd, UInt8(ascii: "]")), (.keyOrEnd, UInt8(ascii: "}")): return close()
            case (.commaOrEnd, UInt8(ascii: "]")) where !isInObject: return close()
            case (.commaOrEnd, UInt8(ascii: "}")) where isInObject: return close()
            case (.commaOrEnd, UInt8(ascii: ",")):
                position += 1
                return isInObject ? .key : .value
            case (.key, UInt8(ascii: "\"")), (.keyOrEnd, UInt8(ascii: "\"")):
                try parseScalar(byte)
                skipSpace()
                guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else {
                    throw malformed("a colon is missing after a key")
                }
                position += 1
                return .value
            case (.value, _), (.valueOrEnd, _): return try parseValue(byte)
            case (.key, _), (.keyOrEnd, _): throw malformed("a key in quotes is missing")
            case (.commaOrEnd, _): throw malformed("a comma or the end of the array or object is missing")
            case (.nothing, _): throw malformed("something follows its end")
            }
        }

        private mutating func parseValue(_ byte: UInt8) throws(DICOMError) -> Expected {
            let isObject = byte == UInt8(ascii: "{")
            guard isObject || byte == UInt8(ascii: "[") else {
                try parseScalar(byte)
                return open.isEmpty ? .nothing : .commaOrEnd
            }
            guard open.count < maximumDepth else {
                throw malformed("arrays and objects are nested deeper than \(maximumDepth)")
            }
            open.append(nodes.count)
            nodes.append(Node(start: UInt32(position), end: 0))
            position += 1
            return isObject ? .keyOrEnd : .valueOrEnd
        }

        private mutating func parseScalar(_ byte: UInt8) throws(DICOMError) {
            let start = position
            switch byte {
            case UInt8(ascii: "\""): try scanString()
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                guard let end = JSONNumber.end(in: bytes[position...]) else {
                    throw malformed("a number is incomplete")
                }
                position = end
            case UInt8(ascii: "t"): try expect("true")
            case UInt8(ascii: "f"): try expect("false")
            case UInt8(ascii: "n"): try expect("null")
            default: throw malformed("a value is missing")
            }
            nodes.append(Node(start: UInt32(start), end: UInt32(position)))
        }

        private mutating func close() -> Expected {
            position += 1
            if let node = open.popLast() { nodes[node].end = UInt32(nodes.count) }
            return open.isEmpty ? .nothing : .commaOrEnd
        }

        private var isInObject: Bool {
            guard let node = open.last else { return false }
            return bytes[Int(nodes[node].start)] == UInt8(ascii: "{")
        }

        private mutating func expect(_ literal: String) throws(DICOMError) {
            guard bytes[position...].starts(with: literal.utf8) else { throw malformed("a value is missing") }
            position += literal.utf8.count
        }

        private mutating func skipSpace() {
            while position < bytes.count {
                switch bytes[position] {
                case 0x20, 0x0A, 0x0D, 0x09: position += 1
                default: return
                }
            }
        }

        private mutating func scanString() throws(DICOMError) {
            position += 1
            while position < bytes.count {
                switch bytes[position] {
                case UInt8(ascii: "\""):
                    position += 1
                    return
                case UInt8(ascii: "\\"):
                    guard let length = JSONString.escapeLength(in: bytes[position...]) else {
                        throw malformed("an escape in a string is unknown or has half a surrogate pair")
                    }
                    position += length
                case 0..<0x20: throw malformed("a control character in a string is not escaped")
                case 0x80...:
                    guard let length = JSONString.utf8Length(in: bytes[position...]) else {
                        throw malformed("a string is not valid UTF-8")
                    }
                    position += length
                default: position += 1
                }
            }
            throw malformed("a string has no end")
        }

        private func malformed(_ reason: String) -> DICOMError {
            DICOMError(
                .malformedJSON,
                "The text is not valid JSON: \(reason). Check that it is complete and UTF-8 (RFC 8259).",
                offset: position)
        }
    }
}

extension DICOMError.Code {
    /// The text is not JSON (RFC 8259), or not the DICOM JSON model (PS3.18 F.2).
    public static let malformedJSON = DICOMError.Code("malformedJSON")
}
