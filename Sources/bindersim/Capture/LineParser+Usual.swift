/// The quick way through a line that is laid out as kernels usually do it.
extension LineParser {
  /// Where the parts of a line are; nil for one that has to be looked at in detail.
  ///
  /// What this finds, the detailed look would find as well: three digits of CPU, flags or none, a
  /// time with six digits of fraction, single blanks behind them.
  static func usualPrefix(_ line: Span<UInt8>, _ range: Range<Int>) -> Prefix? {
    let end = range.upperBound
    guard let bracket = index(of: UInt8(ascii: "["), line, from: range.lowerBound),
      bracket + 6 < end, line[bracket + 4] == UInt8(ascii: "]"), line[bracket + 5] == 0x20,
      isDigit(line[bracket + 1]), isDigit(line[bracket + 2]), isDigit(line[bracket + 3]),
      let colon = index(of: UInt8(ascii: ":"), line, from: bracket + 6), colon + 2 < end,
      line[colon + 1] == 0x20, line[colon + 2] != 0x20,
      let nanoseconds = usualTime(line, after: bracket + 5, colon: colon),
      let nameEnd = index(of: UInt8(ascii: ":"), line, from: colon + 2), nameEnd < end,
      // Else the event's name may have its group before it.
      nameEnd + 1 == end || isBlank(line[nameEnd + 1])
    else { return nil }
    let name = colon + 2..<nameEnd
    var at = name.lowerBound
    if hasWord(line, at, nameEnd, "binder_transaction") { at += 18 }
    while at < nameEnd {
      guard isNameByte(line[at]) else { return nil }
      at += 1
    }
    guard nameEnd > name.lowerBound else { return nil }

    at = bracket
    skipBlanksBackward(line, &at, range.lowerBound)
    var process = ProcessColumn.absent
    if at > range.lowerBound, line[at - 1] == UInt8(ascii: ")") {
      at -= 1
      guard let group = usualNumber(line, &at, range.lowerBound) else { return nil }
      process = .known(Int32(truncatingIfNeeded: group))
      skipBlanksBackward(line, &at, range.lowerBound)
      guard at > range.lowerBound, line[at - 1] == UInt8(ascii: "(") else { return nil }
      at -= 1
      skipBlanksBackward(line, &at, range.lowerBound)
    }
    guard let thread = usualNumber(line, &at, range.lowerBound), at > range.lowerBound,
      line[at - 1] == UInt8(ascii: "-")
    else { return nil }
    return Prefix(
      task: range.lowerBound..<at - 1, thread: Int32(truncatingIfNeeded: thread), process: process,
      nanoseconds: nanoseconds, event: name, fields: nameEnd + 1..<end)
  }

  /// `SECONDS.MICROS` before the colon; before it one blank and flags without a blank, or nothing.
  @inline(__always) private static func usualTime(
    _ line: Span<UInt8>, after blank: Int, colon: Int
  ) -> UInt64? {
    guard colon - blank >= 9, line[colon - 7] == UInt8(ascii: ".") else { return nil }
    // SAFETY: a checked load; any bits are an integer.
    let loaded = unsafe line.bytes.unsafeLoadUnaligned(fromByteOffset: colon - 8, as: UInt64.self)
    guard let micros = sixDigits(UInt64(littleEndian: loaded) >> 16) else { return nil }
    var at = colon - 7
    guard let seconds = usualNumber(line, &at, blank + 1) else { return nil }
    if at == blank + 1 { return (seconds * 1_000_000 + micros) * 1000 }
    at -= 1
    guard line[at] == 0x20, at > blank + 1 else { return nil }
    for flag in blank + 1..<at where isBlank(line[flag]) { return nil }
    return (seconds * 1_000_000 + micros) * 1000
  }

  /// The value of the six digits in the lower bytes, the first digit lowest; nil if one is none.
  @inline(__always) private static func sixDigits(_ bytes: UInt64) -> UInt64? {
    let digits = bytes ^ 0x3030_3030_3030
    guard (digits | (digits &+ 0x0606_0606_0606)) & 0xF0F0_F0F0_F0F0 == 0 else { return nil }
    // Neighbours are joined: tens and ones of three pairs, then the pairs.
    let pairs = (digits &* 10 &+ digits >> 8) & 0x00FF_00FF_00FF
    return (pairs & 0xFF) &* 10_000 &+ (pairs >> 16 & 0xFF) &* 100 &+ pairs >> 32
  }

  /// The one to nine digits that end at `at`, which then is where they begin.
  @inline(__always) private static func usualNumber(
    _ line: Span<UInt8>, _ at: inout Int, _ start: Int
  ) -> UInt64? {
    let end = at
    var value: UInt64 = 0
    var scale: UInt64 = 1
    while at > start, isDigit(line[at - 1]) {
      value &+= scale &* UInt64(line[at - 1] &- 0x30)
      scale &*= 10
      at -= 1
    }
    return at < end && end - at <= 9 ? value : nil
  }
}
