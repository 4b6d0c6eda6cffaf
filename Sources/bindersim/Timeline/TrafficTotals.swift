/// Who sent how much, and how large the buffers were.
struct TrafficTotals: Sendable {
  struct Sender: Sendable {
    let pid: Int32
    /// By kind of message.
    var sent = [Int](repeating: 0, count: MessageKind.allCases.count)
    var bytes = 0
    var largest = 0
    var spam = 0
    var failed = 0

    var buffers: Int { sent.reduce(0, +) }
  }

  /// Bucket `b` counts the buffers that take `2^b ..< 2^(b + 1)` bytes, by kind.
  private(set) var sizes: [[Int]] = []
  private var bySender: [Int32: Sender] = [:]
  private static let mostSenders = 4096

  /// Senders by bytes sent, largest first.
  var senders: [Sender] {
    bySender.values.sorted { ($0.bytes, $1.pid) > ($1.bytes, $0.pid) }
  }

  mutating func add(_ buffer: SentBuffer) {
    let bucket = Int.bitWidth - 1 - max(1, buffer.size).leadingZeroBitCount
    while sizes.count <= bucket {
      sizes.append([Int](repeating: 0, count: MessageKind.allCases.count))
    }
    sizes[bucket][buffer.kind.rawValue] += 1
    change(buffer.sender) { sender in
      sender.sent[buffer.kind.rawValue] += 1
      sender.bytes += buffer.size
      sender.largest = max(sender.largest, buffer.size)
      if buffer.isSpam { sender.spam += 1 }
    }
  }

  mutating func addFailure(of buffer: SentBuffer) {
    change(buffer.sender) { $0.failed += 1 }
  }

  private mutating func change(_ pid: Int32, _ body: (inout Sender) -> Void) {
    guard bySender[pid] != nil || bySender.count < Self.mostSenders else { return }
    body(&bySender[pid, default: Sender(pid: pid)])
  }
}
