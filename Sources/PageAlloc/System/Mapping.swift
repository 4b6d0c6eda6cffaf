internal import Glibc

/// An owned memory mapping; unmapped when dropped.
@safe
struct Mapping: ~Copyable, @unchecked Sendable {
  enum Access {
    case readOnly, readWrite
    var protection: CInt { self == .readOnly ? PROT_READ : PROT_READ | PROT_WRITE }
  }

  // INVARIANT: `base` is the start of a mapping of `byteCount` bytes that nobody else unmaps.
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  /// Maps all of a file of `byteCount` bytes, shared.
  init(file: borrowing FileDescriptor, byteCount: Int, _ access: Access) throws(PageAllocError) {
    try self.init(
      byteCount: byteCount, protection: access.protection, flags: MAP_SHARED,
      descriptor: file.raw)
  }

  /// Maps `byteCount` zero bytes that are backed as they are touched.
  init(lazyByteCount byteCount: Int) throws(PageAllocError) {
    try self.init(
      byteCount: byteCount, protection: PROT_READ | PROT_WRITE,
      flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, descriptor: -1)
  }

  private init(
    byteCount: Int, protection: CInt, flags: CInt, descriptor: CInt
  ) throws(PageAllocError) {
    // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
    let base = unsafe mmap(nil, byteCount, protection, flags, descriptor, 0)
    guard let base = unsafe base, unsafe base != MAP_FAILED else {
      throw .system(.map, Errno(rawValue: errno))
    }
    unsafe self.base = unsafe base
    self.byteCount = byteCount
    // Huge pages would back memory that nobody asked for. A kernel without them refuses: fine.
    // SAFETY: the range is our own mapping.
    _ = unsafe madvise(base, byteCount, MADV_NOHUGEPAGE)
  }

  deinit {
    // SAFETY: whoever drops the mapping owns it, so no pointer into it is in use.
    unsafe munmap(base, byteCount)
  }
}

/// Zero-filled memory of which only the touched pages cost anything.
///
/// For large tables that are mostly empty.
package struct LazyMemory: ~Copyable, Sendable {
  private let mapping: Mapping

  /// Reserves `byteCount` bytes of address space, at least 1.
  /// - Throws: `PageAllocError.system` if the address space or the mappings are used up.
  package init(byteCount: Int) throws(PageAllocError) {
    guard byteCount > 0 else { throw .invalidArgument(.byteCount, value: byteCount) }
    mapping = try Mapping(lazyByteCount: byteCount)
  }

  /// The first byte, aligned to a page. Valid for as long as this value lives.
  package var base: UnsafeMutableRawPointer { unsafe mapping.base }

  package var byteCount: Int { mapping.byteCount }
}
