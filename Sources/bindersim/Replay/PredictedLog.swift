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

  init(style: Style) { self.style = style }

  init(_ policy: PlacementPolicy) {
    switch policy {
    case .c: style = .cCode
    case .c61: style = .cNamed
    case .rust, .rust6180, .compact: style = .rust
    }
  }

  /// Of a message that found no room; empty for other failures.
  ///
  /// - Parameters:
  ///   - exhaustion: what the engine says of the region, two lines.
  ///   - freeOneway: free oneway space, bytes.
  func refusal(
    _ buffer: PlannedBuffer, _ kind: FailureKind, _ exhaustion: String, freeOneway: Int
  ) -> [String] {
    guard kind == .noSpace || kind == .noOnewaySpace else { return [] }
    let isOneway = buffer.kind == .oneway
    guard style != .rust else {
      return [
        "rust_binder: Failed to allocate buffer. len:\(buffer.size), is_oneway:\(isOneway)",
        "rust_binder: Failure in copy_transaction_data: ENOSPC",
        "rust_binder: \(buffer.sender):\(buffer.senderThread) transaction to \(buffer.destination) "
          + "failed: ENOSPC",
      ]
    }
    var lines: [String] = []
    if kind == .noOnewaySpace {
      lines.append(
        "binder_alloc: \(buffer.destination): binder_alloc_buf size \(buffer.size) failed, no async "
          + "space left (\(freeOneway))")
    } else {
      lines.append(
        "binder_alloc: \(buffer.destination): binder_alloc_buf size \(buffer.size) failed, no address "
          + "space")
      if let usage = exhaustion.split(separator: "\n").last { lines.append("binder_alloc: \(usage)") }
    }
    let word = isOneway ? "async" : buffer.kind == .reply ? "reply" : "call"
    let named =
      style == .c
      ? "failed 29201/-28"
      : "\(word) to \(buffer.destination):\(buffer.awaitedBy) failed \(buffer.transaction)/29201/-28"
    let code = style == .cCode ? "code \(buffer.code) " : ""
    lines.append(
      "binder: \(buffer.sender):\(buffer.senderThread) transaction \(named), \(code)size "
        + "\(buffer.dataSize)-\(buffer.offsetsSize) line ?")
    return lines
  }

  /// The report of oneway spam; the Rust driver logs none.
  func spam(receiver: Int32, sender: Int32, buffers: Int, bytes: Int) -> [String] {
    guard style != .rust else { return [] }
    return [
      "binder_alloc: \(receiver): pid \(sender) spamming oneway? \(buffers) buffers allocated for a "
        + "total size of \(bytes)"
    ]
  }
}
