internal import BinderBuffer
internal import Glibc
internal import PageAlloc

/// An exported region, mapped as another process would map it: all that a receiver can ever see.
@safe final class ReceiverMapping {
  // INVARIANT: a mapping of `count` bytes, until deinit.
  private let base: UnsafeMutableRawPointer
  let count: Int

  /// Nil when there is no descriptor to be had.
  init?(of process: BinderProcess, length: Int) {
    guard let descriptor = try? process.readOnlyDescriptor() else { return nil }
    defer { close(descriptor) }
    let address = unsafe mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else { return nil }
    unsafe base = address
    count = length
  }

  deinit { unsafe munmap(base, count) }

  /// The bytes of a run of pages.
  func withPages<R, E>(
    _ pages: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    precondition(pages.lowerBound >= 0 && pages.upperBound << Page.shift <= count)
    // SAFETY: checked to lie inside the mapping.
    return try unsafe body(
      UnsafeRawBufferPointer(
        start: base + pages.lowerBound << Page.shift, count: pages.count << Page.shift))
  }
}
