public import DICOMCoding
public import DICOMCore
import DICOMDictionary

/// The images of one series with their slices sorted along the normal, and what their headers say about geometry.
///
/// An image has one slice, or as many as it has frames: multi-frame and enhanced images, segmentations, RT Dose, Siemens
/// mosaics. Pixel data stay where they are, in the files or in memory, until a volume is asked for. Making a series never
/// judges it: irregular geometry is in ``geometry``, and ``volume(of:policy:values:)`` applies a policy to it.
public struct Series: Sendable {
    /// The images, in the order of their first slices; where there is no geometry, by instance number.
    public let instances: [Instance]
    /// The slices, along the normal; where there is no geometry, by instance number and frame.
    public let slices: [Slice]
    /// The geometry of ``slices``.
    public let geometry: SeriesGeometry

    /// One image of a series.
    public struct Instance: Sendable {
        /// The data set without its pixel data.
        public let header: DataSet
        /// Where the image is, by its own attributes; of a multi-frame image the slices know more.
        public let geometry: InstanceGeometry
        public let transferSyntax: TransferSyntax
        /// The file that the pixel data are in; nil when they are in memory.
        public let path: String?
        let frames: ImageFrames
        private let file: DICOMFile?
        private let dataSet: DataSet?

        /// Reads the header of a Part 10 file and notes where its pixel data are.
        public init(path: String) throws(DICOMError) {
            let header = try DICOMFile.readHeader(path)
            // There is no going to a place in a deflated stream.
            self.init(file: header.transferSyntax.isDeflated ? try DICOMFile.read(path) : header, path: path)
        }

        /// An instance from a file that was read, with or without its pixel data.
        public init(file: DICOMFile) {
            self.init(file: file, path: file.pixelData?.path)
        }

        /// An instance in memory.
        public init(dataSet: DataSet, transferSyntax: TransferSyntax = .explicitVRLittleEndian) {
            self.init(dataSet: dataSet, transferSyntax: transferSyntax, path: nil, file: nil)
        }

        private init(file: DICOMFile, path: String?) {
            self.init(dataSet: file.dataSet, transferSyntax: file.transferSyntax, path: path, file: file)
        }

        private init(dataSet: DataSet, transferSyntax: TransferSyntax, path: String?, file: DICOMFile?) {
            var header = dataSet
            if header.contains(.pixelData) { header.remove(Attribute.pixelData.tag) }
            self.header = header
            geometry = InstanceGeometry(dataSet: header)
            self.transferSyntax = transferSyntax
            self.path = path
            self.file = file
            self.dataSet = file == nil ? dataSet : nil
            frames = ImageFrames(header: header)
        }

        /// The pixels; of a file, it is opened now.
        ///
        /// - Throws: ``DICOMError``: `missingPixelData`, `invalidPixelDescription`, or that of opening the file.
        public func pixelData() throws(DICOMError) -> PixelData {
            if let file { return try PixelData(file) }
            return try PixelData(dataSet ?? header, transferSyntax: transferSyntax)
        }

        /// How long the native pixel data are by the header; nil for compressed ones.
        var nativeLength: Int? {
            if let location = file?.pixelData { return location.length }
            return (file?.dataSet ?? dataSet)?[element: .pixelData]?.bytes?.count
        }

        /// The VR of the pixel data, which tells floating-point samples apart; nil where there are none.
        var pixelVR: VR? {
            if let location = file?.pixelData { return location.vr }
            let tags = [DICOMTag.pixelData, Attribute.floatPixelData.tag, Attribute.doubleFloatPixelData.tag]
            let dataSet = file?.dataSet ?? dataSet
            return tags.lazy.compactMap { dataSet?[element: $0]?.vr }.first
        }

        fileprivate var allSlices: [Slice] {
            (0..<frames.count).map { Slice(instance: self, index: $0, geometry: frames.geometry(of: $0)) }
        }
    }

    /// One slice of a series: an image, a frame of one, or a tile of a mosaic.
    public struct Slice: Sendable {
        public let instance: Instance
        /// Which of the image's slices, counted from 0.
        public let index: Int
        public let geometry: InstanceGeometry

        /// The attributes that hold for this slice, those of its functional groups included.
        public var attributes: DataSet { instance.frames.attributes(of: index) }
    }

    /// Sorts the images of a series.
    ///
    /// - Throws: ``DICOMError`` with the code `missingPixelData` when there is none.
    public init(_ instances: [Instance]) throws(DICOMError) {
        try self.init(slices: instances.flatMap(\.allSlices))
    }

    /// Sorts the slices of a series, or of a part of one.
    ///
    /// - Throws: ``DICOMError`` with the code `missingPixelData` when there is none.
    public init(slices: [Slice]) throws(DICOMError) {
        guard !slices.isEmpty else {
            throw DICOMError(.missingPixelData, "a series needs at least one instance")
        }
        let sorted = SeriesGeometry(slices.map(\.geometry)).order.map { slices[$0] }
        self.slices = sorted
        geometry = SeriesGeometry(sorted.map(\.geometry))
        var seen: Set<UID> = []
        instances = sorted.compactMap { slice in
            // Slices of one image share their header; those without a UID are images of one slice.
            guard slice.geometry.frame != nil, let uid = slice.geometry.sopInstanceUID else { return slice.instance }
            return seen.insert(uid).inserted ? slice.instance : nil
        }
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
