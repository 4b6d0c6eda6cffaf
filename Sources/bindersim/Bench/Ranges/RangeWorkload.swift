/// The workloads by which range allocators are compared.
///
/// Sizes are multiples of 8, drawn uniformly; unless noted, the buffer to free is drawn uniformly
/// from the live ones. All choices come from SplitMix64, seeded with the workload's digit.
enum RangeWorkload: String, CaseIterable {
  /// 200 live, 64–512 B, freed at random.
  case w1 = "W1"
  /// A window of 8, freed in order.
  case w2 = "W2"
  /// One at a time.
  case w3 = "W3"
  /// 300 live, 90 % of 128 B, 10 % of 16–64 KiB, in 4 MiB.
  case w4 = "W4"
  /// 10,000 live, 64–512 B, in 4 MiB.
  case w5 = "W5"
  /// 340 wanted, 64–8192 B: a region so full that a fifth of the requests fail.
  case w6 = "W6"
  /// 15,800 live oneway buffers of 128 B in 4 MiB: free oneway space is below a tenth.
  case w7 = "W7"

  var region: Int {
    switch self {
    case .w1, .w2, .w3, .w6: 1_040_384
    case .w4, .w5, .w7: 4 << 20
    }
  }

  var isOneway: Bool { self == .w7 }

  /// Buffers live in the steady state.
  private var live: Int {
    switch self {
    case .w1: 200
    case .w2: 8
    case .w3: 1
    case .w4: 300
    case .w5: 10_000
    case .w6: 340
    case .w7: 15_800
    }
  }

  /// How far the number of live buffers may differ from `live`.
  private var slack: Int {
    switch self {
    case .w2, .w3: 0
    case .w7: 100
    default: live / 20
    }
  }

  /// How many places an operation may name.
  var places: Int { live + slack + 1 }

  /// One operation: allocate `size` bytes into a place, or free what the place holds (size 0).
  /// Places are small numbers, so that replaying needs one flat array and no choices of its own.
  struct Operation: BitwiseCopyable {
    var place: UInt32
    var size: UInt32
  }

  func operations(_ count: Int) -> [Operation] {
    var random = SplitMix64(seed: UInt64(rawValue.utf8.last!))
    var operations: [Operation] = []
    operations.reserveCapacity(count)
    // Places in use come first, idle ones after them; where the order is fixed they go round.
    var places = (0..<UInt32(self.places)).map { $0 }
    let inOrder = slack == 0
    var used = 0
    var turn = 0
    while operations.count < count {
      let allocates: Bool =
        if used < live - slack || (inOrder && used < live) {
          true
        } else if used >= live + slack {
          false
        } else {
          random.next() >> 63 == 1
        }
      let index: Int
      if inOrder {
        index = (allocates ? turn + used : turn) % live
        if !allocates { turn = (turn + 1) % live }
      } else {
        index = allocates ? used : random.next(below: used)
      }
      operations.append(
        Operation(place: places[index], size: allocates ? UInt32(size(&random)) : 0))
      used += allocates ? 1 : -1
      if !inOrder && !allocates { places.swapAt(index, used) }
    }
    return operations
  }

  private func size(_ random: inout SplitMix64) -> Int {
    func multipleOf8(_ lower: Int, _ upper: Int) -> Int {
      lower + 8 * random.next(below: (upper - lower) / 8 + 1)
    }
    return switch self {
    case .w1, .w2, .w3, .w5: multipleOf8(64, 512)
    case .w4: random.next(below: 10) < 9 ? 128 : multipleOf8(16 << 10, 64 << 10)
    case .w6: multipleOf8(64, 8192)
    case .w7: 128
    }
  }
}
