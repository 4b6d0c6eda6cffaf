import BinderBuffer
import CLinuxShims

/// The write buffer of one `io` step, built as bscene builds it.
struct SceneCommands {
  let process: SceneProcess
  var bytes = WireText()
  /// Where each command ends.
  var ends: [Int] = []

  init(_ process: SceneProcess) { self.process = process }

  static let simple: [String: (bb_bc, String)] = [
    "increfs": (bb_bc_increfs, "4"), "acquire": (bb_bc_acquire, "4"),
    "release": (bb_bc_release, "4"), "decrefs": (bb_bc_decrefs, "4"),
    "increfs_done": (bb_bc_increfs_done, "88"), "acquire_done": (bb_bc_acquire_done, "88"),
    "register": (bb_bc_register_looper, ""), "enter": (bb_bc_enter_looper, ""),
    "exit_looper": (bb_bc_exit_looper, ""), "death": (bb_bc_request_death_notification, "48"),
    "cleardeath": (bb_bc_clear_death_notification, "48"),
    "deaddone": (bb_bc_dead_binder_done, "8"),
    "freezenote": (bb_bc_request_freeze_notification, "48"),
    "clearfreeze": (bb_bc_clear_freeze_notification, "48"),
    "freezedone": (bb_bc_freeze_notification_done, "8"),
  ]
  // Numbers that the driver refuses: BC_ATTEMPT_ACQUIRE, BC_ACQUIRE_RESULT, and none at all.
  static let refused: [String: (UInt32, String)] = [
    "attempt_acquire": (0x4008_630a, "44"), "acquire_result": (0x4004_6302, "4"),
    "unknown": (0x6363, ""),
  ]

  mutating func add(_ tokens: [Substring]) {
    switch tokens[0] {
    case "txn", "reply": addTransaction(tokens)
    case "free":
      let word = tokens.count > 1 ? tokens[1] : "last"
      bytes.put(bb_bc_free_buffer.rawValue)
      bytes.put(process.bufferAddress(word))
    default:
      let name = String(tokens[0])
      let (code, args) = Self.simple[name].map { ($0.0.rawValue, $0.1) } ?? Self.refused[name]!
      bytes.put(code)
      for (k, width) in args.enumerated() {
        let value = k + 1 < tokens.count ? SceneText.number(tokens[k + 1]) : 0
        if width == "4" { bytes.put(UInt32(truncatingIfNeeded: value)) } else { bytes.put(value) }
      }
    }
    ends.append(bytes.bytes.count)
  }

  private mutating func addTransaction(_ tokens: [Substring]) {
    var message = SceneMessage(process)
    let isReply = tokens[0] == "reply"
    if !isReply { message.handle = UInt32(truncatingIfNeeded: SceneText.number(tokens[1])) }
    for token in tokens.dropFirst(isReply ? 1 : 2) { message.add(token) }
    let code =
      message.isScatterGather
      ? (isReply ? bb_bc_reply_sg : bb_bc_transaction_sg)
      : (isReply ? bb_bc_reply : bb_bc_transaction)
    bytes.put(code.rawValue)
    bytes.bytes += message.finished()
  }
}

/// One message of a scenario: pieces in the order of the data.
struct SceneMessage {
  let process: SceneProcess
  var handle: UInt32 = 0
  private(set) var isScatterGather = false
  private var code: UInt32 = 0
  private var flags: UInt32 = 0
  private var data = WireText()
  private var offsets: [UInt64] = []
  private var extra: UInt64 = 0
  private var overrides: [Substring: UInt64] = [:]
  private var badData = false
  private var badOffsets = false

  init(_ process: SceneProcess) { self.process = process }

  mutating func add(_ token: Substring) {
    let parts = token.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let key = parts[0]
    let value = parts.count > 1 ? parts[1] : ""
    switch key {
    case "code": code = UInt32(truncatingIfNeeded: SceneText.number(value))
    case "flags": flags = SceneText.parseFlags(value)
    case "str": data.bytes += Array(value.utf8)
    case "u32": data.put(UInt32(truncatingIfNeeded: SceneText.number(value)))
    case "u64": data.put(SceneText.number(value))
    case "fill": data.bytes += (0..<Int(SceneText.number(value))).map(SceneText.pattern)
    case "zero": data.bytes += [UInt8](repeating: 0, count: Int(SceneText.number(value)))
    case "dsize", "osize", "sg":
      overrides[key] = SceneText.number(value)
      if key == "sg" { isScatterGather = true }
    case "baddata": badData = true
    case "badoffs": badOffsets = true
    case "offs": offsets = value.split(separator: ",").map(SceneText.number)
    default: addObject(key, value)
    }
  }

