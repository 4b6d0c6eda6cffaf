/// The system calls that this library makes and that can fail.
public enum SystemCall: String, Sendable, CustomStringConvertible {
  case memoryFile = "memfd_create"
  case truncate = "ftruncate"
  case changeMode = "fchmod"
  case seal = "fcntl(F_ADD_SEALS)"
  case map = "mmap"
  case populate = "madvise(MADV_POPULATE_WRITE)"
  case residency = "mincore"
  case open = "open"
  case processRead = "process_vm_readv"
  case processWrite = "process_vm_writev"

  /// The C name of the call.
  public var description: String { rawValue }
}
