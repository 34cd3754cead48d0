import DICOMCore
import DICOMDictionary

/// Makes data sets of a text in the DICOM JSON model (PS3.18 F.2).
struct DICOMJSONReader {
    typealias BulkData = (String, DICOMTag, VR) throws -> [UInt8]?

    let json: JSONDocument
    private let maximumDepth: Int
    private let bulkData: BulkData?
    /// The element that is being made, inside the sequences around it.
    private var path: [DICOMTag] = []
    /// Texts in the current character set's scope that are more than ASCII.
    private var wideTexts: [String] = []

    init(_ bytes: [UInt8], maximumDepth: Int, bulkData: BulkData?) throws(DICOMError) {
        self.maximumDepth = max(0, min(maximumDepth, Int(UInt16.max)))
        // A level is an object for the data set, one for the element and an array for its values; an array of data sets is
        // around all, and a person name is an object once more.
        json = try JSONDocument(bytes, maximumDepth: 3 * self.maximumDepth + 5)
        self.bulkData = bulkData
    }

    mutating func dataSet() throws(DICOMError) -> DataSet {
        guard json.kind(JSONDocument.root) == .object else {
            throw malformed("a data set is an object; read an array of them with DataSet.array(json:)", 0)
        }
        return try dataSet(JSONDocument.root, isRoot: true)
    }

    mutating func dataSets() throws(DICOMError) -> [DataSet] {
        guard json.kind(JSONDocument.root) == .array else { return [try dataSet()] }
        var dataSets: [DataSet] = []
        for node in json.children(JSONDocument.root) {
            guard json.kind(node) == .object else { throw malformed("a data set is an object", node) }
            dataSets.append(try dataSet(node, isRoot: true))
        }
        return dataSets
    }

    // MARK: - Data sets

    private mutating func dataSet(_ node: Int, isRoot: Bool) throws(DICOMError) -> DataSet {
        let outside = wideTexts.count
        var elements: [DataElement] = []
        var members = json.children(node)
        while let key = members.next(), let member = members.next() {
            let tag = try tag(key)
            path.append(tag)
            if let element = try element(tag, member) { elements.append(element) }
            path.removeLast()
        }
        // In ascending order each element comes to the end of the data set, however the text had them. Of equal tags the
        // last one counts.
        if !zip(elements, elements.dropFirst()).allSatisfy({ $0.tag <= $1.tag }) {
            let order = elements.indices.sorted { (elements[$0].tag, $0) < (elements[$1].tag, $1) }
            elements = order.map { elements[$0] }
        }
        var dataSet = DataSet()
        for element in elements { dataSet[element: element.tag] = element }
        if isRoot || dataSet.contains(.specificCharacterSet) {
            settleCharacterSet(of: &dataSet, for: wideTexts[outside...])
            wideTexts.removeSubrange(outside...)
        }
        return dataSet
    }

    /// Lets the data set be encoded: where its character set lacks a character, UTF-8 takes its place.
    private func settleCharacterSet(of dataSet: inout DataSet, for texts: ArraySlice<String>) {
        let characterSet = dataSet.characterSet
        let isSufficient = texts.allSatisfy { (try? characterSet.encode($0)) != nil }
        if !isSufficient { dataSet[.specificCharacterSet] = SpecificCharacterSet.utf8.terms }
    }

    private func tag(_ key: Int) throws(DICOMError) -> DICOMTag {
        let text = json.text(key)
        guard text.count == 8, let number = hexadecimalNumber(text) else {
            throw malformed(
                "a key is a tag of eight hexadecimal digits, such as 00100020, not a keyword or another name", key)
        }
        let tag = DICOMTag(rawValue: number)
        guard tag.group != 0xFFFE else { throw malformed("\(tag) is no data element", key) }
        return tag
    }

    // MARK: - Elements

    /// The members of an element's object.
    private struct Members {
        var vr: Int?
        var value: Int?
        var inlineBinary: Int?
        var bulkDataURI: Int?
    }

