import Glibc

/// Watches what one mutation costs, and says which one it was when the process ends by it.
public enum Watch {
    /// Processor seconds after which the process is ended.
    private static let hang = 5

    // The text that a signal handler writes: it may not allocate, so the text is there before anything goes wrong.
    private nonisolated(unsafe) static var text = UnsafeMutablePointer<UInt8>.allocate(capacity: 1024)
    private nonisolated(unsafe) static var length = 0

    /// Lets traps and hangs name the mutation. Handlers have a stack of their own, because an overflow leaves none.
    public static func start() {
        note("before the first mutation")
        let size = 1 << 16
        var stack = stack_t(
            ss_sp: UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16), ss_flags: 0, ss_size: size)
        sigaltstack(&stack, nil)
        for signal in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGPROF] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { signal in
                _ = Glibc.write(STDERR_FILENO, Watch.text, Watch.length)
                // The default action ends the process by the same signal.
                _ = Glibc.signal(signal, SIG_DFL)
                raise(signal)
            }
            action.sa_flags = CInt(SA_ONSTACK) | CInt(bitPattern: UInt32(SA_NODEFER))
            sigaction(signal, &action, nil)
        }
    }

    /// What is said when the process ends now: a trap, or a hang.
    public static func note(_ mutation: String) {
        var bytes = Array("\nThe process was ended by a signal (SIGPROF: a hang) in \(mutation)\n".utf8)
        bytes = Array(bytes.prefix(1024))
        for (index, byte) in bytes.enumerated() { text[index] = byte }
        length = bytes.count
    }

    /// What the work took: processor seconds, and bytes of memory at its highest beyond those before.
    public static func measure(_ work: () throws -> Void) rethrows -> (seconds: Double, memory: Int) {
        giveBack()
        let before = Memory.resetPeak()
        limitTime(hang)
        defer { limitTime(0) }
        let start = processorSeconds()
        try work()
        let seconds = processorSeconds() - start
        return (seconds, max(0, Memory.peak() - before))
    }

    /// Gives memory that was freed to the system: it would hide what the work takes.
    static func giveBack() { _ = mallocTrim(0) }

    /// glibc's `malloc_trim`, which its module lacks.
    private static let mallocTrim: @convention(c) (Int) -> CInt = {
        guard let function = dlsym(nil, "malloc_trim") else { return { _ in 0 } }
        return unsafeBitCast(function, to: (@convention(c) (Int) -> CInt).self)
    }()

    /// Of the thread: while an interval timer runs, the clock of the process only moves with the timer interrupt.
    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func limitTime(_ seconds: Int) {
        var timer = itimerval()
        timer.it_value.tv_sec = seconds
        setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
    }
}

/// The resident memory of this process.
public enum Memory {
    /// Whether the system lets the highest memory be reset; else it is the highest since the process began, which hides
    /// what a mutation takes below that.
    public private(set) nonisolated(unsafe) static var isMeasured = true

    /// Lets the highest be measured from now on; returns the memory now.
    static func resetPeak() -> Int {
        let file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
        if file < 0 || write(file, "5", 1) != 1 { isMeasured = false }
        if file >= 0 { close(file) }
        return field("VmRSS:")
    }

    static func peak() -> Int { field("VmHWM:") }

    /// The memory now, without what was freed but is kept for later use.
    public static func resident() -> Int {
        Watch.giveBack()
        return field("VmRSS:")
    }

    /// A field of /proc/self/status in bytes. It is read into a buffer that stays, so that measuring takes nothing.
    private static func field(_ name: String) -> Int {
        let file = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        let count = max(0, read(file, buffer, 4096))
        let text = UnsafeBufferPointer(start: buffer, count: count)
        let key = Array(name.utf8)
        var index = 0
        while index + key.count < text.count, !text[index...].starts(with: key) { index += 1 }
        let digits = text[index...].dropFirst(key.count).drop { $0 <= 0x20 }.prefix { 0x30...0x39 ~= $0 }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) } * 1024
    }

    private nonisolated(unsafe) static let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: 4096)
}
