/// Reads the packets of a Perfetto trace: Binder's events, who is who, the kernel, what was lost.
///
/// Numbers of fields are those of Perfetto's published schema; fields not named here are passed over.
struct PacketParser {
  /// A compressed packet may hold others that are compressed no further than this.
  private static let deepest = 2

  private let path: String
  private var zlib: Unpacker?
  private var zstd: Unpacker?

  init(path: String) { self.path = path }

  /// Reads the whole trace.
  ///
  /// - Throws: where the input cannot be read, or a library is missing that it needs.
  mutating func parse(
    _ source: any ByteSource, into trace: inout TraceCollector
  ) throws(InputError) {
    var reader = PacketReader(source)
    while true {
      switch try reader.next() {
      case .packet(let range): try parsePacket(reader.buffer.span, range, depth: 0, &trace)
      case .tooLong: trace.note(LineIssue(kind: .packetTooLong))
      case .broken:
        trace.note(LineIssue(kind: .damagedPacket))
        // What is behind it counts as read, however the bytes come.
        while try !source.bytes(atMost: 1 << 16).isEmpty {}
        return
      case .end: return
      }
    }
  }

  private mutating func parsePacket(
    _ bytes: Span<UInt8>, _ range: Range<Int>, depth: Int, _ trace: inout TraceCollector
  ) throws(InputError) {
    var cursor = ProtoCursor(range)
    while let field = cursor.next(bytes) {
      guard field.isBytes else { continue }
      switch field.number {
      case 1: try parseBundle(bytes, field.range, &trace)
      case 2: parseProcessTree(bytes, field.range, &trace)
      case 45: parseSystemInfo(bytes, field.range, &trace)
      case 50: try parsePacked(bytes, field.range, .zlib, depth, &trace)
      case 133: try parsePacked(bytes, field.range, .zstd, depth, &trace)
      default: break
      }
    }
    if cursor.isBroken { trace.note(LineIssue(kind: .damagedPacket)) }
  }

  private mutating func parsePacked(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ format: PackedFormat, _ depth: Int,
    _ trace: inout TraceCollector
  ) throws(InputError) {
    let unpacker = try unpacker(format)
    guard depth < Self.deepest,
      let unpacked = unpacker.whole(
        bytes.extracting(range), limit: PacketReader.longestPacket)
    else { return trace.note(LineIssue(kind: .packedPacket)) }
    var cursor = ProtoCursor(0..<unpacked.count)
    while let field = cursor.next(unpacked.span) {
      if field.number == 1, field.isBytes {
        try parsePacket(unpacked.span, field.range, depth: depth + 1, &trace)
      }
    }
    if cursor.isBroken { trace.note(LineIssue(kind: .damagedPacket)) }
  }

  private mutating func unpacker(_ format: PackedFormat) throws(InputError) -> Unpacker {
    if let known = format == .zlib ? zlib : zstd { return known }
    let made = try Unpacker(format, path: path)
    if format == .zlib { zlib = made } else { zstd = made }
    return made
  }

  // MARK: Events

  private func parseBundle(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ trace: inout TraceCollector
  ) throws(InputError) {
    var cursor = ProtoCursor(range)
    var cpu: Int?
    var isLossy = false
    var first: UInt64?
    while let field = cursor.next(bytes) {
      switch field.number {
      case 1: cpu = Int(truncatingIfNeeded: field.value)
      case 2 where field.isBytes:
        let time = try parseEvent(bytes, field.range, &trace)
        if first == nil { first = time }
      case 3: isLossy = field.value != 0
      default: break
      }
    }
    if cursor.isBroken { trace.note(LineIssue(kind: .damagedPacket)) }
    if isLossy { trace.noteLost(cpu: cpu, at: first) }
  }

  /// Takes in one event; returns its time.
  @inline(__always) private func parseEvent(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ trace: inout TraceCollector
  ) throws(InputError) -> UInt64 {
    var cursor = ProtoCursor(range)
    var time: UInt64 = 0
    var thread: UInt64 = 0
    var kind: UInt64 = 0
    var body = 0..<0
    while let field = cursor.next(bytes) {
      switch field.number {
      case 1: time = field.value
      case 2: thread = field.value
      default:
        if field.isBytes {
          kind = field.number
          body = field.range
        }
      }
    }
    if cursor.isBroken {
      trace.note(LineIssue(kind: .damagedPacket))
      return time
    }
    switch kind {
    case 50...55, 323, 485, 486:
      guard let event = event(kind, bytes, body, &trace) else { return time }
      try trace.add(event, thread: Int32(truncatingIfNeeded: thread), at: time)
    case 327:
      try parseGeneric(bytes, body, Int32(truncatingIfNeeded: thread), time, &trace)
    default: trace.noteOther()
    }
    return time
  }

