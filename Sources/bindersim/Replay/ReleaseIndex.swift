/// The transactions whose `buffer_release` a capture records: one bit for each id, in pages.
///
/// Ids count upwards, so the bits lie close together: a few kilobytes for a million transactions.
struct ReleaseIndex {
  private static let bitsPerPage: UInt32 = 4096
  /// 32 MiB, for captures whose ids are scattered as none should be.
  private static let mostPages = 1 << 16

  private var pageOf: [UInt32: Int] = [:]
  private var words: [UInt64] = []
  private(set) var count = 0
  /// Ids that did not fit; their buffers are freed by inference.
  private(set) var leftOut = 0

  mutating func insert(_ id: UInt32) {
    let (page, bit) = id.quotientAndRemainder(dividingBy: Self.bitsPerPage)
    let wordsPerPage = Int(Self.bitsPerPage / 64)
    let start: Int
    if let known = pageOf[page] {
      start = known
    } else {
      guard pageOf.count < Self.mostPages else {
        leftOut += 1
        return
      }
      start = words.count
      pageOf[page] = start
      words.append(contentsOf: repeatElement(0, count: wordsPerPage))
    }
    let mask = UInt64(1) << UInt64(bit % 64)
    let word = start + Int(bit / 64)
    if words[word] & mask == 0 {
      words[word] |= mask
      count += 1
    }
  }

  func contains(_ id: UInt32) -> Bool {
    guard count > 0 else { return false }
    let (page, bit) = id.quotientAndRemainder(dividingBy: Self.bitsPerPage)
    guard let start = pageOf[page] else { return false }
    return words[start + Int(bit / 64)] >> UInt64(bit % 64) & 1 != 0
  }
}
