/// Where a region's buffers lie, and what is free between them. Bytes.
struct RegionLayout: Codable, Equatable, Sendable {
  struct Range: Codable, Equatable, Sendable {
    var offset: Int
    var size: Int
    var end: Int { offset + size }
  }

  /// The whole region; nil where no file tells it.
  var regionLength: Int?
  var allocated = 0
  var buffers = 0
  /// Free ranges below the last buffer.
  var holes: [Range] = []
  /// Where the last buffer ends.
  var end = 0
  /// Buffers that lie over others, or beyond the region: the dump was torn, or the state is corrupt.
  var overlaps = 0
  /// Buffers whose place the kernel did not print.
  var unplaced = 0

  init(_ process: DumpProcess, regionLength: Int?) {
    self.regionLength = regionLength
    let placed = Self.placed(process.buffers)
    unplaced = process.buffers.count - placed.count
    buffers = process.buffers.count
    allocated = process.buffers.reduce(0) { $0 &+ min($1.size, 1 << 40) }
    for buffer in placed {
      if buffer.offset > end { holes.append(Range(offset: end, size: buffer.offset - end)) }
      if buffer.offset < end { overlaps += 1 }
      if let regionLength, buffer.end > regionLength { overlaps += 1 }
      end = max(end, buffer.end)
    }
  }

  var holeBytes: Int { holes.reduce(0) { $0 + $1.size } }

  /// All that no buffer has; nil without the region's length.
  var free: Int? { regionLength.map { max(0, $0 - min(end, $0) + holeBytes) } }

  /// The free range behind the last buffer.
  var tail: Int? { regionLength.map { max(0, $0 - end) } }

  var largestFree: Int? { tail.map { max($0, largestHole) } }

  var largestHole: Int { holes.map(\.size).max() ?? 0 }

  /// By place. Kernels that print pointers give no places, and hashed ones make no sense.
  static func placed(_ buffers: [DumpBuffer]) -> [Range] {
    let most = 8 << 20
    let ranges = buffers.compactMap { buffer -> Range? in
      guard let offset = buffer.offset, offset >= 0, buffer.size >= 0, buffer.size <= most,
        offset <= most
      else { return nil }
      return Range(offset: offset, size: buffer.size)
    }
    // Several buffers at one place: pointers that the kernel hid.
    if ranges.count > 1, ranges.allSatisfy({ $0.offset == 0 }) { return [] }
    return ranges.sorted { ($0.offset, $0.size) < ($1.offset, $1.size) }
  }
}
