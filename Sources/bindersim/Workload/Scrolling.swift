extension Workload {
  /// The same phone while its launcher is scrolled all the time, 1,178 transactions a second; 1,449
  /// sync, 635 oneway, 1,449 replies. Data sizes p50 88, p90 244, p95 576, p99 816, at most 3,184 bytes;
  /// 33 % carry objects, 15 % extra room. Buffers of calls were held 155 µs (p50), 3,447 µs (p90),
  /// 20,674 µs (p99).
  static let scrolling = Workload(
    name: "scrolling", summary: "continuous scrolling: Xiaomi phone",
    syncWeight: 1449, onewayWeight: 635,
    requests: SizeDistribution(
      SizeRow(105, 32...32), SizeRow(2, 40...40), SizeRow(127, 44...44), SizeRow(1, 60...60),
      SizeRow(138, 64...64), SizeRow(21, 68...84), SizeRow(186, 88...88, extra: 24, in: 11),
      SizeRow(229, 92...92), SizeRow(1, 96...96), SizeRow(106, 100...100, objects: 1, in: 104),
      SizeRow(173, 112...112), SizeRow(35, 116...184, objects: 2, in: 6, extra: 48, in: 5),
      SizeRow(1, 192...192, objects: 1, in: 1), SizeRow(174, 200...200, objects: 1, in: 172),
      SizeRow(9, 204...208, objects: 4, in: 9, extra: 64, in: 9),
      SizeRow(106, 220...220, objects: 4, in: 105, extra: 48, in: 105),
      SizeRow(35, 256...300, objects: 6, in: 33, extra: 80, in: 33)),
    oneways: SizeDistribution(
      SizeRow(1, 40...40), SizeRow(28, 76...80), SizeRow(104, 84...84), SizeRow(305, 88...88),
      SizeRow(14, 100...100, objects: 1, in: 3, extra: 80, in: 3),
      SizeRow(104, 116...116, objects: 1, in: 104),
      SizeRow(13, 136...212, objects: 2, in: 6, extra: 128, in: 6),
      SizeRow(11, 232...248, objects: 1, in: 9), SizeRow(54, 816...816, objects: 1, in: 54),
      SizeRow(1, 3184...3184, objects: 13, in: 1)),
    replies: SizeDistribution(
      SizeRow(116, 4...4), SizeRow(249, 8...8), SizeRow(160, 12...12), SizeRow(3, 16...20),
      SizeRow(16, 28...44, objects: 1, in: 13), SizeRow(173, 52...52, objects: 1, in: 64),
      SizeRow(11, 64...64), SizeRow(64, 72...72), SizeRow(64, 84...84),
      SizeRow(16, 88...128, objects: 1, in: 13),
      SizeRow(50, 144...164, objects: 4, in: 1, extra: 128, in: 1),
      SizeRow(125, 168...168, objects: 3, in: 125, extra: 112, in: 125),
      SizeRow(54, 192...216, objects: 2, in: 1),
      SizeRow(105, 244...244, objects: 6, in: 105, extra: 232, in: 105),
      SizeRow(3, 276...276, objects: 2, in: 3), SizeRow(88, 296...296, objects: 3, in: 88),
      SizeRow(13, 316...392, objects: 2, in: 13),
      SizeRow(138, 576...576, objects: 14, in: 138, extra: 208, in: 138), SizeRow(1, 1280...1280)),
    holdTimes: HoldTimes(heldPerMille: 125, p50: 155, p90: 3447, p99: 20674),
    // The measured rate counts replies too.
    arrivalsPerSecond: 695, onewayWindow: 8)
}
