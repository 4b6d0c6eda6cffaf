/// What can go wrong with pages, arenas and user slices.
///
/// Each case says what was asked for and what there was. A call that throws has changed nothing,
/// except that bytes may already have been copied into the caller's buffer.
public enum PageAllocError: Error, Equatable, Sendable {
  /// Bytes, or pages of an arena, beyond the end of what was addressed. EINVAL.
  case outOfBounds(offset: Int, length: Int, size: Int)

  /// An argument that no state of the system could accept. EINVAL.
  case invalidArgument(InvalidArgument, value: Int)

  /// Memory that is not mapped, or not accessible. EFAULT.
  /// - Parameters:
  ///   - address: The first byte that could not be reached.
  ///   - length: Bytes that were still wanted from there on.
  case badAddress(address: UInt, length: Int)

  /// More bytes wanted of a user slice than are left in it. EFAULT.
  case pastEnd(requested: Int, remaining: Int)

  /// The process that the memory belongs to has exited. ESRCH.
  case processGone(pid: Int32)

  /// The memory of that process may not be accessed by this one. EPERM.
  case processDenied(pid: Int32)

  /// The memory of that process did not answer within the time limit of its `UserProcess`. ETIMEDOUT.
  case processBlocked(pid: Int32)

  /// The budget is used up; all figures in pages. ENOMEM.
  case budgetExhausted(requested: Int, inUse: Int, limit: Int)

  /// The arena has no free, aligned block of `1 << order` pages. ENOMEM.
  case arenaFull(requested: Int, order: Int)

  /// A fault that a `FaultInjector` asked for. EFAULT for a copy, else ENOMEM.
  case injected(FaultPoint)

  /// The memory was made by a process that this one was forked from, and only that one may change
  /// it. EPERM.
  case inherited

  /// A system call failed.
  case system(SystemCall, Errno)
}

/// The system calls that this library makes and that can fail.
public enum SystemCall: String, Sendable, CustomStringConvertible {
  /// Makes the memory file of an arena.
  case memoryFile = "memfd_create"
  /// Gives the file its length.
  case truncate = "ftruncate"
  /// Takes the right to write from the file.
  case changeMode = "fchmod"
  /// Fixes the file's length, so that nobody can cut it short.
  case seal = "fcntl(F_ADD_SEALS)"
  /// Maps pages, or reserves addresses.
  case map = "mmap"
  /// Gives pages their frames.
  case populate = "madvise(MADV_POPULATE_WRITE)"
  /// Asks which pages have frames.
  case residency = "mincore"
  /// Opens a file again with fewer rights.
  case open = "open"
  /// Takes hold of a process, so that its number cannot come to mean another.
  case processOpen = "pidfd_open"
  /// Copies from another process's memory.
  case processRead = "process_vm_readv"
  /// Makes the descriptor that tells of arrivals.
  case event = "eventfd"
  /// Asks what is fixed about a file.
  case seals = "fcntl(F_GET_SEALS)"
  /// Asks for a file's length.
  case status = "fstat"
  /// Sends a descriptor to another process.
  case send = "sendmsg"
  /// Receives a descriptor from another process.
  case receive = "recvmsg"

  /// The C name of the call.
  public var description: String { rawValue }
}

/// The argument that a `PageAllocError.invalidArgument` is about.
public enum InvalidArgument: String, Sendable {
  /// Pages of an arena: 1 through 2²⁴.
  case pageCount = "page count of an arena (1 to 16777216)"
  /// The page size of the running system; it must be 4096.
  case systemPageSize = "page size of this system (4096 is needed)"
  /// The order of a block of pages: 0 through 18.
  case order = "page order (0 to 18)"
  /// A page whose bytes were wanted, and which nothing has in use.
  case pageNotInUse = "page that is not in use"
  /// A descriptor was wanted of an arena that is `inProcess`; the value is its page count.
  case notExportable = "descriptor of an arena that is not exportable"
  /// A descriptor, of which a `RegionReader` was wanted; the value is its number.
  case notARegion = "descriptor of no memory file with a fixed length (sealed against shrinking)"
  /// The length of a region in bytes: whole pages, at most 64 GiB, and as long as was expected.
  case regionLength = "length of a region, in bytes (whole pages, and as long as expected)"
  /// A negative count of bytes.
  case byteCount = "byte count"
  /// A handle was wanted of this process itself; the value is its pid.
  case ownProcess = "this process's own pid, where another's is needed"
}

extension PageAllocError {
  /// The error number that a system call would return in this situation.
  public var errno: Errno {
    switch self {
    case .outOfBounds, .invalidArgument: .invalidArgument
    case .badAddress, .pastEnd: .badAddress
    case .processGone: .noSuchProcess
    case .processDenied, .inherited: .notPermitted
    case .processBlocked: .timedOut
    case .budgetExhausted, .arenaFull: .noMemory
    case .injected(let point): point.errno
    // Whatever keeps the kernel from backing a page, the page is not to be had.
    case .system(.populate, _): .noMemory
    case .system(_, let errno): errno
    }
  }
}

extension PageAllocError: CustomStringConvertible {
  public var description: String { "\(errno.name): \(details)" }

  /// The description without its error number, for an error of which this is the cause.
  package var details: String {
    switch self {
    case .outOfBounds(let offset, let length, let size):
      "offset \(offset) and length \(length) exceed the size \(size)"
    case .invalidArgument(let argument, let value):
      "\(argument.rawValue): \(value)"
    case .badAddress(let address, let length):
      "no access to address 0x\(String(address, radix: 16)), \(length) bytes wanted from there"
    case .pastEnd(let requested, let remaining):
      "\(requested) bytes wanted, \(remaining) left in the user slice"
    case .processGone(let pid):
      "process \(pid) has exited"
    case .processDenied(let pid):
      "the memory of process \(pid) may not be accessed"
    case .processBlocked(let pid):
      "the memory of process \(pid) did not answer in time"
    case .budgetExhausted(let requested, let inUse, let limit):
      "\(requested) pages wanted, \(inUse) of \(limit) in use"
    case .arenaFull(let requested, let order):
      "no \(requested) contiguous pages (order \(order)) free in the arena"
    case .inherited:
      "the memory belongs to the process that this one was forked from"
    case .injected(let point):
      "injected fault at \(point)"
    case .system(let call, let errno) where errno == self.errno:
      "\(call) failed" + (errno.meaning.map { " (\($0))" } ?? "")
    case .system(let call, let errno):
      "\(call) failed with \(errno)"
    }
  }
}
