internal import Glibc

/// Zero-filled memory whose pages cost nothing until they are touched.
@safe
struct RangeMemory: ~Copyable {
  private let base: UnsafeMutableRawPointer
  let byteCount: Int

  init(byteCount: Int) throws(RangeError) {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    // SAFETY: a fresh anonymous mapping; the kernel chooses the address.
    let address = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw .noMemory(bytes: byteCount)
    }
    // SAFETY: the mapping just made. Without huge pages a touched page is 4 KiB, not 2 MiB.
    _ = unsafe madvise(address, byteCount, MADV_NOHUGEPAGE)
    unsafe base = address
    self.byteCount = byteCount
  }

  var start: UnsafeMutableRawPointer { unsafe base }

  deinit {
    // SAFETY: the mapping of init, unmapped once; the engine that holds it dies with it.
    unsafe munmap(base, byteCount)
  }
}

/// Where the tables lie in a ``RangeMemory``: handed out in order, each on a cache line.
struct RangeLayout {
  private(set) var byteCount = 0

  /// Room for `count` elements; gives its distance from the start.
  mutating func add<Element>(_: Element.Type, count: Int, alignment: Int = 64) -> Int {
    let offset = (byteCount + alignment - 1) & ~(alignment - 1)
    byteCount = offset + count * MemoryLayout<Element>.stride
    return offset
  }
}
