// swift-tools-version: 6.2
import PackageDescription

/// The language settings that every target of ours is compiled with.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// The parsers see bytes from outside: there every unsafe operation has to say so.
let parserSettings = settings + [.strictMemorySafety()]

let nio: Package.Dependency = .package(url: "https://github.com/apple/swift-nio", from: "2.101.0")
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")

/// A target that makes a C library a `FrameCodec`.
func codec(_ name: String, _ library: Target.Dependency) -> Target {
    .target(
        name: "DICOMCodec\(name)", dependencies: [library, "DICOMCore", "DICOMDictionary", "DICOMImaging"],
        swiftSettings: settings)
}

/// All of them, for the programs of this package.
let codecs: [Target.Dependency] = [
    "DICOMCodecJPEG", "DICOMCodecJPEGLossless", "DICOMCodecJPEGLS", "DICOMCodecJPEG2000", "DICOMCodecPNG",
]

let package = Package(
    name: "DICOMNode",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "DICOMCore", targets: ["DICOMCore"]),
        .library(name: "DICOMDictionary", targets: ["DICOMDictionary"]),
        .library(name: "DICOMCoding", targets: ["DICOMCoding"]),
        .library(name: "DICOMUpperLayer", targets: ["DICOMUpperLayer"]),
        .library(name: "DICOMNetwork", targets: ["DICOMNetwork"]),
        .library(name: "DICOMImaging", targets: ["DICOMImaging"]),
        .library(name: "DICOMCodecJPEG", targets: ["DICOMCodecJPEG"]),
        .library(name: "DICOMCodecJPEGLossless", targets: ["DICOMCodecJPEGLossless"]),
        .library(name: "DICOMCodecJPEGLS", targets: ["DICOMCodecJPEGLS"]),
        .library(name: "DICOMCodecJPEG2000", targets: ["DICOMCodecJPEG2000"]),
        .library(name: "DICOMCodecPNG", targets: ["DICOMCodecPNG"]),
        .library(name: "DICOMNode", targets: ["DICOMNode"]),
        .library(name: "DICOMTesting", targets: ["DICOMTesting"]),
        .executable(name: "omnitool", targets: ["omnitool"]),
        .executable(name: "PlusOne", targets: ["PlusOne"]),
    ],
    dependencies: [
        nio,
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.7.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
    ],
    targets: [
        .target(name: "DICOMCore", swiftSettings: parserSettings),
        .target(name: "DICOMDictionary", dependencies: ["DICOMCore"], swiftSettings: parserSettings),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(
            name: "DICOMCoding", dependencies: ["DICOMCore", "DICOMDictionary", "CZlib"], swiftSettings: parserSettings),
        .target(
            name: "DICOMUpperLayer",
            dependencies: ["DICOMCore", "DICOMDictionary", "DICOMCoding", nioCore], swiftSettings: settings),
        .target(
            name: "DICOMNetwork",
            dependencies: [
                "CDICOMSystem", "DICOMCore", "DICOMDictionary", "DICOMCoding", "DICOMUpperLayer", nioCore, nioPosix,
                nioSSL, log,
                metrics, crypto, serviceLifecycle,
            ], swiftSettings: settings),
        .target(
            name: "DICOMImaging",
            dependencies: ["CJPEGDecoding", "CZlib", "DICOMCore", "DICOMDictionary", "DICOMCoding"],
            swiftSettings: settings),
        // Headers of ours for both JPEG libraries.
        .target(name: "CJPEGDecoding"),
        // One target for each C library of codecs, so that nobody needs a header that they do not use. libjpeg and libpng
        // report errors by longjmp, which must not cross Swift: C targets of ours stand before them.
        .target(name: "CJPEG", dependencies: ["CJPEGDecoding"], linkerSettings: [.linkedLibrary("jpeg")]),
        codec("JPEG", "CJPEG"),
        .target(
            name: "CJPEGLossless", dependencies: ["CJPEGDecoding"],
            linkerSettings: ["8", "12", "16"].map { .linkedLibrary("gdcmjpeg\($0)") }),
        codec("JPEGLossless", "CJPEGLossless"),
        .systemLibrary(name: "CCharLS", pkgConfig: "charls", providers: [.apt(["libcharls-dev"])]),
        codec("JPEGLS", "CCharLS"),
        .systemLibrary(name: "COpenJPEG", pkgConfig: "libopenjp2", providers: [.apt(["libopenjp2-7-dev"])]),
        codec("JPEG2000", "COpenJPEG"),
        .target(name: "CPNG", linkerSettings: [.linkedLibrary("png")]),
        codec("PNG", "CPNG"),
        .target(name: "CDICOMSystem"),
        .target(
            name: "DICOMNode",
            dependencies: [
                "CDICOMSystem", "DICOMCore", "DICOMDictionary", "DICOMCoding", "DICOMUpperLayer", "DICOMNetwork",
                "DICOMImaging",
                nioCore, nioPosix, log, serviceLifecycle, unixSignals, argumentParser,
                .product(name: "Configuration", package: "swift-configuration"),
                crypto,
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "SystemPackage", package: "swift-system"),
            ], swiftSettings: settings),
        .target(
            name: "DICOMTesting",
            dependencies: [
                "DICOMCore", "DICOMDictionary", "DICOMCoding", "DICOMUpperLayer", "DICOMNetwork", "DICOMImaging",
                nioCore,
            ], swiftSettings: settings),
        .executableTarget(
            name: "omnitool",
            dependencies: [
                "DICOMCore", "DICOMDictionary", "DICOMCoding", "DICOMUpperLayer", "DICOMNetwork", "DICOMImaging",
                "DICOMTesting", nioCore, nioHTTP1, nioPosix, log, serviceLifecycle, unixSignals, argumentParser,
            ] + codecs, swiftSettings: settings),
        .executableTarget(
            name: "PlusOne", dependencies: ["DICOMNode"], path: "Examples/PlusOne", swiftSettings: settings),
        .executableTarget(
            name: "DataSetBenchmark", dependencies: ["DICOMCore", "DICOMDictionary", "DICOMCoding"],
            path: "Benchmarks/DataSets", swiftSettings: settings),
        .executableTarget(
            name: "ImagingBenchmark",
            dependencies: ["DICOMCore", "DICOMDictionary", "DICOMCoding", "DICOMImaging"] + codecs,
            path: "Benchmarks/Imaging", swiftSettings: settings),
        // What the mutation test and the fuzzers do with what they read.
        .target(
            name: "DataSetExerciser", dependencies: ["DICOMCore", "DICOMDictionary", "DICOMCoding", "DICOMTesting"],
            path: "Tests/DataSetExerciser", swiftSettings: settings),
        .executableTarget(
            name: "DataSetMutations",
            dependencies: [
                "DataSetExerciser", "MutationTools", "DICOMCore", "DICOMDictionary", "DICOMCoding", "DICOMTesting",
            ],
            path: "Tests/DataSetMutations", exclude: ["files.txt"], swiftSettings: settings),
        // The same for PDUs; conversations to spoil come with it.
        .target(
            name: "PDUExerciser",
            dependencies: ["DICOMCore", "DICOMDictionary", "DICOMCoding", "DICOMUpperLayer", "DICOMTesting", nioCore],
            path: "Tests/PDUExerciser", swiftSettings: settings),
        .executableTarget(
            name: "PDUMutations", dependencies: ["PDUExerciser", "MutationTools"], path: "Tests/PDUMutations",
            swiftSettings: settings),
        // The command line of both programs, and what mutations cost.
        .target(name: "MutationTools", path: "Tests/MutationTools", swiftSettings: settings),
        // Runs Python programs as independent references.
        .target(name: "ReferenceTools", path: "Tests/ReferenceTools", swiftSettings: settings),
        .executableTarget(
            name: "FaultyNode", dependencies: ["DICOMNode"] + codecs, path: "Tests/FaultyNode",
            swiftSettings: settings),
        .testTarget(
            name: "DICOMCoreTests", dependencies: ["DICOMCore", "DICOMDictionary", "DICOMTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "DICOMCodingTests",
            dependencies: ["DICOMCore", "DICOMDictionary", "DICOMCoding", "DICOMTesting", "DataSetExerciser"],
            swiftSettings: settings),
        .testTarget(
            name: "DICOMUpperLayerTests",
            dependencies: [
                "DICOMCore", "DICOMDictionary", "DICOMCoding", "DICOMUpperLayer", "DICOMTesting", "PDUExerciser",
                "ReferenceTools", nioCore,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "DICOMNetworkTests",
            dependencies: [
                "DICOMCore", "DICOMDictionary", "DICOMCoding", "DICOMUpperLayer", "DICOMNetwork", "DICOMTesting",
                nioCore, nioPosix,
                log,
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ], swiftSettings: settings),
        .testTarget(
            name: "DICOMImagingTests",
            dependencies: [
                "DICOMCore", "DICOMDictionary", "DICOMCoding", "DICOMImaging", "DICOMTesting", "ReferenceTools",
            ] + codecs,
            swiftSettings: settings),
        .testTarget(
            name: "DICOMCodecTests",
            dependencies: [
                "DICOMCore", "DICOMDictionary", "DICOMCoding", "DICOMImaging", "DICOMTesting", "ReferenceTools",
            ] + codecs,
            swiftSettings: settings),
        .testTarget(
            name: "DICOMNodeTests",
            dependencies: [
                "DICOMCore", "DICOMDictionary", "DICOMCoding", "DICOMUpperLayer", "DICOMNetwork", "DICOMImaging",
                "DICOMNode", "DICOMTesting", log, .product(name: "GRDB", package: "GRDB.swift"),
            ], swiftSettings: settings),
        .testTarget(
            name: "InteropTests",
            dependencies: [
                "PlusOne", "FaultyNode", "omnitool", "DataSetBenchmark", "ImagingBenchmark", "DICOMCore",
                "DICOMDictionary", "DICOMCoding", "DICOMUpperLayer", "DICOMNetwork", "DICOMTesting", log,
            ], swiftSettings: settings),
    ]
)
