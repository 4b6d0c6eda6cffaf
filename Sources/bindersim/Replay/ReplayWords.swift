/// The answers of a replay in sentences.
struct ReplayWords {
  let report: ReplayReport
  let names: ProcessNames

  init(_ report: ReplayReport) {
    self.report = report
    names = ProcessNames(byPID: report.names)
  }

  private func label(_ pid: Int32) -> String { names.label(pid) }
  private func n(_ count: Int) -> String { Format.grouped(count) }
  private var place: String { report.took.contains("Perfetto") ? "event" : "line" }

  var answers: [Explanation.Answer] {
    var answers = [Explanation.Answer(question: "Was anything refused?", answer: refused)]
    if let held = holders { answers.append(.init(question: "Who held the region?", answer: held)) }
    answers.append(.init(question: "Does anything leak?", answer: leaks.joined(separator: " ")))
    if !waiting.isEmpty {
      answers.append(.init(question: "Who waits?", answer: waiting.joined(separator: " ")))
    }
    if let other {
      answers.append(.init(question: "What would the other setting do?", answer: other))
    }
    return answers
  }

  // MARK: Refusals

  var refused: String {
    guard let first = report.refusals.first else {
      if report.tellsNoRefusal {
        let messages = report.used + report.leftOut
        return
          (messages == 1
          ? "No: the only message got its buffer."
          : "No: each of the \(n(messages)) messages got its buffer.") + contradicted + predicted
      }
      guard report.unclear > 0 else { return "Unknown: the capture has no messages." }
      if report.capture.allocBufLines == 0 {
        return "Unknown: sizes were not recorded; record with binder_transaction_alloc_buf."
      }
      return "Unknown of \(Format.count(report.unclear, "message")) without "
        + "binder_transaction_alloc_buf (\(unclearLines)): refused, or its event was lost; record with "
        + "binder_return." + predicted
    }
    var text = "Yes: " + sentence(first)
    if report.refused > 1 {
      text +=
        " \(Format.count(report.refused - 1, "more message")) \(Format.was(report.refused - 1)) refused."
    }
    if report.unclear > 0 {
      text += " Of \(Format.count(report.unclear, "message")) it is unknown (\(unclearLines))."
    }
    return text + predicted
  }

  /// `the driver refused transaction 110 of 280 at line 56 …`
  private func sentence(_ refusal: Refusal) -> String {
    let receiver = refusal.receiver.map(label) ?? "the receiver"
    var text =
      "the driver refused transaction \(refusal.transaction ?? 0) of "
      + "\(refusal.sender.map(label) ?? "?") to \(receiver)"
    if let line = refusal.line { text += " at \(place) \(line)" }
    if let time = refusal.time { text += ", \(time)" }
    text += "."
    if refusal.cause == .gone { return text + " The receiver was dead (BR_DEAD_REPLY)." }
    guard report.knowsRegions, let free = refusal.free, let region = refusal.regionLength else {
      return text + " What the region held then is unknown."
    }
    return text + " \(receiver) then had \(n(free)) of \(n(region)) bytes free"
      + (refusal.largestFree == free
        ? " in one piece"
        : refusal.largestFree.map {
          ", the largest free range \(n($0))"
        } ?? "") + "."
  }

  private var unclearLines: String {
    report.unused.first { $0.key == UnusedReason.noAllocBuf.rawValue }?.linesText ?? ""
  }

  /// What did not fit in the first setting, where that was chosen by hand.
  private var predicted: String {
    guard let run = report.runs.first else { return "" }
    let count = run.failed - (report.adaptsRegions ? run.contradictions : 0)
    guard count > 0 else { return "" }
    return
      " In the setting of \(run.settingText) \(Format.count(count, "buffer")) would find no room."
  }

  private var contradicted: String {
    guard report.adaptsRegions, let run = report.runs.first, run.contradictions > 0 else {
      return ""
    }
    return
      " But \(Format.count(run.contradictions, "buffer")) that the driver placed find no room here, "
      + "not even in 4 MiB: frees must be missing from the capture, and what is live is not to be "
      + "believed."
  }

