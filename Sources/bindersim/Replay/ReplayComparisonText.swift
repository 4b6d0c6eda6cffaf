/// All settings of a replay side by side, and below, what went wrong in which.
enum ReplayComparisonText {
  static let columns = [
    Table.Column("policy", "where buffers are placed"),
    Table.Column("region", "the length of each process's region"),
    Table.Column("refused", "messages that found no room, of all processes"),
    Table.Column("peak bytes", "most bytes that the buffers of all regions took at once"),
    Table.Column("peak buffers", "most buffers that lived at once in all regions"),
    Table.Column("peak pages", "most pages that they touched at once"),
    Table.Column("mean pages", "pages that they touched, weighted by the recorded time"),
    Table.Column("frames", "page frames given to pages, repeats counted"),
    Table.Column("reclaimed", "frames taken back from idle pages for want of memory"),
    Table.Column("spam", "oneway messages whose sender was reported as a spammer"),
    Table.Column(
      "fragmented",
      "largest part of the free bytes that the largest free range did not cover, in the region where "
        + "it was worst"),
    Table.Column("worst process", "the one that was refused most, else whose region was fullest"),
    Table.Column("its refused", "messages that it was refused"),
    Table.Column("its bytes", "its peak bytes"),
  ]

  static var header: [String] { columns.map(\.title) }

  /// A setting's figures, under the header.
  static func row(_ run: ReplayRun) -> [String] {
    let worst = run.worstProcess
    return [
      run.policy, Format.size(run.regionLength), Format.grouped(run.failed),
      Format.grouped(run.peakBytes), Format.grouped(run.peakBuffers),
      Format.grouped(run.peakPages), Figure.mean(run.meanPages),
      Format.grouped(run.framesAllocated), Format.grouped(run.framesReclaimed),
      Format.grouped(run.spamReports), Figure.share(run.worstFragmentation),
      worst?.label ?? "-", worst.map { Format.grouped($0.failed) } ?? "-",
      worst.map { Format.grouped($0.peakBytes) } ?? "-",
    ]
  }

  static func text(_ runs: [ReplayRun], for terminal: Terminal) -> String {
    var table = Table(
      columns,
      leastImportant: [
        "its bytes", "its refused", "reclaimed", "mean pages", "spam", "peak buffers",
        "worst process", "frames",
      ])
    for run in runs { table.add(row(run), isAlarming: run.failed > 0) }
    var text = "policies and regions compared"
    if let budget = runs.first?.budgetPages {
      text += ", each with \(Format.grouped(budget)) pages for all regions together"
    }
    text += ":\n" + table.text(indent: "  ", for: terminal)
    for run in runs where run.failed > 0 { text += "\n" + failures(of: run, terminal) }
    return text
  }

  private static func failures(of run: ReplayRun, _ terminal: Terminal) -> String {
    var text = terminal.red(
      lines: "\(run.policy), \(Format.size(run.regionLength)): "
        + "\(ReplayFailureText.kinds(run.failures))\n")
    let failing = run.processes.filter { $0.failed > 0 }.sorted {
      ($0.failed, $1.pid) > ($1.failed, $0.pid)
    }
    if failing.count > 1 {
      let shown = failing.prefix(5).map { "\($0.label) \(Format.grouped($0.failed))" }
      text += "  by process: \(shown.joined(separator: "; "))"
      text += failing.count > 5 ? "; … (\(failing.count) in all)\n" : "\n"
    }
    if let first = run.firstFailure { text += ReplayFailureText.text(first, in: run, terminal) }
    return text
  }
}

/// A failure and what the region looked like, in words.
enum ReplayFailureText {
  /// `2 bad address, 3 no space`
  static func kinds(_ failures: [String: Int]) -> String {
    let kinds = failures.sorted { $0.key < $1.key }
    return "refused: "
      + kinds.map { "\(Format.grouped($0.value)) \($0.key)" }.joined(separator: ", ")
  }

  static func text(
    _ failure: ReplayFailure, in run: ReplayRun, _ terminal: Terminal
  ) -> String {
    func label(_ pid: Int32) -> String {
      run.processes.first { $0.pid == pid }.map { $0.name.isEmpty ? "\(pid)" : "\(pid) \($0.name)" }
        ?? "\(pid)"
    }
    func buffers(_ count: Int) -> String {
      Format.grouped(count) + (count == 1 ? " buffer" : " buffers")
    }
    func bytes(_ count: Int) -> String { Format.grouped(count) + " B" }
    let text =
      "  first at line \(failure.line), \(ReplayTime.text(failure.nanoseconds)), transaction "
      + "\(failure.transaction): \(failure.message)\n"
      + "    from \(label(failure.sender)) to \(label(failure.receiver)): "
      + "size \(bytes(failure.size)) (data \(Format.grouped(failure.dataSize)), offsets "
      + "\(Format.grouped(failure.offsetsSize)), extra \(Format.grouped(failure.extraSize)))\n"
      + "    largest free range \(bytes(failure.largestFreeRange)), total free "
      + "\(bytes(failure.freeBytes)), free oneway space \(bytes(failure.freeOnewaySpace))\n"
    let held = failure.holders.map {
      "\(label($0.pid)) \(bytes($0.bytes)) in \(buffers($0.buffers))"
    }
    let holders =
      held.isEmpty ? "" : "    largest holders by sender: \(held.joined(separator: "; "))\n"
    // The driver's own lines stay as they are.
    return (text + holders).split(separator: "\n").map {
      Table.wrapped(String($0), in: terminal.columns, indent: "      ")
    }.joined() + failure.kernelLog.map { "    | \($0)\n" }.joined()
  }
}
