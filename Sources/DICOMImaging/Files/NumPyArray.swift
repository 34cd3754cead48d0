import DICOMCoding
public import DICOMCore
import Glibc

/// An array as NumPy stores it in a `.npy` file: a shape, a type, and the elements, the last index running fastest.
///
/// ```swift
/// try NumPyArray(volume).write(to: "ct.npy")     // slices × rows × columns
/// ```
public struct NumPyArray: Sendable, Equatable {
    /// The type of the elements. In memory they are always little endian.
    public enum ElementType: String, Sendable, CaseIterable {
        case bool = "b1"
        case uint8 = "u1"
        case int8 = "i1"
        case uint16 = "u2"
        case int16 = "i2"
        case uint32 = "u4"
        case int32 = "i4"
        case uint64 = "u8"
        case int64 = "i8"
        case float = "f4"
        case double = "f8"

        /// Bytes of an element.
        public var size: Int { Int(rawValue.dropFirst()) ?? 1 }
    }

    public let shape: [Int]
    public let type: ElementType
    /// The elements, little endian.
    public let bytes: [UInt8]

    /// - Precondition: There are as many bytes as the shape asks for.
    public init(shape: [Int], type: ElementType, bytes: [UInt8]) {
        precondition(
            shape.allSatisfy { $0 >= 0 } && bytes.count == shape.reduce(type.size, *), "bytes do not fit the shape")
        self.shape = shape
        self.type = type
        self.bytes = bytes
    }

    /// The voxels of a volume: slices × rows × columns.
    public init<Scalar: VoxelScalar>(_ volume: Volume<Scalar>) {
        self.init(
            shape: [volume.slices, volume.rows, volume.columns], type: ElementType(Scalar.scalarType),
            bytes: volume.withUnsafeBuffer { [UInt8](UnsafeRawBufferPointer($0)) })
    }

    /// The voxels of a colour volume: slices × rows × columns × 3.
    public init(_ volume: Volume<RGBVoxel>) {
        self.init(
            shape: [volume.slices, volume.rows, volume.columns, 3], type: .uint8,
            bytes: volume.withUnsafeBuffer { [UInt8](UnsafeRawBufferPointer($0)) })
    }

    // MARK: - Files

    /// Reads a file of format 1, 2 or 3. Big-endian elements are swapped and Fortran order is brought to C order.
    ///
    /// - Throws: ``DICOMError`` with the code `invalidFile` when it is no such file, or cut off.
    public init(path: String) throws(DICOMError) {
        let file = try PosixFile(path, O_RDONLY)
        let size = try file.size()
        guard size <= PhysicalMemory.size else { throw Self.invalid("the file is larger than the memory") }
        try self.init(encoded: try file.read(at: 0, count: size))
    }