    /// `nil` when the element is to be left out.
    private mutating func element(_ tag: DICOMTag, _ node: Int) throws(DICOMError) -> DataElement? {
        let members = try members(of: node)
        let vr = try vr(members.vr, tag)
        switch (members.value, members.inlineBinary, members.bulkDataURI) {
        case (nil, nil, nil): return DataElement(tag, vr, vr == .sq ? .sequence([]) : .bytes([]))
        case (let value?, nil, nil): return DataElement(tag, vr, try values(value, vr))
        case (nil, let text?, nil):
            guard let bytes = Base64.decode(json.text(try onlyString(text, "InlineBinary"))) else {
                throw malformed("InlineBinary is not base64 with padding (RFC 4648 section 4)", text)
            }
            return try element(tag, vr, bytes, node)
        case (nil, nil, let uri?):
            guard let bytes = try bytes(at: onlyString(uri, "BulkDataURI"), tag, vr) else { return nil }
            return try element(tag, vr, bytes, node)
        default: throw malformed("an element has only one of Value, InlineBinary and BulkDataURI", node)
        }
    }

    private func members(of node: Int) throws(DICOMError) -> Members {
        guard json.kind(node) == .object else { throw malformed("an element is an object with vr and Value", node) }
        var members = Members()
        var children = json.children(node)
        while let key = children.next(), let member = children.next() {
            let member = json.kind(member) == .null ? nil : member
            switch json.string(key) {
            case "vr": members.vr = member
            case "Value": members.value = member
            case "InlineBinary": members.inlineBinary = member
            case "BulkDataURI": members.bulkDataURI = member
            default: break
            }
        }
        return members
    }

    private func vr(_ node: Int?, _ tag: DICOMTag) throws(DICOMError) -> VR {
        if let node {
            guard json.kind(node) == .string else { throw malformed("vr is a string", node) }
            let code = json.text(node)
            if code.count == 2, let vr = VR(code[code.startIndex], code[code.startIndex + 1]) { return vr }
        }
        return DICOMDictionary.vr(of: tag) ?? .un
    }

    /// The string, or the only string of an array: examples of PS3.18 F.4 had InlineBinary so.
    private func onlyString(_ node: Int, _ name: String) throws(DICOMError) -> Int {
        var string: Int? = node
        if json.kind(node) == .array {
            var children = json.children(node)
            string = children.next()
            if children.next() != nil { string = nil }
        }
        guard let string, json.kind(string) == .string else { throw malformed("\(name) is a string", node) }
        return string
    }

    // MARK: - Binary values

    private func bytes(at uri: Int, _ tag: DICOMTag, _ vr: VR) throws(DICOMError) -> [UInt8]? {
        guard let bulkData else {
            throw malformed(
                "the value is not here but at a BulkDataURI; pass bulkData to get or to leave out such values", uri)
        }
        do {
            return try bulkData(json.string(uri), tag, vr)
        } catch {
            throw DICOMError(
                .inputOutput, "The value at a BulkDataURI could not be had.", at: path, offset: json.offset(uri),
                underlying: error)
        }
    }

    private mutating func element(_ tag: DICOMTag, _ vr: VR, _ bytes: [UInt8], _ node: Int) throws(DICOMError)
        -> DataElement
    {
        guard vr != .sq else { throw malformed("a sequence has a Value of objects", node) }
        if tag == .pixelData, vr == .ob || vr == .ow, let fragments = Self.fragments(in: bytes) {
            return DataElement(tag, vr, .fragments(fragments))
        }
        // Text comes in UTF-8 (PS3.18 F.2.2 note 4); what is not is bytes of an unknown character set and kept.
        if vr.isText, let text = String(validating: bytes, as: UTF8.self) {
            return DataElement(tag, vr, .text(noted(text, vr)))
        }
        return DataElement(tag, vr, .bytes(bytes[...]))
    }

