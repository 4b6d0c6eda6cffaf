/// The answers to what people ask, from all that the files told.
struct ExplainWords {
  private let what: Explanation
  private let groups: [RefusalGroup]

  init(_ explanation: Explanation) {
    what = explanation
    groups = RefusalGroup.groups(explanation.refusals)
  }

  var refusals: [Refusal] { what.refusals }
  var regions: [ExplainedRegion] { what.regions }
  var captures: [ReplayReport] { what.captures }
  func label(_ pid: Int32) -> String { what.label(pid) }

  func hasDump(_ pid: Int32?) -> Bool {
    what.regions.contains { $0.process.pid == pid && $0.process.listsBuffers }
  }

  private func words(_ refusal: Refusal) -> RefusalWords {
    RefusalWords(refusal: refusal, label: what.label)
  }

  private func words(_ region: ExplainedRegion) -> RegionWords {
    RegionWords(region: region, label: what.label)
  }

  private func n(_ count: Int) -> String { Format.grouped(count) }

  var answers: [Explanation.Answer] {
    var answers: [Explanation.Answer] = []
    func add(_ question: String, _ sentences: [String]) {
      guard !sentences.isEmpty else { return }
      answers.append(.init(question: question, answer: sentences.joined(separator: "\n")))
    }
    add("What was refused?", refused)
    add("Full, fragmented, or too large?", each { $0.cause })
    add("Who holds the region?", holders)
    add("Leak or load?", leakOrLoad)
    add("Would 2 MiB help?", each { $0.longerRegion })
    add("Who waits for whom?", waiting)
    add("Who spams oneway?", spam)
    add("What else failed?", otherFailures)
    return answers
  }

  // MARK: Refusals

  private var refused: [String] {
    var sentences = groups.map { group in
      var text = words(group.first).title + "."
      if group.count > 1 {
        text += " \(Format.count(group.count - 1, "more refusal")) like it"
        text += group.last.time.map { ", the last at \($0)." } ?? "."
      }
      for doubt in group.first.doubts { text += " But " + doubt + "." }
      return text + " [" + group.first.sources.joined(separator: ", ") + "]"
    }
    if what.moreRefusals > 0 {
      sentences.append("\(Format.count(what.moreRefusals, "more refusal")) are not listed.")
    }
    if what.suppressedLines > 0 {
      sentences.append(
        "The kernel left out \(Format.count(what.suppressedLines, "line")) (\"callbacks "
          + "suppressed\"): there may have been more refusals than the log shows.")
    }
    guard sentences.isEmpty else { return sentences }
    let captures = what.captures.compactMap(\.refusalVerdict)
    if !captures.isEmpty { return captures }
    return what.regions.isEmpty
      ? [] : ["These files do not tell: a dump shows one moment, not what was refused before it."]
  }

  /// One sentence for each group; where all say the same it is said once.
  private func each(_ sentence: (RefusalWords) -> String) -> [String] {
    var sentences: [String] = []
    for group in groups {
      let text = sentence(words(group.first))
      let prefix = groups.count > 1 ? "\(group.name(what.label)): " : ""
      if !text.isEmpty { sentences.append(prefix + text) }
    }
    return sentences
  }

  private var holders: [String] {
    var sentences: [String] = []
    for group in groups {
      guard let holders = words(group.first).holders else { continue }
      let receiver = group.first.receiver.map { "the region of \(what.label($0))" } ?? "the region"
      sentences.append("When it was refused, \(receiver) was held by buffers of \(holders).")
    }
    for region in what.regions {
      let words = words(region)
      sentences += [words.fill, words.pressure, words.holding, words.threads].compactMap(\.self)
    }
    for capture in what.captures where groups.isEmpty { sentences += capture.holderVerdicts }
    guard sentences.isEmpty, groups.contains(where: \.isAboutSpace) else { return sentences }
    return ["Unknown: a log does not say who sent the live buffers."]
  }

  private var leakOrLoad: [String] {
    var sentences: [String] = []
    for group in groups where group.isAboutSpace {
      let prefix = groups.count > 1 ? "\(group.name(what.label)): " : ""
      if let verdict = leakOrLoad(group) { sentences.append(prefix + verdict) }
    }
    for region in what.regions {
      if let also = region.alsoInEarlierDump, also > 0 {
        sentences.append(
          "\(Format.count(also, "buffer")) of \(words(region).name) stayed from the earlier dump: what "
            + "stays from dump to dump is leaked, or waits behind something that is stuck.")
      }
      if let oldest = words(region).waiting.first, let age = oldest.milliseconds, age >= 1000 {
        sentences.append(
          "Something is stuck, rather than leaked, in \(words(region).name): transaction "
            + "\(oldest.id) has waited for \(n(age)) ms.")
      }
    }
    for capture in what.captures { sentences += capture.leakVerdicts }
    guard sentences.isEmpty, groups.contains(where: \.isAboutSpace) || !what.regions.isEmpty else {
      return sentences
    }
    return ["Unknown: one moment does not tell a leak from a load."]
  }

