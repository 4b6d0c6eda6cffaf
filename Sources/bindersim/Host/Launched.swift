internal import CLinuxShims
internal import Glibc

/// A program that was started so that its calls are notified.
struct Launched {
  let child: pid_t
  let listener: OwnedDescriptor
  private let hasOwnGroup: Bool

  /// - Parameter tracer: a process that is no ancestor and hosts the program.
  init(_ arguments: [String], tracer: pid_t = 0) throws(CommandError) {
    // At a terminal the program stays in the group that Ctrl-C goes to, and may read.
    hasOwnGroup = !(isatty(STDIN_FILENO) == 1 && tcgetpgrp(STDIN_FILENO) == getpgrp())
    var launch = bb_launch()
    var words = unsafe arguments.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe words.indices { unsafe free(words[index]) } }
    let error = unsafe bb_host_launch(&words, hasOwnGroup ? 1 : 0, tracer, &launch)
    guard error == 0 else {
      throw .failure(Self.explanation(of: -error, at: launch.stage, arguments[0]))
    }
    child = launch.child
    listener = OwnedDescriptor(launch.listener)
  }

  func signal(_ number: CInt) { kill(hasOwnGroup ? -child : child, number) }

  static func explanation(of error: CInt, at stage: CInt, _ program: String) -> String {
    let words = SystemError.message(error)
    switch bb_launch_stage(UInt32(stage)) {
    case bb_launch_exec: return "cannot run '\(program)': \(words)"
    case bb_launch_privileges: return "cannot give up gaining privileges (no_new_privs): \(words)"
    case bb_launch_filter:
      switch error {
      case EBUSY:
        return "cannot host: this shell is hosted already, and a program has one host; "
          + "run bindersim outside it, or use the devices that are there"
      case EINVAL, ENOSYS:
        return "cannot host: this kernel has no seccomp user notification (Linux 5.14 has all "
          + "that is needed; this is \(KernelVersion.running))"
      default:
        return "cannot host: seccomp is not allowed here (\(words)); in a container allow the "
          + "seccomp system call, for instance with --security-opt seccomp=unconfined"
      }
    default: return "cannot start '\(program)': \(words)"
    }
  }
}

enum KernelVersion {
  /// As `uname -r` prints it.
  static var running: String {
    SmallFile.read("/proc/sys/kernel/osrelease")?.split(separator: "\n").first.map(String.init)
      ?? "unknown"
  }
}

/// The direct children of this process.
enum Children {
  static func pids() -> [pid_t] {
    let own = getpid()
    guard let text = SmallFile.read("/proc/self/task/\(own)/children") else { return [] }
    return text.split(whereSeparator: { $0 == " " || $0 == "\n" }).compactMap { pid_t($0) }
  }
}

/// A host has a few descriptors for each open and each thread.
enum DescriptorLimit {
  static func raise() {
    var limit = rlimit()
    let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard unsafe getrlimit(kind, &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = unsafe setrlimit(kind, &limit)
  }
}
