internal import Glibc

/// A file that could not be read, in words that name it.
struct InputError: Error, Equatable, CustomStringConvertible {
  let path: String
  let action: String
  let code: CInt
  /// What is wrong and how to mend it, where no system call failed.
  let reason: String?

  init(path: String, action: String) {
    // The caller's failed system call is the last thing that set it.
    self.init(path: path, action: action, code: errno)
  }

  init(path: String, action: String, code: CInt) {
    self.path = path
    self.action = action
    self.code = code
    reason = nil
  }

  /// For input that can be read but not used: what it is, and what to do.
  init(path: String, reason: String) {
    self.path = path
    action = "use it"
    code = 0
    self.reason = reason
  }

  var description: String {
    if let reason { return "\(path == "-" ? "standard input" : path): \(reason)" }
    // SAFETY: strerror returns a valid string for every number; it is copied at once.
    let why = unsafe String(cString: strerror(code))
    return "\(path): cannot \(action): \(why)"
  }
}

/// An open file or standard input, closed when dropped.
struct InputFile: ~Copyable {
  let path: String
  private let descriptor: CInt
  private let isOwned: Bool

  /// Opens `path` for reading; `-` is standard input.
  init(path: String) throws(InputError) {
    self.path = path
    if path == "-" {
      descriptor = STDIN_FILENO
      isOwned = false
      return
    }
    // SAFETY: the string is passed as a C string that lives through the call.
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    isOwned = true
    guard descriptor >= 0 else { throw InputError(path: path, action: "open") }
  }

  deinit {
    if isOwned && descriptor >= 0 { close(descriptor) }
  }

  /// The size in bytes of a regular file; nil for pipes and the like.
  var regularByteCount: Int? {
    var status = stat()
    // SAFETY: `status` is a whole stat structure that lives through the call.
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return nil
    }
    return Int(status.st_size)
  }

  /// Reads up to `target.count` bytes; zero at the end.
  func read(into target: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
    while true {
      // SAFETY: the kernel writes at most `target.count` bytes, all inside `target`.
      let count = unsafe Glibc.read(descriptor, target.baseAddress, target.count)
      if count >= 0 { return count }
      guard errno == EINTR else { throw InputError(path: path, action: "read") }
    }
  }

  /// Goes back to the first byte. Only regular files can.
  func rewind() throws(InputError) {
    guard lseek(descriptor, 0, SEEK_SET) == 0 else {
      throw InputError(path: path, action: "read a second time")
    }
  }
}
