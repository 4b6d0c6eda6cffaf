/// One bit for each page of an arena.
///
/// Its memory is that of the pages it was asked about: a large arena that uses few costs little.
@safe struct PageBitmap: ~Copyable {
  let pageCount: Int
  // INVARIANT: wordCount words, bit i of word w stands for page 64 * w + i; bits at and above
  // pageCount are clear.
  private let words: UnsafeMutablePointer<UInt64>
  private let wordCount: Int
  private let memory: LazyMemory

  /// All bits clear.
  /// - Throws: `PageAllocError.system` if the address space or the mappings are used up.
  init(pageCount: Int) throws(PageAllocError) {
    self.pageCount = pageCount
    wordCount = (pageCount + 63) / 64
    memory = try LazyMemory(byteCount: wordCount * 8)
    // SAFETY: zeroed memory of that many words, aligned to a page, which this value owns.
    unsafe words = memory.base.bindMemory(to: UInt64.self, capacity: wordCount)
  }

  subscript(page: Int) -> Bool {
    assert(0 <= page && page < pageCount)
    // SAFETY: the page is inside the bitmap.
    return unsafe words[page / 64] & (1 << UInt64(page % 64)) != 0
  }

  /// Whether the bits of `range` are all set.
  func containsAll(_ range: Range<Int>) -> Bool {
    var missing: UInt64 = 0
    // SAFETY: forEachWord stays inside the bitmap.
    forEachWord(of: range) { index, mask in missing |= unsafe mask & ~words[index] }
    return missing == 0
  }

  mutating func set(_ range: Range<Int>) {
    // Not through `self` in the closure: with the thread sanitizer that crashes Swift 6.3.
    let words = unsafe words
    // SAFETY: forEachWord stays inside the bitmap.
    forEachWord(of: range) { index, mask in unsafe words[index] |= mask }
  }

  mutating func clear(_ range: Range<Int>) {
    let words = unsafe words
    // SAFETY: forEachWord stays inside the bitmap.
    forEachWord(of: range) { index, mask in unsafe words[index] &= ~mask }
  }

  var setCount: Int {
    var count = 0
    // SAFETY: the index is inside the bitmap.
    for index in 0..<wordCount { count += unsafe words[index].nonzeroBitCount }
    return count
  }

  /// Finds the lowest clear block of `1 << order` bits whose start is a multiple of its length,
  /// and sets it.
  /// - Complexity: O(pageCount / 64).
  mutating func take(order: Int) -> Int? {
    let length = 1 << order
    guard length <= pageCount else { return nil }
    let start = length < 64 ? firstBlockInWord(length) : firstBlockOfWords(length / 64)
    // `start` is the lowest: if it ends behind the last page, every other one does.
    guard let start, start + length <= pageCount else { return nil }
    set(start..<start + length)
    return start
  }

  private func firstBlockInWord(_ length: Int) -> Int? {
    for index in 0..<wordCount {
      // Fold, so that a bit stays set if it and the length - 1 above it are clear in the bitmap.
      // SAFETY: the index is inside the bitmap.
      var clear = unsafe ~words[index]
      var folded = 1
      while folded < length {
        clear &= clear >> UInt64(folded)
        folded *= 2
      }
      // One bit at each multiple of the length: all ones divided by the ones of one block.
      clear &= UInt64.max / (UInt64.max >> UInt64(64 - length))
      if clear != 0 { return index * 64 + clear.trailingZeroBitCount }
    }
    return nil
  }

  private func firstBlockOfWords(_ count: Int) -> Int? {
    var index = 0
    while index + count <= wordCount {
      // SAFETY: the block is inside the bitmap.
      if (index..<index + count).allSatisfy({ unsafe words[$0] == 0 }) { return index * 64 }
      index += count
    }
    return nil
  }

  /// Calls `body` with each word that `range` touches and the bits of the range in it.
  private func forEachWord(of range: Range<Int>, _ body: (Int, UInt64) -> Void) {
    assert(0 <= range.lowerBound && range.upperBound <= pageCount)
    var page = range.lowerBound
    while page < range.upperBound {
      let bit = page % 64
      let length = min(64 - bit, range.upperBound - page)
      body(page / 64, (UInt64.max >> UInt64(64 - length)) << UInt64(bit))
      page += length
    }
  }
}
