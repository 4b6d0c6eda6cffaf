/// Reads choices from fuzzed bytes; at their end every choice is 0.
struct FuzzInput {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isEmpty: Bool { position == bytes.count }

  mutating func byte() -> Int {
    guard position < bytes.count else { return 0 }
    defer { position += 1 }
    return Int(bytes[position])
  }

  /// 16 bits, low byte first.
  mutating func short() -> Int { byte() | byte() << 8 }

  mutating func word() -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(byte()) << UInt64($1 * 8) }
  }

  /// One of `choices`.
  mutating func pick<T>(_ choices: [T]) -> T { choices[byte() % choices.count] }

  /// Up to `count` bytes, fewer at the end.
  mutating func take(_ count: Int) -> ArraySlice<UInt8> {
    defer { position = min(bytes.count, position + count) }
    return bytes[position..<min(bytes.count, position + count)]
  }
}
