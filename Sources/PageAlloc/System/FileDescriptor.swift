internal import CLinuxShims
internal import Glibc

/// An owned file descriptor; closed when dropped.
struct FileDescriptor: ~Copyable, Sendable {
  /// The descriptor, or -1 for none.
  let raw: CInt

  /// No descriptor.
  static var none: FileDescriptor { FileDescriptor(raw: -1) }

  var isNone: Bool { raw < 0 }

  /// Whether few descriptors are in use: the system gives the lowest number that is free.
  var isAmongFirst: Bool {
    var limit = rlimit()
    return unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
      && rlim_t(raw) < limit.rlim_cur / 4
  }

  init(raw: CInt) {
    self.raw = raw
  }

  /// A new memory file of `byteCount` bytes, all of them holes.
  static func memoryFile(byteCount: Int) throws(PageAllocError) -> FileDescriptor {
    var limit = rlimit()
    // Beyond the limit ftruncate would not only fail, but send a signal that ends the process.
    if unsafe getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0,
      rlim_t(byteCount) > limit.rlim_cur
    {
      throw .system(.truncate, .fileTooLarge)
    }
    // SAFETY: the name is a terminated string that outlives the call.
    let result = bb_above_standard(unsafe bb_memory_file("binderbuffer"))
    guard result >= 0 else { throw .system(.memoryFile, Errno(rawValue: -result)) }
    let file = FileDescriptor(raw: result)
    guard ftruncate(file.raw, byteCount) == 0 else {
      throw .system(.truncate, Errno(rawValue: errno))
    }
    return file
  }

  deinit {
    if raw >= 0 { close(raw) }
  }

  borrowing func changeMode(_ mode: mode_t) throws(PageAllocError) {
    guard fchmod(raw, mode) == 0 else { throw .system(.changeMode, Errno(rawValue: errno)) }
  }

  borrowing func addSeals(_ seals: UInt32) throws(PageAllocError) {
    let result = bb_add_seals(raw, seals)
    guard result >= 0 else { throw .system(.seal, Errno(rawValue: -result)) }
  }

  /// A second descriptor of the same file that can only read.
  borrowing func reopenReadOnly() throws(PageAllocError) -> FileDescriptor {
    // SAFETY: the path is a terminated string that outlives the call.
    let result = unsafe "/proc/self/fd/\(raw)".withCString { path in
      unsafe open(path, O_RDONLY | O_CLOEXEC)
    }
    guard result >= 0 else { throw .system(.open, Errno(rawValue: errno)) }
    let moved = bb_above_standard(result)
    guard moved >= 0 else { throw .system(.open, Errno(rawValue: -moved)) }
    return FileDescriptor(raw: moved)
  }

  /// Gives the descriptor to the caller, who closes it.
  consuming func take() -> CInt {
    let raw = raw
    discard self
    return raw
  }
}
