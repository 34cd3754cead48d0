import CLibFuzzer
public import DataSetExerciser

/// A function that libFuzzer calls with the bytes that it has made up.
public typealias Fuzzed = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

/// Runs libFuzzer with the arguments of the process.
///
/// A program has a `main` of its own on Linux, which libFuzzer's would be in the way of: so it is used as a library.
public func fuzz(_ function: Fuzzed) {
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    _ = LLVMFuzzerRunDriver(&count, &arguments, function)
}

/// Uses bytes; a contradiction ends the process, as a trap does.
public func use(_ start: UnsafePointer<UInt8>?, _ count: Int, as target: FuzzTarget) -> CInt {
    use(start, count) { try target.use($0) }
}

/// Hands bytes to a function; an error of it ends the process, as a trap does.
public func use(_ start: UnsafePointer<UInt8>?, _ count: Int, by function: ([UInt8]) throws -> Void) -> CInt {
    do {
        try function(Array(UnsafeBufferPointer(start: start, count: count)))
    } catch {
        fatalError("\(error)")
    }
    return 0
}
