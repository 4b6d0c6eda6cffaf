/// The moments at which the pages of one space become idle: a shrinker's, so that they compare with
/// those of other spaces, or a count of its own.
@safe struct IdleClock {
  // INVARIANT: the shrinker outlives this value: whoever makes the space keeps both.
  private let shrinker: Unmanaged<Shrinker>?
  private var ticks = Shrinker.Ticks()
  private var count: UInt64 = 0

  init(_ shrinker: Shrinker?) {
    unsafe self.shrinker = shrinker.map { unsafe .passUnretained($0) }
  }

  /// A moment not earlier than the one before.
  @inline(__always)
  mutating func now() -> UInt64 {
    guard let shrinker = unsafe shrinker else {
      count += 1
      return count
    }
    // SAFETY: the shrinker is alive (invariant); a retain would cost more than the tick.
    return unsafe shrinker._withUnsafeGuaranteedRef { $0.tick(&ticks) }
  }

  /// Begins to fetch the clock for the next moment.
  @inline(__always)
  func prepare() {
    // SAFETY: as above.
    if let shrinker = unsafe shrinker {
      unsafe shrinker._withUnsafeGuaranteedRef { $0.prepareTick(ticks) }
    }
  }
}
