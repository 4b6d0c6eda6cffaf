/// How pages shall be allocated.
@frozen
public struct AllocationFlags: OptionSet, Sendable, BitwiseCopyable {
  public let rawValue: UInt32

  @inlinable
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// May reclaim: when the budget is used up, its shrinkers run once before the call fails.
  @inlinable public static var kernel: Self { Self(rawValue: 1 << 0) }

  /// The contents are zero. Pages of an arena always are; this says that the caller relies on it.
  @inlinable public static var zero: Self { Self(rawValue: 1 << 1) }

  /// The pages may lie in high memory. Changes nothing, as on every 64-bit kernel.
  @inlinable public static var highmem: Self { Self(rawValue: 1 << 2) }

  /// Never reclaims, even together with `kernel`. For callers that a shrinker must not re-enter.
  @inlinable public static var noWait: Self { Self(rawValue: 1 << 3) }

  var mayReclaim: Bool { contains(.kernel) && !contains(.noWait) }
}