  private func leakOrLoad(_ group: RefusalGroup) -> String? {
    let first = group.first
    if first.cause == .neverFits || first.cause == .neverFitsOneway {
      return "Neither: it would not fit into an empty region."
    }
    if let freed = first.freedBefore, let held = first.allocated, held > 0 {
      if freed == 0 {
        return "A leak: nothing was ever freed in that region before it was refused."
      }
      if let never = first.neverFreedBytes {
        return never * 2 >= held
          ? "A leak: \(n(never)) of the \(n(held)) bytes held then were not freed before the capture "
            + "ended, although their receiver had gone on."
          : "Load: buffers of that region were freed before (\(n(freed))) and after; the receiver "
            + "frees more slowly than it is sent to."
      }
    }
    let levels = group.all.compactMap(\.allocated)
    if levels.count >= 3, let seconds = group.seconds, seconds >= 1 {
      let text = "over \(Format.decimal(seconds, digits: 1)) s and \(n(levels.count)) refusals"
      return zip(levels, levels.dropFirst()).allSatisfy({ $0 <= $1 })
        ? "More like a leak: what was allocated never fell \(text)."
        : "More like load: what was allocated went up and down \(text)."
    }
    return nil
  }

  // MARK: Other questions

  private var waiting: [String] {
    let most = 12
    var sentences: [String] = []
    for region in what.regions {
      let words = words(region)
      for transaction in words.waiting.prefix(most) {
        sentences.append(words.sentence(transaction))
      }
      if words.waiting.count > most {
        sentences.append("\(n(words.waiting.count - most)) more wait in \(words.name).")
      }
    }
    sentences += what.starvedPools.prefix(most).map { pool in
      let process =
        pool.process.map { "All \(n(pool.threads)) Binder threads of \(what.label($0))" }
        ?? "All \(n(pool.threads)) Binder threads of a process"
      return "\(process) were busy for \(n(pool.milliseconds)) ms. [\(pool.source)]"
    }
    for capture in what.captures { sentences += capture.waitingVerdicts }
    return sentences
  }

  private var spam: [String] {
    what.spam.map { report in
      "\(what.label(report.sender)) into \(what.label(report.receiver)): reported "
        + "\(Format.count(report.count, "time")), up to \(Format.count(report.mostBuffers, "buffer")) of "
        + "\(n(report.mostBytes)) bytes. [\(report.source)]"
    }
      + what.clients.filter(\.saysTooManyOneway).map { client in
        "\(client.process.map(what.label) ?? "A process") was told that it sends too many oneway "
          + "calls. [\(client.sources.joined(separator: ", "))]"
      }
  }

  private var otherFailures: [String] {
    what.otherFailures.prefix(12).map { failure in
      let to = failure.receiver.map { " to \(what.label($0))" } ?? ""
      let time = failure.time.map { "At \($0) a" } ?? "A"
      return
        "\(time) message of \(what.label(failure.sender)):\(failure.senderThread)\(to) failed, not "
        + "for want of space: \(Self.meaning(failure)). [\(failure.source)]"
    }
      + what.clients.filter { ($0.error ?? -28) != -28 }.prefix(12).map { client in
        "A call of \(client.process.map(what.label) ?? "a process") failed, not for want of space: "
          + "error \(client.error ?? 0). [\(client.sources.joined(separator: ", "))]"
      }
  }

  private static func meaning(_ failure: OtherFailure) -> String {
    switch failure.error {
    case -3: "the receiver is dead or dying (ESRCH)"
    case -22: "the message itself was wrong, such as an unknown handle or a bad object (EINVAL)"
    case -12: "the kernel had no memory (ENOMEM)"
    case -14: "a bad address (EFAULT)"
    case -1: "not allowed (EPERM)"
    case let error?: "error \(error)"
    case nil: failure.returned == 29189 ? "the receiver is dead" : "no error number is told"
    }
  }
}

/// Refusals that are alike: from whom, to whom, why.
struct RefusalGroup {
  private(set) var all: [Refusal]

  var first: Refusal { all[0] }
  var last: Refusal { all[all.count - 1] }
  var count: Int { all.count }

  var isAboutSpace: Bool {
    switch first.cause {
    case .gone, .noFrame: false
    default: true
    }
  }

  /// From the first to the last.
  var seconds: Double? {
    guard let start = first.seconds, let end = last.seconds, end >= start else { return nil }
    return end - start
  }

  func name(_ label: (Int32) -> String) -> String {
    let to = first.receiver.map { "to \(label($0))" }
    let from = first.sender.map { "from \(label($0))" }
    let parts = [from, to].compactMap(\.self)
    if !parts.isEmpty { return parts.joined(separator: " ") }
    return first.time ?? first.sources.first ?? "one"
  }

  static func groups(_ refusals: [Refusal]) -> [RefusalGroup] {
    var groups: [RefusalGroup] = []
    var places: [[String?]: Int] = [:]
    for refusal in refusals {
      let key = [
        refusal.receiver?.description, refusal.sender?.description, refusal.cause.rawValue,
        refusal.kind?.rawValue, refusal.context,
      ]
      if let place = places[key] {
        groups[place].all.append(refusal)
      } else {
        places[key] = groups.count
        groups.append(RefusalGroup(all: [refusal]))
      }
    }
    return groups
  }
}
