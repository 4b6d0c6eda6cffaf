/// How pages shall be allocated.
public struct AllocationFlags: OptionSet, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// May reclaim: when the budget is used up, its shrinkers run once before the call fails.
  public static let kernel = AllocationFlags(rawValue: 1 << 0)

  /// The contents are zero. Pages of an arena always are; this says that the caller relies on it.
  public static let zero = AllocationFlags(rawValue: 1 << 1)

  /// The pages may lie in high memory. Changes nothing, as on every 64-bit kernel.
  public static let highmem = AllocationFlags(rawValue: 1 << 2)

  /// Never reclaims, even together with `kernel`. For callers that a shrinker must not re-enter.
  public static let noWait = AllocationFlags(rawValue: 1 << 3)

  var mayReclaim: Bool { contains(.kernel) && !contains(.noWait) }
}
