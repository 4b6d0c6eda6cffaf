internal import CLinuxShims
internal import Glibc

/// A descriptor that is closed when nobody refers to it any more.
final class OwnedDescriptor: Sendable {
  let raw: CInt

  init(_ raw: CInt) { self.raw = raw }

  deinit { close(raw) }

  /// An open directory, for looking at what is in it now; nil when there is none.
  static func directory(_ path: String) -> OwnedDescriptor? {
    let raw = unsafe open(path, bb_O_PATH | O_DIRECTORY | O_CLOEXEC)
    return raw < 0 ? nil : OwnedDescriptor(raw)
  }
}

/// What identifies an open file, in whatever process and under whatever number.
struct OpenFileID: Hashable, Sendable {
  var device: UInt64 = 0
  var inode: UInt64 = 0

  /// Of a number within an open `/proc/PID/fd`; nil when no file has it.
  init?(_ number: CInt, in directory: OwnedDescriptor) {
    guard unsafe bb_file_identity(directory.raw, number, &device, &inode) == 0 else { return nil }
  }

  /// Of a descriptor of this process.
  init?(own descriptor: CInt) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }

  /// Of a number in a process or thread, looked up by its path.
  init?(_ number: CInt, of thread: pid_t) {
    var status = stat()
    guard unsafe stat("/proc/\(thread)/fd/\(number)", &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }
}
