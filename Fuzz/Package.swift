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
    dependencies: [.package(name: "DICOMNode", path: "..")],
    targets: [
        .systemLibrary(name: "CLibFuzzer"),
        // A link to that of the tests, which is no product of the package.
        .target(
            name: "DataSetExerciser",
            dependencies: [
                product("DICOMCore"), product("DICOMDictionary"), product("DICOMCoding"), product("DICOMTesting"),
            ], swiftSettings: settings),
        .target(name: "Fuzzing", dependencies: ["CLibFuzzer", "DataSetExerciser"], swiftSettings: settings),
        .executableTarget(name: "FuzzDataSet", dependencies: ["DataSetExerciser", "Fuzzing"], swiftSettings: settings),
        .executableTarget(name: "FuzzPart10", dependencies: ["DataSetExerciser", "Fuzzing"], swiftSettings: settings),
        .executableTarget(name: "FuzzJSON", dependencies: ["DataSetExerciser", "Fuzzing"], swiftSettings: settings),
    ]
)
