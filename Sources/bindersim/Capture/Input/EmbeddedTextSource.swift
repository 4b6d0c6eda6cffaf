/// The ftrace text that a systrace page or a JSON file holds, as lines of its own.
///
/// Scripts of pages and JSON hold a trace as one string with `\n` for the ends of its lines; some
/// pages hold it as it is, inside a script element. Of a page everything else stays, so that line
/// numbers are those of the page; of JSON nothing else does.
final class EmbeddedTextSource: ByteSource {
  private static let chunk = 1 << 15

  private enum State: Equatable {
    case outside
    /// Behind a word that announces the trace, before its string.
    case announced
    case string(quote: UInt8)
    /// In a script element that holds the trace itself.
    case element
  }

  private let inner: any ByteSource
  private let keepsOutside: Bool
  private var state = State.outside
  private var announcements: [WordMatch]
  private var tagStart = WordMatch("<script")
  private var elementStart = WordMatch("trace-data")
  private var elementEnd = WordMatch("</script")
  /// In the tag of a script element; whether the trace begins behind it.
  private var isInTag = false
  private var tagHasTrace = false
  /// Behind the colon or equals sign between an announcement and its string.
  private var isAssigned = false
  /// A line of the element has ended with a newline: then `\n` in it is part of what it says.
  private var elementHasNewline = false
  /// Behind a backslash.
  private var isEscaped = false
  /// The digits of `\uXXXX` so far.
  private var unicode: (left: Int, value: UInt32) = (0, 0)
  /// An end of line that was made, not read: one that is read at once behind it is the same.
  private var madeNewline = false
  private var previous: UInt8 = 0x0A
  private var output: [UInt8] = []
  private var at = 0

  /// - Parameter isPage: HTML, else JSON.
  init(_ inner: any ByteSource, isPage: Bool) {
    self.inner = inner
    keepsOutside = isPage
    announcements = Self.announcements
  }

  private static let announcements = [
    WordMatch("linuxPerfData"), WordMatch("systemTraceEvents"), WordMatch("systraceData"),
  ]

  var storedByteCount: Int { inner.storedByteCount }
  var canRewind: Bool { inner.canRewind }
  var damage: String? { inner.damage }

  /// Whether JSON holds a trace; reads on until it knows, and rewinds.
  static func holdsTrace(_ source: any ByteSource) throws(InputError) -> Bool {
    var words = announcements
    var found = false
    while !found {
      let bytes = try source.bytes(atMost: chunk)
      if bytes.isEmpty { break }
      for index in words.indices where !found {
        found = bytes.contains { words[index].ends(with: $0) }
      }
    }
    try source.rewind()
    return found
  }

  func read(into target: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
    guard target.count > 0 else { return 0 }
    while at == output.count {
      let bytes = try inner.bytes(atMost: Self.chunk)
      output.removeAll(keepingCapacity: true)
      at = 0
      for byte in bytes { take(byte) }
      if bytes.isEmpty {
        takeEnd()
        if output.isEmpty { return 0 }
      }
    }
    let count = min(target.count, output.count - at)
    // SAFETY: count is at most what either side has.
    unsafe target.copyBytes(from: output[at..<at + count])
    at += count
    return count
  }

  func rewind() throws(InputError) {
    try inner.rewind()
    state = .outside
    announcements = Self.announcements
    tagStart.reset()
    elementStart.reset()
    elementEnd.reset()
    isInTag = false
    tagHasTrace = false
    isAssigned = false
    elementHasNewline = false
    isEscaped = false
    unicode = (0, 0)
    madeNewline = false
    previous = 0x0A
    output.removeAll()
    at = 0
  }

  private func emit(_ byte: UInt8) {
    if madeNewline {
      madeNewline = false
      // The end of line that was made stands for the one that follows.
      if byte == 0x0A, previous == 0x0A { return }
    }
    output.append(byte)
    previous = byte
  }

  /// Ends the line, unless nothing is in it.
  private func makeNewline() {
    if previous != 0x0A { emit(0x0A) }
    madeNewline = true
  }