  private var holders: String? {
    guard let first = report.refusals.first, report.knowsRegions, !first.holders.isEmpty else {
      return nil
    }
    return RefusalWords(refusal: first, label: label).holders.map { "When it was refused: \($0)." }
  }

  // MARK: Leaks and waiting

  var leaks: [String] {
    if let refusal = report.refusals.first, refusal.freedBefore == 0, let held = refusal.allocated,
      held > 0, report.knowsRegions, report.leaked == 0
    {
      return [
        "A leak, or calls that are not answered: nothing was ever freed in the region of "
          + "\(refusal.receiver.map(label) ?? "the receiver") before it was refused "
          + "(\(n(held)) bytes in \(Format.count(refusal.buffers ?? 0, "buffer")))."
      ]
    }
    switch report.belief {
    case .unknown:
      return [
        "Unknown: neither received messages nor releases were recorded (or too few); record with "
          + "binder_transaction_received and binder_transaction_buffer_release."
      ]
    case .inferred:
      if report.capture.allocBufLines == 0 { return ["Unknown: sizes were not recorded."] }
      return [
        "Unknown: releases were not recorded, or of too few buffers; record with "
          + "binder_transaction_buffer_release."
      ]
    case .recorded: break
    }
    guard report.leaked > 0 else {
      return [
        report.neverFreed == 0
          ? "No: every buffer was released."
          : "Not that it shows: \(Format.count(report.neverFreed, "buffer")) lived when the capture ended, "
            + "and no receiver had gone on without a release."
      ]
    }
    let groups = report.unreleasedGroups.filter { $0.leaked > 0 }
    let shown = groups.prefix(5)
    var sentences = shown.map { group in
      let one = report.unreleased.first {
        $0.transaction == group.firstTransaction && $0.line == group.firstLine
      }
      guard group.buffers == 1, let buffer = one else { return sentence(group) }
      var text =
        "Transaction \(buffer.transaction) (\(buffer.kind)) of \(label(buffer.sender)) to node "
        + "\(buffer.node) of \(label(buffer.receiver)), \(n(buffer.size)) bytes, \(place) \(buffer.line): "
      text +=
        buffer.receivedLine.map {
          "received at \(place) \($0)"
            + (buffer.receiverThread.map { " by thread \($0)" } ?? "")
        } ?? "not received"
      text +=
        " and never released, though its receiver went on at \(place) \(buffer.wentOnLine ?? 0)."
      return text
    }
    let rest = report.leaked - shown.reduce(0) { $0 + $1.leaked }
    if rest > 0 { sentences.append("\(Format.count(rest, "more buffer")) leaked.") }
    return sentences
  }

  /// `40 requests of 2 to 3 with code 0x1, each of 4,096 bytes …`
  private func sentence(_ group: LeakGroup) -> String {
    let kind = group.kind == "oneway" ? "oneway message" : group.kind
    let to = label(RegionKey(group.receiver, group.context).number)
    var text =
      "\(Format.count(group.leaked, kind)) of \(label(group.sender)) to \(to) with code "
      + "0x\(String(group.code, radix: 16)), \(n(group.size)) bytes each, together "
      + "\(n(group.leaked * group.size)): never released, though their receiver went on"
    text +=
      "; the first is transaction \(group.firstTransaction) at \(place) \(group.firstLine), "
      + "\(ReplayTime.text(group.firstNanoseconds))"
    if group.waiting > 0 { text += "; \(n(group.waiting)) more like it wait" }
    return text + "."
  }

  var waiting: [String] {
    guard report.belief == .recorded, report.waiting > 0 else { return [] }
    var sentences: [String] = []
    let blockers = report.unreleased.filter { $0.waitingBehind > 0 }
    for buffer in blockers.prefix(5) {
      sentences.append(
        "\(Format.count(buffer.waitingBehind, "oneway message")) to node \(buffer.node) of "
          + "\(label(buffer.receiver)) wait behind transaction \(buffer.transaction), which was received "
          + "at \(place) \(buffer.receivedLine ?? 0) and not released: they are not leaked.")
    }
    let rest = report.waiting - blockers.reduce(0) { $0 + $1.waitingBehind }
    if rest > 0 {
      sentences.append(
        "\(Format.count(rest, "message")) had not been received when the capture ended.")
    }
    return sentences
  }

