import Foundation
import Testing

/// Spoilt files harm no process. `dev/mutate` does ten times as much.
struct MutationTests {
    /// In a process each, so that a trap is a failure of this test and both processors are used; the program is built for
    /// release by dev/test, because the limit of a second for each mutation is for what is shipped.
    @Test(arguments: 0..<2) func spoiltFilesAreReadOrRefused(part: Int) async throws {
        let program = Place.checkout + "/.build-bench/release/DataSetMutations"
        try #require(FileManager.default.isExecutableFile(atPath: program), "dev/test builds it")
        let ended = try await run(
            program, try files() + ["--mutations", "20000", "--seed", "20260301", "--part", "\(part)/2"], within: 900)
        #expect(ended.status == 0, "\(ended.text.suffix(4000))")
        #expect(ended.text.contains("10000 mutations") && ended.text.contains(" 0 found"), "\(ended.text)")
    }

    private func files() throws -> [String] {
        let folder =
            URL(fileURLWithPath: Place.python).deletingLastPathComponent().deletingLastPathComponent().path
            + "/lib"
        let python = try #require(FileManager.default.contentsOfDirectory(atPath: folder).first)
        let list = try String(
            contentsOfFile: Place.checkout + "/Tests/InteropTests/mutated-files.txt", encoding: .utf8)
        let names = list.split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(names.count == 50)
        return names.map { "\(folder)/\(python)/site-packages/\($0)" }
    }
}
