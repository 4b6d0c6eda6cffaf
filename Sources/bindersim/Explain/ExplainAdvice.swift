extension ExplainWords {
  /// What the files leave open, with what would close it.
  var unknown: [Explanation.Unknown] {
    var unknown: [Explanation.Unknown] = []
    func add(_ what: String, _ tells: String) {
      let entry = Explanation.Unknown(what: what, tells: tells)
      if !unknown.contains(entry) { unknown.append(entry) }
    }
    let capture = Advice.capture
    for refusal in refusals {
      if refusal.wanted == nil {
        add(
          "how large the refused message was",
          "the kernel log of that moment: 'binder_alloc_buf size … failed', 'transaction failed …, size …'"
        )
      }
      if refusal.receiver == nil {
        add(
          "whose region it was",
          "the kernel log of that moment (dmesg, or logcat -b kernel): 'PID: binder_alloc_buf size …'"
        )
      }
      if refusal.isRegionAssumed {
        add(
          "how long the region is" + (refusal.receiver.map { " (\(label($0)))" } ?? ""),
          "the kernel log's line 'allocated: …, free: …', or 'pages:' in binder_logs/stats")
      }
      if refusal.holders.isEmpty, !hasDump(refusal.receiver), refusal.cause.asksWho {
        add(
          "who sent the buffers that held the region",
          "a capture that begins before the region fills (\(capture)), or "
            + "binder_logs/proc/PID and binder_logs/transactions while it is full")
      }
      if refusal.freedBefore == nil, refusal.cause.asksWho {
        add(
          "whether it is a leak or load",
          "two copies of binder_logs/state a minute apart (buffers that are in both stay), or a capture "
            + "with binder_transaction_buffer_release")
      }
    }
    for region in regions where refusals.isEmpty {
      if region.isLengthAssumed, region.process.listsBuffers {
        add(
          "how long the region is" + (region.process.pid.map { " (\(label($0)))" } ?? ""),
          "'pages:' of that process in binder_logs/stats: all pages together times 4,096")
      }
      if region.process.listsBuffers, region.alsoInEarlierDump == nil,
        !region.process.buffers.isEmpty
      {
        add(
          "whether the buffers leak or are only in use at that moment",
          "the same file once more a minute later, given together with this one")
      }
      if region.process.pid == nil {
        add(
          "which process it is",
          "binder_logs/state, which names it, or the file under its name proc/PID")
      }
    }
    for entry in captures.flatMap(\.unknown) { add(entry.what, entry.tells) }
    return unknown
  }

  /// What to do, most telling first; none is given twice.
  var next: [String] {
    var next: [String] = []
    func add(_ text: String) { if !next.contains(text) { next.append(text) } }
    for refusal in refusals { for text in Advice.after(refusal, label) { add(text) } }
    for region in regions { for text in Advice.after(region, label) { add(text) } }
    for text in captures.flatMap(\.advice) { add(text) }
    return next
  }
}

extension Refusal.Cause {
  /// Whether it matters who held the region's bytes.
  fileprivate var asksWho: Bool {
    switch self {
    case .full, .fragmented, .noSpace, .noSpaceOrGone, .unknown, .onewayExhausted: true
    case .neverFits, .neverFitsOneway, .noFrame, .gone: false
    }
  }
}

/// What to do about it.
enum Advice {
  static let capture =
    "events binder_transaction, binder_transaction_alloc_buf, binder_transaction_received, "
    + "binder_transaction_buffer_release and binder_return"

  static func after(_ refusal: Refusal, _ label: (Int32) -> String) -> [String] {
    let receiver = refusal.receiver.map(label) ?? "the receiver"
    switch refusal.cause {
    case .neverFits:
      return [
        "Send less at once: split the message, or pass shared memory or a file descriptor instead of "
          + "the bytes. Freeing other buffers cannot help."
      ]
    case .neverFitsOneway:
      return [
        "Send less at once, or not oneway: a oneway message may take half of the region at most. "
          + "Freeing other buffers cannot help."
      ]
    case .full:
      let leak = refusal.freedBefore == 0
      return [
        leak
          ? "Find out why \(receiver) never frees: a library that keeps its Parcels, or a thread that "
            + "is stuck in a call it received."
          : "Look at what \(receiver) does with the buffers it was given: each lives until its call is "
            + "answered and its Parcel is recycled.",
        "Send less at once: messages above 100 KiB compete with all others for the one region.",
      ]
    case .fragmented:
      return [
        "Send less at once: the region has room, but not in one piece. Small buffers that live long "
          + "lie between the free pieces; find who keeps them."
      ]
    case .onewayExhausted:
      return [
        "Slow the oneway senders down (an occasional call that waits for its answer does), or let "
          + "\(receiver) free sooner: oneway messages to one node wait for the one before them."
      ]
    case .noSpace, .noSpaceOrGone:
      return ["Get the kernel log of the same moment: it names the region, its fill and the size."]
    case .gone: return ["Find out why \(receiver) ended; its buffer is not the cause."]
    case .noFrame: return ["Look for memory pressure at that moment; the region had room."]
    case .unknown:
      return refusal.wanted == nil
        ? [
          "Get the kernel log of the same moment and give it together with this file: it has the size."
        ]
        : []
    }
  }

  static func after(_ region: ExplainedRegion, _ label: @escaping (Int32) -> String) -> [String] {
    let name = RegionWords(region: region, label: label).name
    let waiting = RegionWords(region: region, label: label).waiting
    guard let oldest = waiting.first, let age = oldest.milliseconds, age >= 1000 else { return [] }
    switch oldest.place {
    case .pending, .pendingAsync:
      return [
        "Look at the threads of \(name): frozen, or all stuck in calls; take its stacks "
          + "(debuggerd -b, or /proc/PID/task/*/stack)."
      ]
    case .incoming:
      return [
        "Take the stack of thread \(oldest.receiverThread ?? oldest.thread ?? 0) of \(name): it has "
          + "handled one message for \(Format.grouped(age)) ms."
      ]
    case .outgoing:
      let other = oldest.receiver.map(label) ?? "the other process"
      return ["Take the stacks of \(other): it has not answered for \(Format.grouped(age)) ms."]
    }
  }
}
