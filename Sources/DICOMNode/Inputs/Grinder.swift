import DICOMCoding
public import DICOMCore
public import DICOMImaging
import Synchronization

/// Turns the instances of an input into the value that the algorithm wants.
public struct Grinder<Value: Sendable>: Sendable {
    let grind: @Sendable (InputInstances) throws -> Value

    /// A grinder of the user's own.
    public init(_ grind: @escaping @Sendable (InputInstances) throws -> Value) { self.grind = grind }

    /// A volume in the unit of the modality (HU for CT): slices × rows × columns.
    ///
    /// - Parameters:
    ///   - policy: What to do with a series that is not uniform.
    ///   - unit: What the numbers have to be, such as `.hounsfield`: a series in another unit fails the job instead of being
    ///     taken for it. Nil: whatever the series says.
    public static func volume<Scalar: VoxelScalar>(
        of scalar: Scalar.Type = Scalar.self, policy: GeometryPolicy = .reject, unit: VoxelUnit? = nil
    ) -> Grinder<Volume<Scalar>> where Value == Volume<Scalar> {
        Grinder { try $0.series().volume(of: scalar, policy: policy).required(in: unit) }
    }

    /// The values of one attribute in each instance, in the order of the series.
    public static func values<Element: AttributeValue>(
        of attribute: Attribute<Element>
    ) -> Grinder<[Element?]> where Value == [Element?] {
        Grinder { try $0.series().instances.map { $0.header[attribute] } }
    }

    /// A data set with these elements of the first instance.
    public static func tags(_ tags: [DICOMTag]) -> Grinder<DataSet> where Value == DataSet {
        Grinder { instances in
            var result = DataSet()
            guard let first = try instances.series().instances.first?.header else { return result }
            result[element: .specificCharacterSet] = first[element: .specificCharacterSet]
            for tag in tags { result[element: tag] = first[element: tag] }
            return result
        }
    }

    /// Several values of the same instances: `.several(.volume(of: Float.self), .tags([…]))` gives a tuple.
    public static func several<each Part: Sendable>(
        _ grinders: repeat Grinder<each Part>
    ) -> Grinder<(repeat each Part)> where Value == (repeat each Part) {
        Grinder { instances in (repeat try (each grinders).grind(instances)) }
    }
}

extension Grinder where Value == Series {
    /// The series, sorted along its normal. Its volume is lazy: pixel data stay in the files until ``Series/volume(of:policy:values:)``
    /// is called, for all of it or for one of its ``Series/stacks()`` or ``Series/parts(by:)``.
    public static var series: Self { Grinder { try $0.series() } }
}

extension Grinder where Value == [DataSet] {
    /// The data sets, pixel data included, in the order of the files' names.
    public static var dataSets: Self { Grinder { try $0.dataSets() } }
}

/// The instances of an input, as files.
public struct InputInstances: Sendable {
    /// The Part 10 files.
    public let paths: [String]
    /// The name of the input.
    public let name: String
    /// The job's folder for files in between, which is removed with the job.
    public let workingDirectory: String
    private let cachedSeries: SeriesCache

    init(paths: [String], name: String = "input", workingDirectory: String = ".") {
        self.paths = paths
        self.name = name
        self.workingDirectory = workingDirectory
        cachedSeries = SeriesCache()
    }

    /// The instances as a sorted series; their headers are read once.
    ///
    /// - Throws: `DICOMError` when a file cannot be read.
    public func series() throws -> Series { try cachedSeries.series(paths) }

    /// The data sets, pixel data included.
    ///
    /// - Throws: `DICOMError` when a file cannot be read.
    public func dataSets() throws(DICOMError) -> [DataSet] {
        var dataSets: [DataSet] = []
        for path in paths { dataSets.append(try DICOMFile.read(path).dataSet) }
        return dataSets
    }
}

/// Several grinders of one input read its headers once.
private final class SeriesCache: Sendable {
    private let series = Mutex<Series?>(nil)

    func series(_ paths: [String]) throws -> Series {
        try series.withLock { series in
            if let series { return series }
            let made = try Series(files: paths)
            series = made
            return made
        }
    }
}
