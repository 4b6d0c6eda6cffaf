/// One range of a region, as a report shows it.
public struct RangeDescription: Hashable, Sendable {
  /// What a range is doing.
  public enum State: Hashable, Sendable {
    /// Nobody's.
    case free
    /// Taken, still being filled.
    case reserved
    /// Taken and handed over.
    case committed
  }

  /// First byte.
  public let offset: Int
  /// Length in bytes.
  public let size: Int
  /// Whether it is taken, and by whom.
  public let state: State
  /// False for a free range.
  public let isOneway: Bool
  /// 0 for a free range.
  public let sender: Int32
  /// 0 for a free range.
  public let debugID: UInt32
}
