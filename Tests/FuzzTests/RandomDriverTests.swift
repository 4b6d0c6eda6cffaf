import Glibc
import Testing

/// The driver's fuzz target over random bytes: any seed that fails is run again by its number.
@Suite struct RandomDriverTests {
  private static let isLong = getenv("BINDERBUFFER_LONG") != nil

  @Test(.timeLimit(.minutes(10)))
  func randomPrograms() throws {
    for seed in 0..<UInt64(Self.isLong ? 3000 : 60) {
      var state = seed
      let bytes = (0..<6000).map { _ in
        // SplitMix64
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return UInt8(truncatingIfNeeded: z ^ (z >> 31))
      }
      do {
        try fuzzDriver(bytes)
      } catch {
        Issue.record("seed \(seed): \(error)")
        return
      }
    }
  }
}
