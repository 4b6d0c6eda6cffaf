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
        // A reader that does not read holds nobody who was asked to end.
        if count < 0, errno == EINTR, !Interrupt.wasRequested { continue }
        guard count >= 0 else { return errno }
        written += count
      }
      return 0
    }
  }

  /// Writes all bytes, no more than `piece` of them at once; false when that fails.
  static func writeAll(
    _ bytes: UnsafeRawBufferPointer, to descriptor: CInt, inPiecesOf piece: Int = .max
  ) -> Bool {
    var done = 0
    while done < bytes.count {
      // SAFETY: `done < bytes.count`.
      let count = unsafe Glibc.write(
        descriptor, bytes.baseAddress! + done, min(piece, bytes.count - done))
      guard count > 0 else { return false }
      done += count
    }
    return true
  }

  /// Reads until all of `memory` is filled; false when there is no more.
  static func fill(_ memory: UnsafeMutableRawBufferPointer, from descriptor: CInt) -> Bool {
    var done = 0
    while done < memory.count {
      // SAFETY: `done < memory.count`.
      let count = unsafe read(descriptor, memory.baseAddress! + done, memory.count - done)
      guard count > 0 else { return false }
      done += count
    }
    return true
  }

  /// All that comes until the other side closes, as text.
  static func readText(from descriptor: CInt) -> String {
    var bytes: [UInt8] = []
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 65536) { buffer in
      // SAFETY: the buffer is as long as it says.
      while case let got = unsafe read(descriptor, buffer.baseAddress!, buffer.count), got > 0 {
        unsafe bytes.append(contentsOf: buffer[..<got])
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

enum SystemError {
  /// The system's message for an error number.
  static func message(_ number: CInt) -> String {
    // SAFETY: strerror returns a terminated string, which is copied at once.
    unsafe String(cString: strerror(number))
  }
}

/// The numbers 0 to 2, which belong to input, output and errors whether these are open or not.
enum StandardDescriptors {
  /// Takes the numbers of closed ones, so that no file or region ever gets them: what is then read
  /// from or written to them fails, as it would on a closed one.
  ///
  /// - Returns: false when the system has nothing to take them with.
  static func reserve() -> Bool {
    for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) < 0 {
      // The lowest free number is given out, which is this one: those below are open by now.
      let flags = number == STDIN_FILENO ? O_WRONLY : O_RDONLY
      guard unsafe open("/dev/null", flags) == number else { return false }
    }
    return true
  }
}
