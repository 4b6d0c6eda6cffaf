/// Buffers that lived when the capture ended and are alike: of one sender to one receiver, with the
/// same code and size. A leak is one place in a program, which does the same again and again.
struct LeakGroup: Codable, Equatable, Sendable {
  var sender: Int32
  var receiver: Int32
  var context: BinderContext
  var kind: String
  var code: UInt32
  /// What each takes of the region.
  var size: Int
  var buffers = 0
  var bytes = 0
  /// Of these, those whose receiver had gone on without a release.
  var leaked = 0
  /// Of these, those that were not received.
  var waiting = 0
  /// The oldest.
  var firstTransaction: UInt32
  var firstLine: Int
  /// As the capture tells the time.
  var firstNanoseconds: UInt64
  /// Of the youngest.
  var lastNanoseconds: UInt64

  /// Those with leaked buffers first, then by bytes.
  ///
  /// - Parameter buffers: oldest first.
  static func groups(_ buffers: [UnreleasedBuffer]) -> [LeakGroup] {
    var groups: [LeakGroup] = []
    var places: [Key: Int] = [:]
    for buffer in buffers {
      let place = places[Key(buffer)] ?? groups.count
      if place == groups.count {
        places[Key(buffer)] = place
        groups.append(LeakGroup(buffer))
      }
      groups[place].add(buffer)
    }
    return groups.enumerated().sorted {
      let (a, b) = ($0.element, $1.element)
      return (a.leaked > 0 ? 1 : 0, a.bytes, -$0.offset) > (
        b.leaked > 0 ? 1 : 0, b.bytes, -$1.offset
      )
    }.map(\.element)
  }

  private struct Key: Hashable {
    var sender: Int32
    var receiver: Int32
    var context: BinderContext
    var kind: String
    var code: UInt32
    var size: Int

    init(_ buffer: UnreleasedBuffer) {
      sender = buffer.sender
      receiver = buffer.receiver
      context = buffer.context
      kind = buffer.kind
      code = buffer.code
      size = buffer.size
    }
  }

  private init(_ buffer: UnreleasedBuffer) {
    sender = buffer.sender
    receiver = buffer.receiver
    context = buffer.context
    kind = buffer.kind
    code = buffer.code
    size = buffer.size
    firstTransaction = buffer.transaction
    firstLine = buffer.line
    firstNanoseconds = buffer.nanoseconds
    lastNanoseconds = buffer.nanoseconds
  }

  private mutating func add(_ buffer: UnreleasedBuffer) {
    buffers += 1
    bytes += buffer.size
    if buffer.wentOnLine != nil { leaked += 1 }
    if buffer.receivedLine == nil { waiting += 1 }
    lastNanoseconds = max(lastNanoseconds, buffer.nanoseconds)
  }

  // MARK: As a table

  static let columns = [
    Table.Column("from", "who sent them"),
    Table.Column("to", "in whose region they lie"),
    Table.Column("code", "what was called: the transaction's code"),
    Table.Column("bytes each", "what each takes of the region"),
    Table.Column("buffers", "how many are alike"),
    Table.Column("bytes", "what they take together"),
    Table.Column("leaked", "of these, those whose receiver had gone on without a release"),
    Table.Column("waiting", "of these, those that were not received"),
    Table.Column("first at", "when the oldest was sent, as the capture has the time"),
    Table.Column("last at", "when the youngest was sent"),
    Table.Column("kind", "request, reply or oneway"),
    Table.Column("first line", "where the capture has the oldest"),
  ]
  static let leastImportant = ["first line", "kind", "last at", "waiting", "first at"]

  func cells(_ label: (Int32) -> String) -> [String] {
    [
      label(sender), label(RegionKey(receiver, context).number), "0x" + String(code, radix: 16),
      Format.grouped(size), Format.grouped(buffers), Format.grouped(bytes), Format.grouped(leaked),
      Format.grouped(waiting), ReplayTime.text(firstNanoseconds),
      ReplayTime.text(lastNanoseconds), kind, "\(firstLine)",
    ]
  }
}
