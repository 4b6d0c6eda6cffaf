/// Reads a Perfetto trace that was written out as text: `packet { ftrace_events { event { … } } }`.
///
/// Layout does not matter: one line or many, `name: value` in any order. Memory is bounded by the
/// nesting and by the fields of one event.
struct PacketTextParser {
  private static let deepest = 64
  /// Longer names, values and events are cut.
  private static let longestValue = 1000
  private static let longestFields = 4096

  /// What a message is, by its name and what it is in.
  private enum Message: Equatable {
    case trace, packet, bundle, event
    /// The event's own message; what it is called is in `name`.
    case fields
    case generic, genericField
    case processTree, process, thread
    case systemInfo, utsname
    case other
  }

  private var path: [Message] = [.trace]
  /// Messages deeper than are kept.
  private var ignored = 0
  private var text = Tokens()
  private var key: [UInt8] = []

  private var cpu: Int?
  private var isLossy = false
  private var time: UInt64 = 0
  private var number: Int32 = 0
  private var hasEvent = false
  private var name: [UInt8] = []
  private var fields: [UInt8] = []
  private var fieldName: [UInt8] = []
  private var group: Int32 = 0
  private var value: [UInt8] = []

  mutating func parse(
    _ source: any ByteSource, into trace: inout TraceCollector
  ) throws(InputError) {
    while true {
      let bytes = try source.bytes(atMost: 1 << 16)
      for byte in bytes {
        while true {
          let step = text.take(byte, limit: Self.longestValue)
          if let token = step.token { try handle(token, &trace) }
          if step.isTaken { break }
        }
      }
      guard bytes.isEmpty else { continue }
      if let token = text.finish() { try handle(token, &trace) }
      if path.count > 1 || ignored > 0 { trace.note(LineIssue(kind: .damagedPacket)) }
      return
    }
  }

  private mutating func handle(
    _ token: Tokens.Token, _ trace: inout TraceCollector
  ) throws(InputError) {
    switch token {
    case .word(let word):
      if key.isEmpty { key = word } else { take(word, &trace) }
    case .string(let string): take(string, &trace)
    case .open:
      open()
    case .close: try close(&trace)
    }
  }

  private mutating func open() {
    defer { key = [] }
    guard path.count < Self.deepest else {
      ignored += 1
      return
    }
    let message = message(key, in: path[path.count - 1])
    path.append(message)
    switch message {
    case .bundle:
      cpu = nil
      isLossy = false
    case .event:
      time = 0
      number = 0
      hasEvent = false
      name = []
      fields = []
    case .fields:
      hasEvent = true
      name = key
    case .generic: hasEvent = true
    case .genericField:
      fieldName = []
      value = []
    case .process, .thread:
      number = 0
      group = 0
      name = []
    default: break
    }
  }

  private func message(_ key: [UInt8], in outer: Message) -> Message {
    func isNamed(_ word: StaticString) -> Bool { key.elementsEqual("\(word)".utf8) }
    switch outer {
    case .trace: return isNamed("packet") ? .packet : .other
    case .packet:
      if isNamed("ftrace_events") { return .bundle }
      if isNamed("process_tree") { return .processTree }
      return isNamed("system_info") ? .systemInfo : .other
    case .bundle: return isNamed("event") ? .event : .other
    case .event: return isNamed("generic") ? .generic : .fields
    case .generic: return isNamed("field") ? .genericField : .other
    case .processTree:
      return isNamed("processes") ? .process : isNamed("threads") ? .thread : .other
    case .systemInfo: return isNamed("utsname") ? .utsname : .other
    default: return .other
    }
  }

  private mutating func close(_ trace: inout TraceCollector) throws(InputError) {
    key = []
    if ignored > 0 {
      ignored -= 1
      return
    }
    guard path.count > 1, let message = path.popLast() else {
      return trace.note(LineIssue(kind: .damagedPacket))
    }
    switch message {
    case .event:
      guard hasEvent else { return }
      try trace.add(named: name, fields: fields, thread: number, at: time)
    case .genericField: append(fieldName, value)
    case .bundle:
      if isLossy { trace.noteLost(cpu: cpu, at: nil) }
    case .process: trace.learn(process: number, name: String(decoding: name, as: UTF8.self))
    case .thread: trace.learn(thread: number, name: name, process: group)
    default: break
    }
  }

