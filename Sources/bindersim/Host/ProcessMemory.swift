internal import CLinuxShims
internal import Glibc

/// The memory of a program, by one of its threads.
///
/// May wait: for a program whose pages somebody else supplies (userfaultfd, FUSE). To be used
/// only where waiting holds up nobody else, and without a lock.
struct ProcessMemory: Sendable {
  let thread: pid_t

  /// Copies the parts in one system call; returns the bytes copied, fewer at the first hole, 0
  /// when nothing could be.
  func read(_ parts: UnsafeBufferPointer<bb_part>) -> Int {
    return unsafe max(0, bb_process_read_parts(thread, parts.baseAddress!, CInt(parts.count)))
  }

  func write(_ parts: UnsafeBufferPointer<bb_part>) -> Int {
    return unsafe max(0, bb_process_write_parts(thread, parts.baseAddress!, CInt(parts.count)))
  }

  func read(_ address: UInt64, into target: UnsafeMutableRawBufferPointer) -> Int {
    let part = unsafe bb_part(
      local: target.baseAddress, remote: UInt(address), length: target.count)
    return unsafe withUnsafePointer(to: part) {
      unsafe read(UnsafeBufferPointer(start: $0, count: 1))
    }
  }

  func write(_ address: UInt64, from source: UnsafeRawBufferPointer) -> Bool {
    guard unsafe !source.isEmpty else { return true }
    let part = unsafe bb_part(
      local: UnsafeMutableRawPointer(mutating: source.baseAddress), remote: UInt(address),
      length: source.count)
    return unsafe withUnsafePointer(to: part) {
      unsafe write(UnsafeBufferPointer(start: $0, count: 1)) == source.count
    }
  }

  func read<T: BitwiseCopyable>(_ address: UInt64, as type: T.Type, zero: T) -> T? {
    var value = zero
    let got = unsafe withUnsafeMutableBytes(of: &value) { unsafe read(address, into: $0) }
    return got == MemoryLayout<T>.size ? value : nil
  }

  func write<T: BitwiseCopyable>(_ value: T, to address: UInt64) -> Bool {
    unsafe withUnsafeBytes(of: value) { unsafe write(address, from: $0) }
  }

  /// A terminated string of at most 255 bytes; nil for a longer one and for none.
  func path(at address: UInt64) -> String? {
    var bytes = InlineArray<256, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    let got = unsafe span.withUnsafeMutableBytes { unsafe read(address, into: $0) }
    guard got > 0 else { return nil }
    let text = bytes.span
    guard let end = (0..<got).first(where: { text[$0] == 0 }) else { return nil }
    // Only a name that ends in "binder" or names a feature of it can be meant: most do not.
    return unsafe text.extracting(0..<end).withUnsafeBufferPointer {
      unsafe String(decoding: $0, as: UTF8.self)
    }
  }
}
