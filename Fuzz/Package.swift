// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

func product(_ name: String) -> Target.Dependency { .product(name: name, package: "DICOMNode") }

/// The libFuzzer targets, apart from the package itself: they are built with a sanitizer. See `run`.
let package = Package(
    name: "Fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "DICOMNode", path: ".."), .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    ],
    targets: [
        .systemLibrary(name: "CLibFuzzer"),
        // Links to those of the tests, which are no products of the package.
        .target(
            name: "DataSetExerciser",
            dependencies: [
                product("DICOMCore"), product("DICOMDictionary"), product("DICOMCoding"), product("DICOMTesting"),
            ], swiftSettings: settings),
        .target(
            name: "PDUExerciser",
            dependencies: [
                product("DICOMCore"), product("DICOMDictionary"), product("DICOMCoding"), product("DICOMUpperLayer"),
                product("DICOMTesting"), .product(name: "NIOCore", package: "swift-nio"),
            ], swiftSettings: settings),
        .target(name: "Fuzzing", dependencies: ["CLibFuzzer", "DataSetExerciser"], swiftSettings: settings),
        .executableTarget(name: "FuzzDataSet", dependencies: ["DataSetExerciser", "Fuzzing"], swiftSettings: settings),
        .executableTarget(name: "FuzzPart10", dependencies: ["DataSetExerciser", "Fuzzing"], swiftSettings: settings),
        .executableTarget(name: "FuzzJSON", dependencies: ["DataSetExerciser", "Fuzzing"], swiftSettings: settings),
        .executableTarget(name: "FuzzPDU", dependencies: ["PDUExerciser", "Fuzzing"], swiftSettings: settings),
    ]
)
