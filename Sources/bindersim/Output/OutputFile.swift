internal import Glibc

/// A file that appears whole or not at all: it is written under a temporary name in the same
/// folder and renamed at the end. It is opened before the work starts, so that a path that cannot
/// be written is reported early.
struct OutputFile: ~Copyable, Sendable {
  private enum Target: Sendable {
    case standardOutput
    /// A device or pipe, which is written directly and not renamed.
    case stream(CInt)
    case file(CInt, temporary: String)
  }

  let path: String
  private let target: Target

  /// Prepares to write `path`; `-` is standard output.
  init(path: String) throws(CommandError) {
    self.path = path
    if path == "-" {
      target = .standardOutput
      return
    }
    var status = stat()
    let exists = unsafe stat(path, &status) == 0
    let kind = status.st_mode & S_IFMT
    if exists, kind == S_IFDIR { throw Self.cannotWrite(path, EISDIR) }
    if exists, unsafe access(path, W_OK) != 0 { throw Self.cannotWrite(path, errno) }
    if exists, kind != S_IFREG {
      let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw Self.cannotWrite(path, errno) }
      target = .stream(descriptor)
      return
    }
    // For a symbolic link, replace its target, not the link.
    let place = exists ? Self.resolved(path) : path
    // A new name, so that it is never somebody else's file or link.
    let temporary = "\(place).\(getpid())-\(MonotonicClock.now()).partial"
    let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw Self.cannotWrite(path, errno) }
    if exists { fchmod(descriptor, status.st_mode & 0o777) }
    target = .file(descriptor, temporary: temporary)
  }

  /// Adds `text` to what the file will hold.
  func write(_ text: String) throws(CommandError) {
    let status =
      switch target {
      case .standardOutput: Descriptor.write(text, to: STDOUT_FILENO)
      case .stream(let descriptor), .file(let descriptor, _):
        Descriptor.write(text, to: descriptor)
      }
    guard status == 0 else { throw Self.cannotWrite(path, status) }
  }

  /// Renames the file to its final name; without this call no file appears.
  consuming func commit() throws(CommandError) {
    guard case .file(let descriptor, let temporary) = target else { return }
    guard fsync(descriptor) == 0, unsafe rename(temporary, Self.resolved(path)) == 0 else {
      throw Self.cannotWrite(path, errno)
    }
  }

  /// Writes `text` as the whole contents and commits the file.
  consuming func commit(_ text: String) throws(CommandError) {
    try write(text)
    try commit()
  }

  deinit {
    switch target {
    case .standardOutput: break
    case .stream(let descriptor): close(descriptor)
    case .file(let descriptor, let temporary):
      close(descriptor)
      // After a commit the temporary name no longer exists.
      unsafe unlink(temporary)
    }
  }

  private static func resolved(_ path: String) -> String {
    guard let real = unsafe realpath(path, nil) else { return path }
    defer { unsafe free(real) }
    // SAFETY: realpath returned a terminated string of its own making, freed above.
    return unsafe String(cString: real)
  }

  private static func cannotWrite(_ path: String, _ number: CInt) -> CommandError {
    .failure("cannot write '\(path)': \(SystemError.message(number))")
  }
}