    /// Reads what ``encoded()`` or NumPy has written.
    ///
    /// - Throws: ``DICOMError`` with the code `invalidFile`.
    public init(encoded: [UInt8]) throws(DICOMError) {
        guard encoded.count >= 10, encoded.starts(with: [0x93] + Array("NUMPY".utf8)) else {
            throw Self.invalid("it does not begin with the mark of a NumPy array")
        }
        let isShort = encoded[6] == 1
        guard (1...3).contains(encoded[6]), encoded.count >= 12 else {
            throw Self.invalid("version \(encoded[6]) of the format is not known")
        }
        let length = (0..<(isShort ? 2 : 4)).reduce(0) { $0 | Int(encoded[8 + $1]) << (8 * $1) }
        let start = (isShort ? 10 : 12) + length
        guard length <= 1 << 20, start <= encoded.count else { throw Self.invalid("its header is cut off") }
        let header = try NumPyHeader(String(decoding: encoded[(isShort ? 10 : 12)..<start], as: UTF8.self))
        var count = header.type.size
        for extent in header.shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard !overflow else { throw Self.invalid("its shape has more elements than can be counted") }
            count = product
        }
        guard count <= encoded.count - start else {
            throw Self.invalid("its shape needs \(count) bytes, but \(encoded.count - start) follow the header")
        }
        var bytes = Array(encoded[start..<start + count])
        if header.isBigEndian { Self.swap(&bytes, header.type.size) }
        if header.isFortran { bytes = Self.transposed(bytes, header.shape, header.type.size) }
        self.init(shape: header.shape, type: header.type, bytes: bytes)
    }

    /// The file's bytes, format 1.0.
    public func encoded() -> [UInt8] {
        let order = type.size == 1 ? "|" : "<"
        let tuple = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var header = "{'descr': '\(order)\(type.rawValue)', 'fortran_order': False, 'shape': (\(tuple)), }"
        // The elements begin at a multiple of 64.
        header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
        let length = header.utf8.count
        return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(header.utf8)
            + bytes
    }

    /// Writes the file, readable for the user only, under a temporary name first.
    ///
    /// - Throws: ``DICOMError`` when it cannot be written.
    public func write(to path: String) throws(DICOMError) {
        try FileSystem.write([encoded()[...]], to: path)
    }

    private static func invalid(_ what: String) -> DICOMError {
        DICOMError(.invalidFile, "the file is no NumPy array that can be read: \(what)")
    }

    private static func swap(_ bytes: inout [UInt8], _ size: Int) {
        for start in stride(from: 0, to: bytes.count, by: size) { bytes[start..<start + size].reverse() }
    }

    /// From the first index running fastest to the last.
    private static func transposed(_ bytes: [UInt8], _ shape: [Int], _ size: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: bytes.count)
        var index = [Int](repeating: 0, count: shape.count)
        for source in 0..<bytes.count / size {
            let target = zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 }
            for byte in 0..<size { result[target * size + byte] = bytes[source * size + byte] }
            for axis in shape.indices {
                index[axis] += 1
                if index[axis] < shape[axis] { break }
                index[axis] = 0
            }
        }
        return result
    }
}

extension NumPyArray.ElementType {
    init(_ scalar: ScalarType) {
        self =
            switch scalar {
            case .uint8: .uint8
            case .int8: .int8
            case .uint16: .uint16
            case .int16: .int16
            case .uint32: .uint32
            case .int32: .int32
            case .float: .float
            case .double: .double
            }
    }
}

/// The header: a Python dictionary of three known entries.
private struct NumPyHeader {
    var shape: [Int] = []
    var type = NumPyArray.ElementType.uint8
    var isBigEndian = false
    var isFortran = false

    init(_ text: String) throws(DICOMError) {
        func invalid(_ what: String) -> DICOMError {
            DICOMError(.invalidFile, "the file is no NumPy array that can be read: \(what)")
        }
        guard let descr = Self.value(of: "descr", in: text), descr.count >= 5, let quote = descr.first,
            quote == "'" || quote == "\"", let end = descr.dropFirst().firstIndex(of: quote)
        else { throw invalid("the header names no simple type") }
        let name = descr[descr.index(after: descr.startIndex)..<end]
        guard let type = NumPyArray.ElementType(rawValue: String(name.dropFirst())), let order = name.first,
            "<>|=".contains(order)
        else { throw invalid("elements of type '\(name.prefix(20))' are not read") }
        self.type = type
        isBigEndian = order == ">"
        isFortran = Self.value(of: "fortran_order", in: text)?.hasPrefix("True") ?? false
        guard let tuple = Self.value(of: "shape", in: text), tuple.first == "(", let close = tuple.firstIndex(of: ")")
        else { throw invalid("the header has no shape") }
        for part in tuple[..<close].dropFirst().split(separator: ",") {
            let digits = part.filter { $0 != " " }
            if digits.isEmpty { continue }
            guard let extent = Int(digits), extent >= 0, shape.count < 32 else { throw invalid("its shape is damaged") }
            shape.append(extent)
        }
    }

    private static func value(of key: String, in text: String) -> Substring? {
        for quote in ["'", "\""] {
            if let range = text.firstRange(of: "\(quote)\(key)\(quote)"),
                let colon = text[range.upperBound...].firstIndex(of: ":")
            {
                return text[text.index(after: colon)...].drop { $0 == " " }
            }
        }
        return nil
    }
}