  private mutating func addObject(_ key: Substring, _ value: Substring) {
    while data.bytes.count % 8 != 0 { data.bytes.append(0) }
    offsets.append(UInt64(data.bytes.count))
    switch key {
    case "bin", "wbin":
      let words = value.split(separator: ",").map(SceneText.number)
      flat(
        key == "bin" ? bb_type_binder : bb_type_weak_binder,
        flags: words.count > 2 ? UInt32(words[2]) : 0, words[0], words.count > 1 ? words[1] : 0)
    case "hnd": flat(bb_type_handle, flags: 0, SceneText.number(value), 0)
    case "whnd": flat(bb_type_weak_handle, flags: 0, SceneText.number(value), 0)
    case "fd": flat(bb_type_fd, flags: 0, UInt64(process.descriptor(value)), 0x77)
    case "type": flat(bb_type(rawValue: UInt32(SceneText.number(value))), flags: 0, 0, 0)
    case "ptr": addPointer(value)
    case "fda": addArray(value)
    default: preconditionFailure("unknown piece '\(key)'")
    }
  }

  private mutating func flat(_ type: bb_type, flags: UInt32, _ word: UInt64, _ cookie: UInt64) {
    data.put(type.rawValue)
    data.put(flags)
    data.put(word)
    data.put(cookie)
  }

  /// CONTENT[^PARENT+OFFSET][!LENGTH]
  private mutating func addPointer(_ text: Substring) {
    let lengthParts = text.split(separator: "!", maxSplits: 1)
    let parentParts = lengthParts[0].split(separator: "^", maxSplits: 1)
    let (source, size) = content(parentParts[0])
    let length = lengthParts.count > 1 ? SceneText.number(lengthParts[1]) : size
    let parent = parentParts.count > 1 ? parentParts[1].split(separator: "+") : []
    data.put(bb_type_ptr.rawValue)
    data.put(UInt32(parent.isEmpty ? 0 : 1))
    data.put(source)
    data.put(length)
    data.put(parent.isEmpty ? 0 : SceneText.number(parent[0]))
    data.put(parent.count > 1 ? SceneText.number(parent[1]) : 0)
    extra += (length + 7) & ~7
    isScatterGather = true
  }

  private mutating func content(_ text: Substring) -> (UInt64, UInt64) {
    let parts = text.split(separator: ":", maxSplits: 1)
    guard parts.count > 1 else {
      return (process.memory.keep(Array(text.utf8)), UInt64(text.utf8.count))
    }
    if parts[0] == "fds" {
      var numbers = WireText()
      for name in parts[1].split(separator: ",") { numbers.put(process.descriptor(name)) }
      return (process.memory.keep(numbers.bytes), UInt64(numbers.bytes.count))
    }
    let count = SceneText.number(parts[1])
    switch parts[0] {
    case "bad": return (8, count)
    case "fill": return (process.memory.keep((0..<Int(count)).map(SceneText.pattern)), count)
    default: return (process.memory.keep([UInt8](repeating: 0, count: Int(count))), count)
    }
  }

  /// COUNT^PARENT+OFFSET
  private mutating func addArray(_ text: Substring) {
    let parts = text.split(separator: "^", maxSplits: 1)
    let parent = parts.count > 1 ? parts[1].split(separator: "+") : []
    data.put(bb_type_fda.rawValue)
    data.put(UInt32(0))
    data.put(SceneText.number(parts[0]))
    data.put(parent.isEmpty ? 0 : SceneText.number(parent[0]))
    data.put(parent.count > 1 ? SceneText.number(parent[1]) : 0)
    isScatterGather = true
  }

  mutating func finished() -> [UInt8] {
    let dataSize = overrides["dsize"] ?? UInt64(data.bytes.count)
    let offsetsSize = overrides["osize"] ?? UInt64(offsets.count * 8)
    let dataAddress = badData ? 8 : process.memory.keep(data.bytes)
    var words = WireText()
    for offset in offsets { words.put(offset) }
    // As bscene has it, whose array is longer than what is announced.
    words.bytes += [UInt8](repeating: 0, count: 512)
    let offsetsAddress = badOffsets ? 8 : process.memory.keep(words.bytes)
    var out = WireText(
      bytes: [UInt8](repeating: 0, count: isScatterGather ? bb_td_sg_size : bb_td_size))
    out.set(handle, at: bb_td_target)
    out.set(code, at: bb_td_code)
    out.set(flags, at: bb_td_flags)
    out.set(dataSize, at: bb_td_data_size)
    out.set(offsetsSize, at: bb_td_offsets_size)
    out.set(dataAddress, at: bb_td_buffer)
    out.set(offsetsAddress, at: bb_td_offsets)
    if isScatterGather { out.set(overrides["sg"] ?? extra, at: bb_td_sg_buffers_size) }
    return out.bytes
  }
}
