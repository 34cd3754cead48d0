/// The command line of a program that spoils things:
///
///     PROGRAM [PATH…] --mutations N [--seed S] [--part K/N] [--only I [--save PATH]]
///
/// Mutation I of a seed is always the same; part K of N are those from I = K/N of all on.
public struct MutationOptions {
    public private(set) var paths: [String] = []
    private var mutations = 0
    public private(set) var seed: UInt64 = 1
    private var part = (index: 0, of: 1)
    /// The only mutation that is wanted.
    public private(set) var only: Int?
    /// Where that is to be kept.
    public private(set) var saved: String?
    private let program: String

    /// `nil` when the arguments cannot be understood.
    public init?(_ program: String, _ arguments: ArraySlice<String>) {
        self.program = program
        var arguments = arguments
        while let argument = arguments.popFirst() {
            guard argument.hasPrefix("--") else {
                paths.append(argument)
                continue
            }
            guard let value = arguments.popFirst() else { return nil }
            let numbers = value.split(separator: "/").compactMap { Int($0) }
            switch (argument, numbers.count) {
            case ("--mutations", 1): mutations = max(0, numbers[0])
            case ("--seed", 1): seed = UInt64(truncatingIfNeeded: numbers[0])
            case ("--part", 2) where numbers[1] > 0 && 0..<numbers[1] ~= numbers[0]: part = (numbers[0], numbers[1])
            case ("--only", 1): only = max(0, numbers[0])
            case ("--save", _): saved = value
            default: return nil
            }
        }
        guard mutations > 0 || only != nil else { return nil }
    }

    /// The mutations that are wanted.
    public var range: Range<Int> {
        if let only { return only..<only + 1 }
        return mutations / part.of
            * part.index..<(part.index + 1 == part.of ? mutations : mutations / part.of * (part.index + 1))
    }

    /// What repeats one mutation.
    public func command(only mutation: Int) -> String {
        ([program] + paths + ["--seed \(seed)", "--only \(mutation)"]).joined(separator: " ")
    }
}
