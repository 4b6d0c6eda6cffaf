/// The report for people.
extension RunReport {
  /// The table of processes.
  static let processColumns = [
    Table.Column("process", "the simulated process, whose region the figures are of"),
    Table.Column("peak buffers", "most buffers that were live at once"),
    Table.Column("peak bytes", "most bytes of the region that buffers took at once"),
    Table.Column("peak pages", "most pages that live buffers touched at once"),
    Table.Column("in use", "pages that live buffers touch when the run ends"),
    Table.Column("available", "idle pages then: they keep their frame until it is reclaimed"),
    Table.Column("frames", "page frames given to pages, repeats counted"),
    Table.Column("reclaimed", "frames taken back from idle pages for want of memory"),
    Table.Column("least oneway", "least bytes that oneway messages could still take"),
    Table.Column("spam", "oneway messages whose sender was reported as a spammer"),
  ]
  func text(for terminal: Terminal) -> String {
    [
      heading(terminal), trafficText, latencyText(terminal), processText(terminal),
      leakText(terminal), refusalText(terminal), Self.refusalTimes([self], terminal),
      faultText(terminal),
    ].filter { !$0.isEmpty }.joined(separator: "\n")
  }

  private func heading(_ terminal: Terminal) -> String {
    let c = configuration
    return terminal.bold("workload \(c.workload), policy \(c.policy), seed \(c.seed)") + "\n"
      + machineText(["region \(Format.grouped(c.regionBytes)) B"]) + c.rules.text(for: terminal)
      + (wasInterrupted ? "interrupted: what follows was done so far\n" : "")
  }

  /// On what it ran.
  ///
  /// - Parameter more: what else is said.
  func machineText(_ more: [String] = []) -> String {
    let c = configuration
    let threads = c.isDeterministic ? "one thread, deterministic" : "\(c.threads) threads each"
    let budget = c.budgetPages.map { "\(Format.grouped($0)) pages" } ?? "none"
    return (["\(c.processes) processes", threads] + more + ["budget \(budget)"])
      .joined(separator: ", ") + "\n"
  }

  /// What went wrong, or that nothing did.
  func outcomeText(_ terminal: Terminal) -> String {
    leakText(terminal) + refusalText(terminal) + faultText(terminal)
  }

  /// When messages were refused, in one setting or in several.
  static func refusalTimes(_ reports: [RunReport], _ terminal: Terminal) -> String {
    RefusalTimes.text(
      reports.map { ($0.settingName, $0.refusedOverTime) }, for: terminal
    ) { Format.time(nanoseconds: $0) }
  }

  /// `c, 1016K`
  var settingName: String { "\(configuration.policy), \(Format.size(configuration.regionBytes))" }

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
    return Latency.table(latencies, title: title).text(columns: terminal.columns)
  }

  private func processText(_ terminal: Terminal) -> String {
    var table = Table(
      Self.processColumns, leastImportant: ["reclaimed", "available", "in use", "frames"])
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

  /// One count of refusals: the calls that failed because of a refused reply are told beside it.
  private func refusalText(_ terminal: Terminal) -> String {
    guard !failures.isEmpty else { return "refused: none\n" }
    var table = Table(["refused", "count"])
    for failure in failures {
      table.add([failure.kind, Format.grouped(failure.count)], isAlarming: true)
    }
    if failures.count > 1 { table.add(["in all", Format.grouped(refused)], isAlarming: true) }
    var text = table.text(for: terminal)
    if refusedReplies > 0 {
      text +=
        refusedReplies == 1
        ? "1 of them was a reply, whose call failed\n"
        : "\(Format.grouped(refusedReplies)) of them were replies, whose calls failed\n"
    }
    return text
  }

  private func faultText(_ terminal: Terminal) -> String {
    var lines = corruptions.map { "corrupted: \($0)" }
    if corruptionCount > corruptions.count {
      lines.append("corrupted: \(Format.grouped(corruptionCount - corruptions.count)) more")
    }
    if timeouts > 0 { lines.append("calls without a reply in time: \(Format.grouped(timeouts))") }
    lines += errors.map { "failed: \(Format.count($0.count, "step")) with \($0.kind)" }
    if failedCalls != refusedReplies {
      lines.append(
        "calls that failed: \(Format.grouped(failedCalls)), replies that were refused: "
          + Format.grouped(refusedReplies))
    }
    lines += leftovers.map { "not given back: \($0)" }
    var text = lines.map { terminal.red($0) + "\n" }.joined()
    if lines.isEmpty {
      text = "every byte was as sent" + (leaks.isEmpty ? ", everything was given back" : "") + "\n"
    }
    if let checksum { text += "result \(checksum)\n" }
    return text
  }
}
