/// One sender's live oneway buffers.
struct SenderRecord: BitwiseCopyable {
  var sender: Int32
  var buffers: UInt32
  var units: UInt32
  /// The next record in the same bucket; 0 ends it.
  var next: UInt32
}

/// Live oneway buffers and their sizes per sender, so that spam detection never walks the buffers.
///
/// A linear hash table: buckets are chains, and each new sender splits at most one bucket, so no
/// operation ever rehashes the whole. It shrinks only by becoming empty, which costs nothing.
///
/// INVARIANT: a record exists exactly for each sender with a live oneway buffer; buckets
/// `0...mask + split` hold them all, every other bucket is 0.
struct SenderTotals {
  private static let smallest: UInt32 = 7

  var records = Table<SenderRecord>()
  var buckets = Table<UInt32>()
  private var mask = Self.smallest
  /// Buckets below this one have been split in this round.
  private var split: UInt32 = 0
  private(set) var senders: UInt32 = 0
  private var recycled: UInt32 = 0
  private var unused: UInt32 = 1

  /// Senders of a region of `units`: each has a unit of its own in the oneway half.
  static func recordCount(units: Int) -> Int { units / 2 + 2 }
  static func bucketCount(units: Int) -> Int { units / 2 + 2 * Int(smallest + 1) }

  /// A sender's live oneway buffers and their units together.
  typealias Total = (buffers: UInt32, units: UInt32)

  func total(of sender: Int32) -> Total {
    var id = buckets[bucket(of: sender)]
    while id != 0 {
      let record = records[id]
      if record.sender == sender { return (record.buffers, record.units) }
      id = record.next
    }
    return (0, 0)
  }

  /// Adds one buffer; gives the sender's total with it.
  mutating func add(_ units: UInt32, to sender: Int32) -> Total {
    let bucket = bucket(of: sender)
    var id = buckets[bucket]
    while id != 0 {
      if records[id].sender == sender {
        records[id].buffers &+= 1
        records[id].units &+= units
        return (records[id].buffers, records[id].units)
      }
      id = records[id].next
    }
    if recycled != 0 {
      id = recycled
      recycled = records[id].next
    } else {
      id = unused
      unused &+= 1
    }
    records[id] = SenderRecord(sender: sender, buffers: 1, units: units, next: buckets[bucket])
    buckets[bucket] = id
    senders &+= 1
    if senders > mask &+ 1 &+ split { splitOne() }
    return (1, units)
  }

  mutating func remove(_ units: UInt32, from sender: Int32) {
    let bucket = bucket(of: sender)
    var id = buckets[bucket]
    var before: UInt32 = 0
    // Ends: the sender of a live oneway buffer has a record.
    while records[id].sender != sender {
      before = id
      id = records[id].next
    }
    records[id].buffers &-= 1
    records[id].units &-= units
    guard records[id].buffers == 0 else { return }
    if before == 0 {
      buckets[bucket] = records[id].next
    } else {
      records[before].next = records[id].next
    }
    records[id].next = recycled
    recycled = id
    senders &-= 1
    if senders == 0 {
      mask = Self.smallest
      split = 0
      recycled = 0
      unused = 1
    }
  }

  /// Shares the next bucket in turn out over itself and a new one.
  private mutating func splitOne() {
    let upper = split &+ mask &+ 1
    var id = buckets[split]
    var kept: UInt32 = 0
    var moved: UInt32 = 0
    while id != 0 {
      let next = records[id].next
      if Self.hash(records[id].sender) & (mask &* 2 &+ 1) == split {
        records[id].next = kept
        kept = id
      } else {
        records[id].next = moved
        moved = id
      }
      id = next
    }
    buckets[split] = kept
    buckets[upper] = moved
    split &+= 1
    if split > mask {
      mask = mask &* 2 &+ 1
      split = 0
    }
  }

  @inline(__always)
  private func bucket(of sender: Int32) -> UInt32 {
    let hash = Self.hash(sender)
    let bucket = hash & mask
    return bucket < split ? hash & (mask &* 2 &+ 1) : bucket
  }

  @inline(__always)
  private static func hash(_ sender: Int32) -> UInt32 {
    let mixed = UInt32(bitPattern: sender) &* 0x9E37_79B1
    return mixed ^ (mixed >> 15)
  }
}
