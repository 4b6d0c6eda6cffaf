/// A region at the moment of a dump, in sentences.
struct RegionWords {
  let region: ExplainedRegion
  let label: (Int32) -> String

  private var process: DumpProcess { region.process }
  private var layout: RegionLayout { region.layout }
  private func n(_ count: Int) -> String { Format.grouped(count) }
  private func bytes(_ count: Int) -> String { "\(Format.grouped(count)) bytes" }

  var name: String {
    let process = process.pid.map(label) ?? "a process that the file does not name"
    let context = self.process.context.map { $0 == "binder" ? "" : " (\($0))" } ?? ""
    return process + context
  }

  /// How full it is, in how many pieces.
  var fill: String? {
    guard process.listsBuffers else { return figures }
    var text =
      "The region of \(name) held \(bytes(layout.allocated)) in "
      + Format.count(layout.buffers, "buffer")
    guard layout.unplaced == 0 else {
      return text + "; the kernel printed no places, so what lies between them is unknown."
    }
    text += ", from 0 to 0x\(String(layout.end, radix: 16))"
    text +=
      layout.holes.isEmpty
      ? " without a hole."
      : " with \(Format.count(layout.holes.count, "hole")) of together \(bytes(layout.holeBytes)), "
        + "the largest \(n(layout.largestHole))."
    if let free = layout.free, let largest = layout.largestFree, let length = layout.regionLength {
      text +=
        " Of \(bytes(length))"
        + (region.isLengthAssumed ? assumed(length) : "")
        + " \(n(free)) were free, the largest free range \(n(largest))."
    }
    if layout.overlaps > 0 {
      text +=
        " \(Format.count(layout.overlaps, "buffer")) lie over others or beyond the end: the "
        + "dump was taken while they changed, or the state is corrupt."
    }
    return text
  }

  private func assumed(_ length: Int) -> String {
    length <= Refusal.usualRegion
      ? " (the usual length: no file tells it)"
      : " (no file tells its length; the usual \(n(Refusal.usualRegion)) would not hold them)"
  }

  /// What is nearly used up, or in pieces.
  var pressure: String? {
    var sentences: [String] = []
    if let free = process.freeOnewaySpace, let length = layout.regionLength,
      !region.isLengthAssumed,
      free < length / 10
    {
      sentences.append(
        "The oneway space of \(name) is nearly used up: \(n(free)) of \(bytes(length / 2)) are left."
      )
    }
    if process.listsBuffers, layout.unplaced == 0, let free = layout.free,
      let largest = layout.largestFree, let length = layout.regionLength
    {
      if free < length / 10 {
        sentences.append(
          "The region of \(name) was nearly full: a message of more than \(bytes(largest)) finds no room."
        )
      } else if largest < free / 2 {
        sentences.append(
          "The region of \(name) was fragmented: \(bytes(free)) were free, but a message of more than "
            + "\(n(largest)) finds no room.")
      }
    }
    return sentences.isEmpty ? nil : sentences.joined(separator: " ")
  }

  private var figures: String? {
    var parts: [String] = []
    if let count = process.bufferCount { parts.append(Format.count(count, "live buffer")) }
    if let free = process.freeOnewaySpace { parts.append("\(bytes(free)) of free oneway space") }
    if let length = process.regionLength { parts.append("a region of \(bytes(length))") }
    return parts.isEmpty ? nil : "\(name): " + parts.joined(separator: ", ") + "."
  }

  /// What the states of the buffers say about who has to do something.
  var holding: String? {
    let delivered = region.count(.delivered)
    let active = region.count(.active)
    let reserved = region.count(.reserved)
    var parts: [String] = []
    if delivered.buffers > 0 {
      parts.append(
        "\(n(delivered.buffers)) (\(bytes(delivered.bytes))) were delivered: the receiver has them "
          + "and has not freed them")
    }
    if active.buffers > 0 {
      parts.append(
        "\(n(active.buffers)) (\(bytes(active.bytes))) are active: not received yet, or calls that "
          + "are not answered")
    }
    if reserved.buffers > 0 { parts.append("\(n(reserved.buffers)) are being filled") }
    var text =
      parts.isEmpty ? "" : "Of the buffers of \(name) " + parts.joined(separator: "; ") + "."
    if let senders, !senders.isEmpty {
      text += (text.isEmpty ? "" : " ") + "They were sent by \(senders)."
    }
    return text.isEmpty ? nil : text
  }

  /// Only the Rust driver prints who sent a buffer; for the C driver its waiting transactions do.
  private var senders: String? {
    var held: [Int32: (bytes: Int, buffers: Int)] = [:]
    for buffer in process.buffers {
      guard let sender = buffer.sender else { continue }
      held[sender, default: (0, 0)].bytes += buffer.size
      held[sender, default: (0, 0)].buffers += 1
    }
    let most = held.sorted { ($0.value.bytes, $1.key) > ($1.value.bytes, $0.key) }
    return most.isEmpty
      ? nil
      : most.prefix(5).map {
        "\(label($0.key)) (\(bytes($0.value.bytes)) in \(Format.count($0.value.buffers, "buffer")))"
      }.joined(separator: ", ")
  }

  /// Those that somebody waits for, longest first.
  var waiting: [DumpTransaction] {
    process.transactions.sorted {
      ($0.milliseconds ?? -1, $1.id) > ($1.milliseconds ?? -1, $0.id)
    }
  }

  func sentence(_ transaction: DumpTransaction) -> String {
    let age =
      transaction.milliseconds.map {
        ", for "
          + Format.time(
            nanoseconds: UInt64($0).multipliedReportingOverflow(by: 1_000_000).partialValue)
          + " (\(n($0)) ms)"
      } ?? ""
    let kind = transaction.isOneway ? "oneway message" : "call"
    let from = party(transaction.sender, transaction.senderThread)
    let to = party(transaction.receiver, transaction.receiverThread)
    var text = "Transaction \(transaction.id): "
    switch transaction.place {
    case .incoming:
      text += "\(to) handles a \(kind) of \(from)\(age)"
    case .outgoing:
      text += "\(from) waits for the answer of \(to)\(age)"
    case .pending:
      text += "a \(kind) of \(from) waits for a thread of \(to)\(age)"
    case .pendingAsync:
      text +=
        "a \(kind) of \(from) to \(to) waits\(age), behind the oneway message before it to "
        + "the same node"
    }
    if let node = transaction.node { text += "; node \(node)" }
    if let data = transaction.dataSize {
      text += "; \(bytes(data)) of data"
      if let offset = transaction.offset { text += " at 0x\(String(offset, radix: 16))" }
    }
    return text + "."
  }

  private func party(_ pid: Int32?, _ thread: Int32?) -> String {
    guard let pid else { return "an unknown process" }
    return label(pid) + (thread.map { $0 > 0 ? " (thread \($0))" : "" } ?? "")
  }

  /// How busy its threads are, where the file tells.
  var threads: String? {
    guard let threads = process.threads else { return nil }
    var text = "\(name) has \(Format.count(threads, "thread"))"
    if let ready = process.readyThreads {
      text += ready == 0 ? ", and none is ready to take work" : ", \(n(ready)) of them ready"
    }
    return text + "."
  }
}
