import BinderBuffer
import CLinuxShims

/// Prints what one read brought, as bscene prints it.
struct ScenePrinter {
  let process: SceneProcess
  /// The process's region, as it sees it; empty when it does not.
  let region: [UInt8]
  let pidNames: [Int32: String]
  private(set) var text = ""

  init(_ process: SceneProcess, region: [UInt8], pidNames: [Int32: String]) {
    self.process = process
    self.region = region
    self.pidNames = pidNames
  }

  static let names: [UInt32: String] = [
    bb_br_ok.rawValue: "BR_OK", bb_br_transaction_sec_ctx.rawValue: "BR_TRANSACTION_SEC_CTX",
    bb_br_transaction.rawValue: "BR_TRANSACTION", bb_br_reply.rawValue: "BR_REPLY",
    bb_br_dead_reply.rawValue: "BR_DEAD_REPLY",
    bb_br_transaction_complete.rawValue: "BR_TRANSACTION_COMPLETE",
    bb_br_increfs.rawValue: "BR_INCREFS", bb_br_acquire.rawValue: "BR_ACQUIRE",
    bb_br_release.rawValue: "BR_RELEASE", bb_br_decrefs.rawValue: "BR_DECREFS",
    bb_br_noop.rawValue: "BR_NOOP", bb_br_spawn_looper.rawValue: "BR_SPAWN_LOOPER",
    bb_br_dead_binder.rawValue: "BR_DEAD_BINDER",
    bb_br_clear_death_notification_done.rawValue: "BR_CLEAR_DEATH_NOTIFICATION_DONE",
    bb_br_failed_reply.rawValue: "BR_FAILED_REPLY", bb_br_frozen_reply.rawValue: "BR_FROZEN_REPLY",
    bb_br_oneway_spam_suspect.rawValue: "BR_ONEWAY_SPAM_SUSPECT",
    bb_br_transaction_pending_frozen.rawValue: "BR_TRANSACTION_PENDING_FROZEN",
    bb_br_frozen_binder.rawValue: "BR_FROZEN_BINDER",
    bb_br_clear_freeze_notification_done.rawValue: "BR_CLEAR_FREEZE_NOTIFICATION_DONE",
  ]

  static func name(_ code: UInt32) -> String { names[code] ?? "BR_?" }

  mutating func show(_ events: WireText) {
    var i = 0
    while i + 4 <= events.bytes.count {
      let code = events.get(at: i, as: UInt32.self)
      i += 4
      let size = Int(code >> 16 & 0x3fff)
      guard i + size <= events.bytes.count else {
        text += "\n    \(Self.name(code)) cut short"
        return
      }
      let payload = WireText(bytes: Array(events.bytes[i..<i + size]))
      i += size
      text += "\n    \(Self.name(code))"
      show(code, payload)
    }
    if i < events.bytes.count { text += "\n    \(events.bytes.count - i) stray bytes" }
  }

  private mutating func show(_ code: UInt32, _ payload: WireText) {
    let first = payload.get(at: 0, as: UInt64.self)
    switch code {
    case bb_br_transaction.rawValue, bb_br_reply.rawValue:
      showTransaction(code, payload, context: 0)
    case bb_br_transaction_sec_ctx.rawValue:
      showTransaction(code, payload, context: payload.get(at: bb_td_secctx))
    case bb_br_increfs.rawValue, bb_br_acquire.rawValue, bb_br_release.rawValue,
      bb_br_decrefs.rawValue:
      text += " \(SceneText.hex(first)) \(SceneText.hex(payload.get(at: 8, as: UInt64.self)))"
    case bb_br_dead_binder.rawValue, bb_br_clear_death_notification_done.rawValue,
      bb_br_clear_freeze_notification_done.rawValue:
      text += " \(SceneText.hex(first))"
    case bb_br_frozen_binder.rawValue:
      text += " \(SceneText.hex(first)) frozen=\(payload.get(at: 8, as: UInt32.self))"
    default: if Self.names[code] == nil { text += " \(SceneText.hex(code))" }
    }
  }