  // MARK: Other settings

  /// How the other driver, or another region, would have fared.
  private var other: String? {
    guard let first = report.runs.first, report.runs.count > 1 else { return nil }
    let shown = 3
    let others = report.runs.dropFirst().prefix(shown).map { run in
      let change =
        run.failed == first.failed
        ? "refuses as many (\(n(run.failed)))"
        : "refuses \(n(run.failed)) instead of \(n(first.failed))"
      let pages =
        run.peakPages == first.peakPages
        ? "needs as many pages at its peak (\(n(run.peakPages)))"
        : "needs \(n(run.peakPages)) pages at its peak instead of \(n(first.peakPages))"
      return "\(run.settingText) \(change) and \(pages)"
    }
    var text = "Compared with \(first.settingText): " + others.joined(separator: "; ")
    text += report.runs.count > shown + 1 ? "; the table has all \(report.runs.count)." : "."
    if report.refused > 0 {
      text +=
        " \(Format.count(report.refused, "message")) that the driver itself refused "
        + "\(Format.be(report.refused)) not among them: a refused message leaves no sizes."
    }
    return text
  }
}

extension ReplayReport {
  /// Whether what regions held can be known at all.
  var knowsRegions: Bool { belief != .unknown && capture.allocBufLines > 0 }

  var refusalVerdict: String? { ReplayWords(self).refused }

  var holderVerdicts: [String] {
    guard knowsRegions, let run = runs.first, let worst = run.processes.first, worst.peakBytes > 0
    else { return [] }
    return [
      "Fullest was the region of \(worst.label): \(Format.grouped(worst.peakBytes)) bytes at most, in "
        + "\(Format.count(worst.peakBuffers, "buffer")) at most."
    ]
  }

  var leakVerdicts: [String] {
    leaked > 0 ? ReplayWords(self).leaks : refused > 0 ? [] : ReplayWords(self).leaks
  }

  var waitingVerdicts: [String] { ReplayWords(self).waiting }

  var advice: [String] {
    var advice: [String] = []
    if let buffer = unreleased.first(where: { $0.wentOnLine != nil }) {
      advice.append(
        "Find out why \(ProcessNames(byPID: names).label(buffer.receiver)) does not free transaction "
          + "\(buffer.transaction): thread \(buffer.receiverThread ?? 0) received it"
          + (buffer.waitingBehind > 0
            ? ", and all that is sent oneway to node \(buffer.node) waits for it." : "."))
    }
    if belief == .unknown || capture.allocBufLines == 0 {
      advice.append("Record again with the \(Advice.capture).")
    }
    return advice
  }

  /// What the capture leaves open.
  mutating func fillUnknown() {
    func add(_ what: String, _ tells: String) {
      unknown.append(Explanation.Unknown(what: what, tells: tells))
    }
    if capture.transactionLines > 0, capture.allocBufLines * 2 < capture.transactionLines {
      add(
        "sizes: what was refused, how full and how fragmented regions were, who spams, what leaks",
        "record with binder_transaction_alloc_buf")
    } else if belief == .unknown {
      add(
        "when buffers were freed: how full and how fragmented regions were, what would be refused "
          + "elsewhere, what leaks",
        "record with binder_transaction_received, better with binder_transaction_buffer_release too"
      )
    } else if belief == .inferred, used > 0 {
      add("which buffers leak", "record with binder_transaction_buffer_release")
    }
    if unclear > 0, capture.allocBufLines > 0 {
      add(
        "whether \(Format.count(unclear, "message")) without sizes was refused",
        "record with binder_return (BR_FAILED_REPLY), or the kernel log of that time")
    }
  }
}
