import ArgumentParser
import DICOMCoding
import DICOMCore
import DICOMDictionary

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print the elements of a DICOM file: tag, VR, length, keyword, value.")

    @Argument(help: "The file.") var file: String

    func run() throws {
        let file = try DICOMFile.read(file)
        print("# Meta group")
        for element in file.meta { show(element, depth: 0) }
        print("# Data set, \(file.transferSyntax)")
        for element in file.dataSet { show(element, depth: 0) }
    }

    private func show(_ element: DataElement, depth: Int) {
        let keyword =
            DICOMDictionary.entry(for: element.tag)?.keyword ?? (element.tag.isPrivate ? "Private" : "Unknown")
        let indent = String(repeating: "  ", count: depth)
        let (length, value) = summary(element)
        print("\(indent)\(element.tag) \(element.vr) \(length) \(keyword): \(value)")
        for (number, item) in element.items.enumerated() {
            print("\(indent)  # Item \(number + 1)")
            for element in item { show(element, depth: depth + 1) }
        }
    }

    /// The length in bytes, and at most 80 characters of the value.
    private func summary(_ element: DataElement) -> (String, String) {
        switch element.value {
        case .sequence(let items): return ("-", "\(items.count) items")
        case .fragments(let fragments): return ("-", "\(max(0, fragments.count - 1)) fragments")
        case .bytes(let bytes):
            let isBinary = element.strings.isEmpty && !bytes.isEmpty
            return (
                "\(bytes.count)",
                isBinary ? hexadecimal(bytes.prefix(16)) + (bytes.count > 16 ? "…" : "") : text(element)
            )
        case .text(let text): return ("\(text.utf8.count)", text)
        }
    }

    private func text(_ element: DataElement) -> String {
        // At most 32 values of a long list are turned into text.
        let joined = element.strings.prefix(32).joined(separator: "\\")
        let printable = String(
            joined.unicodeScalars.map { $0.properties.generalCategory == .control ? "." : Character($0) })
        return "[" + (printable.count > 80 ? printable.prefix(80) + "…" : printable) + "]"
    }

    private func hexadecimal(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined(separator: " ")
    }
}
