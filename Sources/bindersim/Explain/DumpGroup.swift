/// Buffers of a dump that are alike: of one sender, where the driver tells it, with the same code,
/// where a waiting transaction tells it, of one size and in the same state.
struct DumpGroup: Codable, Equatable, Sendable {
  var sender: Int32?
  var code: UInt64?
  var size: Int
  var state: DumpBuffer.State
  var buffers = 0
  var bytes = 0

  static let columns = [
    Table.Column("alike", "what the driver says of the buffers"),
    Table.Column("from", "who sent them; the C driver does not tell"),
    Table.Column("code", "what was called, where a waiting transaction tells it"),
    Table.Column("bytes each", "what each takes of the region"),
    Table.Column("buffers", "how many are alike"),
    Table.Column("bytes", "what they take together"),
  ]

  func cells(_ label: (Int32) -> String) -> [String] {
    [
      state.rawValue, sender.map(label) ?? "unknown",
      code.map { "0x" + String($0, radix: 16) } ?? "unknown", Format.grouped(size),
      Format.grouped(buffers), Format.grouped(bytes),
    ]
  }

  /// Those that take most first.
  static func groups(_ process: DumpProcess) -> [DumpGroup] {
    var codes: [UInt64: (code: UInt64?, sender: Int32?)] = [:]
    for transaction in process.transactions where transaction.receiver == process.pid {
      codes[transaction.id] = (transaction.code, transaction.sender)
    }
    var groups: [Key: DumpGroup] = [:]
    for buffer in process.buffers {
      let told = buffer.id.flatMap { codes[$0] }
      let key = Key(
        sender: buffer.sender ?? told?.sender, code: told?.code, size: buffer.size,
        state: buffer.state)
      var group =
        groups[key]
        ?? DumpGroup(sender: key.sender, code: key.code, size: key.size, state: key.state)
      group.buffers += 1
      // What a dump says may be any number.
      group.bytes = group.bytes &+ buffer.size
      groups[key] = group
    }
    return groups.values.sorted {
      ($0.bytes, $0.buffers, $1.size, $1.sender ?? 0, $1.code ?? 0, $1.state.rawValue)
        > ($1.bytes, $1.buffers, $0.size, $0.sender ?? 0, $0.code ?? 0, $0.state.rawValue)
    }
  }

  private struct Key: Hashable {
    var sender: Int32?
    var code: UInt64?
    var size: Int
    var state: DumpBuffer.State
  }
}