  // MARK: the region

  /// Bytes of the region; nil when they cannot be read.
  private func peek(_ address: UInt64, _ count: Int) -> WireText? {
    if count == 0 { return WireText() }
    guard !process.isRegionGone, let base = process.region?.address, address >= base,
      address - base <= UInt64(region.count), count <= region.count - Int(address - base)
    else { return nil }
    let start = Int(address - base)
    return WireText(bytes: Array(region[start..<start + count]))
  }

  private mutating func showTransaction(_ code: UInt32, _ x: WireText, context: UInt64) {
    let buffer: UInt64 = x.get(at: bb_td_buffer)
    let offsetsAddress: UInt64 = x.get(at: bb_td_offsets)
    process.buffers.append(buffer)
    let target: UInt64 = x.get(at: bb_td_target)
    let cookie: UInt64 = x.get(at: bb_td_cookie)
    if code != bb_br_reply.rawValue || target != 0 || cookie != 0 {
      text += " target=\(SceneText.hex(target)) cookie=\(SceneText.hex(cookie))"
    }
    text += " code=\(x.get(at: bb_td_code, as: UInt32.self))"
    text += SceneText.flags(x.get(at: bb_td_flags))
    let pid: Int32 = x.get(at: bb_td_sender_pid)
    let user: UInt32 = x.get(at: bb_td_sender_euid)
    text += " pid=\(pid == 0 ? "0" : pidNames[pid] ?? "?")"
    text += " euid=\(user == 0 ? "base" : String(user))"
    let dataSize: UInt64 = x.get(at: bb_td_data_size)
    let offsetsSize: UInt64 = x.get(at: bb_td_offsets_size)
    text += " b\(process.buffers.count)\(process.place(buffer)) data=\(dataSize)"
    text += " offsets=\(offsetsSize)\(process.place(offsetsAddress))"
    if context != 0 {
      let first = peek(context, 1)?.bytes[0] ?? 0
      text += " secctx\(process.place(context))\(first != 0 ? " text" : " empty")"
    }
    let count = Int(offsetsSize / 8)
    guard let data = peek(buffer, Int(dataSize)), let offsets = peek(offsetsAddress, count * 8)
    else {
      text += "\n        unreadable"
      return
    }
    showData(data, (0..<count).map { Int(offsets.get(at: 8 * $0, as: UInt64.self)) })
  }

  private mutating func showData(_ data: WireText, _ offsets: [Int]) {
    var position = 0
    for i in 0...offsets.count {
      let end = i < offsets.count ? offsets[i] : data.bytes.count
      guard end <= data.bytes.count else {
        text += "\n        offset beyond data"
        return
      }
      if end > position {
        text += "\n        +\(position) \(SceneText.bytes(data.bytes[position..<end]))"
      }
      if i == offsets.count { return }
      position = end + showObject(data, offsets, i)
    }
  }

  /// - Returns: the bytes that the object takes.
  private mutating func showObject(_ data: WireText, _ offsets: [Int], _ i: Int) -> Int {
    let at = offsets[i]
    let type: UInt32 = data.get(at: at)
    text += "\n        +\(at) "
    switch bb_type(rawValue: type) {
    case bb_type_binder, bb_type_weak_binder, bb_type_handle, bb_type_weak_handle:
      let isWeak = type == bb_type_weak_binder.rawValue || type == bb_type_weak_handle.rawValue
      let isBinder = type == bb_type_binder.rawValue || type == bb_type_weak_binder.rawValue
      let word: UInt64 = data.get(at: at + bb_flat_binder)
      text += isWeak ? "weak " : ""
      text +=
        isBinder
        ? "binder \(SceneText.hex(word))" : "handle \(UInt32(truncatingIfNeeded: word))"
      if !isBinder, word >> 32 != 0 { text += " high=\(SceneText.hex(word >> 32))" }
      text += " cookie=\(SceneText.hex(data.get(at: at + bb_flat_cookie, as: UInt64.self)))"
      text += " flags=\(SceneText.hex(data.get(at: at + bb_flat_flags, as: UInt32.self)))"
      return bb_flat_size
    case bb_type_fd:
      text += descriptor(data.get(at: at + bb_fd_fd))
      text += " cookie=\(SceneText.hex(data.get(at: at + bb_flat_cookie, as: UInt64.self)))"
      return bb_fd_size
    case bb_type_fda:
      showArray(data, offsets, at)
      return bb_fda_size
    case bb_type_ptr:
      showPointer(data, offsets, i)
      return bb_ptr_size
    default:
      text += "type \(SceneText.hex(type))"
      return 4
    }
  }