  private func event(
    _ kind: UInt64, _ bytes: Span<UInt8>, _ range: Range<Int>, _ trace: inout TraceCollector
  ) -> CaptureEvent? {
    // No event has more than seven fields of interest; what is not there is zero.
    var values: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)
    var hasFourth = false
    var cursor = ProtoCursor(range)
    while let field = cursor.next(bytes) {
      switch field.number {
      case 1: values.0 = field.value
      case 2: values.1 = field.value
      case 3: values.2 = field.value
      case 4:
        values.3 = field.value
        hasFourth = true
      case 5: values.4 = field.value
      case 6: values.5 = field.value
      case 7: values.6 = field.value
      default: break
      }
    }
    if cursor.isBroken {
      trace.note(LineIssue(kind: .damagedPacket))
      return nil
    }
    func word(_ value: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: value) }
    func number(_ value: UInt64) -> Int32 { Int32(truncatingIfNeeded: value) }
    switch kind {
    case 50:
      return .transaction(
        TransactionEvent(
          id: word(values.0), node: number(values.1), process: number(values.2),
          thread: number(values.3), isReply: values.4 != 0, flags: word(values.6),
          code: word(values.5)))
    case 51: return .received(transaction: word(values.0))
    case 52: return .setPriority(process: number(values.0), thread: number(values.1))
    case 323:
      guard let data = Int(exactly: values.0), let offsets = Int(exactly: values.2),
        let extra = Int(exactly: values.3)
      else {
        trace.note(LineIssue(kind: .numberTooLarge))
        return nil
      }
      return .allocBuf(
        BufferEvent(
          transaction: word(values.1), dataSize: data, offsetsSize: offsets, extraSize: extra,
          hasExtraSize: hasFourth))
    case 485: return .command(word(values.0))
    case 486: return .returned(word(values.0))
    default: return .otherBinder
    }
  }

  /// An event that Perfetto has no message for: its name and its fields by name.
  private func parseGeneric(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ thread: Int32, _ time: UInt64,
    _ trace: inout TraceCollector
  ) throws(InputError) {
    var name: [UInt8] = []
    var fields: [UInt8] = []
    var cursor = ProtoCursor(range)
    while let field = cursor.next(bytes) {
      guard field.isBytes else { continue }
      if field.number == 1 {
        guard
          LineParser.hasWord(bytes, field.range.lowerBound, field.range.upperBound, "binder_")
            || LineParser.hasWord(
              bytes, field.range.lowerBound, field.range.upperBound, "rust_binder_")
            || LineParser.hasWord(bytes, field.range.lowerBound, field.range.upperBound, "console")
        else { return trace.noteOther() }
        name = Self.copy(bytes, field.range)
      } else if field.number == 2 {
        fields += Self.genericField(bytes, field.range)
      }
    }
    if cursor.isBroken { return trace.note(LineIssue(kind: .damagedPacket)) }
    try trace.add(named: name, fields: fields, thread: thread, at: time)
  }

  /// ` name=value`
  private static func genericField(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
    var name: [UInt8] = []
    var value: [UInt8] = []
    var cursor = ProtoCursor(range)
    while let field = cursor.next(bytes) {
      switch field.number {
      case 1: name = copy(bytes, field.range)
      case 3: value = copy(bytes, field.range)
      case 4: value = Array(String(Int64(bitPattern: field.value)).utf8)
      case 5: value = Array(String(field.value).utf8)
      default: break
      }
    }
    return [0x20] + name + [UInt8(ascii: "=")] + value
  }

  private static func copy(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
    var copy: [UInt8] = []
    copy.reserveCapacity(min(range.count, 1000))
    for index in range.prefix(1000) { copy.append(bytes[index]) }
    return copy
  }

  // MARK: Who is who

  private func parseProcessTree(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ trace: inout TraceCollector
  ) {
    var cursor = ProtoCursor(range)
    while let field = cursor.next(bytes) {
      guard field.isBytes else { continue }
      var number: Int32 = 0
      var group: Int32 = 0
      var name: [UInt8]?
      var inner = ProtoCursor(field.range)
      while let part = inner.next(bytes) {
        switch part.number {
        case 1: number = Int32(truncatingIfNeeded: part.value)
        case 2 where field.number == 2: name = Self.copy(bytes, part.range)
        case 3 where field.number == 2: group = Int32(truncatingIfNeeded: part.value)
        case 3 where name == nil: name = Self.copy(bytes, part.range)
        default: break
        }
      }
      if field.number == 1 {
        trace.learn(process: number, name: String(decoding: name ?? [], as: UTF8.self))
      } else if field.number == 2 {
        trace.learn(thread: number, name: name ?? [], process: group)
      }
    }
  }

  private func parseSystemInfo(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ trace: inout TraceCollector
  ) {
    var cursor = ProtoCursor(range)
    while let field = cursor.next(bytes) {
      // The utsname; its release is 3.
      guard field.number == 1, field.isBytes else { continue }
      var inner = ProtoCursor(field.range)
      while let part = inner.next(bytes) {
        guard part.number == 3, part.isBytes else { continue }
        trace.learn(kernel: String(decoding: Self.copy(bytes, part.range), as: UTF8.self))
      }
    }
  }
}
