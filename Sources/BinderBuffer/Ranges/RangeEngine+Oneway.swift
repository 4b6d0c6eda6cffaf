/// Free oneway space and oneway spam, by the driver's rules (``DriverRules``).
extension RangeEngine {
  /// Accounts a oneway range that was just taken; what is to be said about its sender.
  ///
  /// - Parameter formerOwner: Who had the range's descriptor before; nil for nobody.
  @inline(__always)
  mutating func takeOneway(
    _ units: UInt32, _ sender: Int32, formerOwner: Int32? = nil
  ) -> SpamFinding {
    freeOneway &-= units &* 8 &+ onewayCharge
    // While few ranges live no totals are kept: whoever judges counts them.
    let total: SenderTotals.Total = mode == .array ? (0, 0) : senders.add(units, to: sender)
    guard freeOneway < length / 10 else {
      spamLatched = false
      return .none
    }
    return judgeSender(sender, units, total, formerOwner)
  }

  /// Whether a sender is suspected of oneway spam, now that little oneway space is left.
  @inline(never)
  private mutating func judgeSender(
    _ sender: Int32, _ units: UInt32, _ known: SenderTotals.Total, _ formerOwner: Int32?
  ) -> SpamFinding {
    let isArray = mode == .array
    let rules = policy.rules
    var total = isArray ? array.onewayTotal(of: sender) : known
    let counts: Bool
    switch rules.spam {
    case .none: return .none
    case .rustBefore:
      if isArray { return .none }
      counts = false
    case .rustAfter: counts = true
    case .log, .latch: counts = rules.owner == .early || formerOwner == sender
    }
    if !counts {
      total.buffers &-= 1
      total.units &-= units
    }
    guard total.buffers > 50 || total.units &* 8 &+ total.buffers &* onewayCharge > length / 4
    else { return .none }
    if rules.spam == .log || spamLatched { return .logged }
    spamLatched = rules.spam == .latch
    return .reported
  }

  /// Gives back the oneway space of a range that is freed.
  @inline(__always)
  mutating func returnOneway(_ word: RangeWord) {
    freeOneway &+= word.size &* 8 &+ onewayCharge
    if word.isEmpty { leakIfEmpty(word) }
  }

  @inline(never)
  private mutating func leakIfEmpty(_ word: RangeWord) {
    guard policy.rules.emptyOneway == .leaks else { return }
    freeOneway &-= word.size &* 8
    leakedOneway &+= word.size &* 8
  }
}
