/// Workloads with something wrong, to show what that looks like.
extension Workload {
  /// One server that forgets to free a twentieth of its requests: its region fills up.
  static let leak = Workload(
    name: "leak", summary: "a server that never frees one request in twenty",
    syncWeight: 9, onewayWeight: 1,
    requests: SizeDistribution(
      SizeRow(6, 64...512), SizeRow(3, 1024...4096), SizeRow(1, 8192...16_384)),
    oneways: SizeDistribution(SizeRow(1, 64...256)),
    replies: SizeDistribution(SizeRow(1, 4...64)),
    holdTimes: HoldTimes(heldPerMille: 125, p50: 200, p90: 2000, p99: 8000),
    arrivalsPerSecond: 3000, onewayWindow: 8, leakPerMille: 50, servers: 1)

  /// Large buffers that are freed at once, between small ones that stay: many free bytes, but in
  /// pieces.
  static let fragmentation = Workload(
    name: "fragmentation", summary: "small buffers that stay between large ones that go",
    syncWeight: 1, onewayWeight: 0,
    requests: SizeDistribution(
      SizeRow(60, 32...96, holdFactor: 250), SizeRow(30, 12_288...24_576),
      SizeRow(1, 131_072...327_680)),
    oneways: SizeDistribution(SizeRow(1, 0...0)),
    replies: SizeDistribution(SizeRow(1, 4...8)),
    holdTimes: HoldTimes(heldPerMille: 1000, limit: 4096, p50: 3000, p90: 8000, p99: 12_000),
    arrivalsPerSecond: 2500, onewayWindow: nil, burst: 8, servers: 1, threads: 8)

  /// Many processes, each with little traffic.
  static let crowd = Workload(
    name: "crowd", summary: "small messages between many processes",
    syncWeight: 2, onewayWeight: 1,
    requests: SizeDistribution(SizeRow(6, 16...256), SizeRow(1, 512...2048)),
    oneways: SizeDistribution(SizeRow(1, 64...256)),
    replies: SizeDistribution(SizeRow(1, 4...128)),
    holdTimes: HoldTimes(heldPerMille: 125, p50: 200, p90: 2000, p99: 8000),
    arrivalsPerSecond: 4000, onewayWindow: 8, processes: 48, threads: 2)
}
