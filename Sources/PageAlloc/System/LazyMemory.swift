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
