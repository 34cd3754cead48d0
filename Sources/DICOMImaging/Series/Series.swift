public import DICOMCoding
public import DICOMCore
import DICOMDictionary

/// The instances of one series, sorted along their normal, with what their headers say about geometry.
///
/// Pixel data stay where they are, in the files or in memory, until a volume is asked for. Making a series never judges it:
/// irregular geometry is in ``geometry``, and ``volume(of:policy:)`` applies a policy to it.
public struct Series: Sendable {
    /// Along the normal; where there is no geometry, by instance number.
    public let instances: [Instance]
    /// The geometry of ``instances``.
    public let geometry: SeriesGeometry

    /// One image of a series.
    public struct Instance: Sendable {
        /// The data set without its pixel data.
        public let header: DataSet
        public let geometry: InstanceGeometry
        public let transferSyntax: TransferSyntax
        /// The file that the pixel data are in; nil when they are in memory.
        public let path: String?
        let pixels: Pixels

        enum Pixels: Sendable {
            case absent
            case encapsulated
            case memory(ArraySlice<UInt8>)
            case file(path: String, offset: Int, length: Int)
        }

        /// Reads the header of a Part 10 file and notes where its pixel data are.
        public init(path: String) throws(DICOMError) {
            self.init(file: try DICOMFile.readHeader(path), path: path)
        }

        /// An instance from a file that was read, with or without its pixel data.
        public init(file: DICOMFile) {
            self.init(file: file, path: file.pixelData?.path)
        }

        /// An instance in memory.
        public init(dataSet: DataSet, transferSyntax: TransferSyntax = .explicitVRLittleEndian) {
            self.init(
                dataSet: dataSet, transferSyntax: transferSyntax, path: nil, pixels: Self.pixels(in: dataSet))
        }

        private init(file: DICOMFile, path: String?) {
            let pixels: Pixels
            if let location = file.pixelData {
                pixels =
                    location.length.map { .file(path: location.path, offset: location.offset, length: $0) }
                    ?? .encapsulated
            } else {
                pixels = Self.pixels(in: file.dataSet)
            }
            self.init(dataSet: file.dataSet, transferSyntax: file.transferSyntax, path: path, pixels: pixels)
        }

        private init(dataSet: DataSet, transferSyntax: TransferSyntax, path: String?, pixels: Pixels) {
            var header = dataSet
            if header.contains(.pixelData) { header.remove(Attribute.pixelData.tag) }
            self.header = header
            geometry = InstanceGeometry(dataSet: header)
            self.transferSyntax = transferSyntax
            self.path = path
            self.pixels = pixels
        }

        private static func pixels(in dataSet: DataSet) -> Pixels {
            guard let element = dataSet[element: Attribute.pixelData.tag] else { return .absent }
            switch element.value {
            case .bytes(let bytes): return .memory(bytes)
            case .fragments: return .encapsulated
            case .text, .sequence: return .absent
            }
        }
    }

    /// Sorts the instances of a series.
    ///
    /// - Throws: ``DICOMError`` with the code `missingPixelData` when there is none.
    public init(_ instances: [Instance]) throws(DICOMError) {
        guard !instances.isEmpty else {
            throw DICOMError(.missingPixelData, "a series needs at least one instance")
        }
        let sorted = SeriesGeometry(instances.map(\.geometry)).order.map { instances[$0] }
        self.instances = sorted
        geometry = SeriesGeometry(sorted.map(\.geometry))
    }

    /// The series in these Part 10 files; reads their headers only.
    public init(files paths: [String]) throws(DICOMError) {
        var instances: [Instance] = []
        instances.reserveCapacity(paths.count)
        for path in paths { instances.append(try Instance(path: path)) }
        try self.init(instances)
    }

    /// The series in these data sets.
    public init(dataSets: [DataSet]) throws(DICOMError) {
        try self.init(dataSets.map { Instance(dataSet: $0) })
    }

    /// The header of the first instance, for what is the same in all of them.
    public var header: DataSet { instances.first?.header ?? DataSet() }
}
