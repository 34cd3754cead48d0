import CDICOMSystem
import DICOMCoding
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// Files without a name for the instances that come next.
///
/// Each is opened after a response, while the peer prepares its next request, which does not wait for it then. Having no
/// names, they leave nothing behind, not even when the process is killed. Where a file system has no such files there are
/// none.
final class SpareFiles: Sendable {
    private let folder: String
    private let state = Mutex((associations: 0, descriptors: [CInt](), isGivenUp: false))

    init(folder: String) { self.folder = folder }

    deinit { for descriptor in state.withLock({ $0.descriptors }) { close(descriptor) } }

    func associationOpened() { state.withLock { $0.associations += 1 } }

    /// Closes what nobody needs any more.
    func associationClosed() {
        let surplus = state.withLock { state in
            state.associations -= 1
            let surplus = state.descriptors.dropFirst(max(0, state.associations))
            state.descriptors.removeLast(surplus.count)
            return surplus
        }
        for descriptor in surplus { close(descriptor) }
    }

    /// A file that is ready, or else a new one; `nil` where there is none without a name.
    func take() -> PosixFile? {
        let (spare, isGivenUp) = state.withLock { ($0.descriptors.popLast(), $0.isGivenUp) }
        let descriptor = spare ?? (isGivenUp ? -1 : cdicom_open_unnamed(folder))
        return descriptor < 0 ? nil : PosixFile(taking: descriptor, folder)
    }

    /// There are none any more, after one could not be named: on some systems they can be opened and never named, and a
    /// temporary name does as well.
    func giveUp() {
        let descriptors = state.withLock { state in
            defer { state = (Int.min / 2, [], true) }
            return state.descriptors
        }
        for descriptor in descriptors { close(descriptor) }
    }

    /// Opens one as soon as the event loop has done what it is at: the response.
    func prepare() {
        guard let loop = MultiThreadedEventLoopGroup.currentEventLoop else { return }
        loop.execute { [self] in
            guard state.withLock({ $0.descriptors.count < $0.associations }) else { return }
            let descriptor = cdicom_open_unnamed(folder)
            guard descriptor >= 0 else { return }
            let isKept = state.withLock { state in
                guard state.descriptors.count < state.associations else { return false }
                state.descriptors.append(descriptor)
                return true
            }
            if !isKept { close(descriptor) }
        }
    }
}
