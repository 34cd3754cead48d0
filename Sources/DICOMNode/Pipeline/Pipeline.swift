public import DICOMCore
public import DICOMImaging

/// What a user writes: the configuration of a node, the inputs it waits for, and what it makes of them.
///
/// ```swift
/// @main
/// struct PlusOne: Pipeline {
///     static let configuration = NodeConfiguration(aeTitle: "PLUSONE", port: 11112)
///
///     struct Inputs: PipelineInputs {
///         @Input(accepting: .modality("CT") && .not(.localizer), readyWhen: .uniformSlices, as: .volume(of: Float.self))
///         var ct: Volume<Float>
///     }
///
///     func process(_ inputs: Inputs, context: PipelineContext) async throws -> [PipelineOutput] { … }
/// }
/// ```
///
/// The type is a whole program: it takes the commands `serve` (the default), `batch`, `check`, `status` and `retry`.
public protocol Pipeline: Sendable {
    associatedtype Inputs: PipelineInputs

    /// A fresh pipeline; one is made for each job.
    init()

    /// The defaults of the node; the command line, the environment and a file change them.
    static var configuration: NodeConfiguration { get }

    /// The version of the algorithm. It goes into the UIDs of the results: a new version makes new series.
    static var version: String { get }

    /// The codecs of C libraries that the node decodes compressed images with; none by default.
    ///
    /// Each is a product of its own. A node accepts the transfer syntaxes that its codecs decode:
    ///
    /// ```swift
    /// static let codecs: [any FrameCodec] = [JPEGLSCodec(), JPEG2000Codec()]
    /// ```
    static var codecs: [any FrameCodec] { get }

    /// Whether an instance is wanted at all; what is refused here is answered with B006H (Elements discarded).
    /// `dataSet` has no pixel data.
    func filter(_ dataSet: DataSet) throws -> Bool

    /// Makes the results of one patient's complete inputs. Runs in a process of its own, so that a crash of it leaves
    /// the node receiving.
    ///
    /// - Throws: Anything; the job then counts as failed and its inputs are kept.
    @concurrent func process(_ inputs: Inputs, context: PipelineContext) async throws -> [PipelineOutput]
}

extension Pipeline {
    public static var version: String { "1" }
    public static var codecs: [any FrameCodec] { [] }
    public func filter(_ dataSet: DataSet) throws -> Bool { true }
}

/// The inputs of a pipeline: a struct whose stored properties are marked with ``Input``.
public protocol PipelineInputs: Sendable {
    init()
}
