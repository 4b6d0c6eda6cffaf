internal import BinderBuffer

/// What the drivers' debug files report for all processes together.
enum DebugFiles {
  /// The protocol commands and returns that a simulation knows, then its objects.
  static func stats(_ simulation: Simulation, _ tally: Tally) -> String {
    let processes = simulation.members.map(\.process.statistics)
    let sent = tally.sync + tally.oneway
    let live = processes.reduce(0) { $0 + $1.bufferCount }
    let replies = Int(tally.latencies[Step.roundTrip.rawValue].count)
    let waiting = processes.reduce(0) { $0 + $1.pendingTransactions }
    let counts = [
      ("BC_TRANSACTION", sent), ("BC_REPLY", tally.replies),
      ("BC_FREE_BUFFER", sent + tally.replies - live), ("BR_TRANSACTION", tally.received - replies),
      ("BR_REPLY", replies), ("BR_FAILED_REPLY", tally.failures.reduce(0, +)),
      ("BR_ONEWAY_SPAM_SUSPECT", tally.spam),
    ]
    var text = "binder stats:\n"
    for (name, count) in counts where count > 0 { text += "\(name): \(count)\n" }
    text += "proc: active \(processes.count) total \(processes.count)\n"
    let nodes = processes.reduce(0) { $0 + $1.nodeCount }
    text += "node: active \(nodes) total \(nodes)\n"
    text += "transaction: active \(waiting) total \(sent + tally.replies)\n"
    return text
  }
}
