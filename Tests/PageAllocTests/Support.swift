import CTestPeer
import Glibc
import Testing

@testable import PageAlloc

/// `count` bytes that differ from their neighbours and from page to page.
func pattern(_ count: Int, seed: Int = 1) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 12 &+ seed) }
}

/// What `body` throws, which must be a `PageAllocError`.
func failure(_ body: () throws -> Void) -> PageAllocError? {
  do {
    try body()
    return nil
  } catch {
    #expect(error is PageAllocError)
    return error as? PageAllocError
  }
}

/// Private pages of this process, some of which can be taken away.
@safe struct HoleyMemory: ~Copyable {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  init(pages: Int) {
    byteCount = pages * Page.size
    unsafe base = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    let bytes = pattern(byteCount)
    unsafe base.copyMemory(from: bytes, byteCount: byteCount)
  }

  deinit {
    unsafe munmap(base, byteCount)
  }

  var address: UInt { unsafe UInt(bitPattern: base) }

  func protect(page: Int, _ protection: CInt) {
    unsafe mprotect(base + page * Page.size, Page.size, protection)
  }

  var bytes: [UInt8] { unsafe [UInt8](UnsafeRawBufferPointer(start: base, count: byteCount)) }
}

extension PageArena {
  /// The bytes of one page as the driver sees them.
  func driverBytes(page: Int) -> [UInt8] {
    unsafe [UInt8](
      UnsafeRawBufferPointer(start: memory.driverView + page * Page.size, count: Page.size))
  }

  /// The bytes of one page as the receiver sees them.
  func receiverBytes(page: Int) -> [UInt8] {
    unsafe [UInt8](
      UnsafeRawBufferPointer(start: memory.receiverView + page * Page.size, count: Page.size))
  }
}

extension UserSliceReader {
  /// Reads into all of an array.
  mutating func read(into target: inout [UInt8]) throws(PageAllocError) {
    var span = target.mutableSpan
    var bytes = unsafe span.mutableBytes
    try read(into: &bytes)
  }
}

let zeroPage = [UInt8](repeating: 0, count: Page.size)

extension Pages {
  /// Writes all of an array.
  mutating func write(_ bytes: [UInt8], at offset: Int) throws(PageAllocError) {
    try unsafe write(bytes.span.bytes, at: offset)
  }

  /// Reads into all of an array.
  borrowing func read(into target: inout [UInt8], at offset: Int) throws(PageAllocError) {
    var span = target.mutableSpan
    var bytes = unsafe span.mutableBytes
    try read(into: &bytes, at: offset)
  }

  /// The bytes of all pages.
  borrowing func allBytes() throws(PageAllocError) -> [UInt8] {
    try withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) } }
  }
}
