internal import BinderBuffer

/// How a host was asked to work.
struct HostOptions {
  var driver: DriverOptions
  /// A program maps at most so many bytes of region.
  var region: Int
  var name: String?
  var securityContext: [UInt8]?
  var isServiceManager = false
  var limits = HostLimits()
  /// What is recorded of buffers.
  var recording = RecordingDepth.none
}

/// What one program may hold of the host, so that none can use it up: by the names that `--limit` takes.
///
/// The kernel has none of these; there the machine's memory is the limit.
struct HostLimits: Sendable {
  /// What the driver keeps for each open.
  var driver = DriverLimits()
  /// Opens of devices by a process at a time.
  var opens = 1024
  /// Bytes of all regions of a process.
  var memory = 256 << 20

  /// The names, and what a program is told that goes beyond.
  static let all: [(name: String, meaning: String, error: String)] = [
    ("opens", "opens of devices by one process at a time", "open: EMFILE"),
    ("memory", "bytes of all regions of one process", "mmap: ENOMEM"),
    ("handles", "handles of an open, with their counts", "BR_FAILED_REPLY (ENOMEM)"),
    ("nodes", "objects of its own that an open gave to others", "BR_FAILED_REPLY (ENOMEM)"),
    ("threads", "threads of an open that have called it", "ioctl: ENOMEM"),
    ("notices", "death and freeze notices that an open waits for", "no notice; freeze: ENOMEM"),
    ("unread", "completions and errors that a thread has not read", "BR_FAILED_REPLY (ENOMEM)"),
  ]

  /// False for a name that is none, or a limit below 1.
  mutating func set(_ name: String, to value: Int) -> Bool {
    guard value > 0 else { return false }
    switch name {
    case "opens": opens = value
    case "memory": memory = value
    case "handles": driver.handles = value
    case "nodes": driver.nodes = value
    case "threads": driver.threads = value
    case "notices": driver.notices = value
    case "unread": driver.unreadCompletions = value
    default: return false
    }
    return true
  }
}

extension ValueSyntax<HostLimits> {
  /// `NAME=N`, separated by commas; memory takes a size.
  static var limits: Self {
    Self(
      "NAME=N,…",
      accepted: HostLimits.all.map { "\($0.name)=N" }.joined(separator: ", ") + ", of at least 1"
    ) { text in
      var limits = HostLimits()
      for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        let sides = part.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
        guard sides.count == 2 else { return nil }
        let syntax: ValueSyntax<Int> = sides[0] == "memory" ? .size : .count
        guard let value = syntax.parse(sides[1]), limits.set(sides[0], to: value) else {
          return nil
        }
      }
      return limits
    }
  }
}
