import BinderBuffer
import Glibc
import PageAlloc
import Testing

/// The page rules over every way in which five buffers can meet page borders: five end alignments
/// each, at the front of the region or at its back, freed in every order.
///
/// 3,125 shapes × 2 ends × 120 orders = 750,000 cases for each policy, on real pages. All of them
/// run with BINDERBUFFER_LONG=1; otherwise a fixed sample.
@Suite struct PageRuleTests {
  @Test(arguments: [PlacementPolicy.rust, .c])
  func everyShapeEndAndOrder(policy: PlacementPolicy) throws {
    let runsAll = getenv("BINDERBUFFER_LONG") != nil
    let region = try Region5(policy: policy)
    var cases = 0
    for shape in stride(from: 0, to: 3125, by: runsAll ? 1 : 61) {
      for atBack in [false, true] {
        let sizes = Shape(shape).sizes(atBack: atBack)
        for order in Self.orders.indices where runsAll || (order + shape) % 40 == 0 {
          try region.check(sizes, Self.orders[order])
          cases += 1
        }
      }
    }
    #expect(cases == (runsAll ? 750_000 : 312))
  }

  /// The 120 orders of five.
  static let orders: [[Int]] = permutations(of: Array(0..<5))

  private static func permutations(of items: [Int]) -> [[Int]] {
    guard let last = items.last else { return [[]] }
    return permutations(of: items.dropLast()).flatMap { rest in
      (0...rest.count).map { position in
        var order = rest
        order.insert(last, at: position)
        return order
      }
    }
  }
}

/// Where each of five buffers ends, relative to the end of the one before it.
private struct Shape {
  enum End: Int {
    case samePageUnaligned, samePageAligned, nextPageUnaligned, nextPageAligned, pageAfterNext
  }

  let ends: [End]

  /// The base-5 digits of `number` are the ends.
  init(_ number: Int) {
    var rest = number
    ends = (0..<5).map { _ in
      defer { rest /= 5 }
      return End(rawValue: rest % 5)!
    }
  }

  func sizes(atBack: Bool) -> [Int] {
    var previous = 0
    var sizes: [Int] = []
    for end in ends {
      let pageEnd = (previous / 4096 + 1) * 4096
      let next =
        switch end {
        case .samePageUnaligned: previous + 512
        case .samePageAligned: pageEnd
        case .nextPageUnaligned: pageEnd + 512
        case .nextPageAligned: pageEnd + 4096
        case .pageAfterNext: pageEnd + 4096 + 512
        }
      sizes.append(next - previous)
      previous = next
    }
    // At the back, the first buffer takes all the room in front.
    if atBack { sizes[0] += Region5.length - previous }
    return sizes
  }
}

/// A 128 KiB region that five buffers at a time go through.
private struct Region5 {
  static let length = 128 << 10
  let context = Context()
  let process: BinderProcess
  let node: Node

  init(policy: PlacementPolicy) throws {
    process = try context.makeProcess(pid: 1, regionLength: Self.length, policy: policy)
    node = process.makeNode()
  }

  func check(_ sizes: [Int], _ order: [Int]) throws {
    var touched = Set<Int>()
    var end = 0
    for size in sizes {
      touched.formUnion(end / 4096...(end + size - 1) / 4096)
      end += size
    }
    for round in 0..<2 {
      // Allocate all: every touched page is in use, in the second round taken from the LRU.
      var offsets: [Int] = []
      for size in sizes { offsets.append(try deliver(size)) }
      try expect(inUse: touched.count, available: 0, "allocated, round \(round)", sizes, order)

      // Free all: a page becomes available with the last buffer that touches it.
      var live = Set(0..<5)
      for buffer in order {
        try process.free(at: offsets[buffer])
        live.remove(buffer)
        let stillTouched = live.reduce(into: Set<Int>()) {
          $0.formUnion(offsets[$1] / 4096...(offsets[$1] + sizes[$1] - 1) / 4096)
        }
        try expect(
          inUse: stillTouched.count, available: touched.count - stillTouched.count,
          "freed \(buffer), round \(round)", sizes, order)
      }
    }
    // Reclaim: no page is left.
    let reclaimed = context.reclaim()
    try #require(reclaimed == touched.count, "reclaimed \(reclaimed): \(sizes) \(order)")
    try expect(inUse: 0, available: 0, "reclaimed", sizes, order)
  }

  private func deliver(_ size: Int) throws -> Int {
    let allocation = try process.allocate(dataSize: size, oneway: false, for: node)
    let receipt = try process.send(allocation, to: node)
    guard let delivery = try process.receive() else { throw Failure.nothingReceived }
    receipt.call!.abandon()
    return delivery.keep()
  }

  private func expect(
    inUse: Int, available: Int, _ step: String, _ sizes: [Int], _ order: [Int]
  ) throws {
    let counts = process.statistics
    guard counts.pagesInUse == inUse, counts.pagesAvailable == available,
      counts.pagesFree == 32 - inUse - available
    else {
      throw Failure.pages(
        "\(step): \(counts), expected \(inUse) in use, \(available) available",
        sizes: sizes, order: order)
    }
  }

  enum Failure: Error {
    case nothingReceived
    case pages(String, sizes: [Int], order: [Int])
  }
}
