import DICOMCore
import Dispatch
import Glibc

/// The memory of a volume: one block of uninitialised voxels, freed when nobody refers to it any more.
///
/// Large blocks are aligned to huge pages and the kernel is asked for them: with pages of 4 KiB the first write to a new
/// volume of 500 slices costs more than everything that is computed with it.
///
/// `@unchecked Sendable`: a `Volume` writes to a block only when it alone refers to it.
@usableFromInline
final class VoxelStorage<Scalar: BitwiseCopyable>: @unchecked Sendable {
    @usableFromInline let buffer: UnsafeMutableBufferPointer<Scalar>

    private static var hugePage: Int { 2 << 20 }

    /// Takes memory for `count` voxels; nil when there is not so much.
    @usableFromInline
    init?(count: Int) {
        let (size, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Scalar>.stride)
        guard count >= 0, !overflow, size <= PhysicalMemory.size else { return nil }
        let isLarge = size >= 2 * Self.hugePage
        var block: UnsafeMutableRawPointer?
        guard posix_memalign(&block, isLarge ? Self.hugePage : 64, max(size, 1)) == 0, let block else { return nil }
        if isLarge {
            // A hint only: without transparent huge pages the volume is as right, and slower.
            _ = madvise(block, size, MADV_HUGEPAGE)
            Self.populate(block, size)
        }
        buffer = UnsafeMutableBufferPointer(start: block.bindMemory(to: Scalar.self, capacity: count), count: count)
    }

    /// Has the kernel clear the pages on several threads at once: done page by page as one thread writes, it takes longer
    /// than the computation.
    private static func populate(_ block: UnsafeMutableRawPointer, _ size: Int) {
        // MADV_POPULATE_WRITE, Linux 5.14; an older kernel refuses it, and nothing is lost.
        let populateForWriting: CInt = 23
        let workers = Swift.min(Swift.max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))), 4)
        let part = (size / workers / hugePage + 1) * hugePage
        let address = UInt(bitPattern: block)
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            let start = Swift.min(worker * part, size)
            let length = Swift.min(part, size - start)
            guard length > 0, let begin = UnsafeMutableRawPointer(bitPattern: address + UInt(start)) else { return }
            _ = madvise(begin, length, populateForWriting)
        }
    }

    deinit {
        free(buffer.baseAddress)
    }

    @usableFromInline
    func copy() -> VoxelStorage {
        let copy = VoxelStorage.allocated(count: buffer.count)
        _ = copy.buffer.update(fromContentsOf: buffer)
        return copy
    }

    /// Memory for a size that the program itself chose; that there is none ends it, as it does for an array.
    @usableFromInline
    static func allocated(count: Int) -> VoxelStorage {
        guard let storage = VoxelStorage(count: count) else {
            fatalError("no memory for \(count) voxels of \(MemoryLayout<Scalar>.stride) bytes")
        }
        return storage
    }
}

extension Space {
    /// Memory that bytes from outside ask for is asked for before it is taken.
    ///
    /// - Throws: ``DICOMError`` with the code `missingPixelData` when the machine does not have so much.
    func requireMemory<Element>(for type: Element.Type) throws(DICOMError) {
        let (size, overflow) = voxelCount.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
        guard !overflow, size <= PhysicalMemory.size else {
            throw DICOMError(.missingPixelData, "there is no memory for \(voxelCount) voxels of type \(Element.self)")
        }
    }
}

/// What the machine has: the kernel promises more, and ends the process that uses it.
enum PhysicalMemory {
    /// Bytes.
    static let size: Int = {
        let (pages, page) = (sysconf(CInt(_SC_PHYS_PAGES)), sysconf(CInt(_SC_PAGESIZE)))
        return pages > 0 && page > 0 ? pages * page : Int.max
    }()
}
