internal import Glibc
internal import PageAlloc

/// Memory of a sender with nothing mapped behind its end, so that a slice can run into the void.
@safe final class SenderMemory {
  // INVARIANT: `end` readable bytes, a page that mostly is not, and one that never is, until deinit.
  private let base: UnsafeMutableRawPointer
  private let end: Int
  /// Bytes that can be read.
  private(set) var count: Int

  /// A process that has ended, whose memory nobody can read.
  static let gone: UserProcess = {
    let child = fork()
    if child == 0 { while true { pause() } }
    guard child > 0, let process = try? UserProcess(pid: child) else {
      fatalError("no second process: \(SystemError.message(errno))")
    }
    kill(child, SIGKILL)
    var status: CInt = 0
    unsafe waitpid(child, &status, 0)
    return process
  }()

  init(pages: Int) {
    end = pages << Page.shift
    count = end
    let total = end + 2 * Page.size
    let address = unsafe mmap(
      nil, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      fatalError("no memory for \(total) bytes of senders")
    }
    unsafe base = address
    unsafe mprotect(base + end, 2 * Page.size, PROT_NONE)
  }

  deinit { unsafe munmap(base, end + 2 * Page.size) }

  func address(_ offset: Int) -> UInt { UInt(bitPattern: unsafe base) &+ UInt(offset) }

  func slice(_ offset: Int, _ length: Int, in memory: UserMemory) -> UserSlice {
    if memory == .trusted {
      return unsafe UserSlice(unsafeTrusted: UnsafeRawBufferPointer(bytes(offset, length)))
    }
    return unsafe UserSlice(address: address(offset), length: length, in: memory)
  }

  /// Bytes for messages; the same `key` gives the same bytes.
  func fill(_ offset: Int, _ length: Int, key: UInt64) {
    var done = 0
    while done < length {
      let word = SplitMix64.mix(key &+ UInt64(done))
      let step = min(8, length - done)
      let target = unsafe bytes(offset + done, step)
      // SAFETY: the word has eight bytes, and the target as many as are taken.
      unsafe withUnsafeBytes(of: word) {
        unsafe target.copyMemory(from: .init(rebasing: $0[..<step]))
      }
      done += step
    }
  }

  func store<T: BitwiseCopyable>(_ value: T, at offset: Int) {
    unsafe bytes(offset, MemoryLayout<T>.size).storeBytes(of: value, as: T.self)
  }

  /// As much of what begins at `address` as can be read.
  func readable(_ address: UInt, _ length: Int) -> UnsafeRawBufferPointer {
    let offset = Int(bitPattern: address &- self.address(0))
    guard offset >= 0, offset < count else {
      return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    }
    return unsafe UnsafeRawBufferPointer(bytes(offset, min(length, count - offset)))
  }

  private func bytes(_ offset: Int, _ length: Int) -> UnsafeMutableRawBufferPointer {
    precondition(offset >= 0 && length >= 0 && length <= count - offset)
    // SAFETY: checked to lie inside.
    return unsafe UnsafeMutableRawBufferPointer(start: base + offset, count: length)
  }

  /// Makes the page behind the end readable, or unreadable again.
  func setEnd(readable: Bool) {
    unsafe mprotect(base + end, Page.size, readable ? PROT_READ | PROT_WRITE : PROT_NONE)
    count = readable ? end + Page.size : end
  }

  var isEndReadable: Bool { count > end }
}
