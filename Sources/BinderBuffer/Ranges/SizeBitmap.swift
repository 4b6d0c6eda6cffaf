/// One bit for each size below 8 KiB: whether a free range of exactly that size exists.
///
/// Neighbouring bits are found by looking at 64 sizes at a time, farther ones through a summary.
/// One more bit, `sizeCount`, may stand for all longer ranges.
///
/// INVARIANT: a word that is not 0 has its bit in the summary. A word of 0 may have one too: it is
/// cleared by the first search that is misled.
struct SizeBitmap {
  /// Sizes in units that have a bit: those below this.
  static let sizeCount: UInt32 = 1024
  private static let bitWords = sizeCount / 64
  /// Behind the bits and the word of the last one.
  private static let summary = bitWords + 1
  static let wordCount = Int(summary) + 1

  var words = Table<UInt64>()

  @inline(__always)
  func insert(_ size: UInt32) {
    words[size >> 6] |= 1 &<< UInt64(size & 63)
    words[Self.summary] |= 1 &<< UInt64(size >> 6)
  }

  /// Clears the bit if `condition`, without a branch.
  @inline(__always)
  func remove(_ size: UInt32, if condition: Bool) {
    words[size >> 6] &= ~((condition ? 1 : 0) &<< UInt64(size & 63))
  }

  @inline(__always)
  func contains(_ size: UInt32) -> Bool { words[size >> 6] >> UInt64(size & 63) & 1 == 1 }

  /// The smallest size from `size` on among the next 64, or 0.
  @inline(__always)
  func near(_ size: UInt32) -> UInt32 {
    // The 64 bits from `size` on, over the edge of two words.
    let word = size >> 6
    let shift = UInt64(size & 63)
    let near = words[word] &>> shift | (words[word &+ 1] &<< 1) &<< (shift ^ 63)
    return near == 0 ? 0 : size &+ UInt32(truncatingIfNeeded: near.trailingZeroBitCount)
  }

  /// The smallest size from `size` on, or 0.
  @inline(__always)
  func smallest(from size: UInt32) -> UInt32 {
    let near = near(size)
    return near != 0 ? near : smallestFurther(~1 &<< UInt64(size >> 6))
  }

  /// The smallest size in the words of a mask, or 0.
  @inline(__always)
  private func smallestFurther(_ mask: UInt64) -> UInt32 {
    var candidates = words[Self.summary] & mask
    while candidates != 0 {
      let word = UInt32(truncatingIfNeeded: candidates.trailingZeroBitCount)
      if words[word] != 0 {
        return word << 6 | UInt32(truncatingIfNeeded: words[word].trailingZeroBitCount)
      }
      candidates &= candidates &- 1
      words[Self.summary] &= ~(1 &<< UInt64(word))
    }
    return 0
  }

  /// The largest size up to `size`, or 0.
  @inline(__always)
  func largest(upTo size: UInt32) -> UInt32 {
    let word = size >> 6
    let near = words[word] & (~0 &>> UInt64(63 &- (size & 63)))
    if near != 0 {
      return word << 6 | 63 &- UInt32(truncatingIfNeeded: near.leadingZeroBitCount)
    }
    return largestFurther(~(~0 &<< UInt64(word)))
  }

  /// The largest size in the words of a mask, or 0.
  @inline(__always)
  private func largestFurther(_ mask: UInt64) -> UInt32 {
    var candidates = words[Self.summary] & mask
    while candidates != 0 {
      let word = 63 &- UInt32(truncatingIfNeeded: candidates.leadingZeroBitCount)
      if words[word] != 0 {
        return word << 6 | 63 &- UInt32(truncatingIfNeeded: words[word].leadingZeroBitCount)
      }
      candidates &= ~(1 &<< UInt64(word))
      words[Self.summary] &= ~(1 &<< UInt64(word))
    }
    return 0
  }

  var largest: UInt32 { largest(upTo: Self.sizeCount - 1) }

  /// Whether the summary knows of every word that is not 0.
  var isConsistent: Bool {
    (0...Self.bitWords).allSatisfy {
      words[$0] == 0 || words[Self.summary] >> UInt64($0) & 1 == 1
    } && words[Self.bitWords] >> 1 == 0
  }
}
