internal import BinderBuffer

/// What a driver would have logged, line by line, as `dmesg` shows it behind the time.
///
/// What no replay can know stands as `?`: the line of the driver's source, and of runs the thread.
struct PredictedLog {
  /// How a kernel words its lines.
  enum Style: Equatable, Sendable {
    /// C, up to 5.18.
    case c
    /// C, from 5.19: the receiver and the number too.
    case cNamed
    /// C, from 6.14: the code too.
    case cCode
    case rust
  }

  let style: Style

  private let rules: DriverRules

  /// - Parameter kernel: the kernel that the policy is of, where it was chosen by one; else lines are
  ///   worded as by the newest kernel that has the policy.
  init(_ policy: PlacementPolicy, _ kernel: KernelRelease? = nil) {
    rules = policy.rules
    if policy.search != .c {
      style = .rust
    } else if let kernel {
      let version = (kernel.major, kernel.minor)
      style = version < (5, 19) ? .c : version < (6, 14) ? .cNamed : .cCode
    } else {
      switch policy.base {
      case "c": style = .cCode
      case "c-6.1", "c-5.15", "c-android14-6.1": style = .cNamed
      default: style = .c
      }
    }
  }

  /// A message as the lines name it.
  struct Message {
    var transaction: UInt32
    var sender: Int32
    /// Nil where nothing tells it.
    var thread: Int32?
    var receiver: Int32
    var awaitedBy: Int32
    var kind: MessageKind
    var code: UInt32
    /// What it takes of the region.
    var size: Int
    var dataSize: Int
    var offsetsSize: Int
  }

  /// Of a message that found no room; empty for other failures.
  ///
  /// - Parameters:
  ///   - exhaustion: what the engine says of the region.
  ///   - freeOneway: free oneway space, bytes.
  func refusal(
    _ message: Message, _ failure: FailureKind, _ exhaustion: String, freeOneway: Int
  ) -> [String] {
    guard failure == .noSpace || failure == .noOnewaySpace else { return [] }
    let isOneway = message.kind == .oneway
    let from = "\(message.sender):\(message.thread.map(String.init) ?? "?")"
    guard style != .rust else {
      return [
        "rust_binder: Failed to allocate buffer. len:\(message.size), is_oneway:\(isOneway)",
        "rust_binder: Failure in copy_transaction_data: ENOSPC",
        "rust_binder: \(from) transaction to \(message.receiver) failed: ENOSPC",
      ]
    }
    var lines: [String] = []
    if failure == .noOnewaySpace {
      lines.append(
        "binder_alloc: \(message.receiver): binder_alloc_buf size \(message.size) failed, no async "
          + "space left (\(freeOneway))")
    } else {
      lines.append(
        "binder_alloc: \(message.receiver): binder_alloc_buf size \(message.size) failed, no address "
          + "space")
      if let place = exhaustion.firstRange(of: "allocated: ") {
        lines.append("binder_alloc: \(exhaustion[place.lowerBound...].prefix { $0 != "\n" })")
      }
    }
    let word = isOneway ? "async" : message.kind == .reply ? "reply" : "call"
    let named =
      style == .c
      ? "failed 29201/-28"
      : "\(word) to \(message.receiver):\(message.awaitedBy) failed \(message.transaction)/29201/-28"
    let code = style == .cCode ? "code \(message.code) " : ""
    lines.append(
      "binder: \(from) transaction \(named), \(code)size \(message.dataSize)-\(message.offsetsSize) "
        + "line ?")
    return lines
  }

  /// The report of oneway spam; the Rust driver and the oldest ones log none.
  func spam(receiver: Int32, sender: Int32, buffers: Int, bytes: Int) -> [String] {
    guard style != .rust, rules.spam != .none else { return [] }
    return [
      "binder_alloc: \(receiver): pid \(sender) spamming oneway? \(buffers) buffers allocated for a "
        + "total size of \(bytes)"
    ]
  }
}

extension PredictedLog.Message {
  init(_ buffer: SentBuffer, thread: Int32?) {
    self.init(
      transaction: buffer.number, sender: buffer.sender, thread: thread,
      receiver: RegionKey(number: buffer.receiver).pid, awaitedBy: buffer.awaitedBy,
      kind: buffer.kind, code: buffer.code, size: buffer.wantedSize, dataSize: buffer.dataSize,
      offsetsSize: buffer.offsetsSize)
  }
}