  private func take(_ byte: UInt8) {
    switch state {
    case .outside: takeOutside(byte)
    case .announced:
      if keepsOutside { emit(byte) }
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"):
        // The quote that ends a key is followed by a colon.
        if isAssigned {
          makeNewline()
          state = .string(quote: byte)
        }
      case UInt8(ascii: ":"), UInt8(ascii: "="): isAssigned = true
      case 0x20, 0x09, 0x0A, 0x0D: break
      default: state = .outside
      }
    case .string(let quote): takeFromString(byte, quote)
    case .element: takeFromElement(byte)
    }
  }

  private func takeOutside(_ byte: UInt8) {
    if keepsOutside { emit(byte) }
    if isInTag {
      if elementStart.ends(with: byte) { tagHasTrace = true }
      guard byte == UInt8(ascii: ">") else { return }
      isInTag = false
      guard tagHasTrace else { return }
      elementHasNewline = false
      state = .element
      makeNewline()
      return
    }
    // The viewer's own scripts name JSON's key too.
    for index in announcements.indices.prefix(keepsOutside ? 1 : .max)
    where announcements[index].ends(with: byte) {
      announce()
    }
    if keepsOutside, tagStart.ends(with: byte) {
      isInTag = true
      tagHasTrace = false
    }
  }

  private func announce() {
    state = .announced
    isAssigned = false
  }

  private func takeFromString(_ byte: UInt8, _ quote: UInt8) {
    if unicode.left > 0 { return takeHexadecimal(byte) }
    if isEscaped {
      isEscaped = false
      takeEscaped(byte)
    } else if byte == UInt8(ascii: "\\") {
      isEscaped = true
    } else if byte == quote {
      makeNewline()
      state = .outside
      if keepsOutside { emit(byte) }
    } else {
      emit(byte)
    }
  }

  private func takeEscaped(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "n"):
      madeNewline = false
      emit(0x0A)
      madeNewline = true
    case UInt8(ascii: "r"): emit(0x0D)
    case UInt8(ascii: "t"): emit(0x09)
    case UInt8(ascii: "u"): unicode = (4, 0)
    case 0x0A: emit(0x0A)
    case 0x0D: isEscaped = true
    default: emit(byte)
    }
  }

  private func takeHexadecimal(_ byte: UInt8) {
    let digit = UInt32(Character(Unicode.Scalar(byte)).hexDigitValue ?? 0)
    unicode = (unicode.left - 1, unicode.value << 4 | digit)
    if unicode.left == 0 { emit(unicode.value < 0x80 ? UInt8(unicode.value) : 0x3F) }
  }

  private func takeFromElement(_ byte: UInt8) {
    if isEscaped {
      isEscaped = false
      if byte == UInt8(ascii: "n") {
        emit(0x0A)
        madeNewline = true
        return
      }
      emit(UInt8(ascii: "\\"))
    }
    if byte == UInt8(ascii: "\\"), !elementHasNewline {
      isEscaped = true
      return
    }
    if byte == 0x0A { elementHasNewline = previous != 0x0A || elementHasNewline }
    let held = elementEnd.matched
    if elementEnd.ends(with: byte) {
      // The tag begins a line, so that it is seen.
      makeNewline()
      for byte in elementEnd.word { emit(byte) }
      state = .outside
      return
    }
    if elementEnd.matched > held { return }
    for byte in elementEnd.word.prefix(held) { emit(byte) }
    if elementEnd.matched > 0 { return }
    emit(byte)
    for index in announcements.indices where announcements[index].ends(with: byte) {
      // A script element around JSON.
      announce()
    }
  }

  /// What was held back as the beginning of a tag was none.
  private func takeEnd() {
    guard state == .element else { return }
    for byte in elementEnd.word.prefix(elementEnd.matched) { emit(byte) }
    elementEnd.reset()
  }
}

/// Looks for a word byte by byte.
///
/// Exact for words whose first byte does not begin a second attempt inside them.
struct WordMatch {
  let word: [UInt8]
  private(set) var matched = 0

  init(_ word: StaticString) { self.word = Array("\(word)".utf8) }

  mutating func reset() { matched = 0 }

  /// Whether the word ends with this byte.
  mutating func ends(with byte: UInt8) -> Bool {
    if byte != word[matched] { matched = 0 }
    if byte == word[matched] { matched += 1 }
    guard matched == word.count else { return false }
    matched = 0
    return true
  }
}
