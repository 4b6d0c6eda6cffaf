internal import Glibc

/// A stream of bytes that can be read once more from its beginning.
///
/// Sources stand behind each other: a file, what unpacks it, what takes the text out of a page.
/// Each belongs to the one that reads it; none is shared between threads.
protocol ByteSource: AnyObject {
  /// Fills the front of `target`; zero only at the end. A source whose bytes are damaged ends there
  /// and tells so in `damage`.
  func read(into target: UnsafeMutableRawBufferPointer) throws(InputError) -> Int

  /// Starts over at the first byte.
  func rewind() throws(InputError)

  /// Whether `rewind` works.
  var canRewind: Bool { get }

  /// Bytes of the file or pipe read so far, as they are stored.
  var storedByteCount: Int { get }

  /// Why the bytes end before their time, in words; nil while they do not.
  var damage: String? { get }
}

extension ByteSource {
  var damage: String? { nil }

  /// Up to `count` bytes from here on; fewer only at the end.
  func bytes(atMost count: Int) throws(InputError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      var failure: InputError?
      let added = unsafe bytes.withUnsafeMutableBytes { buffer -> Int in
        do throws(InputError) {
          // SAFETY: filled < count, so the rest is part of the array.
          return unsafe try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
        } catch {
          failure = error
          return 0
        }
      }
      if let failure { throw failure }
      if added == 0 { break }
      filled += added
    }
    bytes.removeLast(count - filled)
    return bytes
  }
}

/// A regular file, from its first byte.
final class FileSource: ByteSource {
  private let file: InputFile
  private(set) var storedByteCount = 0

  init(_ file: consuming InputFile) { self.file = file }

  var canRewind: Bool { file.regularByteCount != nil }

  func read(into target: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
    let count = unsafe try file.read(into: target)
    storedByteCount += count
    return count
  }

  func rewind() throws(InputError) {
    try file.rewind()
    storedByteCount = 0
  }
}

/// Bytes in memory, handed out in chunks of at most `chunk` bytes.
final class MemorySource: ByteSource {
  let bytes: [UInt8]
  let chunk: Int
  private(set) var storedByteCount = 0

  init(_ bytes: [UInt8], chunk: Int = .max) {
    self.bytes = bytes
    self.chunk = max(1, chunk)
  }

  var canRewind: Bool { true }

  func read(into target: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(target.count, chunk, bytes.count - storedByteCount)
    // SAFETY: count is at most what either side has left.
    unsafe target.copyBytes(from: bytes[storedByteCount..<storedByteCount + count])
    storedByteCount += count
    return count
  }

  func rewind() { storedByteCount = 0 }
}
