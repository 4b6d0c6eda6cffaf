/// The report for people.
extension RunReport {
  func text(for terminal: Terminal) -> String {
    [
      heading(terminal), trafficText, latencyText(terminal), processText(terminal),
      leakText(terminal),
      refusalText(terminal), faultText(terminal),
    ].filter { !$0.isEmpty }.joined(separator: "\n")
  }

  private func heading(_ terminal: Terminal) -> String {
    let c = configuration
    let threads = c.isDeterministic ? "one thread, deterministic" : "\(c.threads) threads each"
    let budget = c.budgetPages.map { "\(Format.grouped($0)) pages" } ?? "none"
    return terminal.bold("workload \(c.workload), policy \(c.policy), seed \(c.seed)") + "\n"
      + "\(c.processes) processes, \(threads), region \(Format.grouped(c.regionBytes)) B, "
      + "budget \(budget)\n" + c.rules.text
      + (wasInterrupted ? "interrupted: what follows was done so far\n" : "")
  }

  private var trafficText: String {
    var table = Table(["", "total", "per second"])
    let kind = configuration.isDeterministic ? "simulated time" : "time"
    table.add([kind, Format.time(nanoseconds: elapsedNanoseconds)])
    table.add([
      "transactions", Format.grouped(traffic.transactions),
      Format.grouped(traffic.transactionsPerSecond),
    ])
    table.add([
      "bytes sent", Format.bytes(traffic.bytes), Format.bytes(traffic.bytesPerSecond),
    ])
    table.add(["bytes checked", Format.bytes(traffic.checkedBytes)])
    table.add(["sync", Format.grouped(traffic.sync)])
    table.add(["oneway", Format.grouped(traffic.oneway)])
    table.add(["replies", Format.grouped(traffic.replies)])
    return table.text()
  }

  private func latencyText(_ terminal: Terminal) -> String {
    guard !latencies.isEmpty else { return "" }
    let title = configuration.isDeterministic ? "latency (simulated)" : "latency"
    var table = Table([title, "count", "p50", "p99", "p99.9", "max"])
    for latency in latencies {
      let histogram = latency.histogram
      table.add(
        [latency.step.explanation, Format.grouped(Int(histogram.count))]
          + [0.5, 0.99, 0.999].map { Format.time(nanoseconds: histogram.quantile($0)) }
          + [Format.time(nanoseconds: histogram.maximum)])
    }
    return table.text(columns: terminal.columns)
  }

  private func processText(_ terminal: Terminal) -> String {
    var table = Table(
      [
        "process", "peak buffers", "peak bytes", "peak pages", "in use", "idle", "fresh",
        "reclaimed", "least oneway", "spam",
      ], leastImportant: ["reclaimed", "fresh", "idle", "in use"])
    for process in processes {
      table.add(
        ["\(process.pid)"]
          + [
            process.peakBuffers, process.peakBytes, process.peakPagesInUse, process.pagesInUse,
            process.pagesAvailable, process.framesAllocated, process.framesReclaimed,
            process.lowestFreeOnewaySpace, process.spamReports,
          ].map(Format.grouped))
    }
    return table.text(columns: terminal.columns)
  }

  private func leakText(_ terminal: Terminal) -> String {
    leaks.map {
      terminal.red(
        "process \($0.pid) never freed \(Format.count($0.buffers, "buffer")) of together "
          + "\(Format.grouped($0.bytes)) B") + "\n"
    }.joined()
  }

  private func refusalText(_ terminal: Terminal) -> String {
    guard !failures.isEmpty else { return "failures: none\n" }
    var table = Table(["failures", "count"])
    for failure in failures { table.add([failure.kind, Format.grouped(failure.count)]) }
    return table.text().split(separator: "\n").map { terminal.red(String($0)) + "\n" }.joined()
  }

  private func faultText(_ terminal: Terminal) -> String {
    var lines = corruptions.map { "corrupted: \($0)" }
    if corruptionCount > corruptions.count {
      lines.append("corrupted: \(Format.grouped(corruptionCount - corruptions.count)) more")
    }
    if timeouts > 0 { lines.append("calls without a reply in time: \(Format.grouped(timeouts))") }
    lines += leftovers.map { "not given back: \($0)" }
    var text = lines.map { terminal.red($0) + "\n" }.joined()
    if lines.isEmpty {
      text = "every byte was as sent" + (leaks.isEmpty ? ", everything was given back" : "") + "\n"
    }
    if let checksum { text += "result \(checksum)\n" }
    return text
  }
}
