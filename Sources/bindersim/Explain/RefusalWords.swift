/// A refusal in sentences.
struct RefusalWords {
  let refusal: Refusal
  let label: (Int32) -> String

  /// Parcels below this are small by Android's own measure.
  private static let smallParcel = 200 << 10

  /// `At 32.307962 s the driver refused a call of 280:280 to 271: 131,152 bytes.`
  var title: String {
    let time = refusal.time.map { "at \($0) " } ?? ""
    var text = "\(time)the driver refused "
    if let transaction = refusal.transaction { text += "transaction \(transaction), " }
    text += noun
    if let sender = refusal.sender {
      text += " of \(label(sender))"
      if let thread = refusal.senderThread { text += " (thread \(sender):\(thread))" }
    }
    if let receiver = refusal.receiver {
      text += " to \(label(receiver))"
      if let context = refusal.context, context != "binder" { text += ", \(context)" }
    }
    if let size { text += ": " + size }
    return text.prefix(1).uppercased() + text.dropFirst()
  }

  private var noun: String {
    switch refusal.kind {
    case .call: "a call"
    case .reply: "a reply"
    case .oneway: "a oneway message"
    case nil: "a message"
    }
  }

  private var size: String? {
    if let parcel = refusal.parcelSize { return "a parcel of \(bytes(parcel))" }
    if let requested = refusal.requested { return bytes(requested) }
    return refusal.leastSize.map { "\(bytes($0)) at least" }
  }

  private func bytes(_ count: Int) -> String { "\(Format.grouped(count)) bytes" }
  private func n(_ count: Int) -> String { Format.grouped(count) }

  private var whose: String {
    refusal.receiver.map { "the region of \(label($0))" } ?? "the receiver's region"
  }

  private var assumed: String {
    refusal.isRegionAssumed ? " (the usual length: no file tells it)" : ""
  }

  /// The cause, in the words of whoever asks "full or fragmented?".
  var cause: String {
    let wanted = refusal.wanted.map(bytes) ?? "the message"
    switch refusal.cause {
    case .full:
      return "Full, not fragmented: \(wanted) did not fit into \(n(refusal.free ?? 0)). "
        + figures + (refusal.freeRanges == 1 ? " They are one free range." : ranges)
    case .fragmented:
      return "Fragmented, not full: \(bytes(refusal.free ?? 0)) were free"
        + (refusal.freeRanges.map { " in \(Format.count($0, "range"))" } ?? "")
        + ", enough for \(wanted), but the largest free range had "
        + "\(n(refusal.largestFree ?? 0)). " + figures
    case .onewayExhausted:
      return "Oneway space was exhausted: oneway messages may take half of a region, and of that "
        + (refusal.freeOneway.map { "\(bytes($0)) were left" } ?? "too little was left")
        + " for \(wanted)\(header), however much else was free." + missingHeader
    case .neverFits:
      return (refusal.wanted ?? 0) > Refusal.longestRegion
        ? "Can never fit: \(wanted), and no driver uses more than \(n(Refusal.longestRegion)) of a "
          + "region."
        : "Can never fit: \(wanted), and \(whose) has \(bytes(refusal.regionLength ?? 0)) in all"
          + assumed + "."
    case .neverFitsOneway:
      return "Can never fit: oneway messages may take half of a region, "
        + "\(bytes((refusal.regionLength ?? 0) / 2)) here\(assumed); this one takes \(wanted)\(header)."
    case .noSpace:
      return notItsSize
        + "There was no room for \(wanted) (ENOSPC): \(whose) was full, or in pieces"
        + (refusal.driver == .c && refusal.requested != nil
          ? "" : ", or its oneway space was used up")
        + "; these files do not tell which."
        + (refusal.parcelSize == nil
          ? "" : " Of a process that is gone the driver would say BR_DEAD_REPLY (29189).")
    case .noSpaceOrGone:
      return notItsSize + "The receiver's buffer was full, or its process was gone."
    case .noFrame: return "There was room, but the kernel could not get a page frame for it."
    case .gone:
      return "The receiver has no region (any more): its process was ending, or never mapped one."
    case .unknown:
      if let free = refusal.free, let region = refusal.regionLength {
        return
          "How large it was is unknown: a refused message leaves no sizes. \(capitalized(whose)) "
          + "then had \(n(free)) of \(bytes(region)) free\(assumed)."
      }
      return "How large it was, and why it was refused, is unknown."
    }
  }

