/// All settings of a replay side by side, and below, what went wrong in which.
enum ReplayComparisonText {
  static let header = [
    "policy", "region", "failed", "peak bytes", "buffers", "peak pages", "mean", "frames",
    "reclaimed", "spam", "fragmented", "worst process", "its failed", "its bytes",
  ]

  /// A setting's figures, under the header.
  static func row(_ run: ReplayRun) -> [String] {
    let worst = run.worstProcess
    return [
      run.policy, size(run.regionLength), Format.grouped(run.failed),
      Format.grouped(run.peakBytes), Format.grouped(run.peakBuffers),
      Format.grouped(run.peakPages), Figure.mean(run.meanPages),
      Format.grouped(run.framesAllocated), Format.grouped(run.framesReclaimed),
      Format.grouped(run.spamReports), Figure.share(run.worstFragmentation),
      worst?.label ?? "-", worst.map { Format.grouped($0.failed) } ?? "-",
      worst.map { Format.grouped($0.peakBytes) } ?? "-",
    ]
  }

  static func text(_ runs: [ReplayRun]) -> String {
    var table = Table(header)
    for run in runs { table.add(row(run)) }
    var text = "policies and regions compared"
    if let budget = runs.first?.budgetPages {
      text += ", each with \(Format.grouped(budget)) pages for all regions together"
    }
    text += ":\n" + table.text(indent: "  ")
    for run in runs where run.failed > 0 { text += "\n" + failures(of: run) }
    return text
  }

  private static func failures(of run: ReplayRun) -> String {
    var text =
      "\(run.policy), \(size(run.regionLength)): \(ReplayFailureText.kinds(run.failures))\n"
    let failing = run.processes.filter { $0.failed > 0 }.sorted {
      ($0.failed, $1.pid) > ($1.failed, $0.pid)
    }
    if failing.count > 1 {
      let shown = failing.prefix(5).map { "\($0.label) \(Format.grouped($0.failed))" }
      text += "  by process: \(shown.joined(separator: "; "))"
      text += failing.count > 5 ? "; … (\(failing.count) in all)\n" : "\n"
    }
    if let first = run.firstFailure { text += ReplayFailureText.text(first, in: run) }
    return text
  }

  /// As it is given on the command line: `1016K`, `2M`.
  private static func size(_ bytes: Int) -> String {
    if bytes % (1 << 20) == 0 { return "\(bytes >> 20)M" }
    return bytes % (1 << 10) == 0 ? "\(bytes >> 10)K" : "\(bytes)"
  }
}

/// A failure and what the region looked like, in words.
enum ReplayFailureText {
  /// `2 bad address, 3 no space`
  static func kinds(_ failures: [String: Int]) -> String {
    let kinds = failures.sorted { $0.key < $1.key }
    return "failed: "
      + kinds.map { "\(Format.grouped($0.value)) \($0.key)" }.joined(separator: ", ")
  }

  static func text(_ failure: ReplayFailure, in run: ReplayRun) -> String {
    func label(_ pid: Int32) -> String {
      run.processes.first { $0.pid == pid }.map { $0.name.isEmpty ? "\(pid)" : "\(pid) \($0.name)" }
        ?? "\(pid)"
    }
    func buffers(_ count: Int) -> String {
      Format.grouped(count) + (count == 1 ? " buffer" : " buffers")
    }
    func bytes(_ count: Int) -> String { Format.grouped(count) + " B" }
    var text =
      "  first at line \(failure.line), \(ReplayTime.text(failure.nanoseconds)), transaction "
      + "\(failure.transaction): \(failure.message)\n"
      + "    from \(label(failure.sender)) to \(label(failure.receiver)): "
      + "size \(bytes(failure.size)) (data \(Format.grouped(failure.dataSize)), offsets "
      + "\(Format.grouped(failure.offsetsSize)), extra \(Format.grouped(failure.extraSize)))\n"
      + "    largest free range \(bytes(failure.largestFreeRange)), total free "
      + "\(bytes(failure.freeBytes)), free oneway space \(bytes(failure.freeOnewaySpace))\n"
    let holders = failure.holders.map {
      "\(label($0.pid)) \(bytes($0.bytes)) in \(buffers($0.buffers))"
    }
    if !holders.isEmpty {
      text += "    largest holders by sender: \(holders.joined(separator: "; "))\n"
    }
    for line in failure.kernelLog { text += "    | \(line)\n" }
    return text
  }
}
