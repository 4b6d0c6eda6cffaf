internal import BinderBuffer

/// Why messages were refused, in words.
enum FailureText {
  /// One line that names the failure.
  static func title(_ group: FailureGroup, _ names: ProcessNames) -> String {
    let times = group.count == 1 ? "once" : "\(Format.grouped(group.count)) times"
    return "Process \(names.label(group.receiver)): \(group.kind), \(times), first at "
      + Format.time(nanoseconds: group.firstTime)
  }

  /// What was requested, what was free, and so why it did not fit.
  static func explanation(_ group: FailureGroup, _ names: ProcessNames) -> [String] {
    [asked(group, names), verdict(group), holders(group, names)].compactMap(\.self)
  }

  private static func asked(_ group: FailureGroup, _ names: ProcessNames) -> String {
    let first = group.first
    let origin =
      first.origin.map {
        " (transaction \($0.transaction), line \($0.line), \(ReplayTime.text($0.nanoseconds)))"
      } ?? ""
    var text =
      "The first was a \(noun(first.kind))\(origin) of \(names.label(first.sender)) with "
      + "\(Format.grouped(first.dataSize)) bytes of data, \(Format.grouped(first.offsetsSize)) of "
      + "offsets and \(Format.grouped(first.extraSize)) extra: "
      + "\(Format.grouped(first.wantedSize)) bytes of the region."
    if group.count > 1 {
      text +=
        group.smallest == group.largest
        ? " All \(Format.grouped(group.count)) asked for as much"
        : " All \(Format.grouped(group.count)) asked for \(Format.grouped(group.smallest)) to "
          + "\(Format.grouped(group.largest)) bytes"
      text += "; the last came at \(Format.time(nanoseconds: group.lastTime))."
    }
    return text
  }

  private static func noun(_ kind: MessageKind) -> String {
    kind == .oneway ? "oneway message" : kind.name
  }

  /// The cause in one or two sentences.
  static func verdict(_ group: FailureGroup) -> String? {
    guard let usage = group.usage else { return group.message }
    let wanted = group.first.wantedSize
    return switch group.kind {
    case .noSpace where wanted > usage.freeBytes + usage.bytesInUse:
      "It can never fit: the whole region has \(Format.grouped(usage.freeBytes + usage.bytesInUse))"
        + " bytes. Send less at once, or map a longer region."
    case .noSpace where wanted <= usage.freeBytes:
      "Fragmentation: \(Format.grouped(usage.freeBytes)) bytes were free, but the largest free "
        + "range had \(Format.grouped(usage.largestFreeRange)); "
        + "\(Format.grouped(usage.bufferCount)) live buffers lie between the pieces."
    case .noSpace:
      "The region was full: \(Format.grouped(usage.bytesInUse)) bytes in "
        + "\(Format.grouped(usage.bufferCount)) live buffers, "
        + "\(Format.grouped(usage.freeBytes)) bytes free. The receiver frees too late, or not at "
        + "all; a longer region would only put it off if buffers leak."
    case .noOnewaySpace where wanted > (usage.freeBytes + usage.bytesInUse) / 2:
      "It can never fit: oneway messages may take half of the region, "
        + "\(Format.grouped((usage.freeBytes + usage.bytesInUse) / 2)) bytes. Send less at once, or "
        + "map a longer region."
    case .noOnewaySpace:
      "Oneway messages may take half of the region, and of that "
        + "\(Format.grouped(usage.freeOnewaySpace)) bytes were left, however much else was free ("
        + "\(Format.grouped(usage.freeBytes)) bytes). The senders are faster than the receiver "
        + "frees."
    case .noMemory:
      "There was room, but no page frame: the budget was used up and no idle page was left to "
        + "take back; this region had \(Format.grouped(usage.pages.inUse)) pages in use."
    case .badSource, .invalidArgument, .dead, .failedReply, .busy: group.message
    }
  }

  private static func holders(_ group: FailureGroup, _ names: ProcessNames) -> String? {
    guard !group.holders.isEmpty, group.kind == .noSpace || group.kind == .noOnewaySpace else {
      return nil
    }
    return "The region was held by " + words(group.holders, names) + "."
  }

  /// `1003 with 812.5 KiB in 40 buffers, 1001 with …`
  static func words(_ holders: [Holder], _ names: ProcessNames) -> String {
    holders.map { holder in
      "\(names.label(holder.sender)) with \(Format.bytes(holder.bytes)) in "
        + Format.count(holder.buffers, "buffer")
    }.joined(separator: ", ")
  }

  static func html(_ groups: [FailureGroup], _ names: ProcessNames) -> String {
    guard !groups.isEmpty else { return HTML.paragraph("No message was refused.") }
    return groups.map { group in
      "<article class=\"failure\"><h3>\(HTML.escaped(title(group, names)))</h3>\n"
        + explanation(group, names).map(HTML.paragraph).joined()
        + (!group.log.isEmpty
          ? "<pre>\(HTML.escaped(group.log))</pre>\n" : "") + "</article>\n"
    }.joined()
  }
}
