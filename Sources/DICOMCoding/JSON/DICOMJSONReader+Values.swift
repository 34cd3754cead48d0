import DICOMCore

extension DICOMJSONReader {
    // MARK: - Text

    /// The values of a text VR, joined by backslashes.
    func text(_ node: Int, _ vr: VR) throws(DICOMError) -> String {
        var text: [UInt8] = []
        var isFirst = true
        let hasOneValue = if case .text(_, multiple: false) = vr.kind { true } else { false }
        for child in json.children(node) {
            if !isFirst {
                guard !hasOneValue else { throw malformed("\(vr) has one value only", child) }
                text.append(UInt8(ascii: "\\"))
            }
            isFirst = false
            switch (json.kind(child), vr) {
            case (.null, _): break
            case (.object, .pn): text += try name(child)
            case (.string, .ds), (.number, .ds): text += try decimal(json.text(child), child)
            case (.number, .is): text += integerText(json.text(child))
            case (.string, _):
                let value = json.text(child)
                guard hasOneValue || !value.contains(UInt8(ascii: "\\")) else {
                    throw malformed("a value of \(vr) has a backslash, which would divide it", child)
                }
                text += value
            default: throw malformed("a value of \(vr) is of another type", child)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The component groups of a person name with `=` between them, empty ones at the end left out (PS3.5 6.2.1.2).
    private func name(_ node: Int) throws(DICOMError) -> [UInt8] {
        var groups: [ArraySlice<UInt8>] = [[], [], []]
        var members = json.children(node)
        while let key = members.next(), let group = members.next() {
            let kind = json.kind(group)
            guard kind == .string || kind == .null else {
                throw malformed("a group of a person name is a string", group)
            }
            let text = kind == .null ? [] : json.text(group)
            switch json.string(key) {
            case "Alphabetic": groups[0] = text
            case "Ideographic": groups[1] = text
            case "Phonetic": groups[2] = text
            default: break
            }
        }
        while let last = groups.last, last.isEmpty { groups.removeLast() }
        return Array(groups.joined(separator: [UInt8(ascii: "=")]))
    }

    /// A DS: its text as it stands, or the closest number that fits where a number has more than 16 characters (PS3.5 6.2).
    private func decimal(_ text: ArraySlice<UInt8>, _ node: Int) throws(DICOMError) -> ArraySlice<UInt8> {
        guard text.count > 16, let number = number(text) else { return text }
        guard number.isFinite else { throw malformed("a value of DS is too large", node) }
        return Array(decimalString(number).utf8)[...]
    }

    /// An IS has digits only: 1e3 and 5.0 are the same numbers to JSON.
    private func integerText(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard !JSONNumber.isInteger(text), let integer: Int = integral(text) else { return text }
        return Array(String(integer).utf8)[...]
    }

    // MARK: - Binary numbers

    /// The bits of an integer; SV and UV may be strings, which keep all digits where JSON's numbers may not.
    func integer(_ node: Int, size: Int, signed: Bool, _ vr: VR) throws(DICOMError) -> UInt64 {
        guard json.kind(node) == .number || (json.kind(node) == .string && size == 8) else {
            throw malformed("a value of \(vr) is of another type", node)
        }
        let text = json.text(node)
        // Numbers such as 5.0 and 1e3 are integers too.
        let unused = 64 - 8 * size
        if signed, let number = Int64(String(decoding: text, as: UTF8.self)) ?? integral(text),
            (number << unused) >> unused == number
        {
            return UInt64(bitPattern: number)
        }
        if !signed, let number = UInt64(String(decoding: text, as: UTF8.self)) ?? integral(text),
            (number << unused) >> unused == number
        {
            return number
        }
        throw malformed("a value of \(vr) is no integer or out of its range", node)
    }

    private func integral<Integer: FixedWidthInteger>(_ text: ArraySlice<UInt8>) -> Integer? {
        number(text).flatMap { Integer(exactly: $0) }
    }

    /// The bits of a floating-point number; what is not finite is a string.
    func real(_ node: Int, size: Int, _ vr: VR) throws(DICOMError) -> UInt64 {
        let kind = json.kind(node)
        guard kind == .number || kind == .string else { throw malformed("a value of \(vr) is of another type", node) }
        let text = json.text(node)
        func bits(_ number: Double) -> UInt64 { size == 4 ? UInt64(Float(number).bitPattern) : number.bitPattern }
        if kind == .string, let number = nonFiniteNumber(String(decoding: text, as: UTF8.self)) { return bits(number) }
        guard let number = number(text), number.isFinite, size == 8 || Float(number).isFinite else {
            throw malformed("a value of \(vr) is no number or out of its range", node)
        }
        return bits(number)
    }

    /// The number that a text with nothing but the characters of decimal numbers is: `Double` would take others too.
    private func number(_ text: ArraySlice<UInt8>) -> Double? {
        text.allSatisfy(\.isPartOfDecimal) ? Double(String(decoding: text, as: UTF8.self)) : nil
    }

    /// The names that programs give to what is no JSON number.
    private func nonFiniteNumber(_ text: String) -> Double? {
        switch text.lowercased() {
        case "nan": .nan
        case "infinity", "+infinity", "inf", "+inf": .infinity
        case "-infinity", "-inf": -.infinity
        default: nil
        }
    }
}

extension UInt8 {
    fileprivate var isPartOfDecimal: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "E"), UInt8(ascii: "e"):
            true
        default: false
        }
    }
}
