/// Synthetic workloads, each of which stresses one thing.
extension Workload {
  static let rpc = Workload(
    name: "rpc", summary: "small calls that are answered at once",
    syncWeight: 1, onewayWeight: 0,
    requests: SizeDistribution(SizeRow(1, 0...8), SizeRow(6, 16...96), SizeRow(1, 128...256)),
    oneways: SizeDistribution(SizeRow(1, 0...0)),
    replies: SizeDistribution(SizeRow(2, 4...8), SizeRow(1, 16...64)),
    holdTimes: HoldTimes(heldPerMille: 1, p50: 10, p90: 50, p99: 200),
    arrivalsPerSecond: 5000, onewayWindow: nil)

  static let bulk = Workload(
    name: "bulk", summary: "calls that carry 16 to 256 KiB, answered briefly",
    syncWeight: 1, onewayWeight: 0,
    requests: SizeDistribution(SizeRow(6, 16_384...65_536), SizeRow(1, 65_536...262_144)),
    oneways: SizeDistribution(SizeRow(1, 0...0)),
    replies: SizeDistribution(SizeRow(1, 4...8)),
    holdTimes: HoldTimes(heldPerMille: 125, p50: 200, p90: 1000, p99: 4000),
    arrivalsPerSecond: 500, onewayWindow: nil)

  static let bimodal = Workload(
    name: "bimodal", summary: "nine messages of 128 bytes to one of 16 to 64 KiB",
    syncWeight: 7, onewayWeight: 3,
    requests: SizeDistribution(SizeRow(9, 128...128), SizeRow(1, 16_384...65_536)),
    oneways: SizeDistribution(SizeRow(9, 128...128), SizeRow(1, 16_384...65_536)),
    replies: SizeDistribution(SizeRow(9, 128...128), SizeRow(1, 16_384...65_536)),
    holdTimes: HoldTimes(heldPerMille: 125, p50: 200, p90: 2000, p99: 8000),
    arrivalsPerSecond: 1000, onewayWindow: 8)

  /// Senders that never wait and receivers that keep every buffer: oneway space runs out, and spam
  /// is reported.
  static let onewayFlood = Workload(
    name: "oneway-flood", summary: "oneway messages to receivers that are too slow for them",
    syncWeight: 0, onewayWeight: 1,
    requests: SizeDistribution(SizeRow(1, 0...0)),
    oneways: SizeDistribution(SizeRow(9, 64...256), SizeRow(1, 256...4096)),
    replies: SizeDistribution(SizeRow(1, 0...0)),
    holdTimes: HoldTimes(heldPerMille: 1000, isStrict: true, p50: 2000, p90: 5000, p99: 20_000),
    arrivalsPerSecond: 20_000, onewayWindow: nil)
}