  private func descriptor(_ number: Int32) -> String {
    guard let found = process.descriptors[number] else { return "fd:EBADF" }
    let name = process.files.text[found.file] ?? "closed"
    return "fd \"\(name)\"\(found.isCloseOnExec ? " cloexec" : "")"
  }

  private mutating func showArray(_ data: WireText, _ offsets: [Int], _ at: Int) {
    let count: UInt64 = data.get(at: at + bb_fda_num_fds)
    let parent: UInt64 = data.get(at: at + bb_fda_parent)
    let start: UInt64 = data.get(at: at + bb_fda_parent_offset)
    text += "fda n=\(count) parent=\(parent)+\(start)"
    guard parent < UInt64(offsets.count), offsets[Int(parent)] + bb_ptr_size <= data.bytes.count
    else { return }
    let buffer: UInt64 = data.get(at: offsets[Int(parent)] + bb_ptr_buffer)
    for k in 0..<min(count, 16) {
      text += " "
      if let number = peek(buffer + start + 4 * k, 4) { text += descriptor(number.get(at: 0)) }
    }
  }

  private mutating func showPointer(_ data: WireText, _ offsets: [Int], _ i: Int) {
    let at = offsets[i]
    let buffer: UInt64 = data.get(at: at + bb_ptr_buffer)
    let length: UInt64 = data.get(at: at + bb_ptr_length)
    let flags: UInt32 = data.get(at: at + bb_ptr_flags)
    text += "ptr \(process.place(buffer)) len=\(length) flags=\(SceneText.hex(flags))"
    if flags & 1 != 0 {
      text += " parent=\(data.get(at: at + bb_ptr_parent, as: UInt64.self))"
      text += "+\(data.get(at: at + bb_ptr_parent_offset, as: UInt64.self))"
    }
    guard var contents = peek(buffer, Int(length)) else {
      text += " unreadable"
      return
    }
    // Addresses and descriptors in it are shown apart, then blanked.
    for other in offsets {
      let type: UInt32 = data.get(at: other)
      if type == bb_type_ptr.rawValue {
        let place: UInt64 = data.get(at: other + bb_ptr_parent_offset)
        guard data.get(at: other + bb_ptr_flags, as: UInt32.self) & 1 != 0,
          data.get(at: other + bb_ptr_parent, as: UInt64.self) == UInt64(i), place + 8 <= length
        else { continue }
        let pointer: UInt64 = contents.get(at: Int(place))
        text += " [\(place)]=\(process.place(pointer))"
        contents.set(UInt64(0), at: Int(place))
      } else if type == bb_type_fda.rawValue {
        let place: UInt64 = data.get(at: other + bb_fda_parent_offset)
        let count: UInt64 = data.get(at: other + bb_fda_num_fds)
        guard data.get(at: other + bb_fda_parent, as: UInt64.self) == UInt64(i),
          place + 4 * count <= length
        else { continue }
        for k in 0..<4 * count { contents.set(UInt8(0), at: Int(place + k)) }
      }
    }
    text += " " + SceneText.bytes(contents.bytes)
  }
}
