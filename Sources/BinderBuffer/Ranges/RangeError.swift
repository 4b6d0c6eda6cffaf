public import PageAlloc

/// Why a range operation was refused. Nothing has changed when one is thrown.
public enum RangeError: Error, Equatable, Sendable {
  /// No free range holds the request. All three in bytes, the request as it was asked for.
  case noSpace(requested: Int, freeBytes: Int, largestFree: Int)
  /// The oneway share of the region does not hold the request. Both in bytes.
  case noOnewaySpace(requested: Int, free: Int)
  /// A region length that is not a positive multiple of 8 up to 4 MiB.
  case invalidLength(Int)
  /// A negative size.
  case invalidSize(Int)
  /// No live range starts at this offset.
  case noRange(offset: Int)
  /// The range at this offset is already committed.
  case notReserved(offset: Int)
  /// The range at this offset is still reserved.
  case notCommitted(offset: Int)
  /// The system gave no memory for the allocator's own tables (bytes).
  case noMemory(bytes: Int)
  /// A ``PlacementRule`` chose a place that is not free, or no multiple of 8. Both in bytes.
  case invalidPlacement(offset: Int, size: Int)
}

extension RangeError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noSpace(let requested, let free, let largest):
      "no space for \(requested) bytes (\(free) free, largest range \(largest))"
    case .noOnewaySpace(let requested, let free):
      "no oneway space for \(requested) bytes (\(free) free)"
    case .invalidLength(let length):
      "region length \(length) is not a positive multiple of 8 up to 4 MiB"
    case .invalidSize(let size): "size \(size) is negative"
    case .noRange(let offset): "no live range starts at offset \(offset)"
    case .notReserved(let offset): "the range at offset \(offset) is already committed"
    case .notCommitted(let offset): "the range at offset \(offset) is not committed"
    case .noMemory(let bytes): "no memory for \(bytes) bytes of tables"
    case .invalidPlacement(let offset, let size):
      "the rule chose offset \(offset) for \(size) bytes: they are not free there, or it is no "
        + "multiple of 8; choose a place in one of the free ranges"
    }
  }
}

extension RangeError {
  /// What the driver answers: `ENOSPC` without room, `ENOMEM` without memory, else `EINVAL`.
  public var errno: Errno {
    switch self {
    case .noSpace, .noOnewaySpace: .noSpace
    case .noMemory: .noMemory
    default: .invalidArgument
    }
  }
}
