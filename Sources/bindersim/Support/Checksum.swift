/// A running hash of what happened, in order (FNV-1a over 64-bit words, mixed at the end): two runs
/// that did the same have the same value.
struct Checksum: Sendable {
  private var state: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ value: Int) {
    state = (state ^ UInt64(bitPattern: Int64(value))) &* 0x0000_0100_0000_01b3
    // FNV's multiplication only moves bits up; this brings the high ones back down.
    state ^= state >> 29
  }

  var value: UInt64 { SplitMix64.mix(state) }

  /// Sixteen hexadecimal digits.
  var hexadecimal: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