  /// What the driver wants beside the message's own bytes.
  private var header: String {
    let header = refusal.onewayHeader ?? 0
    return header > 0 ? " and \(n(header)) that this kernel wants beside them" : ""
  }

  /// Where the message alone would have fitted.
  private var missingHeader: String {
    guard let free = refusal.freeOneway, let wanted = refusal.wanted,
      wanted <= free - (refusal.onewayHeader ?? 0)
    else { return "" }
    return
      " It would have fitted a kernel with the fix of January 2024; earlier ones want 96 or 104 "
      + "bytes more for each oneway message: --kernel chooses."
  }

  private var notItsSize: String {
    guard let parcel = refusal.parcelSize, parcel < Self.smallParcel else { return "" }
    return "A parcel of \(bytes(parcel)) is not refused for its size. "
  }

  private var figures: String {
    guard let region = refusal.regionLength, let allocated = refusal.allocated,
      let free = refusal.free
    else { return "" }
    var text = "\(capitalized(whose)) has \(bytes(region))\(assumed): \(n(allocated)) were taken"
    if let buffers = refusal.buffers {
      text += " by \(Format.count(buffers, "buffer"))"
      if let largest = refusal.largestBuffer { text += " (the largest \(n(largest)))" }
    }
    return text + ", \(n(free)) were free."
  }

  private var ranges: String {
    refusal.freeRanges.map { " They are \(n($0)) ranges, too few bytes even together." } ?? ""
  }

  private func capitalized(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst()
  }

  /// Whether a region of 2 MiB would have held it.
  var longerRegion: String {
    let longer = 2 << 20
    guard let wanted = refusal.wanted, refusal.cause != .gone, refusal.cause != .noFrame else {
      return refusal.cause == .gone || refusal.cause == .noFrame
        ? "No: the length of the region was not the cause."
        : "Unknown, like the size."
    }
    if let region = refusal.regionLength, !refusal.isRegionAssumed, region >= longer {
      return "It had \(bytes(region)) already; 4,194,304 is the most that a driver uses."
    }
    switch refusal.cause {
    case .neverFits:
      return wanted <= longer
        ? "Yes, alone in it: but the receiver chooses its region's length, and Android's libraries "
          + "always take \(n(Refusal.usualRegion)) bytes. Better send less at once."
        : "No: it has \(bytes(wanted))."
    case .neverFitsOneway:
      return wanted <= longer / 2 - (refusal.onewayHeader ?? 0)
        ? "Yes, with an empty oneway half of 1,048,576 bytes." : "No."
    case .onewayExhausted:
      guard let region = refusal.regionLength, let free = refusal.freeOneway else {
        return "For a while: it doubles the oneway space."
      }
      let taken = max(0, region / 2 - free)
      return taken + wanted + (refusal.onewayHeader ?? 0) <= longer / 2
        ? "At that moment: \(n(taken)) of 1,048,576 bytes of oneway space would have been taken. It "
          + "fills too if the receiver stays slower than its senders."
        : "No."
    case .full, .fragmented:
      guard let allocated = refusal.allocated else { return "Unknown: what was taken is not told." }
      return allocated + wanted <= longer
        ? "At that moment yes: \(n(allocated)) taken and \(n(wanted)) more fit into 2,097,152."
        : "No: \(n(allocated)) were taken, and \(n(wanted)) more do not fit into 2,097,152."
    case .noSpace, .noSpaceOrGone:
      return "Unknown: the files do not tell what the region held."
    case .gone, .noFrame, .unknown:
      return "Unknown."
    }
  }

  /// `280 with 918,080 bytes in 9 buffers`
  var holders: String? {
    guard !refusal.holders.isEmpty else { return nil }
    return refusal.holders.map {
      "\(label($0.pid)) with \(bytes($0.bytes)) in \(Format.count($0.buffers, "live buffer"))"
    }.joined(separator: ", ")
  }
}
