internal import Glibc

/// Where results go.
enum StandardOutput {
  static func write(_ text: String) throws(CommandError) {
    let status = Descriptor.write(text, to: STDOUT_FILENO)
    guard status == 0 else {
      throw .failure("cannot write to standard output: \(SystemError.message(status))")
    }
  }
}

/// Where errors and progress go. A failure to write here is ignored.
enum StandardError {
  static func write(_ text: String) { _ = Descriptor.write(text, to: STDERR_FILENO) }
}

enum Descriptor {
  /// Writes all of `text`; returns 0 or the error number.
  static func write(_ text: String, to descriptor: CInt) -> CInt {
    var text = text
    return text.withUTF8 { bytes in
      var written = 0
      while written < bytes.count {
        // SAFETY: `written < bytes.count`, and the storage outlives the closure.
        let count = unsafe Glibc.write(
          descriptor, bytes.baseAddress! + written, bytes.count - written)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { return errno }
        written += count
      }
      return 0
    }
  }
}

enum SystemError {
  /// The system's message for an error number.
  static func message(_ number: CInt) -> String {
    // SAFETY: strerror returns a terminated string, which is copied at once.
    unsafe String(cString: strerror(number))
  }
}
