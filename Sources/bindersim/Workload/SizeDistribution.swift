/// The sizes of one message, in bytes.
struct MessageShape: Equatable, Sendable {
  /// The data, which starts with the objects.
  var data: Int
  /// The offsets array: eight bytes for each object.
  var offsets = 0
  /// Space for scatter-gather buffers.
  var extra = 0
  /// The factor by which it is held longer than other messages of the workload.
  var holdFactor = 1
}

/// One bar of a histogram of message sizes.
struct SizeRow: Sendable {
  /// The number of messages in this bar.
  let weight: Int
  /// Their data sizes, assumed to be uniform.
  let data: ClosedRange<Int>
  /// Of these, `carrying` have objects, `objects` each.
  let objects: Int
  let carrying: Int
  /// Of these, `extending` have extra room, `extra` bytes each.
  let extra: Int
  let extending: Int
  let holdFactor: Int

  init(
    _ weight: Int, _ data: ClosedRange<Int>, objects: Int = 0, in carrying: Int = 0,
    extra: Int = 0, in extending: Int = 0, holdFactor: Int = 1
  ) {
    self.holdFactor = holdFactor
    self.weight = weight
    self.data = data
    self.objects = objects
    self.carrying = carrying
    self.extra = extra
    self.extending = extending
  }

  init(_ weight: Int, _ data: ClosedRange<Int>, extra: Int, in extending: Int) {
    self.init(weight, data, objects: 0, in: 0, extra: extra, in: extending)
  }
}

/// A histogram of message sizes that shapes can be drawn from in constant time.
struct SizeDistribution: Sendable {
  private let rows: [SizeRow]
  /// Each row's index, repeated in proportion to its weight.
  private let picks: [UInt8]

  init(_ rows: SizeRow...) { self.init(rows) }

  /// One to 256 rows, with a total weight of at least 1.
  init(_ rows: [SizeRow]) {
    precondition(!rows.isEmpty && rows.count <= 256, "a distribution has 1 to 256 rows")
    self.rows = rows
    picks = rows.enumerated().flatMap { index, row in
      [UInt8](repeating: UInt8(index), count: row.weight)
    }
  }

  var weight: Int { picks.count }
  var largestData: Int { rows.map(\.data.upperBound).max() ?? 0 }
  var largestOffsets: Int { rows.map { $0.objects * 8 }.max() ?? 0 }

  func draw(_ random: inout SplitMix64) -> MessageShape {
    let row = rows[Int(picks[random.next(below: picks.count)])]
    let steps = (row.data.upperBound - row.data.lowerBound) / Self.grain
    var shape = MessageShape(data: row.data.lowerBound + Self.grain * random.next(below: steps + 1))
    shape.holdFactor = row.holdFactor
    if row.carrying > 0, random.next(below: row.weight) < row.carrying {
      // An object takes 24 bytes of the data.
      shape.offsets = 8 * min(row.objects, shape.data / Payload.objectSize)
    }
    if row.extending > 0, random.next(below: row.weight) < row.extending {
      shape.extra = row.extra
    }
    return shape
  }

  /// Every data size in the captures is a multiple of four, to which parcels are padded.
  private static let grain = 4
}
