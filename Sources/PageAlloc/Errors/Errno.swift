internal import Glibc

/// A system error number.
///
/// Prints as the C name followed by what it means: `ENOSPC (no space)`.
public struct Errno: RawRepresentable, Error, Hashable, Sendable {
  /// The value of the C constant; positive.
  public let rawValue: Int32

  public init(rawValue: Int32) {
    self.rawValue = rawValue
  }
}

extension Errno {
  /// The corresponding C constant is `EPERM`.
  public static var notPermitted: Errno { Errno(rawValue: EPERM) }
  /// The corresponding C constant is `ENOENT`.
  public static var noSuchFileOrDirectory: Errno { Errno(rawValue: ENOENT) }
  /// The corresponding C constant is `ESRCH`.
  public static var noSuchProcess: Errno { Errno(rawValue: ESRCH) }
  /// The corresponding C constant is `EINTR`.
  public static var interrupted: Errno { Errno(rawValue: EINTR) }
  /// The corresponding C constant is `EIO`.
  public static var ioError: Errno { Errno(rawValue: EIO) }
  /// The corresponding C constant is `EBADF`.
  public static var badFileDescriptor: Errno { Errno(rawValue: EBADF) }
  /// The corresponding C constant is `EAGAIN`.
  public static var resourceTemporarilyUnavailable: Errno { Errno(rawValue: EAGAIN) }
  /// The corresponding C constant is `ENOMEM`.
  public static var noMemory: Errno { Errno(rawValue: ENOMEM) }
  /// The corresponding C constant is `EACCES`.
  public static var permissionDenied: Errno { Errno(rawValue: EACCES) }
  /// The corresponding C constant is `EFAULT`.
  public static var badAddress: Errno { Errno(rawValue: EFAULT) }
  /// The corresponding C constant is `EBUSY`.
  public static var resourceBusy: Errno { Errno(rawValue: EBUSY) }
  /// The corresponding C constant is `EEXIST`.
  public static var fileExists: Errno { Errno(rawValue: EEXIST) }
  /// The corresponding C constant is `EINVAL`.
  public static var invalidArgument: Errno { Errno(rawValue: EINVAL) }
  /// The corresponding C constant is `ENFILE`.
  public static var tooManyOpenFilesInSystem: Errno { Errno(rawValue: ENFILE) }
  /// The corresponding C constant is `EMFILE`.
  public static var tooManyOpenFiles: Errno { Errno(rawValue: EMFILE) }
  /// The corresponding C constant is `EFBIG`.
  public static var fileTooLarge: Errno { Errno(rawValue: EFBIG) }
  /// The corresponding C constant is `ENOSPC`.
  public static var noSpace: Errno { Errno(rawValue: ENOSPC) }
  /// The corresponding C constant is `EPIPE`.
  public static var brokenPipe: Errno { Errno(rawValue: EPIPE) }
  /// The corresponding C constant is `ERANGE`.
  public static var outOfRange: Errno { Errno(rawValue: ERANGE) }
  /// The corresponding C constant is `ENOSYS`.
  public static var noFunction: Errno { Errno(rawValue: ENOSYS) }
  /// The corresponding C constant is `EOVERFLOW`.
  public static var overflow: Errno { Errno(rawValue: EOVERFLOW) }
  /// The corresponding C constant is `EOPNOTSUPP`.
  public static var notSupported: Errno { Errno(rawValue: EOPNOTSUPP) }
  /// The corresponding C constant is `EPROTO`.
  public static var protocolError: Errno { Errno(rawValue: EPROTO) }
  /// The corresponding C constant is `ETIMEDOUT`.
  public static var timedOut: Errno { Errno(rawValue: ETIMEDOUT) }
  /// The corresponding C constant is `EHWPOISON`.
  public static var hardwarePoison: Errno { Errno(rawValue: EHWPOISON) }
}

extension Errno: CustomStringConvertible {
  /// The C name, such as `EINVAL`; `errno 999` for a number that this library does not name.
  public var name: String { known?.name ?? "errno \(rawValue)" }

  /// The C name and what it means, such as `EINVAL (invalid argument)`.
  public var description: String {
    guard let known else { return name }
    return "\(known.name) (\(known.meaning))"
  }

  private var known: (name: String, meaning: String)? {
    switch self {
    case .notPermitted: ("EPERM", "operation not permitted")
    case .noSuchFileOrDirectory: ("ENOENT", "no such file or directory")
    case .noSuchProcess: ("ESRCH", "no such process")
    case .interrupted: ("EINTR", "interrupted system call")
    case .ioError: ("EIO", "input/output error")
    case .badFileDescriptor: ("EBADF", "bad file descriptor")
    case .resourceTemporarilyUnavailable: ("EAGAIN", "try again")
    case .noMemory: ("ENOMEM", "out of memory")
    case .permissionDenied: ("EACCES", "permission denied")
    case .badAddress: ("EFAULT", "bad address")
    case .resourceBusy: ("EBUSY", "busy")
    case .fileExists: ("EEXIST", "file exists")
    case .invalidArgument: ("EINVAL", "invalid argument")
    case .tooManyOpenFilesInSystem: ("ENFILE", "too many open files in the system")
    case .tooManyOpenFiles: ("EMFILE", "too many open files")
    case .fileTooLarge: ("EFBIG", "file too large")
    case .noSpace: ("ENOSPC", "no space")
    case .brokenPipe: ("EPIPE", "broken pipe")
    case .outOfRange: ("ERANGE", "out of range")
    case .noFunction: ("ENOSYS", "function not implemented")
    case .overflow: ("EOVERFLOW", "value too large")
    case .notSupported: ("EOPNOTSUPP", "operation not supported")
    case .protocolError: ("EPROTO", "protocol error")
    case .timedOut: ("ETIMEDOUT", "timed out")
    case .hardwarePoison: ("EHWPOISON", "memory page has a hardware error")
    default: nil
    }
  }
}
