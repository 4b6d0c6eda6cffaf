/// A rule of placement of one's own, for ``RangeAllocator/reserve(_:oneway:sender:debugID:by:)``.
///
///     struct FirstFit: PlacementRule {
///       func place(_ request: PlacementRequest, in space: borrowing FreeSpace) -> Int? {
///         space.first { $0.size >= request.size }?.offset
///       }
///     }
///
/// It may keep a state of its own, such as where the last one went. Whatever it answers, ranges stay
/// consistent: a place that is not free is refused.
public protocol PlacementRule {
  /// Where a request goes.
  ///
  /// - Returns: an offset in bytes, a multiple of 8, from where `request.size` bytes are free; nil to
  ///   refuse it as ``RangeError/noSpace(requested:freeBytes:largestFree:)``.
  mutating func place(_ request: PlacementRequest, in space: borrowing FreeSpace) -> Int?
}

/// What is to be placed.
public struct PlacementRequest: Sendable {
  /// Bytes: the size asked for, rounded up to 8 and at least 8.
  public let size: Int
  /// Whether it is accounted against the region's oneway half, which had room for it.
  public let isOneway: Bool
  /// For whom.
  public let sender: Int32
  /// The number that will be kept with the range.
  public let debugID: UInt32
}

/// A range that nobody has. Neighbours are never both free.
public struct FreeRange: Hashable, Sendable {
  /// First byte.
  public let offset: Int
  /// Length in bytes.
  public let size: Int
  /// The byte behind the last.
  public var end: Int { offset + size }

  init(_ start: UInt32, _ units: UInt32) {
    offset = Int(start) * 8
    size = Int(units) * 8
  }
}

/// What a ``PlacementRule`` sees of a region: its free ranges, and which of their pages have frames.
///
/// Lent for one call.
@safe
public struct FreeSpace: ~Copyable {
  // SAFETY: the engine outlives this value, which never leaves the call that it is lent for.
  private let engine: UnsafePointer<RangeEngine>

  init(_ engine: UnsafePointer<RangeEngine>) { unsafe self.engine = engine }

  /// Bytes of the region.
  public var regionLength: Int { unsafe Int(engine.pointee.length) }
  /// Bytes in no live range.
  public var freeBytes: Int {
    unsafe Int(engine.pointee.units - engine.pointee.liveUnits) * 8
  }

  /// Calls `body` with every free range, by address. O(ranges).
  public func forEachRange(_ body: (FreeRange) -> Void) {
    _ = first {
      body($0)
      return false
    }
  }

  /// The lowest free range for which `condition` holds. O(ranges).
  public func first(where condition: (FreeRange) -> Bool) -> FreeRange? {
    unsafe engine.pointee.firstFree(where: condition)
  }

  /// Page frames that `size` bytes from `offset` would need: pages that they touch and that have none.
  /// 0 without a ``FrameMap``.
  public func missingFrames(at offset: Int, size: Int) -> Int {
    guard let frames = unsafe engine.pointee.frames, size > 0 else { return 0 }
    return (offset >> 12...(offset + size - 1) >> 12).count { !frames.contains($0) }
  }

  /// Idle pages that `size` bytes from `offset` would put to use: of the whole pages of `range`, in
  /// which they lie, those that they touch.
  public func idlePages(of range: FreeRange, at offset: Int, size: Int) -> Int {
    let first = max((range.offset + 4095) >> 12, offset >> 12)
    let end = min(range.end >> 12, (offset + size + 4095) >> 12)
    return max(0, end - first)
  }
}

extension RangeAllocator {
  /// Takes a range where a rule of one's own says. As `reserve(_:oneway:sender:debugID:)` otherwise,
  /// which may be called between; built-in rules are not touched by it.
  ///
  /// The allocator's policy searches as ``PlacementPolicy/Search/rust`` or
  /// ``PlacementPolicy/Search/compact`` (traps otherwise); its rules of accounting hold. With `compact`
  /// and a ``FrameMap`` the rule learns which pages have frames.
  ///
  /// - Throws: as `reserve(_:oneway:sender:debugID:)`; ``RangeError/invalidPlacement(offset:size:)``
  ///   when the rule's place is not free. Nothing has changed then, except within the rule.
  /// - Complexity: that of the rule, and O(ranges).
  public mutating func reserve(
    _ size: Int, oneway: Bool = false, sender: Int32 = 0, debugID: UInt32 = 0,
    by rule: inout some PlacementRule
  ) throws(RangeError) -> Reservation {
    defer { checkAfterChange() }
    return try engine.reserve(
      size, oneway: oneway, owner: RangeOwner(sender: sender, debugID: debugID), by: &rule
    ).reservation
  }
}
