extension Workload {
  /// An app's warm start on a Pixel 6a with Android 13 (kernel 5.10): 1,365 transactions in 1.91
  /// seconds, 714 a second; 434 sync, 498 oneway, 433 replies. Data sizes p50 96, p90 768, p95 4,168,
  /// p99 67,068, at most 67,364 bytes; a third carries objects, 3 % extra room. Buffers of calls were
  /// held 246 µs (p50), 1,949 µs (p90), 7,970 µs (p99); the busiest process had 16 live at once, which
  /// the bursts bring about.
  ///
  /// Counted in a trace of google/perfetto's test data (Apache-2.0); neighbouring sizes are merged
  /// into ranges here.
  static let android = Workload(
    name: "android", summary: "an app starting: Pixel 6a, Android 13",
    syncWeight: 434, onewayWeight: 498,
    requests: SizeDistribution(
      SizeRow(24, 0...0, extra: 16, in: 3), SizeRow(24, 4...4), SizeRow(3, 32...44),
      SizeRow(19, 68...68), SizeRow(11, 72...72), SizeRow(28, 80...80), SizeRow(19, 84...84),
      SizeRow(9, 88...96, extra: 16, in: 3), SizeRow(23, 100...100, objects: 1, in: 16),
      SizeRow(17, 104...104, objects: 1, in: 9),
      SizeRow(59, 108...168, objects: 1, in: 38, extra: 32, in: 18),
      SizeRow(13, 176...196, objects: 1, in: 7), SizeRow(25, 200...200, objects: 1, in: 21),
      SizeRow(66, 204...320, objects: 2, in: 53, extra: 280, in: 6),
      SizeRow(36, 352...560, objects: 1, in: 28), SizeRow(5, 564...584, objects: 2, in: 5),
      SizeRow(25, 632...632, objects: 2, in: 25), SizeRow(7, 644...808, objects: 2, in: 7),
      SizeRow(8, 1060...1488, objects: 3, in: 8), SizeRow(5, 1820...2420, objects: 7, in: 5),
      SizeRow(6, 3388...5092, objects: 14, in: 6), SizeRow(2, 6012...6352, objects: 19, in: 2)),
    oneways: SizeDistribution(
      SizeRow(2, 0...4), SizeRow(3, 64...64), SizeRow(35, 72...72), SizeRow(4, 80...80),
      SizeRow(29, 84...84), SizeRow(104, 88...88), SizeRow(49, 96...96), SizeRow(1, 100...100),
      SizeRow(27, 104...104, objects: 1, in: 4), SizeRow(64, 108...172, objects: 1, in: 35),
      SizeRow(21, 176...272, objects: 1, in: 16), SizeRow(68, 284...452, objects: 1, in: 36),
      SizeRow(30, 456...692, objects: 2, in: 4), SizeRow(9, 768...1228, objects: 4, in: 7),
      SizeRow(10, 1300...2004, objects: 6, in: 9), SizeRow(6, 2156...3404, objects: 1, in: 4),
      SizeRow(33, 3796...5964, objects: 5, in: 29), SizeRow(3, 6584...7120, objects: 14, in: 3)),
    replies: SizeDistribution(
      SizeRow(63, 0...0), SizeRow(101, 4...4), SizeRow(80, 8...8), SizeRow(3, 16...24),
      SizeRow(2, 28...28, objects: 1, in: 2), SizeRow(24, 32...32, objects: 1, in: 24),
      SizeRow(3, 48...48), SizeRow(16, 56...56), SizeRow(19, 68...68, objects: 1, in: 13),
      SizeRow(25, 72...112, objects: 2, in: 4, extra: 16, in: 4), SizeRow(5, 120...120),
      SizeRow(2, 208...208), SizeRow(16, 364...576, objects: 8, in: 16, extra: 712, in: 9),
      SizeRow(20, 584...736, objects: 16, in: 4, extra: 248, in: 4),
      SizeRow(3, 960...1408, objects: 2, in: 2), SizeRow(10, 1696...2420, objects: 3, in: 3),
      SizeRow(6, 3424...4444, objects: 1, in: 3), SizeRow(5, 6016...7196, objects: 2, in: 5),
      SizeRow(6, 20_088...20_088), SizeRow(24, 67_028...67_364, objects: 1, in: 6)),
    holdTimes: HoldTimes(heldPerMille: 125, p50: 246, p90: 1949, p99: 7970),
    // The measured rate counts replies too.
    arrivalsPerSecond: 488, onewayWindow: 8, burst: 9)
}
