public import DICOMCore
import DICOMDictionary

extension DataSet {
    /// Writes the data set for people to read, one line for each element, much as `dcmdump` does.
    ///
    /// ```
    /// (0008,0016) UI =CTImageStorage                          #  26, 1 SOPClassUID
    /// (0010,0010) PN [Doe^John]                               #   8, 1 PatientName
    /// (0040,0275) SQ (Sequence #=1)                           # u/l, 1 RequestAttributesSequence
    ///   (fffe,e000) na (Item #=1)                               # u/l, 1 Item
    ///     (0040,0009) SH [STEP 1]                                 #   6, 1 ScheduledProcedureStepID
    /// (7fe0,0010) OW 0000\0100\0200\0300                      #   8, 1 PixelData
    /// ```
    /// After `#` stand the length in bytes and the number of values. Control characters are shown as their codes, such
    /// as `<1B>`, so that no value acts on a terminal. The lines hold patient data: they do not belong in a log.
    /// - Parameters:
    ///   - maximumValueLength: Longer values are cut after so many characters and end in `...`; `nil` shows all.
    ///   - line: Called with each line in turn, without a line break: the whole text is never in memory.
    public func writeText(maximumValueLength: Int? = 64, to line: (String) throws -> Void) rethrows {
        let writer = DataSetTextWriter(limit: Swift.max(0, maximumValueLength ?? .max))
        try writer.write(self, indentation: "", to: line)
    }

    /// The data set for people to read, one line for each element; see ``writeText(maximumValueLength:to:)``.
    public func text(maximumValueLength: Int? = 64) -> String {
        var text = ""
        writeText(maximumValueLength: maximumValueLength) { text += $0 + "\n" }
        return text
    }
}

extension DataElement {
    /// The value for people to read, in one line of at most about so many characters. It may be patient data.
    public func text(maximumLength: Int) -> String {
        switch value {
        case .sequence(let items): "(Sequence #=\(items.count))"
        case .fragments(let fragments): "(PixelSequence #=\(fragments.count))"
        case .bytes, .text: DataSetTextWriter(limit: Swift.max(0, maximumLength)).value(of: self)
        }
    }
}

/// Writes data sets as lines of text.
private struct DataSetTextWriter {
    /// How many characters of a value are shown.
    let limit: Int

    /// It calls itself for the items of sequences, which are as deep as the parser's bound at most.
    func write(_ dataSet: DataSet, indentation: String, to line: (String) throws -> Void) rethrows {
        // Kept as they come, before the elements of their blocks: to look each of them up would take too long.
        var creators: [DICOMTag: String] = [:]
        for element in dataSet {
            if element.tag.isPrivateCreator { creators[element.tag] = element.privateCreator }
            let name = name(of: element.tag, creators)
            switch element.value {
            case .bytes, .text:
                let count = count(of: element)
                try line(
                    indentation
                        + row(element.tag, element.vr.code, value(of: element), String(count.bytes), count.values, name)
                )
            case .sequence(let items):
                try line(indentation + row(element.tag, element.vr.code, "(Sequence #=\(items.count))", "u/l", 1, name))
                for item in items {
                    let count = item.reduce(0) { count, _ in count + 1 }
                    try line(indentation + "  " + row(.item, "na", "(Item #=\(count))", "u/l", 1, "Item"))
                    try write(item, indentation: indentation + "    ", to: line)
                }
            case .fragments(let fragments):
                let value = "(PixelSequence #=\(fragments.count))"
                try line(indentation + row(element.tag, element.vr.code, value, "u/l", 1, name))
                for fragment in fragments {
                    let value = fragment.isEmpty ? noValue : hexadecimal(fragment, unit: 1)
                    try line(indentation + "  " + row(.item, "pi", value, String(fragment.count), 1, "Item"))
                }
            }
        }
    }

    private func row(
        _ tag: DICOMTag, _ vr: String, _ value: String, _ length: String, _ multiplicity: Int, _ name: String
    ) -> String {
        let value = value + String(repeating: " ", count: max(0, 40 - value.count))
        let length = String(repeating: " ", count: max(0, 4 - length.count)) + length
        let multiplicity = multiplicity < 10 ? " \(multiplicity)" : "\(multiplicity)"
        return "\(tag.description.lowercased()) \(vr) \(value) #\(length),\(multiplicity) \(name)"
    }

