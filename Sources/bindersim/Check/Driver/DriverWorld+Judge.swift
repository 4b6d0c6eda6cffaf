internal import BinderBuffer
internal import CLinuxShims

/// Comparisons with the model.
extension DriverWorld {
  /// What can be compared after every step; thoroughly: the driver's own invariants too.
  func judge(isThorough: Bool) throws(InvariantViolation) {
    try require("what the driver holds, counted", driver.census, is: model.census)
    for case let program? in programs {
      for tid in 1...habits.threads {
        try require(
          "whether thread \(tid) of process \(program.pid) is ready",
          driver.isReady(program.id, tid: tid), is: model.isReady(program, tid: tid))
      }
    }
    if isThorough { try driver.checkInvariants() }
  }

  /// Compares what the last call caused outside: whom it woke, who died, what is to be closed.
  func settleEffects(_ what: String) throws(InvariantViolation) {
    let found = driver.effects
    let expected = model.effects
    driver.effects.removeAll()
    model.effects = DriverModel.Effects()
    try require(
      "\(what): threads that are woken (process.thread)",
      found.woken.map { name($0.process, $0.tid) },
      is: expected.woken.map { name($0.process.id, $0.tid) })
    for thread in expected.woken { thread.isWoken = true }
    try require(
      "\(what): opens that end", found.died.map { name($0) }, is: expected.died.map { name($0.id) })
    try require(
      "\(what): files that are closed undelivered", found.closedFiles.map(\.rawValue).sorted(),
      is: expected.closedFiles.sorted())
    for token in found.closedFiles {
      try require(
        "\(what): file \(token.rawValue) is closed once", openTokens.remove(token.rawValue) != nil,
        is: true)
    }
    try require(
      "\(what): descriptors that go with a buffer", found.closedDescriptors.map(\.descriptor),
      is: expected.closedDescriptors)
    for closed in found.closedDescriptors { arrayDescriptors[closed.descriptor] = nil }
  }

  private func name(_ id: DriverProcessID, _ tid: Int32? = nil) -> String {
    let process = model.everyone.last { $0.id == id }
    return (process.map { "\($0.pid)" } ?? "?") + (tid.map { ".\($0)" } ?? "")
  }

  // MARK: returns

  /// The returns in what a read brought, and where the buffer of the transaction among them lies.
  func decode(_ bytes: [UInt8]) throws(InvariantViolation) -> ([DriverEvent], address: UInt64?) {
    var events: [DriverEvent] = []
    var address: UInt64?
    var i = 0
    while i < bytes.count {
      guard i + 4 <= bytes.count else { throw cut(bytes) }
      let code = UInt32(bytes.word(i, 4))
      let size = Int(code >> 16 & 0x3fff)
      let at = i + 4
      i = at + size
      guard i <= bytes.count else { throw cut(bytes) }
      var event = DriverEvent(code: code)
      switch code {
      case bb_br_transaction.rawValue, bb_br_reply.rawValue, bb_br_transaction_sec_ctx.rawValue:
        let buffer = bytes.word(at + bb_td_buffer, 8)
        address = buffer
        event.fields = [
          bytes.word(at + bb_td_target, 8), bytes.word(at + bb_td_cookie, 8),
          bytes.word(at + bb_td_code, 4), bytes.word(at + bb_td_flags, 4),
          bytes.word(at + bb_td_sender_pid, 4), bytes.word(at + bb_td_sender_euid, 4),
          bytes.word(at + bb_td_data_size, 8), bytes.word(at + bb_td_offsets_size, 8),
          bytes.word(at + bb_td_offsets, 8) &- buffer,
        ]
        if code == bb_br_transaction_sec_ctx.rawValue {
          event.fields.append(bytes.word(at + bb_td_secctx, 8) &- buffer)
        }
      case bb_br_frozen_binder.rawValue:
        event.fields = [bytes.word(at, 8), bytes.word(at + 8, 4)]
      default: event.fields = stride(from: 0, to: size, by: 8).map { bytes.word(at + $0, 8) }
      }
      events.append(event)
    }
    return (events, address)
  }

  private func cut(_ bytes: [UInt8]) -> InvariantViolation {
    InvariantViolation("returns are whole", expected: "whole returns", found: "\(bytes)")
  }

  /// Compares a delivered buffer with what its sender meant.
  func checkContents(
    _ transaction: DriverModel.Transaction, at address: UInt64?, descriptors: [Int32]
  ) throws(InvariantViolation) {
    guard let address else { return }
    let receiver = transaction.receiver
    let offset = Int(truncatingIfNeeded: address &- receiver.base)
    let size = transaction.buffer.size
    guard address >= receiver.base, offset <= receiver.regionLength - size, address & 7 == 0 else {
      throw InvariantViolation(
        "a buffer lies in the region", expected: "\(size) bytes in \(receiver.regionLength)",
        found: "offset \(offset)")
    }
    for other in receiver.buffers where other !== transaction.buffer {
      guard let start = other.address else { continue }
      try require(
        "buffers do not overlap",
        start >= address + UInt64(size)
          || start + UInt64(other.size) <= address, is: true)
    }
    let image = transaction.message.image(
      at: address, held: transaction.buffer.objects, descriptors: descriptors)
    let found =
      unsafe (try? driver.withRegion(receiver.id) { region in
        unsafe [UInt8](region[offset..<offset + image.count])
      }) ?? nil
    for (i, byte) in image.enumerated() {
      if let byte, found?[i] != byte {
        throw InvariantViolation(
          "byte \(i) of what process \(receiver.pid) got", expected: "\(byte)",
          found: found.map { "\($0[i])" } ?? "no region")
      }
    }
    tally.bytesCompared += image.count
  }
}

extension DriverEvent: CustomStringConvertible {
  var description: String {
    let name = Self.names[code] ?? "return \(code)"
    return fields.isEmpty ? name : "\(name)(\(fields.map { "\($0)" }.joined(separator: " ")))"
  }

  private static let names: [UInt32: String] = [
    bb_br_ok.rawValue: "OK", bb_br_noop.rawValue: "NOOP", bb_br_spawn_looper.rawValue: "SPAWN",
    bb_br_transaction.rawValue: "TRANSACTION", bb_br_reply.rawValue: "REPLY",
    bb_br_transaction_sec_ctx.rawValue: "TRANSACTION_SEC_CTX",
    bb_br_transaction_complete.rawValue: "COMPLETE",
    bb_br_transaction_pending_frozen.rawValue: "PENDING_FROZEN",
    bb_br_oneway_spam_suspect.rawValue: "SPAM", bb_br_dead_reply.rawValue: "DEAD_REPLY",
    bb_br_failed_reply.rawValue: "FAILED_REPLY", bb_br_frozen_reply.rawValue: "FROZEN_REPLY",
    bb_br_increfs.rawValue: "INCREFS", bb_br_acquire.rawValue: "ACQUIRE",
    bb_br_release.rawValue: "RELEASE", bb_br_decrefs.rawValue: "DECREFS",
    bb_br_dead_binder.rawValue: "DEAD_BINDER",
    bb_br_clear_death_notification_done.rawValue: "CLEAR_DEATH_DONE",
    bb_br_frozen_binder.rawValue: "FROZEN_BINDER",
    bb_br_clear_freeze_notification_done.rawValue: "CLEAR_FREEZE_DONE",
  ]
}
