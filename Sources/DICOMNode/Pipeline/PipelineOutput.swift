public import DICOMCore
public import DICOMNetwork

/// What becomes of a result. `process` returns any number of them; each is delivered on its own, and tried again until
/// it is delivered.
public struct PipelineOutput: Sendable {
    /// The instances, made one at a time when they are written.
    let instances: any Collection<DataSet> & Sendable
    let target: Target

    enum Target: Sendable {
        case endpoints([Endpoint])
        case folder(String, FileNaming)
    }

    /// Sends the instances to one or more endpoints by C-STORE.
    public static func send(
        _ instances: some Collection<DataSet> & Sendable, to endpoint: Endpoint, _ others: Endpoint...
    )
        -> PipelineOutput
    {
        PipelineOutput(instances: instances, target: .endpoints([endpoint] + others))
    }

    /// Saves the instances as Part 10 files below a folder.
    public static func save(
        _ instances: some Collection<DataSet> & Sendable, to folder: String,
        named naming: FileNaming = .studySeriesInstance
    ) -> PipelineOutput {
        PipelineOutput(instances: instances, target: .folder(folder, naming))
    }

    /// No output: for a pipeline that exports its results by itself.
    public static let none = PipelineOutput(instances: [DataSet](), target: .endpoints([]))
}

/// Where in the output folder an instance is saved, and as what.
public struct FileNaming: Sendable {
    let path: @Sendable (DataSet) throws -> String
    /// The content of the file; `nil`: a Part 10 file.
    let contents: (@Sendable (DataSet) throws -> [UInt8])?

    /// A naming of the user's own: the path of an instance relative to the output folder.
    public init(_ path: @escaping @Sendable (DataSet) throws -> String) {
        self.path = path
        contents = nil
    }

    /// A saver of the user's own: the path of an instance relative to the output folder, and what the file there holds. It
    /// runs in the job; the file is delivered, and tried again, like every other output.
    public init(
        _ path: @escaping @Sendable (DataSet) throws -> String,
        contents: @escaping @Sendable (DataSet) throws -> [UInt8]
    ) {
        self.path = path
        self.contents = contents
    }

    /// `<Study Instance UID>/<Series Instance UID>/<SOP Instance UID>.dcm`.
    public static let studySeriesInstance = FileNaming { dataSet in
        guard let study = dataSet[.studyInstanceUID], let series = dataSet[.seriesInstanceUID],
            let instance = dataSet[.sopInstanceUID], study.isValid, series.isValid, instance.isValid
        else {
            throw DICOMError(
                .invalidValue, "An output lacks a valid study, series or instance UID; set them in the blueprint.")
        }
        return "\(study)/\(series)/\(instance).dcm"
    }

    /// The path, when it stays inside the output folder.
    func relativePath(of dataSet: DataSet) throws -> String {
        let path = try path(dataSet)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else {
            throw DICOMError(.invalidValue, "A file naming gave a path that is empty or leaves the output folder.")
        }
        return path
    }
}
