/// A set of page indexes of one region: a fixed bitmap, changed a word at a time.
///
/// Four MiB are 1,024 pages, so a set is at most sixteen words and every operation is a handful of
/// masked word operations. Not thread-safe: it lives under its owner's lock.
@safe struct PageSet: ~Copyable {
  private let words: UnsafeMutablePointer<UInt64>
  private let wordCount: Int
  /// Who owns the words, when others read them too.
  private let map: FrameMap?

  init(pageCount: Int) {
    wordCount = (pageCount + 63) >> 6
    unsafe words = .allocate(capacity: wordCount)
    unsafe words.initialize(repeating: 0, count: wordCount)
    map = nil
  }

  /// The pages of a map that others read.
  init(of map: FrameMap) {
    wordCount = (map.pageCount + 63) >> 6
    unsafe words = map.words
    self.map = map
  }

  /// A set of the same pages, as far as they are among `pages`.
  init(copying other: borrowing PageSet, _ pages: Range<Int>) {
    self.init(pageCount: other.wordCount << 6)
    Self.forEachWord(of: pages) { insert($1 & other.word($0), inWord: $0) }
  }

  deinit {
    // SAFETY: the map frees its own; others were allocated in `init` and never handed out.
    if map == nil { unsafe words.deallocate() }
  }

  subscript(page: Int) -> Bool {
    word(page >> 6) & (1 << UInt64(page & 63)) != 0
  }

  @inline(__always)
  func word(_ index: Int) -> UInt64 {
    assert(index >= 0 && index < wordCount)
    // SAFETY: callers pass indexes of words that hold pages of the region (asserted above).
    return unsafe words[index]
  }

  @inline(__always)
  mutating func insert(_ mask: UInt64, inWord index: Int) {
    assert(index >= 0 && index < wordCount)
    // SAFETY: as in `word(_:)`.
    unsafe words[index] |= mask
  }

  @inline(__always)
  mutating func remove(_ mask: UInt64, inWord index: Int) {
    assert(index >= 0 && index < wordCount)
    // SAFETY: as in `word(_:)`.
    unsafe words[index] &= ~mask
  }

  mutating func insert(_ pages: Range<Int>) {
    Self.forEachWord(of: pages) { insert($1, inWord: $0) }
  }

  /// Removes pages; whether all of them were members.
  @inline(__always)
  mutating func remove(_ pages: Range<Int>) -> Bool {
    var missing: UInt64 = 0
    Self.forEachWord(of: pages) {
      missing |= $1 & ~word($0)
      remove($1, inWord: $0)
    }
    return missing == 0
  }

  /// The highest member up to and including `page`; there must be one.
  @inline(__always)
  func last(through page: Int) -> Int {
    var index = page >> 6
    var bits = word(index) & (~0 >> UInt64(63 - page & 63))
    while bits == 0 {
      index -= 1
      bits = word(index)
    }
    return index << 6 + 63 - bits.leadingZeroBitCount
  }

  /// The bits of pages that all lie in one word.
  @inline(__always)
  static func mask(ofOneWord pages: Range<Int>) -> UInt64 {
    assert(pages.lowerBound >> 6 == (pages.upperBound - 1) >> 6)
    return bits(from: pages.lowerBound) & bits(through: pages.upperBound &- 1)
  }

  /// The bits of a page and of those above it in its word.
  @inline(__always)
  private static func bits(from page: Int) -> UInt64 { ~0 &<< UInt64(truncatingIfNeeded: page) }

  /// The bits of a page and of those below it in its word.
  @inline(__always)
  private static func bits(through page: Int) -> UInt64 { ~0 &>> UInt64(truncatingIfNeeded: ~page) }

  /// Calls `body` with each word that `pages` touches and the mask of its bits there.
  @inline(__always)
  static func forEachWord(of pages: Range<Int>, _ body: (Int, UInt64) -> Void) {
    guard !pages.isEmpty else { return }
    let (first, last) = (pages.lowerBound >> 6, (pages.upperBound &- 1) >> 6)
    // Most messages touch pages of one word.
    guard first < last else { return body(first, mask(ofOneWord: pages)) }
    body(first, bits(from: pages.lowerBound))
    var index = first &+ 1
    while index < last {
      body(index, ~0)
      index &+= 1
    }
    body(last, bits(through: pages.upperBound &- 1))
  }

  /// The maximal runs of consecutive members within `bounds`, low to high.
  func forEachRun(
    in bounds: Range<Int>, present: Bool = true, _ body: (Range<Int>) -> Void
  ) {
    var start: Int?
    for page in bounds {
      if self[page] == present {
        if start == nil { start = page }
      } else if let from = start {
        body(from..<page)
        start = nil
      }
    }
    if let from = start { body(from..<bounds.upperBound) }
  }
}