  private mutating func append(_ name: [UInt8], _ value: [UInt8]) {
    guard fields.count + name.count + value.count < Self.longestFields else { return }
    fields += [0x20] + name + [UInt8(ascii: "=")] + value
  }

  /// A value of the field that was named last.
  private mutating func take(_ found: [UInt8], _ trace: inout TraceCollector) {
    defer { key = [] }
    func isNamed(_ word: StaticString) -> Bool { key.elementsEqual("\(word)".utf8) }
    func integer<T: FixedWidthInteger>(_: T.Type) -> T {
      T(String(decoding: found, as: UTF8.self)) ?? 0
    }
    switch path[path.count - 1] {
    case .bundle:
      if isNamed("cpu") { cpu = integer(Int.self) }
      if isNamed("lost_events") { isLossy = found.elementsEqual("true".utf8) || found == [0x31] }
    case .event:
      if isNamed("timestamp") { time = integer(UInt64.self) }
      if isNamed("pid") { number = integer(Int32.self) }
    case .fields: append(key, found)
    case .generic:
      if isNamed("event_name") { name = found }
    case .genericField:
      if isNamed("name") { fieldName = found } else { value = found }
    case .process:
      if isNamed("pid") { number = integer(Int32.self) }
      if isNamed("cmdline"), name.isEmpty { name = found }
    case .thread:
      if isNamed("tid") { number = integer(Int32.self) }
      if isNamed("tgid") { group = integer(Int32.self) }
      if isNamed("name") { name = found }
    case .utsname:
      if isNamed("release") { trace.learn(kernel: String(decoding: found, as: UTF8.self)) }
    default: break
    }
  }
}

/// Cuts text into words, strings and braces.
private struct Tokens {
  enum Token {
    case word([UInt8])
    case string([UInt8])
    case open, close
  }

  private enum State: Equatable {
    case between, word, comment
    case string(UInt8)
    case escape(UInt8)
  }

  private var state = State.between
  private var bytes: [UInt8] = []

  /// Takes a byte; a token that ends before it comes first, and the byte is then to be given again.
  mutating func take(_ byte: UInt8, limit: Int) -> (token: Token?, isTaken: Bool) {
    switch state {
    case .between: return (begin(byte), true)
    case .word:
      if Self.isWord(byte) {
        keep(byte, limit)
        return (nil, true)
      }
      return (end(.word(bytes)), false)
    case .comment:
      if byte == 0x0A { state = .between }
      return (nil, true)
    case .string(let quote):
      if byte == quote || byte == 0x0A { return (end(.string(bytes)), true) }
      if byte == UInt8(ascii: "\\") { state = .escape(quote) } else { keep(byte, limit) }
      return (nil, true)
    case .escape(let quote):
      keep(byte == UInt8(ascii: "n") ? 0x20 : byte, limit)
      state = .string(quote)
      return (nil, true)
    }
  }

  /// The word that the text ends in.
  mutating func finish() -> Token? { state == .word ? end(.word(bytes)) : nil }

  private mutating func begin(_ byte: UInt8) -> Token? {
    switch byte {
    case UInt8(ascii: "{"), UInt8(ascii: "<"): return .open
    case UInt8(ascii: "}"), UInt8(ascii: ">"): return .close
    case UInt8(ascii: "\""), UInt8(ascii: "'"): state = .string(byte)
    case UInt8(ascii: "#"): state = .comment
    default:
      guard Self.isWord(byte) else { return nil }
      bytes.append(byte)
      state = .word
    }
    return nil
  }

  private mutating func keep(_ byte: UInt8, _ limit: Int) {
    if bytes.count < limit { bytes.append(byte) }
  }

  private mutating func end(_ token: Token) -> Token {
    state = .between
    bytes = []
    return token
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    LineParser.isNameByte(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
      || byte == UInt8(ascii: "+")
  }
}
