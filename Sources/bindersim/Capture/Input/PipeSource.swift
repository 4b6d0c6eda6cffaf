internal import Glibc

/// A pipe, kept while it is read so that it can be read once more: the beginning in memory, the
/// rest in a file without a name that goes with this value.
///
/// Where no such file can be made, only the beginning is kept, and what is longer cannot be read a
/// second time.
final class PipeSource: ByteSource {
  /// What is kept in memory, in bytes.
  static let keptInMemory = 4 << 20

  private let pipe: InputFile
  private var memory: [UInt8] = []
  private let spill: TemporaryFile?
  // INVARIANT: of the pipe's bytes so far the first `memory.count` are in memory and the next
  // `spilled` in the file; where there is no file, `isWhole` tells whether they all are.
  private var spilled = 0
  private var isWhole = true
  /// Where the next byte comes from: below `memory.count + spilled` it was kept.
  private var position = 0
  private var ended = false

  init(_ pipe: consuming InputFile) {
    self.pipe = pipe
    spill = try? TemporaryFile()
  }

  var storedByteCount: Int { position }
  var canRewind: Bool { spill != nil || isWhole && ended }

  func read(into target: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
    if position < memory.count {
      let count = min(target.count, memory.count - position)
      // SAFETY: count is at most what either side has.
      unsafe target.copyBytes(from: memory[position..<position + count])
      position += count
      return count
    }
    if position < memory.count + spilled, let spill {
      let count = unsafe try spill.read(
        into: UnsafeMutableRawBufferPointer(
          rebasing: target.prefix(memory.count + spilled - position)),
        at: position - memory.count)
      position += count
      return count
    }
    if ended { return 0 }
    let count = unsafe try pipe.read(into: target)
    ended = count == 0
    // SAFETY: the pipe filled `count` bytes of `target`.
    unsafe try keep(UnsafeRawBufferPointer(rebasing: target.prefix(count)))
    position += count
    return count
  }

  private func keep(_ bytes: UnsafeRawBufferPointer) throws(InputError) {
    let inMemory = spilled == 0 ? min(bytes.count, Self.keptInMemory - memory.count) : 0
    // SAFETY: the caller's bytes, of which `inMemory` is at most all.
    unsafe memory.append(contentsOf: bytes.prefix(inMemory))
    guard inMemory < bytes.count else { return }
    guard let spill else {
      isWhole = false
      return
    }
    unsafe try spill.write(
      UnsafeRawBufferPointer(rebasing: bytes.dropFirst(inMemory)), at: spilled)
    spilled += bytes.count - inMemory
  }

  func rewind() throws(InputError) {
    guard isWhole else {
      throw InputError(
        path: pipe.path,
        reason: "the pipe is too long to be kept in memory, and no file can be made in "
          + "\(TemporaryFile.directory) to keep it in; set TMPDIR, or replay it from a file")
    }
    position = 0
  }
}

/// A file without a name, gone when dropped.
final class TemporaryFile {
  private let descriptor: CInt

  /// TMPDIR, or `/tmp`.
  static var directory: String {
    // SAFETY: the environment's string is copied at once, before anything could change it.
    unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
  }

  init() throws(InputError) {
    var name = Array((Self.directory + "/bindersim-XXXXXX").utf8CString)
    // SAFETY: a zero-terminated string that lives through the call, which writes only its X.
    descriptor = unsafe name.withUnsafeMutableBufferPointer { name in
      unsafe name.baseAddress.map { unsafe mkstemp($0) } ?? -1
    }
    guard descriptor >= 0 else {
      throw InputError(path: Self.directory, action: "make a temporary file in it")
    }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    // SAFETY: the same string, now with the file's name.
    unsafe name.withUnsafeBufferPointer { name in
      if let name = name.baseAddress { unsafe _ = unlink(name) }
    }
  }

  deinit { close(descriptor) }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(InputError) {
    var written = 0
    while written < bytes.count {
      // SAFETY: written < bytes.count, so the rest lies inside `bytes`.
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
      let count = unsafe pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + written))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw InputError(path: Self.directory, action: "keep a copy of the input in it")
      }
      written += count
    }
  }

  /// Fills the front of `target`; zero at the end.
  func read(
    into target: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(InputError) -> Int {
    while true {
      // SAFETY: the kernel writes at most `target.count` bytes, all inside `target`.
      let count = unsafe pread(descriptor, target.baseAddress, target.count, off_t(offset))
      if count >= 0 { return count }
      guard errno == EINTR else {
        throw InputError(path: Self.directory, action: "read the copy of the input in it")
      }
    }
  }
}
