/// A hash table from ids to small numbers, for the tables that every line of a capture looks into.
///
/// Choose it over a dictionary where keys are numbers of a capture's own counting: it spends a
/// multiplication on a key instead of a keyed hash. Open addressing, at most half full.
struct NumberTable: Sendable {
  private struct Entry {
    var key: UInt64
    /// Negative where the entry is free.
    var value: Int
  }

  private static let free = Entry(key: 0, value: -1)
  // INVARIANT: a power of two, more than half of it free; from where a key's hash points to the
  // key's entry no entry is free.
  private var entries: [Entry]
  private(set) var count = 0

  init() { entries = Array(repeating: Self.free, count: 64) }

  /// The key's number, which is not negative; nil takes it out.
  subscript(key: UInt64) -> Int? {
    get {
      let value = entries[index(of: key)].value
      return value < 0 ? nil : value
    }
    set {
      if let newValue { insert(key, newValue) } else { remove(key) }
    }
  }

  subscript(key: UInt32) -> Int? {
    get { self[UInt64(key)] }
    set { self[UInt64(key)] = newValue }
  }

  subscript(key: Int32) -> Int? {
    get { self[UInt64(UInt32(bitPattern: key))] }
    set { self[UInt64(UInt32(bitPattern: key))] = newValue }
  }

  private func home(_ key: UInt64) -> Int {
    // 2^64 divided by the golden ratio: keys that follow each other end up far apart.
    Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & (entries.count - 1)
  }

  /// Where the key is, or the free entry where it would be.
  private func index(of key: UInt64) -> Int {
    var index = home(key)
    while entries[index].value >= 0, entries[index].key != key {
      index = (index + 1) & (entries.count - 1)
    }
    return index
  }

  private mutating func insert(_ key: UInt64, _ value: Int) {
    precondition(value >= 0)
    var index = index(of: key)
    if entries[index].value < 0 {
      count += 1
      if count * 2 > entries.count {
        grow()
        index = self.index(of: key)
      }
    }
    entries[index] = Entry(key: key, value: value)
  }

  private mutating func remove(_ key: UInt64) {
    var hole = index(of: key)
    guard entries[hole].value >= 0 else { return }
    count -= 1
    let mask = entries.count - 1
    var index = (hole + 1) & mask
    while entries[index].value >= 0 {
      // What may not be before its home stays; the others move up, one after the other.
      if (index - home(entries[index].key)) & mask >= (index - hole) & mask {
        entries[hole] = entries[index]
        hole = index
      }
      index = (index + 1) & mask
    }
    entries[hole] = Self.free
  }

  private mutating func grow() {
    let old = entries
    entries = Array(repeating: Self.free, count: old.count * 2)
    for entry in old where entry.value >= 0 { entries[index(of: entry.key)] = entry }
  }
}
