/// One bit for each size below 8 KiB: whether a free range of exactly that size exists.
///
/// Neighbouring bits are found by looking at 64 sizes at a time.
struct SizeBitmap {
  /// Sizes in units that have a bit: those below this.
  static let sizeCount: UInt32 = 1024
  private static let bitWords = sizeCount / 64
  /// The bits, and a word of 0 behind them.
  static let wordCount = Int(bitWords) + 1

  var words = Table<UInt64>()

  @inline(__always)
  func insert(_ size: UInt32) { words[size >> 6] |= 1 &<< UInt64(size & 63) }

  /// Clears the bit if `condition`, without a branch.
  @inline(__always)
  func remove(_ size: UInt32, if condition: Bool) {
    words[size >> 6] &= ~((condition ? 1 : 0) &<< UInt64(size & 63))
  }

  func contains(_ size: UInt32) -> Bool { words[size >> 6] >> UInt64(size & 63) & 1 == 1 }

  /// The smallest size from `size` on, or 0.
  @inline(__always)
  func smallest(from size: UInt32) -> UInt32 {
    // The 64 bits from `size` on, over the edge of two words.
    let word = size >> 6
    let shift = UInt64(size & 63)
    let near = words[word] &>> shift | (words[word &+ 1] &<< 1) &<< (shift ^ 63)
    if near != 0 { return size &+ UInt32(truncatingIfNeeded: near.trailingZeroBitCount) }
    return smallestFurther(word &+ 1)
  }

  @inline(__always)
  private func smallestFurther(_ first: UInt32) -> UInt32 {
    var word = first
    while word < Self.bitWords {
      if words[word] != 0 {
        return word << 6 | UInt32(truncatingIfNeeded: words[word].trailingZeroBitCount)
      }
      word &+= 1
    }
    return 0
  }

  /// The largest size up to `size`, or 0.
  @inline(__always)
  func largest(upTo size: UInt32) -> UInt32 {
    var word = size >> 6
    var bits = words[word] & (~0 &>> UInt64(63 &- (size & 63)))
    while bits == 0 {
      if word == 0 { return 0 }
      word &-= 1
      bits = words[word]
    }
    return word << 6 | 63 &- UInt32(truncatingIfNeeded: bits.leadingZeroBitCount)
  }

  var largest: UInt32 { largest(upTo: Self.sizeCount - 1) }
}
