extension Workload {
  /// A Xiaomi phone's launcher, 891 transactions a second; 1,109 sync, 1,032 oneway, 1,109 replies.
  /// Data sizes p50 88, p90 244, p95 300, p99 576, at most 30,168 bytes; 27 % carry objects, 16 % extra
  /// room. Buffers of calls were held 188 µs (p50), 12,056 µs (p90), 20,101 µs (p99).
  static let launcher = Workload(
    name: "launcher", summary: "the launcher at work: Xiaomi phone",
    syncWeight: 1109, onewayWeight: 1032,
    requests: SizeDistribution(
      SizeRow(149, 32...32), SizeRow(1, 40...40), SizeRow(117, 44...44), SizeRow(1, 60...60),
      SizeRow(110, 64...64), SizeRow(25, 68...84), SizeRow(138, 88...88, extra: 24, in: 2),
      SizeRow(95, 92...92), SizeRow(39, 96...100, objects: 1, in: 37), SizeRow(131, 112...112),
      SizeRow(47, 116...184, objects: 2, in: 10, extra: 48, in: 8),
      SizeRow(2, 192...196, objects: 1, in: 1), SizeRow(131, 200...200, objects: 1, in: 130),
      SizeRow(11, 204...208, objects: 4, in: 11, extra: 64, in: 11),
      SizeRow(93, 220...220, objects: 4, in: 93, extra: 48, in: 93),
      SizeRow(19, 284...300, objects: 6, in: 17, extra: 80, in: 17)),
    oneways: SizeDistribution(
      SizeRow(2, 40...40), SizeRow(11, 76...80), SizeRow(37, 84...84), SizeRow(889, 88...88),
      SizeRow(6, 92...100, objects: 1, in: 4, extra: 48, in: 4),
      SizeRow(37, 116...116, objects: 1, in: 37), SizeRow(14, 124...168),
      SizeRow(9, 212...248, objects: 2, in: 6, extra: 128, in: 6),
      SizeRow(27, 816...816, objects: 1, in: 27)),
    replies: SizeDistribution(
      SizeRow(52, 4...4), SizeRow(118, 8...8), SizeRow(141, 12...12), SizeRow(2, 16...20),
      SizeRow(5, 28...32, objects: 1, in: 5), SizeRow(129, 52...52, objects: 1, in: 89),
      SizeRow(16, 64...68), SizeRow(89, 72...72), SizeRow(89, 84...84),
      SizeRow(11, 88...128, objects: 1, in: 8),
      SizeRow(13, 144...164, objects: 2, in: 3, extra: 128, in: 1),
      SizeRow(115, 168...168, objects: 3, in: 115, extra: 112, in: 115), SizeRow(28, 192...216),
      SizeRow(149, 244...244, objects: 6, in: 149, extra: 232, in: 149),
      SizeRow(37, 276...392, objects: 3, in: 37), SizeRow(1, 504...504, objects: 1, in: 1),
      SizeRow(110, 576...576, objects: 14, in: 110, extra: 208, in: 110),
      SizeRow(2, 1280...1280), SizeRow(1, 2772...2772, objects: 1, in: 1),
      SizeRow(1, 30_168...30_168, objects: 9, in: 1)),
    holdTimes: HoldTimes(heldPerMille: 125, p50: 188, p90: 12056, p99: 20101),
    // The measured rate counts replies too.
    arrivalsPerSecond: 587, onewayWindow: 8)
}