    private func name(of tag: DICOMTag, _ creators: [DICOMTag: String]) -> String {
        if tag.isPrivateCreator { return "PrivateCreator" }
        if tag.isPrivate {
            let creator = tag.element >= 0x1000 ? creators[DICOMTag(tag.group, tag.element >> 8)] : nil
            return creator.flatMap { DICOMDictionary.privateEntry(for: tag, creator: $0)?.name } ?? "Unknown"
        }
        let keyword = DICOMDictionary.entry(for: tag)?.keyword ?? ""
        if !keyword.isEmpty { return keyword }
        return tag.isGroupLength ? "GroupLength" : "Unknown"
    }

    // MARK: - Values

    private let noValue = "(no value available)"

    func value(of element: DataElement) -> String {
        guard !element.isEmpty else { return noValue }
        let bytes = element.bytes ?? []
        switch element.vr.kind {
        case .text, .decimal: return bracketed(element.strings.joined(separator: "\\"))
        case .uid:
            let values = element.strings
            if values.count == 1, let keyword = DICOMDictionary.keyword(of: UID(values[0])), !keyword.isEmpty {
                return "=" + keyword
            }
            return bracketed(values.joined(separator: "\\"))
        case .integer(let size, let signed):
            return joined(bytes, size) { bits in
                let shift = 64 - 8 * size
                return signed ? "\(Int64(bitPattern: bits << shift) >> shift)" : "\(bits)"
            }
        case .real(let size): return joined(bytes, size) { real($0, size) }
        case .tag:
            return joined(bytes, 4) { bits in
                DICOMTag(UInt16(truncatingIfNeeded: bits), UInt16(truncatingIfNeeded: bits >> 16)).description
                    .lowercased()
            }
        case .stream(let unit):
            if element.vr == .of || element.vr == .od { return joined(bytes, unit) { real($0, unit) } }
            return hexadecimal(bytes, unit: unit)
        case .sequence: return hexadecimal(bytes, unit: 1)
        }
    }

    private func real(_ bits: UInt64, _ size: Int) -> String {
        let text =
            size == 4 ? "\(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))" : "\(Double(bitPattern: bits))"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private func hexadecimal(_ bytes: ArraySlice<UInt8>, unit: Int) -> String {
        joined(bytes, unit) { digits($0, 2 * unit) }
    }

    private func digits(_ number: UInt64, _ count: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: max(0, count - digits.count)) + digits
    }

    /// The little-endian units of `size` bytes, as many as are shown; a rest that is no whole unit is shown as bytes.
    private func joined(_ bytes: ArraySlice<UInt8>, _ size: Int, _ text: (UInt64) -> String) -> String {
        var result = ""
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let count = bytes.endIndex - index < size ? 1 : size
            let unit = loadLittleEndian(bytes, at: index, count: count)
            let shown = (index > bytes.startIndex ? "\\" : "") + (count == size ? text(unit) : digits(unit, 2))
            guard result.utf8.count + shown.utf8.count <= limit else { return result + "..." }
            result += shown
            index += count
        }
        return result
    }

    private func bracketed(_ text: String) -> String {
        var result = ""
        for (count, scalar) in text.unicodeScalars.enumerated() {
            if count == limit { return "[" + result + "..." }
            result += visible(scalar)
        }
        return "[" + result + "]"
    }

    /// The character, or its code where it would act on a terminal or change the order of the text.
    private func visible(_ scalar: Unicode.Scalar) -> String {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
            let code = String(scalar.value, radix: 16, uppercase: true)
            return "<" + String(repeating: "0", count: max(0, 2 - code.count)) + code + ">"
        default: return String(scalar)
        }
    }

    /// The bytes that an element takes, and how many values they are.
    private func count(of element: DataElement) -> (bytes: Int, values: Int) {
        var bytes = element.bytes?.count ?? 0
        if case .text(let text) = element.value { bytes = text.utf8.count }
        bytes += bytes & 1
        switch element.vr.kind {
        case .text, .uid, .decimal: return (bytes, element.isEmpty ? 0 : element.strings.count)
        case .integer(let size, _), .real(let size): return (bytes, bytes / size)
        case .tag: return (bytes, bytes / 4)
        case .stream, .sequence: return (bytes, 1)
        }
    }
}
