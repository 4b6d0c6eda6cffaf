internal import BinderBuffer
internal import Glibc

/// One pass over a workload's operations. A failed request leaves its slot empty, and freeing an
/// empty slot does nothing; this holds for every allocator that is measured.
enum RangeReplay {
  typealias Operation = RangeWorkload.Operation

  private static func allocator(
    _ workload: RangeWorkload, _ policy: PlacementPolicy, _ frames: FrameMap
  ) -> RangeAllocator<Int> {
    do throws(RangeError) {
      return try RangeAllocator<Int>(length: workload.region, policy: policy, frames: frames)
    } catch {
      fatalError("a region of \(workload.region) bytes: \(error)")
    }
  }

  /// What one operation does, on `places[place]`: the offset there, or -1.
  @inline(__always)
  private static func apply(
    _ operation: Operation, _ ranges: inout RangeAllocator<Int>, _ oneway: Bool,
    _ places: inout MutableSpan<Int>
  ) -> Bool {
    let place = Int(operation.place)
    do throws(RangeError) {
      if operation.size == 0 {
        guard places[place] >= 0 else { return true }
        _ = try ranges.free(places[place])
        places[place] = -1
      } else {
        places[place] = try ranges.allocate(
          Int(operation.size), oneway: oneway, sender: 7, metadata: place
        ).offset
      }
      return true
    } catch {
      return false
    }
  }

  /// Nanoseconds of thread CPU time for one operation.
  ///
  /// - Parameter frames: Which pages have frames; the caller keeps this up to date.
  @inline(never)
  static func time(
    _ workload: RangeWorkload, _ operations: [Operation], _ policy: PlacementPolicy,
    _ frames: FrameMap
  ) -> Double {
    var ranges = allocator(workload, policy, frames)
    let oneway = workload.isOneway
    var offsets = [Int](repeating: -1, count: workload.places)
    var places = offsets.mutableSpan
    let span = operations.span
    let time = CPUClock.measure {
      for index in span.indices { _ = apply(span[index], &ranges, oneway, &places) }
    }
    return time / Double(operations.count)
  }

  /// The same requests to the C library.
  @inline(never)
  static func timeMalloc(_ workload: RangeWorkload, _ operations: [Operation]) -> Double {
    var blocks = unsafe [UnsafeMutableRawPointer?](repeating: nil, count: workload.places)
    let span = operations.span
    var places = unsafe blocks.mutableSpan
    let time = CPUClock.measure {
      for index in span.indices {
        let place = Int(span[index].place)
        if span[index].size == 0 {
          unsafe free(places[place])
          unsafe places[place] = nil
        } else {
          unsafe places[place] = malloc(Int(span[index].size))
        }
      }
    }
    for place in unsafe blocks.indices { unsafe free(blocks[place]) }
    return time / Double(operations.count)
  }

  /// The time that 99 of 100 operations do not exceed.
  static func p99(
    _ workload: RangeWorkload, _ operations: [Operation], _ policy: PlacementPolicy,
    _ frames: FrameMap
  ) -> Double {
    var ranges = allocator(workload, policy, frames)
    var offsets = [Int](repeating: -1, count: workload.places)
    var places = offsets.mutableSpan
    var histogram = LatencyHistogram()
    var empty = LatencyHistogram()
    for operation in operations {
      let start = MonotonicClock.now()
      _ = apply(operation, &ranges, workload.isOneway, &places)
      let middle = MonotonicClock.now()
      histogram.record(middle - start)
      empty.record(MonotonicClock.now() - middle)
    }
    return max(0, Double(histogram.quantile(0.99)) - Double(empty.quantile(0.5)))
  }

  struct Survey {
    var failures = 0
    var pages: PageTally
    var meanPages = 0.0
    /// Mean number of pages that the live bytes would fill without gaps; no policy needs fewer.
    var meanPagesFloor = 0.0
    var largestFreeShare = 0.0
  }

  /// How many pages and how much space the policy uses; not timed.
  ///
  /// - Parameter interval: Number of operations after which all idle pages lose their frames; nil
  ///   means never.
  static func survey(
    _ workload: RangeWorkload, _ operations: [Operation], _ policy: PlacementPolicy,
    reclaimEvery interval: Int? = nil
  ) -> Survey {
    var survey = Survey(pages: PageTally(region: workload.region))
    var ranges = allocator(workload, policy, survey.pages.frames)
    var offsets = [Int](repeating: -1, count: workload.places)
    var sizes = [Int](repeating: 0, count: workload.places)
    var pageSum = 0
    var floorSum = 0
    var liveBytes = 0
    for (number, operation) in operations.enumerated() {
      if let interval, number % interval == 0 { survey.pages.reclaim() }
      let place = Int(operation.place)
      let before = offsets[place]
      var places = offsets.mutableSpan
      let done = apply(operation, &ranges, workload.isOneway, &places)
      if operation.size == 0 {
        if before >= 0 {
          survey.pages.remove(before, sizes[place])
          liveBytes -= sizes[place]
        }
      } else if done {
        sizes[place] = Int(operation.size)
        survey.pages.add(offsets[place], sizes[place])
        liveBytes += sizes[place]
      } else {
        survey.failures += 1
      }
      pageSum += survey.pages.inUse
      floorSum += (liveBytes + 4095) >> 12
    }
    survey.meanPages = Double(pageSum) / Double(operations.count)
    survey.meanPagesFloor = Double(floorSum) / Double(operations.count)
    survey.largestFreeShare = Double(ranges.largestFreeRange) / Double(max(1, ranges.freeBytes))
    return survey
  }
}