    /// The fragments, when the bytes are nothing but items (PS3.5 A.4).
    private static func fragments(in bytes: [UInt8]) -> [ArraySlice<UInt8>]? {
        var fragments: [ArraySlice<UInt8>] = []
        var position = 0
        while position < bytes.count {
            guard bytes.count - position >= 8, bytes[position...].starts(with: [0xFE, 0xFF, 0x00, 0xE0]) else {
                return nil
            }
            let length = Int(truncatingIfNeeded: loadLittleEndian(bytes[...], at: position + 4, count: 4))
            position += 8
            guard length <= bytes.count - position else { return nil }
            fragments.append(bytes[position..<position + length])
            position += length
        }
        return fragments.isEmpty ? nil : fragments
    }

    // MARK: - Values

    private mutating func values(_ node: Int, _ vr: VR) throws(DICOMError) -> DataElement.Value {
        guard json.kind(node) == .array else { throw malformed("Value is an array", node) }
        switch vr.kind {
        case .sequence: return .sequence(try items(node))
        case .text, .uid, .decimal: return .text(noted(try text(node, vr), vr))
        case .integer(let size, let signed):
            return try units(node, size) { reader, value throws(DICOMError) in
                try reader.integer(value, size: size, signed: signed, vr)
            }
        case .real(let size):
            return try units(node, size) { reader, value throws(DICOMError) in try reader.real(value, size: size, vr) }
        case .tag:
            return try units(node, 4) { reader, value throws(DICOMError) in
                let tag = reader.json.kind(value) == .string ? reader.json.text(value) : []
                guard tag.count == 8, let number = hexadecimalNumber(tag) else {
                    throw reader.malformed("a value of AT is a string of eight hexadecimal digits", value)
                }
                return UInt64(number >> 16 | number << 16)
            }
        case .stream:
            var children = json.children(node)
            guard children.next() == nil else {
                throw malformed("\(vr) has no Value but InlineBinary; state the vr when it is another", node)
            }
            return .bytes([])
        }
    }

    private mutating func items(_ node: Int) throws(DICOMError) -> [DataSet] {
        guard path.count <= maximumDepth else {
            throw malformed("sequences are nested deeper than \(maximumDepth)", node)
        }
        var items: [DataSet] = []
        for child in json.children(node) {
            switch json.kind(child) {
            case .object: items.append(try dataSet(child, isRoot: false))
            case .null: items.append(DataSet())
            default: throw malformed("a value of SQ is an object", child)
            }
        }
        return items
    }

    /// Little-endian numbers of `size` bytes, one for each value.
    private func units(
        _ node: Int, _ size: Int, _ unit: (DICOMJSONReader, Int) throws(DICOMError) -> UInt64
    ) throws(DICOMError) -> DataElement.Value {
        var bytes: [UInt8] = []
        var count = 0
        for child in json.children(node) {
            count += 1
            // A null can only stand for no value at all: binary numbers have no empty ones between others.
            if json.kind(child) == .null, count == 1 { continue }
            guard bytes.count == (count - 1) * size else { throw malformed("a value of a binary VR is null", node) }
            let bits = try unit(self, child)
            for position in 0..<size { bytes.append(UInt8(truncatingIfNeeded: bits >> (8 * position))) }
        }
        return .bytes(bytes[...])
    }

    /// Remembers text that needs a character set.
    private mutating func noted(_ text: String, _ vr: VR) -> String {
        if case .text(repertoire: true, _) = vr.kind, text.utf8.contains(where: { $0 >= 0x80 }) {
            wideTexts.append(text)
        }
        return text
    }

    func malformed(_ reason: String, _ node: Int) -> DICOMError {
        DICOMError(
            .malformedJSON, "The text is not in the DICOM JSON model (PS3.18 F.2): \(reason).", at: path,
            offset: json.offset(node))
    }
}
